/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/diff/world.h"

#include <inttypes.h>
#include <string.h>

#define COMING 3u	/* id of the slot that comes and goes */

static uint32_t access_kind(uint64_t bits)
{
	static const uint32_t kind[16] = {
		GNOMON_READ | GNOMON_USER, GNOMON_READ | GNOMON_USER,
		GNOMON_READ | GNOMON_USER, GNOMON_READ | GNOMON_USER,
		GNOMON_WRITE | GNOMON_USER, GNOMON_WRITE | GNOMON_USER,
		GNOMON_WRITE | GNOMON_USER, GNOMON_EXEC | GNOMON_USER,
		GNOMON_EXEC | GNOMON_USER, GNOMON_READ, GNOMON_READ,
		GNOMON_WRITE, GNOMON_WRITE, GNOMON_WRITE, GNOMON_EXEC,
		GNOMON_WRITE | GNOMON_IMPLICIT,
	};

	return kind[bits & 15];
}

static void exec_access(struct world *w, const struct op *op)
{
	static const uint8_t size[8] = { 8, 8, 8, 8, 4, 4, 2, 1 };
	unsigned bytes = size[op->b & 7];
	uint64_t gva = world_gva(w, op->a);

	if (op->vcpu >= DIFF_VCPUS || !ref_canonical(&w->regs[op->vcpu], gva)) {
		return;
	}
	/* Halves and bytes go anywhere in the entry. */
	gva += op->b >> 3 & 7 & ~(bytes - 1);
	world_access(w, op->vcpu, gva, access_kind(op->b >> 8), bytes,
		     world_mix(op->b));
}

static uint64_t entry_offset(const struct world *w, unsigned table,
			     uint64_t bits)
{
	return world_index(w, w->role[table], bits) * world_entry_bytes(w);
}

static void exec_store(struct world *w, const struct op *op)
{
	unsigned t = op->a & (DIFF_TABLES - 1);
	unsigned bytes = world_entry_bytes(w);
	uint64_t offset = entry_offset(w, t, op->a >> 8);

	if ((op->a >> 16 & 7) == 0) {
		unsigned part = 1u << (op->a >> 20 & 1 ? 2 : 0);

		offset += op->a >> 24 & (bytes - 1) & ~(part - 1);
		bytes = part;
	}
	world_access(w, op->vcpu, world_direct_gva(w, t, offset),
		     GNOMON_WRITE, bytes, op->b);
}

static void dma(struct world *w, uint64_t gpa, const void *data,
		unsigned bytes)
{
	uint64_t gfn = gpa >> 12;
	bool must = fh_writable(w->fh, gfn), may = fh_storable(w->fh, gfn);
	unsigned char before[4096];
	const unsigned char *at = fh_at(w->fh, gpa);

	history_touch(w, gfn);
	memcpy(before, at, bytes);
	enum gnomon_status s = gnomon_write(w->vm, NULL,
					    (gnomon_gpa_t){ gpa }, data,
					    bytes);

	if (s == GNOMON_OK ? memcmp(at, data, bytes) :
			     memcmp(at, before, bytes)) {
		world_fail(w, "write(%#" PRIx64 ", %u): %s, but memory says "
			   "otherwise", gpa, bytes, gnomon_status_text(s));
	}
	if (!w->slot_leaving && (s == GNOMON_OK ? !may : must)) {
		world_fail(w, "write(%#" PRIx64 ", %u): %s", gpa, bytes,
			   gnomon_status_text(s));
	}
	history_note(w, gpa, bytes);
}

static void exec_dma(struct world *w, const struct op *op)
{
	unsigned t = op->a & (DIFF_TABLES - 1);
	unsigned size = world_entry_bytes(w);
	uint64_t offset = entry_offset(w, t, op->a >> 8);
	unsigned count = (op->a >> 16 & 7) == 0 ? 3 : 1;
	unsigned char data[32];

	for (unsigned i = 0; i < count; i++) {
		uint64_t v = world_entry(w, w->role[t], world_mix(op->b + i),
					 op->b & 3);

		memcpy(data + i * size, &v, size);
	}
	if ((op->a >> 20 & 15) == 0) {
		/* Across entries, at any byte. */
		offset += op->a >> 24 & (size - 1);
	}
	unsigned bytes = count * size;

	if ((op->a >> 28 & 15) == 0) {
		bytes = 1 + (uint32_t)(op->a >> 32) % bytes;
	}
	if (offset + bytes > 4096) {
		bytes = (unsigned)(4096 - offset);
	}
	dma(w, (w->table[t] << 12) + offset, data, bytes);
}

static void exec_repair(struct world *w, const struct op *op)
{
	unsigned t = op->a & (DIFF_TABLES - 1);
	unsigned top = w->p.levels;
	uint64_t v = world_entry(w, w->role[t], op->b, true);

	if (t < DIFF_ROOTS && (op->a >> 8 & 1)) {
		v = w->direct[top - 1] << 12 | X86_PTE_P;
		v |= top == 3 ? 0 : X86_PTE_W | X86_PTE_A | X86_PTE_D;
		dma(w, (w->table[t] << 12) + 3 * world_entry_bytes(w), &v,
		    world_entry_bytes(w));
		return;
	}
	dma(w, (w->table[t] << 12) + entry_offset(w, t, op->a >> 8), &v,
	    world_entry_bytes(w));
}

/* Does this change of registers make the CPU read the PDPTEs? */
static bool reads_pdptes(const struct gnomon_regs *old,
			 const struct gnomon_regs *new, uint32_t flags)
{
	uint64_t cr4 = X86_CR4_PAE | X86_CR4_PGE | X86_CR4_PSE | X86_CR4_SMEP;

	return !(flags & GNOMON_SET_PDPTES) &&
	       ((flags & GNOMON_SET_CR3) ||
		((old->cr0 ^ new->cr0) & X86_CR0_PG) ||
		((old->cr4 ^ new->cr4) & cr4));
}

static void load_pdptes(const struct world *w, struct gnomon_regs *regs)
{
	uint64_t at = regs->cr3 & UINT64_C(0xffffffe0);

	for (unsigned i = 0; i < 4 && ref_levels(regs) == 3; i++) {
		regs->pdpte[i] = 0;
		if (fh_readable(w->fh, at >> 12)) {
			regs->pdpte[i] = fh_load(w->fh, at + 8 * i, 8);
		}
	}
}

bool world_set_regs(struct world *w, unsigned vcpu,
		    const struct gnomon_regs *regs, uint32_t flags)
{
	struct gnomon_regs next = *regs;
	struct gnomon_root root = { 0 };
	enum gnomon_status s;
	bool table = ref_levels(regs) != 3 ||
		     fh_readable(w->fh, regs->cr3 >> 12);

	if (reads_pdptes(&w->regs[vcpu], &next, flags)) {
		load_pdptes(w, &next);
	}
	for (unsigned i = 0; i < 32; i++) {
		fh_begin_load(w->fh, vcpu);
		s = gnomon_vcpu_set_regs(w->vcpu[vcpu], &next, flags, &root);
		fh_end_load(w->fh, s != GNOMON_OK || root.flush);
		if (s != GNOMON_NOMEM || w->fh->live_max == 0) {
			break;
		}
		w->n.nomem++;
		w->fh->live_max += 16;
	}
	bool legal = ref_regs_legal(&w->now.caps, &next);

	if (table && !w->slot_leaving &&
	    s != (legal ? GNOMON_OK : GNOMON_GP)) {
		world_fail(w, "set_regs(cr0 %#" PRIx64 " cr3 %#" PRIx64
			   " cr4 %#" PRIx64 " efer %#" PRIx64 "): %s, but %s",
			   next.cr0, next.cr3, next.cr4, next.efer,
			   gnomon_status_text(s),
			   legal ? "they are legal" : "they are not");
	}
	if (s != GNOMON_OK) {
		return false;
	}
	bool others = memcmp(w->regs[vcpu].pdpte, next.pdpte,
			     sizeof(next.pdpte)) != 0;

	w->regs[vcpu] = next;
	/* A MOV to CR4 may have loaded other PDPTEs: one more root. */
	if (others && !(flags & GNOMON_SET_CR3)) {
		times_cr3(w, vcpu, false);
	}
	hw_load_root(&w->cpu[vcpu], root);
	return true;
}

static void exec_full(struct world *w, unsigned vcpu)
{
	struct gnomon_regs regs = w->regs[vcpu];

	regs.cr4 ^= X86_CR4_PGE;
	bool off = world_set_regs(w, vcpu, &regs, 0);

	regs.cr4 ^= X86_CR4_PGE;
	if (off && !world_set_regs(w, vcpu, &regs, 0)) {
		world_fail(w, "CR4.PGE went off, but not on again");
	}
	if (off) {
		times_full(w, vcpu);
	}
}

static void exec_cr3(struct world *w, const struct op *op)
{
	struct gnomon_regs regs = w->regs[op->vcpu];

	regs.cr3 = w->table[op->a % DIFF_ROOTS] << 12;
	if ((op->a >> 8 & 63) == 0) {
		/* Any table, or no memory at all. */
		regs.cr3 = w->table[op->a >> 16 & (DIFF_TABLES - 1)] << 12;
	} else if ((op->a >> 8 & 127) == 1) {
		regs.cr3 = w->data[op->a >> 16 & (DIFF_DATA - 1)] << 12;
	}
	uint32_t flags = GNOMON_SET_CR3;

	if (regs.cr4 & X86_CR4_PCIDE) {
		regs.cr3 |= op->a >> 32 & (DIFF_PCIDS - 1);
		flags |= op->a >> 40 & 1 ? GNOMON_SET_NOFLUSH : 0;
	} else {
		regs.cr3 |= op->a >> 32 & 0x18;
	}
	if (world_set_regs(w, op->vcpu, &regs, flags)) {
		times_cr3(w, op->vcpu, !(flags & GNOMON_SET_NOFLUSH));
	}
}

static void exec_regs(struct world *w, const struct op *op)
{
	struct gnomon_regs regs = w->regs[op->vcpu];
	uint32_t has = w->p.features;

	switch (op->a & 7) {
	case 0: case 1:
		regs.cr0 ^= X86_CR0_WP;
		break;
	case 2:
		regs.cr4 ^= has & GNOMON_CAP_SMEP ? X86_CR4_SMEP : 0;
		break;
	case 3:
		/* Mostly off: with it a supervisor reaches little. */
		regs.cr4 &= ~X86_CR4_SMAP;
		if ((has & GNOMON_CAP_SMAP) && (op->b & 3) == 0) {
			regs.cr4 |= X86_CR4_SMAP;
		}
		break;
	case 4: case 5:
		regs.ac = !regs.ac;
		break;
	case 6:
		regs.pkru = has & GNOMON_CAP_PKU ?
			    (uint32_t)op->b & (uint32_t)(op->b >> 32) : 0;
		break;
	default:
		/* What NXE means to a cached entry is not said: flush. */
		regs.efer ^= w->p.levels >= 3 ? X86_EFER_NXE : 0;
		if (world_set_regs(w, op->vcpu, &regs, 0)) {
			exec_full(w, op->vcpu);
		}
		return;
	}
	world_set_regs(w, op->vcpu, &regs, 0);
}

static void slot_delete_step(struct world *w)
{
	uint32_t budget = w->slot_budget;
	enum gnomon_status s = gnomon_slot_delete(w->vm, COMING, &budget);

	if (s == GNOMON_OK) {
		fh_slot_forget(w->fh, COMING);
		w->slot_set = w->slot_leaving = false;
	} else if (s != GNOMON_MORE) {
		world_fail(w, "slot_delete: %s", gnomon_status_text(s));
	}
}

static void exec_slot(struct world *w, const struct op *op)
{
	if (w->slot_set) {
		w->slot_leaving = true;
		slot_delete_step(w);
	} else {
		world_slot_set(w, op->a);
	}
}

static void exec_translate(struct world *w, const struct op *op)
{
	uint64_t gva = op->b & 1 ? world_gva(w, op->a) :
		world_direct_gva(w, op->a & (DIFF_TABLES - 1), 0);
	uint32_t access = access_kind(op->b >> 8);
	struct gnomon_translation t = { 0 };
	struct ref_result r;

	if (!ref_canonical(&w->regs[op->vcpu], gva)) {
		return;
	}
	ref_walk(&w->now, &w->regs[op->vcpu], gva, access, &r);
	enum gnomon_status s = gnomon_translate(w->vcpu[op->vcpu],
			(gnomon_gva_t){ gva }, access, 0, &t);

	if (w->slot_leaving) {
		return;
	}
	if (s != r.status ||
	    (s == GNOMON_OK && (t.gpa.v != r.gpa ||
				t.page_shift != r.shift)) ||
	    (s == GNOMON_FAULT && t.error_code != r.code)) {
		world_fail(w, "translate(%#" PRIx64 ", %#x): %s %#" PRIx64
			   " code %#x; the tables say %s %#" PRIx64
			   " code %#x", gva, access, gnomon_status_text(s),
			   t.gpa.v, t.error_code,
			   gnomon_status_text(r.status), r.gpa, r.code);
	}
}

static void exec_bad_regs(struct world *w, const struct op *op)
{
	struct gnomon_regs regs = w->regs[op->vcpu];

	switch (op->a & 3) {
	case 0:
		regs.cr0 &= ~X86_CR0_PE;
		break;
	case 1:
		regs.cr3 |= UINT64_C(1) << 62;
		break;
	case 2:
		regs.cr4 &= ~X86_CR4_PAE;
		break;
	default:
		regs.cr3 |= UINT64_C(1) << (w->p.maxphyaddr & 63);
		break;
	}
	if (!ref_regs_legal(&w->now.caps, &regs)) {
		world_set_regs(w, op->vcpu, &regs, 0);
	}
}

static void exec_paging(struct world *w, const struct op *op)
{
	struct gnomon_regs regs = w->regs[op->vcpu];

	/* Only guests without LMA may: long mode needs more steps. */
	if (w->p.levels >= 4) {
		return;
	}
	regs.cr0 ^= X86_CR0_PG;
	if (world_set_regs(w, op->vcpu, &regs,
			   regs.cr0 & X86_CR0_PG ? GNOMON_SET_CR3 : 0)) {
		times_full(w, op->vcpu);
	}
}

void world_step(struct world *w, const struct op *op)
{
	switch ((enum op_kind)op->kind) {
	case OP_ACCESS:
		exec_access(w, op);
		break;
	case OP_STORE:
		exec_store(w, op);
		break;
	case OP_DMA:
		exec_dma(w, op);
		break;
	case OP_INVLPG:
		world_invlpg(w, op);
		break;
	case OP_CR3:
		exec_cr3(w, op);
		break;
	case OP_FULL:
		exec_full(w, op->vcpu);
		break;
	case OP_REGS:
		exec_regs(w, op);
		break;
	case OP_SLOT:
		exec_slot(w, op);
		break;
	case OP_TRANSLATE:
		exec_translate(w, op);
		break;
	case OP_BAD_REGS:
		exec_bad_regs(w, op);
		break;
	case OP_REPAIR:
		exec_repair(w, op);
		break;
	case OP_PAGING:
		exec_paging(w, op);
		break;
	case OP_MEMORY:
		if (w->p.live_max) {
			w->fh->live_max = w->fh->live[0] + w->fh->live[1] +
					  (op->a & 15);
		}
		break;
	case OP_CHANGE:
	case OP_ZAP:
	case OP_LOG:
	case OP_RANGE:
		host_exec(w, op);
		break;
	case OP_KINDS:
		break;
	}
}

/* The log and the roots must reach back to every vcpu's last full flush. */
static void guard_log(struct world *w)
{
	uint64_t oldest;

	for (unsigned i = 0; i < DIFF_VCPUS; i++) {
		if (w->times[i].seen_count + 4 > DIFF_CR3S) {
			exec_full(w, i);
		}
	}
	if (w->log_next < DIFF_LOG / 2) {
		return;
	}
	oldest = w->log[(w->log_next - DIFF_LOG / 2) % DIFF_LOG].until;
	for (unsigned i = 0; i < DIFF_VCPUS; i++) {
		if (w->times[i].full < oldest) {
			exec_full(w, i);
		}
	}
}

static void audit(struct world *w)
{
	struct gnomon_audit report = { 0 };

	if (gnomon_audit(w->vm, GNOMON_AUDIT_FULL, &report) != GNOMON_OK) {
		world_fail(w, "audit: %s, at %#" PRIx64 " and %#" PRIx64,
			   report.rule ? report.rule : "?", report.a,
			   report.b);
	}
	history_check(w);
}

void world_check(struct world *w)
{
	audit(w);
	for (unsigned i = 0; i < DIFF_VCPUS && !w->failed; i++) {
		judge_scan(w, i);
	}
	if (w->fh->errors) {
		world_fail(w, "%s", w->fh->error);
	}
}

void world_exec(struct world *w, const struct op *op)
{
	w->n.ops++;
	if (!(w->p.skip >> op->kind & 1)) {
		world_step(w, op);
	}
	if (w->slot_leaving && op->kind != OP_SLOT && (w->n.ops & 3) == 0) {
		slot_delete_step(w);
	}
	guard_log(w);
	if (w->p.audit_every && w->n.ops % w->p.audit_every == 0) {
		audit(w);
	}
	if (w->p.scan_every && w->n.ops % w->p.scan_every == 0) {
		judge_scan(w, op->vcpu);
	}
	if (w->fh->errors) {
		world_fail(w, "%s", w->fh->error);
	}
}

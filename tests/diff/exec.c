/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/diff/host.h"

#include <inttypes.h>
#include <string.h>

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

/* As a guest's handler of page faults would: mend the entry at fault. */
static void page_in(struct world *w, unsigned vcpu, uint64_t gva,
		    uint32_t access, uint64_t bits)
{
	unsigned levels = ref_levels(&w->regs[vcpu]);
	struct ref_result r;

	world_view(w, vcpu);
	ref_walk(&w->now, &w->regs[vcpu], gva, access, &r);
	if (r.status == GNOMON_OK || r.steps == 0 || w->failed) {
		return;
	}
	const struct ref_step *last = &r.step[r.steps - 1];
	unsigned level = (levels == 3 ? 2 : levels) - (r.steps - 1u);
	uint64_t v = world_entry(w, levels, level, bits, true);

	/* What the tables forbid is mostly meant so. */
	if ((r.code & (X86_PF_P | X86_PF_RSVD)) != X86_PF_P || (bits & 1)) {
		dma(w, last->gpa, &v, last->bytes);
	}
}

static void exec_access(struct world *w, const struct op *op)
{
	static const uint8_t size[8] = { 8, 8, 8, 8, 4, 4, 2, 1 };
	unsigned bytes = size[op->b & 7];
	uint64_t gva = world_gva(w, op->vcpu, op->a);

	if (!ref_canonical(&w->regs[op->vcpu], gva)) {
		return;
	}
	/* Halves and bytes go anywhere in the entry. */
	gva += op->b >> 3 & 7 & ~(bytes - 1);
	if (world_access(w, op->vcpu, gva, access_kind(op->b >> 8), bytes,
			 world_mix(op->b)) && (op->b & 0x70000) == 0) {
		page_in(w, op->vcpu, gva, access_kind(op->b >> 8),
			world_mix(op->a));
	}
}

static void exec_cross(struct world *w, const struct op *op)
{
	unsigned bytes = 2 + (unsigned)(op->b % 7);
	uint64_t gva = world_gva(w, op->vcpu, op->a) | 0xfff;
	uint32_t kind = GNOMON_WRITE | (op->b >> 8 & 3 ? GNOMON_USER : 0);

	if (op->b >> 40 & 1) {
		uint64_t code = world_gva(w, op->vcpu, op->b);

		gva = op->b >> 41 & 1 ? gva & ~UINT64_C(7) :
			world_direct_gva(w, op->vcpu, op->a & 31,
					 op->a >> 16 & 0xff8);
		if (ref_canonical(&w->regs[op->vcpu], gva) &&
		    ref_canonical(&w->regs[op->vcpu], code)) {
			world_code(w, op->vcpu, code, gva, kind,
				   world_mix(op->b));
		}
		return;
	}
	gva -= (op->b >> 16) % (bytes - 1);
	if (ref_canonical(&w->regs[op->vcpu], gva) &&
	    ref_canonical(&w->regs[op->vcpu], gva + bytes - 1)) {
		world_cross(w, op->vcpu, gva, kind, bytes, world_mix(op->b));
	}
}

static uint64_t entry_offset(const struct world *w, unsigned table,
			     uint64_t bits)
{
	return world_index(w->p.levels, w->role[table], bits) *
	       world_entry_bytes(w->p.levels);
}

static void exec_store(struct world *w, const struct op *op)
{
	unsigned t = op->a & (DIFF_TABLES - 1);
	unsigned bytes = world_entry_bytes(w->p.levels);
	uint64_t offset = entry_offset(w, t, op->a >> 8);

	if ((op->a >> 16 & 7) == 0) {
		unsigned part = 1u << (op->a >> 20 & 1 ? 2 : 0);

		offset += op->a >> 24 & (bytes - 1) & ~(part - 1);
		bytes = part;
	}
	uint64_t gva = world_direct_gva(w, op->vcpu, t, offset);

	if (ref_canonical(&w->regs[op->vcpu], gva)) {
		world_access(w, op->vcpu, gva, GNOMON_WRITE, bytes, op->b);
	}
}

static void exec_dma(struct world *w, const struct op *op)
{
	unsigned t = op->a & (DIFF_TABLES - 1);
	unsigned size = world_entry_bytes(w->p.levels);
	uint64_t offset = entry_offset(w, t, op->a >> 8);
	unsigned count = (op->a >> 16 & 7) == 0 ? 3 : 1;
	unsigned char data[32];

	for (unsigned i = 0; i < count; i++) {
		uint64_t v = world_entry(w, w->p.levels, w->role[t],
					 world_mix(op->b + i), op->b & 7);

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
	uint64_t gfn = w->table[t];

	/* A device may mean what only SMM shows. */
	if (world_in_smm(w, gfn) && (op->b >> 40 & 1)) {
		gfn += GNOMON_SMM_GFN;
	}
	dma(w, (gfn << 12) + offset, data, bytes);
}

static void exec_repair(struct world *w, const struct op *op)
{
	unsigned t = op->a & (DIFF_TABLES - 1);
	unsigned top = w->p.levels, bytes = world_entry_bytes(top);
	uint64_t v = world_entry(w, top, w->role[t], op->b, true);

	if (t < DIFF_ROOTS && (op->a >> 8 & 1)) {
		v = w->direct[top - 1] << 12 | X86_PTE_P;
		v |= top == 3 ? 0 : X86_PTE_W | X86_PTE_A | X86_PTE_D;
		dma(w, (w->table[t] << 12) + 3 * bytes, &v, bytes);
		return;
	}
	dma(w, (w->table[t] << 12) + entry_offset(w, t, op->a >> 8), &v,
	    world_entry_bytes(w->p.levels));
}

static void exec_translate(struct world *w, const struct op *op)
{
	uint64_t gva = op->b & 1 ? world_gva(w, op->vcpu, op->a) :
		world_direct_gva(w, op->vcpu, op->a & (DIFF_TABLES - 1), 0);
	uint32_t access = access_kind(op->b >> 8);
	struct gnomon_translation t = { 0 };
	struct ref_result r;

	if (!ref_canonical(&w->regs[op->vcpu], gva)) {
		return;
	}
	world_view(w, op->vcpu);
	ref_walk(&w->now, &w->regs[op->vcpu], gva, access, &r);
	enum gnomon_status s = gnomon_translate(w->vcpu[op->vcpu],
			(gnomon_gva_t){ gva }, access, 0, &t);

	if (w->slot_leaving) {
		return;
	}
	if (s != r.status ||
	    (s == GNOMON_OK && (t.gpa.v != r.seen ||
				t.page_shift != r.shift)) ||
	    (s == GNOMON_FAULT && t.error_code != r.code)) {
		world_fail(w, "translate(%#" PRIx64 ", %#x): %s %#" PRIx64
			   " code %#x; the tables say %s %#" PRIx64
			   " code %#x", gva, access, gnomon_status_text(s),
			   t.gpa.v, t.error_code,
			   gnomon_status_text(r.status), r.seen, r.code);
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
	case OP_FULL:
		world_full(w, op->vcpu);
		break;
	case OP_CR3:
	case OP_REGS:
	case OP_BAD_REGS:
	case OP_PAGING:
	case OP_PCIDE:
	case OP_SMM:
		world_regs(w, op);
		break;
	case OP_CROSS:
		exec_cross(w, op);
		break;
	case OP_MODE:
		world_switch(w, op);
		break;
	case OP_TABLE:
		world_table(w, op);
		break;
	case OP_RAW:
		world_raw(w, op);
		break;
	case OP_SLOT:
		world_slot(w, op);
		break;
	case OP_TRANSLATE:
		exec_translate(w, op);
		break;
	case OP_REPAIR:
		exec_repair(w, op);
		break;
	case OP_MEMORY:
	case OP_CHANGE:
	case OP_ZAP:
	case OP_LOG:
	case OP_RANGE:
	case OP_WATCH:
	case OP_AHEAD:
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
			world_full(w, i);
		}
	}
	if (w->log_next < DIFF_LOG / 2) {
		return;
	}
	oldest = w->log[(w->log_next - DIFF_LOG / 2) % DIFF_LOG].until;
	for (unsigned i = 0; i < DIFF_VCPUS; i++) {
		if (w->times[i].full < oldest) {
			world_full(w, i);
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
	if (w->raw_bytes) {
		raw_notify(w, 0);
	}
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
		world_slot_step(w);
	}
	if (w->raw_bytes && w->n.ops - w->raw_since > 40) {
		raw_notify(w, w->n.ops);
	}
	if ((w->n.ops & 15) == 0) {
		log_ring(w);
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

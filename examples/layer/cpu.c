/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>
#include <string.h>

#include "layer.h"

/* ---- the CPU ------------------------------------------------------------ */

static void drop_all(struct cpu *c)
{
	memset(c->tlb, 0, sizeof(c->tlb));
}

void flush(void *ctx, const struct gnomon_flush *f)
{
	(void)ctx;
	for (unsigned i = 0; i < VCPUS; i++) {
		struct cpu *c = &cpus[i];

		for (unsigned t = 0; t < TLB_ENTRIES; t++) {
			uint64_t at = c->tlb[t].page << 12;

			if ((f->vcpus & BIT(i)) &&
			    (!f->bytes || f->nested ||
			     at - f->start.v < f->bytes)) {
				c->tlb[t].valid = false;
			}
		}
	}
}

/* Where an address of ours lies; no table of ours leads elsewhere. */
static uint64_t *host_page(uint64_t hpa)
{
	uint64_t n = hpa >> 12;

	if (n - RAM_AT < RAM_FRAMES) {
		return (uint64_t *)(void *)ram[n - RAM_AT];
	}
	if (n - POOL_AT < POOL_PAGES) {
		return (uint64_t *)(void *)pool[n - POOL_AT];
	}
	must(false, "a table leads out of our memory");
	abort();
}

static unsigned index_at(uint64_t address, unsigned level)
{
	return (unsigned)(address >> (12 + 9 * (level - 1)) & 511);
}

/* Four levels of our own tables; *leaf is the last entry. */
static bool walk_ours(uint64_t table, uint64_t address, uint64_t *leaf,
		      uint64_t *rights)
{
	*rights = P | W | U;
	for (unsigned level = 4; level > 0; level--) {
		*leaf = host_page(table)[index_at(address, level)];
		*rights &= *leaf;
		if (!(*leaf & P)) {
			return false;
		}
		table = *leaf & ADDRESS;
	}
	return true;
}

/* Through the nested table; false and *f: the violation. */
static bool nested_page(const struct cpu *c, uint64_t gpa, bool write,
			bool table_walk, uint64_t *hpa, struct gnomon_fault *f)
{
	uint64_t leaf, rights;

	if (walk_ours(c->root.ncr3.v, gpa, &leaf, &rights) &&
	    (!write || (rights & W))) {
		*hpa = leaf & ADDRESS;
		return true;
	}
	f->nested = true;
	f->gpa.v = gpa;
	f->table_walk = table_walk;
	f->access = write ? GNOMON_WRITE : GNOMON_READ;
	return false;
}

enum end { DONE, LEFT, FAULTED };

/* The CPU's walk in nested mode: the guest's tables, each through ours. */
static enum end walk_nested(struct cpu *c, uint64_t gva, bool write,
			    struct translation *t, struct gnomon_fault *f)
{
	uint64_t table = c->regs.cr3, hpa, rights = P | W;
	uint64_t *entry = NULL;

	for (unsigned level = 4; level > 0; level--) {
		/* As a write: the CPU sets A and D. */
		if (!nested_page(c, table + 8 * index_at(gva, level), true,
				 true, &hpa, f)) {
			return LEFT;
		}
		entry = &host_page(hpa)[index_at(gva, level)];
		rights &= *entry;
		if (!(rights & P) || (level == 1 && write && !(rights & W))) {
			c->error_code = (uint32_t)(rights & P) |
					(write ? 2u : 0u);
			return FAULTED;
		}
		table = *entry & ADDRESS;
		*entry |= level == 1 && write ? A | D : A;
	}
	t->write = write && (rights & W);
	if (!nested_page(c, table | (gva & 4095), write, false, &hpa, f)) {
		return LEFT;
	}
	t->frame = hpa >> 12;
	return DONE;
}

static enum end walk(struct cpu *c, uint64_t gva, bool write,
		     struct translation *t, struct gnomon_fault *f)
{
	uint64_t leaf, rights;

	if (c->root.ncr3.v) {
		return walk_nested(c, gva, write, t, f);
	}
	if (!walk_ours(c->root.cr3.v, gva, &leaf, &rights) ||
	    (write && !(rights & W))) {
		f->gva.v = gva;
		f->access = write ? GNOMON_WRITE : GNOMON_READ;
		return LEFT;
	}
	t->write = (rights & W) != 0;
	t->frame = (leaf & ADDRESS) >> 12;
	return DONE;
}

void enter(struct cpu *c, struct gnomon_root root)
{
	c->root = root;
	if (root.flush || root.flush_global) {
		drop_all(c);
	}
}

/* ---- exits -------------------------------------------------------------- */

/* FAULTED: the guest has its #PF; DONE: the access was made; LEFT: again. */
static enum end leave(struct cpu *c, const struct gnomon_fault *f, bool write,
		      uint64_t *value)
{
	struct gnomon_outcome out;
	enum gnomon_status status;

	exits++;
	gnomon_fault(c->vcpu, f, &out);
	if (out.root_changed) {
		enter(c, gnomon_vcpu_root(c->vcpu));
	}
	switch (out.action) {
	case GNOMON_RESUME:
		return LEFT;
	case GNOMON_INJECT:
		c->error_code = out.error_code;
		return FAULTED;
	case GNOMON_EMULATE:
		status = gnomon_write(vm, c->vcpu, out.gpa, value, 8);
		must(status == GNOMON_OK, "an emulated store failed");
		return DONE;
	case GNOMON_DO_MMIO:
		must(out.gpa.v >> 12 == DEVICE_GPA >> 12, "another device");
		*(write ? &device_register : value) =
			write ? *value : device_register;
		return DONE;
	case GNOMON_RETRY:
		fetch(out.gpa);
		return LEFT;
	case GNOMON_TRACKED:	/* nothing is watched here */
	case GNOMON_STOP_NOMEM:	/* the pool is large enough */
	case GNOMON_STOP_BUG:
		break;
	}
	must(false, "the engine has stopped");
	return FAULTED;
}

/* One instruction of the guest: a load or a store of 8 bytes. */
bool access_memory(struct cpu *c, uint64_t gva, bool write, uint64_t *value)
{
	for (unsigned i = 0; i < TLB_ENTRIES; i++) {
		struct translation *t = &c->tlb[i];

		if (t->valid && t->page == gva >> 12 && t->write >= write) {
			uint64_t *at = host_page(t->frame << 12) +
				       (gva & 4095) / 8;
			*(write ? at : value) = write ? *value : *at;
			return true;
		}
	}
	for (unsigned i = 0; i < 32; i++) {
		struct translation t;
		struct gnomon_fault f;
		enum end end;

		memset(&t, 0, sizeof(t));
		memset(&f, 0, sizeof(f));
		end = walk(c, gva, write, &t, &f);
		if (end == DONE) {
			t.valid = true;
			t.page = gva >> 12;
			c->tlb[c->next++ % TLB_ENTRIES] = t;
			return access_memory(c, gva, write, value);
		}
		if (end == LEFT) {
			end = leave(c, &f, write, value);
		}
		if (end != LEFT) {
			return end == DONE;
		}
	}
	must(false, "no progress");
	return false;
}

/* INVLPG leaves the guest on shadow tables; on nested ones the CPU does it. */
void invlpg(struct cpu *c, uint64_t gva)
{
	if (!c->root.ncr3.v) {
		gnomon_gva_t at = { gva };

		exits++;
		gnomon_invlpg(c->vcpu, at);
		return;
	}
	for (unsigned i = 0; i < TLB_ENTRIES; i++) {
		c->tlb[i].valid &= c->tlb[i].page != gva >> 12;
	}
}

void load_cr3(struct cpu *c, uint64_t cr3)
{
	struct gnomon_root root = c->root;

	c->regs.cr3 = cr3;
	if (!root.cr3_exits) {
		c->root.cr3.v = cr3;
		drop_all(c);
		return;
	}
	exits++;
	must(gnomon_vcpu_set_regs(c->vcpu, &c->regs, GNOMON_SET_CR3, &root) ==
	     GNOMON_OK, "MOV to CR3");
	enter(c, root);
}


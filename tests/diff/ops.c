/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/diff/world.h"

#include <inttypes.h>

uint64_t world_mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
	x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
	return x ^ (x >> 31);
}

/* Of 1024 operations. */
static const uint16_t weight[OP_KINDS] = {
	[OP_ACCESS] = 762,
	[OP_STORE] = 52,
	[OP_DMA] = 20,
	[OP_INVLPG] = 44,
	[OP_CR3] = 34,
	[OP_FULL] = 4,
	[OP_REGS] = 7,
	[OP_SLOT] = 6,
	[OP_TRANSLATE] = 12,
	[OP_BAD_REGS] = 1,
	[OP_REPAIR] = 29,
	[OP_PAGING] = 2,
	[OP_MEMORY] = 1,
	[OP_CHANGE] = 5,
	[OP_ZAP] = 1,
	[OP_LOG] = 3,
	[OP_RANGE] = 1,
	[OP_CROSS] = 12,
	[OP_RAW] = 3,
	[OP_WATCH] = 3,
	[OP_PCIDE] = 1,
	[OP_MODE] = 2,
	[OP_AHEAD] = 2,
	[OP_SMM] = 5,
	[OP_TABLE] = 12,
};

static const char *const name[OP_KINDS] = {
	"OP_ACCESS", "OP_STORE", "OP_DMA", "OP_INVLPG", "OP_CR3", "OP_FULL",
	"OP_REGS", "OP_SLOT", "OP_TRANSLATE", "OP_BAD_REGS", "OP_REPAIR",
	"OP_PAGING", "OP_MEMORY", "OP_CHANGE", "OP_ZAP", "OP_LOG", "OP_RANGE",
	"OP_CROSS", "OP_RAW", "OP_WATCH", "OP_PCIDE",
	"OP_MODE", "OP_AHEAD", "OP_SMM", "OP_TABLE",
};

struct op diff_op(const struct diff_params *p, uint64_t number)
{
	uint64_t r = world_mix(p->seed ^ number * 0xd1342543de82ef95);
	unsigned at = r & 1023;
	struct op op = { .vcpu = r >> 10 & 1 };

	while (at >= weight[op.kind]) {
		at -= weight[op.kind++];
	}
	op.a = world_mix(r);
	op.b = world_mix(op.a);
	return op;
}

void diff_print_op(FILE *f, const struct op *op)
{
	fprintf(f, "\t{ %s, %u, 0x%" PRIx64 ", 0x%" PRIx64 " },\n",
		name[op->kind], op->vcpu, op->a, op->b);
}

void diff_print_params(FILE *f, const struct diff_params *p)
{
	fprintf(f, "\t.seed = 0x%" PRIx64 ", .mode = %u, .levels = %u,\n"
		"\t.modes = %u, .walks_write = %u,\n"
		"\t.nested_format = %u, .maxphyaddr = %u,\n"
		"\t.windows = %u, .big = %u, .alias = %u, .smm = %u,\n"
		"\t.nested_around = %u,\n"
		"\t.options = 0x%x, .features = 0x%x,\n"
		"\t.table_pages_max = %u, .live_max = %u,\n"
		"\t.audit_every = %u, .scan_every = %u,\n"
		"\t.skip = 0x%x, .slots_out = 0x%x,\n",
		p->seed, p->mode, p->levels, p->modes, p->walks_write,
		p->nested_format, p->maxphyaddr,
		p->windows, p->big, p->alias, p->smm, p->nested_around,
		p->options, p->features, p->table_pages_max, p->live_max,
		p->audit_every, p->scan_every, p->skip, p->slots_out);
}

/* ---- addresses and entries ---------------------------------------------- */

unsigned world_entry_bytes(unsigned levels)
{
	return levels == 2 ? 4 : 8;
}

/* Few indices, so that accesses and changes meet. 3 is the direct map's. */
unsigned world_index(unsigned levels, unsigned level, uint64_t bits)
{
	static const uint16_t nine[4] = { 0, 1, 2, 511 };
	static const uint16_t ten[4] = { 0, 1, 512, 1023 };

	if (levels == 3 && level == 3) {
		return (unsigned)(bits % 3);
	}
	return levels == 2 ? ten[bits & 3] : nine[bits & 3];
}

static unsigned level_shift(unsigned levels, unsigned level)
{
	return 12 + (levels == 2 ? 10 : 9) * (level - 1);
}

static uint64_t sign_extend(unsigned levels, uint64_t gva)
{
	unsigned top = level_shift(levels, levels + 1) - 1;

	if (levels >= 4 && (gva >> top & 1)) {
		gva |= ~UINT64_C(0) << top;
	}
	return gva;
}

uint64_t world_gva(const struct world *w, unsigned vcpu, uint64_t bits)
{
	unsigned levels = ref_levels(&w->regs[vcpu]);
	uint64_t gva = bits >> 16 & 0xff8;

	if (levels == 0) {
		return gva | (bits & 1 ? w->table[bits >> 1 & 31] :
					 w->data[bits >> 1 & 31]) << 12;
	}
	/* Most stay in a corner, where what is cached gets used again. */
	if (bits >> 48 & 3) {
		bits &= 0x155;
	}
	for (unsigned l = 1; l <= levels; l++, bits >>= 2) {
		gva |= (uint64_t)world_index(levels, l, bits) <<
		       level_shift(levels, l);
	}
	return sign_extend(levels, gva);
}

uint64_t world_direct_gva(const struct world *w, unsigned vcpu,
			  unsigned table, uint64_t offset)
{
	unsigned levels = ref_levels(&w->regs[vcpu]);
	uint64_t gva = (uint64_t)(8 + table) << 12 | offset;

	for (unsigned l = 2; l <= levels; l++) {
		gva |= UINT64_C(3) << level_shift(levels, l);
	}
	return levels == 0 ? w->table[table] << 12 | offset : gva;
}

unsigned world_table_in(const struct world *w, uint64_t gfn)
{
	unsigned i = 0;

	while (i < DIFF_TABLES && w->table[i] != gfn) {
		i++;
	}
	return i;
}

/* Where the entry points; *large: a block that PS fits. */
static uint64_t target(const struct world *w, unsigned levels, unsigned level,
		       uint64_t bits, bool sane, bool *large)
{
	static const uint16_t block[] = { 1024, 1536, 2048, 2560, 2048, 0,
					  1024, 4096 };
	uint64_t pick = bits & 255;

	*large = pick >= (level == 2 ? 220 : 246) && level >= 2 && level <= 3 &&
		 !(levels == 3 && level == 3);
	if (*large && level == 3) {
		return w->p.big && (pick & 1) ? FH_BIG_FIRST : 0;
	}
	if (*large && w->p.smm && (bits >> 8 & 7) == 7 && levels > 2) {
		return DIFF_SMM_FIRST;
	}
	if (*large) {
		return w->p.big && pick > 250 ? FH_BIG_FIRST + 1024 :
			block[bits >> 8 & (levels == 2 ? 2 : 7)];
	}
	if (level > 1 && (sane || pick < 150)) {
		for (unsigned i = 0; i < DIFF_TABLES; i++) {
			unsigned t = (unsigned)(bits >> 8 & 255) + i;

			if (w->role[t % DIFF_TABLES] == level - 1) {
				return w->table[t % DIFF_TABLES];
			}
		}
	}
	if (pick < 70) {
		return w->table[bits >> 8 & (DIFF_TABLES - 1)];
	}
	return w->data[bits >> 8 & (DIFF_DATA - 1)];
}

uint64_t world_entry(const struct world *w, unsigned levels, unsigned level,
		     uint64_t bits, bool sane)
{
	bool large;
	uint64_t gfn = target(w, levels, level, bits, sane, &large);
	uint64_t f = world_mix(bits);

	if (w->p.alias && (f >> 56 & 3) == 0) {
		gfn += gfn < 256 ? DIFF_ALIAS_LOW :
		       gfn - 1024 < 2048 ? DIFF_ALIAS_LARGE - 1024 : 0;
	}
	uint64_t v = gfn << 12;
	bool pdpte = levels == 3 && level == 3;

	/* Mostly ones: three draws each. */
	v |= X86_PTE_P;
	if (pdpte) {
		return sane || (f & 15) ? v : v ^ (f >> 8 & 0x1ff);
	}
	v |= (f | f >> 8 | f >> 49) & (X86_PTE_W | X86_PTE_U | X86_PTE_A);
	v |= f >> 16 & (X86_PTE_D | X86_PTE_A | 0xe00);
	v |= (f >> 24 & 7) == 0 ? X86_PTE_G : 0;
	v |= (f >> 27 & 15) == 0 ? 0x18 : 0;
	v |= large ? X86_PTE_PS : 0;
	if (levels != 2 && (f >> 31 & (level == 1 ? 7 : 31)) == 0) {
		v |= X86_PTE_NX;
	}
	if (levels >= 4) {
		v |= (f >> 34 & 3) == 0 ? f & UINT64_C(0x7ff0000000000000) : 0;
	}
	if (sane) {
		return v | X86_PTE_W | X86_PTE_U;
	}
	switch (f >> 40 & 63) {
	case 0: case 1: case 2:
		return v & ~X86_PTE_P;
	case 3: case 4:
		return 0;
	case 7:	/* a reserved bit, or not */
		return v ^ UINT64_C(1) << (f >> 48 & 63);
	case 8: case 9:
		return v ^ X86_PTE_PS;
	case 10:	/* an address that is no RAM */
		return (v & 0xfff) | (f & UINT64_C(0x3ffff000));
	default:
		return v;
	}
}

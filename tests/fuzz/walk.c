/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The walker against the oracle, over raw table memory, registers and
 * accesses. An input is a struct input and then the memory, repeated until it
 * fills RAM. Each access is walked in every way that the engine walks, and
 * answer, error code, address, rights, trail and the entries afterwards must
 * be the oracle's.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guestpt/walk.h"
#include "sim/oracle.h"

enum {
	RAM_BYTES = 16 * 4096,
	/* options */
	FOLD = 1,	/* frames in entries are brought into RAM */
	HIGH = 2,	/* RAM lies at 1 TiB + 4 MiB, not at 0 */
	CALLBACK = 4,	/* no window: every access through the host */
	RAW_REGS = 8,	/* registers as they are, legal or not */
	PCIDE = 16,
};

struct input {
	uint8_t format;
	uint8_t options;
	uint8_t maxphyaddr;
	uint8_t features;
	uint16_t control;	/* WP SMEP SMAP PKE NXE PSE PGE AC */
	uint16_t root;
	uint32_t pkru;
	uint32_t spare;
	uint64_t gva;
	uint64_t gva_xor;	/* a second address */
};

struct guest {
	_Alignas(4096) unsigned char ram[RAM_BYTES];
	uint64_t base;
	struct gnomon_host host;
	struct gn_mem mem;
	struct gnomon_regs regs;
	struct gnomon_caps caps;
	struct gn_gpt_ctx ctx;
	struct sim_oracle oracle;
};

static struct guest g, pristine;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* ---- guest memory ---- */

static void *cell(uint64_t gpa, unsigned bytes)
{
	uint64_t at = gpa - g.base;

	return at < RAM_BYTES && RAM_BYTES - at >= bytes ? g.ram + at : NULL;
}

static bool oracle_read(void *arg, uint64_t gpa, unsigned int bytes,
			uint64_t *value)
{
	const void *p = cell(gpa, bytes);

	(void)arg;
	*value = 0;
	if (p) {
		memcpy(value, p, bytes);
	}
	return p;
}

static enum gnomon_status host_load(void *arg, gnomon_gpa_t gpa,
				    unsigned bytes, uint64_t *value)
{
	return oracle_read(arg, gpa.v, bytes, value) ? GNOMON_OK
						     : GNOMON_ABSENT;
}

static enum gnomon_status host_cmpxchg(void *arg, gnomon_gpa_t gpa,
				       unsigned bytes, uint64_t *old,
				       uint64_t value)
{
	void *p = cell(gpa.v, bytes);
	uint64_t found = 0;

	(void)arg;
	if (!p) {
		return GNOMON_ABSENT;
	}
	memcpy(&found, p, bytes);
	if (found == *old) {
		memcpy(p, &value, bytes);
	}
	*old = found;
	return GNOMON_OK;
}

/* ---- from bytes to a guest ---- */

static void make_regs(const struct input *in)
{
	static const uint64_t cr4[] = { 0x20, 0x1020, 0x20, 0x00, 0x00 };
	unsigned f = in->format % 5;	/* long4 long5 pae 32bit off */
	unsigned c = in->control;
	bool lma = f < 2;

	g.regs = (struct gnomon_regs){
		.cr0 = (f == 4 ? 1 : 0x80000001) | (c & 1 ? 0x10000 : 0),
		.cr3 = (g.base + (in->root & 0xffff)) &
		       (f < 2 ? ~UINT64_C(0) : 0xffffffff),
		.cr4 = cr4[f] | (uint64_t)(c >> 1 & 7) << 20 |
		       (c & 32 ? 0x10 : 0) | (c & 64 ? 0x80 : 0) |
		       (lma && (in->options & PCIDE) ? 0x20000 : 0),
		.efer = (lma ? 0x500 : 0) | (c & 16 ? 0x800 : 0),
		.pkru = in->pkru,
	};
	g.caps = (struct gnomon_caps){
		.features = in->features & 1 ? 0x1ff : 0x1fd,
		.maxphyaddr = (uint8_t)(g.base ? 41 + in->maxphyaddr % 12
					       : 32 + in->maxphyaddr % 21),
	};
}

static void make_pdptes(void)
{
	uint64_t reserved = ~((UINT64_C(1) << g.caps.maxphyaddr) - 1) | 0x1e6;

	for (unsigned i = 0; i < 4; i++) {
		memcpy(&g.regs.pdpte[i], g.ram + 8 * i, 8);
		g.regs.pdpte[i] &= ~reserved;
	}
}

static void make_ram(const struct input *in, const uint8_t *bytes, size_t n)
{
	g.base = in->options & HIGH ? UINT64_C(0x10000400000) : 0;
	n = n < RAM_BYTES ? n : RAM_BYTES;
	if (n == 0) {
		memset(g.ram, 0, n = RAM_BYTES);
	} else {
		memcpy(g.ram, bytes, n);
	}
	for (size_t have = n, more; have < RAM_BYTES; have += more) {
		more = have < RAM_BYTES - have ? have : RAM_BYTES - have;
		memcpy(g.ram + have, g.ram, more);
	}
	for (size_t i = 0; (in->options & FOLD) && i < RAM_BYTES; i += 8) {
		const uint64_t frame = UINT64_C(0x000ffffffffff000);
		uint64_t gpte;

		memcpy(&gpte, g.ram + i, 8);
		/* Leaves need not point into RAM; their bits stay raw. */
		if (!(gpte & 0x80)) {
			gpte = (gpte & ~frame) | g.base | (gpte & 0xf000);
		}
		memcpy(g.ram + i, &gpte, 8);
	}
}

static bool make_guest(const struct input *in, const uint8_t *bytes, size_t n)
{
	make_ram(in, bytes, n);
	make_regs(in);
	make_pdptes();
	if (in->options & RAW_REGS) {
		memcpy(&g.regs, g.ram + 64, sizeof(g.regs) - 8);
	}
	g.host = (struct gnomon_host){ .size = sizeof(g.host),
				       .load = host_load,
				       .cmpxchg = host_cmpxchg };
	gn_mem_init(&g.mem, &g.host, NULL);
	gn_mem_add(&g.mem, &(struct gn_window){
		.gpa = g.base, .bytes = RAM_BYTES,
		.hva = in->options & CALLBACK ? NULL : g.ram,
		.writable = true });
	return gn_gpt_ctx_init(&g.ctx, &g.regs, &g.caps) == GNOMON_OK;
}

static void make_oracle(bool ac)
{
	g.oracle = (struct sim_oracle){
		.read = oracle_read,
		.cr0 = g.regs.cr0, .cr3 = g.regs.cr3, .cr4 = g.regs.cr4,
		.efer = g.regs.efer, .pkru = g.regs.pkru,
		.maxphyaddr = g.caps.maxphyaddr,
		.ac = ac,
		.no_pages_1g = !(g.caps.features & GNOMON_CAP_1G),
	};
	memcpy(g.oracle.pdpte, g.regs.pdpte, sizeof(g.oracle.pdpte));
	gn_gpt_ctx_set_ac(&g.ctx, ac);
}

/* ---- comparison ---- */

static void mismatch(const char *what, uint64_t gva, uint32_t access,
		     uint64_t ours, uint64_t oracle)
{
	fprintf(stderr, "walk: %s: %s, gva %#" PRIx64 ", access %u, ac %d: "
		"%#" PRIx64 ", the oracle says %#" PRIx64 "\n",
		g.ctx.format->name, what, gva, access, g.oracle.ac, ours,
		oracle);
	abort();
}

#define SAME(what, ours, theirs) \
	do { \
		if ((uint64_t)(ours) != (uint64_t)(theirs)) { \
			mismatch(what, gva, access, ours, theirs); \
		} \
	} while (0)

static void compare_status(uint64_t gva, uint32_t access,
			   enum gnomon_status status,
			   const struct gn_gpt_walk *w,
			   const struct sim_oracle_result *r)
{
	static const enum gnomon_status expected[] = {
		[SIM_ORACLE_OK] = GNOMON_OK,
		[SIM_ORACLE_FAULT] = GNOMON_FAULT,
		[SIM_ORACLE_NON_CANONICAL] = GNOMON_GP,
		[SIM_ORACLE_UNKNOWN] = GNOMON_ABSENT,
	};

	SAME("status", status, expected[r->answer]);
	switch (r->answer) {
	case SIM_ORACLE_OK:
		SAME("gpa", w->gpa.v, r->gpa);
		if (g.ctx.format->levels > 0) {
			SAME("page", UINT64_C(1) << w->page_shift,
			     r->page_bytes);
		}
		break;
	case SIM_ORACLE_FAULT:
		SAME("error code", w->error_code, r->error);
		break;
	case SIM_ORACLE_UNKNOWN:
		SAME("absent gpa", w->gpa.v, r->unknown_gpa);
		break;
	case SIM_ORACLE_NON_CANONICAL:
		break;
	}
}

static void compare_trail(uint64_t gva, uint32_t access,
			  const struct gn_gpt_walk *w,
			  const struct sim_oracle_result *r)
{
	unsigned top = g.ctx.format->levels;
	unsigned rights = GN_GPT_R | (r->page_write ? GN_GPT_W : 0u) |
			  (r->page_user ? GN_GPT_U : 0u) |
			  (r->page_exec ? GN_GPT_X : 0u);
	struct gn_gpt_entry leaf;

	if (top == 0) {
		return;
	}
	SAME("refs", gn_gpt_walk_refs(&g.ctx, w), r->entry_count);
	for (unsigned i = 0; i < r->entry_count; i++) {
		SAME("entry gpa", w->step[top - i].gpa.v, r->entry[i].gpa);
	}
	SAME("rights", w->rights, rights);
	SAME("rights again", gn_gpt_walk_rights(&g.ctx, w, w->level), rights);
	gn_gpt_decode(&g.ctx, w->level, w->step[w->level].gpte, &leaf);
	SAME("leaf", leaf.kind, GN_GPT_LEAF);
	SAME("global", leaf.global, r->global);
	SAME("frame", leaf.frame.v + (gva & ((UINT64_C(1) << leaf.page_shift) -
					     1)), r->gpa);
	SAME("check", gn_gpt_check(&g.ctx, (uint8_t)rights,
				   w->step[w->level].gpte, access), 0);
}

/* Memory must be as before but for the bits that the oracle sets. */
static void compare_memory(uint64_t gva, uint32_t access,
			   const struct sim_oracle_result *r)
{
	for (unsigned i = 0; i < r->entry_count; i++) {
		uint64_t at = r->entry[i].gpa - g.base;
		uint64_t now = 0, then = 0;

		if (at >= RAM_BYTES) {
			continue;
		}
		memcpy(&now, g.ram + at, r->entry_bytes);
		memcpy(&then, pristine.ram + at, r->entry_bytes);
		/* An entry may serve at several levels. */
		for (unsigned j = 0; j < r->entry_count; j++) {
			if (r->entry[j].gpa == r->entry[i].gpa) {
				then |= r->entry[j].after;
			}
		}
		SAME("entry afterwards", now, then);
	}
	for (unsigned i = 0; i < r->entry_count; i++) {
		uint64_t at = r->entry[i].gpa - g.base;

		if (at < RAM_BYTES) {
			memcpy(g.ram + at, pristine.ram + at, r->entry_bytes);
		}
	}
}

static void try_access(uint64_t gva, uint32_t access)
{
	const struct sim_access a = {
		.gva = gva,
		.write = access & GNOMON_WRITE,
		.fetch = access & GNOMON_EXEC,
		.user = access & GNOMON_USER,
		.implicit = access & GNOMON_IMPLICIT,
	};
	struct sim_oracle_result r;
	struct gn_gpt_walk w;

	sim_oracle(&g.oracle, &a, &r);
	compare_status(gva, access, gn_gpt_translate(&g.ctx, &g.mem,
		       gn_gva(gva), access, 0, &w), &w, &r);
	compare_status(gva, access, gn_gpt_walk(&g.ctx, &g.mem, gn_gva(gva),
		       access, 0, &w), &w, &r);
	for (unsigned i = 0; i < r.entry_count; i++) {
		uint64_t now = 0;

		if (oracle_read(NULL, r.entry[i].gpa, r.entry_bytes, &now)) {
			SAME("entry left alone", now, r.entry[i].before);
		}
	}
	compare_status(gva, access, gn_gpt_walk(&g.ctx, &g.mem, gn_gva(gva),
		       access, GN_GPT_SET_AD, &w), &w, &r);
	if (r.answer == SIM_ORACLE_OK) {
		compare_trail(gva, access, &w, &r);
	}
	compare_memory(gva, access, &r);
}

static void try_address(uint64_t gva)
{
	/* With paging off and outside long mode addresses have 32 bits. */
	if (!g.ctx.format->extend_sign) {
		gva &= 0xffffffff;
	}
	for (unsigned ac = 0; ac < 2; ac++) {
		make_oracle(ac);
		for (uint32_t access = 0; access < 16; access++) {
			if ((access & 3) != 3 && (access & 12) != 12) {
				try_access(gva, access);
			}
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in;

	if (size < sizeof(in)) {
		return 0;
	}
	memcpy(&in, data, sizeof(in));
	if (!make_guest(&in, data + sizeof(in), size - sizeof(in))) {
		return 0;
	}
	memcpy(pristine.ram, g.ram, RAM_BYTES);
	try_address(in.gva);
	try_address(in.gva ^ in.gva_xor);
	/* Close neighbours: other entries of the same leaf table. */
	try_address(in.gva ^ (in.gva_xor & 0x1ff000));
	if (memcmp(g.ram, pristine.ram, RAM_BYTES)) {
		mismatch("stray store", in.gva, 0, 1, 0);
	}
	return 0;
}

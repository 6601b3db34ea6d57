/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The access matrix: every combination of every section is laid out as tables
 * and registers, walked, and compared with the predictor: fault, error code,
 * address, rights, and all entries as the walk left them.
 *
 *	access [--all | --stride N] [--section TEXT] [--only BITS]
 *
 * Without --all every N-th combination is tried (N = 199, a prime, so that all
 * bits keep changing). A failure prints the bits by name and how to repeat it.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "guestpt/walk.h"
#include "tests/access/sections.h"

enum { FAILURES_MAX = 10, KEY = 3, MAXPHYADDR = 40 };

#define GVA UINT64_C(0x5a5a5abc)	/* fits every format */

struct bench {
	_Alignas(4096) unsigned char ram[8 * 4096];
	struct gnomon_host host;
	struct gn_mem mem;
	struct gn_gpt_ctx ctx;
	enum format format;
	uint64_t ctx_bits;	/* register bits that ctx stands for */
	bool ctx_valid;
	uint64_t at[LEVELS_MAX + 1];	/* where each level's entry lies */
	uint64_t gpte[LEVELS_MAX + 1];
};

static struct bench b;
static char names[B_COUNT][12];
static unsigned failures;

static void make_names(void)
{
	static const char *const others[] = {
		"WP", "NXE", "SMEP", "SMAP", "AC", "PKE", "KEY", "AD", "WD",
		"1G", "PSE", "SUM", "MXR", "ADUE", "write", "fetch", "user",
		"implicit",
	};

	for (unsigned i = 0; i < B_WP; i++) {
		snprintf(names[i], sizeof(names[i]), "%c%u",
			 "PWUNADRLS"[i % E_BITS], i / E_BITS + 1);
	}
	for (unsigned i = B_WP; i < B_COUNT; i++) {
		snprintf(names[i], sizeof(names[i]), "%s", others[i - B_WP]);
	}
}

/* Numbers of the bits named in text, in its order; returns how many. */
static unsigned parse(const char *text, uint8_t out[64])
{
	unsigned n = 0;
	char word[16];
	int used;

	for (; sscanf(text, "%15s%n", word, &used) == 1; text += used) {
		unsigned i = 0;

		while (i < B_COUNT && strcmp(names[i], word)) {
			i++;
		}
		if (i == B_COUNT || n == 64) {
			fprintf(stderr, "access: unknown bit %s\n", word);
			exit(2);
		}
		out[n++] = (uint8_t)i;
	}
	return n;
}

static uint64_t parse_set(const char *text)
{
	uint8_t bit[64];
	uint64_t set = 0;

	for (unsigned i = parse(text, bit); i > 0; i--) {
		set |= UINT64_C(1) << bit[i - 1];
	}
	return set;
}

static bool is_riscv(void)
{
	return b.format >= F_SV39;
}

/* ---- from a combination to tables and registers ---- */

/* High reserved bits differ in place; nth picks one. */
static uint64_t reserved_high(unsigned nth)
{
	if (is_riscv()) {
		return UINT64_C(1) << (54 + nth % 10);
	}
	if (b.format == F_PAE) {
		return UINT64_C(1) << (MAXPHYADDR + nth % (63 - MAXPHYADDR));
	}
	return b.format == F_32BIT
	       ? 0 : UINT64_C(1) << (MAXPHYADDR + nth % (52 - MAXPHYADDR));
}

static uint64_t reserved_low(unsigned level, unsigned nth)
{
	if (is_riscv()) {
		return UINT64_C(1) << (10 + nth % (9 * (level - 1)));
	}
	if (b.format == F_32BIT) {
		return UINT64_C(1) << 21;
	}
	return UINT64_C(1) << (13 + nth % (level == 2 ? 8 : 17));
}

static uint64_t flag_bits(uint64_t bits, unsigned level)
{
	/* Where E_P .. E_S are in an entry. */
	static const uint8_t x86[] = { 0, 1, 2, 63, 5, 6, 0, 0, 7 };
	static const uint8_t riscv[] = { 0, 2, 4, 3, 6, 7, 0, 0, 1 };
	const uint8_t *place = is_riscv() ? riscv : x86;
	uint64_t gpte = 0;

	for (unsigned i = 0; i < E_BITS; i++) {
		bool absent = i == E_R || i == E_L ||
			      (i == E_N && b.format == F_32BIT) ||
			      /* PS is PAT in a level-1 entry. */
			      (i == E_S && level == 1 && !is_riscv());

		if (!absent && has(bits, entry_bit(level, i))) {
			gpte |= UINT64_C(1) << place[i];
		}
	}
	return gpte;
}

/* Does the entry serve as a leaf? Decides its address bits only. */
static bool looks_leaf(uint64_t bits, unsigned level)
{
	bool s = has(bits, entry_bit(level, E_S));

	if (level == 1) {
		return true;
	}
	if (is_riscv()) {
		return s || has(bits, entry_bit(level, E_N)) ||
		       has(bits, entry_bit(level, E_W));
	}
	/* One with PS where it is reserved still points to a good table. */
	return s && level < 4 && !(b.format == F_32BIT && !has(bits, B_PSE));
}

/*
 * Where the table of a level lies. That of level 2 has no address bit that is
 * reserved in a 1G leaf, so that an entry taken for one would pass.
 */
static uint64_t table_of(unsigned level)
{
	static const uint64_t page[] = { 0, 0x2000, 0x1000, 0x3000, 0x4000,
					 0x5000 };

	return page[level];
}

/* The address that a leaf of the level maps to; aligned and easy to tell. */
static uint64_t target_of(unsigned level)
{
	static const uint64_t page[] = { 0, 0x7000, 0xc0800000, 0x4c0000000,
					 UINT64_C(0x8000000000) };

	return level == 2 && b.format != F_32BIT ? UINT64_C(0x1c0a00000)
						 : page[level < 4 ? level : 4];
}

static void lay_entry(uint64_t bits, unsigned level, unsigned nth)
{
	bool leaf = looks_leaf(bits, level);
	uint64_t frame = leaf ? target_of(level) : table_of(level - 1);
	uint64_t gpte = flag_bits(bits, level);

	gpte |= is_riscv() ? frame >> 2 : frame;
	if (has(bits, entry_bit(level, E_R))) {
		gpte |= reserved_high(nth + level);
	}
	if (leaf && level > 1 && has(bits, entry_bit(level, E_L))) {
		gpte |= reserved_low(level, nth + level);
	}
	if (leaf && has(bits, B_KEY) && b.format != F_32BIT &&
	    b.format != F_PAE && !is_riscv()) {
		gpte |= (uint64_t)KEY << 59;
	}
	b.gpte[level] = gpte;
	memcpy(b.ram + b.at[level], &gpte, b.format == F_32BIT ? 4 : 8);
}

static void load_x86(uint64_t bits)
{
	static const uint64_t cr4[] = { 0, 0x20, 0x20, 0x1020 };
	bool lma = b.format >= F_LONG4;
	const struct gnomon_caps caps = {
		.features = 0x1fd | (has(bits, B_1G) ? GNOMON_CAP_1G : 0u),
		.maxphyaddr = MAXPHYADDR,
	};
	const struct gnomon_regs regs = {
		.cr0 = 0x80000001u | (uint64_t)has(bits, B_WP) << 16,
		.cr3 = table_of(format_levels(b.format)),
		.cr4 = cr4[b.format] | (uint64_t)has(bits, B_PSE) << 4 |
		       (uint64_t)has(bits, B_SMEP) << 20 |
		       (uint64_t)has(bits, B_SMAP) << 21 |
		       (uint64_t)has(bits, B_PKE) << 22,
		.efer = (lma ? 0x500u : 0) | (uint64_t)has(bits, B_NXE) << 11,
		.pdpte = { 0, table_of(2) | 1, 0, 0 },
		.pkru = (uint32_t)(has(bits, B_AD) << (2 * KEY) |
				   has(bits, B_WD) << (2 * KEY + 1)),
		.ac = has(bits, B_AC),
	};

	if (gn_gpt_ctx_init(&b.ctx, &regs, &caps) != GNOMON_OK) {
		fputs("access: registers refused\n", stderr);
		exit(1);
	}
}

static void load_ctx(uint64_t bits)
{
	uint64_t mask = ((UINT64_C(1) << B_WRITE) - 1) &
			~((UINT64_C(1) << B_WP) - 1) &
			~(UINT64_C(1) << B_KEY);

	if (b.ctx_valid && b.ctx_bits == (bits & mask)) {
		return;
	}
	b.ctx_bits = bits & mask;
	b.ctx_valid = true;
	if (!is_riscv()) {
		load_x86(bits);
		return;
	}
	gn_gpt_ctx_init_riscv(&b.ctx, b.format == F_SV39 ? GN_GPT_SV39
							 : GN_GPT_SV48,
			      gn_gpa(table_of(format_levels(b.format))),
			      (has(bits, B_SUM) ? GN_GPT_RISCV_SUM : 0u) |
			      (has(bits, B_MXR) ? GN_GPT_RISCV_MXR : 0u) |
			      (has(bits, B_ADUE) ? GN_GPT_RISCV_ADUE : 0u));
}

/* ---- comparison ---- */

static void fail(const struct section *s, uint64_t bits, const char *what,
		 uint64_t got, uint64_t expected)
{
	fprintf(stderr, "access: %s: %s is %#" PRIx64 ", expected %#" PRIx64
		"\n  bits:", s->name, what, got, expected);
	for (unsigned i = 0; i < B_COUNT; i++) {
		if (has(bits, i)) {
			fprintf(stderr, " %s", names[i]);
		}
	}
	fprintf(stderr, "\n  repeat: access --section '%s' --only %#" PRIx64
		"\n", s->name, bits);
	if (++failures >= FAILURES_MAX) {
		exit(1);
	}
}

static uint64_t expected_gpa(unsigned level)
{
	unsigned shift = level == 1 ? 12 : b.format == F_32BIT ? 22
							: 3 + 9 * level;

	return target_of(level) | (GVA & ((UINT64_C(1) << shift) - 1));
}

static void compare_answer(const struct section *s, uint64_t bits,
			   const struct prediction *p,
			   enum gnomon_status status,
			   const struct gn_gpt_walk *w)
{
	if (status != (p->permitted ? GNOMON_OK : GNOMON_FAULT)) {
		fail(s, bits, "status", status,
		     p->permitted ? GNOMON_OK : GNOMON_FAULT);
	} else if (w->level != p->level) {
		fail(s, bits, "level", w->level, p->level);
	} else if (!p->permitted && w->error_code != p->error) {
		fail(s, bits, "error code", w->error_code, p->error);
	} else if (p->permitted && w->gpa.v != expected_gpa(p->level)) {
		fail(s, bits, "gpa", w->gpa.v, expected_gpa(p->level));
	}
}

static void compare_entries(const struct section *s, uint64_t bits,
			    const struct prediction *p)
{
	uint64_t a = is_riscv() ? 1u << 6 : 1u << 5;
	uint64_t d = is_riscv() ? 1u << 7 : 1u << 6;

	for (unsigned l = 1; l <= format_levels(b.format); l++) {
		uint64_t now = 0;
		uint64_t expected = b.gpte[l] | (p->accessed >> l & 1 ? a : 0) |
				    (p->dirty >> l & 1 ? d : 0);

		memcpy(&now, b.ram + b.at[l], b.format == F_32BIT ? 4 : 8);
		if (now != expected) {
			fail(s, bits, "entry afterwards", now, expected);
		}
	}
}

static void compare_rights(const struct section *s, uint64_t bits,
			   const struct prediction *p,
			   const struct gn_gpt_walk *w)
{
	unsigned rights = (p->write ? GN_GPT_W : 0u) |
			  (p->user ? GN_GPT_U : 0u) |
			  (p->fetch ? GN_GPT_X : 0u);

	if (p->permitted && (w->rights & 7) != rights) {
		fail(s, bits, "rights", w->rights & 7, rights);
	}
}

static uint32_t access_of(uint64_t bits)
{
	return (has(bits, B_WRITE) ? GNOMON_WRITE : 0u) |
	       (has(bits, B_FETCH) ? GNOMON_EXEC : 0u) |
	       (has(bits, B_USER) ? GNOMON_USER : 0u) |
	       (has(bits, B_IMPLICIT) ? GNOMON_IMPLICIT : 0u);
}

static void try_one(const struct section *s, uint64_t bits, unsigned nth)
{
	struct prediction p = predict(s->format, bits);
	uint32_t access = access_of(bits);
	struct gn_gpt_walk w;

	load_ctx(bits);
	for (unsigned l = 1; l <= format_levels(s->format); l++) {
		lay_entry(bits, l, nth);
	}
	compare_answer(s, bits, &p, gn_gpt_translate(&b.ctx, &b.mem,
		       gn_gva(GVA), access, 0, &w), &w);
	compare_answer(s, bits, &p, gn_gpt_walk(&b.ctx, &b.mem, gn_gva(GVA),
		       access, GN_GPT_SET_AD, &w), &w);
	compare_rights(s, bits, &p, &w);
	compare_entries(s, bits, &p);
}

/* ---- the counter ---- */

/* Combinations that cannot occur. */
static bool legal(uint64_t bits)
{
	return !(has(bits, B_WRITE) && has(bits, B_FETCH)) &&
	       !(has(bits, B_IMPLICIT) && has(bits, B_FETCH));
}

static void prepare(const struct section *s)
{
	memset(&b, 0, sizeof(b));
	b.host.size = sizeof(b.host);
	b.format = s->format;
	gn_mem_init(&b.mem, &b.host, NULL);
	gn_mem_add(&b.mem, &(struct gn_window){
		.bytes = sizeof(b.ram), .hva = b.ram, .writable = true });
	for (unsigned l = 1; l <= format_levels(s->format); l++) {
		unsigned shift = s->format == F_32BIT ? 2 + 10 * l : 3 + 9 * l;

		b.at[l] = table_of(l) + (s->format == F_32BIT
					 ? 4 * (GVA >> shift & 1023)
					 : 8 * (GVA >> shift & 511));
	}
}

static uint64_t run(const struct section *s, uint64_t stride)
{
	uint64_t fixed = parse_set(s->fixed);
	uint8_t vary[64];
	unsigned count = parse(s->vary, vary);
	uint64_t tried = 0;

	prepare(s);
	for (uint64_t n = 0; n < UINT64_C(1) << count; n += stride) {
		uint64_t bits = fixed;

		for (unsigned i = 0; i < count; i++) {
			bits |= (n >> i & 1) << vary[i];
		}
		if (legal(bits)) {
			try_one(s, bits, (unsigned)(n >> 3 ^ n >> 11));
			tried++;
		}
	}
	return tried;
}

int main(int argc, char **argv)
{
	const char *only_section = "", *only_bits = NULL;
	uint64_t stride = 199, total = 0;
	clock_t start = clock();

	make_names();
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--all")) {
			stride = 1;
		} else if (!strcmp(argv[i], "--stride") && i + 1 < argc) {
			stride = strtoull(argv[++i], NULL, 0);
		} else if (!strcmp(argv[i], "--section") && i + 1 < argc) {
			only_section = argv[++i];
		} else if (!strcmp(argv[i], "--only") && i + 1 < argc) {
			only_bits = argv[++i];
		} else {
			fputs("usage: access [--all | --stride N] "
			      "[--section TEXT] [--only BITS]\n", stderr);
			return 2;
		}
	}
	for (unsigned i = 0; i < section_count && stride > 0; i++) {
		const struct section *s = &sections[i];
		uint64_t tried = 1;

		if (!strstr(s->name, only_section)) {
			continue;
		}
		if (only_bits) {
			prepare(s);
			for (unsigned nth = 0; nth < 64; nth++) {
				try_one(s, strtoull(only_bits, NULL, 0), nth);
			}
		} else {
			tried = run(s, stride);
		}
		printf("%-36s %12" PRIu64 "\n", s->name, tried);
		total += tried;
	}
	printf("%-36s %12" PRIu64 " combinations, %u failures, %.1f s\n",
	       "all", total, failures,
	       (double)(clock() - start) / CLOCKS_PER_SEC);
	return failures ? 1 : 0;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The predictor: what a processor does with a combination. It knows bit names
 * only, neither entries nor addresses, and includes nothing of the engine.
 */
#include "tests/access/bits.h"

#define ENTRY(level, b) has(bits, entry_bit(level, b))

unsigned format_levels(enum format f)
{
	static const unsigned levels[FORMATS] = {
		[F_32BIT] = 2, [F_PAE] = 2, [F_LONG4] = 4, [F_LONG5] = 5,
		[F_SV39] = 3, [F_SV48] = 4,
	};

	return levels[f];
}

/* ---- x86 ---- */

enum { P = 1, WR = 2, US = 4, RSVD = 8, ID = 16, PK = 32 };

static int is_long(enum format f)
{
	return f == F_LONG4 || f == F_LONG5;
}

static int is_leaf(enum format f, uint64_t bits, unsigned level)
{
	if (level == 1) {
		return 1;
	}
	if (!ENTRY(level, E_S)) {
		return 0;
	}
	switch (level) {
	case 2:
		return f != F_32BIT || has(bits, B_PSE);
	case 3:
		return has(bits, B_1G);
	default:
		return 0;
	}
}

static int reserved_set(enum format f, uint64_t bits, unsigned level)
{
	int leaf = is_leaf(f, bits, level);

	if (leaf && level > 1 && ENTRY(level, E_L)) {
		return 1;
	}
	if (f == F_32BIT) {
		return 0;
	}
	return ENTRY(level, E_R) ||
	       (ENTRY(level, E_N) && !has(bits, B_NXE)) ||
	       (ENTRY(level, E_S) && !leaf && level > 1);
}

static uint32_t base_error(enum format f, uint64_t bits)
{
	uint32_t e = 0;
	int nx_on = f != F_32BIT && has(bits, B_NXE);

	if (has(bits, B_WRITE)) {
		e |= WR;
	}
	if (has(bits, B_USER) && !has(bits, B_IMPLICIT)) {
		e |= US;
	}
	if (has(bits, B_FETCH) && (nx_on || has(bits, B_SMEP))) {
		e |= ID;
	}
	return e;
}

static int key_violated(enum format f, uint64_t bits, int user_page)
{
	int as_user = has(bits, B_USER) && !has(bits, B_IMPLICIT);

	if (!is_long(f) || !has(bits, B_PKE) || !user_page ||
	    has(bits, B_FETCH) || !has(bits, B_KEY)) {
		return 0;
	}
	if (has(bits, B_AD)) {
		return 1;
	}
	return has(bits, B_WD) && has(bits, B_WRITE) &&
	       (as_user || has(bits, B_WP));
}

static int rights_violated(enum format f, uint64_t bits, int w, int u, int x)
{
	int as_user = has(bits, B_USER) && !has(bits, B_IMPLICIT);

	(void)f;
	if (has(bits, B_FETCH)) {
		if (!x) {
			return 1;
		}
		return as_user ? !u : u && has(bits, B_SMEP);
	}
	if (as_user) {
		return !u || (has(bits, B_WRITE) && !w);
	}
	if (u && has(bits, B_SMAP) &&
	    (has(bits, B_IMPLICIT) || !has(bits, B_AC))) {
		return 1;
	}
	return has(bits, B_WRITE) && !w && has(bits, B_WP);
}

static struct prediction predict_x86(enum format f, uint64_t bits)
{
	struct prediction p = { .error = base_error(f, bits) };
	int w = 1, u = 1, x = 1, key;
	unsigned level = format_levels(f);

	for (;; level--) {
		p.level = level;
		if (!ENTRY(level, E_P)) {
			return p;
		}
		if (reserved_set(f, bits, level)) {
			p.error |= P | RSVD;
			return p;
		}
		w = w && ENTRY(level, E_W);
		u = u && ENTRY(level, E_U);
		x = x && !(f != F_32BIT && ENTRY(level, E_N));
		if (is_leaf(f, bits, level)) {
			break;
		}
	}
	key = key_violated(f, bits, u);
	if (key || rights_violated(f, bits, w, u, x)) {
		p.error |= P | (key ? PK : 0u);
		return p;
	}
	p.permitted = 1;
	for (unsigned l = format_levels(f); l >= level; l--) {
		p.accessed |= 1u << l;
	}
	p.dirty = has(bits, B_WRITE) ? 1u << level : 0;
	p.write = w;
	p.user = u;
	p.fetch = x;
	return p;
}

/* ---- RISC-V ---- */

static int riscv_leaf_denies(uint64_t bits, unsigned level)
{
	int r = ENTRY(level, E_S), w = ENTRY(level, E_W);
	int x = ENTRY(level, E_N), u = ENTRY(level, E_U);
	int as_user = has(bits, B_USER) && !has(bits, B_IMPLICIT);

	if (level > 1 && ENTRY(level, E_L)) {
		return 1;	/* misaligned superpage */
	}
	if (as_user && !u) {
		return 1;
	}
	if (!as_user && u && (has(bits, B_FETCH) || !has(bits, B_SUM))) {
		return 1;
	}
	if (has(bits, B_FETCH)) {
		return !x;
	}
	if (has(bits, B_WRITE)) {
		return !w;
	}
	return !r && !(x && has(bits, B_MXR));
}

static struct prediction predict_riscv(enum format f, uint64_t bits)
{
	struct prediction p = {
		.error = has(bits, B_FETCH) ? 12 : has(bits, B_WRITE) ? 15 : 13,
	};

	for (unsigned level = format_levels(f); level > 0; level--) {
		int r = ENTRY(level, E_S), w = ENTRY(level, E_W);
		int x = ENTRY(level, E_N);

		p.level = level;
		if (!ENTRY(level, E_P) || (!r && w) || ENTRY(level, E_R)) {
			return p;
		}
		if (!r && !x) {
			if (level == 1 || ENTRY(level, E_U) ||
			    ENTRY(level, E_A) || ENTRY(level, E_D)) {
				return p;
			}
			continue;
		}
		if (riscv_leaf_denies(bits, level)) {
			return p;
		}
		if (!has(bits, B_ADUE) &&
		    (!ENTRY(level, E_A) ||
		     (has(bits, B_WRITE) && !ENTRY(level, E_D)))) {
			return p;
		}
		p.permitted = 1;
		p.accessed = 1u << level;
		p.dirty = has(bits, B_WRITE) ? 1u << level : 0;
		p.write = w;
		p.user = ENTRY(level, E_U);
		p.fetch = x;
		return p;
	}
	return p;
}

struct prediction predict(enum format f, uint64_t bits)
{
	return f == F_SV39 || f == F_SV48 ? predict_riscv(f, bits)
					  : predict_x86(f, bits);
}

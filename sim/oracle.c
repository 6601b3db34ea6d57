/* SPDX-License-Identifier: BSD-2-Clause */
#include "sim/oracle.h"

enum {
	P = 1 << 0, W = 1 << 1, U = 1 << 2, A = 1 << 5, D = 1 << 6,
	PS = 1 << 7, G = 1 << 8,
};

#define NX		(1ull << 63)
#define CR0_WP		(1ull << 16)
#define CR0_PG		(1ull << 31)
#define CR4_PSE		(1ull << 4)
#define CR4_PAE		(1ull << 5)
#define CR4_PGE		(1ull << 7)
#define CR4_LA57	(1ull << 12)
#define CR4_SMEP	(1ull << 20)
#define CR4_SMAP	(1ull << 21)
#define CR4_PKE		(1ull << 22)
#define EFER_LMA	(1ull << 10)
#define EFER_NXE	(1ull << 11)

/* Bits high..low set; none if high < low. */
static uint64_t bits(unsigned int high, unsigned int low)
{
	return high < low ? 0 : (~0ull >> (63 - high)) & (~0ull << low);
}

static bool long_mode(const struct sim_oracle *o)
{
	return o->efer & EFER_LMA;
}

static bool nx_enabled(const struct sim_oracle *o)
{
	return (o->cr4 & CR4_PAE) && (o->efer & EFER_NXE);
}

/* Whether an entry of a table at `level` maps a page itself. */
static bool is_leaf(const struct sim_oracle *o, unsigned int level, uint64_t e)
{
	if (level == 1) {
		return true;
	}
	if (!(o->cr4 & CR4_PAE)) {
		return (o->cr4 & CR4_PSE) && (e & PS);
	}
	return (e & PS) && (level == 2 || (level == 3 && !o->no_pages_1g));
}

static bool reserved(const struct sim_oracle *o, unsigned int level,
		     uint64_t e)
{
	unsigned int m = o->maxphyaddr;
	bool leaf = is_leaf(o, level, e);

	if (!(o->cr4 & CR4_PAE)) {
		/* A 4M page has address bits 39:32 in bits 20:13. */
		return leaf && level == 2 &&
		       (e & bits(21, m >= 40 ? 21 : m - 32 + 13));
	}
	if (e & bits(long_mode(o) ? 51 : 62, m)) {
		return true;
	}
	if ((e & NX) && !nx_enabled(o)) {
		return true;
	}
	if (level == 2 && leaf) {
		return e & bits(20, 13);
	}
	if (level == 3 && leaf) {
		return e & bits(29, 13);
	}
	return level >= 3 && (e & PS);
}

static bool key_denies(const struct sim_oracle *o, const struct sim_access *a,
		       bool user, uint64_t leaf, bool page_user)
{
	unsigned int key = (unsigned int)(leaf >> 59 & 15);
	unsigned int rights = o->pkru >> 2 * key & 3;

	if (!long_mode(o) || !(o->cr4 & CR4_PKE) || a->fetch || !page_user) {
		return false;
	}
	return (rights & 1) ||
	       ((rights & 2) && a->write && (user || (o->cr0 & CR0_WP)));
}

static bool rights_deny(const struct sim_oracle *o, const struct sim_access *a,
			bool user, const struct sim_oracle_result *r)
{
	if (a->fetch && !r->page_exec) {
		return true;
	}
	if (user) {
		return !r->page_user || (a->write && !r->page_write);
	}
	if (r->page_user && a->fetch && (o->cr4 & CR4_SMEP)) {
		return true;
	}
	if (r->page_user && !a->fetch && (o->cr4 & CR4_SMAP) &&
	    (a->implicit || !o->ac)) {
		return true;
	}
	return a->write && !r->page_write && (o->cr0 & CR0_WP);
}

static void fault(const struct sim_oracle *o, const struct sim_access *a,
		  struct sim_oracle_result *r, unsigned int why)
{
	r->answer = SIM_ORACLE_FAULT;
	r->error = why | (a->write ? SIM_PF_W : 0u) |
		   (a->user && !a->implicit ? SIM_PF_U : 0u);
	if (a->fetch && (nx_enabled(o) || (o->cr4 & CR4_SMEP))) {
		r->error |= SIM_PF_ID;
	}
}

/* The page is found: may the access use it, and what does it mark? */
static void finish(const struct sim_oracle *o, const struct sim_access *a,
		   struct sim_oracle_result *r, unsigned int shift)
{
	uint64_t leaf = r->entry[r->entry_count - 1].before;
	bool user = a->user && !a->implicit;
	bool key = key_denies(o, a, user, leaf, r->page_user);
	uint64_t frame = leaf & bits(51, shift);

	if (!(o->cr4 & CR4_PAE) && shift == 22) {
		frame = (leaf & bits(31, 22)) | (leaf & bits(20, 13)) << 19;
	}
	r->page_bytes = 1ull << shift;
	r->gpa = frame | (a->gva & (r->page_bytes - 1));
	r->global = (leaf & G) && (o->cr4 & CR4_PGE);
	if (key || rights_deny(o, a, user, r)) {
		fault(o, a, r, SIM_PF_P | (key ? SIM_PF_PK : 0u));
		return;
	}
	for (unsigned int i = 0; i < r->entry_count; i++) {
		r->entry[i].after |= A;
	}
	if (a->write) {
		r->entry[r->entry_count - 1].after |= D;
	}
}

static void walk(const struct sim_oracle *o, const struct sim_access *a,
		 struct sim_oracle_result *r, unsigned int level,
		 uint64_t table)
{
	unsigned int width = o->cr4 & CR4_PAE ? 9 : 10;
	unsigned int shift = 12 + width * level;
	uint64_t e;

	r->page_user = true;
	r->page_write = true;
	r->page_exec = true;
	r->entry_bytes = width == 9 ? 8 : 4;
	do {
		unsigned int n = r->entry_count++;

		shift -= width;
		r->entry[n].gpa = table + (a->gva >> shift & bits(width - 1, 0))
				  * r->entry_bytes;
		if (!o->read(o->arg, r->entry[n].gpa, r->entry_bytes, &e)) {
			r->answer = SIM_ORACLE_UNKNOWN;
			r->unknown_gpa = r->entry[n].gpa;
			return;
		}
		r->entry[n].before = e;
		r->entry[n].after = e;
		if (!(e & P)) {
			fault(o, a, r, 0);
			return;
		}
		if (reserved(o, level, e)) {
			fault(o, a, r, SIM_PF_P | SIM_PF_RSVD);
			return;
		}
		r->page_user = r->page_user && (e & U);
		r->page_write = r->page_write && (e & W);
		r->page_exec = r->page_exec && !(e & NX);
		table = e & bits(51, 12);
	} while (!is_leaf(o, level--, e));
	finish(o, a, r, shift);
}

void sim_oracle(const struct sim_oracle *o, const struct sim_access *a,
		struct sim_oracle_result *r)
{
	*r = (struct sim_oracle_result){ .answer = SIM_ORACLE_OK };
	if (!(o->cr0 & CR0_PG)) {
		r->gpa = a->gva & bits(31, 0);
		r->page_bytes = 1ull << 32;
		r->page_user = r->page_write = r->page_exec = true;
	} else if (long_mode(o)) {
		unsigned int top = o->cr4 & CR4_LA57 ? 56 : 47;
		uint64_t sign = a->gva & bits(63, top);

		if (sign != 0 && sign != bits(63, top)) {
			r->answer = SIM_ORACLE_NON_CANONICAL;
			return;
		}
		walk(o, a, r, top == 56 ? 5 : 4, o->cr3 & bits(51, 12));
	} else if (o->cr4 & CR4_PAE) {
		uint64_t pdpte = o->pdpte[a->gva >> 30 & 3];

		if (!(pdpte & P)) {
			fault(o, a, r, 0);
			return;
		}
		walk(o, a, r, 2, pdpte & bits(51, 12));
	} else {
		walk(o, a, r, 2, o->cr3 & bits(31, 12));
	}
}

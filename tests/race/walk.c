/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The walker against a guest that changes its tables under it.
 *
 * One thread exchanges the entries of two levels for others, again and again;
 * the other walks, reads and writes by turns, with A/D updates. Every answer
 * must follow from entries that were there at some moment, and an A/D update
 * may only ever hit the value that was judged: what the guest takes out of its
 * table is the value it has put in, plus A, plus D on the writable leaf only.
 *
 *	walk [WALKS]
 */
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guestpt/walk.h"

#define P X86_PTE_P
#define RWU (X86_PTE_P | X86_PTE_W | X86_PTE_U)
#define AD (X86_PTE_A | X86_PTE_D)

enum { ROOT = 0x1000, L3 = 0x2000, L2 = 0x3000, T1 = 0x4000, T2 = 0x5000 };

#define GVA UINT64_C(0x7f1234567abc)

/* What the two changing entries may hold. Frames tell them apart. */
static const uint64_t l1_values[] = {
	0x00a000 | RWU,				/* writable */
	0x00b000 | P | X86_PTE_U,		/* read-only */
	0x00c000 | X86_PTE_W,			/* hole */
	0x00d000 | RWU | X86_PTE_NX | AD,	/* marked already */
	GN_BIT(45) | RWU,			/* reserved bit */
};
static const uint64_t l2_values[] = {
	T1 | RWU,
	T2 | RWU,
	0x40000000 | RWU | X86_PTE_PS,
	0x40200000 | P | X86_PTE_U | X86_PTE_PS,
	0x00e000,				/* hole */
};
#define COUNT(a) (sizeof(a) / sizeof(*(a)))

static _Alignas(4096) unsigned char ram[16 * 4096];
static struct gnomon_host host;
static struct gn_mem mem, slow;	/* in place; through callbacks */
static struct gn_gpt_ctx ctx;
static atomic_bool done;
static uint64_t flips;

static uint64_t *entry(uint64_t table, unsigned level)
{
	return (uint64_t *)(void *)(ram + table) +
	       gn_gpt_index(&ctx, level, gn_gva(GVA));
}

static void fail(const char *what, uint64_t a, uint64_t b)
{
	fprintf(stderr, "walk: %s: %#" PRIx64 " %#" PRIx64 "\n", what, a, b);
	exit(1);
}

/* Is seen value, but for marks that a walk may have set? */
static bool grown_from(uint64_t seen, uint64_t value, bool leaf)
{
	bool writable_leaf = leaf && (value & X86_PTE_W);
	uint64_t marks = !(value & P) || value & GN_BIT(45) ? 0 :
			 writable_leaf ? AD : X86_PTE_A;

	return (seen & ~marks) == (value & ~marks) &&
	       (seen & value) == value;
}

static bool known(uint64_t seen, const uint64_t *values, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		bool leaf = values == l1_values || values[i] & X86_PTE_PS;

		if (grown_from(seen, values[i], leaf)) {
			return true;
		}
	}
	return false;
}

static void *guest(void *arg)
{
	uint64_t *slot[2] = { entry(L2, 2), entry(T1, 1) };
	uint64_t last[2] = { T1 | RWU, l1_values[0] };
	uint64_t state = 1;

	(void)arg;
	while (!atomic_load(&done)) {
		state = state * UINT64_C(6364136223846793005) + 1;

		unsigned r = (unsigned)(state >> 33);
		bool low = r & 15;	/* mostly the leaf table */
		uint64_t value = low ? l1_values[(r >> 4) % 5]
				     : l2_values[(r >> 4) % 5];
		uint64_t old = __atomic_exchange_n(slot[low], value,
						   __ATOMIC_ACQ_REL);

		if (!grown_from(old, last[low], low || old & X86_PTE_PS)) {
			fail("taken out is not what was put in", old,
			     last[low]);
		}
		last[low] = value;
		flips++;
	}
	return NULL;
}

/* Judge the answer by the trail, entry by entry. */
static void check_walk(enum gnomon_status status, uint32_t access,
		       const struct gn_gpt_walk *w)
{
	uint64_t l2 = w->step[2].gpte;
	unsigned level = l2 & P && !(l2 & X86_PTE_PS) ? 1 : 2;
	uint64_t last = w->step[level].gpte;
	uint64_t page = level == 1 ? 0xfff : 0x1fffff;
	bool fine = (last & P) && !(last & GN_BIT(45)) &&
		    (!(access & GNOMON_WRITE) || last & X86_PTE_W);

	if (!known(l2, l2_values, COUNT(l2_values))) {
		fail("level 2 as seen", l2, 0);
	}
	if (w->level != level) {
		fail("level", w->level, level);
	}
	if (level == 1 && (l2 & ~(0xfff | X86_PTE_NX)) == T1 &&
	    !known(last, l1_values, COUNT(l1_values))) {
		fail("level 1 as seen", last, 0);
	}
	if (status != (fine ? GNOMON_OK : GNOMON_FAULT)) {
		fail("status", status, last);
	}
	if (fine && w->gpa.v != ((last & UINT64_C(0xffffffffff000) & ~page) |
				 (GVA & page))) {
		fail("gpa", w->gpa.v, last);
	}
	if (fine && (~last & (access & GNOMON_WRITE ? AD : X86_PTE_A))) {
		fail("not marked", last, access);
	}
}

/*
 * Guest memory through callbacks that let the other thread go first now and
 * then, between the reading of an entry and the exchange as well.
 */
static void stumble(void)
{
	static unsigned n;

	if (++n % 61 == 0) {
		sched_yield();
	}
}

static enum gnomon_status slow_load(void *arg, gnomon_gpa_t gpa,
				    unsigned bytes, uint64_t *value)
{
	(void)arg;
	(void)bytes;
	*value = __atomic_load_n((uint64_t *)(void *)(ram + gpa.v),
				 __ATOMIC_RELAXED);
	stumble();
	return GNOMON_OK;
}

static enum gnomon_status slow_store(void *arg, gnomon_gpa_t gpa,
				     unsigned bytes, uint64_t value)
{
	(void)arg;
	(void)bytes;
	stumble();
	__atomic_store_n((uint64_t *)(void *)(ram + gpa.v), value,
			 __ATOMIC_RELEASE);
	return GNOMON_OK;
}

static enum gnomon_status slow_cmpxchg(void *arg, gnomon_gpa_t gpa,
				       unsigned bytes, uint64_t *old,
				       uint64_t value)
{
	(void)arg;
	(void)bytes;
	stumble();
	__atomic_compare_exchange_n((uint64_t *)(void *)(ram + gpa.v), old,
				    value, false, __ATOMIC_ACQ_REL,
				    __ATOMIC_ACQUIRE);
	return GNOMON_OK;
}

static void setup(void)
{
	const struct gnomon_caps caps = { .features = 0x1ff,
					  .maxphyaddr = 45 };
	const struct gnomon_regs regs = { .cr0 = 0x80010001, .cr3 = ROOT,
					  .cr4 = 0x20, .efer = 0xd00 };

	host = (struct gnomon_host){ .size = sizeof(host), .load = slow_load,
				     .store = slow_store,
				     .cmpxchg = slow_cmpxchg };
	gn_mem_init(&slow, &host, NULL);
	gn_mem_add(&slow, &(struct gn_window){
		.bytes = sizeof(ram), .writable = true });
	gn_mem_init(&mem, &host, NULL);
	gn_mem_add(&mem, &(struct gn_window){
		.bytes = sizeof(ram), .hva = ram, .writable = true });
	if (gn_gpt_ctx_init(&ctx, &regs, &caps) != GNOMON_OK) {
		fail("registers", 0, 0);
	}
	*entry(ROOT, 4) = L3 | RWU;
	*entry(L3, 3) = L2 | RWU;
	*entry(L2, 2) = T1 | RWU;
	*entry(T1, 1) = l1_values[0];
	*entry(T2, 1) = 0x00f000 | RWU;
}

int main(int argc, char **argv)
{
	uint64_t walks = argc > 1 ? strtoull(argv[1], NULL, 0) : 1000000;
	uint64_t by_status[GNOMON_BUG + 1] = { 0 };
	pthread_t thread;

	setup();
	if (pthread_create(&thread, NULL, guest, NULL)) {
		fail("no thread", 0, 0);
	}
	for (uint64_t i = 0; i < walks; i++) {
		uint32_t access = GNOMON_USER | (i & 1 ? GNOMON_WRITE : 0);
		struct gn_gpt_walk w;
		enum gnomon_status s = gn_gpt_walk(&ctx,
			i & 2 ? &mem : &slow, gn_gva(GVA), access,
			GN_GPT_SET_AD, &w);

		by_status[s]++;
		if (s != GNOMON_MORE) {
			check_walk(s, access, &w);
		}
	}
	atomic_store(&done, true);
	pthread_join(thread, NULL);
	printf("%" PRIu64 " walks: %" PRIu64 " permitted, %" PRIu64
	       " faults, %" PRIu64 " gave up; %" PRIu64 " flips\n", walks,
	       by_status[GNOMON_OK], by_status[GNOMON_FAULT],
	       by_status[GNOMON_MORE], flips);
	return by_status[GNOMON_OK] && by_status[GNOMON_FAULT] ? 0 : 1;
}

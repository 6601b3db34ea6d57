/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The recorder of processes: the accesses of programs. Nearly all are to a page
 * that was just here, so what counts is how few instructions it takes to see
 * that, and how few calls: a block tells of its accesses when it starts, as
 * far as their addresses are known then, and of the others one stands for many
 * (record/fold.h).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "record/api.h"
#include "record/user_state.h"

static struct fold_looks looks;

/* ---- looks -------------------------------------------------------------- */

/* QEMU knows the vcpu by a number; as long as there is one thread, it and its
 * vcpu are always the same. */
static const char *only_vcpu;

static inline struct hot *hot_of(bool alone, unsigned vcpu)
{
	return &user_recent[alone ? 0 : vcpu % USER_VCPUS].hot;
}

static inline const char *object_of(bool alone)
{
	return alone ? only_vcpu : user_values_vcpu(&self.values);
}

/* That many instructions and accesses more: true if the counts are about to
 * overflow. */
static inline bool count(uint64_t counts)
{
	counts += self.counts;
	self.counts = counts;
	return (int64_t)counts < 0;
}

/* With one thread: true if code of these pages was not fetched since another
 * process ran. */
static inline bool is_new_code(const uint64_t *seen)
{
	return atomic_load_explicit(self.epoch, memory_order_relaxed) != *seen;
}

/* A block runs: true if its pages were not just here, if another process ran,
 * or if the counts are about to overflow. */
static inline bool is_new_block(bool alone, struct hot *h,
				const struct fold_look *l)
{
	const uint64_t *page = &h->page[0][0];
	bool full = count(l->counts);

	if (alone) {
		return full || is_new_code(l->seen);
	}
	return full ||
	       page[l->rest->place * HOT_KINDS] != l->rest->page ||
	       atomic_load_explicit(self.running, memory_order_relaxed) !=
		       self.pid;
}

/* ---- the start of a block: any ------------------------------------------ */

static inline __attribute__((always_inline)) void
look_at(bool alone, unsigned vcpu, struct fold_look *l)
{
	struct hot *h = hot_of(alone, vcpu);
	bool new = is_new_block(alone, h, l);
	const char *object = l->ranges ? object_of(alone) : NULL;

	for (unsigned i = 0; i < l->ranges; i++) {
		const struct fold_range *r = &l->range[i];

		new |= !hot_has(h, r->kinds, fold_value_at(r, object) + r->low,
				r->limit);
	}
	if (__builtin_expect(new, 0)) {
		user_see_look(vcpu, l, 0);
	}
}

static void at_start_any(unsigned int vcpu, void *arg)
{
	look_at(false, vcpu, arg);
}

static void at_start_alone_any(unsigned int vcpu, void *arg)
{
	look_at(true, vcpu, arg);
}

/* ---- the start of a block: most ----------------------------------------- */

enum {
	QUICK = 4,		/* groups */
	LINE = 64,
};

/*
 * As much of a look as is needed when nothing is new and there is one thread.
 * With two groups it is a cache line, because programs have many.
 */
struct quick {
	uint64_t counts;
	const uint64_t *seen;
	struct quick_range {
		const uint64_t *value;	/* a register; or a constant */
		const char *hot;	/* of its kinds, at the first page */
		int32_t low;
		uint16_t limit;
	} range[];		/* then a pointer to the look */
};

static struct fold_look **look_of(struct quick *q, unsigned ranges)
{
	return (struct fold_look **)(void *)&q->range[ranges];
}

static inline bool is_new_range(const struct quick_range *r, uint64_t gva)
{
	/* As hot_at(). */
	uint64_t at = (gva >> 12 & (HOT_PAGES - 1)) *
		      sizeof(user_recent[0].hot.page[0]);

	return gva - *(const uint64_t *)(const void *)(r->hot + at) > r->limit;
}

static inline uint64_t gva_of(const struct quick_range *r)
{
	return *r->value + (uint64_t)(int64_t)r->low;
}

/* The first may be the stack's. */
static inline __attribute__((always_inline)) void
glance_at(bool stack, unsigned ranges, unsigned vcpu, struct quick *q)
{
	if (__builtin_expect(count(q->counts) || is_new_code(q->seen), 0)) {
		goto new;
	}
	for (unsigned i = 0; i < ranges; i++) {
		const struct quick_range *r = &q->range[i];
		uint64_t gva = gva_of(r);

		if (stack && i == 0 &&
		    __builtin_expect(gva - user_recent[0].hot.stack <=
				     r->limit, 1)) {
			continue;
		}
		if (__builtin_expect(is_new_range(r, gva), 0)) {
			goto new;
		}
	}
	return;
new:
	user_see_look(vcpu, *look_of(q, ranges), 0);
}

#define AT_START(name, stack, ranges)					      \
	static void at_start_##name(unsigned int vcpu, void *arg)	      \
	{								      \
		glance_at(stack, ranges, vcpu, arg);			      \
	}

AT_START(no, false, 0)
AT_START(1, false, 1)
AT_START(2, false, 2)
AT_START(3, false, 3)
AT_START(4, false, 4)
AT_START(stack, true, 1)
AT_START(stack_1, true, 2)
AT_START(stack_2, true, 3)
AT_START(stack_3, true, 4)

typedef void at_start_fn(unsigned int vcpu, void *arg);

static at_start_fn *const at_start[2][QUICK + 1] = {
	{ at_start_no, at_start_1, at_start_2, at_start_3, at_start_4 },
	{ NULL, at_start_stack, at_start_stack_1, at_start_stack_2,
	  at_start_stack_3 },
};

/* False if it has a register too many, or is too far away. */
static bool take_range(struct quick_range *to, const struct fold_range *r)
{
	const struct hot *h = &user_recent[0].hot;

	*to = (struct quick_range){
		.value = (const uint64_t *)(const void *)
			 (only_vcpu + r->base),
		.hot = (const char *)&h->page[0][r->kinds],
		.low = (int32_t)r->low, .limit = r->limit };
	if (!r->base && !r->index) {
		to->value = &r->low;
		to->low = 0;
		return true;
	}
	return !r->index && (uint64_t)(int64_t)to->low == r->low;
}

/* NULL: it cannot be had. */
static struct quick *quick_of(struct fold_look *l)
{
	size_t bytes = sizeof(struct quick) + sizeof(void *) +
		       l->ranges * sizeof(struct quick_range);
	struct quick_range range[QUICK];
	struct quick *q = NULL;

	if (l->quick) {
		return l->quick;
	}
	for (unsigned i = 0; i < l->ranges; i++) {
		if (i == QUICK || !take_range(&range[i], &l->range[i])) {
			return NULL;
		}
	}
	q = aligned_alloc(LINE, (bytes + LINE - 1) / LINE * LINE);
	if (q) {
		q->counts = l->counts;
		q->seen = l->seen;
		memcpy(q->range, range, l->ranges * sizeof(range[0]));
		*look_of(q, l->ranges) = l;
		l->quick = q;
	}
	return q;
}

static void watch_start(struct qemu_plugin_tb *tb, struct fold_look *l)
{
	struct quick *q = self.threaded ? NULL : quick_of(l);
	at_start_fn *fn = self.threaded ? at_start_any : at_start_alone_any;

	if (q) {
		fn = at_start[l->rest->has_stack][l->ranges];
	}
	qemu_plugin_register_vcpu_tb_exec_cb(tb, fn, QEMU_PLUGIN_CB_NO_REGS,
					     q ? (void *)q : l);
}

/* ---- leaders ------------------------------------------------------------ */

/* An instruction that is not known. One callback for loads and stores: with
 * one for each, QEMU 7.2 calls both for either. */
static void at_unknown(unsigned int vcpu, qemu_plugin_meminfo_t info,
		       uint64_t gva, void *arg)
{
	unsigned kinds = qemu_plugin_mem_is_store(info) ? OPERANDS_WRITE :
							  OPERANDS_READ;

	(void)arg;
	self.accesses++;
	/* Whatever it is, at most 16 bytes. */
	if (__builtin_expect(!hot_has(hot_of(false, vcpu), kinds, gva,
				      4096 - 16), 0)) {
		user_see_access(vcpu, kinds, gva,
				1u << qemu_plugin_mem_size_shift(info));
	}
}

static inline __attribute__((always_inline)) void
lead_at(bool alone, bool first, unsigned kinds, unsigned vcpu,
	struct fold_look *l, uint64_t gva)
{
	struct hot *h = hot_of(alone, vcpu);
	const struct fold_range *r = &l->range[0];
	bool new = first && is_new_block(alone, h, l);

	if (__builtin_expect(new || !hot_has(h, kinds, gva + r->low,
					     r->limit), 0)) {
		user_see_look(vcpu, l, gva);
	}
}

/* One for each set of kinds, so that it is a constant in each. */
#define LEAD(name, alone, first, kinds)					      \
	static void at_##name(unsigned int vcpu, qemu_plugin_meminfo_t info, \
			      uint64_t gva, void *arg)			      \
	{								      \
		(void)info;						      \
		lead_at(alone, first, kinds, vcpu, arg, gva);		      \
	}
#define LEADS(name, kinds)						      \
	LEAD(lead_that_##name, false, false, kinds)			      \
	LEAD(first_that_##name, false, true, kinds)			      \
	LEAD(lead_alone_that_##name, true, false, kinds)		      \
	LEAD(first_alone_that_##name, true, true, kinds)
#define LEADS_OF(name) { { at_lead_that_##name, at_first_that_##name },	      \
	{ at_lead_alone_that_##name, at_first_alone_that_##name } }

LEADS(reads, OPERANDS_READ)
LEADS(writes, OPERANDS_WRITE)
LEADS(changes, OPERANDS_READ | OPERANDS_WRITE)

/* By kinds, whether there is one thread, and whether it tells of the block. */
static void (*const at_lead[HOT_KINDS][2][2])(unsigned int vcpu,
					      qemu_plugin_meminfo_t info,
					      uint64_t gva, void *arg) = {
	[OPERANDS_READ] = LEADS_OF(reads),
	[OPERANDS_WRITE] = LEADS_OF(writes),
	[OPERANDS_READ | OPERANDS_WRITE] = LEADS_OF(changes),
};

/* ---- translation -------------------------------------------------------- */

/* Looks need memory; QEMU ends, too, when there is none. */
static struct fold_look *or_end(struct fold_look *l)
{
	if (l && !l->seen) {
		l->seen = user_code_seen(l->rest->pages);
	}
	if (!l || !l->seen) {
		fputs("gnomon: out of memory; record a smaller program\n",
		      stderr);
		abort();
	}
	return l;
}

static void fold_block(struct fold *f, struct qemu_plugin_tb *tb, size_t count)
{
	fold_start(f, only_vcpu ? &self.values.places : NULL);
	for (size_t n = 0; n < count; n++) {
		const struct qemu_plugin_insn *i =
			qemu_plugin_tb_get_insn(tb, n);
		uint8_t code[API_INSN_MAX];

		fold_add(f, code, api_insn_bytes(i, code),
			 qemu_plugin_insn_vaddr(i));
	}
	fold_end(f);
	if (!self.folds) {
		memset(f->what, FOLD_UNKNOWN, count);
		f->first = FOLD_NONE;
		f->accesses = f->groups = f->early = 0;
	}
}

static void watch(struct qemu_plugin_insn *insn, const struct fold *f,
		  unsigned n)
{
	enum fold_what what = f->what[n];

	if (what == FOLD_UNKNOWN) {
		qemu_plugin_register_vcpu_mem_cb(insn, at_unknown,
			QEMU_PLUGIN_CB_NO_REGS, QEMU_PLUGIN_MEM_RW, NULL);
	} else if (what != FOLD_NOTHING) {
		qemu_plugin_register_vcpu_mem_cb(insn,
			at_lead[fold_kinds(f, n)][!self.threaded]
			       [what == FOLD_FIRST_LEAD],
			QEMU_PLUGIN_CB_NO_REGS, QEMU_PLUGIN_MEM_RW,
			or_end(fold_lead(&looks, f, n)));
	}
}

/* Before the guest has run anything. */
static void first_translation(void)
{
	self.translated = true;
	if (self.folds && user_values_find(&self.values)) {
		only_vcpu = user_values_vcpu(&self.values);
	}
}

/* QEMU lets one thread translate at a time. */
static void at_translation(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	static struct fold f;
	size_t count = qemu_plugin_tb_n_insns(tb);

	(void)id;
	if (!self.translated) {
		first_translation();
	}
	count = count < FOLD_INSNS ? count : FOLD_INSNS; /* never more */
	fold_block(&f, tb, count);
	if (f.first == FOLD_NONE) {
		watch_start(tb, or_end(fold_entry(&looks, &f)));
	}
	for (unsigned n = 0; n < count; n++) {
		watch(qemu_plugin_tb_get_insn(tb, n), &f, n);
	}
}

/* QEMU translates all code anew, for threads, after this and before a second
 * one runs. */
static void at_vcpu(qemu_plugin_id_t id, unsigned int vcpu)
{
	(void)id;
	self.threaded |= vcpu != 0;
}

void user_access_init(qemu_plugin_id_t id)
{
	self.folds = user_filter_init() && self.pages;
	/* Later versions do not say when a thread comes. */
	self.threaded = qemu_plugin_read_register != NULL;
	qemu_plugin_register_vcpu_tb_trans_cb(id, at_translation);
	qemu_plugin_register_vcpu_init_cb(id, at_vcpu);
}

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

/*
 * A block runs: true if its pages were not just here, if another process ran,
 * or if the counts are about to overflow. With one thread, the page says in
 * which epoch it was.
 */
static inline bool is_new_block(bool alone, struct hot *h,
				const struct fold_look *l)
{
	const uint64_t *page = &h->page[0][0];
	uint64_t counts = self.counts + l->counts;

	self.counts = counts;
	if (alone) {
		return (int64_t)counts < 0 ||
		       atomic_load_explicit(self.epoch, memory_order_relaxed) !=
			       *l->seen;
	}
	return (int64_t)counts < 0 ||
	       page[l->rest->place * HOT_KINDS] != l->rest->page ||
	       atomic_load_explicit(self.running, memory_order_relaxed) !=
		       self.pid;
}

/* ---- the start of a block ----------------------------------------------- */

static inline bool is_new_range(struct hot *h, const struct fold_range *r,
				uint64_t gva)
{
	return !hot_has(h, r->kinds, gva, r->limit);
}

static inline uint64_t simple_gva(const struct fold_range *r,
				  const char *object)
{
	return *(const uint64_t *)(const void *)(object + r->base) + r->low;
}

/* What a block has: so many groups with a base and nothing else; if there are
 * more, or others, `any`. The first may be of the stack. */
static inline __attribute__((always_inline)) void
look_at(bool alone, bool stack, unsigned simple, bool any, unsigned vcpu,
	struct fold_look *l)
{
	struct hot *h = hot_of(alone, vcpu);
	bool new = is_new_block(alone, h, l);
	const char *object;
	unsigned i = 0;

	if (stack || simple || any) {
		object = object_of(alone);
	}
	if (stack) {
		const struct fold_range *r = &l->range[i++];
		uint64_t gva = simple_gva(r, object);

		if (__builtin_expect(gva - h->stack > r->limit, 0)) {
			new |= is_new_range(h, r, gva);
		}
	}
	for (; i < stack + simple; i++) {
		const struct fold_range *r = &l->range[i];

		new |= is_new_range(h, r, simple_gva(r, object));
	}
	for (; any && i < l->ranges; i++) {
		const struct fold_range *r = &l->range[i];

		new |= is_new_range(h, r, fold_value_at(r, object) + r->low);
	}
	if (__builtin_expect(new, 0)) {
		user_see_look(vcpu, l, 0);
	}
}

#define AT_START(name, alone, stack, simple, any)			      \
	static void at_start_##name(unsigned int vcpu, void *arg)	      \
	{								      \
		look_at(alone, stack, simple, any, vcpu, arg);		      \
	}

enum {
	SIMPLE = 3,
};

AT_START(alone_0, true, false, 0, false)
AT_START(alone_1, true, false, 1, false)
AT_START(alone_2, true, false, 2, false)
AT_START(alone_any, true, false, 0, true)
AT_START(stack_0, true, true, 0, false)
AT_START(stack_1, true, true, 1, false)
AT_START(stack_2, true, true, 2, false)
AT_START(stack_any, true, true, 0, true)
AT_START(one_0, false, false, 0, false)
AT_START(one_any, false, false, 0, true)

typedef void at_start_fn(unsigned int vcpu, void *arg);

static at_start_fn *start_fn(const struct fold_look *l)
{
	static at_start_fn *const fn[2][SIMPLE + 1] = {
		{ at_start_alone_0, at_start_alone_1, at_start_alone_2,
		  at_start_alone_any },
		{ at_start_stack_0, at_start_stack_1, at_start_stack_2,
		  at_start_stack_any },
	};
	unsigned shape = l->ranges - l->rest->has_stack;

	if (self.threaded) {
		return l->ranges ? at_start_one_any : at_start_one_0;
	}
	for (unsigned i = 0; i < l->ranges; i++) {
		if (!l->range[i].base || l->range[i].index) {
			shape = SIMPLE;
		}
	}
	return fn[l->rest->has_stack][shape < SIMPLE ? shape : SIMPLE];
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
		struct fold_look *l = or_end(fold_entry(&looks, &f));

		qemu_plugin_register_vcpu_tb_exec_cb(tb, start_fn(l),
			QEMU_PLUGIN_CB_NO_REGS, l);
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

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Accesses of programs in the guest: one stands for others of its block
 * (record/fold.h). Only of 64-bit programs: the kernel stores into page
 * tables, and each such store has to be seen when it has been made.
 *
 * What a leader stands for is told when the leader is made, if the tables of
 * that moment allow it. What they do not allow faults; the block then goes on
 * from the instruction that did, as a block of its own with leaders of its
 * own.
 */
#include <stdlib.h>
#include <string.h>

#include "record/access.h"
#include "record/api.h"
#include "record/fold.h"
#include "record/plugin.h"
#include "record/regs.h"

enum {
	USER_CS = 0x33,		/* Linux's selector of 64-bit programs */
	BUCKETS = 1 << 16,
};

static struct record_plugin *const p = &record_plugin;

/* A group; the same for all that are alike, and never freed. */
struct lead {
	struct lead *next;
	uint64_t low;		/* its first byte, from the leader's */
	uint16_t limit;		/* in a page; beyond, it reaches into another */
	uint16_t back;		/* instructions to the end of the block */
	uint8_t kinds;
	uint8_t own;		/* kinds of the leader itself */
	uint8_t accesses;
	uint8_t count;
	struct fold_member member[FOLD_MEMBERS];
};

static struct lead *bucket[BUCKETS];

/* ---- callbacks ---------------------------------------------------------- */

/* Has the filter all of it? */
static inline bool is_settled(struct record_filter *f, const struct lead *l,
			      uint64_t gva)
{
	uint64_t low = gva + l->low, page = (low >> 12) + 1;
	const struct record_filter_entry *read = record_filter_at(f, 0, low);
	const struct record_filter_entry *write = record_filter_at(f, 1, low);

	if ((low & 4095) > l->limit ||
	    ((l->kinds & OPERANDS_READ) && read->page != page) ||
	    ((l->kinds & OPERANDS_WRITE) &&
	     (write->page != page || write->epoch != p->rec.epoch))) {
		return false;
	}
	f->dropped += l->accesses;
	return true;
}

/* One access; `made`: it is the leader's. */
static void see(unsigned int vcpu, struct sim_event ev, bool made)
{
	struct record_filter *f = &p->filter[vcpu];
	bool store = ev.flags & SIM_F_WRITE, kept, stale;
	struct record_filter_entry *e;
	const struct sim_oracle *registers;
	uint64_t gpa;

	e = record_filter_use(f, store, ev.gva);
	kept = e->page != (ev.gva >> 12) + 1;
	if (!kept && (!store || e->epoch == p->rec.epoch)) {
		f->dropped++;
		return;
	}
	ev.flags |= SIM_F_USER;
	registers = record_plugin_registers(vcpu);
	stale = (!made || p->vcpus > 1) &&
		record_is_stale(&p->ram, *registers, &ev);
	if (stale) {
		p->stale += made;
		return;
	}
	/* A program has no page tables: the frame was one. */
	if (store && record_leads_to(&p->ram, *registers, ev.gva, &gpa)) {
		record_is_data(&p->rec, gpa);
	}
	e->page = (ev.gva >> 12) + 1;
	e->epoch = p->rec.epoch;
	if (kept) {
		record_plugin_put(ev);
	} else {
		f->dropped++;
	}
}

static __attribute__((noinline)) void
see_group(unsigned int said, uint64_t gva, const struct lead *l)
{
	unsigned int vcpu = record_plugin_vcpu(said);

	p->last = vcpu;
	if (is_settled(&p->filter[vcpu], l, gva)) {
		return;
	}
	record_plugin_moment(vcpu, l->back);
	for (unsigned int i = 0; p->on && i < l->count; i++) {
		const struct fold_member *m = &l->member[i];
		struct sim_event ev = {
			.type = SIM_EV_ACCESS, .size = m->size,
			.gva = gva + (uint64_t)(int64_t)m->at,
		};

		if (m->kinds & OPERANDS_READ) {
			see(vcpu, ev, !m->at && (l->own & OPERANDS_READ));
		}
		ev.flags = SIM_F_WRITE;
		if (m->kinds & OPERANDS_WRITE) {
			see(vcpu, ev, !m->at && (l->own & OPERANDS_WRITE));
		}
	}
}

/* What the processor does to deliver an exception in the midst of an
 * instruction comes here too; it is nobody's leader. */
static void at_lead(unsigned int said, qemu_plugin_meminfo_t info,
		    uint64_t gva, void *arg)
{
	const struct lead *l = arg;

	if (!p->on) {
		return;
	}
	if (gva >> 63) {
		record_plugin_look(said, info, gva, l->back);
	} else if (p->vcpus > 1 || !is_settled(&p->filter[0], l, gva)) {
		see_group(said, gva, l);
	}
}

/* One that loads and stores calls for each; the group is seen once. */
static void at_change(unsigned int said, qemu_plugin_meminfo_t info,
		      uint64_t gva, void *arg)
{
	if (qemu_plugin_mem_is_store(info) || gva >> 63) {
		at_lead(said, info, gva, arg);
	}
}

/* ---- translation -------------------------------------------------------- */

static struct lead describe(const struct fold_group *g, unsigned int own,
			    size_t back)
{
	struct lead l = {
		.own = (uint8_t)own,
		.low = (uint64_t)g->low, .back = (uint16_t)back,
		.limit = (uint16_t)(4096 - (g->high - g->low)),
		.kinds = (uint8_t)g->kinds, .count = (uint8_t)g->count,
	};

	for (unsigned int i = 0; i < g->count; i++) {
		l.member[i] = g->member[i];
		l.accesses = (uint8_t)(l.accesses +
			__builtin_popcount(g->member[i].kinds));
	}
	return l;
}

/* All but the link. */
static bool are_alike(const struct lead *a, const struct lead *b)
{
	return a->low == b->low && a->limit == b->limit &&
	       a->back == b->back && a->count == b->count &&
	       a->own == b->own &&
	       memcmp(a->member, b->member, sizeof(a->member)) == 0;
}

static struct lead *keep(const struct lead *l)
{
	uint64_t hash = l->low * 31 + l->back;
	struct lead *at;

	for (unsigned int i = 0; i < l->count; i++) {
		const struct fold_member *m = &l->member[i];

		hash = hash * 0x9e3779b97f4a7c15ull + (uint16_t)m->at +
		       ((uint64_t)m->size << 16) + ((uint64_t)m->kinds << 24);
	}
	hash = hash >> 40 & (BUCKETS - 1);
	for (at = bucket[hash]; at && !are_alike(at, l); at = at->next) {
	}
	if (!at) {
		at = malloc(sizeof(*at));
		if (at) {
			*at = *l;
			at->next = bucket[hash];
			bucket[hash] = at;
		}
	}
	return at;
}

/* False: nothing is known of the instruction. */
static bool watch(struct qemu_plugin_insn *insn, const struct fold *f,
		  unsigned int n, unsigned int own)
{
	struct lead l;
	void *kept;

	if (f->what[n] == FOLD_NOTHING) {
		return true;
	}
	if (f->what[n] == FOLD_UNKNOWN) {
		return false;
	}
	l = describe(&f->group[f->number[n]], own, f->count - n);
	kept = keep(&l);
	if (!kept) {
		return false;
	}
	qemu_plugin_register_vcpu_mem_cb(insn,
		own == (OPERANDS_READ | OPERANDS_WRITE) ? at_change : at_lead,
		QEMU_PLUGIN_CB_R_REGS, QEMU_PLUGIN_MEM_RW, kept);
	return true;
}

bool record_plugin_fold(struct qemu_plugin_tb *tb, size_t count)
{
	static uint8_t own[FOLD_INSNS];
	static struct fold f;
	unsigned int vcpu = record_plugin_vcpu(0);

	if (!p->filter[0].pages || qemu_plugin_tb_vaddr(tb) >> 63 ||
	    count > FOLD_INSNS || regs_read(vcpu, RECORD_CS) != USER_CS) {
		return false;
	}
	fold_start(&f, NULL);
	for (size_t n = 0; n < count; n++) {
		const struct qemu_plugin_insn *i =
			qemu_plugin_tb_get_insn(tb, n);
		uint64_t ip = qemu_plugin_insn_vaddr(i);
		uint8_t code[API_INSN_MAX];
		size_t bytes = api_insn_bytes(i, code);

		fold_add(&f, code, bytes, ip);
		own[n] = operands_of(code, bytes, ip).kinds;
	}
	for (size_t n = 0; n < count; n++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, n);

		if (!watch(insn, &f, (unsigned int)n, own[n])) {
			record_plugin_watch_accesses(insn, count - n);
		}
	}
	return true;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The recorder of processes: the accesses of programs. Nearly all are to a page
 * that was just here, so what counts is how few instructions it takes to see
 * that, and how few calls: one access stands for others of its block
 * (record/fold.h), and tells of the block itself.
 */
#include <dlfcn.h>
#include <string.h>

#include "record/api.h"
#include "record/user_state.h"

/* QEMU's flags of a page of user memory. */
enum {
	QEMU_PAGE_READ = 1,
	QEMU_PAGE_WRITE = 2,
	QEMU_PAGE_WRITE_ORIGINALLY = 0x10,	/* holds translated code */
};

/* An empty place of hot[], and each byte of it. */
#define HOT_NOWHERE UINT64_C(0x8080808080808080)
#define HOT_BYTE 0x80

static int (*page_flags)(uint64_t gva);

/*
 * In front of the filter: the address of a page, for each set of OPERANDS_READ
 * and OPERANDS_WRITE. What is empty is far from every address.
 */
static uint64_t hot[USER_VCPUS][FOLD_KINDS][USER_HOT];
/* The same for fetches: pages of a block, in the place of no kind. */

static struct fold_leads leads;

static uint64_t *hot_at(unsigned vcpu, unsigned kinds, uint64_t gva)
{
	return &hot[vcpu % USER_VCPUS][kinds]
		   [(gva >> 12 ^ gva >> 22) % USER_HOT];
}

/* Are all bytes from gva on, up to `limit` in the page, in a hot page? */
static bool is_hot(unsigned vcpu, unsigned kinds, uint64_t gva, uint64_t limit)
{
	return gva - *hot_at(vcpu, kinds, gva) <= limit;
}

static uint64_t *fetched_at(unsigned vcpu, uint64_t pages)
{
	return &hot[vcpu % USER_VCPUS][0][(pages ^ pages >> 10) % USER_HOT];
}

/* ---- the filter --------------------------------------------------------- */

void user_clear_filters(void)
{
	for (unsigned i = 0; i < self.vcpus; i++) {
		memset(hot[i], HOT_BYTE, sizeof(hot[i]));
		for (unsigned k = 0; k < USER_KINDS; k++) {
			if (self.filter[i].of[k].sets) {
				record_ways_clear(&self.filter[i].of[k]);
			}
		}
	}
}

/* It is not hot any more, in any set with that kind. */
static void cool(unsigned vcpu, unsigned kind, uint64_t page)
{
	unsigned alone = kind == USER_READS ? OPERANDS_READ : OPERANDS_WRITE;

	if (kind == USER_FETCHES) {
		*fetched_at(vcpu, page << 1) = HOT_NOWHERE;
		*fetched_at(vcpu, page << 1 | 1) = HOT_NOWHERE;
		*fetched_at(vcpu, (page - 1) << 1 | 1) = HOT_NOWHERE;
		return;
	}
	*hot_at(vcpu, alone, page << 12) = HOT_NOWHERE;
	*hot_at(vcpu, OPERANDS_READ | OPERANDS_WRITE, page << 12) =
		HOT_NOWHERE;
}

/* Has the filter let the page through of late? */
static bool is_recent(unsigned vcpu, unsigned kind, uint64_t page)
{
	struct record_ways *w = &self.filter[vcpu % USER_VCPUS].of[kind];
	uint64_t gone;
	bool seen;

	if (!self.pages || (!w->sets && !record_ways_init(w, self.pages))) {
		return false;
	}
	seen = record_ways_see(w, page, &gone);
	if (gone) {
		cool(vcpu, kind, gone - 1);
	}
	return seen;
}

/* Another process ran on the one CPU: a TLB would have lost its entries. */
static void see_switch(unsigned vcpu)
{
	uint32_t pid = self.pid;

	vcpu %= USER_VCPUS;
	if (vcpu >= self.vcpus) {
		self.vcpus = vcpu + 1;
	}
	if (atomic_load_explicit(self.running, memory_order_relaxed) != pid) {
		atomic_store_explicit(self.running, pid, memory_order_relaxed);
		user_clear_filters();
	}
}

static void put_access(uint64_t gva, unsigned size, unsigned flags)
{
	user_lock();
	if (!user_maps_has(&self.maps, gva) &&
	    user_maps_find(&self.maps, gva, &self.found)) {
		user_put_found(&self.found, 0);
	}
	self.kept += !(flags & SIM_F_FETCH);
	user_put((struct ring_record){
		.type = SIM_EV_ACCESS, .gva = gva, .size = (uint16_t)size,
		.flags = (uint16_t)(SIM_F_USER | flags) }, NULL);
	user_unlock();
}

/* One kind of an access, which may reach into a second page. */
static void see_kind(unsigned vcpu, unsigned kind, uint64_t gva, unsigned size)
{
	uint64_t page = gva >> 12, last = (gva + size - 1) >> 12;
	bool recent = is_recent(vcpu, kind, page);

	if (last != page) {
		recent = is_recent(vcpu, kind, last) && recent;
	}
	if (!recent) {
		put_access(gva, size, kind == USER_WRITES ? SIM_F_WRITE : 0);
	}
}

/* ---- accesses ----------------------------------------------------------- */

/* Would it succeed? It has not been made yet. */
static bool is_allowed(uint64_t gva, unsigned kinds)
{
	int have = page_flags(gva);

	return (!(kinds & OPERANDS_READ) || (have & QEMU_PAGE_READ)) &&
	       (!(kinds & OPERANDS_WRITE) ||
		(have & (QEMU_PAGE_WRITE | QEMU_PAGE_WRITE_ORIGINALLY)));
}

/* One access; false if it cannot be told yet. */
static bool see_member(unsigned vcpu, uint64_t gva, const struct fold_member *m)
{
	uint64_t first = gva + (uint64_t)m->at, last = first + m->size - 1;

	if (is_hot(vcpu, m->kinds, first, 4095) &&
	    is_hot(vcpu, m->kinds, last, 4095)) {
		return true;
	}
	if (m->at && !(is_allowed(first, m->kinds) &&
		       is_allowed(last, m->kinds))) {
		return false;
	}
	if (m->kinds & OPERANDS_READ) {
		see_kind(vcpu, USER_READS, first, m->size);
	}
	if (m->kinds & OPERANDS_WRITE) {
		see_kind(vcpu, USER_WRITES, first, m->size);
	}
	if (self.pages) {
		*hot_at(vcpu, m->kinds, first) = first & ~UINT64_C(4095);
		*hot_at(vcpu, m->kinds, last) = last & ~UINT64_C(4095);
	}
	return true;
}

/* All that a leader stands for. */
static __attribute__((noinline)) void
see_group(unsigned vcpu, unsigned kinds, uint64_t glance, uint64_t gva)
{
	const struct fold_lead *l = leads.lead[fold_number(glance)];
	uint64_t low = gva + fold_low(glance);
	bool whole = (low & 4095) <= fold_limit(glance) && self.pages;

	see_switch(vcpu);
	for (unsigned i = 0; i < l->count; i++) {
		whole = see_member(vcpu, gva, &l->member[i]) && whole;
	}
	if (whole) {
		*hot_at(vcpu, kinds, low) = low & ~UINT64_C(4095);
	}
}

static inline void glance_at(unsigned vcpu, unsigned kinds, uint64_t glance,
			     uint64_t gva)
{
	if (__builtin_expect(!is_hot(vcpu, kinds, gva + fold_low(glance),
				     fold_limit(glance)), 0)) {
		see_group(vcpu, kinds, glance, gva);
	}
}

/* An instruction that is not known. One callback for loads and stores: with
 * one for each, QEMU 7.2 calls both for either. */
static void at_unknown(unsigned int vcpu, qemu_plugin_meminfo_t info,
		       uint64_t gva, void *arg)
{
	struct fold_member m = { .kinds = qemu_plugin_mem_is_store(info) ?
				 OPERANDS_WRITE : OPERANDS_READ };

	(void)arg;
	self.accesses++;
	/* Whatever it is, at most 16 bytes. */
	if (__builtin_expect(!is_hot(vcpu, m.kinds, gva, 4096 - 16), 0)) {
		m.size = (uint8_t)(1u << qemu_plugin_mem_size_shift(info));
		see_switch(vcpu);
		see_member(vcpu, gva, &m);
	}
}

/* ---- blocks ------------------------------------------------------------- */

void user_count(void)
{
	self.executed += self.counts >> 32;
	self.accesses += self.counts & UINT32_MAX;
	self.counts = 0;
}

static __attribute__((noinline)) void see_fetch(unsigned vcpu, uint64_t pages)
{
	user_count();
	see_switch(vcpu);
	if (self.pages) {
		*fetched_at(vcpu, pages) = pages;
	}
	for (uint64_t page = pages >> 1; page <= (pages >> 1) + (pages & 1);
	     page++) {
		if (!is_recent(vcpu, USER_FETCHES, page)) {
			put_access(page << 12, 1, SIM_F_FETCH);
		}
	}
}

/* A block runs: true if its pages were not just here, if another process ran,
 * or if the counts are about to overflow. */
static inline bool is_new_block(unsigned vcpu, uint64_t pages, uint64_t counts)
{
	self.counts += counts;
	return (int64_t)self.counts < 0 || *fetched_at(vcpu, pages) != pages ||
	       atomic_load_explicit(self.running, memory_order_relaxed) !=
		       self.pid;
}

/* For one without a leader to tell of it. */
static void at_block(unsigned int vcpu, void *arg)
{
	uint64_t pages = (uintptr_t)arg >> 16;

	if (__builtin_expect(is_new_block(vcpu, pages, (uintptr_t)arg << 48 >>
					  16), 0)) {
		see_fetch(vcpu, pages);
	}
}

static __attribute__((noinline)) void
see_first(unsigned vcpu, unsigned kinds, uint64_t glance, uint64_t gva)
{
	see_fetch(vcpu, leads.block[fold_number(glance)].pages);
	see_group(vcpu, kinds, glance, gva);
}

static inline void first_at(unsigned vcpu, unsigned kinds, uint64_t glance,
			    uint64_t gva)
{
	const struct fold_block *b = &leads.block[fold_number(glance)];

	if (__builtin_expect(is_new_block(vcpu, b->pages, b->counts), 0)) {
		see_first(vcpu, kinds, glance, gva);
		return;
	}
	glance_at(vcpu, kinds, glance, gva);
}

/* The callbacks of leaders: one for each set of kinds, so that it is a
 * constant in each. */
#define LEAD(name, kinds)						      \
	static void at_lead_that_##name(unsigned int vcpu,		      \
					qemu_plugin_meminfo_t info,	      \
					uint64_t gva, void *arg)	      \
	{								      \
		(void)info;						      \
		glance_at(vcpu, kinds, (uintptr_t)arg, gva);		      \
	}								      \
	static void at_first_that_##name(unsigned int vcpu,		      \
					 qemu_plugin_meminfo_t info,	      \
					 uint64_t gva, void *arg)	      \
	{								      \
		(void)info;						      \
		first_at(vcpu, kinds, (uintptr_t)arg, gva);		      \
	}

LEAD(reads, OPERANDS_READ)
LEAD(writes, OPERANDS_WRITE)
LEAD(changes, OPERANDS_READ | OPERANDS_WRITE)

/* By kinds; then by whether it tells of the block. */
static void (*const at_lead[FOLD_KINDS][2])(unsigned int vcpu,
					    qemu_plugin_meminfo_t info,
					    uint64_t gva, void *arg) = {
	[OPERANDS_READ] = { at_lead_that_reads, at_first_that_reads },
	[OPERANDS_WRITE] = { at_lead_that_writes, at_first_that_writes },
	[OPERANDS_READ | OPERANDS_WRITE] = { at_lead_that_changes,
					     at_first_that_changes },
};

/* ---- translation -------------------------------------------------------- */

/* Nothing is known of the block. */
static void see_nothing(struct fold *f, size_t count)
{
	memset(f->what, FOLD_UNKNOWN, count);
	f->has_first = false;
	f->accesses = 0;
}

/* What each instruction needs, in to[]; false when memory is short. */
static bool find_leads(struct fold *f, struct qemu_plugin_tb *tb, size_t count,
		       const struct fold_lead **to)
{
	fold_start(f);
	for (size_t n = 0; n < count; n++) {
		const struct qemu_plugin_insn *i =
			qemu_plugin_tb_get_insn(tb, n);

		uint8_t code[API_INSN_MAX];

		fold_add(f, code, api_insn_bytes(i, code),
			 qemu_plugin_insn_vaddr(i));
	}
	for (unsigned n = 0; n < count && self.folds; n++) {
		to[n] = NULL;
		if (f->what[n] >= FOLD_LEAD) {
			to[n] = fold_lead(&leads, f, n);
			if (!to[n]) {
				return false;
			}
		}
	}
	return self.folds;
}

static void watch(struct qemu_plugin_insn *insn, const struct fold *f,
		  unsigned n, const struct fold_lead *l)
{
	enum fold_what what = f->what[n];

	if (what == FOLD_UNKNOWN) {
		qemu_plugin_register_vcpu_mem_cb(insn, at_unknown,
			QEMU_PLUGIN_CB_NO_REGS, QEMU_PLUGIN_MEM_RW, NULL);
	} else if (what != FOLD_NOTHING) {
		qemu_plugin_register_vcpu_mem_cb(insn,
			at_lead[fold_kinds(f, n)][what == FOLD_FIRST_LEAD],
			QEMU_PLUGIN_CB_NO_REGS, QEMU_PLUGIN_MEM_RW,
			(void *)(uintptr_t)l->glance);
	}
}

/* QEMU lets one thread translate at a time. */
void user_at_translation(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	static const struct fold_lead *lead[FOLD_INSNS];
	static struct fold f;
	size_t count = qemu_plugin_tb_n_insns(tb);
	bool known;

	(void)id;
	count = count < FOLD_INSNS ? count : FOLD_INSNS; /* never more */
	known = find_leads(&f, tb, count, lead);
	if (!known) {
		see_nothing(&f, count);
	}
	if (!f.has_first) {
		struct fold_block b = fold_block(&f);

		/* Its accesses, if any, are no leaders' and few. */
		qemu_plugin_register_vcpu_tb_exec_cb(tb, at_block,
			QEMU_PLUGIN_CB_NO_REGS, (void *)(uintptr_t)
				(b.pages << 16 | b.counts >> 32));
	}
	for (unsigned n = 0; n < count; n++) {
		watch(qemu_plugin_tb_get_insn(tb, n), &f, n, lead[n]);
	}
}

void user_access_init(void)
{
	/* POSIX lets a data pointer be a function; C has no other way. */
	*(void **)&page_flags = dlsym(RTLD_DEFAULT, "page_get_flags");
	self.folds = page_flags && self.pages;
	memset(hot, HOT_BYTE, sizeof(hot));
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The recorder of processes: accesses that may be new, and the filter that
 * decides whether they are told.
 */
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "record/user_state.h"

/* QEMU's flags of a page of user memory. */
enum {
	QEMU_PAGE_READ = 1,
	QEMU_PAGE_WRITE = 2,
	QEMU_PAGE_EXEC = 4,
	QEMU_PAGE_WRITE_ORIGINALLY = 0x10,	/* holds translated code */
};

enum {
	CODE_BUCKETS = 4096,
};

/* Pages of blocks. */
struct code {
	struct code *next;
	uint64_t pages, epoch;
};

struct user_recent user_recent[USER_VCPUS];

static struct code *code[CODE_BUCKETS];

static int (*page_flags)(uint64_t gva);

/* ---- the filter --------------------------------------------------------- */

static unsigned hot_kind(unsigned kind)
{
	return kind == USER_READS ? OPERANDS_READ :
	       kind == USER_WRITES ? OPERANDS_WRITE : 0;
}

/* Nothing that was seen counts any more. */
static void next_epoch(void)
{
	atomic_fetch_add_explicit(self.epoch, 1, memory_order_relaxed);
}

static struct code **code_at(uint64_t pages)
{
	struct code **at = &code[pages % CODE_BUCKETS];

	while (*at && (*at)->pages != pages) {
		at = &(*at)->next;
	}
	return at;
}

uint64_t *user_code_seen(uint64_t pages)
{
	struct code **at = code_at(pages);

	if (!*at && (*at = calloc(1, sizeof(**at)))) {
		(*at)->pages = pages;
	}
	return *at ? &(*at)->epoch : NULL;
}

static void cool_code(uint64_t pages)
{
	struct code *c = *code_at(pages);

	if (c) {
		c->epoch = 0;
	}
}

static void cool(struct user_recent *r, unsigned kind, uint64_t page)
{
	hot_cool(&r->hot, hot_kind(kind), page);
	if (kind == USER_FETCHES) {
		cool_code(page << 1);
		cool_code(page << 1 | 1);
		cool_code((page - 1) << 1 | 1);
	}
}

/* What is hot is in the filter. */
static void clear(struct user_recent *r, unsigned kind)
{
	struct record_ways *w = &r->filter[kind];

	for (uint32_t s = 0; s < w->sets; s++) {
		for (unsigned i = 0; i < RECORD_WAYS; i++) {
			if (w->set[s][i]) {
				cool(r, kind, w->set[s][i] - 1);
				w->set[s][i] = 0;
			}
		}
	}
}

void user_clear_filters(void)
{
	for (unsigned i = 0; i < self.vcpus; i++) {
		for (unsigned k = 0; k < USER_KINDS; k++) {
			clear(&user_recent[i], k);
		}
	}
	next_epoch();
}

/* Has the filter let the page through of late? */
static bool is_recent(struct user_recent *r, unsigned kind, uint64_t page)
{
	struct record_ways *w = &r->filter[kind];
	uint64_t cold;
	bool seen;

	if (!self.pages || (!w->sets && !record_ways_init(w, self.pages))) {
		return false;
	}
	seen = record_ways_see(w, page, &cold);
	if (cold) {
		cool(r, kind, cold - 1);
	}
	return seen;
}

/* Another process ran on the one CPU: a TLB would have lost its entries. */
static struct user_recent *see_switch(unsigned vcpu)
{
	uint32_t pid = self.pid;
	struct user_recent *r;

	vcpu %= USER_VCPUS;
	r = &user_recent[vcpu];
	if (vcpu >= self.vcpus) {
		self.vcpus = vcpu + 1;
	}
	if (atomic_load_explicit(self.running, memory_order_relaxed) != pid) {
		atomic_store_explicit(self.running, pid, memory_order_relaxed);
		user_clear_filters();
	}
	return r;
}

static void put_access(uint64_t gva, unsigned size, unsigned flags)
{
	user_lock();
	if (!user_maps_has(&self.maps, gva) &&
	    user_maps_find(&self.maps, gva, &self.found)) {
		user_put_found(&self.found, 0);
	}
	self.kept += !(flags & SIM_F_FETCH);
	user_put_access(gva, size, SIM_F_USER | flags);
	user_unlock();
}

/* One kind of an access, which may reach into a second page. */
static void see_kind(struct user_recent *r, unsigned kind, uint64_t gva,
		     unsigned size)
{
	uint64_t page = gva >> 12, last = (gva + size - 1) >> 12;
	bool recent = is_recent(r, kind, page);

	if (last != page) {
		recent = is_recent(r, kind, last) && recent;
	}
	if (!recent) {
		put_access(gva, size, kind == USER_WRITES ? SIM_F_WRITE : 0);
	}
}

/* ---- accesses ----------------------------------------------------------- */

static void see_access(struct user_recent *r, unsigned kinds, uint64_t gva,
		       unsigned size)
{
	uint64_t last = gva + size - 1;

	if (kinds & OPERANDS_READ) {
		see_kind(r, USER_READS, gva, size);
	}
	if (kinds & OPERANDS_WRITE) {
		see_kind(r, USER_WRITES, gva, size);
	}
	if (self.pages) {
		hot_set(&r->hot, kinds, gva);
		hot_set(&r->hot, kinds, last);
	}
}

void user_see_access(unsigned vcpu, unsigned kinds, uint64_t gva,
		     unsigned size)
{
	see_access(see_switch(vcpu), kinds, gva, size);
}

/* Would it succeed? It has not been made yet. The processor lets read whatever
 * may be written or executed. */
static bool is_allowed(uint64_t gva, unsigned kinds)
{
	int have = page_flags(gva);

	if (kinds & OPERANDS_WRITE) {
		return have & (QEMU_PAGE_WRITE | QEMU_PAGE_WRITE_ORIGINALLY);
	}
	return have & (QEMU_PAGE_READ | QEMU_PAGE_WRITE | QEMU_PAGE_EXEC |
		       QEMU_PAGE_WRITE_ORIGINALLY);
}

/* One access; false if it cannot be told yet. */
static bool see_member(struct user_recent *r, uint64_t first,
		       const struct fold_member *m, bool made)
{
	uint64_t last = first + m->size - 1;

	if (hot_has(&r->hot, m->kinds, first, 4095) &&
	    hot_has(&r->hot, m->kinds, last, 4095)) {
		return true;
	}
	if (!made && !(is_allowed(first, m->kinds) &&
		       (first >> 12 == last >> 12 ||
			is_allowed(last, m->kinds)))) {
		return false;
	}
	see_access(r, m->kinds, first, m->size);
	return true;
}

/* All that a group stands for; `low` is its first byte. */
static void see_range(struct user_recent *r, const struct fold_range *g,
		      const struct fold_more *more,
		      const struct fold_member *m, uint64_t low)
{
	bool whole = (low & 4095) <= g->limit && self.pages;

	for (unsigned i = 0; i < more->members; i++) {
		whole = see_member(r, low + (uint64_t)m[i].at, &m[i],
				   m[i].at == more->made) && whole;
	}
	if (whole) {
		hot_set(&r->hot, g->kinds, low);
	}
}

/* ---- blocks ------------------------------------------------------------- */

void user_count(void)
{
	self.executed += self.counts >> 32;
	self.accesses += self.counts & UINT32_MAX;
	self.counts = 0;
}

static void see_fetch(struct user_recent *r, uint64_t pages)
{
	uint64_t page = pages >> 1;

	if (self.pages) {
		r->hot.page[hot_block_place(pages)][0] = hot_block(pages);
	}
	for (; page <= (pages >> 1) + (pages & 1); page++) {
		if (!is_recent(r, USER_FETCHES, page)) {
			put_access(page << 12, 1, SIM_F_FETCH);
		}
	}
}

static void see_block(struct user_recent *r, struct fold_look *l)
{
	const uint64_t *at = r->hot.page[l->rest->place];
	uint64_t epoch = atomic_load_explicit(self.epoch,
					      memory_order_relaxed);

	if (*at != l->rest->page) {
		see_fetch(r, l->rest->pages);
	}
	if (*at == l->rest->page) {
		*l->seen = epoch;
	}
}

/* Where the range starts. */
static uint64_t low_of(const struct fold_range *g, const struct fold_more *more,
		       uint64_t made)
{
	if (more->made != FOLD_NONE) {
		return made + g->low;
	}
	return fold_value_at(g, user_values_vcpu(&self.values)) + g->low;
}

void user_see_look(unsigned vcpu, struct fold_look *l, uint64_t made)
{
	struct user_recent *r = see_switch(vcpu);
	const struct fold_rest *rest = l->rest;

	if (l->counts) {
		user_count();
		see_block(r, l);
	}
	for (unsigned i = 0; i < l->ranges; i++) {
		const struct fold_range *g = &l->range[i];
		uint64_t low = low_of(g, &rest->more[i], made);

		if (!hot_has(&r->hot, g->kinds, low, g->limit)) {
			see_range(r, g, &rest->more[i],
				  rest->member + rest->more[i].first, low);
		}
		if (i == 0 && rest->has_stack) {
			hot_set_stack(&r->hot, low);
		}
	}
}

bool user_filter_init(void)
{
	/* POSIX lets a data pointer be a function; C has no other way. */
	*(void **)&page_flags = dlsym(RTLD_DEFAULT, "page_get_flags");
	for (unsigned i = 0; i < USER_VCPUS; i++) {
		hot_start(&user_recent[i].hot);
	}
	return page_flags != NULL;
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "record/fold.h"

#include <stdlib.h>
#include <string.h>

#include "record/hot.h"

#define PAGE 4096

void fold_start(struct fold *f, const struct fold_places *places)
{
	f->count = f->accesses = 0;
	f->groups = f->early = 0;
	f->first = FOLD_NONE;
	f->same_segments = true;
	f->places = places;
	f->numbers = 16;
	for (unsigned i = 0; i < 16; i++) {
		f->reg[i] = (struct fold_value){ .number = i + 1 };
	}
}

/* ---- registers ---------------------------------------------------------- */

static void forget(struct fold *f, unsigned reg)
{
	f->reg[reg] = (struct fold_value){ .number = ++f->numbers };
}

static void forget_all(struct fold *f)
{
	for (unsigned i = 0; i < 16; i++) {
		forget(f, i);
	}
	f->same_segments = false;
	for (unsigned i = 0; i < f->groups; i++) {
		f->group[i].open &= f->group[i].segment == 0;
	}
}

static struct fold_value value_of(const struct fold *f, unsigned reg)
{
	return reg == OPERANDS_NONE ? (struct fold_value){ 0 } : f->reg[reg];
}

static void apply(struct fold *f, const struct operands *o)
{
	struct fold_value to = value_of(f, o->from);

	to.add = (int64_t)((uint64_t)to.add + (uint64_t)o->add);
	for (unsigned i = 0; i < 16; i++) {
		if (o->clobbers >> i & 1) {
			forget(f, i);
		}
	}
	if (o->to != OPERANDS_NONE) {
		f->reg[o->to] = to;
	}
}

/* ---- groups ------------------------------------------------------------- */

static struct fold_group group_of(const struct fold *f,
				  const struct operands *o)
{
	struct fold_value base = value_of(f, o->base);
	struct fold_value index = value_of(f, o->index);

	return (struct fold_group){
		.base = base.number, .index = index.number,
		.scale = index.number ? o->scale : 1,
		.segment = o->segment, .open = true,
		.disp = (int64_t)((uint64_t)o->disp + (uint64_t)base.add +
				  (uint64_t)index.add * o->scale),
	};
}

static bool are_alike(const struct fold_group *a, const struct fold_group *b)
{
	return a->base == b->base && a->index == b->index &&
	       a->scale == b->scale && a->segment == b->segment;
}

/* False when it is too far away, or one too many. */
static bool join(struct fold_group *g, int64_t at, const struct operands *o)
{
	struct fold_member *m = g->member;
	int64_t low, high;

	if (at < -FOLD_SPAN || at > FOLD_SPAN) {
		return false;
	}
	low = at < g->low ? at : g->low;
	high = at + o->size > g->high ? at + o->size : g->high;
	if (high - low > FOLD_SPAN) {
		return false;
	}
	for (unsigned i = 0; i < g->count; i++) {
		if (m[i].at == at && m[i].size == o->size) {
			m[i].kinds |= o->kinds;
			g->kinds |= o->kinds;
			return true;
		}
	}
	if (g->count == FOLD_MEMBERS) {
		return false;
	}
	m[g->count++] = (struct fold_member){
		.at = (int16_t)at, .size = o->size, .kinds = o->kinds };
	g->kinds |= o->kinds;
	g->low = low;
	g->high = high;
	return true;
}

/* Numbers of values that registers have at the start; 0 is no register. */
static bool is_early_number(uint32_t number)
{
	return number <= 16;
}

/* Is its address known when the block starts, from at most two registers? */
static bool is_early(const struct fold *f, const struct fold_group *g)
{
	return f->places && is_early_number(g->base) &&
	       is_early_number(g->index) &&
	       (!g->segment || (f->same_segments && !(g->base && g->index)));
}

/* A group that has it or, if it is known early, a new one; false: none. */
static bool settle(struct fold *f, const struct operands *o)
{
	struct fold_group new = group_of(f, o), *g;

	for (unsigned i = 0; i < f->groups; i++) {
		g = &f->group[i];
		/* Unsigned: it may be anything. */
		int64_t at = (int64_t)((uint64_t)new.disp - (uint64_t)g->disp);

		if (g->open && are_alike(g, &new) && join(g, at, o)) {
			f->number[f->count] = (uint8_t)i;
			f->at[f->count] = (int16_t)at;
			return true;
		}
	}
	if (f->groups == FOLD_GROUPS || !is_early(f, &new)) {
		return false;
	}
	new.early = true;
	g = &f->group[f->groups];
	*g = new;
	join(g, 0, o);
	f->number[f->count] = (uint8_t)f->groups++;
	f->at[f->count] = 0;
	f->early++;
	return true;
}

/* QEMU makes several accesses of one that is larger than this: it can only
 * lead itself, a piece at a time. */
enum {
	WHOLE = 8,
};

/* It leads a new group. */
static enum fold_what lead(struct fold *f, const struct operands *o)
{
	struct operands piece = *o;
	struct fold_group *g = &f->group[f->groups];

	if (f->groups == FOLD_GROUPS) {
		return FOLD_UNKNOWN;
	}
	*g = group_of(f, o);
	g->open = o->size <= WHOLE;
	piece.size = g->open ? o->size : WHOLE;
	join(g, 0, &piece);
	f->number[f->count] = (uint8_t)f->groups++;
	f->at[f->count] = 0;
	/* One that reads and writes is called back twice. */
	if (f->first == FOLD_NONE && g->open &&
	    o->kinds != (OPERANDS_READ | OPERANDS_WRITE)) {
		f->first = (int)f->count;
	}
	return FOLD_LEAD;
}

static enum fold_what place(struct fold *f, const struct operands *o)
{
	struct operands push = {
		.kinds = OPERANDS_WRITE, .size = 8, .base = OPERANDS_RSP,
		.index = OPERANDS_NONE, .scale = 1, .disp = -8,
	};

	if (!o->pushes) {
		return settle(f, o) ? FOLD_NOTHING : lead(f, o);
	}
	/* Two accesses: none of them can lead. */
	if (!settle(f, &push)) {
		return FOLD_UNKNOWN;
	}
	f->pushed_number[f->count] = f->number[f->count];
	f->pushed_at[f->count] = f->at[f->count];
	return settle(f, o) ? FOLD_NOTHING : FOLD_UNKNOWN;
}

void fold_add(struct fold *f, const uint8_t *code, size_t bytes, uint64_t ip)
{
	struct operands o = operands_of(code, bytes, ip);
	enum fold_what what = FOLD_UNKNOWN;

	if (f->count == 0) {
		f->pages = ip / PAGE << 1;
	}
	f->pages |= (ip + bytes - 1) / PAGE != f->pages >> 1;
	if (!o.exact) {
		forget_all(f);
	} else if (o.kinds) {
		what = place(f, &o);
		f->accesses += what != FOLD_UNKNOWN ? 1u + o.pushes : 0;
		apply(f, &o);
	} else {
		what = FOLD_NOTHING;
		apply(f, &o);
	}
	f->what[f->count++] = (uint8_t)what;
}

void fold_end(struct fold *f)
{
	if (f->early || f->count == 0) {
		f->first = FOLD_NONE;
	}
	if (f->first != FOLD_NONE) {
		f->what[f->first] = FOLD_FIRST_LEAD;
	}
}

/* ---- looks -------------------------------------------------------------- */

/* One that is being made. */
struct draft {
	uint64_t counts, pages;
	uint32_t ranges, members;
	bool has_stack;
	struct fold_range range[FOLD_GROUPS];
	struct fold_more more[FOLD_GROUPS];
	struct fold_member member[FOLD_GROUPS * FOLD_MEMBERS];
};

unsigned fold_kinds(const struct fold *f, unsigned insn)
{
	return f->group[f->number[insn]].kinds;
}

static uint16_t place_of(const struct fold *f, uint32_t number)
{
	return number ? f->places->reg[number - 1] : 0;
}

/* Where the address of an early group comes from. */
static void take_places(const struct fold *f, const struct fold_group *g,
			struct fold_range *r)
{
	uint16_t segment = g->segment == 0x64 ? f->places->fs : f->places->gs;

	r->low += (uint64_t)g->disp;
	r->base = place_of(f, g->base);
	r->index = place_of(f, g->index);
	r->shift = (uint8_t)__builtin_ctz(g->scale);
	if (g->segment && r->base) {
		r->index = segment;
		r->shift = 0;
	} else if (g->segment) {
		r->base = segment;
	}
	if (!r->base && r->index && r->shift == 0) {
		r->base = r->index;
		r->index = 0;
	}
}

struct fold_range fold_range_of(const struct fold *f,
				const struct fold_group *g)
{
	struct fold_range r = {
		.low = (uint64_t)g->low, .kinds = (uint8_t)g->kinds,
		.limit = (uint16_t)(PAGE - (g->high - g->low)) };

	if (g->early) {
		take_places(f, g, &r);
	}
	return r;
}

static void take_group(struct draft *d, const struct fold *f,
		       const struct fold_group *g)
{
	d->range[d->ranges] = fold_range_of(f, g);
	d->more[d->ranges++] = (struct fold_more){
		.members = (uint16_t)g->count, .first = (uint16_t)d->members,
		.made = g->early ? FOLD_NONE : (int16_t)-g->low };
	for (unsigned i = 0; i < g->count; i++) {
		struct fold_member *m = &d->member[d->members++];

		*m = g->member[i];
		m->at = (int16_t)(m->at - g->low);
	}
}

static uint64_t mix(uint64_t h, const void *data, size_t bytes)
{
	const uint8_t *at = data;
	uint32_t word;

	for (size_t i = 0; i < bytes; i += sizeof(word)) {
		memcpy(&word, at + i, sizeof(word));
		h = (h ^ word) * UINT64_C(0x100000001b3);
	}
	return h;
}

static uint32_t hash_of(const struct draft *d)
{
	uint64_t h = d->pages * UINT64_C(0x9e3779b97f4a7c15) + d->counts;

	h = mix(h, d->range, d->ranges * sizeof(d->range[0]));
	h = mix(h, d->member, d->members * sizeof(d->member[0]));
	return (uint32_t)(h ^ h >> 32);
}

static bool is_like(const struct fold_look *l, const struct draft *d,
		    uint32_t hash)
{
	const struct fold_rest *r = l->rest;

	return r->hash == hash && l->counts == d->counts &&
	       r->pages == d->pages && l->ranges == d->ranges &&
	       r->members == d->members &&
	       !memcmp(l->range, d->range, d->ranges * sizeof(d->range[0])) &&
	       !memcmp(r->more, d->more, d->ranges * sizeof(d->more[0])) &&
	       !memcmp(r->member, d->member,
		       d->members * sizeof(d->member[0]));
}

static struct fold_look *copy_of(const struct draft *d, uint32_t hash)
{
	size_t ranges = d->ranges * sizeof(d->range[0]);
	size_t more = d->ranges * sizeof(d->more[0]);
	size_t members = d->members * sizeof(d->member[0]);
	struct fold_rest *r = malloc(sizeof(*r) + more + members);
	struct fold_look *l = malloc(sizeof(*l) + ranges);

	if (!r || !l) {
		free(r);
		free(l);
		return NULL;
	}
	*l = (struct fold_look){ .counts = d->counts, .ranges = d->ranges,
				 .rest = r };
	*r = (struct fold_rest){
		.pages = d->pages, .page = hot_block(d->pages),
		.place = hot_block_place(d->pages), .hash = hash,
		.members = d->members, .has_stack = d->has_stack,
		.member = (struct fold_member *)(void *)
			  ((char *)r + sizeof(*r) + more) };
	memcpy(l->range, d->range, ranges);
	memcpy(r->more, d->more, more);
	memcpy(r->member, d->member, members);
	return l;
}

/* The one that is like it, if need be a new one. */
static struct fold_look *keep(struct fold_looks *all, const struct draft *d)
{
	uint32_t hash = hash_of(d);
	struct fold_look **first = &all->bucket[hash % FOLD_BUCKETS], *l;

	for (l = *first; l && !is_like(l, d, hash); l = l->rest->next) {
	}
	if (!l) {
		l = copy_of(d, hash);
		if (!l) {
			return NULL;
		}
		((struct fold_rest *)(uintptr_t)l->rest)->next = *first;
		*first = l;
		all->count++;
	}
	return l;
}

static void take_block(struct draft *d, const struct fold *f)
{
	d->counts = (uint64_t)f->count << 32 | f->accesses;
	d->pages = f->pages;
}

struct fold_look *fold_lead(struct fold_looks *all, const struct fold *f,
			    unsigned insn)
{
	struct draft d;

	d.counts = d.pages = d.ranges = d.members = 0;
	d.has_stack = false;
	if (f->what[insn] == FOLD_FIRST_LEAD) {
		take_block(&d, f);
	}
	take_group(&d, f, &f->group[f->number[insn]]);
	return keep(all, &d);
}

static bool is_stack(const struct fold_group *g)
{
	return g->early && g->base == OPERANDS_RSP + 1 && !g->index &&
	       !g->segment;
}

struct fold_look *fold_entry(struct fold_looks *all, const struct fold *f)
{
	unsigned stack = 0;
	struct draft d;

	d.ranges = d.members = 0;
	take_block(&d, f);
	while (stack < f->groups && !is_stack(&f->group[stack])) {
		stack++;
	}
	d.has_stack = stack < f->groups;
	if (d.has_stack) {
		take_group(&d, f, &f->group[stack]);
	}
	for (unsigned i = 0; i < f->groups; i++) {
		if (f->group[i].early && i != stack) {
			take_group(&d, f, &f->group[i]);
		}
	}
	return keep(all, &d);
}

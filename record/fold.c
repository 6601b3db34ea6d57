/* SPDX-License-Identifier: BSD-2-Clause */
#include "record/fold.h"

#include <stdlib.h>
#include <string.h>

#define PAGE 4096

void fold_start(struct fold *f)
{
	f->count = f->accesses = 0;
	f->groups = 0;
	f->has_first = false;
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

/* QEMU makes several accesses of one that is larger than this: it can only
 * lead itself, a piece at a time. */
enum {
	WHOLE = 8,
};

static enum fold_what place(struct fold *f, const struct operands *o)
{
	struct fold_group new = group_of(f, o), *g;
	struct operands piece = *o;

	for (unsigned i = 0; i < f->groups; i++) {
		g = &f->group[i];
		/* Unsigned: it may be anything. */
		int64_t at = (int64_t)((uint64_t)new.disp - (uint64_t)g->disp);

		if (g->open && are_alike(g, &new) && join(g, at, o)) {
			f->number[f->count] = (uint8_t)i;
			f->at[f->count] = (int16_t)at;
			return FOLD_NOTHING;
		}
	}
	if (f->groups == FOLD_GROUPS) {
		return FOLD_UNKNOWN;
	}
	g = &f->group[f->groups];
	*g = new;
	g->open = o->size <= WHOLE;
	piece.size = g->open ? o->size : WHOLE;
	join(g, 0, &piece);
	f->number[f->count] = (uint8_t)f->groups++;
	f->at[f->count] = 0;
	/* One that reads and writes is called back twice. */
	if (f->has_first || !g->open ||
	    o->kinds == (OPERANDS_READ | OPERANDS_WRITE)) {
		return FOLD_LEAD;
	}
	f->has_first = true;
	return FOLD_FIRST_LEAD;
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
		f->accesses += what != FOLD_UNKNOWN;
		apply(f, &o);
	} else {
		what = FOLD_NOTHING;
		apply(f, &o);
	}
	f->what[f->count++] = (uint8_t)what;
}

/* ---- leads -------------------------------------------------------------- */

struct fold_block fold_block(const struct fold *f)
{
	return (struct fold_block){
		.pages = f->pages,
		.counts = (uint64_t)f->count << 32 | f->accesses };
}

unsigned fold_kinds(const struct fold *f, unsigned insn)
{
	return f->group[f->number[insn]].kinds;
}

static uint32_t hash_of(const struct fold_lead *l)
{
	uint64_t h = l->block.pages * UINT64_C(0x9e3779b97f4a7c15) +
		     l->block.counts + l->glance;

	for (unsigned i = 0; i < l->count; i++) {
		h = (h ^ (uint16_t)l->member[i].at ^
		     (uint64_t)l->member[i].kinds << 16 ^
		     (uint64_t)l->member[i].size << 24) *
		    UINT64_C(0x100000001b3);
	}
	return (uint32_t)(h ^ h >> 32);
}

static bool are_same(const struct fold_lead *a, const struct fold_lead *b)
{
	/* The glances differ in the number. */
	return a->hash == b->hash && a->block.pages == b->block.pages &&
	       a->block.counts == b->block.counts && a->count == b->count &&
	       memcmp(a->member, b->member,
		      a->count * sizeof(a->member[0])) == 0;
}

static const struct fold_lead *add(struct fold_leads *all,
				   const struct fold_lead *l)
{
	struct fold_lead *new;

	if (all->count == FOLD_LEADS || !(new = malloc(sizeof(*new)))) {
		return NULL;
	}
	*new = *l;
	new->glance |= (uint64_t)all->count << 32;
	all->lead[all->count] = new;
	all->block[all->count] = l->block;
	all->count++;
	return new;
}

const struct fold_lead *fold_lead(struct fold_leads *all,
				  const struct fold *f, unsigned insn)
{
	const struct fold_group *g = &f->group[f->number[insn]];
	struct fold_lead l = {
		.glance = fold_glance(g->low, g->high, 0), .count = g->count,
	};
	struct fold_lead **at;

	if (f->what[insn] == FOLD_FIRST_LEAD) {
		l.block = fold_block(f);
	}
	memcpy(l.member, g->member, g->count * sizeof(g->member[0]));
	l.hash = hash_of(&l);
	at = &all->bucket[l.hash % FOLD_BUCKETS];
	while (*at && !are_same(*at, &l)) {
		at = &(*at)->next;
	}
	if (!*at) {
		*at = (struct fold_lead *)(uintptr_t)add(all, &l);
	}
	return *at;
}

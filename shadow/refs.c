/* SPDX-License-Identifier: BSD-2-Clause */
#include "shadow/refs.h"

#define CHUNK_SHIFT 6
#define CHUNK_REFS 14u
#define IS_CHUNK (1u << 31)

struct chunk {
	uint32_t next;		/* number of the next chunk, 0 = last */
	uint16_t count;		/* only the first one may be partly filled */
	uint16_t chunks;	/* in the list; valid in the first one */
	uint32_t ref[CHUNK_REFS];
};

GN_STATIC_ASSERT(sizeof(struct chunk) == 1u << CHUNK_SHIFT,
		 "a chunk fills its slab object");
GN_STATIC_ASSERT(((uint64_t)GN_SH_PAGES_MAX << 9 | 511) < GN_SH_REFS_BUSY,
		 "a reference leaves the two bits of a head alone");

static struct chunk *chunk_at(const struct gn_sh *sh, uint32_t link)
{
	return gn_slab_at_shift(&sh->chunks, link & ~IS_CHUNK, CHUNK_SHIFT);
}

enum gnomon_status gn_sh_refs_reserve(struct gn_sh *sh, uint32_t count)
{
	if (__builtin_expect(sh->chunks.free_count >= count, 1)) {
		return GNOMON_OK;
	}
	return gn_slab_reserve(&sh->chunks, count);
}

bool gn_sh_refs_full_slow(const struct gn_sh *sh, uint32_t list)
{
	if (!(list & IS_CHUNK)) {
		return false;
	}
	const struct chunk *c = chunk_at(sh, list);

	return c->count == CHUNK_REFS &&
	       c->chunks >= sh->config.chain_max / CHUNK_REFS;
}

static struct chunk *push_chunk(struct gn_sh *sh, uint32_t *list,
				uint32_t number)
{
	struct chunk *c = chunk_at(sh, number);

	GN_ASSERT(number != 0);
	c->next = 0;
	c->count = 0;
	c->chunks = 1;
	if (*list & IS_CHUNK) {
		const struct chunk *old = chunk_at(sh, *list);

		c->next = *list & ~IS_CHUNK;
		c->chunks = (uint16_t)(old->chunks + 1);
	} else {
		c->ref[c->count++] = *list;
	}
	*list = number | IS_CHUNK;
	return c;
}

void gn_sh_refs_add_slow(struct gn_sh *sh, uint32_t *list, uint32_t ref)
{
	struct chunk *c = *list & IS_CHUNK ? chunk_at(sh, *list) : NULL;

	if (!c || c->count == CHUNK_REFS) {
		c = push_chunk(sh, list, gn_slab_take_dirty(&sh->chunks));
	}
	c->ref[c->count++] = ref;
}

/* Add to a list of our own that is neither empty nor full. */
static bool put(struct gn_sh_vcpu *vcpu, uint32_t *list, uint32_t ref)
{
	struct gn_sh *sh = vcpu->sh;
	struct chunk *c = *list & IS_CHUNK ? chunk_at(sh, *list) : NULL;

	if (!c || c->count == CHUNK_REFS) {
		if (vcpu->stock_count == 0) {
			return false;
		}
		c = push_chunk(sh, list, vcpu->stock[--vcpu->stock_count]);
	}
	c->ref[c->count++] = ref;
	return true;
}

bool gn_sh_refs_put_slow(struct gn_sh_vcpu *vcpu, uint32_t *list,
			 uint32_t ref)
{
	uint32_t old = __atomic_load_n(list, __ATOMIC_RELAXED);

	/* It was not empty just now, and nobody else takes out meanwhile. */
	if ((old & GN_SH_REFS_BUSY) ||
	    !__atomic_compare_exchange_n(list, &old, old | GN_SH_REFS_BUSY,
					 false, __ATOMIC_ACQUIRE,
					 __ATOMIC_RELAXED)) {
		return false;
	}
	bool done = !gn_sh_refs_full(vcpu->sh, old) && put(vcpu, &old, ref);

	__atomic_store_n(list, old, __ATOMIC_RELEASE);
	return done;
}

void gn_sh_refs_stock(struct gn_sh_vcpu *vcpu, uint32_t keep)
{
	struct gn_slab *chunks = &vcpu->sh->chunks;

	while (vcpu->stock_count < GN_SH_STOCK_MAX &&
	       chunks->free_count > keep) {
		vcpu->stock[vcpu->stock_count++] = gn_slab_take_dirty(chunks);
	}
}

/*
 * Take the last reference out of the first chunk, and the chunk away when it
 * has no more, or one that can be alone again.
 */
static void pop(struct gn_sh *sh, uint32_t *list, struct chunk *c)
{
	uint32_t number = *list & ~IS_CHUNK;

	if (--c->count > 1 || (c->count && c->next)) {
		return;
	}
	if (c->next) {
		chunk_at(sh, c->next)->chunks = (uint16_t)(c->chunks - 1);
		*list = c->next | IS_CHUNK;
	} else {
		*list = c->count ? c->ref[0] : 0;
	}
	gn_slab_give(&sh->chunks, number);
}

static uint32_t *find(const struct gn_sh *sh, uint32_t list, uint32_t ref)
{
	for (uint32_t link = list & ~IS_CHUNK; link;) {
		struct chunk *c = chunk_at(sh, link);

		for (unsigned i = 0; i < c->count; i++) {
			if (c->ref[i] == ref) {
				return &c->ref[i];
			}
		}
		link = c->next;
	}
	return NULL;
}

bool gn_sh_refs_remove_slow(struct gn_sh *sh, uint32_t *list, uint32_t ref)
{
	if (!(*list & IS_CHUNK)) {
		return false;
	}
	uint32_t *at = find(sh, *list, ref);

	if (!at) {
		return false;
	}
	/* The hole is filled before the chunk that it lies in may go. */
	struct chunk *c = chunk_at(sh, *list);

	*at = c->ref[c->count - 1];
	pop(sh, list, c);
	return true;
}

uint32_t gn_sh_refs_first(const struct gn_sh *sh, uint32_t list)
{
	if (!(list & IS_CHUNK)) {
		return list;
	}
	const struct chunk *c = chunk_at(sh, list);

	return c->ref[c->count - 1];
}

void gn_sh_refs_begin(const struct gn_sh *sh, uint32_t list,
		      struct gn_sh_refs_iter *iter)
{
	*iter = (struct gn_sh_refs_iter){ 0 };
	if (list & IS_CHUNK) {
		iter->chunk = list & ~IS_CHUNK;
		iter->left = chunk_at(sh, list)->count;
	} else {
		iter->alone = list;
	}
}

uint32_t gn_sh_refs_next(const struct gn_sh *sh, struct gn_sh_refs_iter *iter)
{
	if (!iter->chunk) {
		uint32_t ref = iter->alone;

		iter->alone = 0;
		return ref;
	}
	const struct chunk *c = chunk_at(sh, iter->chunk);
	uint32_t ref = c->ref[--iter->left];

	if (iter->left == 0) {
		iter->chunk = c->next;
		iter->left = c->next ? chunk_at(sh, c->next)->count : 0;
	}
	return ref;
}

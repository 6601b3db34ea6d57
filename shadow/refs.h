/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lists of references to sptes: the reverse map of a frame (leaves that map
 * it) and the parents of a shadow page (entries that lead to it). A list is
 * one number: 0 when empty, the reference itself while it is alone, else a
 * chunk of fourteen of them and on.
 *
 * No list grows beyond config.chain_max, so that walking one is bounded: a
 * guest may map one frame a million times, but we need not remember it.
 */
#ifndef SHADOW_REFS_H
#define SHADOW_REFS_H

#include "shadow/shadow.h"

/* In the head of a list: one of several vcpus is adding to it. */
#define GN_SH_REFS_BUSY	(1u << 30)

/* An spte by page number and index; fits 30 bits and is never 0. */
static inline uint32_t gn_sh_ref(const struct gn_sh_page *page, unsigned index)
{
	return page->number << 9 | index;
}

static inline struct gn_sh_page *gn_sh_ref_page(const struct gn_sh *sh,
						uint32_t ref)
{
	return gn_sh_page_at(sh, ref >> 9);
}

static inline unsigned gn_sh_ref_index(uint32_t ref)
{
	return ref & 511;
}

/* Room for count more references, whatever lists they go to. */
enum gnomon_status gn_sh_refs_reserve(struct gn_sh *sh, uint32_t count)
	GNOMON_MUST_USE;
/* Is the list as long as it may get? Drop an entry of it before adding. */
bool gn_sh_refs_full_slow(const struct gn_sh *sh, uint32_t list);
static inline bool gn_sh_refs_full(const struct gn_sh *sh, uint32_t list)
{
	return list && gn_sh_refs_full_slow(sh, list);
}
void gn_sh_refs_add_slow(struct gn_sh *sh, uint32_t *list, uint32_t ref);
bool gn_sh_refs_remove_slow(struct gn_sh *sh, uint32_t *list, uint32_t ref);

static inline void gn_sh_refs_add(struct gn_sh *sh, uint32_t *list,
				  uint32_t ref)
{
	if (*list == 0) {
		*list = ref;
	} else {
		gn_sh_refs_add_slow(sh, list, ref);
	}
}

/*
 * gn_sh_refs_add() while several vcpus hold the vm, with a chunk of the vcpu's
 * own stock if it takes one. False, and no change, when the list is full or
 * busy or the stock is empty.
 */
bool gn_sh_refs_put_slow(struct gn_sh_vcpu *vcpu, uint32_t *list,
			 uint32_t ref);

static inline bool gn_sh_refs_put(struct gn_sh_vcpu *vcpu, uint32_t *list,
				  uint32_t ref)
{
	uint32_t none = 0;

	return __atomic_compare_exchange_n(list, &none, ref, false,
					   __ATOMIC_ACQUIRE,
					   __ATOMIC_RELAXED) ||
	       gn_sh_refs_put_slow(vcpu, list, ref);
}

/* Fill the vcpu's stock from what is there beyond keep references. */
void gn_sh_refs_stock(struct gn_sh_vcpu *vcpu, uint32_t keep);
/* False when ref is not in the list. */
static inline bool gn_sh_refs_remove(struct gn_sh *sh, uint32_t *list,
				     uint32_t ref)
{
	if (*list == ref) {
		*list = 0;
		return true;
	}
	return gn_sh_refs_remove_slow(sh, list, ref);
}

/* Some entry, 0 when empty. */
uint32_t gn_sh_refs_first(const struct gn_sh *sh, uint32_t list);

/* Walk a list that does not change meanwhile. */
struct gn_sh_refs_iter {
	uint32_t chunk;
	uint32_t left;		/* in the chunk */
	uint32_t alone;
};
void gn_sh_refs_begin(const struct gn_sh *sh, uint32_t list,
		      struct gn_sh_refs_iter *iter);
/* The next reference, 0 at the end. */
uint32_t gn_sh_refs_next(const struct gn_sh *sh,
			 struct gn_sh_refs_iter *iter);

#endif

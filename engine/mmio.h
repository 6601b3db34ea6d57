/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where a vcpu last met a device: faults there are answered without a walk.
 * Like a TLB entry it lives until the vcpu's next flush point; and it dies with
 * the vm's generation, which grows before and after each change of the slots,
 * with each change of the host and with each store that the VMM makes, so that
 * memory never answers as a device nor the other way round.
 */
#ifndef ENGINE_MMIO_H
#define ENGINE_MMIO_H

#include "gnomon/gnomon.h"

#define GN_ENG_MMIO_WAYS 8u

struct gn_eng_mmio {
	uint64_t generation;	/* of the slots; 0: empty */
	uint64_t page;		/* gva >> 12 */
	uint64_t gfn;
	uint32_t access;	/* the very same access was allowed */
};

/* By the page's low bits. */
struct gn_eng_mmio_cache {
	struct gn_eng_mmio way[GN_ENG_MMIO_WAYS];
	bool used;		/* something may be in it */
};

static inline void gn_eng_mmio_flush(struct gn_eng_mmio_cache *cache)
{
	if (cache->used) {
		*cache = (struct gn_eng_mmio_cache){ .used = false };
	}
}

/* True: *out answers the fault. */
static inline bool gn_eng_mmio_find(const struct gn_eng_mmio_cache *cache,
				    uint64_t generation,
				    const struct gnomon_fault *fault,
				    struct gnomon_outcome *out)
{
	uint64_t page = fault->gva.v >> GNOMON_PAGE_SHIFT;
	const struct gn_eng_mmio *m = &cache->way[page % GN_ENG_MMIO_WAYS];

	if (!cache->used || m->generation != generation || m->page != page ||
	    m->access != fault->access || fault->nested) {
		return false;
	}
	out->action = GNOMON_DO_MMIO;
	out->kind = GNOMON_KIND_MMIO;
	out->gpa.v = m->gfn << GNOMON_PAGE_SHIFT |
		     (fault->gva.v & (GNOMON_PAGE_BYTES - 1));
	return true;
}

static inline void gn_eng_mmio_keep(struct gn_eng_mmio_cache *cache,
				    uint64_t generation,
				    const struct gnomon_fault *fault,
				    const struct gnomon_outcome *out)
{
	uint64_t page = fault->gva.v >> GNOMON_PAGE_SHIFT;

	cache->way[page % GN_ENG_MMIO_WAYS] = (struct gn_eng_mmio){
		.generation = generation, .page = page,
		.gfn = out->gpa.v >> GNOMON_PAGE_SHIFT,
		.access = fault->access,
	};
	cache->used = true;
}

#endif

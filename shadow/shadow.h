/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The tables that the CPU walks instead of the guest's, all of one vm.
 *
 * A shadow page is 512 sptes under the key (gfn, role). Four nets hold it:
 * the record of its frame lists the pages of one gfn (page.h), its parents
 * are the sptes that lead to it (refs.h), each leaf in it stands in the
 * reverse map of the frame it maps (also refs.h), and the age list orders
 * pages for reclaim.
 *
 * Rules: set.c alone writes sptes and keeps the nets. A page that is taken out
 * of the nets rests in limbo until no CPU can still be walking it, that is,
 * until every vcpu that ran when it went has dropped its translations.
 *
 * Threads: whoever holds the vm alone may do anything. Several vcpus that hold
 * it together (quick.c) may fill entries of level 1 and change nothing else
 * that is not their own: an entry belongs to him who put GN_SPTE_BUSY into it,
 * a reverse map to him who put GN_SH_REFS_BUSY into its head, and nobody waits
 * for either. docs/decisions/0005-shared-fill.md has the reasons.
 */
#ifndef SHADOW_SHADOW_H
#define SHADOW_SHADOW_H

#include "base/frames.h"
#include "base/list.h"
#include "base/mem.h"
#include "base/slots.h"
#include "shadow/entry.h"
#include "shadow/role.h"
#include "tracefault/decide.h"

#define GN_SH_ENTRIES 512u
#define GN_SH_PAGES_MAX ((1u << 21) - 1)
#define GN_SH_MODES 4
#define GN_SH_OPEN_MAX 64u	/* unsync frames at once */
#define GN_SH_LOOSE_MAX 128u	/* frames that nested vcpus may write */
#define GN_SH_PATH_MAX 5u	/* new pages that one fault may need */
#define GN_SH_STOCK_MAX 16u	/* chunks of refs.c kept by each vcpu */

enum gn_sh_state {
	GN_SH_LIVE = 1,
	GN_SH_DEAD_ROOT,	/* empty and without a key, but still loaded */
	GN_SH_LIMBO,		/* waits for the CPUs to leave it */
};

struct gn_sh_page {
	uint32_t number;
	uint32_t next;		/* page of the same gfn; 0 = last */
	/*
	 * Indirect: frame of memory of the table. Direct: guest frame that
	 * entry 0 maps, for the block may show more than one slot. Top: the
	 * vcpu's id.
	 */
	uint64_t gfn;
	uint64_t *spt;		/* the entries that the CPU walks */
	uint64_t *snap;		/* gpte that each entry was made from */
	struct gn_sh_page **kids; /* the page below a table entry */
	gnomon_hpa_t hpa;
	struct gn_list age;	/* youngest first; or limbo */
	union gn_sh_role role;
	uint32_t parents;	/* refs of the sptes that point here */
	struct gn_tf_record *trace; /* of its frame; top: null */
	uint64_t plain_bad;	/* see plain.h */
	uint64_t plain_keep;
	uint32_t generation;	/* the vm's when it was made */
	uint16_t used;		/* present entries */
	uint16_t roots;		/* vcpus that have it loaded */
	uint8_t state;		/* enum gn_sh_state */
	bool referenced;	/* walked for a fill since reclaim looked */
	bool orphan;		/* its last parent let go of it */
};
#define GN_SH_PAGE_SHIFT 7

/* Thresholds and switches; see struct gnomon_config. */
struct gn_sh_config {
	struct gnomon_caps caps;
	struct gn_tf_limits flood;
	uint32_t options;
	uint32_t pages_max;	/* 0 = no limit */
	uint32_t chain_max;	/* refs in one list */
	uint8_t prefetch;	/* entries looked at around a fill */
	uint8_t open_max;	/* unsync frames, at most GN_SH_OPEN_MAX */
	uint8_t open_quiet;	/* unchanged flush points before the trace */
	uint8_t host_maxphyaddr;
	bool agile;		/* the CPU knows the switching bit: agile.h */
};

/* A context for decoding gptes of pages in some role; control bits only. */
struct gn_sh_mode {
	uint32_t key;
	struct gn_gpt_ctx ctx;
};

struct gn_sh {
	const struct gnomon_host *host;
	void *ctx;
	struct gn_pool *pool;
	const struct gn_slots *slots;
	struct gn_mem *mem;	/* by addresses of memory */
	struct gnomon_stats *stats;
	struct gn_sh_config config;
	struct gn_frames frames;
	struct gn_tf tf;
	struct gn_slab pages;	/* struct gn_sh_page */
	struct gn_slab chunks;	/* see refs.c */
	struct gn_list age;
	struct gn_list limbo;
	uint32_t tables;	/* pages in memory */
	uint32_t live;		/* of them, those that are not in limbo */
	uint32_t limbo_count;
	uint64_t refs;		/* of all reverse maps; gn_sh_refs_total() */
	uint32_t large;		/* of them, those of more than 4K; switches */
	uint32_t below;		/* guest tables that are marked: agile.h */
	uint32_t generation;	/* pages of another one are only in the way */
	/* Grows when a page loses a parent, or an upper table is stored to. */
	uint64_t shape;
	uint32_t loaded[GNOMON_VCPUS_MAX]; /* root of each vcpu, 0 = none */
	/* The root before that: the CPU has it until it loads the new one. */
	uint32_t left[GNOMON_VCPUS_MAX];
	struct gn_sh_vcpu *vcpu[GNOMON_VCPUS_MAX]; /* null: there is none */
	uint64_t vcpus;		/* bit n: vcpu n has run on our tables */
	/* vcpus whose TLB may hold what sptes no longer say. */
	uint64_t stale;		/* translations that a CR3 load drops */
	uint64_t stale_global;	/* and those that it leaves */
	/* Of the latter, those with pieces of a large page of the guest's. */
	uint64_t stale_pieces;
	/* Stale as well, but told to drop it at the load that is under way. */
	uint64_t due;
	uint32_t open_count;	/* unsync frames, in no order */
	uint64_t open_gfn[GN_SH_OPEN_MAX];
	uint32_t loose_count;	/* see unsync.h; oldest first */
	uint64_t loose_gfn[GN_SH_LOOSE_MAX];
	/* vcpus that run, or ran since they were last here, on other tables. */
	uint64_t others;
	uint32_t dropping;	/* slots whose ranges are not yet dropped */
	/* Address spaces that nobody has chosen for are not shadowed. */
	bool elsewhere;
	uint32_t mode_next;
	struct gn_sh_mode mode[GN_SH_MODES];
};

/* How a fault came to a leaf table: worth nothing once the shape differs. */
struct gn_sh_way {
	uint32_t root;		/* 0: no way yet */
	uint64_t tag;		/* gva >> 21 */
	uint64_t shape;
	struct gn_sh_page *page; /* mirror of level 1 */
};
#define GN_SH_WAYS 8u

struct gn_sh_vcpu {
	struct gn_sh *sh;
	uint32_t id;
	unsigned view;		/* that it sees memory in (base/slots.h) */
	const struct gn_mem *mem; /* by the guest's addresses in it */
	struct gn_gpt_ctx ctx;	/* as the registers are */
	union gn_sh_role role;	/* that the registers select */
	uint32_t root;		/* page number, 0 before the first load */
	struct gn_sh_page *top;	/* that page, or null */
	/* The store that last made us give a table up. */
	uint64_t gave_up_rip;
	uint64_t gave_up_gva;
	/* What is added without holding the vm alone; sums up with the vm's. */
	struct gnomon_stats *stats;
	uint64_t refs;
	/* Chunks for reverse maps, taken while the vm was held alone. */
	uint32_t stock_count;
	uint32_t stock[GN_SH_STOCK_MAX];
	struct gn_sh_way way[GN_SH_WAYS]; /* by tag */
};

void gn_sh_init(struct gn_sh *sh, const struct gn_sh_config *config,
		const struct gnomon_host *host, void *ctx,
		struct gn_pool *pool, const struct gn_slots *slots,
		struct gn_mem *mem, struct gnomon_stats *stats);
/* stats is the vcpu's own, zeroed. */
void gn_sh_vcpu_init(struct gn_sh *sh, struct gn_sh_vcpu *vcpu, uint32_t id,
		     struct gnomon_stats *stats);
/* After gn_sh_root_leave(): what it kept goes back. */
void gn_sh_vcpu_exit(struct gn_sh_vcpu *vcpu);
/* Entries of all reverse maps; nobody else may hold the vm. */
uint64_t gn_sh_refs_total(const struct gn_sh *sh);
/* All pages back to the pool; no vcpu is left. GNOMON_OK or _MORE. */
enum gnomon_status gn_sh_destroy(struct gn_sh *sh, uint32_t *budget)
	GNOMON_MUST_USE;

static inline struct gn_sh_page *gn_sh_page_at(const struct gn_sh *sh,
					       uint32_t number)
{
	return gn_slab_at_shift(&sh->pages, number, GN_SH_PAGE_SHIFT);
}

static inline bool gn_sh_option(const struct gn_sh *sh, uint32_t option)
{
	return (sh->config.options & option) != 0;
}

static inline void gn_sh_event(const struct gn_sh *sh, enum gnomon_event event,
			       uint64_t a, uint64_t b)
{
	if (sh->host->event) {
		sh->host->event(sh->ctx, event, a, b);
	}
}

/* What an entry of a page leads to. */
struct gn_sh_key {
	uint64_t gfn;
	union gn_sh_role role;
};

/*
 * The key of the child below entry index of page, when that holds gpte: where
 * a table entry leads, or the direct page that breaks a large leaf up.
 * Direct pages ignore gpte; in a top page it is the PDPTE or CR3. False when
 * gpte leads nowhere.
 */
bool gn_sh_child_key(struct gn_sh *sh, const struct gn_sh_page *page,
		     unsigned index, uint64_t gpte, struct gn_sh_key *key);

/* A context that decodes gptes the way pages of this role do. */
const struct gn_gpt_ctx *gn_sh_mode(struct gn_sh *sh, union gn_sh_role role);

/* ---- TLBs (flush.c) ------------------------------------------------------ */

/* Sptes lost rights or vanished; the guest has to flush, not we. */
static inline void gn_sh_note_stale(struct gn_sh *sh, bool global)
{
	sh->stale = sh->vcpus;
	if (global) {
		sh->stale_global = sh->vcpus;
	}
}

/* Make every vcpu drop everything that sptes no longer say. */
void gn_sh_flush_stale(struct gn_sh *sh);

/* Drop the page of so many bytes around gva, on one vcpu; 0 = everything. */
void gn_sh_flush_page(struct gn_sh *sh, uint32_t vcpu, uint64_t gva,
		      uint64_t bytes);
/* The vcpu has dropped its translations. */
void gn_sh_flushed(struct gn_sh *sh, uint32_t vcpu, bool globals);
/*
 * The vcpu will drop them as it loads the root it was given; its next call
 * says that it has (gn_sh_root_loaded()).
 */
void gn_sh_flush_due(struct gn_sh *sh, uint32_t vcpu, bool globals);
void gn_sh_flush_done(struct gn_sh *sh, uint32_t vcpu);

#endif

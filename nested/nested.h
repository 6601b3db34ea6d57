/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The second dimension: tables that turn gpa into hpa, walked by the CPU
 * beside the guest's own. Sits below engine/, which calls it when a vm is in
 * GNOMON_MODE_NESTED; asks base/slots.h what may be mapped and base/pool.h for
 * pages. It never looks at guest tables; walk2d.h joins the two dimensions.
 * Where the vm shadows address spaces as well, traces hold here too: a traced
 * frame is mapped by a 4K leaf without W, unless its record is loose.
 *
 * Tables are filled on demand, with the largest leaf that slot, host and
 * configuration allow, and may be emptied at any time: nothing here is the
 * only copy of anything but dirty bits.
 *
 * Flushes: a call that takes rights away or changes a frame calls
 * host->flush() for the vcpus in gn_np.vcpus before it returns, also before it
 * returns GNOMON_MORE, and hands table pages back only after that.
 */
#ifndef NESTED_NESTED_H
#define NESTED_NESTED_H

#include "base/dirty.h"
#include "base/list.h"
#include "base/pool.h"
#include "base/slots.h"
#include "nested/entry.h"
#include "tracefault/trace.h"

struct gn_np_config {
	const struct gn_np_format *format;
	uint8_t levels;		/* 1..5: how much gpa the root covers */
	uint8_t leaf_levels;	/* 1 = 4K leaves only, 2 = 2M too, 3 = 1G */
	uint8_t maxphyaddr;	/* bits of an hpa */
	uint32_t tables_max;	/* 0 = no limit; else at least levels */
	uint8_t around;		/* nptes in an aligned group, filled at once */
};

struct gn_np_table {
	struct gn_list all;	/* in gn_np.tables, oldest last */
	struct gnomon_page page;
	struct gnomon_page links; /* META page of child pointers; level > 1 */
	struct gn_np_table *parent;
	uint64_t first;		/* gfn that entry 0 maps */
	uint16_t index;		/* in parent */
	uint16_t used;		/* present entries */
	uint8_t level;
};

struct gn_np_stats {
	uint64_t sets;		/* entries made present or raised */
	uint64_t clears;	/* entries removed or lowered */
	uint64_t splits;
	uint64_t collapses;
	uint64_t protects;	/* leaves made read-only */
	uint64_t recycled;	/* tables dropped because of tables_max */
	uint64_t guarded;	/* leaves that lost W to a new trace */
	uint64_t around;	/* of sets, filled ahead of a violation */
	uint64_t flushes;
	uint32_t tables;	/* as of now */
	uint32_t tables_peak;
	uint32_t meta_pages;	/* as of now */
};

struct gn_np {
	struct gn_np_config config;
	const struct gnomon_host *host;
	void *ctx;
	struct gn_pool *pool;		/* shared with the rest of the vm */
	const struct gn_slots *slots;
	/* Whose guest frames the tables translate (base/slots.h). */
	unsigned view;
	struct gn_np *next;		/* tables of another view, or null */
	const struct gn_tf *tf;		/* traces and watches; null: none */
	const struct gn_dirty *dirty;	/* logs to tell; null: the caller */
	uint64_t vcpus;			/* kept by the engine */
	struct gn_np_table *root;
	struct gn_list tables;		/* every linked table */
	struct gn_list limbo;		/* unlinked, waiting for the flush */
	struct gn_list spare;		/* unused descriptors */
	uint32_t spare_count;
	void *slabs;			/* META pages they were cut from */
	uint32_t dropping;	/* slots whose ranges are not yet unmapped */
	bool flush_due;
	/*
	 * Set by the engine while a dirty log runs: only written frames become
	 * writable, one 4K leaf at a time, each reported by *dirtied.
	 */
	bool logging;
	/* And once it is, it stays so: its D bit tells of further writes. */
	bool harvesting;
	struct gn_np_stats stats;
};

/*
 * Make the root. slots, pool and host are borrowed until gn_np_destroy().
 * GNOMON_OK; GNOMON_INVAL for a bad configuration; GNOMON_NOMEM.
 */
enum gnomon_status gn_np_init(struct gn_np *np,
			      const struct gn_np_config *config,
			      const struct gnomon_host *host, void *ctx,
			      struct gn_pool *pool,
			      const struct gn_slots *slots) GNOMON_MUST_USE;
/*
 * Give every page back to the pool, one step per table. No CPU uses the root
 * any more. GNOMON_OK or GNOMON_MORE.
 */
enum gnomon_status gn_np_destroy(struct gn_np *np, uint32_t *budget)
	GNOMON_MUST_USE;
/* What the CPU loads: nCR3, or the EPT pointer. */
gnomon_hpa_t gn_np_root(const struct gn_np *np);
/* The first gfn that the tables cannot reach. */
uint64_t gn_np_gfn_limit(const struct gn_np *np);

/*
 * A violation at gpa (access: GNOMON_READ, _WRITE or _EXEC). Fills *outcome
 * wholly: RESUME (kind NESTED or SPURIOUS), DO_MMIO (no slot there, or a write
 * to ROM), EMULATE (a store to a traced frame), TRACKED, RETRY, STOP_NOMEM
 * (nothing changed), STOP_BUG. *dirtied, when not null, tells that a protected
 * frame became writable. Bounded: one entry, and config.around - 1 beside it.
 */
void gn_np_fault(struct gn_np *np, gnomon_gpa_t gpa, uint32_t access,
		 struct gnomon_outcome *outcome, bool *dirtied);

/*
 * The same for a vcpu that holds the vm together with others. False: it has
 * to be held alone for this, nothing has changed and *outcome means nothing.
 * *stats counts the entries written.
 */
bool gn_np_fault_shared(struct gn_np *np, gnomon_gpa_t gpa, uint32_t access,
			struct gnomon_stats *stats,
			struct gnomon_outcome *outcome);

/*
 * A range still to be worked on; calls advance it as they go. Tables are filed
 * by guest frames: memory that more than one of them shows takes a call for
 * each (engine/range.c).
 */
struct gn_np_range {
	gnomon_gfn_t first;
	uint64_t frames;
};

/*
 * Each takes a range and a budget (null = no limit; one step per entry or
 * empty stretch looked at) and returns GNOMON_OK when the range is done,
 * GNOMON_MORE when the budget was used up: call again with the same object.
 * None of them fails: where a large leaf reaches over the edge and there is no
 * page to split it with, unmap and protect take the whole leaf.
 */
/* Drop every translation: the slot goes, or the host takes frames back. */
enum gnomon_status gn_np_unmap(struct gn_np *np, struct gn_np_range *range,
			       uint32_t *budget) GNOMON_MUST_USE;
/* Take W away; the next write reports *dirtied and is split down to 4K. */
enum gnomon_status gn_np_protect(struct gn_np *np, struct gn_np_range *range,
				 uint32_t *budget) GNOMON_MUST_USE;
/*
 * A trace of gfn, a frame of memory, starts: every leaf that shows it loses W,
 * and with it all that a large leaf maps, for there may be no page to split it
 * with.
 */
void gn_np_guard(struct gn_np *np, uint64_t gfn);
/* The same for the keeper of the traces; tables is a struct gn_np. */
extern const struct gn_tf_other gn_np_other;
/* Split every leaf larger than level. Needs pages: also GNOMON_NOMEM. */
enum gnomon_status gn_np_split(struct gn_np *np, struct gn_np_range *range,
			       unsigned level, uint32_t *budget)
	GNOMON_MUST_USE;
/*
 * Count the frames whose leaf the CPU has used, a large leaf with all its
 * frames in the range; with clear its A bit goes, so that the next use shows.
 */
enum gnomon_status gn_np_young(struct gn_np *np, struct gn_np_range *range,
			       bool clear, uint64_t *young, uint32_t *budget)
	GNOMON_MUST_USE;
/*
 * The dirty log that the CPU keeps: set the bit in dirty of each frame whose
 * leaf it has marked (a large leaf counts as written wholly) and clear the
 * mark. No write is lost: a CPU that still has
 * the leaf as dirty in its TLB is flushed before this returns. Where a leaf
 * goes while gn_np.harvesting is set its mark goes into gn_np.dirty.
 */
enum gnomon_status gn_np_harvest(struct gn_np *np, struct gn_np_range *range,
				 const struct gn_dirty *dirty,
				 uint32_t *budget) GNOMON_MUST_USE;
/*
 * Is gfn young? With clear its leaf's mark goes, if gfn is the last that the
 * leaf maps or last is set. *skip: frames from gfn on that are alike holes.
 */
bool gn_np_is_young(struct gn_np *np, uint64_t gfn, bool clear, bool last,
		    uint64_t *skip);
/* Flush what the calls above may have left due. */
void gn_np_settle(struct gn_np *np);
/* Drop the oldest table without children, never the root; false: none. */
bool gn_np_shrink_one(struct gn_np *np);
/* Join full tables that the host backs by one large block into a leaf. */
enum gnomon_status gn_np_collapse(struct gn_np *np, struct gn_np_range *range,
				  uint32_t *budget) GNOMON_MUST_USE;

/* ---- looking ------------------------------------------------------------ */

enum gn_np_end {
	GN_NP_END_OK = 0,
	GN_NP_END_ABSENT,	/* a hole on the way */
	GN_NP_END_DENIED,	/* a leaf, but not for this access */
	GN_NP_END_BAD,		/* reserved bits or the like */
};

/* One walk as the CPU makes it: entry addresses in the order they are read. */
struct gn_np_walk {
	enum gn_np_end end;
	uint8_t refs;		/* entries read */
	uint8_t level;		/* of the entry that ended it */
	uint32_t rights;	/* OK and DENIED */
	gnomon_hpa_t hpa;	/* OK: of the byte asked for */
	gnomon_hpa_t entry[GN_NP_LEVELS];
	uint64_t npte;		/* the last entry read */
};

/* Changes nothing, A and D bits included. */
void gn_np_walk(const struct gn_np *np, gnomon_gpa_t gpa, uint32_t access,
		struct gn_np_walk *walk);

/* See gnomon_audit(). Asks host->frame() with want = 0 at the full level. */
enum gnomon_status gn_np_audit(const struct gn_np *np,
			       enum gnomon_audit_level level,
			       struct gnomon_audit *report) GNOMON_MUST_USE;

#endif

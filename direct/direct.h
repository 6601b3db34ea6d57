/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Direct paging: the CPU walks the guest's own tables. While a frame is a
 * table, its entries in guest memory hold hpas (machine entries), every one
 * written by set.c; what the guest asked for, in gpas, is kept beside it.
 *
 *	guest frame		what the CPU walks	machine[512]
 *	its bookkeeping page	what the guest wrote	stored[512]
 *	another			who is behind each	cells[512]
 *
 * A machine entry is 0 (not filled yet: the next access fills it) or made of
 * its stored entry. Two rules keep the guest inside its memory:
 *
 *	A frame is a table of one level, or it may be writable; never both.
 *	An entry above the leaf names a table of the level below, or nothing.
 *
 * Where a large leaf covers a table, a page of our own (a split) takes its
 * place: 512 smaller leaves that follow the guest's one.
 *
 * Sits on guestpt/; knows nothing of shadow/ or nested/. All calls want the
 * vm to themselves.
 */
#ifndef DIRECT_DIRECT_H
#define DIRECT_DIRECT_H

#include "base/frames.h"
#include "base/mem.h"
#include "base/slab.h"
#include "base/slots.h"
#include "guestpt/ctx.h"

#define GN_DP_ENTRIES 512u

enum gn_dp_flags {
	GN_DP_SPLIT = 1u << 0,	/* our page, below a large leaf */
	GN_DP_PINNED = 1u << 1,
	GN_DP_LISTED = 1u << 2,	/* among those that nothing refers to */
};

/* A frame that is a table, or a split. 64 bytes, in a slab. */
struct gn_dp_table {
	uint64_t gfn;		/* SPLIT: number of the table above */
	uint64_t hpa;
	uint64_t *machine;
	uint64_t *stored;	/* SPLIT: null */
	uint32_t *cells;	/* 0, a gn_dp_cell, or GN_DP_LINK | table */
	uint32_t refs;		/* entries, vcpus and the pin that hold it */
	uint32_t next, prev;	/* LISTED: its neighbours */
	uint16_t index;		/* SPLIT: of the large leaf above */
	uint16_t filled;	/* entries that a pin is done with */
	uint8_t level;
	uint8_t flags;
};

#define GN_DP_LINK (1u << 31)

/* A leaf that maps a frame, in the frame's list. 16 bytes, in a slab. */
struct gn_dp_cell {
	uint32_t next, prev;	/* prev 0: the list's head */
	uint32_t table;
	uint16_t index;
	uint16_t depth;		/* at least the cells behind it, capped */
};

struct gn_dp_config {
	uint32_t options;	/* enum gnomon_opt */
	uint32_t tables_max;	/* 0: no limit */
	uint32_t chain_max;	/* leaves of one frame, at most 65535 */
	uint8_t prefetch;
};

struct gn_dp_counts {
	uint64_t tables, tables_peak;	/* = now, and most */
	uint64_t promotes, demotes;
	uint64_t updates;	/* entries the guest asked to change */
	uint64_t sets, drops;	/* machine entries */
	uint64_t splits;
	uint64_t flushes;
	uint64_t cells;		/* = */
};

struct gn_dp {
	struct gn_dp_config config;
	const struct gnomon_host *host;
	void *host_ctx;
	struct gn_pool *pool;
	struct gn_slots *slots;
	struct gn_mem *mem;
	struct gn_frames frames; /* rmap: first cell; trace: the table */
	struct gn_slab tables, cells;
	struct gn_gpt_ctx ctx;	/* by which every table is read */
	bool ready;		/* ctx is known */
	bool stale;		/* a TLB may hold what was taken away */
	uint64_t vcpus;		/* that have a root */
	uint32_t released;	/* first table that nothing refers to */
	uint64_t zap_next;	/* of a gn_dp_zap_all() under way */
	struct gn_dp_counts counts;
};

/* The part of a vcpu. */
struct gn_dp_vcpu {
	struct gn_gpt_ctx ctx;
	uint32_t root;		/* table, 0: none */
};

void gn_dp_init(struct gn_dp *dp, const struct gn_dp_config *config,
		const struct gnomon_host *host, void *ctx,
		struct gn_pool *pool, struct gn_slots *slots,
		struct gn_mem *mem);
/* Give every page back, tables as the guest wrote them. OK or MORE. */
enum gnomon_status gn_dp_destroy(struct gn_dp *dp, uint32_t *budget);

/*
 * Load ctx for a vcpu. GNOMON_OK; GNOMON_UNSUPPORTED: not long mode with
 * CR0.WP and EFER.NXE, or another format than the other vcpus have;
 * GNOMON_ABSENT: no table can be at its root; GNOMON_NOMEM.
 */
enum gnomon_status gn_dp_root_load(struct gn_dp *dp, unsigned id,
				   struct gn_dp_vcpu *vcpu,
				   const struct gn_gpt_ctx *ctx);
void gn_dp_root_leave(struct gn_dp *dp, unsigned id, struct gn_dp_vcpu *vcpu);
/* Of the table loaded, without the low bits of CR3. */
gnomon_hpa_t gn_dp_root_hpa(const struct gn_dp *dp,
			    const struct gn_dp_vcpu *vcpu);

/* Walk in guest terms; changes nothing. As gn_gpt_translate() answers. */
enum gnomon_status gn_dp_walk(const struct gn_dp *dp,
			      const struct gn_gpt_ctx *ctx, gnomon_gva_t gva,
			      uint32_t access, struct gn_gpt_walk *out);

void gn_dp_fault(struct gn_dp *dp, struct gn_dp_vcpu *vcpu,
		 const struct gnomon_fault *fault,
		 struct gnomon_outcome *out);

/* A store by the VMM, within a page; see gnomon_write(). */
enum gnomon_status gn_dp_write(struct gn_dp *dp, gnomon_gpa_t gpa,
			       const void *data, size_t bytes);
/* The gpte at an 8-byte aligned gpa, in guest terms. OK or ABSENT. */
enum gnomon_status gn_dp_read(const struct gn_dp *dp, gnomon_gpa_t gpa,
			      uint64_t *gpte);

/* GNOMON_DIRECT_SET, _PIN and _UNPIN; see gnomon_direct(). */
enum gnomon_status gn_dp_set(struct gn_dp *dp, gnomon_gpa_t gpa,
			     uint64_t gpte, bool keep_ad);
enum gnomon_status gn_dp_pin(struct gn_dp *dp, gnomon_gpa_t gpa,
			     uint64_t level, uint32_t *budget);
enum gnomon_status gn_dp_unpin(struct gn_dp *dp, gnomon_gpa_t gpa);
/* Turn tables that nothing refers to back into data. OK or MORE. */
enum gnomon_status gn_dp_release(struct gn_dp *dp, uint32_t *budget);

/* Drop what maps *next .. end - 1, or (protect) what may write there. */
enum gnomon_status gn_dp_drop_range(struct gn_dp *dp, uint64_t *next,
				    uint64_t end, bool protect,
				    uint32_t *budget);
enum gnomon_status gn_dp_young_range(struct gn_dp *dp, uint64_t *next,
				     uint64_t end, bool clear,
				     uint64_t *young, uint32_t *budget);
/* Undo splits of the range that nothing needs any more. */
enum gnomon_status gn_dp_collapse_range(struct gn_dp *dp, uint64_t *next,
					uint64_t end, uint32_t *budget);
enum gnomon_status gn_dp_zap_all(struct gn_dp *dp, uint32_t *budget);
/* Is a frame of the range a table? */
bool gn_dp_holds_table(const struct gn_dp *dp, uint64_t first,
		       uint64_t frames);

enum gnomon_status gn_dp_audit(const struct gn_dp *dp,
			       enum gnomon_audit_level level,
			       struct gnomon_audit *report);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * gnomon - policies: which mode pays for what the guest does.
 *
 * A policy is a state machine in memory that the VMM hands over. It calls
 * nothing and knows no clock: events go in, decisions come out, costs are
 * whole cycles that the VMM names. It does not know the engine either. The
 * VMM polls the decisions after the events and carries them out, a space or
 * the whole vm with gnomon_mode_switch(); a policy that is not obeyed goes on
 * from what it decided, so obey or make it anew.
 *
 * Words: a space is an address space of the guest, known by the gpa of the
 * table that its CR3 names (PCID and flags masked). A table is a guest's page
 * table, known by its gfn; level 1 maps 4K. Below a table that is nested, the
 * CPU walks the guest's own tables; above it, shadow tables.
 *
 * Ownership: the memory is the caller's until the policy is of no more use;
 * there is nothing to destroy. Threads: calls for one policy are serialised
 * by the caller.
 */
#ifndef GNOMON_POLICY_H
#define GNOMON_POLICY_H

#include <gnomon/gnomon.h>

#ifdef __cplusplus
extern "C" {
#endif

enum gnomon_policy_kind {
	/* The whole vm, by interval, from TLB misses and guest page faults. */
	GNOMON_POLICY_SHSP = 0,
	/* Each space, by accumulated cost; for today's CPUs. */
	GNOMON_POLICY_ADAPTIVE,
	/* Each space and each table, for CPUs with a switching bit. */
	GNOMON_POLICY_ADAPTIVE_HW,
	/* Each table, by writes in an interval: the agile paper's. */
	GNOMON_POLICY_AGILE,
};

/* What a space, or what lies below a table, is walked as. */
enum gnomon_policy_mode {
	GNOMON_POLICY_SHADOWED = 0,
	GNOMON_POLICY_UNSYNCED,	/* leaf tables left open between flushes */
	GNOMON_POLICY_NESTED,
};

/* ---- costs -------------------------------------------------------------- */

/*
 * Cycles of one event each, all with the round trip out of the guest where
 * there is one. From a cost preset, or measured when the VMM starts.
 */
struct gnomon_policy_prices {
	uint32_t exit;		/* a round trip with no work in between */
	uint32_t hidden;	/* a hidden fault: one spte filled */
	uint32_t true_fault;	/* found out and injected; 0 of it if nested */
	uint32_t trace_leaf;	/* a store into a leaf table emulated */
	uint32_t trace_upper;	/* into a higher table */
	uint32_t trace_open;	/* a leaf table left writable */
	uint32_t sync_table;	/* an open table compared; no round trip */
	uint32_t sync_entry;	/* of it, one changed entry; no round trip */
	uint32_t cr3;		/* a CR3 load that leaves the guest */
	uint32_t invlpg;
	uint32_t zap;		/* a shadow page dropped; no round trip */
	uint32_t sample;	/* a look at the counters; usually an exit */
	/* What the nested dimension adds to a walk, until it is measured. */
	uint32_t walk_nested;
	uint32_t fills;		/* sptes that one hidden fault fills at best */
};

/* What the CPU offers beyond today's; bits of gnomon_policy_config.hardware. */
enum gnomon_policy_hardware {
	GNOMON_HW_SWITCH_BIT = 1u << 0, /* an spte may name a guest table */
	GNOMON_HW_AD = 1u << 1,	/* sets A/D in the guest's tables as well */
	GNOMON_HW_CR3_CACHE = 1u << 2, /* changes between shadow roots itself */
};

/* AGILE: what comes back to shadow at the end of an interval. */
enum gnomon_agile_back {
	GNOMON_AGILE_BACK_ALL = 0,
	GNOMON_AGILE_BACK_CLEAN, /* tables not written in it */
};

/* Members that are 0 take the default that is named. */
struct gnomon_policy_config {
	size_t size;		/* sizeof(struct gnomon_policy_config) */
	enum gnomon_policy_kind kind;
	struct gnomon_policy_prices prices;
	uint32_t hardware;	/* enum gnomon_policy_hardware */
	uint32_t spaces;	/* spaces remembered at once; 1024 */
	uint32_t tables;	/* tables remembered at once; 4096 */
	uint64_t interval;	/* SHSP, AGILE: cycles; 10,000,000 */
	/* SHSP: of the vm. AGILE: SHADOWED, or NESTED: of each new space. */
	enum gnomon_policy_mode start;
	/* AGILE: stores to a table in an interval that make it nested; 2. */
	uint32_t agile_writes;
	enum gnomon_agile_back agile_back;
	/*
	 * AGILE with start NESTED: cycles that a space runs before it may be
	 * shadowed; an interval.
	 */
	uint64_t agile_trial;
};

/* ---- life --------------------------------------------------------------- */

struct gnomon_policy;

/* Bytes of memory, 8-byte aligned, that a policy of that shape needs. */
GNOMON_API size_t
gnomon_policy_bytes(const struct gnomon_policy_config *config);
/*
 * Make a policy in memory. GNOMON_OK; GNOMON_INVAL for a configuration that
 * makes no sense; GNOMON_UNSUPPORTED for a kind that this build lacks or
 * whose hardware is not there.
 */
GNOMON_API enum gnomon_status
gnomon_policy_create(void *memory, const struct gnomon_policy_config *config,
		     struct gnomon_policy **policy) GNOMON_MUST_USE;

/* ---- events ------------------------------------------------------------- */

/*
 * Every event names the space that was loaded when it happened and the time.
 * Costs are those of prices but where cycles is named.
 */
enum gnomon_policy_event_kind {
	/* A store into a traced table was emulated. gfn, level: the table. */
	GNOMON_PE_TRACE = 0,
	/* The same, but the leaf table gfn was left writable. */
	GNOMON_PE_OPEN,
	/* Flush point: count entries of the open leaf table gfn had changed. */
	GNOMON_PE_SYNC,
	/* A hidden fault was filled. gfn, level: the guest's leaf table. */
	GNOMON_PE_HIDDEN,
	/*
	 * count guest page faults, however they were noticed; exited tells
	 * whether each left the guest.
	 */
	GNOMON_PE_FAULT,
	/* CR3 was loaded; space is the new one; exited: it left the guest. */
	GNOMON_PE_CR3,
	/* count INVLPGs that left the guest. */
	GNOMON_PE_INVLPG,
	/*
	 * count walks (TLB misses). cycles: what the nested dimension added to
	 * them; 0 of a walk in one dimension. With a switching bit gfn names
	 * the table that the walk went nested at, level its level (0: at the
	 * root). From hardware counters (misses, and cycles in nested walks);
	 * a sample that stands for count walks will do.
	 */
	GNOMON_PE_WALK,
	/*
	 * As asked by GNOMON_SCOPE_COUNT: count leaf entries are in use, of the
	 * space or (gfn not 0) of the table; ADAPTIVE_HW: tables of the space.
	 * cycles: what shadowing it costs beside filling entries, such as the
	 * large nested leaves that its traces break up.
	 */
	GNOMON_PE_SIZE,
	/* A shadow page of the table gfn was made, dropped. */
	GNOMON_PE_TABLE_NEW,
	GNOMON_PE_TABLE_ZAP,
	/* The guest gave the space up (its table is a table no more). */
	GNOMON_PE_SPACE_END,
	/* Time passes: now. */
	GNOMON_PE_TICK,
	/* As asked by GNOMON_SCOPE_WRITTEN: the table gfn was written. */
	GNOMON_PE_WRITTEN,
};

struct gnomon_policy_event {
	enum gnomon_policy_event_kind kind;
	uint8_t vcpu;		/* below GNOMON_VCPUS_MAX */
	uint8_t level;
	bool nested;		/* WALK: in two dimensions */
	bool exited;
	uint32_t count;		/* 0 is taken as 1 */
	gnomon_gpa_t space;
	gnomon_gfn_t gfn;
	uint64_t cycles;	/* WALK: added to all count walks */
	uint64_t now;		/* the vcpu's clock in cycles, never back */
};

/* Bounded by a constant, except SPACE_END and the end of an interval, which
 * look at every table remembered. */
GNOMON_API void gnomon_policy_event(struct gnomon_policy *policy,
				    const struct gnomon_policy_event *event);

/* ---- decisions ---------------------------------------------------------- */

enum gnomon_policy_scope {
	GNOMON_SCOPE_VM = 0,	/* every space, also those to come */
	GNOMON_SCOPE_SPACE,	/* space alone */
	GNOMON_SCOPE_TABLE,	/* the table gfn at level and all below it */
	/*
	 * No change: count the leaf entries in use (accessed) of the space, or
	 * where gfn is not 0 of that table, and tell GNOMON_PE_SIZE; nothing is
	 * decided for it until then. ADAPTIVE_HW wants the space's tables.
	 */
	GNOMON_SCOPE_COUNT,
	/*
	 * No change: tell GNOMON_PE_WRITTEN once if the guest writes the table
	 * gfn, which is walked nested, from now on.
	 */
	GNOMON_SCOPE_WRITTEN,
};

struct gnomon_policy_decision {
	enum gnomon_policy_scope scope;
	enum gnomon_policy_mode mode;
	uint8_t level;
	gnomon_gpa_t space;
	gnomon_gfn_t gfn;
};

/*
 * The next decision that waits, oldest first; false when there is none. At
 * most 64 wait: further ones come up again with the events that ask for them.
 */
GNOMON_API bool gnomon_policy_poll(struct gnomon_policy *policy,
				   struct gnomon_policy_decision *decision);

/* What the policy holds to be the mode of a space as of now. */
GNOMON_API enum gnomon_policy_mode
gnomon_policy_space_mode(const struct gnomon_policy *policy,
			 gnomon_gpa_t space);

#ifdef __cplusplus
}
#endif

#endif

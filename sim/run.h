/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One run: an input (a recording) replayed under one mode with one preset.
 *
 * A run is self-contained: it shares nothing with other runs, so runs may go
 * on in parallel threads, and the same job gives the same result on any
 * machine.
 */
#ifndef SIM_RUN_H
#define SIM_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum sim_mode {
	SIM_MODE_NATIVE,
	SIM_MODE_SHADOW,
	SIM_MODE_NESTED,
	SIM_MODE_SHADOW_UNSYNC,	/* leaf tables left open until a flush */
	SIM_MODE_PARAVIRT,	/* direct paging, sim/mode_paravirt.h */
	SIM_MODE_PATCHED,	/* table stores call, sim/mode_patched.h */
	SIM_MODE_SHSP,		/* the whole vm, by interval */
	SIM_MODE_ADAPTIVE,	/* each address space, by what it has cost */
	SIM_MODE_SWITCHING,	/* shadow and nested in turn, by chance */
	SIM_MODE_AGILE,		/* shadow, nested below: sim/mode_agile.h */
	SIM_MODE_ADAPTIVE_HW,	/* and each leaf table, with a switching bit */
	SIM_MODE_NESTED_AROUND,	/* a violation fills its neighbours too */
	SIM_MODE_COUNT
};

/* "native", "shadow" and so on, as in sim/mode.c; NULL for no mode. */
const char *sim_mode_name(enum sim_mode mode);
/* False when there is no mode of that name. */
bool sim_mode_parse(const char *name, enum sim_mode *mode);

/* Why a run ended early, and a text without a line end. */
enum sim_error_kind {
	SIM_ERR_NONE = 0,
	SIM_ERR_USAGE,	/* unknown preset, bad key=value: exit status 2 */
	SIM_ERR_INPUT,	/* file missing, cut, damaged, not usable here */
	SIM_ERR_NOMEM,
	SIM_ERR_VERIFY,	/* the run disagrees with the oracle or recording */
	SIM_ERR_AUDIT,	/* an audit of the engine failed */
	SIM_ERR_BUG,	/* an internal rule is broken */
	SIM_ERR_CANCELLED, /* progress() asked for it */
};

struct sim_error {
	enum sim_error_kind kind;
	uint64_t event;		/* VERIFY, AUDIT, BUG: number of the event */
	char text[768];
};

/* Cycles by cause; each simulated cycle is in exactly one. */
enum sim_cat {
	SIM_CAT_COMPUTE,	/* instructions at the preset's CPI */
	SIM_CAT_WALK,		/* second-level TLB hits and page walks */
	SIM_CAT_EXIT,		/* guest to VMM and back */
	SIM_CAT_VMM,		/* what the VMM does in between */
	SIM_CAT_FAULT,		/* exceptions delivered to the guest */
	SIM_CAT_FLUSH,		/* CR3 loads, INVLPG and TLB invalidation */
	SIM_CAT_COUNT
};

/*
 * What became of the table stores (and of other stores into frames that the
 * engine traces) of a run. `stores` is the sum of the members down to
 * `direct_native`; zero in modes where a line cannot occur.
 */
struct sim_explain {
	uint64_t stores;	/* table stores in the input */
	uint64_t trace_leaf;	/* trace fault, into a leaf table */
	uint64_t trace_upper;	/* trace fault, into a higher table */
	uint64_t trace_open;	/* trace fault that left the table writable */
	uint64_t open;		/* the table was writable since such a fault */
	uint64_t never_traced;	/* the engine had not met the table (yet) */
	uint64_t zapped;	/* it had, and dropped it with its parent */
	uint64_t flooded;	/* it had, and stopped after many writes */
	uint64_t recycled;	/* it had, and dropped it for want of pages */
	uint64_t requested;	/* asked for by hypercall */
	uint64_t direct_native;	/* no traces in this mode */
	/* Trace faults that are not table stores. */
	uint64_t trace_image;	/* contents of a table not linked yet */
	uint64_t trace_data;	/* data in a frame that was a table before */
	/* Facts about the input to divide by. */
	uint64_t images;	/* tables that became known with contents */
	uint64_t image_entries;	/* non-zero entries in them */
	uint64_t table_ends;
	uint64_t cr3_loads;
	uint64_t invlpgs;
	uint64_t markers;
};

enum {
	SIM_NAME_MAX = 64,
	SIM_REFS_MAX = 36,	/* of a walk; more count as that many */
};

/* Every figure of a run. Names and order for output: sim_columns[]. */
struct sim_result {
	char workload[SIM_NAME_MAX];
	char mode[16];
	char preset[SIM_NAME_MAX];
	uint64_t seed;
	uint64_t accesses;
	uint64_t instructions;
	uint64_t cycles;
	uint64_t cycles_by[SIM_CAT_COUNT]; /* sum is cycles */
	uint64_t walks;
	uint64_t walk_refs;
	uint64_t walks_by_refs[SIM_REFS_MAX + 1]; /* sum is walks */
	uint64_t tlb_hits;	/* first or second level */
	uint64_t tlb_misses;
	uint64_t exits;
	uint64_t true_faults;
	uint64_t hidden_faults;
	uint64_t trace_faults;
	uint64_t host_faults;
	uint64_t cr3_exits;
	uint64_t invlpg_exits;
	uint64_t hypercalls;
	uint64_t sptes_synced;
	uint64_t shadow_pages_peak;
	uint64_t shadow_bytes_peak;
	uint64_t nested_bytes_peak;
	double overhead;	/* cycles / native cycles - 1; NaN: unknown */

	/* Further columns, after those of the common set. */
	uint64_t l1_hits;
	uint64_t l2_hits;
	uint64_t nested_violations;
	uint64_t trace_leaf;	/* emulated stores, by the table's level */
	uint64_t trace_upper;
	uint64_t trace_open;	/* trace faults that left a table writable */
	uint64_t tables_synced;	/* open tables compared at flush points */
	uint64_t spurious_faults;
	uint64_t tlb_flushes;	/* whole-TLB or whole-tag */
	uint64_t page_flushes;
	uint64_t meta_bytes_peak; /* bookkeeping pages of the engine */
	uint64_t ram_bytes;	/* guest memory touched */
	uint64_t pages_zapped;
	uint64_t pages_flooded;
	uint64_t mmio;
	uint64_t kicks;		/* of other vcpus, to flush their TLBs */
	uint64_t lock_waits;	/* exits that found the VMM's lock taken */
	uint64_t lock_wait_cycles; /* part of SIM_CAT_VMM */
	uint64_t mode_switches;	/* decisions of a policy carried out */
	uint64_t page_faults;	/* in the input; all are true faults here */
	uint64_t audits;
	uint64_t verified;	/* accesses compared with the oracle */
	uint64_t final_tables;	/* compared with the input's last state */
	double seconds;		/* wall time; not deterministic, not a column */
	struct sim_explain explain;	/* the whole input */
	struct sim_explain window;	/* between its markers 2 and 3 */
};

/* How to print one column. */
enum sim_column_type { SIM_COL_TEXT, SIM_COL_UINT, SIM_COL_RATIO };

struct sim_column {
	const char *name;
	const char *help;	/* one line */
	enum sim_column_type type;
	size_t offset;		/* into struct sim_result */
	bool extra;		/* not of the common set */
};

extern const struct sim_column sim_columns[];
extern const size_t sim_column_count;

struct sim_epochs;

struct sim_job {
	const char *input;	/* a recording, or a workload: sim/source.h */
	const char *workload;	/* name for output; NULL: from input */
	enum sim_mode mode;
	const char *preset;	/* name or path; NULL: the default */
	const char *const *sets; /* "section.key=value" over the preset */
	size_t set_count;
	uint32_t engine_off;	/* enum gnomon_opt bits to switch off */
	bool verify;
	uint64_t audit_every;	/* events; 0: no audits except at the end of
				 * a verified run */
	uint64_t seed;
	uint64_t switch_every;	/* mode "switching": events; 0: its default */
	uint64_t event_max;	/* stop after so many events; 0: all */
	/*
	 * Called now and then with events done and events in all (0: not
	 * known). May be NULL. False cancels the run. Called in the thread of
	 * the run.
	 */
	bool (*progress)(void *ctx, uint64_t done, uint64_t total);
	/*
	 * Called once where a VERIFY, AUDIT or BUG error was found, before the
	 * stack unwinds: a place to print a backtrace. May be NULL.
	 */
	void (*failed)(void *ctx, const struct sim_error *error);
	void *ctx;
	/* Where to note what each space costs in each epoch; may be NULL.
	 * The caller's: sim_epochs_free(). */
	struct sim_epochs *epochs;
};

/* A job with defaults: native, default preset, seed 1. */
struct sim_job sim_job_default(void);

/* The preset a job with preset NULL uses. */
const char *sim_default_preset(void);

/*
 * Runs the job in the calling thread. True: *result is filled (overhead NaN).
 * False: *error is filled.
 */
bool sim_run(const struct sim_job *job, struct sim_result *result,
	     struct sim_error *error);

/*
 * Runs `count` jobs on up to `threads` threads and fills results[] and
 * errors[] by position (errors[i].kind is SIM_ERR_NONE when run i is good).
 * When the jobs of one input hold a native run, the others get `overhead`.
 * Returns the number of failed runs.
 */
size_t sim_run_all(const struct sim_job *jobs, size_t count, unsigned threads,
		   struct sim_result *results, struct sim_error *errors);

#endif

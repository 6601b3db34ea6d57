/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The machine: virtual CPUs with TLBs, walk caches, a cache hierarchy for walk
 * references and a clock, over the memory of hostmem.h. It knows nothing of
 * the engine: it walks the tables that the roots name, entry by entry, as
 * hardware does, and says what stopped it.
 */
#ifndef SIM_MACHINE_H
#define SIM_MACHINE_H

#include <gnomon/gnomon.h>

#include "sim/assoc.h"
#include "sim/hostmem.h"
#include "sim/overlap.h"
#include "sim/param.h"
#include "sim/run.h"

/* Rights and state of a translation, the low bits of its data word; the
 * address is in bits 12..51, the protection key in bits 52..55. */
enum {
	SIM_T_W = 1u << 0,
	SIM_T_U = 1u << 1,
	SIM_T_X = 1u << 2,
	SIM_T_D = 1u << 3,	/* dirty is set where the tables keep it */
	SIM_T_G = 1u << 4,
	SIM_T_SIZE_SHIFT = 5,	/* 0: 4K, 1: 2M, 2: 1G */
	SIM_T_PRESENT = 1u << 7,
	SIM_T_KEY_SHIFT = 52,
};
#define SIM_T_ADDR 0x000ffffffffff000u

/* Access kinds besides enum gnomon_access: EFLAGS.AC was set. */
enum { SIM_ACCESS_AC = 1u << 4, SIM_ACCESS_KINDS = 1u << 5 };

enum { SIM_SIZES = 3, SIM_LEVELS = 5, SIM_CACHES = 3, SIM_LINE_SHIFT = 6,
       SIM_AHEAD_TABLES = 16 };

/* What the processor walks. */
enum sim_paging {
	SIM_PAGING_1D,		/* one table: native or shadow */
	SIM_PAGING_2D,		/* the guest's over a nested one */
	SIM_PAGING_AGILE,	/* shadow, the guest's over nested below it */
};

struct sim_counts {
	uint64_t accesses;
	uint64_t l1_hits;
	uint64_t l2_hits;
	uint64_t misses;	/* in both levels */
	uint64_t walks;		/* misses, and re-walks on a lack of rights */
	uint64_t walk_refs;
	uint64_t walks_by_refs[SIM_REFS_MAX + 1];
	uint64_t tlb_flushes;
	uint64_t page_flushes;
	uint64_t nested_cycles;	/* of walks, in the nested dimension */
};

struct sim_caches {
	bool on;
	struct sim_assoc level[SIM_CACHES];
	uint32_t hit_cycles[SIM_CACHES];
	uint32_t memory_cycles;
	uint32_t flat_cycles;
};

/* An access kind passes if (word & care) == want. */
struct sim_pass {
	uint64_t care;
	uint64_t want;
};

struct sim_machine;

struct sim_vcpu {
	struct sim_machine *machine;
	enum sim_paging paging;
	uint64_t root;		/* CR3 of the tables walked first */
	uint64_t nroot;		/* of the nested tables */
	unsigned levels;	/* of the tables at root: 4 or 5 */
	uint64_t tag;		/* PCID, in place */
	bool keys;		/* CR4.PKE */
	bool global;		/* CR4.PGE */
	bool nx;		/* EFER.NXE */
	bool fetch_code;	/* error codes tell fetches (NXE or SMEP) */
	uint32_t pkru;
	uint64_t rsvd;		/* bits that no entry may use */
	uint64_t rsvd_below;	/* and of the guest's tables, walked agile */
	bool begins_below;	/* agile: root is the guest's CR3, a gpa */
	struct sim_pass check[SIM_ACCESS_KINDS];

	struct sim_assoc l1d[SIM_SIZES];
	struct sim_assoc l1i[SIM_SIZES - 1];
	struct sim_assoc l2;
	struct sim_assoc l2_1g;
	struct sim_assoc pwc[SIM_LEVELS + 1];	/* by level, 2..4 */
	struct sim_assoc npwc[SIM_LEVELS + 1];
	struct sim_assoc ntlb;
	/* Sizes that may be present; saves probing. Bits by size. */
	unsigned sizes_used;
	unsigned nested_sizes_used;
	uint32_t missing;	/* calls of sim_touch_ahead() to follow */
	/* Where it found level-2 tables; may be wrong by now. */
	struct {
		uint64_t key;
		const uint64_t *table;
	} ahead[SIM_AHEAD_TABLES];

	uint64_t cycles[SIM_CAT_COUNT];
	uint64_t compute_milli;	/* thousandths not yet in cycles */
	uint64_t walked;	/* address of the last walk, quick ones aside */
	struct sim_overlap overlap;
	struct sim_counts counts;
};

struct sim_machine {
	struct sim_hostmem *mem;
	struct sim_arena state;	/* TLBs and caches */
	uint64_t param[SIM_P_COUNT];
	uint64_t phys_bias;	/* what address the first byte of RAM has */
	unsigned maxphyaddr;	/* of the addresses in the first tables */
	unsigned guest_maxphyaddr; /* of those in the guest's; 0: the same */
	bool ept;		/* format of nested entries: EPT, else NPT */
	struct sim_caches caches; /* one hierarchy, shared by all vcpus */
	struct sim_vcpu *vcpus;
	unsigned vcpu_count;
};

/* Why a translation could not be made. */
enum sim_stop {
	SIM_STOP_NONE = 0,
	SIM_STOP_FAULT,		/* the first tables: error_code */
	SIM_STOP_NESTED,	/* the nested tables: gpa, table_walk, access */
	SIM_STOP_BUS,		/* an entry points outside memory */
};

struct sim_walk {
	enum sim_stop stop;
	uint64_t word;		/* translation, when not stopped */
	uint32_t error_code;
	uint64_t gpa;
	uint32_t nested_access;	/* enum gnomon_access of the access to gpa */
	bool table_walk;
	bool from_cache;	/* a walk cache cut it short */
	bool below;		/* agile: it ended in the guest's own tables */
	uint8_t level;		/* agile: of the entry that ended it */
	uint32_t refs;		/* of this walk */
};

/*
 * phys_bias: 0 when the tables hold gpas (native), SIM_HPA_BASE when they hold
 * hpas. Neither mem nor params is kept beyond the machine's life.
 */
bool sim_machine_init(struct sim_machine *machine, struct sim_hostmem *mem,
		      const struct sim_preset *preset, unsigned vcpus,
		      uint64_t phys_bias, uint64_t seed);
void sim_machine_done(struct sim_machine *machine);

/*
 * Takes control registers: rights checks, levels, PCID. root is what the
 * tables walked first start from; flushes nothing.
 */
void sim_vcpu_set(struct sim_vcpu *vcpu, enum sim_paging paging,
		  const struct gnomon_regs *regs, uint64_t root,
		  uint64_t nroot);

/*
 * The page walk; charges its cycles and fills the TLBs, which must not know
 * the page: sim_tlb_flush_fault() first if they do but do not allow.
 */
void sim_walk(struct sim_vcpu *vcpu, uint64_t gva, uint32_t access,
	      struct sim_walk *walk);

/*
 * In one dimension only: the walk that most are, from a walk cache to a 4K
 * leaf that allows the access, all entries marked already. Does just what
 * sim_walk() would do and returns the word, or returns 0 and has done nothing.
 */
uint64_t sim_walk_quick(struct sim_vcpu *vcpu, uint64_t gva, uint32_t access,
			uint32_t *refs);

/*
 * Agile: does the walk of gva switch to the guest's tables? What an INVLPG has
 * to know; looks at shadow tables alone and charges that.
 */
bool sim_walk_switches(struct sim_vcpu *vcpu, uint64_t gva);
/* Charge the walk in two dimensions that finds the guest's entry for gva, to
 * set A or D there. */
void sim_walk_mark(struct sim_vcpu *vcpu, uint64_t cr3, uint64_t gva);

/*
 * Accesses to `far`, later one to `near` which was `far` before, are about to
 * be made: asks the host to bring what their walks will read. Changes nothing
 * that is simulated. sim/touch.h says when to call it.
 */
void sim_walk_ahead(struct sim_vcpu *vcpu, uint64_t far, uint64_t near);

/* The reference to the byte at va when caches are simulated: its cycles. */
uint32_t sim_cache_look_up(struct sim_machine *machine, const void *va);

/* One reference of the walker (or of data) to the byte at va: its cycles. */
static inline uint32_t sim_cache_ref(struct sim_machine *machine,
				     const void *va)
{
	return machine->caches.on ? sim_cache_look_up(machine, va) :
				    machine->caches.flat_cycles;
}

/* Where the tables' addresses are in memory, or NULL. */
static inline void *sim_phys(const struct sim_machine *machine, uint64_t addr)
{
	return sim_hpa_to_va(machine->mem,
			     addr - machine->phys_bias + SIM_HPA_BASE);
}

static inline void sim_charge(struct sim_vcpu *vcpu, unsigned cat,
			      uint64_t cycles)
{
	vcpu->cycles[cat] += cycles;
}

/* All that the vcpu was charged so far. */
static inline uint64_t sim_vcpu_clock(const struct sim_vcpu *vcpu)
{
	uint64_t sum = 0;

	for (int cat = 0; cat < SIM_CAT_COUNT; cat++) {
		sum += vcpu->cycles[cat];
	}
	return sum;
}

/* Instructions at the machine's CPI; walks may go on beside them. */
void sim_compute(struct sim_vcpu *vcpu, uint64_t instructions);
/* The same, and walks are somebody else's affair. */
void sim_compute_plain(struct sim_vcpu *vcpu, uint64_t instructions);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * gnomon - an embeddable memory-virtualization engine.
 *
 * This header is the manual. Words: a gva is a guest-virtual, a gpa a
 * guest-physical, an hpa a host-physical address, in bytes; gfn and hfn are
 * frame numbers (address >> 12). A gpte is an entry of a table that the guest
 * wrote (a primary table), an spte an entry of a shadow table, an npte one of
 * a nested table. A trace is write protection on a frame because it holds a
 * primary table. A root is what the CPU's CR3 (or nested CR3) must hold.
 *
 * Ownership. The engine owns no memory: a vm and its vcpus live in memory that
 * the VMM hands over, table pages and bookkeeping pages come from
 * gnomon_host.page_alloc() and go back through page_free(). A pointer given to
 * a call is borrowed for the call; slots and configuration are copied.
 *
 * Errors. Every call that can fail returns enum gnomon_status. Values that a
 * guest controls never trap, assert or panic: the guest gets its architectural
 * fault. What the engine wants the VMM to do about a guest event (inject a
 * fault, emulate an instruction) is a result, never a callback.
 *
 * Bounds. A call that can take more than a fixed number of steps takes a
 * budget, a number of steps it may use; it subtracts what it used and returns
 * GNOMON_MORE while work is left. Call it again with the same arguments until
 * it returns another status; other calls may come in between. A null budget
 * means no limit.
 *
 * Threads. Without host->lock every call into one vm must be serialised by the
 * VMM; with it, vcpus may call at once from different threads, one thread per
 * vcpu at a time. With host->lock_shared as well, most faults of different
 * vcpus are served side by side: see there. Different vms share nothing.
 *
 * Order: gnomon_vm_create, gnomon_slot_set, gnomon_vcpu_create,
 * gnomon_vcpu_set_regs, then events in any order; gnomon_vcpu_destroy for each
 * vcpu, gnomon_vm_destroy.
 */
#ifndef GNOMON_GNOMON_H
#define GNOMON_GNOMON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define GNOMON_VERSION_MAJOR 0
#define GNOMON_VERSION_MINOR 1
#define GNOMON_VERSION_PATCH 0
#define GNOMON_VERSION "0.1.0"

#if defined(__GNUC__)
#define GNOMON_API __attribute__((visibility("default")))
#define GNOMON_MUST_USE __attribute__((warn_unused_result))
#else
#define GNOMON_API
#define GNOMON_MUST_USE
#endif

/* ---- addresses ---------------------------------------------------------- */

/* One-member structs, so that mixing them up does not compile. Bytes. */
typedef struct { uint64_t v; } gnomon_gva_t;
typedef struct { uint64_t v; } gnomon_gpa_t;
typedef struct { uint64_t v; } gnomon_hpa_t;
/* Frame numbers: an address divided by 4096. */
typedef struct { uint64_t v; } gnomon_gfn_t;
typedef struct { uint64_t v; } gnomon_hfn_t;

#define GNOMON_PAGE_SHIFT 12
#define GNOMON_PAGE_BYTES 4096u
#define GNOMON_MAX_LEVELS 5

/* ---- results ------------------------------------------------------------ */

enum gnomon_status {
	GNOMON_OK = 0,
	GNOMON_MORE,	/* the budget is used up; call again */
	GNOMON_GP,	/* the CPU would raise #GP(0); no state changed */
	GNOMON_FAULT,	/* the guest's tables do not allow it */
	GNOMON_ABSENT,	/* no memory slot there, or the host gave none */
	GNOMON_NOMEM,	/* page_alloc() failed; state is as before */
	GNOMON_INVAL,	/* the VMM broke a rule of this header */
	GNOMON_EXISTS,	/* overlaps what is already there */
	GNOMON_UNSUPPORTED, /* a valid request this build cannot serve */
	GNOMON_BUG,	/* an audit or an internal check failed */
};

/* A short English word for a status; never null. */
GNOMON_API const char *gnomon_status_text(enum gnomon_status status);
/* "major.minor.patch" of the library, to compare with GNOMON_VERSION. */
GNOMON_API const char *gnomon_version(void);

/* ---- what the VMM supplies ---------------------------------------------- */

/* What lies behind a guest frame. */
enum gnomon_frame_kind {
	GNOMON_FRAME_ABSENT = 0,	/* nothing: reads as bus error / MMIO */
	GNOMON_FRAME_RAM,
	GNOMON_FRAME_ROM,	/* readable and executable, never writable */
	GNOMON_FRAME_MMIO,	/* the VMM emulates each access */
	GNOMON_FRAME_NOT_NOW,	/* RAM that the host must fetch first */
};

enum gnomon_want {
	GNOMON_WANT_READ = 1u << 0,
	GNOMON_WANT_WRITE = 1u << 1,
};

struct gnomon_frame {
	enum gnomon_frame_kind kind;
	gnomon_hfn_t hfn;	/* host frame of the asked gfn */
	/*
	 * The largest naturally aligned block, as a power of two of frames,
	 * that holds the asked gfn, is backed by equally aligned contiguous
	 * host memory and lies in one slot: 0 = 4K, 9 = 2M, 18 = 1G.
	 */
	uint8_t order;
	bool writable;		/* the host allows writes (RAM only) */
};

/* A page the host gives to the engine. */
struct gnomon_page {
	gnomon_hpa_t hpa;	/* what a table entry must hold */
	void *va;		/* where the engine reads and writes it */
};

enum gnomon_page_use {
	GNOMON_PAGE_TABLE,	/* walked by the CPU; hpa matters */
	GNOMON_PAGE_META,	/* bookkeeping only; hpa is ignored */
};

/* Translations to drop from the TLBs of vcpus. */
struct gnomon_flush {
	uint64_t vcpus;		/* bit n = the vcpu with id n */
	gnomon_gva_t start;	/* first byte, page aligned */
	uint64_t bytes;		/* 0 = everything of these vcpus */
	bool nested;		/* gpa->hpa translations changed as well */
};

/* Typed trace points for host->event(), each with two numbers. */
enum gnomon_event {
	GNOMON_EVENT_FILL = 0,		/* a = gva, b = level of the leaf */
	GNOMON_EVENT_TRACE_WRITE,	/* a = gpa, b = bytes */
	GNOMON_EVENT_TABLE_NEW,		/* a = gfn, b = role bits */
	GNOMON_EVENT_TABLE_ZAP,		/* a = gfn, b = role bits */
	GNOMON_EVENT_SPLIT,		/* a = gpa, b = level that was split */
	GNOMON_EVENT_PROTECT,		/* a = gfn, b = sptes made read-only */
	GNOMON_EVENT_FLUSH,		/* a = start, b = bytes */
	GNOMON_EVENT_INJECT,		/* a = gva, b = error code */
	GNOMON_EVENT_SWITCH,		/* a = old mode, b = new mode */
};

/*
 * The VMM's side. Set size to sizeof(struct gnomon_host); members are only
 * ever appended. ctx is the pointer given to gnomon_vm_create(). No callback
 * may call back into the engine for the same vm. Members marked optional may
 * be null.
 */
struct gnomon_host {
	size_t size;

	/*
	 * Tell what backs gfn, which lies in a RAM or ROM slot. want holds
	 * enum gnomon_want bits: with WANT_WRITE the host should break its own
	 * copy-on-write first. Fills *frame wholly. May block when the VMM
	 * allows its vcpu threads to block.
	 */
	void (*frame)(void *ctx, gnomon_gfn_t gfn, uint32_t want,
		      struct gnomon_frame *frame);

	/*
	 * Guest memory for slots without hva. gpa is aligned to bytes (1, 2,
	 * 4 or 8); each access is single-copy atomic. Return GNOMON_OK or
	 * GNOMON_ABSENT. cmpxchg() sets *old to what it found. Must not block.
	 * Optional when every slot has an hva.
	 */
	enum gnomon_status (*load)(void *ctx, gnomon_gpa_t gpa, unsigned bytes,
				   uint64_t *value);
	enum gnomon_status (*store)(void *ctx, gnomon_gpa_t gpa, unsigned bytes,
				    uint64_t value);
	enum gnomon_status (*cmpxchg)(void *ctx, gnomon_gpa_t gpa,
				      unsigned bytes, uint64_t *old,
				      uint64_t new_value);

	/*
	 * One 4096-byte, 4096-aligned page for the engine, contents undefined.
	 * GNOMON_NOMEM leaves the engine consistent. Called only at the start
	 * of an operation, before anything has changed.
	 */
	enum gnomon_status (*page_alloc)(void *ctx, enum gnomon_page_use use,
					 struct gnomon_page *page);
	/*
	 * Take it back. No CPU can reach the page any more. A bookkeeping page
	 * comes back with its va alone; hpa is then undefined.
	 */
	void (*page_free)(void *ctx, enum gnomon_page_use use,
			  const struct gnomon_page *page);

	/*
	 * Drop translations before the guest runs again on the named vcpus;
	 * when it returns, vcpus that are running guest code must have dropped
	 * them already. Must not fail.
	 */
	void (*flush)(void *ctx, const struct gnomon_flush *flush);

	/* Optional: a trace point. Must not block. */
	void (*event)(void *ctx, enum gnomon_event event, uint64_t a,
		      uint64_t b);
	/*
	 * Optional: an internal rule is broken; what is a static sentence. The
	 * call under way then returns GNOMON_BUG. May end the program.
	 */
	void (*bug)(void *ctx, const char *what);

	/*
	 * Optional, both or none: exclude other calls into this vm. Every call
	 * but create and destroy of the vm takes the lock once, at its start,
	 * and holds it through its callbacks; frame() must then not wait for
	 * another thread that is in such a call.
	 */
	void (*lock)(void *ctx);
	void (*unlock)(void *ctx);

	/*
	 * Optional, both or none, and only beside lock: the shared side of the
	 * same lock. Different vcpus may hold it at once, but nobody while
	 * another holds lock; vcpu is the id of the vcpu whose call it is.
	 * gnomon_fault(), gnomon_translate() and gnomon_vcpu_root() take it;
	 * gnomon_fault() lets go and takes lock when more than one leaf is to
	 * change. Never taken by one who holds either side.
	 *
	 * frame(), load(), store(), cmpxchg(), event() and clock() are then
	 * called by several threads at once; the others still by one. A lock
	 * with a part for each vcpu serves best (docs/embedding.md): one
	 * counter of readers costs more than the call that it guards.
	 */
	void (*lock_shared)(void *ctx, uint32_t vcpu);
	void (*unlock_shared)(void *ctx, uint32_t vcpu);

	/*
	 * Optional: what time it is, in any unit; never goes back. For the
	 * times in struct gnomon_stats alone.
	 */
	uint64_t (*clock)(void *ctx);
};

/* ---- virtual machine ---------------------------------------------------- */

enum gnomon_mode {
	GNOMON_MODE_SHADOW = 0,
	GNOMON_MODE_NESTED = 1,
	/*
	 * Shadow tables whose entries may lead to the guest's own tables, see
	 * GNOMON_AGILE_BIT and gnomon_table_switch(). Takes both hierarchies.
	 * The CPU reads the guest's tables as data, and writes to them only
	 * to set A and D. Excludes SHADOW in the same vm.
	 */
	GNOMON_MODE_AGILE = 2,
	/*
	 * Direct paging, for a guest that knows it is one: the CPU walks the
	 * guest's own tables, which hold hpas; see gnomon_direct(). Alone in
	 * its vm: not to be switched to or from.
	 */
	GNOMON_MODE_DIRECT = 3,
};

/*
 * Agile paging (Gandhi, Hill and Swift, ISCA 2016), which no CPU that is sold
 * has: the switching bit of an spte, one that today's CPUs ignore. A present
 * entry of level 2 and up that has it set holds the hpa of a table that the
 * guest wrote, and in W, U and NX the rights of the whole path down to it. The
 * CPU reads that table without a nested walk, and everything below it, and the
 * address at the end, through the nested table.
 */
#define GNOMON_AGILE_BIT 58

/* What the guest's virtual CPU can do. Bits of gnomon_caps.features. */
enum gnomon_feature {
	GNOMON_CAP_NX = 1u << 0,
	GNOMON_CAP_1G = 1u << 1,	/* 1G leaves */
	GNOMON_CAP_SMEP = 1u << 2,
	GNOMON_CAP_SMAP = 1u << 3,
	GNOMON_CAP_PKU = 1u << 4,
	GNOMON_CAP_LA57 = 1u << 5,
	GNOMON_CAP_PCID = 1u << 6,
	GNOMON_CAP_PSE36 = 1u << 7,
	GNOMON_CAP_PAT = 1u << 8,
};

struct gnomon_caps {
	uint32_t features;	/* enum gnomon_feature */
	uint8_t maxphyaddr;	/* guest-physical address bits, 32..52 */
};

/* Optimisations, each a bit; with any of them off the guest sees the same. */
enum gnomon_opt {
	GNOMON_OPT_ROOT_CACHE = 1u << 0, /* keep roots of earlier CR3 loads */
	GNOMON_OPT_LARGE = 1u << 1,	/* 2M and 1G leaves in our tables */
	/* Spare hidden faults: one fills its neighbours, a new root is linked
	 * to known tables, W comes back where a trace ends. */
	GNOMON_OPT_PREFETCH = 1u << 2,
	GNOMON_OPT_UPDATE = 1u << 3,	/* refill an spte on a traced write */
	/*
	 * Leave a leaf table writable after the first store to it and compare
	 * it with what we knew at the next flush point, as a TLB would.
	 */
	GNOMON_OPT_UNSYNC = 1u << 4,
	/* Leave it so beyond the flush point, until unsync_quiet of them found
	 * nothing new; without, each flush point traces it again. */
	GNOMON_OPT_UNSYNC_KEEP = 1u << 5,
	/* Fill neighbours on a nested violation, see nested_around. */
	GNOMON_OPT_AROUND = 1u << 6,
	GNOMON_OPT_ALL = 0xffffffffu,
};

/* How a nested table is written. */
enum gnomon_nested_format {
	GNOMON_NESTED_NPT = 0,	/* AMD */
	GNOMON_NESTED_EPT,	/* Intel, with A/D bits */
};

/* Members from nested_format on may be missing (size) or 0: a default. */
struct gnomon_config {
	size_t size;		/* sizeof(struct gnomon_config) */
	enum gnomon_mode mode;
	struct gnomon_caps caps;
	uint8_t host_maxphyaddr; /* bits of an hpa in our tables, 36..52 */
	uint32_t options;	/* enum gnomon_opt */
	/*
	 * Table pages the engine may hold; 0 = as many as the host gives, else
	 * at least 32 for each hierarchy of tables, which all may hold the
	 * same share: SHADOW or AGILE, NESTED or AGILE, and nested for SMM.
	 */
	uint32_t table_pages_max;
	uint8_t nested_format;	/* enum gnomon_nested_format */
	/* OPT_PREFETCH: aligned group of entries, a power of two to 64; 8. */
	uint8_t prefetch;
	/*
	 * Traced stores to a table without a use of it in between, above which
	 * it is no longer shadowed: for leaf and for upper tables; 48 and 16.
	 */
	uint16_t flood_leaf_writes;
	uint16_t flood_upper_writes;
	/* Longest list of sptes kept for one frame, 28..65536; 4096. */
	uint32_t chain_max;
	/* OPT_UNSYNC: tables open at once, at most 64; 32. */
	uint8_t unsync_max;
	/* Flush points that find a table unchanged before it is closed; 2. */
	uint8_t unsync_quiet;
	/*
	 * Modes that gnomon_mode_switch() may choose later: bit n stands for
	 * the enum gnomon_mode n; that of mode is always on. With both SHADOW
	 * and NESTED the vm keeps room for two hierarchies of tables.
	 */
	uint32_t modes;
	/*
	 * OPT_AROUND: aligned group of 4K nptes that a violation fills, a power
	 * of two to 64; 1, which is none beyond the one it asked for. The host
	 * is asked for each of the others with want = 0 and may say NOT_NOW.
	 * They are read-only while a dirty log runs, not accessed, not dirty.
	 */
	uint8_t nested_around;
	/*
	 * Not 0: vcpus have a second address space, seen in system management
	 * mode (gnomon_regs.smm), and slots are for either or both. On nested
	 * tables each has its own. Not in mode DIRECT.
	 */
	uint8_t smm;
};

struct gnomon_vm;
struct gnomon_vcpu;

/* Bytes and alignment (at most 64) of the memory for a vm and a vcpu. */
GNOMON_API size_t gnomon_vm_bytes(void);
GNOMON_API size_t gnomon_vcpu_bytes(void);

/*
 * Make a vm in memory (gnomon_vm_bytes() long, 64-byte aligned, owned by the
 * caller and untouched by it until gnomon_vm_destroy()). config is copied;
 * the callbacks are copied. GNOMON_OK; GNOMON_INVAL for a bad configuration or
 * a missing callback; GNOMON_NOMEM.
 */
GNOMON_API enum gnomon_status
gnomon_vm_create(void *memory, const struct gnomon_config *config,
		 const struct gnomon_host *host, void *ctx,
		 struct gnomon_vm **vm) GNOMON_MUST_USE;
/*
 * Give every page back. All vcpus must be destroyed first (else
 * GNOMON_INVAL). GNOMON_OK or GNOMON_MORE.
 */
GNOMON_API enum gnomon_status
gnomon_vm_destroy(struct gnomon_vm *vm, uint32_t *budget) GNOMON_MUST_USE;

enum gnomon_slot_flags {
	GNOMON_SLOT_READONLY = 1u << 0,	/* RAM that the host write-protects */
	GNOMON_SLOT_ROM = 1u << 1,
	/*
	 * No memory of its own: the range shows that of another slot, from
	 * frame target on, with the rights that it has there.
	 */
	GNOMON_SLOT_ALIAS = 1u << 2,
	/* With gnomon_config.smm, else for all: only vcpus in SMM see it... */
	GNOMON_SLOT_SMM = 1u << 3,
	/* ...or only those that are not. */
	GNOMON_SLOT_NO_SMM = 1u << 4,
};

/*
 * What is added to the first frame of a slot with GNOMON_SLOT_SMM to name its
 * memory wherever no vcpu says which address space is meant: in callbacks
 * (a gpa there has bit 52 set), ranges, dirty logs, targets of aliases, and
 * where gnomon_write() is called for a device. No guest can name such frames.
 */
#define GNOMON_SMM_GFN (UINT64_C(1) << 40)

/*
 * A range of guest-physical memory. What lies in no slot is MMIO. hva, when
 * not null, is where the whole slot is mapped, readable and writable by the
 * engine for as long as the slot exists.
 *
 * Aliases. Memory is known by the frames of the slot that has it, whatever
 * alias the guest reaches it by: traces, watches, dirty logs, host changes and
 * modes belong to the memory, so a store by one way is seen by all. So
 * host->frame(), load(), store() and cmpxchg() are asked for the target's
 * addresses, a dirty log sets the bit of the target's frame, and calls on
 * ranges of frames (gnomon_host_change_begin(), gnomon_young(), gnomon_split()
 * and so on) take those of the target; frames of an alias have nothing of
 * their own there. Calls that take a gpa, a CR3 or a single frame
 * (gnomon_watch() too, frame by frame) take either.
 */
struct gnomon_slot {
	uint32_t id;		/* 0 .. GNOMON_SLOTS_MAX-1, chosen by the VMM */
	uint32_t flags;		/* enum gnomon_slot_flags */
	gnomon_gfn_t first;
	uint64_t frames;	/* > 0 */
	void *hva;		/* ALIAS: null */
	gnomon_gfn_t target;	/* ALIAS only; not read without the flag */
};
#define GNOMON_SLOTS_MAX 64

/*
 * Add a slot. GNOMON_OK; GNOMON_EXISTS when id is taken or the range overlaps
 * another that the same vcpus see; GNOMON_INVAL for an empty, wrapping or too
 * high range, for both of SMM and NO_SMM, and for an alias with an hva or the
 * flags of its target's; GNOMON_ABSENT for an alias whose target does not lie
 * in one slot that is none; GNOMON_UNSUPPORTED for an alias in mode DIRECT, and
 * for SMM or NO_SMM without gnomon_config.smm.
 */
GNOMON_API enum gnomon_status
gnomon_slot_set(struct gnomon_vm *vm, const struct gnomon_slot *slot)
	GNOMON_MUST_USE;
/*
 * Remove a slot and every translation into it, an alias with those that went
 * by it. GNOMON_OK; GNOMON_MORE; GNOMON_INVAL when there is none;
 * GNOMON_EXISTS: an alias of it is there, or on its way out; in mode DIRECT,
 * a frame of it is a table.
 */
GNOMON_API enum gnomon_status
gnomon_slot_delete(struct gnomon_vm *vm, uint32_t id, uint32_t *budget)
	GNOMON_MUST_USE;

/* ---- virtual CPU -------------------------------------------------------- */

#define GNOMON_VCPUS_MAX 64

/* Every register that paging depends on. */
struct gnomon_regs {
	uint64_t cr0;
	uint64_t cr3;
	uint64_t cr4;
	uint64_t efer;
	uint64_t pdpte[4];	/* PAE only: as loaded by the CPU or the VMM */
	uint32_t pkru;
	bool ac;		/* RFLAGS.AC, for SMAP */
	/*
	 * In system management mode: the vcpu sees the slots that are for it.
	 * To enter and to leave is a change of registers like any other.
	 */
	bool smm;
};

/*
 * What the CPU must load before it runs the guest. On shadow tables it runs in
 * long mode paging (5 levels when the guest does, else 4) with CR0.WP and
 * EFER.NXE set, whatever the guest set; CR4.PGE as the guest has it; SMEP,
 * SMAP and PKE (with the guest's PKRU) as the guest has them while its CR0.PG
 * is set, else clear; and without PCIDs.
 */
struct gnomon_root {
	gnomon_hpa_t cr3;	/* shadow: our root; nested: the guest's CR3 */
	gnomon_hpa_t ncr3;	/* nested: root of the gpa->hpa table; else 0 */
	bool flush;		/* drop this vcpu's translations at the load */
	bool flush_global;	/* and the global ones too */
	/*
	 * Leave the guest at each MOV to CR3 and report it with
	 * gnomon_vcpu_set_regs(). Always set on shadow tables, where INVLPG
	 * and INVPCID are reported as well. On nested tables it is set while
	 * address spaces of the vm differ in mode; INVLPG and INVPCID need no
	 * exit there. A load that is not reported keeps the vcpu in its mode
	 * until the next report and harms nothing else.
	 */
	bool cr3_exits;
	/*
	 * Agile: the walk begins in the shadow table at cr3 and heeds
	 * GNOMON_AGILE_BIT; ncr3 serves what lies below. A #PF that the
	 * guest's own tables cause below a switch needs no exit, nor does an
	 * INVLPG of an address there; all others leave the guest. Clear, with
	 * ncr3 set: the walk is nested from the guest's CR3 on.
	 */
	bool agile;
};

/*
 * Make a vcpu in memory (gnomon_vcpu_bytes() long, 64-byte aligned, owned by
 * the caller and untouched by it until gnomon_vcpu_destroy()), with id, 0 ..
 * GNOMON_VCPUS_MAX-1. gnomon_vcpu_set_regs() must come before any other call
 * for it. GNOMON_OK; GNOMON_INVAL: id in use or too high, or a null pointer.
 */
GNOMON_API enum gnomon_status
gnomon_vcpu_create(struct gnomon_vm *vm, uint32_t id, void *memory,
		   struct gnomon_vcpu **vcpu) GNOMON_MUST_USE;
/* The vcpu runs no more; its translations are flushed a last time. */
GNOMON_API void gnomon_vcpu_destroy(struct gnomon_vcpu *vcpu);

enum gnomon_set_flags {
	/* regs->pdpte is authoritative: do not read the table at CR3. */
	GNOMON_SET_PDPTES = 1u << 0,
	/* CR3 bit 63 was set by a MOV to CR3 with PCIDs: keep translations. */
	GNOMON_SET_NOFLUSH = 1u << 1,
	/* CR3 was written, though perhaps with the same value. */
	GNOMON_SET_CR3 = 1u << 2,
};

/*
 * Take all paging registers at once, as after a MOV to a control register or
 * to EFER; *root says what to load, before the next call for this vcpu.
 * GNOMON_OK; GNOMON_GP when the values are illegal together (nothing changed:
 * inject #GP); GNOMON_NOMEM; GNOMON_UNSUPPORTED: mode DIRECT cannot run so, or
 * smm without gnomon_config.smm.
 */
GNOMON_API enum gnomon_status
gnomon_vcpu_set_regs(struct gnomon_vcpu *vcpu, const struct gnomon_regs *regs,
		     uint32_t flags, struct gnomon_root *root) GNOMON_MUST_USE;
/* The root to load as of now; changes only in calls that say so. */
GNOMON_API struct gnomon_root gnomon_vcpu_root(const struct gnomon_vcpu *vcpu);

/* ---- modes, live -------------------------------------------------------- */

/*
 * Change how the guest is virtualized while it runs; the guest cannot tell.
 * cr3 null: the whole vm, and what address spaces get that nobody has chosen
 * for; choices made for single ones are forgotten. Otherwise one address
 * space, known by the frame of the table that its CR3 names (PCID and flags
 * are ignored; address spaces of PAE whose PDPTs share a frame share it). A
 * choice for one stays with the frame until the whole vm is switched or the
 * slot goes; with paging off a vcpu uses the vm's mode.
 *
 * A vcpu changes over at its next gnomon_vcpu_set_regs(), and until then goes
 * on in its old mode. So after OK take every vcpu out of the guest, tell its
 * registers as the CPU has them (with PAE also the PDPTEs), and load the root
 * that it is answered: that root says which mode it is, by ncr3, and flushes.
 * NOMEM there leaves the vcpu in its old mode; tell it again later.
 *
 * Dirty logs, watches, host changes under way and slots hold through it. What
 * the other mode needs is built on demand; shadow pages that no address space
 * in shadow mode uses any more are dropped with the budget; nested tables
 * stay for the way back, gnomon_shrink() gives them back. Traces hold on
 * nested tables too while an address space is shadowed: a store to a traced
 * frame is a nested violation that gnomon_fault() answers with EMULATE.
 *
 * GNOMON_OK; GNOMON_MORE; GNOMON_INVAL: no such mode; GNOMON_UNSUPPORTED: the
 * mode is not among gnomon_config.modes; GNOMON_ABSENT: no slot has the table
 * at cr3; GNOMON_NOMEM: no room to note the choice, nothing changed.
 */
GNOMON_API enum gnomon_status
gnomon_mode_switch(struct gnomon_vm *vm, const gnomon_gpa_t *cr3,
		   enum gnomon_mode mode, uint32_t *budget) GNOMON_MUST_USE;
/*
 * Mode AGILE: have the CPU walk the guest's table in that frame, and all below
 * it, through the nested table (or shadow it again); nothing below is traced
 * or shadowed then. The table may be of any level; where CR3 names it the vcpu
 * walks all of it nested, from its next gnomon_vcpu_set_regs() on. The choice
 * stays with the frame, whatever the guest keeps there, until it is taken back
 * or the slot goes. It is heeded in 4- and 5-level paging with CR0.WP and
 * EFER.NXE set, and where the frame is RAM that the host lets be written;
 * elsewhere the table is shadowed as if nothing had been said.
 *
 * GNOMON_OK; GNOMON_MORE: it is so, shadow pages are still to be dropped;
 * GNOMON_INVAL: no memory there; GNOMON_NOMEM: nothing changed;
 * GNOMON_UNSUPPORTED: the vm was not made for mode AGILE.
 */
GNOMON_API enum gnomon_status
gnomon_table_switch(struct gnomon_vm *vm, gnomon_gfn_t table, bool nested,
		    uint32_t *budget) GNOMON_MUST_USE;
/* What gnomon_table_switch() last said of the frame; else false. */
GNOMON_API bool gnomon_table_is_nested(const struct gnomon_vm *vm,
				       gnomon_gfn_t table);

/* The mode of an address space, or (cr3 null) of those not chosen for. */
GNOMON_API enum gnomon_mode
gnomon_mode_get(const struct gnomon_vm *vm, const gnomon_gpa_t *cr3);

/* ---- events ------------------------------------------------------------- */

enum gnomon_access {
	GNOMON_READ = 0,
	GNOMON_WRITE = 1u << 0,
	GNOMON_EXEC = 1u << 1,	/* instruction fetch; excludes WRITE */
	GNOMON_USER = 1u << 2,	/* made at CPL 3 */
	/* Implicit supervisor access (descriptor tables, TSS): ignores AC. */
	GNOMON_IMPLICIT = 1u << 3,
};

struct gnomon_fault {
	gnomon_gva_t gva;	/* page fault: CR2; not read if nested */
	gnomon_gpa_t gpa;	/* nested violation: the address that missed */
	/* Page fault: a store that comes again from there is emulated, lest
	 * one that writes the very table it goes by faults for ever. */
	uint64_t rip;
	uint32_t access;	/* enum gnomon_access; nested: to gpa */
	bool nested;		/* a nested violation, not a page fault */
	/* nested: the CPU's own access to a gpte, a WRITE where it sets A or D
	 * or says so, as AMD's does of every page walk. */
	bool table_walk;
	/*
	 * nested: the CPU met an npte at gpa that it refuses (an EPT
	 * misconfiguration, a nested fault with the reserved bit). The engine
	 * writes no such entry: it is answered RESUME where the entry is good
	 * by now, else STOP_BUG.
	 */
	bool misconfig;
};

/* What the fault turned out to be. */
enum gnomon_fault_kind {
	GNOMON_KIND_TRUE = 0,	/* the primary table forbids it */
	GNOMON_KIND_HIDDEN,	/* our table was not filled yet */
	GNOMON_KIND_TRACE,	/* it writes a traced frame */
	GNOMON_KIND_MMIO,	/* not RAM */
	GNOMON_KIND_HOST,	/* the host has not given the frame yet */
	GNOMON_KIND_NESTED,	/* nested table was not filled yet */
	GNOMON_KIND_SPURIOUS,	/* our table allows it by now */
	GNOMON_KIND_WATCH,	/* the VMM asked to see it */
};
#define GNOMON_KINDS 8

/* What the VMM must do now. */
enum gnomon_action {
	GNOMON_RESUME = 0,	/* run the instruction again */
	GNOMON_INJECT,		/* deliver #PF with error_code and cr2 = gva */
	GNOMON_EMULATE,		/* interpret the store, then gnomon_write() */
	GNOMON_DO_MMIO,		/* emulate the device access at gpa */
	GNOMON_RETRY,		/* host frame not there: fetch it, run again */
	GNOMON_STOP_NOMEM,	/* page_alloc() failed; run again later */
	GNOMON_STOP_BUG,	/* internal error, or a fault that cannot be */
	/*
	 * The access to gpa is allowed but watched (gnomon_watch()): emulate
	 * it, or lift the watch and run the instruction again.
	 */
	GNOMON_TRACKED,
};

struct gnomon_outcome {
	enum gnomon_action action;
	enum gnomon_fault_kind kind;
	uint32_t error_code;	/* INJECT */
	gnomon_gva_t gva;	/* INJECT: for CR2 */
	/*
	 * EMULATE, DO_MMIO, TRACKED: as the vcpu sees it. RETRY: the memory,
	 * as host->frame() was asked for it.
	 */
	gnomon_gpa_t gpa;
	/*
	 * Load gnomon_vcpu_root() before the guest runs again: the memory of
	 * its CR3 went and came back with a slot.
	 */
	bool root_changed;
};

/*
 * A page fault or nested violation took the vcpu out of the guest. Fills
 * *outcome wholly. Bounded; allocates at its start only.
 */
GNOMON_API void gnomon_fault(struct gnomon_vcpu *vcpu,
			     const struct gnomon_fault *fault,
			     struct gnomon_outcome *outcome);

/*
 * Store bytes (1..4096, not crossing a page) from data to guest memory for a
 * vcpu whose store the VMM emulated, or for a device (vcpu null; it sees what
 * vcpus see outside SMM), and bring
 * every shadow of the entries written up to date. GNOMON_OK; GNOMON_ABSENT:
 * nothing stored, no writable RAM there; GNOMON_INVAL; GNOMON_NOMEM never:
 * what cannot be updated is dropped.
 *
 * Memory that changed in another way, by a device that writes on its own, is
 * made known by a call with what is there now, or by gnomon_zap_all(). Until
 * then the engine may go by what was there before.
 */
GNOMON_API enum gnomon_status
gnomon_write(struct gnomon_vm *vm, struct gnomon_vcpu *vcpu, gnomon_gpa_t gpa,
	     const void *data, size_t bytes) GNOMON_MUST_USE;

/*
 * The same for a LOCKed store that the VMM emulated: value takes the place of
 * *old, in bytes (4 or 8) at gpa, aligned to them, if *old is there; *old
 * becomes what was found, so compare it to tell. With several vcpus the only
 * way to change a table entry that another one may be setting A or D in.
 * GNOMON_OK, also when something else was found; GNOMON_ABSENT;
 * GNOMON_INVAL; GNOMON_UNSUPPORTED for a table in direct mode.
 */
GNOMON_API enum gnomon_status
gnomon_cmpxchg(struct gnomon_vm *vm, struct gnomon_vcpu *vcpu,
	       gnomon_gpa_t gpa, unsigned bytes, uint64_t *old,
	       uint64_t value) GNOMON_MUST_USE;

/* INVLPG on this vcpu. Flushes the vcpu's own TLB through host->flush(). */
GNOMON_API void gnomon_invlpg(struct gnomon_vcpu *vcpu, gnomon_gva_t gva);

enum gnomon_invpcid_type {
	GNOMON_INVPCID_ADDRESS = 0,
	GNOMON_INVPCID_CONTEXT,
	GNOMON_INVPCID_ALL,
	GNOMON_INVPCID_ALL_BUT_GLOBAL,
};

/*
 * INVPCID on this vcpu. GNOMON_OK; GNOMON_GP as the CPU would raise it: an
 * unknown type, a PCID above 4095 or not 0 without CR4.PCIDE, an address that
 * is not canonical. Flushes the vcpu's own TLB through host->flush().
 */
GNOMON_API enum gnomon_status
gnomon_invpcid(struct gnomon_vcpu *vcpu, uint64_t type, uint64_t pcid,
	       gnomon_gva_t gva) GNOMON_MUST_USE;

/* ---- direct paging ------------------------------------------------------ */

/*
 * In mode DIRECT a frame that a walk reaches as a table becomes one: from then
 * on its entries in memory are the engine's to write, hold hpas, and the frame
 * is nobody's to write otherwise. What the guest wrote there is kept in its
 * own terms (gpas) and filled in, entry by entry, checked each time. Every
 * slot needs an hva. Devices must not write frames that gnomon_is_traced()
 * tells; such frames cannot leave the guest either (GNOMON_EXISTS).
 *
 * The CPU runs in long mode with CR0.WP and EFER.NXE set, which the guest must
 * set too, and reports page faults, MOV to CR3 and INVLPG as with shadow
 * tables. A frame can be a table of one level only. A guest that stores into
 * its tables without asking is answered EMULATE, and goes on.
 */
enum gnomon_direct_op {
	/* The gpte at gpa (a multiple of 8) becomes value, in gpas. */
	GNOMON_DIRECT_SET = 0,
	/* The same; A and D as the CPU has set them by now stay set. */
	GNOMON_DIRECT_SET_KEEP_AD,
	/*
	 * gpa is a table of level value and stays one until it is unpinned;
	 * all below it but large leaves is checked and filled now.
	 */
	GNOMON_DIRECT_PIN,
	/* What was below it and is used by nobody else becomes data again. */
	GNOMON_DIRECT_UNPIN,
	GNOMON_DIRECT_ROOT,	/* MOV of value to CR3 */
	GNOMON_DIRECT_FLUSH_PAGE, /* INVLPG of value */
	GNOMON_DIRECT_FLUSH_ALL, /* drop all of this vcpu's, global too */
};

struct gnomon_direct {
	uint32_t op;		/* enum gnomon_direct_op */
	uint32_t reserved;	/* 0 */
	gnomon_gpa_t gpa;
	uint64_t value;
};

/*
 * Do what the guest asks of this vcpu in one hypercall: requests [*done],
 * [*done + 1] ... count - 1, one step of the budget for each, for each entry
 * that a pin fills and for each table that becomes data; *done grows by those
 * that are complete. The requests are copied from the guest by the VMM before,
 * so that they cannot change. After a ROOT load gnomon_vcpu_root() before the
 * guest runs.
 *
 * GNOMON_OK: all done. GNOMON_MORE: call again with the same arguments.
 * GNOMON_INVAL: request *done asks for what cannot be (no such op, reserved
 * bits, a frame that is no RAM or a table of another level); those before it
 * are done, it has changed nothing that another vcpu could use.
 * GNOMON_NOMEM: at request *done. GNOMON_UNSUPPORTED: another mode.
 */
GNOMON_API enum gnomon_status
gnomon_direct(struct gnomon_vcpu *vcpu, const struct gnomon_direct *request,
	      uint32_t count, uint32_t *done, uint32_t *budget)
	GNOMON_MUST_USE;

/*
 * The gpte at gpa (a multiple of 8) in gpas, A and D as the CPU has left them;
 * also where no table is. GNOMON_OK, _ABSENT, _INVAL.
 */
GNOMON_API enum gnomon_status
gnomon_direct_read(struct gnomon_vm *vm, gnomon_gpa_t gpa, uint64_t *gpte)
	GNOMON_MUST_USE;

/* ---- the host's side changes -------------------------------------------- */

/*
 * Frames of guest memory still to be worked on. Calls that take one advance
 * it: after GNOMON_MORE call again with the same object.
 */
struct gnomon_range {
	gnomon_gfn_t first;
	uint64_t frames;
};

/*
 * The host is about to take frames away, move them or write-protect them.
 * begin() drops every translation to them; until the matching end() a fault
 * there is answered RETRY, so no frame that the host named before is mapped
 * after. Changes may nest and overlap, at most 16 at a time. begin():
 * GNOMON_OK; GNOMON_MORE: call again with the same arguments, nothing may
 * change yet; GNOMON_INVAL for an empty or wrapping range, or too many;
 * GNOMON_EXISTS (mode DIRECT): a frame there is a table and must stay, end the
 * change.
 * end(): GNOMON_OK; GNOMON_INVAL when there was no such begin().
 */
GNOMON_API enum gnomon_status
gnomon_host_change_begin(struct gnomon_vm *vm, gnomon_gfn_t first,
			 uint64_t frames, uint32_t *budget) GNOMON_MUST_USE;
GNOMON_API enum gnomon_status
gnomon_host_change_end(struct gnomon_vm *vm, gnomon_gfn_t first,
		       uint64_t frames) GNOMON_MUST_USE;

/*
 * Which frames have been used since the last call that cleared them: *young
 * counts those of the range; with clear their translations are dropped so
 * that the next use shows. GNOMON_OK; GNOMON_MORE (young adds up);
 * GNOMON_INVAL for a wrapping or too high range.
 */
GNOMON_API enum gnomon_status
gnomon_young(struct gnomon_vm *vm, struct gnomon_range *range,
	     bool clear, uint64_t *young, uint32_t *budget) GNOMON_MUST_USE;

#define GNOMON_DIRTY_LOGS_MAX 8

/*
 * Beside a bitmap: the frames whose bits a log has set, in that order, so that
 * nobody has to look for them. size is a power of two, entry has as many words,
 * all members else are 0 at first. The VMM owns the ring and keeps it until the
 * log is stopped; the engine writes entry, put and lost, and the VMM empties
 * it with gnomon_dirty_ring_take() alone. A frame whose bit finds no room is
 * not in the ring but in the bitmap, and counted in lost: then look there.
 */
struct gnomon_dirty_ring {
	uint64_t *entry;	/* a frame + 1; 0 = none yet */
	uint32_t size;		/* 1 .. 2^30; read at gnomon_dirty_start() */
	uint32_t put;		/* entries so far, modulo 2^32 */
	uint32_t taken;		/* of these, by the VMM */
	uint32_t lost;		/* the VMM may exchange it for 0 */
};

/*
 * A log of written frames, for migration or a frame buffer. bitmap has a bit
 * per frame, rounded up to 8 bytes; the VMM owns it and may read it at any
 * time, the engine sets bits in it (atomically) until the log is stopped. Bits
 * are set before the write can happen, and put into the ring after that and
 * before the call returns in which they were set. Logs may overlap.
 */
struct gnomon_dirty_log {
	uint32_t id;		/* 0 .. GNOMON_DIRTY_LOGS_MAX-1 */
	uint32_t flags;		/* enum gnomon_dirty_flags */
	gnomon_gfn_t first;
	uint64_t frames;
	uint64_t *bitmap;
	struct gnomon_dirty_ring *ring;	/* null: none */
};

enum gnomon_dirty_flags {
	/* The VMM has set every bit: protect nothing before a clear. */
	GNOMON_DIRTY_INITIALLY_SET = 1u << 0,
	/*
	 * On nested tables the CPU keeps the log, by the D bits of nptes: a
	 * frame leaves the guest at its first write only. Later writes come
	 * into the bitmap when it is cleared, or when the translation goes,
	 * not before they happen: a copy taken after gnomon_dirty_clear() has
	 * returned holds them. Where the CPU maps a large page, each of its
	 * frames counts as written (gnomon_split() before helps). On other
	 * tables the flag changes nothing. Logs with it and without do not run
	 * at the same time.
	 */
	GNOMON_DIRTY_BY_CPU = 1u << 1,
};

/*
 * Start a log on a bitmap of zeros (or ones) and protect the frames.
 * GNOMON_OK; GNOMON_MORE: call again with the same arguments; GNOMON_EXISTS
 * when id is in use, or a log of the other kind runs; GNOMON_INVAL, also for a
 * ring of another size than a power of two or without entries.
 */
GNOMON_API enum gnomon_status
gnomon_dirty_start(struct gnomon_vm *vm, const struct gnomon_dirty_log *log,
		   uint32_t *budget) GNOMON_MUST_USE;
/*
 * Take the bits of a range of the log: where copy is not null, its bits (bit 0
 * = the log's first frame) are OR-ed into copy; then they are cleared and the
 * frames protected anew, TLBs included. GNOMON_OK; GNOMON_MORE; GNOMON_INVAL.
 */
GNOMON_API enum gnomon_status
gnomon_dirty_clear(struct gnomon_vm *vm, uint32_t id,
		   struct gnomon_range *range, uint64_t *copy,
		   uint32_t *budget) GNOMON_MUST_USE;
/*
 * Take the oldest entry of a ring into *gfn; false when there is none. Its bit
 * stays set, and the frame does not come again, until gnomon_dirty_clear().
 * Needs no vm and no lock, but takers must come one after the other.
 */
GNOMON_API bool gnomon_dirty_ring_take(struct gnomon_dirty_ring *ring,
				       gnomon_gfn_t *gfn) GNOMON_MUST_USE;
/* GNOMON_OK or GNOMON_INVAL. gnomon_collapse() makes leaves large again. */
GNOMON_API enum gnomon_status
gnomon_dirty_stop(struct gnomon_vm *vm, uint32_t id) GNOMON_MUST_USE;

/* Accesses that the VMM wants to see; WATCH_READ stops all three. */
enum gnomon_watch {
	GNOMON_WATCH_READ = 1u << 0,
	GNOMON_WATCH_WRITE = 1u << 1,
	GNOMON_WATCH_EXEC = 1u << 2,
};

/*
 * Answer such accesses to the frames with GNOMON_TRACKED from now on; 0 lifts
 * the watch. Accesses by gnomon_write() and page walks are not reported.
 * Nested tables cannot tell a page walk from other accesses: there the CPU's
 * own reads and writes of gptes in the frame are reported as well, and each
 * walk may count as a write.
 * GNOMON_OK; GNOMON_MORE; GNOMON_NOMEM: done up to range->first;
 * GNOMON_INVAL; GNOMON_UNSUPPORTED in mode DIRECT.
 */
GNOMON_API enum gnomon_status
gnomon_watch(struct gnomon_vm *vm, struct gnomon_range *range, uint32_t watch,
	     uint32_t *budget) GNOMON_MUST_USE;

/* Guest addresses still to be worked on, as struct gnomon_range. */
struct gnomon_span {
	gnomon_gva_t start;
	uint64_t bytes;
};

/*
 * Make what the vcpu's guest may read in the span readable without an exit:
 * fill our tables as if it had read each page. Pages that it may not read, that
 * would gain an accessed bit by it, or that the host has not got now are left
 * out. One step for each page, or for all that one missing entry covers.
 * GNOMON_OK; GNOMON_MORE; GNOMON_NOMEM: done up to span->start; GNOMON_INVAL.
 */
GNOMON_API enum gnomon_status
gnomon_prefault(struct gnomon_vcpu *vcpu, struct gnomon_span *span,
		uint32_t *budget) GNOMON_MUST_USE;

/*
 * Break large nested leaves of the range up, so that a dirty log started after
 * finds 4K leaves and no write has to wait for a split. Shadow tables need
 * none: a log drops their large leaves. GNOMON_OK; GNOMON_MORE; GNOMON_NOMEM:
 * done up to range->first; GNOMON_INVAL. gnomon_collapse() undoes it.
 */
GNOMON_API enum gnomon_status
gnomon_split(struct gnomon_vm *vm, struct gnomon_range *range,
	     uint32_t *budget) GNOMON_MUST_USE;

/*
 * Join small leaves where large ones are possible now, by dropping the small
 * ones: the next access fills the large one. GNOMON_OK; GNOMON_MORE;
 * GNOMON_INVAL for a wrapping or too high range.
 */
GNOMON_API enum gnomon_status
gnomon_collapse(struct gnomon_vm *vm, struct gnomon_range *range,
		uint32_t *budget) GNOMON_MUST_USE;

/*
 * Forget every translation, at once (shadow) and with the budget (nested);
 * the guest goes on and faults. GNOMON_OK or GNOMON_MORE.
 */
GNOMON_API enum gnomon_status gnomon_zap_all(struct gnomon_vm *vm,
					     uint32_t *budget) GNOMON_MUST_USE;

/*
 * Give table pages back to the host: oldest first, *pages of them or as many
 * as can go; *pages becomes what is missing. GNOMON_OK or GNOMON_MORE.
 */
GNOMON_API enum gnomon_status gnomon_shrink(struct gnomon_vm *vm,
					    uint32_t *pages, uint32_t *budget)
	GNOMON_MUST_USE;

/* ---- questions ---------------------------------------------------------- */

struct gnomon_translation {
	gnomon_gpa_t gpa;
	uint8_t page_shift;	/* 12, 21, 22 or 30 */
	bool writable;		/* for this privilege, as the tables say */
	bool user;
	bool executable;
	uint32_t error_code;	/* GNOMON_FAULT: of the #PF */
};

enum gnomon_translate_flags {
	/* Set accessed and dirty bits as the access itself would. */
	GNOMON_TRANSLATE_SET_AD = 1u << 0,
};

/*
 * Walk the primary tables for gva with the given access (enum gnomon_access).
 * GNOMON_OK; GNOMON_FAULT: not allowed, error_code set; GNOMON_ABSENT: a
 * table lies outside RAM; GNOMON_GP: gva is not canonical; GNOMON_INVAL: the
 * vcpu has no registers yet.
 */
GNOMON_API enum gnomon_status
gnomon_translate(struct gnomon_vcpu *vcpu, gnomon_gva_t gva, uint32_t access,
		 uint32_t flags, struct gnomon_translation *out)
	GNOMON_MUST_USE;

enum gnomon_tables {
	GNOMON_TABLES_GUEST = 0, /* the vcpu's primary tables */
	GNOMON_TABLES_SHADOW,	/* what it walks in mode SHADOW */
	GNOMON_TABLES_NESTED,	/* gpa to hpa */
};

/* All 0 for the first call; members below the line are the answer. */
struct gnomon_look {
	uint64_t next;		/* the engine's: where to go on */
	uint8_t level;
	bool end;
	/* ---- */
	bool table;		/* it leads to a table, which comes next */
	uint8_t entry_level;
	uint64_t address;	/* first gva (NESTED: gpa) that it is for */
	uint64_t entry;		/* as it stands in the table */
	uint64_t at;		/* GUEST: its gpa; else its hpa */
};

/*
 * Tell the next entry that is not empty, tables before what they hold, in the
 * order of addresses: a dump of a hierarchy, entry by entry. The tables may
 * change between two calls. GNOMON_OK: *look is one; GNOMON_MORE: nothing
 * found with this budget; GNOMON_ABSENT: that was all; GNOMON_INVAL.
 */
GNOMON_API enum gnomon_status
gnomon_look(const struct gnomon_vcpu *vcpu, enum gnomon_tables tables,
	    struct gnomon_look *look, uint32_t *budget) GNOMON_MUST_USE;

/* Levels: each includes those before it. */
enum gnomon_audit_level {
	GNOMON_AUDIT_COUNTS = 1, /* counters against lists: cheap */
	GNOMON_AUDIT_LINKS = 2,	/* keys, parents, reverse map, both ways */
	GNOMON_AUDIT_FULL = 3,	/* every spte against the gpte it was made of,
				   slots and host: resource control */
	GNOMON_AUDIT_GUEST = 4,	/* and the gpte against guest memory: fails if
				   a table was changed without gnomon_write() */
};

struct gnomon_audit {
	const char *rule;	/* name of the first broken rule, or null */
	uint64_t a, b;		/* where: meaning depends on the rule */
	uint64_t checked;	/* entries looked at */
};

/*
 * Check every rule of the level. GNOMON_OK or GNOMON_BUG with *report filled;
 * changes nothing.
 */
GNOMON_API enum gnomon_status
gnomon_audit(struct gnomon_vm *vm, enum gnomon_audit_level level,
	     struct gnomon_audit *report) GNOMON_MUST_USE;

/* Counters since creation, and gauges (marked =) as of now. */
struct gnomon_stats {
	uint64_t pf_taken;	/* gnomon_fault() calls */
	uint64_t faults[GNOMON_KINDS]; /* by enum gnomon_fault_kind */
	uint64_t pf_fixed;	/* answered RESUME with an entry installed */
	uint64_t pf_emulate;
	uint64_t pf_guest;	/* injected */
	uint64_t cr3_loads;
	uint64_t root_hits;	/* of the root cache */
	uint64_t invlpg;
	uint64_t tlb_flush;	/* host->flush() calls */
	uint64_t mmu_pte_write;	/* gpte slots written through gnomon_write() */
	uint64_t sptes_set;
	uint64_t sptes_cleared;
	uint64_t nptes_set;
	uint64_t splits;	/* large entries split */
	uint64_t protects;	/* frames write-protected for a trace */
	uint64_t mmu_shadow_zapped; /* shadow pages dropped */
	uint64_t mmu_recycled;	/* of these, for want of pages */
	uint64_t mmu_flooded;	/* of these, by the write-flood rule */
	uint64_t mmu_cache_miss; /* shadow pages created */
	uint64_t shadow_pages;	/* = */
	uint64_t shadow_pages_peak;
	uint64_t nested_pages;	/* = */
	uint64_t nested_pages_peak;
	uint64_t meta_pages;	/* = */
	uint64_t traced_frames;	/* = */
	uint64_t rmap_entries;	/* = */
	uint64_t guest_walk_refs; /* gptes the engine itself has read */
	uint64_t mmu_unsync;	/* leaf tables left open */
	uint64_t unsync_closed;	/* of these, traced again */
	uint64_t syncs;		/* open tables compared at flush points */
	uint64_t sptes_synced;	/* entries that were found changed */
	uint64_t unsync_tables;	/* = open now */
	uint64_t switches_set;	/* sptes made to lead to a guest's table */
	uint64_t tables_nested;	/* = gnomon_table_switch(): nested below */
	/* Calls that held lock, and lock_shared; counted without them too. */
	uint64_t lock_exclusive;
	uint64_t lock_shared;
	uint64_t lock_again;	/* of the shared, those that then took lock */
	/* In units of host->clock(), 0 without: held, longest, waited for. */
	uint64_t lock_exclusive_time;
	uint64_t lock_exclusive_max;
	uint64_t lock_shared_time;
	uint64_t lock_shared_max;
	uint64_t lock_wait_time;
	uint64_t lock_wait_max;
	uint64_t mmio_cached;	/* faults on devices answered without a walk */
	uint64_t direct_tables;	/* = frames that are tables, and splits */
	uint64_t direct_tables_peak;
	uint64_t direct_updates; /* gptes changed on request or emulated */
	uint64_t direct_sets;	/* entries filled */
	uint64_t mode_switches;	/* choices that gnomon_mode_switch() took */
	uint64_t root_switches;	/* vcpus that went to another mode */
	/*
	 * Tables whose trace gave way to page walks on nested tables: writable
	 * there, and compared when a vcpu comes to shadow tables.
	 */
	uint64_t loosened;
	uint64_t loose_tables;	/* = now */
	uint64_t misconfigs;	/* reports of an npte that the CPU refused */
	uint64_t nptes_around;	/* of nptes_set, by OPT_AROUND */
};

/* Copy the counters; stats_bytes is sizeof(*stats) of the caller's header. */
GNOMON_API void gnomon_vm_stats(const struct gnomon_vm *vm,
				struct gnomon_stats *stats,
				size_t stats_bytes);
/* Is gfn write-protected because it holds a primary table? */
GNOMON_API bool gnomon_is_traced(const struct gnomon_vm *vm, gnomon_gfn_t gfn);

/* ---- a look at tables without a vm -------------------------------------- */

enum gnomon_entry_kind {
	GNOMON_ENTRY_HOLE = 0,
	GNOMON_ENTRY_TABLE,
	GNOMON_ENTRY_LEAF,
	GNOMON_ENTRY_RESERVED,	/* present, but breaks a reserved-bit rule */
};

enum gnomon_right {
	GNOMON_RIGHT_EXEC = 1u << 0,
	GNOMON_RIGHT_WRITE = 1u << 1,
	GNOMON_RIGHT_USER = 1u << 2,
	GNOMON_RIGHT_READ = 1u << 3,
};

/* One entry on the way of a translation. */
struct gnomon_step {
	uint64_t gpte;
	gnomon_gpa_t gpa;	/* where it lies */
	gnomon_gpa_t frame;	/* of the next table, or a leaf's first byte */
	uint16_t index;
	uint8_t level;		/* 1 = maps 4K; 3 for a PDPTE of PAE */
	uint8_t kind;		/* enum gnomon_entry_kind */
	uint8_t rights;		/* enum gnomon_right: of this entry alone */
	uint8_t path_rights;	/* of the path down to it */
	uint8_t pkey;		/* LEAF: protection key, 0 when off */
	bool global;		/* LEAF, and CR4.PGE is set */
};

struct gnomon_trail {
	const char *format;	/* "4-level", "pae", ...; static */
	uint32_t step_count;	/* top first; 0 with paging off */
	struct gnomon_step step[GNOMON_MAX_LEVELS];
	/* gpa is also set with GNOMON_ABSENT: of the entry not to be had. */
	struct gnomon_translation result;
};

/*
 * Walk as gnomon_translate() does, for registers given by value and memory
 * read through host->load() alone, and keep what was seen. flags is 0 or
 * GNOMON_SET_PDPTES (else PDPTEs are read at CR3). Changes nothing; needs
 * no vm. GNOMON_OK, _FAULT, _ABSENT; GNOMON_GP for a gva that is not
 * canonical; GNOMON_INVAL for registers that no CPU would hold.
 */
GNOMON_API enum gnomon_status
gnomon_walk(const struct gnomon_regs *regs, const struct gnomon_caps *caps,
	    const struct gnomon_host *host, void *ctx, gnomon_gva_t gva,
	    uint32_t access, uint32_t flags, struct gnomon_trail *out)
	GNOMON_MUST_USE;

#ifdef __cplusplus
}
#endif

#endif

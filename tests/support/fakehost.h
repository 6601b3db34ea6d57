/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A host made of plain memory, for tests: it implements struct gnomon_host
 * and judges how the engine uses it. Guest frames are one sparse array; what
 * the engine may see of them is set per slot (with or without a window) and
 * per frame (kind, rights, block size). Pages given to the engine have an hpa
 * that differs from their va, are counted, and are poisoned when they come
 * back. The processors that use the tables are in hwcpu.h.
 *
 * A broken rule is counted in errors and the first is kept as text.
 */
#ifndef GN_TESTS_SUPPORT_FAKEHOST_H
#define GN_TESTS_SUPPORT_FAKEHOST_H

#include "gnomon/gnomon.h"

/* Guest frames that can exist: 64M, and 1G more from FH_BIG_FIRST. */
#define FH_SMALL_FRAMES 16384u
#define FH_BIG_FIRST 262144u
#define FH_BIG_FRAMES 262144u
#define FH_FRAMES (FH_BIG_FIRST + FH_BIG_FRAMES)
/*
 * Memory that is seen in SMM only: numbers from GNOMON_SMM_GFN on. It is kept
 * in the small frames from here on, where such a test has no others, and has
 * numbers below 4096 there.
 */
#define FH_SMM_FIRST 12288u

/* Where host frames are: no hfn equals its gfn. */
#define FH_HFN_BLOCK UINT64_C(0x00400000) /* gfn + this: contiguous */
#define FH_HFN_SCATTER UINT64_C(0x00200000)
#define FH_HFN_MOVED UINT64_C(0x00240000)
#define FH_PAGE_HPA UINT64_C(0x0000003000000000) /* pages of the engine */
#define FH_PAGES_MAX 65536u
#define FH_VCPUS 4

struct fh_frame {
	uint8_t kind;		/* enum gnomon_frame_kind */
	uint8_t order;		/* of the host block, before slots */
	bool write;		/* the host lets us write */
	bool cow;		/* write comes with the first WANT_WRITE */
	bool moved;		/* order 0: it is in its other host frame */
};

struct fh_page {
	unsigned char *va;	/* null: never given out */
	bool live;
	uint8_t use;		/* enum gnomon_page_use */
	/* Flush epoch of each vcpu when its walker last came through. */
	uint64_t seen[FH_VCPUS];
};

/* The host callbacks that can be told to fail. */
enum fh_call {
	FH_CALL_FRAME,	/* answers NOT_NOW */
	FH_CALL_LOAD,
	FH_CALL_STORE,
	FH_CALL_CMPXCHG,
	FH_CALL_ALLOC,
	FH_CALLS,
};

struct fakehost {
	struct gnomon_host host;	/* give &host and the fakehost as ctx */
	unsigned char *small, *big;	/* guest memory */
	struct fh_frame *frame;		/* [FH_FRAMES] */
	struct gnomon_slot slot[GNOMON_SLOTS_MAX];
	bool slot_used[GNOMON_SLOTS_MAX];
	unsigned slot_end;		/* no id in use from here on */
	bool smm;			/* gpas are as seen in SMM */

	struct fh_page *page;		/* [FH_PAGES_MAX] by hpa */
	uint32_t page_next;		/* first never used */
	uint32_t page_free[FH_PAGES_MAX]; /* returned ones, oldest first */
	uint32_t free_head, free_count;
	uint32_t live[2];		/* by enum gnomon_page_use */
	uint32_t live_max;		/* NOMEM above; 0 = no limit */

	uint64_t calls[FH_CALLS];
	uint64_t calls_all;
	uint64_t fail_at;		/* fail call number calls_all == this */
	bool fail_hit;
	uint32_t fail_percent_alloc;	/* random NOMEM, by a counter */

	uint64_t epoch[FH_VCPUS];	/* grows with each flush */
	/* The vcpu whose registers are being set: it is outside the guest and
	 * owes a flush at the load for pages freed meanwhile. */
	unsigned loading;		/* id + 1, or 0 */
	bool owes_flush;
	uint64_t flushes;
	bool inside;			/* a callback must not re-enter */
	/* Told of every flush; set by whoever keeps TLBs. */
	void (*on_flush)(void *arg, const struct gnomon_flush *flush);
	void *on_flush_arg;
	/* Told after a store or compare-exchange by the engine. */
	void (*on_store)(void *arg, uint64_t gpa, unsigned bytes);
	void *on_store_arg;

	unsigned errors;
	char error[160];
};

/* Null members are filled in; no slots, every frame RAM, order 0. */
struct fakehost *fh_create(void);
/* Complains about pages that did not come back. */
unsigned fh_destroy(struct fakehost *fh);
void fh_error(struct fakehost *fh, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Where frame[] has what is known of a frame of memory. */
static inline uint64_t fh_index(uint64_t gfn)
{
	return gfn < GNOMON_SMM_GFN ? gfn : gfn - GNOMON_SMM_GFN + FH_SMM_FIRST;
}

/* Guest memory at gpa, or null where no frame can be. */
unsigned char *fh_at(const struct fakehost *fh, uint64_t gpa);
uint64_t fh_load(const struct fakehost *fh, uint64_t gpa, unsigned bytes);
void fh_store(struct fakehost *fh, uint64_t gpa, unsigned bytes,
	      uint64_t value);

/* Make frames first..first+count-1 alike. */
void fh_frames(struct fakehost *fh, uint64_t first, uint64_t count,
	       struct fh_frame frame);
/* A slot for gnomon_slot_set(); window: with an hva. Remembered. */
struct gnomon_slot fh_slot(struct fakehost *fh, uint32_t id, uint64_t first,
			   uint64_t frames, uint32_t flags, bool window);
/* The same for one that shows memory of another. */
struct gnomon_slot fh_alias(struct fakehost *fh, uint32_t id, uint64_t first,
			    uint64_t frames, uint64_t target);
void fh_slot_forget(struct fakehost *fh, uint32_t id);
/*
 * What the host and the slots know the memory at a guest's gpa by, as seen
 * outside SMM or, with smm, inside.
 */
uint64_t fh_memory(const struct fakehost *fh, uint64_t gpa);
/* fh_load() by a guest's gpa. */
uint64_t fh_seen(const struct fakehost *fh, uint64_t gpa, unsigned bytes);
/* The same for struct ref_mmu: how many values there may be there, 0 or 1. */
unsigned fh_read(void *fh, uint64_t gpa, unsigned bytes, uint64_t *values);
/* The one that has the memory. */
const struct gnomon_slot *fh_slot_of(const struct fakehost *fh, uint64_t gfn);
/* May a leaf map gfn at all, and may it do so writable? */
bool fh_mappable(const struct fakehost *fh, uint64_t gfn);
bool fh_writable(const struct fakehost *fh, uint64_t gfn);
/*
 * May gnomon_write() store there? A window lets it whatever the frame is, and
 * the callbacks fetch and unshare by themselves.
 */
bool fh_storable(const struct fakehost *fh, uint64_t gfn);
/* Does load/store reach it (RAM or ROM in a slot)? */
bool fh_readable(const struct fakehost *fh, uint64_t gfn);

uint64_t fh_hfn(const struct fakehost *fh, uint64_t gfn);
/* The guest frame behind hfn, or UINT64_MAX. */
uint64_t fh_gfn(const struct fakehost *fh, uint64_t hfn);
/* Around gnomon_vcpu_set_regs() of that vcpu; flush is root.flush. */
void fh_begin_load(struct fakehost *fh, unsigned vcpu);
void fh_end_load(struct fakehost *fh, bool flush);
/* A table page of the engine by hpa, or null; dead pages are null. */
struct fh_page *fh_page_at(struct fakehost *fh, uint64_t hpa);

#endif

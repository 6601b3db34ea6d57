/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/support/fakehost.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define POISON 0xa5
#define SCATTER 7919u	/* odd: multiplying permutes the small frames */

void fh_error(struct fakehost *fh, const char *format, ...)
{
	va_list args;

	if (fh->errors++ == 0) {
		va_start(args, format);
		vsnprintf(fh->error, sizeof(fh->error), format, args);
		va_end(args);
	}
}

/* ---- guest memory ------------------------------------------------------- */

unsigned char *fh_at(const struct fakehost *fh, uint64_t gpa)
{
	uint64_t gfn = fh_index(gpa >> 12);

	if (gfn < FH_SMALL_FRAMES) {
		return fh->small + (gfn << 12) + (gpa & 0xfff);
	}
	if (gfn - FH_BIG_FIRST < FH_BIG_FRAMES) {
		return fh->big + (gpa - ((uint64_t)FH_BIG_FIRST << 12));
	}
	return NULL;
}

uint64_t fh_load(const struct fakehost *fh, uint64_t gpa, unsigned bytes)
{
	uint64_t v = 0;

	memcpy(&v, fh_at(fh, gpa), bytes);
	return v;
}

void fh_store(struct fakehost *fh, uint64_t gpa, unsigned bytes,
	      uint64_t value)
{
	memcpy(fh_at(fh, gpa), &value, bytes);
}

void fh_frames(struct fakehost *fh, uint64_t first, uint64_t count,
	       struct fh_frame frame)
{
	for (uint64_t i = 0; i < count; i++) {
		fh->frame[first + i] = frame;
	}
}

uint64_t fh_hfn(const struct fakehost *fh, uint64_t gfn)
{
	gfn = fh_index(gfn);
	if (gfn < FH_SMALL_FRAMES && fh->frame[gfn].order == 0) {
		return (fh->frame[gfn].moved ? FH_HFN_MOVED : FH_HFN_SCATTER) +
		       gfn * SCATTER % FH_SMALL_FRAMES;
	}
	return FH_HFN_BLOCK + gfn;
}

uint64_t fh_gfn(const struct fakehost *fh, uint64_t hfn)
{
	uint64_t gfn = hfn - FH_HFN_BLOCK;

	if (hfn - FH_HFN_SCATTER < FH_SMALL_FRAMES ||
	    hfn - FH_HFN_MOVED < FH_SMALL_FRAMES) {
		/* The inverse of SCATTER modulo 2^n, by Newton's step. */
		uint64_t inverse = SCATTER;

		for (int i = 0; i < 5; i++) {
			inverse *= 2 - SCATTER * inverse;
		}
		/* The two bases are equal modulo 2^14. */
		gfn = (hfn - FH_HFN_SCATTER) * inverse % FH_SMALL_FRAMES;
	}
	if (gfn >= FH_FRAMES || fh_hfn(fh, gfn) != hfn) {
		return UINT64_MAX;
	}
	uint64_t smm = gfn - FH_SMM_FIRST + GNOMON_SMM_GFN;

	return gfn >= FH_SMM_FIRST && gfn < FH_SMALL_FRAMES &&
			       fh_slot_of(fh, smm)
		       ? smm
		       : gfn;
}

/* ---- callbacks ---------------------------------------------------------- */

static bool fails(struct fakehost *fh, enum fh_call call)
{
	fh->calls[call]++;
	if (++fh->calls_all == fh->fail_at) {
		fh->fail_hit = true;
		return true;
	}
	return false;
}

static void host_frame(void *ctx, gnomon_gfn_t gfn, uint32_t want,
		       struct gnomon_frame *frame)
{
	struct fakehost *fh = ctx;
	const struct gnomon_slot *slot = fh_slot_of(fh, gfn.v);

	*frame = (struct gnomon_frame){ .kind = GNOMON_FRAME_NOT_NOW };
	if (fails(fh, FH_CALL_FRAME)) {
		return;
	}
	if (!slot) {
		fh_error(fh, "frame() for gfn %#" PRIx64 " outside all slots",
			 gfn.v);
		frame->kind = GNOMON_FRAME_ABSENT;
		return;
	}
	struct fh_frame *f = &fh->frame[fh_index(gfn.v)];

	if (f->cow && (want & GNOMON_WANT_WRITE)) {
		f->cow = false;
		f->write = true;
	}
	frame->kind = (enum gnomon_frame_kind)f->kind;
	frame->hfn.v = fh_hfn(fh, gfn.v);
	frame->order = f->order;
	frame->writable = f->write;
	if (slot->flags & GNOMON_SLOT_ROM) {
		frame->writable = false;
	}
}

static bool bad_guest_access(struct fakehost *fh, gnomon_gpa_t gpa,
			     unsigned bytes, const char *what)
{
	if ((bytes != 1 && bytes != 2 && bytes != 4 && bytes != 8) ||
	    gpa.v % bytes) {
		fh_error(fh, "%s() of %u bytes at %#" PRIx64, what, bytes,
			 gpa.v);
		return true;
	}
	return !fh_readable(fh, gpa.v >> 12);
}

static enum gnomon_status host_load(void *ctx, gnomon_gpa_t gpa,
				    unsigned bytes, uint64_t *value)
{
	struct fakehost *fh = ctx;
	const struct gnomon_slot *slot = fh_slot_of(fh, gpa.v >> 12);

	*value = UINT64_C(0xdeadbeefdeadbeef);
	if (!slot || slot->hva) {
		fh_error(fh, "load() at %#" PRIx64 ", which is in no slot "
			 "without hva", gpa.v);
	}
	if (bad_guest_access(fh, gpa, bytes, "load") ||
	    fails(fh, FH_CALL_LOAD)) {
		return GNOMON_ABSENT;
	}
	*value = fh_load(fh, gpa.v, bytes);
	return GNOMON_OK;
}

/* A store breaks the host's own copy-on-write. */
static bool may_store(struct fakehost *fh, uint64_t gfn)
{
	struct fh_frame *f = &fh->frame[fh_index(gfn)];

	if (!fh_storable(fh, gfn)) {
		return false;
	}
	if (f->cow) {
		f->cow = false;
		f->write = true;
	}
	return true;
}

static enum gnomon_status host_store(void *ctx, gnomon_gpa_t gpa,
				     unsigned bytes, uint64_t value)
{
	struct fakehost *fh = ctx;

	if (bad_guest_access(fh, gpa, bytes, "store") ||
	    fails(fh, FH_CALL_STORE) || !may_store(fh, gpa.v >> 12)) {
		return GNOMON_ABSENT;
	}
	fh_store(fh, gpa.v, bytes, value);
	if (fh->on_store) {
		fh->on_store(fh->on_store_arg, gpa.v, bytes);
	}
	return GNOMON_OK;
}

static enum gnomon_status host_cmpxchg(void *ctx, gnomon_gpa_t gpa,
				       unsigned bytes, uint64_t *old,
				       uint64_t new_value)
{
	struct fakehost *fh = ctx;

	if (bad_guest_access(fh, gpa, bytes, "cmpxchg") ||
	    fails(fh, FH_CALL_CMPXCHG) || !may_store(fh, gpa.v >> 12)) {
		return GNOMON_ABSENT;
	}
	uint64_t found = fh_load(fh, gpa.v, bytes);

	if (found == *old) {
		fh_store(fh, gpa.v, bytes, new_value);
		if (fh->on_store) {
			fh->on_store(fh->on_store_arg, gpa.v, bytes);
		}
	}
	*old = found;
	return GNOMON_OK;
}

/* Freed pages rest before they are given out again, so that a late write
 * through a stale pointer is seen in the poison. */
#define REST 64u

static uint32_t take_index(struct fakehost *fh)
{
	if (fh->free_count > REST || fh->page_next == FH_PAGES_MAX) {
		uint32_t at = fh->page_free[fh->free_head];

		fh->free_head = (fh->free_head + 1) % FH_PAGES_MAX;
		fh->free_count--;
		return at;
	}
	return fh->page_next++;
}

static void check_poison(struct fakehost *fh, uint32_t at)
{
	const unsigned char *va = fh->page[at].va;

	/* All bytes are like their neighbour, and the first is right. */
	if (va[0] != POISON || memcmp(va, va + 1, GNOMON_PAGE_BYTES - 1)) {
		fh_error(fh, "page %u written after page_free()", at);
	}
}

static enum gnomon_status host_page_alloc(void *ctx, enum gnomon_page_use use,
					  struct gnomon_page *page)
{
	struct fakehost *fh = ctx;

	if (fails(fh, FH_CALL_ALLOC) ||
	    (fh->live_max && fh->live[0] + fh->live[1] >= fh->live_max) ||
	    (fh->page_next == FH_PAGES_MAX && fh->free_count == 0)) {
		return GNOMON_NOMEM;
	}
	uint32_t at = take_index(fh);
	struct fh_page *p = &fh->page[at];

	if (!p->va) {
		/* The page before it holds its number. */
		unsigned char *two = aligned_alloc(GNOMON_PAGE_BYTES,
						   2 * GNOMON_PAGE_BYTES);

		if (!two) {
			abort();
		}
		memcpy(two, &at, sizeof(at));
		p->va = two + GNOMON_PAGE_BYTES;
	} else {
		check_poison(fh, at);
	}
	memset(p->va, 0x5a, GNOMON_PAGE_BYTES);
	memset(p->seen, 0, sizeof(p->seen));
	p->live = true;
	p->use = (uint8_t)use;
	fh->live[use]++;
	page->va = p->va;
	page->hpa.v = FH_PAGE_HPA + ((uint64_t)at << 12);
	return GNOMON_OK;
}

static void host_page_free(void *ctx, enum gnomon_page_use use,
			   const struct gnomon_page *page)
{
	struct fakehost *fh = ctx;
	uint64_t at = (page->hpa.v - FH_PAGE_HPA) >> 12;

	if (use == GNOMON_PAGE_META) {
		/* Known by its va alone. */
		uint32_t number;

		memcpy(&number, (unsigned char *)page->va - GNOMON_PAGE_BYTES,
		       sizeof(number));
		at = number;
	}
	if (at >= fh->page_next || !fh->page[at].live ||
	    fh->page[at].va != page->va || fh->page[at].use != use) {
		fh_error(fh, "page_free(%d) of hpa %#" PRIx64
			 " that is not given out like this", use,
			 page->hpa.v);
		return;
	}
	struct fh_page *p = &fh->page[at];

	for (unsigned i = 0; i < FH_VCPUS; i++) {
		if (p->seen[i] != fh->epoch[i]) {
			continue;
		}
		if (fh->loading == i + 1) {
			fh->owes_flush = true;
		} else {
			fh_error(fh, "table page %u freed though vcpu %u may "
				 "hold it: no flush since", (unsigned)at, i);
		}
	}
	memset(p->va, POISON, GNOMON_PAGE_BYTES);
	p->live = false;
	fh->live[use]--;
	fh->page_free[(fh->free_head + fh->free_count++) % FH_PAGES_MAX] =
		(uint32_t)at;
}

void fh_begin_load(struct fakehost *fh, unsigned vcpu)
{
	fh->loading = vcpu + 1;
	fh->owes_flush = false;
}

void fh_end_load(struct fakehost *fh, bool flush)
{
	if (fh->owes_flush && !flush) {
		fh_error(fh, "vcpu %u: tables freed, but no flush at the load",
			 fh->loading - 1);
	}
	fh->loading = 0;
}

static void host_flush(void *ctx, const struct gnomon_flush *flush)
{
	struct fakehost *fh = ctx;

	if (flush->bytes && (flush->start.v & 0xfff)) {
		fh_error(fh, "flush() of a range that is not page aligned");
	}
	fh->flushes++;
	for (unsigned i = 0; i < FH_VCPUS; i++) {
		fh->epoch[i] += flush->vcpus >> i & 1;
	}
	if (fh->on_flush) {
		fh->on_flush(fh->on_flush_arg, flush);
	}
}

static void host_bug(void *ctx, const char *what)
{
	fh_error(ctx, "the engine says: %s", what);
}

/* ---- life --------------------------------------------------------------- */

static void *reserve(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED) {
		abort();
	}
	return p;
}

struct fakehost *fh_create(void)
{
	struct fakehost *fh = reserve(sizeof(*fh));

	fh->host = (struct gnomon_host){
		.size = sizeof(struct gnomon_host),
		.frame = host_frame,
		.load = host_load,
		.store = host_store,
		.cmpxchg = host_cmpxchg,
		.page_alloc = host_page_alloc,
		.page_free = host_page_free,
		.flush = host_flush,
		.bug = host_bug,
	};
	fh->small = reserve((size_t)FH_SMALL_FRAMES << 12);
	fh->big = reserve((size_t)FH_BIG_FRAMES << 12);
	fh->frame = reserve(sizeof(*fh->frame) * FH_FRAMES);
	fh->page = reserve(sizeof(*fh->page) * FH_PAGES_MAX);
	fh_frames(fh, 0, FH_SMALL_FRAMES, (struct fh_frame){
		.kind = GNOMON_FRAME_RAM, .write = true });
	for (unsigned i = 0; i < FH_VCPUS; i++) {
		fh->epoch[i] = 1;
	}
	return fh;
}

unsigned fh_destroy(struct fakehost *fh)
{
	if (fh->live[0] || fh->live[1]) {
		fh_error(fh, "%u table and %u meta pages leaked", fh->live[0],
			 fh->live[1]);
	}
	for (uint32_t i = 0; i < fh->free_count; i++) {
		check_poison(fh, fh->page_free[(fh->free_head + i) %
					       FH_PAGES_MAX]);
	}
	unsigned errors = fh->errors;

	if (errors) {
		fprintf(stderr, "fakehost: %u errors, first: %s\n", errors,
			fh->error);
	}
	for (uint32_t i = 0; i < fh->page_next; i++) {
		free(fh->page[i].va - GNOMON_PAGE_BYTES);
	}
	munmap(fh->small, (size_t)FH_SMALL_FRAMES << 12);
	munmap(fh->big, (size_t)FH_BIG_FRAMES << 12);
	munmap(fh->frame, sizeof(*fh->frame) * FH_FRAMES);
	munmap(fh->page, sizeof(*fh->page) * FH_PAGES_MAX);
	munmap(fh, sizeof(*fh));
	return errors;
}

struct fh_page *fh_page_at(struct fakehost *fh, uint64_t hpa)
{
	uint64_t at = (hpa - FH_PAGE_HPA) >> 12;

	if (at >= fh->page_next || !fh->page[at].live ||
	    fh->page[at].use != GNOMON_PAGE_TABLE) {
		return NULL;
	}
	return &fh->page[at];
}

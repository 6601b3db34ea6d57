/* SPDX-License-Identifier: BSD-2-Clause */
#include "bench/micro/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
	P = 1, W = 2, U = 4, A = 32, D = 64,
};

static void die(const char *what)
{
	fprintf(stderr, "bench: %s\n", what);
	exit(1);
}

static void *reserve(uint64_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED) {
		die("no address space");
	}
	return p;
}

/* ---- the host ------------------------------------------------------------ */

static void frame(void *ctx, gnomon_gfn_t gfn, uint32_t want,
		  struct gnomon_frame *out)
{
	struct world *w = ctx;

	(void)want;
	*out = (struct gnomon_frame){
		.kind = GNOMON_FRAME_RAM, .writable = true,
		.hfn = { (uint64_t)(uintptr_t)w->ram / 4096 + gfn.v },
	};
}

_Thread_local unsigned world_arena;

static enum gnomon_status page_alloc(void *ctx, enum gnomon_page_use use,
				     struct gnomon_page *page)
{
	struct world *w = ctx;
	unsigned a = world_arena;
	uint64_t first = a * w->arena_pages;

	if (w->arena[a].free) {
		page->va = w->arena[a].free;
		memcpy(&w->arena[a].free, page->va, sizeof(void *));
	} else if (w->arena[a].next < w->arena_pages) {
		page->va = w->pages + 4096 * (first + w->arena[a].next++);
	} else {
		return GNOMON_NOMEM;
	}
	page->hpa.v = (uint64_t)(uintptr_t)page->va;
	w->pages_held[use]++;
	return GNOMON_OK;
}

static void page_free(void *ctx, enum gnomon_page_use use,
		      const struct gnomon_page *page)
{
	struct world *w = ctx;

	unsigned char *va = page->va;
	unsigned a = (uint64_t)(va - w->pages) >= 4096 * w->arena_pages;

	memcpy(va, &w->arena[a].free, sizeof(void *));
	w->arena[a].free = va;
	w->pages_held[use]--;
}

static void flush(void *ctx, const struct gnomon_flush *f)
{
	(void)ctx;
	(void)f;
}

/* ---- the guest ----------------------------------------------------------- */

static uint64_t *at(struct world *w, uint64_t gpa)
{
	return (uint64_t *)(void *)(w->ram + gpa);
}

static uint64_t new_table(struct world *w)
{
	uint64_t gpa = w->next_table;

	w->next_table += 4096;
	return gpa;
}

/* The table of the level on the way to gva, made if need be. */
static uint64_t table(struct world *w, uint64_t root, uint64_t gva,
		      unsigned level)
{
	uint64_t t = root;

	for (unsigned l = 4; l > level; l--) {
		uint64_t *e = at(w, t + (gva >> (3 + 9 * l) & 511) * 8);

		if (!(*e & P)) {
			*e = new_table(w) | P | W | U | A | D;
		}
		t = *e & ~UINT64_C(0xfff);
	}
	return t;
}

static void link_leaves(struct world *w)
{
	for (uint64_t i = 0; i < w->leaves; i++) {
		uint64_t gva = world_gva(i, 0);
		uint64_t pmd = table(w, w->roots[0], gva, 2);

		*at(w, pmd + (gva >> 21 & 511) * 8) =
			(w->leaf_gpa + i * 4096) | P | W | U | A | D;
		for (unsigned j = 0; j < 512; j++) {
			/* Data frames lie from 4096 on and are never read. */
			*world_entry(w, i, j) = (4096 + (i * 512 + j) * 4096) |
						P | W | U | A | D;
		}
	}
}

static void direct_map(struct world *w)
{
	for (uint64_t i = 0; i < w->leaves; i++) {
		uint64_t gpa = w->leaf_gpa + i * 4096;
		uint64_t gva = WORLD_DIRECT + gpa;

		*at(w, table(w, w->roots[0], gva, 1) +
		       (gva >> 12 & 511) * 8) = gpa | P | W | A | D;
	}
}

static void build(struct world *w)
{
	w->next_table = w->tables_gpa;
	w->roots[0] = new_table(w);
	for (unsigned i = 1; i < WORLD_ROOTS; i++) {
		w->roots[i] = new_table(w);
	}
	w->leaf_gpa = w->next_table;
	w->next_table += w->leaves * 4096;
	link_leaves(w);
	direct_map(w);
	for (unsigned i = 1; i < WORLD_ROOTS; i++) {
		memcpy(at(w, w->roots[i]), at(w, w->roots[0]), 4096);
	}
}

/* ---- life ---------------------------------------------------------------- */

static void start(struct world *w, uint32_t options,
		  const struct gnomon_host *guard)
{
	struct gnomon_config config = {
		.size = sizeof(config), .mode = w->mode,
		.nested_around = w->around,
		.caps = { .features = GNOMON_CAP_NX, .maxphyaddr = 48 },
		.host_maxphyaddr = 52, .options = options,
		/* Give no table up: its traces are what is measured. */
		.flood_leaf_writes = 65535, .flood_upper_writes = 65535,
		/* One open table, so that a flush point compares one. */
		.unsync_max = 1,
	};
	struct gnomon_slot slot = {
		.frames = w->ram_bytes / 4096, .hva = w->ram,
	};

	w->host = (struct gnomon_host){
		.size = sizeof(w->host), .frame = frame,
		.page_alloc = page_alloc, .page_free = page_free,
		.flush = flush,
	};
	if (guard) {
		w->host.lock = guard->lock;
		w->host.unlock = guard->unlock;
		w->host.lock_shared = guard->lock_shared;
		w->host.unlock_shared = guard->unlock_shared;
		w->host.clock = guard->clock;
	}
	w->vm_memory = aligned_alloc(64, (gnomon_vm_bytes() + 63) & ~63ul);
	w->vcpu_memory = aligned_alloc(64, (gnomon_vcpu_bytes() + 63) & ~63ul);
	if (!w->vm_memory || !w->vcpu_memory ||
	    gnomon_vm_create(w->vm_memory, &config, &w->host, w, &w->vm) !=
		    GNOMON_OK ||
	    gnomon_slot_set(w->vm, &slot) != GNOMON_OK ||
	    gnomon_vcpu_create(w->vm, 0, w->vcpu_memory, &w->vcpu) !=
		    GNOMON_OK) {
		die("the engine does not start");
	}
}

static void make(struct world *w, uint32_t options,
		 const struct gnomon_host *guard)
{
	uint64_t leaves = w->leaves;

	w->tables_gpa = (leaves * 512 + 4096) * 4096;
	w->ram_bytes = w->tables_gpa + (leaves + leaves / 100 + 4096) * 4096;
	w->ram = reserve(w->ram_bytes);
	w->arena_pages = leaves * 16 + 8192;
	w->pages = reserve(2 * w->arena_pages * 4096);
	build(w);
	start(w, options, guard);
	w->regs = (struct gnomon_regs){
		.cr0 = 0x80010001, .cr4 = 0xa0, .efer = 0xd00,
	};
	world_load(w, 0);
}

void world_make(struct world *w, uint64_t leaves, uint32_t options)
{
	world_make_guarded(w, leaves, options, NULL);
}

void world_make_guarded(struct world *w, uint64_t leaves, uint32_t options,
			const struct gnomon_host *guard)
{
	*w = (struct world){ .leaves = leaves, .mode = GNOMON_MODE_SHADOW };
	make(w, options, guard);
}

void world_make_nested(struct world *w, uint64_t leaves, unsigned around,
		       const struct gnomon_host *guard)
{
	*w = (struct world){ .leaves = leaves, .mode = GNOMON_MODE_NESTED,
			     .around = (uint8_t)around };
	make(w, (uint32_t)GNOMON_OPT_ALL, guard);
}

void world_second(struct world *w)
{
	struct gnomon_root root;

	w->second_memory =
		aligned_alloc(64, (gnomon_vcpu_bytes() + 63) & ~63ul);
	if (!w->second_memory ||
	    gnomon_vcpu_create(w->vm, 1, w->second_memory, &w->second) !=
		    GNOMON_OK ||
	    gnomon_vcpu_set_regs(w->second, &w->regs, GNOMON_SET_CR3, &root) !=
		    GNOMON_OK) {
		die("there is no second vcpu");
	}
}

void world_drop(struct world *w)
{
	if (w->second) {
		gnomon_vcpu_destroy(w->second);
		free(w->second_memory);
	}
	gnomon_vcpu_destroy(w->vcpu);
	if (gnomon_vm_destroy(w->vm, NULL) != GNOMON_OK ||
	    w->pages_held[0] || w->pages_held[1]) {
		die("the engine keeps pages");
	}
	munmap(w->ram, w->ram_bytes);
	munmap(w->pages, 2 * w->arena_pages * 4096);
	free(w->vm_memory);
	free(w->vcpu_memory);
}

void world_fault_on(struct gnomon_vcpu *vcpu, uint64_t gva, uint32_t access,
		    enum gnomon_action expected)
{
	struct gnomon_fault fault = { .gva = { gva }, .access = access,
				      .rip = 0x1000 };
	struct gnomon_outcome outcome;

	gnomon_fault(vcpu, &fault, &outcome);
	if (outcome.action != expected) {
		fprintf(stderr, "bench: fault at %#llx: action %d, not %d\n",
			(unsigned long long)gva, (int)outcome.action,
			(int)expected);
		exit(1);
	}
}

void world_violation_on(struct gnomon_vcpu *vcpu, uint64_t gpa)
{
	struct gnomon_fault fault = { .gpa = { gpa }, .nested = true,
				      .access = GNOMON_WRITE };
	struct gnomon_outcome outcome;

	gnomon_fault(vcpu, &fault, &outcome);
	if (outcome.kind != GNOMON_KIND_NESTED) {
		die("a violation is not filled");
	}
}

void world_fault(struct world *w, uint64_t gva, uint32_t access,
		 enum gnomon_action expected)
{
	world_fault_on(w->vcpu, gva, access, expected);
}

void world_load(struct world *w, unsigned r)
{
	struct gnomon_root root;

	w->regs.cr3 = w->roots[r];
	if (gnomon_vcpu_set_regs(w->vcpu, &w->regs, GNOMON_SET_CR3, &root) !=
	    GNOMON_OK) {
		die("a CR3 load is refused");
	}
}

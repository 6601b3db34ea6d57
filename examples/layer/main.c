/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A guest that checks after each step that it sees what a machine without a
 * VMM would have shown, and the VMM below it.
 */
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "layer.h"

enum {
	/* Guest frames: each address space is a table of each level. */
	SPACE_0 = 1, SPACE_1 = 5, LEAVES = 3, /* the fourth table */
	DATA = 0x20, OTHER = 0x21, FETCHED = 0x28, DEVICE = 0x3f,
};

alignas(4096) unsigned char ram[RAM_FRAMES][4096];
alignas(4096) unsigned char pool[POOL_PAGES][4096];
alignas(64) static unsigned char vm_memory[1 << 16];
alignas(64) static unsigned char vcpu_memory[VCPUS][1 << 14];
struct cpu cpus[VCPUS];
struct gnomon_vm *vm;
uint64_t device_register;
unsigned exits;
static unsigned freed[POOL_PAGES], freed_count, used;
static bool fetched = true;
static unsigned char away[4096];	/* what the frame held that we took */
static unsigned fetches, wrong;

void must(bool good, const char *what)
{
	if (!good) {
		printf("layer: %s\n", what);
		wrong++;
	}
}

/* ---- what the engine asks for ------------------------------------------- */

static void frame(void *ctx, gnomon_gfn_t gfn, uint32_t want,
		  struct gnomon_frame *f)
{
	(void)ctx, (void)want;
	memset(f, 0, sizeof(*f));
	f->kind = GNOMON_FRAME_RAM;
	if (gfn.v == FETCHED && !fetched) {
		f->kind = GNOMON_FRAME_NOT_NOW;
	}
	f->hfn.v = RAM_AT + gfn.v;
	f->writable = true;
}

static enum gnomon_status page_alloc(void *ctx, enum gnomon_page_use use,
				     struct gnomon_page *page)
{
	unsigned n;

	(void)ctx, (void)use;
	if (freed_count) {
		n = freed[--freed_count];
	} else if (used < POOL_PAGES) {
		n = used++;
	} else {
		return GNOMON_NOMEM;
	}
	memset(pool[n], 0xa5, sizeof(pool[n])); /* contents are undefined */
	page->va = pool[n];
	page->hpa.v = (uint64_t)(POOL_AT + n) << 12;
	return GNOMON_OK;
}

static void page_free(void *ctx, enum gnomon_page_use use,
		      const struct gnomon_page *page)
{
	(void)ctx, (void)use;
	/* By its va: the hpa of a bookkeeping page is undefined here. */
	size_t at = (size_t)((unsigned char *)page->va - pool[0]);

	freed[freed_count++] = (unsigned)(at / sizeof(pool[0]));
}

static void bug(void *ctx, const char *what)
{
	(void)ctx;
	must(false, what);
}

void fetch(gnomon_gpa_t gpa)
{
	must(gpa.v >> 12 == FETCHED, "another frame to fetch");
	memcpy(ram[FETCHED], away, sizeof(away));
	fetched = true;
	fetches++;
}

/* ---- the guest ---------------------------------------------------------- */

static uint64_t gpte(uint64_t gfn)
{
	return gfn << 12 | P | W | U;
}

/* Where the gpte of page n stands in the identity map; its gpa too. */
static uint64_t gpte_at(unsigned space, unsigned n)
{
	return (uint64_t)(space + LEAVES) * 4096 + 8u * n;
}

/* gva = gpa in both address spaces; in the second DATA shows OTHER. */
static void make_tables(unsigned space)
{
	for (unsigned level = 0; level < LEAVES; level++) {
		uint64_t entry = gpte(space + level + 1);

		memcpy(ram[space + level], &entry, 8);
	}
	for (unsigned n = 0; n < RAM_FRAMES; n++) {
		uint64_t entry = gpte(n == DEVICE ? DEVICE_GPA >> 12 :
				      n == DATA && space == SPACE_1 ?
				      (unsigned)OTHER : n);

		memcpy(&ram[space + LEAVES][8 * n], &entry, 8);
	}
}

static void shoot_down(uint64_t gva)
{
	for (unsigned i = 0; i < VCPUS; i++) {
		invlpg(&cpus[i], gva);
	}
}

static bool store(unsigned cpu, uint64_t gva, uint64_t value)
{
	return access_memory(&cpus[cpu], gva, true, &value);
}

static uint64_t load(unsigned cpu, uint64_t gva)
{
	uint64_t value = 0;

	return access_memory(&cpus[cpu], gva, false, &value) ? value : ~0ull;
}

/* The host needs the frame for something else. */
static void take_frame(void)
{
	gnomon_gfn_t gfn = { FETCHED };

	while (gnomon_host_change_begin(vm, gfn, 1, NULL) == GNOMON_MORE) {
	}
	memcpy(away, ram[FETCHED], sizeof(away));
	memset(ram[FETCHED], 0xee, sizeof(away));
	fetched = false;
	must(gnomon_host_change_end(vm, gfn, 1) == GNOMON_OK &&
	     gnomon_host_change_end(vm, gfn, 1) == GNOMON_INVAL,
	     "a change ends once");
}

static void exercise(const char *name, uint64_t mark)
{
	const uint64_t data = DATA * 4096, device = DEVICE * 4096;
	const uint64_t entry = gpte_at(SPACE_0, DATA);
	unsigned before = exits;

	must(store(0, data + 8, mark) && load(1, data + 8) == mark,
	     "one vcpu stores, the other loads");
	must(store(0, OTHER * 4096 + 8, mark + 1), "a second page");
	must(store(1, entry, gpte(OTHER)), "a store to a table");
	shoot_down(data);
	must(load(0, data + 8) == mark + 1 && load(1, data + 8) == mark + 1,
	     "the page has changed for both");
	must(store(0, entry, 0), "an entry goes");
	shoot_down(data);
	must(!store(1, data, 1) && cpus[1].error_code == W, "a page fault");
	must(store(0, entry, gpte(DATA) & ~(uint64_t)W), "read-only");
	must(load(1, data + 8) == mark && !store(1, data, 1) &&
	     cpus[1].error_code == (P | W), "no stores to it");
	must(store(0, entry, gpte(DATA)), "as it was");
	shoot_down(data);
	must(load(0, data + 8) == mark && (load(0, entry) & A),
	     "the accessed bit");
	load_cr3(&cpus[1], SPACE_1 * 4096);
	must(load(1, data + 8) == mark + 1, "the second address space");
	load_cr3(&cpus[1], SPACE_0 * 4096);
	must(load(1, data + 8) == mark, "and back");
	must(store(0, FETCHED * 4096, mark), "a frame");
	take_frame();
	must(load(0, FETCHED * 4096) == mark &&
	     load(1, FETCHED * 4096) == mark,
	     "a frame that had to be fetched");
	must(store(0, device, mark) && load(1, device) == mark, "a device");
	printf("%s: %u exits\n", name, exits - before);
}

/* ---- the VMM ------------------------------------------------------------ */

static void create(void)
{
	static struct gnomon_config config;	/* static: all zero */
	static struct gnomon_host host;
	static struct gnomon_slot slot;
	struct gnomon_translation t;
	gnomon_gva_t at = { 0 };

	host.size = sizeof(host);
	host.frame = frame;
	host.page_alloc = page_alloc;
	host.page_free = page_free;
	host.flush = flush;
	host.bug = bug;
	config.size = sizeof(config);
	config.mode = GNOMON_MODE_SHADOW;
	config.modes = 1u << GNOMON_MODE_NESTED;
	config.caps.features = GNOMON_CAP_NX;
	config.caps.maxphyaddr = 40;
	config.host_maxphyaddr = 46;
	config.options = GNOMON_OPT_ALL;
	slot.frames = RAM_FRAMES;
	slot.hva = ram;
	if (gnomon_vm_bytes() > sizeof(vm_memory) ||
	    gnomon_vcpu_bytes() > sizeof(vcpu_memory[0]) ||
	    gnomon_vm_create(vm_memory, &config, &host, NULL, &vm) ||
	    gnomon_slot_set(vm, &slot)) {
		printf("layer: no vm\n");
		exit(1);
	}
	must(gnomon_slot_set(vm, &slot) == GNOMON_EXISTS, "a slot twice");
	for (unsigned i = 0; i < VCPUS; i++) {
		struct cpu *c = &cpus[i];

		c->regs.cr0 = 0x80010001;	/* PG, WP, PE */
		c->regs.cr3 = SPACE_0 * 4096;
		c->regs.cr4 = 0x20;		/* PAE */
		c->regs.efer = 0xd00;		/* NXE, LMA, LME */
		must(!gnomon_vcpu_create(vm, i, vcpu_memory[i], &c->vcpu) &&
		     gnomon_translate(c->vcpu, at, 0, 0, &t) == GNOMON_INVAL &&
		     !gnomon_vcpu_set_regs(c->vcpu, &c->regs, GNOMON_SET_CR3,
					   &c->root), "a vcpu");
	}
}

/* Both vcpus are out of the guest here. */
static void change_mode(enum gnomon_mode mode)
{
	enum gnomon_status status;
	uint32_t budget;

	do {
		budget = 4;
		status = gnomon_mode_switch(vm, NULL, mode, &budget);
	} while (status == GNOMON_MORE);
	must(status == GNOMON_OK, "the mode does not change");
	for (unsigned i = 0; i < VCPUS; i++) {
		struct gnomon_root root = cpus[i].root;

		must(!gnomon_vcpu_set_regs(cpus[i].vcpu, &cpus[i].regs, 0,
					   &root), "a vcpu changes over");
		must((root.ncr3.v != 0) == (mode == GNOMON_MODE_NESTED),
		     "the root is of another mode");
		enter(&cpus[i], root);
	}
}

static bool taken(uint64_t dirty, unsigned gfn)
{
	return dirty >> gfn & 1;
}

/* One round of a migration: what was written since the last is in the log. */
static uint64_t dirty_round(uint64_t *bitmap)
{
	struct gnomon_range range;
	uint64_t copy = 0;

	memset(&range, 0, sizeof(range));
	range.frames = RAM_FRAMES;
	while (gnomon_dirty_clear(vm, 0, &range, &copy, NULL) == GNOMON_MORE) {
	}
	must(!*bitmap, "bits stay after the round");
	return copy;
}

static void migrate(void)
{
	static uint64_t bitmap;
	struct gnomon_dirty_log log;
	uint64_t dirty;

	memset(&log, 0, sizeof(log));
	log.frames = RAM_FRAMES;
	log.bitmap = &bitmap;
	while (gnomon_dirty_start(vm, &log, NULL) == GNOMON_MORE) {
	}
	must(store(0, DATA * 4096, 1), "a store under the log");
	change_mode(GNOMON_MODE_SHADOW);
	must(store(1, OTHER * 4096, 2), "another, on the other tables");
	dirty = dirty_round(&bitmap);
	must(taken(dirty, DATA) && taken(dirty, OTHER), "a store is missing");
	must(!taken(dirty, DATA + 8), "a page that nobody wrote");
	must(load(0, DATA * 4096) == 1 && store(1, OTHER * 4096, 3),
	     "the second round");
	dirty = dirty_round(&bitmap);
	must(!taken(dirty, DATA) && taken(dirty, OTHER), "the second log");
	must(gnomon_dirty_stop(vm, 0) == GNOMON_OK &&
	     gnomon_dirty_stop(vm, 0) == GNOMON_INVAL, "the log ends once");
}

/* What a VMM may get wrong is answered, and changes nothing. */
static void refusals(void)
{
	struct gnomon_vcpu *vcpu = cpus[0].vcpu;
	struct gnomon_regs regs = cpus[0].regs;
	struct gnomon_root root = cpus[0].root;
	struct gnomon_range high = { { 1ull << 60 }, 1 };
	struct gnomon_translation t;
	gnomon_gva_t hole = { RAM_FRAMES * 4096 }, odd = { 1ull << 63 };
	gnomon_gpa_t nowhere = { DEVICE_GPA };
	uint64_t n = 0;

	regs.cr4 = 0;	/* long mode without PAE */
	must(gnomon_vcpu_set_regs(vcpu, &regs, 0, &root) == GNOMON_GP &&
	     gnomon_translate(vcpu, odd, GNOMON_READ, 0, &t) == GNOMON_GP,
	     "no #GP");
	must(gnomon_translate(vcpu, hole, GNOMON_READ, 0, &t) ==
	     GNOMON_FAULT && !t.error_code, "no page there");
	must(gnomon_write(vm, vcpu, nowhere, &n, 8) == GNOMON_ABSENT &&
	     gnomon_mode_switch(vm, &nowhere, GNOMON_MODE_NESTED, NULL) ==
	     GNOMON_ABSENT, "no memory there");
	must(gnomon_mode_switch(vm, NULL, GNOMON_MODE_AGILE, NULL) ==
	     GNOMON_UNSUPPORTED, "a mode that the vm was not made for");
	must(gnomon_young(vm, &high, true, &n, NULL) == GNOMON_INVAL &&
	     gnomon_collapse(vm, &high, NULL) == GNOMON_INVAL &&
	     gnomon_watch(vm, &high, 0, NULL) == GNOMON_INVAL &&
	     gnomon_dirty_stop(vm, 9) == GNOMON_INVAL &&
	     gnomon_vcpu_create(vm, 0, vcpu_memory[1], &vcpu) ==
	     GNOMON_INVAL, "an argument that cannot be");
}

int main(void)
{
	struct gnomon_audit report;

	must(!strcmp(gnomon_version(), GNOMON_VERSION), "another version");
	make_tables(SPACE_0);
	make_tables(SPACE_1);
	create();
	exercise("shadow", 1000);
	change_mode(GNOMON_MODE_NESTED);
	exercise("nested", 2000);
	migrate();
	exercise("shadow again", 3000);
	refusals();
	must(fetches == 3, "a frame is fetched once in each part");
	must(gnomon_audit(vm, GNOMON_AUDIT_GUEST, &report) == GNOMON_OK,
	     "the audit");
	must(gnomon_vm_destroy(vm, NULL) == GNOMON_INVAL, "vcpus are there");
	for (unsigned i = 0; i < VCPUS; i++) {
		gnomon_vcpu_destroy(cpus[i].vcpu);
	}
	must(gnomon_vm_destroy(vm, NULL) == GNOMON_OK, "the end");
	must(freed_count == used, "a page did not come back");
	printf("%u wrong\n", wrong);
	return wrong != 0;
}

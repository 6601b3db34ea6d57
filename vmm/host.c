/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The engine's callbacks. Guest-physical memory is the machine's own with one
 * hole for us, so a gfn is its hfn and devices pass through: they are slots
 * without a window, which the engine may map and will never read.
 */
#include <string.h>

#include "vmm/vmm.h"

#define DEVICES_LOW UINT64_C(0xa0000)
#define MIB UINT64_C(0x100000)

static void host_frame(void *ctx, gnomon_gfn_t gfn, uint32_t want,
		       struct gnomon_frame *frame)
{
	(void)ctx;
	(void)want;
	*frame = (struct gnomon_frame){
		.kind = GNOMON_FRAME_RAM,
		.hfn = { gfn.v },
		.order = 9,
		.writable = true,
	};
}

static enum gnomon_status no_load(void *ctx, gnomon_gpa_t gpa, unsigned bytes,
				  uint64_t *value)
{
	(void)ctx;
	(void)gpa;
	(void)bytes;
	*value = 0;
	return GNOMON_ABSENT;
}

static enum gnomon_status no_store(void *ctx, gnomon_gpa_t gpa,
				   unsigned bytes, uint64_t value)
{
	(void)ctx;
	(void)gpa;
	(void)bytes;
	(void)value;
	return GNOMON_ABSENT;
}

static enum gnomon_status no_cmpxchg(void *ctx, gnomon_gpa_t gpa,
				     unsigned bytes, uint64_t *old,
				     uint64_t value)
{
	return no_store(ctx, gpa, bytes, value + *old);
}

static enum gnomon_status host_page_alloc(void *ctx, enum gnomon_page_use use,
					  struct gnomon_page *page)
{
	(void)ctx;
	(void)use;
	page->va = page_take();
	page->hpa.v = (uint64_t)page->va;
	return page->va ? GNOMON_OK : GNOMON_NOMEM;
}

static void host_page_free(void *ctx, enum gnomon_page_use use,
			   const struct gnomon_page *page)
{
	(void)ctx;
	(void)use;
	page_give(page->va);
}

/* One CPU, and it is not in the guest now: remember it for the next entry. */
static void host_flush(void *ctx, const struct gnomon_flush *flush)
{
	struct vmm *v = ctx;

	(void)flush;
	v->flush = true;
}

static void host_bug(void *ctx, const char *what)
{
	(void)ctx;
	vmm_log("vmm: the engine says: %s", what);
}

const struct gnomon_host vmm_host = {
	.size = sizeof(struct gnomon_host),
	.frame = host_frame,
	.load = no_load,
	.store = no_store,
	.cmpxchg = no_cmpxchg,
	.page_alloc = host_page_alloc,
	.page_free = host_page_free,
	.flush = host_flush,
	.bug = host_bug,
};

static void add_slot(struct vmm *v, uint32_t id, uint64_t start, uint64_t end,
		     bool ram)
{
	struct gnomon_slot slot = {
		.id = id,
		.first = { start / GNOMON_PAGE_BYTES },
		.frames = (end - start) / GNOMON_PAGE_BYTES,
		.hva = ram ? (void *)start : NULL,
	};

	/* A slot at address 0 has no pointer: leave its first page out. */
	if (ram && start == 0) {
		slot.first.v = 1;
		slot.frames--;
		slot.hva = (void *)(uintptr_t)GNOMON_PAGE_BYTES;
		add_slot(v, id + 32, 0, GNOMON_PAGE_BYTES, false);
	}
	if (gnomon_slot_set(v->vm, &slot) != GNOMON_OK) {
		vmm_die("slot %u refused", (uint64_t)id);
	}
}

void vmm_slots(struct vmm *v)
{
	add_slot(v, 0, 0, DEVICES_LOW, true);
	add_slot(v, 1, DEVICES_LOW, MIB, false);
	add_slot(v, 2, MIB, VMM_BASE, true);
	add_slot(v, 3, VMM_END, v->ram_end, true);
	add_slot(v, 4, v->ram_end, VMM_4G, false);
}

unsigned char *guest_ram(const struct vmm *v, uint64_t gpa)
{
	bool ram = (gpa >= GNOMON_PAGE_BYTES && gpa < DEVICES_LOW) ||
		   (gpa >= MIB && gpa < VMM_BASE) ||
		   (gpa >= VMM_END && gpa < v->ram_end);

	return ram ? (unsigned char *)gpa : NULL;
}

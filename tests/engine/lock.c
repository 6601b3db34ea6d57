/* SPDX-License-Identifier: BSD-2-Clause */
/* Who takes which side of the host's lock, and what is counted. */
#include <criterion/criterion.h>
#include <string.h>

#include "gnomon/gnomon.h"

static unsigned alone, shared, alone_total, shared_total;
static uint64_t ticks;
static _Alignas(4096) unsigned char ram[64 * 4096];
static _Alignas(4096) unsigned char pages[128 * 4096];
static unsigned char *free_page[128];
static unsigned free_count;

static void lock(void *ctx)
{
	(void)ctx;
	cr_assert(!alone && !shared, "no side is taken twice");
	alone = 1;
	alone_total++;
	ticks += 5;
}

static void unlock(void *ctx)
{
	(void)ctx;
	cr_assert(alone);
	alone = 0;
}

static void lock_shared(void *ctx, uint32_t vcpu)
{
	(void)ctx;
	cr_assert(!alone && !shared && vcpu == 3);
	shared = 1;
	shared_total++;
	ticks += 7;
}

static void unlock_shared(void *ctx, uint32_t vcpu)
{
	(void)ctx;
	cr_assert(shared && vcpu == 3);
	shared = 0;
}

static uint64_t clock_ticks(void *ctx)
{
	(void)ctx;
	return ticks;
}

static void frame(void *ctx, gnomon_gfn_t gfn, uint32_t want,
		  struct gnomon_frame *out)
{
	(void)ctx;
	(void)want;
	cr_assert(alone || shared);
	ticks += 2;
	*out = (struct gnomon_frame){
		.kind = GNOMON_FRAME_RAM, .hfn = { gfn.v + 256 },
		.writable = true,
	};
}

static enum gnomon_status page_alloc(void *ctx, enum gnomon_page_use use,
				     struct gnomon_page *page)
{
	(void)ctx;
	(void)use;
	cr_assert(!shared, "pages are for those who hold the vm alone");
	if (!free_count) {
		return GNOMON_NOMEM;
	}
	page->va = free_page[--free_count];
	page->hpa.v = 0x100000 + (uint64_t)((unsigned char *)page->va - pages);
	return GNOMON_OK;
}

static void page_free(void *ctx, enum gnomon_page_use use,
		      const struct gnomon_page *page)
{
	(void)ctx;
	(void)use;
	free_page[free_count++] = page->va;
}

static void flush(void *ctx, const struct gnomon_flush *f)
{
	(void)ctx;
	(void)f;
	cr_assert(!shared);
}

static const struct gnomon_host host = {
	.size = sizeof(host), .frame = frame, .page_alloc = page_alloc,
	.page_free = page_free, .flush = flush, .lock = lock,
	.unlock = unlock, .lock_shared = lock_shared,
	.unlock_shared = unlock_shared, .clock = clock_ticks,
};
static _Alignas(64) unsigned char vm_memory[1 << 17], vcpu_memory[1 << 15];
static struct gnomon_vm *vm;
static struct gnomon_vcpu *vcpu;

static enum gnomon_status create(const struct gnomon_host *h)
{
	struct gnomon_config config = {
		.size = sizeof(config), .host_maxphyaddr = 46,
		.caps = { GNOMON_CAP_NX, 40 },
		.options = (uint32_t)GNOMON_OPT_ALL &
			   ~(uint32_t)GNOMON_OPT_PREFETCH,
	};

	cr_assert(gnomon_vm_bytes() <= sizeof(vm_memory) &&
		  gnomon_vcpu_bytes() <= sizeof(vcpu_memory));
	return gnomon_vm_create(vm_memory, &config, h, NULL, &vm);
}

static void put(uint64_t gpa, uint64_t value)
{
	memcpy(ram + gpa, &value, sizeof(value));
}

/* Tables in frames 1 to 4, data from frame 5 on; a page past the slot. */
static void start(void)
{
	struct gnomon_slot slot = { .frames = 64, .hva = ram };
	struct gnomon_regs regs = {
		.cr0 = 0x80010001, .cr3 = 0x1000, .cr4 = 0xa0, .efer = 0xd00,
	};
	struct gnomon_root root;

	for (free_count = 0; free_count < 128; free_count++) {
		free_page[free_count] = pages + 4096 * free_count;
	}
	for (uint64_t t = 1; t < 4; t++) {
		put(t << 12, (t + 1) << 12 | 0x67);
	}
	for (uint64_t i = 0; i < 64; i++) {
		put(0x4000 + 8 * i, (5 + i) << 12 | 0x67);
	}
	cr_assert(create(&host) == GNOMON_OK);
	cr_assert(gnomon_slot_set(vm, &slot) == GNOMON_OK);
	cr_assert(gnomon_vcpu_create(vm, 3, vcpu_memory, &vcpu) == GNOMON_OK);
	cr_assert(gnomon_vcpu_set_regs(vcpu, &regs, GNOMON_SET_CR3, &root) ==
		  GNOMON_OK);
}

static enum gnomon_action fault(uint64_t gva, uint32_t access)
{
	struct gnomon_fault f = { .gva = { gva }, .access = access };
	struct gnomon_outcome out;

	alone_total = 0;
	shared_total = 0;
	gnomon_fault(vcpu, &f, &out);
	cr_assert(!alone && !shared);
	return out.action;
}

static struct gnomon_stats stats(void)
{
	struct gnomon_stats s;

	gnomon_vm_stats(vm, &s, sizeof(s));
	return s;
}

Test(lock, a_known_way_needs_the_shared_side_alone, .init = start)
{
	/* Of the root that was loaded, and of the tables, once. */
	cr_assert_eq(fault(0, GNOMON_READ), GNOMON_RESUME);
	cr_assert_eq(alone_total, 1);
	cr_assert_eq(fault(0x1000, GNOMON_READ), GNOMON_RESUME);
	cr_assert(alone_total == 0 && shared_total == 1, "hidden");
	cr_assert_eq(fault(0x1000, GNOMON_WRITE), GNOMON_RESUME);
	cr_assert(alone_total == 0 && shared_total == 1, "more rights");
	cr_assert_eq(fault(0x100000, GNOMON_READ), GNOMON_INJECT);
	cr_assert(alone_total == 0 && shared_total == 1, "true");
	cr_assert_eq(fault(0x3b000, GNOMON_READ), GNOMON_DO_MMIO);
	cr_assert(alone_total == 0 && shared_total == 1, "a device");
	/* What changes more: a table is opened, or made for the first time. */
	put(0x4000, 0x1067);
	cr_assert_eq(gnomon_write(vm, vcpu, (gnomon_gpa_t){ 0x4000 },
				  ram + 0x4000, 8), GNOMON_OK);
	put(0x4008, 0x4067);
	cr_assert_eq(gnomon_write(vm, vcpu, (gnomon_gpa_t){ 0x4008 },
				  ram + 0x4008, 8), GNOMON_OK);
	cr_assert_eq(fault(0, GNOMON_WRITE), GNOMON_EMULATE, "a root");
	cr_assert_eq(fault(0x1000, GNOMON_WRITE), GNOMON_RESUME);
	cr_assert(alone_total == 1 && shared_total == 1, "opened");
}

Test(lock, holds_are_counted_and_timed, .init = start)
{
	struct gnomon_stats before, after;

	cr_assert_eq(fault(0, GNOMON_READ), GNOMON_RESUME);
	before = stats();
	cr_assert_eq(fault(0x2000, GNOMON_READ), GNOMON_RESUME);
	after = stats();
	cr_assert_eq(after.lock_shared - before.lock_shared, 1);
	cr_assert_eq(after.lock_again, before.lock_again);
	cr_assert_eq(after.lock_shared_time - before.lock_shared_time, 2);
	cr_assert_eq(after.lock_exclusive - before.lock_exclusive, 1,
		     "for the counters");
	cr_assert_eq(after.lock_exclusive_time, before.lock_exclusive_time);
	cr_assert_eq(after.lock_wait_time - before.lock_wait_time, 7 + 5);
	cr_assert_eq(after.lock_wait_max, 7);
	cr_assert(after.lock_shared_max >= 2);
	cr_assert_eq(after.pf_taken - before.pf_taken, 1);
	gnomon_vcpu_destroy(vcpu);
	before = stats();
	cr_assert_eq(before.pf_taken, after.pf_taken,
		     "what a vcpu counted outlives it");
	cr_assert_eq(before.lock_wait_max, 7);
	cr_assert_eq(before.rmap_entries, after.rmap_entries);
	cr_assert(gnomon_vm_destroy(vm, NULL) == GNOMON_OK &&
		  free_count == 128);
}

Test(lock, half_a_lock_is_refused)
{
	struct gnomon_host h = host;

	h.unlock_shared = NULL;
	cr_assert_eq(create(&h), GNOMON_INVAL);
	h.lock_shared = NULL;
	h.lock = NULL;
	cr_assert_eq(create(&h), GNOMON_INVAL);
	h = host;
	h.lock = NULL;
	h.unlock = NULL;
	cr_assert_eq(create(&h), GNOMON_INVAL, "shared with nothing else");
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* I44: what is known of devices dies with flush points and with slots. */
#include <criterion/criterion.h>

#include "tests/support/guest.h"

#define DEVICE UINT64_C(0x50000000)
#define FRAME UINT64_C(7000)		/* in no slot */

static uint64_t cached(const struct guest *g)
{
	struct gnomon_stats s;

	gnomon_vm_stats(g->vm, &s, sizeof(s));
	return s.mmio_cached;
}

static enum guest_end touch(struct guest *g, uint32_t access)
{
	return guest_access(g, 0, DEVICE + 0x10, access, 0).end;
}

static struct guest *with_device(void)
{
	struct guest *g = guest_create(guest_defaults());

	guest_map(g, g->root, DEVICE, FRAME << 12, GUEST_RW, 1);
	cr_assert_eq(guest_load(g, 0, g->root), GNOMON_OK);
	cr_assert_eq(touch(g, GNOMON_READ), GUEST_MMIO);
	cr_assert_eq(cached(g), 0);
	return g;
}

Test(mmio, second_access_needs_no_walk)
{
	struct guest *g = with_device();
	struct guest_access a = guest_access(g, 0, DEVICE + 0x18, GNOMON_READ,
					     0);

	cr_assert_eq(a.end, GUEST_MMIO);
	cr_assert_eq(a.gpa, (FRAME << 12) + 0x18);
	cr_assert_eq(cached(g), 1);
	cr_assert_eq(guest_destroy(g), 0);
}

Test(mmio, another_kind_of_access_is_checked)
{
	struct guest *g = with_device();

	cr_assert_eq(touch(g, GNOMON_READ | GNOMON_USER), GUEST_PF);
	cr_assert_eq(touch(g, GNOMON_WRITE), GUEST_MMIO);
	cr_assert_eq(cached(g), 0);
	cr_assert_eq(guest_destroy(g), 0);
}

Test(mmio, invlpg_and_cr3_forget)
{
	struct guest *g = with_device();

	guest_invlpg(g, 0, DEVICE);
	cr_assert_eq(touch(g, GNOMON_READ), GUEST_MMIO);
	cr_assert_eq(guest_load(g, 0, g->root), GNOMON_OK);
	cr_assert_eq(touch(g, GNOMON_READ), GUEST_MMIO);
	cr_assert_eq(cached(g), 0);
	cr_assert_eq(touch(g, GNOMON_READ), GUEST_MMIO);
	cr_assert_eq(cached(g), 1);
	cr_assert_eq(guest_destroy(g), 0);
}

Test(mmio, memory_that_appears_is_memory)
{
	struct guest *g = with_device();
	struct gnomon_slot slot = fh_slot(g->fh, 20, FRAME, 1, 0, true);

	cr_assert_eq(gnomon_slot_set(g->vm, &slot), GNOMON_OK);
	cr_assert_eq(touch(g, GNOMON_READ), GUEST_DONE);
	cr_assert_eq(cached(g), 0);
	cr_assert_eq(guest_destroy(g), 0);
}

Test(mmio, changed_mapping_shows_after_its_flush)
{
	struct guest *g = with_device();

	guest_dma(g, guest_entry(g, g->root, DEVICE, 1), 700 << 12 | GUEST_RW);
	guest_invlpg(g, 0, DEVICE);
	cr_assert_eq(touch(g, GNOMON_READ), GUEST_DONE);
	cr_assert_eq(guest_destroy(g), 0);
}

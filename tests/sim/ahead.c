/* SPDX-License-Identifier: BSD-2-Clause */
/* Looking ahead makes a run faster and nothing else. */
#include <criterion/criterion.h>
#include <string.h>

#include "sim/window.h"
#include "tests/sim/rig.h"
#include "tests/support/seed.h"

#define GVA 0x0000123440000000u

enum { PAGES = 600, STEPS = 4000 };

static const char *const sets[] = {
	"cache.on=1", "cache.l1_size=4", "cache.l2_size=16",
	"cache.l3_size=44", "pwc.l2_entries=32", "pwc.l3_entries=4",
	"pwc.l4_entries=2", "pwc.nested_l2_entries=32",
	"pwc.nested_l3_entries=4", "pwc.nested_l4_entries=2",
	"pwc.nested_tlb_entries=64", NULL,
};

struct outcome {
	uint64_t cycles[SIM_CAT_COUNT];
	struct sim_counts counts;
};

/* A gva that is mapped, or one of those that are not, at several levels. */
static uint64_t pick(struct test_rng *rng)
{
	uint64_t gva = GVA + (test_rng_below(rng, PAGES + 3) << 12);

	return test_rng_below(rng, 50) ? gva :
	       gva ^ (uint64_t)1 << (21 + test_rng_below(rng, 20));
}

static void run(enum sim_paging paging, bool ahead, struct outcome *outcome)
{
	struct test_rng rng = test_rng_init(test_seed());
	uint64_t far = GVA, near = GVA;
	struct rig rig;

	rig_init(&rig, paging, 1, sets);
	for (uint64_t i = 0; i < PAGES; i++) {
		rig_map(&rig, GVA + (i << 12), (1000 + i * 7 % PAGES) << 12, 0,
			RIG_U | RIG_W);
	}
	if (paging == SIM_PAGING_2D) {
		rig_map_nested(&rig, 0);
	}
	for (int i = 0; i < STEPS; i++) {
		uint64_t now = near;

		near = far;
		far = pick(&rng);
		if (ahead) {
			sim_walk_ahead(rig.vcpu, far, near);
		}
		rig_access(&rig, now, GNOMON_USER |
			   (i & 3 ? 0u : GNOMON_WRITE), NULL);
	}
	memcpy(outcome->cycles, rig.vcpu->cycles, sizeof(outcome->cycles));
	outcome->counts = rig.vcpu->counts;
	rig_done(&rig);
}

static void compare(enum sim_paging paging)
{
	struct outcome with, without;

	memset(&with, 0, sizeof(with));
	memset(&without, 0, sizeof(without));
	run(paging, true, &with);
	run(paging, false, &without);
	cr_assert_gt(with.counts.walks, STEPS / 10);
	cr_assert_eq(memcmp(&with, &without, sizeof(with)), 0);
}

Test(ahead, changes_nothing_in_one_dimension)
{
	compare(SIM_PAGING_1D);
}

Test(ahead, changes_nothing_in_two_dimensions)
{
	compare(SIM_PAGING_2D);
}

/* ---- events held back ---------------------------------------------------- */

struct order {
	uint64_t next;		/* gva of the event that must come */
	uint64_t stop_at;
};

static bool in_order(void *ctx, const struct sim_event *ev)
{
	struct order *order = ctx;

	cr_assert_eq(ev->gva, order->next);
	return ++order->next != order->stop_at;
}

Test(ahead, events_come_out_in_order_and_before_others)
{
	static struct sim_guest guest;
	struct order order = { 0, UINT64_MAX };
	struct sim_window w = { .out = in_order, .ctx = &order,
				.guest = &guest };
	struct sim_event ev = { .type = SIM_EV_ACCESS };
	struct rig rig;

	rig_init(&rig, SIM_PAGING_1D, 1, sets);
	guest.machine = rig.machine;
	for (ev.gva = 0; ev.gva < 100; ev.gva++) {
		/* Held back only where walks are likely. */
		rig.vcpu->missing = ev.gva < 50 ? 1 : 0;
		ev.type = ev.gva == 30 ? SIM_EV_INVLPG : SIM_EV_ACCESS;
		cr_assert(sim_window_event(&w, &ev));
		if (ev.gva == 30 || ev.gva >= 50) {
			cr_assert_eq(order.next, ev.gva + 1);
		}
	}
	rig.vcpu->missing = 1;
	cr_assert(sim_window_event(&w, &ev));
	cr_assert_eq(order.next, 100);
	cr_assert(sim_window_drain(&w));
	cr_assert_eq(order.next, 101);
	/* Nobody wants any more: said at once, or when it comes out. */
	order.stop_at = 102;
	ev.gva = 101;
	rig.vcpu->missing = 1;
	cr_assert(sim_window_event(&w, &ev));
	cr_assert_not(sim_window_drain(&w));
	rig_done(&rig);
}

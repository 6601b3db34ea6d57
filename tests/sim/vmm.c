/* SPDX-License-Identifier: BSD-2-Clause */
/* What single events cost a guest: prices of exits, faults and shootdowns. */
#include <criterion/criterion.h>
#include <string.h>

#include "sim/guest.h"
#include "sim/text.h"

#define RAM ((uint64_t)64 << 20)
#define GVA 0x0000123440009000u

enum {
	P = 1, W = 2, U = 4, A = 0x20, D = 0x40, PS = 0x80,
	EXIT = 1000000, HIDDEN = 100000, TRACE = 200000, TRUE_FAULT = 300000,
	NATIVE = 10000, INJECT = 20000, CR3 = 400000, INVLPG = 500000,
	NESTED = 600000, IPI = 30000,
};

static struct sim_guest guest;
static struct sim_error error;

static const char *const prices[] = {
	"exit.round_trip=1000000", "vmm.hidden_fill=100000",
	"vmm.trace_leaf=200000", "vmm.trace_upper=200000",
	"vmm.true_fault=300000", "vmm.cr3=400000", "vmm.invlpg=500000",
	"vmm.nested_violation=600000", "vmm.zap_page=0", "fault.native=10000",
	"fault.inject=20000", "flush.ipi=30000", "flush.cr3_write=1",
	"flush.invlpg=2", "flush.host_all=3", "flush.host_page=4",
	"core.cpi=1500",
};

static uint64_t *table(uint64_t gpa)
{
	return sim_guest_memory(&guest, gpa);
}

/* Root at 4K, then 8K, 12K and the leaves at 16K; all memory 2M-mapped at
 * the second half of the address space, as a kernel's direct map. */
static void build_tables(void)
{
	table(0x1000)[GVA >> 39 & 511] = 0x2000 | P | W | U | A;
	table(0x2000)[GVA >> 30 & 511] = 0x3000 | P | W | U | A;
	table(0x3000)[GVA >> 21 & 511] = 0x4000 | P | W | U | A;
	table(0x4000)[GVA >> 12 & 511] = 0x10000 | P | W | U | A | D;
	table(0x1000)[256] = 0x5000 | P | W | A;
	table(0x5000)[0] = 0x6000 | P | W | A;
	for (uint64_t i = 0; i < RAM >> 21; i++) {
		table(0x6000)[i] = i << 21 | P | W | A | D | PS;
	}
}

static void set_up(enum sim_mode mode, unsigned vcpus)
{
	static struct sim_preset preset;
	struct sim_guest_config config = {
		.mode = mode, .preset = &preset, .ram_bytes = RAM,
		.vcpus = vcpus, .maxphyaddr = 40, .seed = 1,
		.engine_off = GNOMON_OPT_PREFETCH,
		.regs = { .cr0 = 0x80050033, .cr3 = 0x1000, .cr4 = 0xa0,
			  .efer = 0xd01 },
	};

	memset(&error, 0, sizeof(error));
	cr_assert(sim_preset_load("clx-8269cy", &preset, &error));
	for (size_t i = 0; i < sizeof(prices) / sizeof(prices[0]); i++) {
		cr_assert(sim_preset_set(&preset, prices[i], &error), "%s",
			  error.text);
	}
	cr_assert(sim_guest_init(&guest, &config, &error), "%s", error.text);
	build_tables();
}

static void tear_down(void)
{
	sim_guest_done(&guest);
}

TestSuite(vmm, .fini = tear_down);

static uint64_t spent(unsigned vcpu, enum sim_cat cat)
{
	return guest.machine.vcpus[vcpu].cycles[cat];
}

static enum sim_touch_end touch(uint64_t gva, uint32_t access,
				const uint64_t *data)
{
	struct sim_touch t = {
		.gva = gva, .bytes = 8, .access = access, .data = data,
		.rip = guest.counts.exits,
	};
	enum sim_touch_end end = sim_guest_touch(&guest, 0, &t);

	cr_assert_neq(end, SIM_TOUCH_BROKEN, "%s", error.text);
	return end;
}

Test(vmm, hidden_fault_costs_an_exit_and_a_fill)
{
	set_up(SIM_MODE_SHADOW, 1);
	cr_assert_eq(touch(GVA, GNOMON_USER, NULL), SIM_TOUCH_DONE);
	cr_assert_eq(spent(0, SIM_CAT_EXIT), EXIT);
	cr_assert_eq(spent(0, SIM_CAT_VMM), HIDDEN);
	cr_assert_eq(spent(0, SIM_CAT_FAULT), 0);
	touch(GVA + 8, GNOMON_USER, NULL);
	cr_assert_eq(spent(0, SIM_CAT_EXIT), EXIT);
}

Test(vmm, true_fault_costs_delivery_and_in_shadow_the_detour)
{
	set_up(SIM_MODE_NATIVE, 1);
	cr_assert_eq(touch(GVA + 0x1000, GNOMON_USER, NULL), SIM_TOUCH_FAULT);
	cr_assert_eq(spent(0, SIM_CAT_FAULT), NATIVE);
	cr_assert_eq(spent(0, SIM_CAT_EXIT), 0);
	tear_down();
	set_up(SIM_MODE_SHADOW, 1);
	cr_assert_eq(touch(GVA + 0x1000, GNOMON_USER, NULL), SIM_TOUCH_FAULT);
	cr_assert_eq(spent(0, SIM_CAT_FAULT), NATIVE + INJECT);
	cr_assert_eq(spent(0, SIM_CAT_EXIT), EXIT);
	cr_assert_eq(spent(0, SIM_CAT_VMM), TRUE_FAULT);
	tear_down();
	set_up(SIM_MODE_NESTED, 1);
	cr_assert_eq(touch(GVA, GNOMON_USER, NULL), SIM_TOUCH_DONE);
	cr_assert_eq(spent(0, SIM_CAT_FAULT), 0);
	cr_assert_eq(spent(0, SIM_CAT_VMM),
		     guest.counts.by_kind[GNOMON_KIND_NESTED] * NESTED);
	cr_assert_eq(touch(GVA + 0x1000, GNOMON_USER, NULL), SIM_TOUCH_FAULT);
	cr_assert_eq(spent(0, SIM_CAT_FAULT), NATIVE);
}

Test(vmm, store_to_a_traced_table_is_emulated_and_seen)
{
	uint64_t entry = 0x11000 | P | W | U | A | D;
	uint64_t direct = (uint64_t)0xffff8000 << 32;

	set_up(SIM_MODE_SHADOW, 1);
	touch(GVA, GNOMON_USER, NULL);
	touch(direct + 0x20000, GNOMON_WRITE, NULL);
	cr_assert_eq(guest.counts.by_kind[GNOMON_KIND_TRACE], 0);
	touch(direct + 0x4000 + (GVA >> 12 & 511) * 8, GNOMON_WRITE, &entry);
	cr_assert_eq(guest.counts.by_kind[GNOMON_KIND_TRACE], 1);
	cr_assert_eq(table(0x4000)[GVA >> 12 & 511] & ~(uint64_t)A, entry &
		     ~(uint64_t)A);
	touch(direct + 0x21000, GNOMON_WRITE, NULL);
	cr_assert_eq(guest.counts.by_kind[GNOMON_KIND_TRACE], 1);
	/* The guest flushes, and then the new page is there. */
	sim_guest_invlpg(&guest, 0, GVA);
	cr_assert_eq(guest.counts.invlpg_exits, 1);
	{
		struct sim_touch t = { .gva = GVA, .bytes = 8,
				       .access = GNOMON_USER };

		cr_assert_eq(sim_guest_touch(&guest, 0, &t), SIM_TOUCH_DONE);
		cr_assert_eq(t.gpa, 0x11000);
	}
}

Test(vmm, cr3_load_exits_under_shadow_only)
{
	static const enum sim_mode modes[] = {
		SIM_MODE_NATIVE, SIM_MODE_NESTED, SIM_MODE_SHADOW,
	};

	for (int i = 0; i < 3; i++) {
		bool shadow = modes[i] == SIM_MODE_SHADOW;
		uint64_t exits, vmm;

		set_up(modes[i], 1);
		exits = guest.counts.exits;
		vmm = spent(0, SIM_CAT_VMM);
		cr_assert(sim_guest_cr3(&guest, 0, 0x1000));
		cr_assert_eq(guest.counts.exits - exits, shadow);
		cr_assert_eq(spent(0, SIM_CAT_VMM) - vmm, shadow ? CR3 : 0);
		if (i < 2) {
			tear_down();
		}
	}
}

Test(vmm, shootdown_costs_an_ipi_and_an_exit_per_other_vcpu)
{
	struct gnomon_flush flush = { .vcpus = 7 };

	for (unsigned vcpus = 1; vcpus <= 4; vcpus++) {
		unsigned others = vcpus < 3 ? vcpus - 1 : 2;
		uint64_t before;

		set_up(SIM_MODE_SHADOW, vcpus);
		guest.running = 0;
		before = spent(0, SIM_CAT_FLUSH);
		guest.host.flush(&guest, &flush);
		cr_assert_eq(guest.counts.kicks, others);
		cr_assert_eq(spent(0, SIM_CAT_FLUSH) - before,
			     others * IPI + (others + 1) * 3);
		for (unsigned i = 1; i < vcpus; i++) {
			cr_assert_eq(spent(i, SIM_CAT_EXIT),
				     i <= others ? EXIT : 0);
		}
		if (vcpus < 4) {
			tear_down();
		}
	}
}

Test(vmm, compute_keeps_fractions_of_a_cycle)
{
	set_up(SIM_MODE_NATIVE, 1);
	for (int i = 0; i < 7; i++) {
		sim_compute(&guest.machine.vcpus[0], 1);
	}
	cr_assert_eq(spent(0, SIM_CAT_COMPUTE), 10);	/* 10.5 */
}

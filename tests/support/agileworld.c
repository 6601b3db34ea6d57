/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/support/agileworld.h"

#include <criterion/criterion.h>

static void on_flush(void *arg, const struct gnomon_flush *flush)
{
	struct agileworld *a = arg;

	for (unsigned i = 0; i < WORLD_CPUS; i++) {
		hwagile_flush(&a->cpu[i], flush);
	}
}

struct gnomon_config agile_config(void)
{
	struct gnomon_config config = world_config();

	config.mode = GNOMON_MODE_AGILE;
	config.options &= ~(uint32_t)GNOMON_OPT_UNSYNC;
	return config;
}

void agile_open(struct agileworld *a, const struct gnomon_config *config)
{
	struct gnomon_config c = config ? *config : agile_config();

	world_open(&a->w, &c);
	a->w.fh->on_flush = on_flush;
	a->w.fh->on_flush_arg = a;
	a->hint = 0;
	for (unsigned i = 0; i < WORLD_CPUS; i++) {
		hwagile_init(&a->cpu[i], a->w.fh, i, c.host_maxphyaddr,
			     c.caps.maxphyaddr);
	}
}

void agile_close(struct agileworld *a)
{
	world_close(&a->w);
}

static void load(struct agileworld *a, unsigned cpu, struct gnomon_root root)
{
	hwagile_load(&a->cpu[cpu], root);
	if (root.flush) {
		a->w.fh->epoch[cpu]++;
	}
}

void agile_cr3(struct agileworld *a, unsigned cpu, uint64_t cr3)
{
	struct gnomon_root root;

	a->w.regs[cpu].cr3 = cr3;
	cr_assert_eq(gnomon_vcpu_set_regs(a->w.vcpu[cpu], &a->w.regs[cpu],
					  GNOMON_SET_CR3, &root), GNOMON_OK);
	load(a, cpu, root);
}

void agile_switch(struct agileworld *a, uint64_t gfn, bool nested)
{
	enum gnomon_status status;

	do {
		status = gnomon_table_switch(a->w.vm, (gnomon_gfn_t){ gfn },
					     nested, NULL);
	} while (status == GNOMON_MORE);
	cr_assert_eq(status, GNOMON_OK);
}

/* Here the nested side answers for tables that are no memory as well. */
static bool agrees(const struct ref_result *ref, enum world_end end,
		   uint32_t code)
{
	return world_agrees(ref, end, code) ||
	       (end == WORLD_MMIO && ref->status == GNOMON_ABSENT);
}

static struct gnomon_fault fault_of(const struct hwagile_result *r,
				    uint64_t gva, uint32_t access)
{
	struct gnomon_fault fault = {
		.gva = { gva }, .access = access, .rip = gva + 1,
	};

	if (r->hw.nested) {
		fault.nested = true;
		fault.gpa.v = r->hw.gpa;
		fault.access = r->hw.access;
		fault.table_walk = r->hw.table_walk;
	}
	return fault;
}

enum world_end agile_access(struct agileworld *a, unsigned cpu, uint64_t gva,
			    uint32_t access, uint64_t value)
{
	struct world *w = &a->w;
	struct gnomon_flush page = {
		.vcpus = UINT64_C(1) << cpu, .start = { gva & ~0xfffull },
		.bytes = 4096,
	};

	gva &= ~UINT64_C(7);
	for (w->faults = 0; w->faults < 32; w->faults++) {
		struct hwagile_result r;
		enum world_end end = WORLD_OK;
		struct gnomon_fault fault;
		struct ref_result ref;

		ref_walk(&w->ref, &w->regs[cpu], gva, access, &ref);
		hwagile_access(&a->cpu[cpu], &w->regs[cpu], gva, access,
			       a->hint, &r);
		if (r.hw.ok) {
			return world_complete(w, &ref, r.hw.hpa, access, value);
		}
		hwagile_flush(&a->cpu[cpu], &page);
		if (!r.hw.nested && r.below) {
			return agrees(&ref, WORLD_INJECTED, r.code)
				       ? WORLD_INJECTED : WORLD_WRONG;
		}
		fault = fault_of(&r, gva, access);
		gnomon_fault(w->vcpu[cpu], &fault, &w->last);
		if (w->last.action == GNOMON_TRACKED) {
			return WORLD_WRONG;	/* nothing is tracked */
		}
		if (world_answered(w, cpu, access, value, &end)) {
			return end == WORLD_STOPPED ||
			       agrees(&ref, end, w->last.error_code)
				       ? end : WORLD_WRONG;
		}
		if (w->last.root_changed) {
			load(a, cpu, world_new_root(w, cpu));
		}
	}
	return WORLD_WRONG;
}

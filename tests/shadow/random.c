/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Random and hostile guests: a few frames serve as tables of all levels at
 * once, point at each other and themselves, and are changed by stores of every
 * kind, while two processors use them. After each access the naive MMU must
 * agree, and the audit must hold.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tests/shadow/world.h"
#include "tests/support/seed.h"

#define TABLES 12u
#define FIRST_TABLE 512u	/* in the middle of a 2M block */

enum format { LONG4, LONG5, PAE, SMALL, OFF };

struct run {
	struct world w;
	enum format format;
	struct test_rng rng;
	uint64_t seed;
	uint64_t step;
	uint64_t bits[WORLD_FRAMES / 64];
};

static void one_access(struct run *r, unsigned cpu);

static uint64_t below(struct run *r, uint64_t n)
{
	return test_rng_below(&r->rng, n);
}

static uint64_t table(struct run *r)
{
	return (FIRST_TABLE + 3 * below(r, TABLES)) << 12;
}

static unsigned index_of(struct run *r)
{
	static const unsigned choice[] = { 0, 1, 2, 3, 256, 511 };

	return choice[below(r, 6)];
}

static uint64_t long_gva(struct run *r, unsigned levels)
{
	unsigned top = 11 + 9 * levels;
	uint64_t gva = below(r, 512) * 8;

	for (unsigned l = levels; l > 0; l--) {
		gva |= (uint64_t)index_of(r) << (3 + 9 * l);
	}
	return gva >> top & 1 ? gva | ~UINT64_C(0) << top : gva;
}

static uint64_t gva_of(struct run *r)
{
	switch (r->format) {
	case LONG4:
		return long_gva(r, 4);
	case LONG5:
		return long_gva(r, 5);
	case PAE:
		return (long_gva(r, 2) & 0x3fffffff) | below(r, 4) << 30;
	case SMALL:
		return (uint64_t)index_of(r) << 23 |
		       (uint64_t)index_of(r) << 13 | below(r, 4) << 12 |
		       below(r, 512) * 8;
	case OFF:
		break;
	}
	return below(r, WORLD_FRAMES + 600) << 12 | below(r, 512) * 8;
}

static uint64_t gpte_of(struct run *r)
{
	uint64_t bits = X86_PTE_P | X86_PTE_W | X86_PTE_U;

	switch (below(r, 12)) {
	case 0:
		return 0;
	case 1:
		bits &= ~X86_PTE_W;
		break;
	case 2:
		bits &= ~X86_PTE_U;
		break;
	case 3:
		bits |= X86_PTE_NX;
		break;
	case 4:
		bits |= X86_PTE_G | X86_PTE_A | X86_PTE_D;
		break;
	case 5:
		bits |= X86_PTE_A;
		break;
	case 6: /* a large leaf at levels 2 and 3, PAT at level 1 */
		return bits | X86_PTE_PS | below(r, 9) << 21;
	case 7: /* reserved, or far away */
		return bits | UINT64_C(1) << (20 + below(r, 30));
	case 8:
		return bits | below(r, WORLD_FRAMES + 8) << 12;
	default:
		break;
	}
	return bits | table(r);
}

static uint32_t access_of(struct run *r)
{
	static const uint32_t choice[] = {
		GNOMON_READ, GNOMON_WRITE, GNOMON_EXEC,
		GNOMON_READ | GNOMON_USER, GNOMON_WRITE | GNOMON_USER,
		GNOMON_EXEC | GNOMON_USER, GNOMON_WRITE,
	};

	return choice[below(r, 7)];
}

/* A store of any shape, as the guest or a device makes it. */
static void odd_store(struct run *r)
{
	unsigned char data[4096];
	uint64_t gpa = table(r) + below(r, 4096);
	size_t bytes = 1 + below(r, below(r, 8) ? 16 : 4096);

	if (bytes > 4096 - (gpa & 4095)) {
		bytes = 4096 - (gpa & 4095);
	}
	for (size_t i = 0; i < bytes; i++) {
		data[i] = (unsigned char)below(r, 4) ? 0 : (unsigned char)
			  test_rng_next(&r->rng);
	}
	cr_assert_eq(gnomon_write(r->w.vm, NULL, (gnomon_gpa_t){ gpa }, data,
				  bytes),
		     GNOMON_OK);
}

/* PDPTEs allow neither W nor U. */
static void make_pdptes(struct run *r, struct gnomon_regs *regs)
{
	for (unsigned i = 0; i < 4; i++) {
		regs->pdpte[i] = below(r, 4) ? table(r) | X86_PTE_P : 0;
		world_store(&r->w, regs->cr3 + 8 * i, regs->pdpte[i]);
	}
}

static void set_mode(struct run *r, struct gnomon_regs *regs)
{
	regs->cr0 = X86_CR0_PE | (r->format == OFF ? 0 : X86_CR0_PG) |
		    (below(r, 4) ? X86_CR0_WP : 0);
	regs->efer = r->format <= LONG5 ? X86_EFER_LME | X86_EFER_LMA : 0;
	regs->efer |= below(r, 6) ? X86_EFER_NXE : 0;
	regs->cr4 = r->format == SMALL ? X86_CR4_PSE : X86_CR4_PAE;
	regs->cr4 |= r->format == LONG5 ? X86_CR4_LA57 : 0;
	regs->cr4 |= below(r, 4) ? X86_CR4_PGE : 0;
	regs->cr4 |= below(r, 3) ? 0 : X86_CR4_SMEP;
	regs->cr4 |= below(r, 3) ? 0 : X86_CR4_SMAP;
}

static void set_registers(struct run *r, unsigned cpu)
{
	struct gnomon_regs *regs = &r->w.regs[cpu];
	struct gnomon_regs old = *regs;

	regs->cr3 = table(r);
	if (r->format == PAE) {
		make_pdptes(r, regs);
	}
	if (below(r, 4) == 0) {
		set_mode(r, regs);
	}
	regs->ac = below(r, 2);
	if (world_load(&r->w, cpu, GNOMON_SET_CR3) != GNOMON_OK) {
		*regs = old;
	}
}

static void slot_comes_and_goes(struct run *r)
{
	struct gnomon_slot slot;
	uint32_t budget = 1 + (uint32_t)below(r, 600);
	enum gnomon_status status;

	while ((status = gnomon_slot_delete(r->w.vm, 1, &budget)) ==
	       GNOMON_MORE) {
		budget = 1 + (uint32_t)below(r, 600);
	}
	if (status == GNOMON_OK) {
		fh_slot_forget(r->w.fh, 1);
		return;
	}
	slot = fh_slot(r->w.fh, 1, WORLD_FRAMES, 512,
		       below(r, 2) ? GNOMON_SLOT_ROM : 0, below(r, 2));
	cr_assert_eq(gnomon_slot_set(r->w.vm, &slot), GNOMON_OK);
}

static struct gnomon_range some(struct run *r)
{
	uint64_t first = below(r, WORLD_FRAMES - 1);

	uint64_t most = WORLD_FRAMES - first;

	return (struct gnomon_range){
		{ first }, 1 + below(r, below(r, 2) && most > 8 ? 8 : most),
	};
}

/* The host takes write rights from frames, or gives them back. */
static void host_changes(struct run *r)
{
	/* Whole blocks: a host that says 2M has to mean it. */
	struct gnomon_range range = {
		{ below(r, 7) * 512 }, (1 + below(r, 2)) * 512,
	};
	struct fh_frame frame = {
		.kind = GNOMON_FRAME_RAM,
		.order = below(r, 2) ? 9 : 0,
		.write = below(r, 3) > 0,
	};
	enum gnomon_status status;
	uint32_t budget;

	do {
		budget = 1 + (uint32_t)below(r, 100);
		status = gnomon_host_change_begin(r->w.vm, range.first,
						  range.frames, &budget);
	} while (status == GNOMON_MORE);
	cr_assert_eq(status, GNOMON_OK);
	one_access(r, 0);
	fh_frames(r->w.fh, range.first.v, range.frames, frame);
	one_access(r, 1);
	cr_assert_eq(gnomon_host_change_end(r->w.vm, range.first,
					    range.frames),
		     GNOMON_OK);
}

static void log_changes(struct run *r)
{
	struct gnomon_range range = some(r);
	struct gnomon_dirty_log log = {
		.id = 3, .frames = WORLD_FRAMES, .bitmap = r->bits,
	};
	enum gnomon_status status;
	uint32_t budget;

	if (r->w.dirty && below(r, 4) == 0) {
		cr_assert_eq(gnomon_dirty_stop(r->w.vm, 3), GNOMON_OK);
		r->w.dirty = NULL;
		return;
	}
	if (!r->w.dirty) {
		log.flags = below(r, 2) ? GNOMON_DIRTY_INITIALLY_SET : 0;
		memset(r->bits, log.flags ? 255 : 0, sizeof(r->bits));
	}
	do {
		budget = 1 + (uint32_t)below(r, 100);
		status = r->w.dirty ? gnomon_dirty_clear(r->w.vm, 3, &range,
							 NULL, &budget)
				    : gnomon_dirty_start(r->w.vm, &log,
							 &budget);
	} while (status == GNOMON_MORE);
	cr_assert_eq(status, GNOMON_OK);
	r->w.dirty = r->bits;
}

static void watch_changes(struct run *r)
{
	struct gnomon_range range = some(r);
	uint32_t watch = below(r, 2) ? (uint32_t)below(r, 8) : 0;

	if (watch) {
		range.frames = 1 + range.frames % 8;
		range.first.v %= WORLD_FRAMES - 8;
	} else {
		range = (struct gnomon_range){ { 0 }, WORLD_FRAMES };
	}
	cr_assert_eq(gnomon_watch(r->w.vm, &range, watch, NULL), GNOMON_OK);
}

static void rare(struct run *r)
{
	struct gnomon_range range = some(r);
	uint64_t young = 0;
	uint32_t pages = (uint32_t)below(r, 8);

	switch (below(r, 8)) {
	case 0:
		cr_assert_eq(gnomon_zap_all(r->w.vm, NULL), GNOMON_OK);
		break;
	case 1:
		cr_assert_eq(gnomon_shrink(r->w.vm, &pages, NULL), GNOMON_OK);
		break;
	case 2:
		cr_assert_eq(gnomon_young(r->w.vm, &range, below(r, 2),
					  &young, NULL),
			     GNOMON_OK);
		break;
	case 3:
		cr_assert_eq(gnomon_collapse(r->w.vm, &range, NULL),
			     GNOMON_OK);
		break;
	case 4:
		watch_changes(r);
		break;
	case 5:
		log_changes(r);
		break;
	case 6:
		host_changes(r);
		break;
	default:
		slot_comes_and_goes(r);
		break;
	}
}

static void one_access(struct run *r, unsigned cpu)
{
	uint64_t gva = gva_of(r);
	uint32_t access = access_of(r);
	enum world_end end;

	/* What was true before a flush may be answered: do flush. */
	gnomon_invlpg(r->w.vcpu[cpu], (gnomon_gva_t){ gva });
	end = world_access(&r->w, cpu, gva, access, gpte_of(r));

	if (end == WORLD_WRONG) {
		test_print_repeat("tests/shadow/random.t", "random/*",
				  r->seed);
	}
	cr_assert_neq(end, WORLD_WRONG,
		      "step %llu: cpu %u gva %#llx access %u action %d kind %d"
		      " after %u faults",
		      (unsigned long long)r->step, cpu,
		      (unsigned long long)gva, access, r->w.last.action,
		      r->w.last.kind, r->w.faults);
}

static void step(struct run *r)
{
	unsigned cpu = (unsigned)below(r, WORLD_CPUS);
	uint64_t what = below(r, 100);

	if (what < 20) {
		world_store(&r->w, table(r) + 8 * index_of(r), gpte_of(r));
	} else if (what < 23) {
		odd_store(r);
	} else if (what < 27) {
		set_registers(r, cpu);
	} else if (what < 32) {
		gnomon_invlpg(r->w.vcpu[cpu], (gnomon_gva_t){ gva_of(r) });
	} else if (what < 34) {
		rare(r);
	} else {
		one_access(r, cpu);
	}
}

static void start(struct run *r, unsigned cpu)
{
	struct gnomon_regs *regs = &r->w.regs[cpu];

	set_mode(r, regs);
	regs->cr3 = table(r);
	if (r->format == PAE) {
		make_pdptes(r, regs);
	}
	cr_assert_eq(world_load(&r->w, cpu, GNOMON_SET_CR3), GNOMON_OK);
}

static void run(enum format format, uint32_t options, uint32_t pages,
		uint64_t rounds)
{
	struct gnomon_config config = world_config();
	struct run r = { .format = format, .seed = test_seed() };

	config.options = options;
	config.table_pages_max = pages;
	config.chain_max = 28;
	config.flood_leaf_writes = 5;
	r.rng = test_rng_init(r.seed ^ options ^ pages ^ format << 8);
	world_open(&r.w, &config);
	for (unsigned i = 0; i < WORLD_CPUS; i++) {
		start(&r, i);
	}
	for (r.step = 0; r.step < rounds; r.step++) {
		step(&r);
		if (r.step % 16 == 0) {
			world_audit(&r.w, GNOMON_AUDIT_GUEST);
		}
	}
	cr_assert_eq(r.w.fh->errors, 0, "%s", r.w.fh->error);
	world_close(&r.w);
}

Test(random, all_options)
{
	run(LONG4, GNOMON_OPT_ALL, 0, test_rounds(20000));
}

Test(random, no_options)
{
	run(LONG4, 0, 0, test_rounds(20000));
}

Test(random, each_option_alone)
{
	for (uint32_t bit = 0; bit < 6; bit++) {
		run(LONG4, 1u << bit, 0, test_rounds(5000));
	}
}

Test(random, small_budget)
{
	run(LONG4, GNOMON_OPT_ALL, 32, test_rounds(20000));
	run(LONG4, 0, 34, test_rounds(5000));
}

Test(random, five_levels)
{
	run(LONG5, GNOMON_OPT_ALL, 0, test_rounds(10000));
	run(LONG5, 0, 0, test_rounds(5000));
}

Test(random, pae)
{
	run(PAE, GNOMON_OPT_ALL, 0, test_rounds(10000));
	run(PAE, 0, 0, test_rounds(5000));
}

Test(random, four_byte_entries)
{
	run(SMALL, GNOMON_OPT_ALL, 0, test_rounds(10000));
	run(SMALL, 0, 0, test_rounds(5000));
}

Test(random, paging_off)
{
	run(OFF, GNOMON_OPT_ALL, 0, test_rounds(10000));
	run(OFF, 0, 0, test_rounds(5000));
}

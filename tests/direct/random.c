/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Random guests in mode DIRECT. The honest one keeps a frame at one level;
 * after each access the naive MMU, on what the guest believes, must agree.
 * The hostile one asks for anything; it may hurt itself, but never reach what
 * is not its own: the processor checks every frame it gets to, with old
 * translations too, and the audit every entry.
 */
#include <criterion/criterion.h>

#include "tests/direct/world.h"

#define FIRST_TABLE 512u
#define TABLES 64u		/* as many of each level */

static uint64_t below(struct world *w, uint64_t n)
{
	return test_rng_below(&w->rng, n);
}

static uint64_t table_of(struct world *w, unsigned level)
{
	return (FIRST_TABLE + 4 * below(w, TABLES / 4) + level - 1) << 12;
}

static uint64_t any_table(struct world *w)
{
	return table_of(w, 1 + (unsigned)below(w, 4));
}

static unsigned index_of(struct world *w)
{
	static const unsigned choice[] = { 0, 1, 2, 255 };

	return choice[below(w, 4)];
}

/* Mostly one of a few addresses that were used before. */
static uint64_t gva_of(struct world *w)
{
	uint64_t gva = below(w, 512) * 8;
	uint64_t *kept = &w->gva[below(w, 4)];

	if (*kept && below(w, 8)) {
		return *kept;
	}

	for (unsigned level = 1; level <= 4; level++) {
		gva |= (uint64_t)index_of(w) << (3 + 9 * level);
	}
	*kept = gva;
	return gva;
}

static uint64_t leaf_of(struct world *w, unsigned level)
{
	uint64_t bits = X86_PTE_P | X86_PTE_U | (below(w, 4) ? X86_PTE_W : 0) |
			(below(w, 4) ? X86_PTE_A | X86_PTE_D : 0) |
			(below(w, 8) ? 0 : X86_PTE_NX) |
			(below(w, 8) ? X86_PTE_U : 0);

	switch (level) {
	case 1:
		switch (below(w, 4)) {
		case 0:
			return bits | below(w, WORLD_FRAMES + 16) << 12;
		case 1:
			return bits | (WORLD_LOG_FIRST + below(w, 8)) << 12;
		default:
			return bits | any_table(w);
		}
	case 2:
		return bits | X86_PTE_PS | below(w, 9) << 21;
	default:
		return bits | X86_PTE_PS | below(w, 2) << 30;
	}
}

/* Something for a table of that level. */
static uint64_t gpte_of(struct world *w, unsigned level, bool hostile)
{
	if (below(w, 5) == 0) {
		return 0;
	}
	if (hostile && below(w, 6) == 0) {
		return X86_PTE_P | X86_PTE_W | X86_PTE_U |
		       UINT64_C(1) << (12 + below(w, 40));
	}
	if (level == 1 || (level < 4 && below(w, 4) == 0)) {
		return leaf_of(w, level);
	}
	return (hostile ? any_table(w) : table_of(w, level - 1)) | X86_PTE_P |
	       (below(w, 8) ? X86_PTE_W : 0) | (below(w, 8) ? X86_PTE_U : 0);
}

static uint32_t access_of(struct world *w)
{
	static const uint32_t choice[] = {
		GNOMON_READ, GNOMON_WRITE, GNOMON_EXEC, GNOMON_WRITE,
		GNOMON_READ | GNOMON_USER, GNOMON_WRITE | GNOMON_USER,
	};

	return choice[below(w, 6)];
}

static void change_entry(struct world *w, bool hostile)
{
	unsigned level = 1 + (unsigned)below(w, 4);
	uint64_t gpa = table_of(w, level) + 8u * index_of(w);
	uint64_t gpte = gpte_of(w, level, hostile);
	enum gnomon_status status;

	if (below(w, 4) == 0) {
		world_store(w, gpa, gpte);
		return;
	}
	status = world_ask(w, GNOMON_DIRECT_SET, gpa, gpte);
	world_check(w, status == GNOMON_OK || hostile ||
			       status == GNOMON_INVAL, "a request");
}

static void pins(struct world *w, bool hostile)
{
	unsigned level = 1 + (unsigned)below(w, 4);
	uint64_t gpa = table_of(w, level);
	enum gnomon_status status;

	if (below(w, 2)) {
		status = world_ask(w, GNOMON_DIRECT_PIN, gpa,
				   hostile ? below(w, 7) : level);
	} else {
		status = world_ask(w, GNOMON_DIRECT_UNPIN, gpa, 0);
	}
	world_check(w, status == GNOMON_OK || status == GNOMON_INVAL,
		    "a pin");
}

/* The host takes frames and gives them back elsewhere. */
static void host_moves(struct world *w)
{
	uint64_t first = 2048 + below(w, 1024), count = 1 + below(w, 40);
	enum gnomon_status status;
	uint32_t budget;

	do {
		budget = 5;
		status = gnomon_host_change_begin(w->vm,
			(gnomon_gfn_t){ first }, count, &budget);
	} while (status == GNOMON_MORE);
	for (uint64_t i = first; status == GNOMON_OK && i < first + count;
	     i++) {
		w->fh->frame[i].moved = !w->fh->frame[i].moved;
	}
	world_check(w, status == GNOMON_OK || status == GNOMON_EXISTS,
		    "a change of the host");
	world_check(w, gnomon_host_change_end(w->vm, (gnomon_gfn_t){ first },
					      count) == GNOMON_OK,
		    "its end");
}

static void change_log(struct world *w)
{
	struct gnomon_dirty_log log = {
		.first = { WORLD_LOG_FIRST }, .frames = WORLD_LOG_FRAMES,
		.bitmap = w->bits,
	};
	struct gnomon_range range = { log.first, log.frames };
	enum gnomon_status status;

	if (!w->logging) {
		for (unsigned i = 0; i < WORLD_LOG_FRAMES / 64; i++) {
			w->bits[i] = 0;
		}
		status = gnomon_dirty_start(w->vm, &log, NULL);
		w->logging = true;
	} else if (below(w, 2)) {
		status = gnomon_dirty_clear(w->vm, 0, &range, NULL, NULL);
	} else {
		status = gnomon_dirty_stop(w->vm, 0);
		w->logging = false;
	}
	world_check(w, status == GNOMON_OK, "a dirty log");
}

static void host_event(struct world *w)
{
	struct gnomon_range range = { { below(w, 2048) }, 1 + below(w, 2048) };
	uint64_t young = 0;
	uint32_t pages = 100;

	switch (below(w, 8)) {
	case 0:
		host_moves(w);
		break;
	case 1:
		change_log(w);
		break;
	case 2:
		cr_assert_eq(gnomon_zap_all(w->vm, NULL), GNOMON_OK);
		break;
	case 3:
		cr_assert_eq(gnomon_collapse(w->vm, &range, NULL), GNOMON_OK);
		break;
	case 4:
		cr_assert_eq(gnomon_young(w->vm, &range, below(w, 2), &young,
					  NULL), GNOMON_OK);
		break;
	default:
		cr_assert_eq(gnomon_shrink(w->vm, &pages, NULL), GNOMON_OK);
		break;
	}
}

static void judge(struct world *w, enum world_end end,
		  const struct ref_result *ref)
{
	switch (end) {
	case WORLD_OK:
		world_check(w, ref->status == GNOMON_OK &&
				       (ref->gpa & ~UINT64_C(7)) ==
				       (w->last.gpa.v & ~UINT64_C(7)),
			    "an access that the guest's tables do not allow");
		break;
	case WORLD_INJECTED:
		world_check(w, ref->status == GNOMON_ABSENT ||
			       (ref->status == GNOMON_FAULT &&
				ref->code == w->last.error_code),
			    "a page fault, or its code");
		break;
	case WORLD_MMIO:
		world_check(w, ref->status == GNOMON_OK &&
				       ref->gpa >> 12 >= WORLD_FRAMES,
			    "a device access");
		break;
	case WORLD_STOPPED:
		world_check(w, false, "a stop");
		break;
	}
}

static void one_access(struct world *w, bool hostile)
{
	uint64_t gva = gva_of(w);
	uint32_t access = access_of(w);
	struct ref_result ref;
	enum world_end end;
	uint64_t value;

	ref_walk(&w->ref, &w->regs, gva, access, &ref);
	/* A store may hit a table of any level: an honest one leaves a hole. */
	value = hostile ? gpte_of(w, 1, true) : below(w, 1000) << 1;
	end = world_access(w, gva, access, value, hostile && below(w, 2));
	if (!hostile) {
		judge(w, end, &ref);
	}
}

static void new_root(struct world *w, bool hostile)
{
	uint64_t root = hostile && below(w, 2) ? any_table(w) : table_of(w, 4);

	world_check(w, world_ask(w, GNOMON_DIRECT_ROOT, 0, root) ==
			       GNOMON_OK || hostile, "a root");
}

static void one_step(struct world *w, bool hostile)
{
	uint64_t n = below(w, 64);

	if (n < 20) {
		change_entry(w, hostile);
	} else if (n < 22) {
		new_root(w, hostile);
	} else if (n == 22) {
		pins(w, hostile);
	} else if (n < 26) {
		host_event(w);
	} else {
		one_access(w, hostile);
	}
	if (w->step % 16 == 0) {
		world_audit(w);
	}
}

static void run(uint64_t seed, bool hostile, uint64_t steps)
{
	static const uint32_t masks[] = {
		GNOMON_OPT_ALL, 0, GNOMON_OPT_ALL & ~(uint32_t)GNOMON_OPT_LARGE,
		GNOMON_OPT_ALL & ~(uint32_t)GNOMON_OPT_UPDATE,
		GNOMON_OPT_ALL & ~(uint32_t)GNOMON_OPT_PREFETCH,
	};
	struct world w;

	world_open(&w, seed, masks[seed % 5]);
	/* Frames that move are small ones from the start. */
	fh_frames(w.fh, 2048, 1536,
		  (struct fh_frame){ .kind = GNOMON_FRAME_RAM, .write = true });
	world_load(&w, table_of(&w, 4));
	for (w.step = 0; w.step < steps; w.step++) {
		one_step(&w, hostile);
	}
	world_close(&w);
}

Test(random, honest)
{
	uint64_t rounds = test_rounds(12);

	for (uint64_t i = 0; i < rounds; i++) {
		run(test_seed() + i, false, 4000);
	}
}

Test(random, hostile)
{
	uint64_t rounds = test_rounds(12);

	for (uint64_t i = 0; i < rounds; i++) {
		run(test_seed() + i, true, 4000);
	}
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Slots go and come, in steps, while vcpus fault on what they map: memory that
 * holds data and a table, and an alias that data and a table are reached by.
 * Once a slot is deleted no processor uses a translation into it any more; its
 * memory comes back with other host frames, as if somebody else had the old
 * ones by then. On shadow tables, and in a process of its own on nested ones.
 */
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/race/rig.h"

#define ROUNDS 40000u
#define BANK UINT64_C(8192)		/* memory that goes */
#define BANK_FRAMES UINT64_C(64)	/* the last one is a table */
#define BANK_HFN UINT64_C(0x1000000)	/* << generation: see frame() */
#define ALIAS UINT64_C(12288)		/* of tables and data in slot 0 */
#define TARGET (RIG_LEAF >> 12)
#define ALIAS_FRAMES UINT64_C(512)

/* Leaf tables, by what they do; those below map plain memory. */
enum { PLAIN, TO_BANK = 4, BY_ALIAS, TO_ALIAS, IN_BANK };

static atomic_uint generation = 1;	/* of the bank's host frames */
static atomic_uint retired;		/* up to this one they are gone */
static atomic_bool alias_gone;
static atomic_uint bank_seen, alias_seen, missed;
static bool nested;
static uint64_t (*bank)[512];	/* frames of it */

static void frame(uint64_t gfn, struct gnomon_frame *out)
{
	if (gfn - BANK < BANK_FRAMES) {
		out->hfn.v = BANK_HFN +
			     ((uint64_t)atomic_load(&generation) << 8) + gfn -
			     BANK;
		/* Between the answer and its use there is time for more. */
		sched_yield();
	}
}

/* What the processor holds, before it lets go of it. */
static void judge(unsigned kind, uint64_t j, uint64_t hfn)
{
	uint64_t age = (hfn - BANK_HFN) >> 8;

	if (kind == TO_BANK || kind == BY_ALIAS || kind == IN_BANK) {
		if (hfn - BANK_HFN - (age << 8) != j ||
		    age <= atomic_load(&retired)) {
			rig_fail("memory of a slot that is gone", kind, hfn);
		}
		atomic_fetch_add(&bank_seen, 1);
	} else if (hfn != RIG_HFN + RIG_DATA + j) {
		rig_fail("other memory", kind, hfn);
	}
	if (kind == BY_ALIAS || kind == TO_ALIAS) {
		if (atomic_load(&alias_gone)) {
			rig_fail("by an alias that is gone", kind, hfn);
		}
		atomic_fetch_add(&alias_seen, 1);
	}
}

/* On nested tables addresses are the guest's physical ones. */
static uint64_t address(unsigned kind, uint64_t j)
{
	uint64_t gfn = kind == TO_BANK || kind == IN_BANK ? BANK + j
		       : kind == TO_ALIAS ? ALIAS + RIG_DATA - TARGET + j
					  : RIG_DATA + j;

	return nested ? gfn << 12 : rig_gva(kind, j);
}

static void both(struct rig_cpu *cpu)
{
	for (unsigned i = 0; i < ROUNDS && !rig_failed(); i++) {
		static const unsigned kinds[] = {
			PLAIN, TO_BANK, TO_ALIAS, IN_BANK, BY_ALIAS,
		};
		uint64_t r = rig_random(cpu);
		unsigned kind = kinds[r % (nested ? 4 : 5)];
		uint64_t j = r >> 8 & (BANK_FRAMES / 2 - 1);
		enum gnomon_action action;
		struct rig_leaf leaf;

		if (rig_reach(cpu, address(kind, j),
			      r >> 20 & 1 ? GNOMON_WRITE : GNOMON_READ, &leaf,
			      &action)) {
			/* It may hold a translation for a while. */
			for (unsigned n = 0; n < (r >> 24 & 7); n++) {
				sched_yield();
			}
			judge(kind, j, leaf.hfn);
			rig_leave(cpu);
		} else if (kind == PLAIN || (action != GNOMON_DO_MMIO &&
					     action != GNOMON_INJECT)) {
			rig_fail("a fault is answered wrongly", kind, action);
		} else {
			atomic_fetch_add(&missed, 1);
		}
		if (i % 128 == 0) {
			rig_reload(cpu);
		}
	}
}

static void set(uint32_t id)
{
	struct gnomon_slot slot = {
		.id = id, .first = { BANK }, .frames = BANK_FRAMES,
		.hva = bank,
	};

	if (id == 2) {
		slot = (struct gnomon_slot){
			.id = id, .first = { ALIAS }, .frames = ALIAS_FRAMES,
			.flags = GNOMON_SLOT_ALIAS, .target = { TARGET },
		};
	}
	if (gnomon_slot_set(rig_vm, &slot) != GNOMON_OK) {
		rig_fail("a slot does not come back", id, 0);
	}
}

static void take(uint32_t id)
{
	enum gnomon_status s;

	do {
		uint32_t budget = 16;

		s = gnomon_slot_delete(rig_vm, id, &budget);
		sched_yield();
	} while (s == GNOMON_MORE);
	if (s != GNOMON_OK) {
		rig_fail("a slot does not go", id, s);
	}
}

static void come_and_go(void)
{
	for (unsigned i = 0; rig_running(); i++) {
		take(1);
		atomic_store(&retired, atomic_load(&generation));
		atomic_fetch_add(&generation, 1);
		sched_yield();
		set(1);
		take(2);
		atomic_store(&alias_gone, true);
		sched_yield();
		atomic_store(&alias_gone, false);
		set(2);
		if (i % 32 == 0) {
			rig_audit();
		}
		rig_dawdle();
	}
}

static void map(unsigned kind, uint64_t first)
{
	for (uint64_t j = 0; j < BANK_FRAMES; j++) {
		rig_store8(rig_gpte(kind, j), (first + j) << 12 | RIG_ALL |
					      RIG_A | RIG_D);
	}
}

/* The entry above leaf table kind, which rig.c has made. */
static void lead(unsigned kind, uint64_t gfn)
{
	rig_store8(RIG_ROOT + 0x2000 + 8 * kind, gfn << 12 | RIG_ALL | RIG_A);
}

static int run(bool on_nested)
{
	nested = on_nested;
	bank = aligned_alloc(4096, BANK_FRAMES * 4096);
	memset(bank, 0, BANK_FRAMES * 4096);
	rig_start(&(struct rig_setup){
		.options = GNOMON_OPT_ALL, .nested = nested, .frame = frame,
	});
	map(PLAIN, RIG_DATA);
	map(TO_BANK, BANK);
	map(TO_ALIAS, ALIAS + RIG_DATA - TARGET);
	for (uint64_t j = 0; j < BANK_FRAMES; j++) {
		bank[BANK_FRAMES - 1][j] = rig_load8(rig_gpte(TO_BANK, j));
	}
	lead(BY_ALIAS, ALIAS + TO_BANK);
	lead(IN_BANK, BANK + BANK_FRAMES - 1);
	set(1);
	set(2);
	rig_run(both, come_and_go);
	if (!bank_seen || !alias_seen || !missed) {
		rig_fail("something was never seen", bank_seen, alias_seen);
	}
	int status = rig_end("slots");

	free(bank);
	return status;
}

int main(void)
{
	int status = 1;
	pid_t child = fork();

	if (child == 0) {
		return run(true);
	}
	if (child < 0 || waitpid(child, &status, 0) != child || status) {
		return 1;
	}
	return run(false);
}

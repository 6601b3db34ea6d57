/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Slots go and come, in steps, while vcpus fault on what they map: memory that
 * holds data and a table, an alias that data and a table are reached by, and
 * memory that only a vcpu in SMM sees where others see what is always there.
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
#define PLACE UINT64_C(16384)		/* BANK_FRAMES inside, and outside */
#define SMRAM (GNOMON_SMM_GFN + PLACE)
#define SMRAM_HFN UINT64_C(0x2000000)	/* << generation, as of the bank */

enum { ID_BANK = 1, ID_ALIAS, ID_PLACE, ID_SMRAM };

/* Leaf tables, by what they do. */
enum { PLAIN, TO_PLACE, TO_BANK = 4, BY_ALIAS, TO_ALIAS, IN_BANK };

/* Memory that goes: the bank's, and what SMM shows. */
struct lives {
	atomic_uint generation;	/* of its host frames */
	atomic_uint retired;	/* up to this one they are gone */
	atomic_uint seen;
};

static struct lives bank_lives = { .generation = 1 };
static struct lives smram_lives = { .generation = 1 };
static atomic_bool alias_gone;
static atomic_uint alias_seen, missed;
static bool nested;
static uint64_t (*bank)[512];	/* frames of it */

static void live_frame(struct lives *lives, uint64_t hfn, uint64_t at,
		       struct gnomon_frame *out)
{
	out->hfn.v = hfn + ((uint64_t)atomic_load(&lives->generation) << 8) +
		     at;
	/* Between the answer and its use there is time for more. */
	sched_yield();
}

static void frame(uint64_t gfn, struct gnomon_frame *out)
{
	if (gfn - BANK < BANK_FRAMES) {
		live_frame(&bank_lives, BANK_HFN, gfn - BANK, out);
	} else if (gfn - SMRAM < BANK_FRAMES) {
		live_frame(&smram_lives, SMRAM_HFN, gfn - SMRAM, out);
	}
}

static void judge_lives(struct lives *lives, uint64_t base, uint64_t j,
			uint64_t hfn)
{
	uint64_t age = (hfn - base) >> 8;

	if (hfn - base - (age << 8) != j ||
	    age <= atomic_load(&lives->retired) ||
	    age > atomic_load(&lives->generation)) {
		rig_fail("memory of a slot that is gone", j, hfn);
	}
	atomic_fetch_add(&lives->seen, 1);
}

/* What the processor holds, before it lets go of it. */
static void judge(const struct rig_cpu *cpu, unsigned kind, uint64_t j,
		  uint64_t hfn)
{
	if (kind == TO_BANK || kind == BY_ALIAS || kind == IN_BANK) {
		judge_lives(&bank_lives, BANK_HFN, j, hfn);
	} else if (kind == TO_PLACE && cpu->smm) {
		judge_lives(&smram_lives, SMRAM_HFN, j, hfn);
	} else if (hfn != RIG_HFN + j +
			  (kind == TO_PLACE ? PLACE : RIG_DATA)) {
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
		       : kind == TO_PLACE ? PLACE + j
		       : kind == TO_ALIAS ? ALIAS + RIG_DATA - TARGET + j
					  : RIG_DATA + j;

	return nested ? gfn << 12 : rig_gva(kind, j);
}

static void both(struct rig_cpu *cpu)
{
	for (unsigned i = 0; i < ROUNDS && !rig_failed(); i++) {
		static const unsigned kinds[] = {
			PLAIN, TO_BANK, TO_ALIAS, IN_BANK, TO_PLACE, BY_ALIAS,
		};
		uint64_t r = rig_random(cpu);
		unsigned kind = kinds[r % (nested ? 5 : 6)];
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
			judge(cpu, kind, j, leaf.hfn);
			rig_leave(cpu);
		} else if (kind == PLAIN || (kind == TO_PLACE && !cpu->smm) ||
			   (action != GNOMON_DO_MMIO &&
			    action != GNOMON_INJECT)) {
			rig_fail("a fault is answered wrongly", kind, action);
		} else {
			atomic_fetch_add(&missed, 1);
		}
		if (i % 128 == 0) {
			cpu->smm = r >> 32 & 1;
			rig_reload(cpu);
		}
	}
}

static void set(uint32_t id)
{
	static unsigned char place[2][BANK_FRAMES * 4096];
	const struct gnomon_slot slot[] = {
		[ID_BANK] = { .first = { BANK }, .frames = BANK_FRAMES,
			      .hva = bank },
		[ID_ALIAS] = { .first = { ALIAS }, .frames = ALIAS_FRAMES,
			       .flags = GNOMON_SLOT_ALIAS,
			       .target = { TARGET } },
		[ID_PLACE] = { .first = { PLACE }, .frames = BANK_FRAMES,
			       .flags = GNOMON_SLOT_NO_SMM, .hva = place[0] },
		[ID_SMRAM] = { .first = { PLACE }, .frames = BANK_FRAMES,
			       .flags = GNOMON_SLOT_SMM, .hva = place[1] },
	};
	struct gnomon_slot one = slot[id];

	one.id = id;
	if (gnomon_slot_set(rig_vm, &one) != GNOMON_OK) {
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

/* It goes, and comes back with other host frames. */
static void renew(uint32_t id, struct lives *lives)
{
	take(id);
	atomic_store(&lives->retired, atomic_load(&lives->generation));
	atomic_fetch_add(&lives->generation, 1);
	sched_yield();
	set(id);
}

static void come_and_go(void)
{
	for (unsigned i = 0; rig_running(); i++) {
		renew(ID_BANK, &bank_lives);
		take(ID_ALIAS);
		atomic_store(&alias_gone, true);
		sched_yield();
		atomic_store(&alias_gone, false);
		set(ID_ALIAS);
		renew(ID_SMRAM, &smram_lives);
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
		.smm = true,
	});
	map(PLAIN, RIG_DATA);
	map(TO_PLACE, PLACE);
	map(TO_BANK, BANK);
	map(TO_ALIAS, ALIAS + RIG_DATA - TARGET);
	for (uint64_t j = 0; j < BANK_FRAMES; j++) {
		bank[BANK_FRAMES - 1][j] = rig_load8(rig_gpte(TO_BANK, j));
	}
	lead(BY_ALIAS, ALIAS + TO_BANK);
	lead(IN_BANK, BANK + BANK_FRAMES - 1);
	for (uint32_t id = ID_BANK; id <= ID_SMRAM; id++) {
		set(id);
	}
	rig_run(both, come_and_go);
	if (!bank_lives.seen || !smram_lives.seen || !alias_seen || !missed) {
		rig_fail("something was never seen", bank_lives.seen,
			 smram_lives.seen);
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

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The oracle beside the run: a naive MMU over a copy of the guest's tables
 * that the recording alone maintains. It must agree on every access.
 */
#include <string.h>

#include "sim/mode_paravirt.h"
#include "sim/replay.h"

/* Accessed and dirty: the processor's to set, not recorded. */
#define AD_BITS ((uint64_t)0x60)

void sim_verify_ask(struct sim_replay *replay, unsigned vcpu,
		    const struct sim_touch *touch,
		    struct sim_oracle_result *answer)
{
	const struct gnomon_regs *regs = &replay->guest->regs[vcpu];
	struct sim_oracle *o = &replay->oracle;
	struct sim_access access = {
		.gva = touch->gva,
		.write = touch->access & GNOMON_WRITE,
		.fetch = touch->access & GNOMON_EXEC,
		.user = touch->access & GNOMON_USER,
		.implicit = touch->access & GNOMON_IMPLICIT,
	};

	o->cr0 = regs->cr0;
	o->cr3 = regs->cr3;
	o->cr4 = regs->cr4;
	o->efer = regs->efer;
	o->pkru = regs->pkru;
	o->ac = touch->access & SIM_ACCESS_AC;
	sim_oracle(o, &access, answer);
}

static bool disagree(struct sim_replay *replay, const struct sim_touch *touch,
		     const char *what, uint64_t ours, uint64_t oracle)
{
	return sim_replay_fail(replay, SIM_ERR_VERIFY,
		"access %#x to %#llx: %s is %#llx, the oracle says %#llx",
		touch->access, (unsigned long long)touch->gva, what,
		(unsigned long long)ours, (unsigned long long)oracle);
}

static uint64_t oracle_rights(const struct sim_oracle_result *answer)
{
	return (answer->page_write ? SIM_T_W : 0u) |
	       (answer->page_user ? SIM_T_U : 0u) |
	       (answer->page_exec ? SIM_T_X : 0u);
}

/* What the processor may use now: on shadow tables perhaps less than the
 * guest allows, never more; elsewhere exactly that. */
static bool check_word(struct sim_replay *replay,
		       const struct sim_touch *touch,
		       const struct sim_oracle_result *answer)
{
	uint64_t ours = touch->word & (SIM_T_W | SIM_T_U | SIM_T_X);
	uint64_t theirs = oracle_rights(answer);
	bool exact = !sim_mode_is(replay->guest->mode, SIM_MF_SHADOW |
				  SIM_MF_MIXED | SIM_MF_DIRECT);

	if (sim_paravirt_waits(replay->guest)) {
		return true;	/* the guest knows that it must ask first */
	}

	if (touch->emulated || (exact ? ours == theirs : !(ours & ~theirs))) {
		return true;
	}
	return disagree(replay, touch, "the cached right", ours, theirs);
}

/* What the engine says about the page when asked. */
static bool check_engine(struct sim_replay *replay, unsigned vcpu,
			 const struct sim_touch *touch,
			 const struct sim_oracle_result *answer)
{
	struct sim_guest *guest = replay->guest;
	bool ac = touch->access & SIM_ACCESS_AC;
	struct gnomon_translation t;
	uint32_t access = touch->access & ~(uint32_t)SIM_ACCESS_AC;
	enum gnomon_status status;
	uint64_t ours;

	/*
	 * Another AC would have to be told to the engine, which makes of that
	 * a flush point: verification must not change the run.
	 */
	if (!guest->vm || guest->regs[vcpu].ac != ac ||
	    sim_paravirt_waits(guest)) {
		return true;
	}
	/*
	 * The same holds for a CR3 that the engine has not been told, where
	 * that makes it look for another root.
	 */
	if (guest->regs_stale[vcpu] &&
	    !sim_mode_is(guest->mode, SIM_MF_NESTED)) {
		return true;
	}
	if (!sim_vmm_sync_regs(guest, vcpu, ac)) {
		return false;
	}
	status = gnomon_translate(guest->vcpu[vcpu],
				  (gnomon_gva_t){ touch->gva }, access, 0, &t);
	if (answer->answer == SIM_ORACLE_FAULT) {
		return status == GNOMON_FAULT &&
		       t.error_code == answer->error ? true :
		       disagree(replay, touch, "the engine's error code",
				t.error_code, answer->error);
	}
	if (status != GNOMON_OK || t.gpa.v != answer->gpa) {
		return disagree(replay, touch, "the engine's translation",
				status == GNOMON_OK ? t.gpa.v : ~0ull,
				answer->gpa);
	}
	ours = (t.writable ? SIM_T_W : 0u) | (t.user ? SIM_T_U : 0u) |
	       (t.executable ? SIM_T_X : 0u);
	return ours == oracle_rights(answer) ? true :
	       disagree(replay, touch, "the engine's right", ours,
			oracle_rights(answer));
}

/*
 * Of several vcpus, one may go on by what its TLB holds after another has
 * changed a table on the way, until it flushes.
 */
static bool may_be_stale(const struct sim_replay *replay, unsigned vcpu,
			 const struct sim_oracle_result *answer)
{
	if (!replay->stale || !replay->hit ||
	    vcpu >= replay->info->vcpus) {
		return false;
	}
	for (unsigned i = 0; i < answer->entry_count; i++) {
		const struct sim_replica_table *t = sim_replica_find(
			replay->replica, answer->entry[i].gpa);

		if (t && t->changed > replay->flushed[vcpu]) {
			return true;
		}
	}
	return false;
}

bool sim_verify_touch(struct sim_replay *replay, unsigned vcpu,
		      const struct sim_touch *touch, enum sim_touch_end end,
		      const struct sim_oracle_result *answer)
{
	replay->verified++;
	switch (answer->answer) {
	case SIM_ORACLE_OK:
		if (end != SIM_TOUCH_DONE) {
			return disagree(replay, touch, "the outcome, a fault",
					touch->error_code, 0);
		}
		if (may_be_stale(replay, vcpu, answer)) {
			return check_engine(replay, vcpu, touch, answer);
		}
		if (touch->gpa != answer->gpa) {
			return disagree(replay, touch, "the translation",
					touch->gpa, answer->gpa);
		}
		return check_word(replay, touch, answer) &&
		       check_engine(replay, vcpu, touch, answer);
	case SIM_ORACLE_FAULT:
		if (end != SIM_TOUCH_FAULT ||
		    touch->error_code != answer->error) {
			return disagree(replay, touch, "the error code",
					end == SIM_TOUCH_FAULT ?
					touch->error_code : ~0ull,
					answer->error);
		}
		return check_engine(replay, vcpu, touch, answer);
	case SIM_ORACLE_NON_CANONICAL:
		break;
	case SIM_ORACLE_UNKNOWN:
		return sim_replay_fail(replay, SIM_ERR_VERIFY,
			"access to %#llx: the recording does not know the "
			"table at %#llx", (unsigned long long)touch->gva,
			(unsigned long long)answer->unknown_gpa);
	}
	return sim_replay_fail(replay, SIM_ERR_VERIFY,
			       "access to %#llx, which is not canonical",
			       (unsigned long long)touch->gva);
}

bool sim_verify_request(struct sim_replay *replay, const struct sim_event *ev)
{
	struct sim_touch touch = {
		.gva = ev->gva, .bytes = ev->size, .access = GNOMON_WRITE,
	};
	struct sim_oracle_result answer;

	replay->verified++;
	sim_verify_ask(replay, ev->vcpu, &touch, &answer);
	return (answer.answer == SIM_ORACLE_OK && answer.gpa == ev->gpa) ||
	       sim_replay_fail(replay, SIM_ERR_VERIFY,
			"a table store through %#llx reaches %#llx instead of "
			"%#llx", (unsigned long long)ev->gva,
			(unsigned long long)answer.gpa,
			(unsigned long long)ev->gpa);
}

static bool same_entry(uint64_t a, uint64_t b)
{
	uint64_t ignored = a & b & 1 ? AD_BITS : 0;

	return (a | ignored) == (b | ignored);
}

bool sim_verify_entry(struct sim_replay *replay, uint64_t gpa,
		      uint64_t value)
{
	uint64_t found = sim_guest_gpte(replay->guest, gpa & ~7ull);

	return same_entry(found, value) ? true :
	       sim_replay_fail(replay, SIM_ERR_VERIFY,
			       "the entry at %#llx is %#llx after a store of "
			       "%#llx", (unsigned long long)gpa,
			       (unsigned long long)found,
			       (unsigned long long)value);
}

bool sim_verify_final(struct sim_replay *replay, const struct sim_event *ev)
{
	uint32_t next = 0;

	if (ev->gpa >= replay->guest->mem.ram_bytes) {
		return sim_replay_fail(replay, SIM_ERR_INPUT,
				       "a final table outside of memory");
	}
	for (uint32_t i = 0; i < 512; i++) {
		uint64_t value = 0;
		uint64_t here = sim_guest_gpte(replay->guest,
					(ev->gpa & ~0xfffull) + i * 8u);

		if (next < ev->entry_count && ev->entries[next].index == i) {
			value = ev->entries[next++].value;
		}
		if (!same_entry(here, value)) {
			return sim_replay_fail(replay, SIM_ERR_VERIFY,
				"final table %#llx, entry %u: %#llx here, "
				"%#llx in the recording",
				(unsigned long long)ev->gpa, i,
				(unsigned long long)here,
				(unsigned long long)value);
		}
	}
	replay->final_tables++;
	return true;
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "sim/replay.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/chooser.h"
#include "sim/mode_switching.h"
#include "sim/mode_paravirt.h"
#include "sim/text.h"
#include "sim/tlb.h"

enum {
	MARKER_START = 2, MARKER_END = 3,
	INVPCID_ADDRESS = 0,
};

static void tell_failure(struct sim_replay *replay)
{
	enum sim_error_kind kind = replay->error->kind;

	if (replay->failed && (kind == SIM_ERR_VERIFY ||
			       kind == SIM_ERR_AUDIT || kind == SIM_ERR_BUG)) {
		replay->failed(replay->failed_ctx, replay->error);
	}
}

bool sim_replay_fail(struct sim_replay *replay, enum sim_error_kind kind,
		     const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (replay->error->kind == SIM_ERR_NONE) {
		sim_fail(replay->error, kind, "event %llu, mode %s: %s",
			 (unsigned long long)replay->event,
			 sim_mode_name(replay->guest->mode), text);
		replay->error->event = replay->event;
		tell_failure(replay);
	}
	return false;
}

/* The guest broke: say at which event. */
bool sim_replay_broken(struct sim_replay *replay)
{
	struct sim_error inner = *replay->error;

	*replay->error = (struct sim_error){ 0 };
	return sim_replay_fail(replay, inner.kind, "%s", inner.text);
}

uint64_t sim_replay_rip(const struct sim_replay *replay,
			const struct sim_event *ev)
{
	/* An address that no real instruction has, different each time. */
	return ev->flags & SIM_F_IP ? ev->ip : replay->event << 16;
}

bool sim_replay_init(struct sim_replay *replay, struct sim_guest *guest,
		     const struct sim_rec_info *info, bool verify,
		     struct sim_error *error)
{
	*replay = (struct sim_replay){
		.guest = guest, .info = info, .error = error,
		.stale = info->vcpus > 1 && sim_rec_meta_get(info, "stale"),
	};
	if (!verify) {
		return true;
	}
	replay->replica = sim_replica_new(SIM_ENTRY_BYTES);
	replay->flushed = calloc(info->vcpus, sizeof(*replay->flushed));
	if (!replay->replica || !replay->flushed) {
		sim_fail(error, SIM_ERR_NOMEM, "no memory for the oracle");
		return false;
	}
	replay->oracle = sim_replica_oracle(replay->replica, info);
	return true;
}

void sim_replay_done(struct sim_replay *replay)
{
	sim_replica_free(replay->replica);
	replay->replica = NULL;
	free(replay->flushed);
	replay->flushed = NULL;
}

bool sim_replay_audit(struct sim_replay *replay)
{
	struct gnomon_audit report;

	if (!replay->guest->vm) {
		return true;
	}
	replay->audits++;
	if (gnomon_audit(replay->guest->vm, GNOMON_AUDIT_FULL, &report) ==
	    GNOMON_OK) {
		return true;
	}
	return sim_replay_fail(replay, SIM_ERR_AUDIT,
			       "audit: rule %s is broken at %#llx, %#llx",
			       report.rule ? report.rule : "?",
			       (unsigned long long)report.a,
			       (unsigned long long)report.b);
}

/* ---- accesses -------------------------------------------------------- */

bool sim_replay_touch(struct sim_replay *replay, unsigned vcpu,
		      struct sim_touch *touch, enum sim_touch_end *end)
{
	const struct sim_vcpu *v = &replay->guest->machine.vcpus[vcpu];
	uint64_t walks = v->counts.walks;
	struct sim_oracle_result answer;

	if (replay->replica) {
		sim_verify_ask(replay, vcpu, touch, &answer);
	}
	*end = sim_guest_touch(replay->guest, vcpu, touch);
	replay->hit = v->counts.walks == walks;
	if (*end == SIM_TOUCH_BROKEN) {
		return sim_replay_broken(replay);
	}
	return !replay->replica ||
	       sim_verify_touch(replay, vcpu, touch, *end, &answer);
}

/* Whether a kernel set AC for an access to a user page is not recorded; that
 * it had a right to make it is. */
static uint32_t believed_ac(uint64_t gva, uint32_t access)
{
	bool kernel = !(access & (GNOMON_USER | GNOMON_IMPLICIT |
				  GNOMON_EXEC));

	return kernel && !(gva >> 63) ? SIM_ACCESS_AC : 0u;
}

static uint32_t access_bits(unsigned flags)
{
	return (flags & SIM_F_WRITE ? GNOMON_WRITE : 0u) |
	       (flags & SIM_F_FETCH ? GNOMON_EXEC : 0u) |
	       (flags & SIM_F_USER ? GNOMON_USER : 0u) |
	       (flags & SIM_F_IMPLICIT ? GNOMON_IMPLICIT : 0u) |
	       (flags & SIM_F_AC ? SIM_ACCESS_AC : 0u);
}

bool sim_replay_done_well(struct sim_replay *replay,
			  const struct sim_touch *touch,
			  enum sim_touch_end end)
{
	return end == SIM_TOUCH_DONE ||
	       sim_replay_fail(replay, SIM_ERR_VERIFY,
			       "access to %#llx faults with code %#x, in the "
			       "recording it does not",
			       (unsigned long long)touch->gva,
			       touch->error_code);
}

static bool replay_access(struct sim_replay *replay,
			  const struct sim_event *ev)
{
	struct sim_touch touch = {
		.gva = ev->gva, .bytes = ev->size,
		.access = access_bits(ev->flags),
		.rip = sim_replay_rip(replay, ev),
	};
	enum sim_touch_end end;

	touch.access |= believed_ac(touch.gva, touch.access);
	replay->running = true;
	if ((touch.access & GNOMON_USER) &&
	    !sim_paravirt_flush(replay->guest, ev->vcpu)) {
		return sim_replay_broken(replay);
	}
	replay->guest->machine.vcpus[ev->vcpu].counts.accesses++;
	if (!sim_replay_touch(replay, ev->vcpu, &touch, &end) ||
	    !sim_replay_done_well(replay, &touch, end)) {
		return false;
	}
	/* A frame that was a table once and that the engine still guards. */
	replay->explain.trace_data += touch.traced || touch.trapped;
	return true;
}

/* The access behind a page fault: it must fault, and just so. */
static bool replay_fault(struct sim_replay *replay,
			 const struct sim_event *ev)
{
	uint32_t code = (uint32_t)ev->value;
	struct sim_touch touch = {
		.gva = ev->gva, .bytes = 1,
		.access = (code & SIM_PF_W ? GNOMON_WRITE : 0u) |
			  (code & SIM_PF_U ? GNOMON_USER : 0u) |
			  (code & SIM_PF_ID ? GNOMON_EXEC : 0u),
		.rip = sim_replay_rip(replay, ev),
	};
	enum sim_touch_end end;

	touch.access |= believed_ac(touch.gva, touch.access);
	replay->page_faults++;
	if (!sim_paravirt_flush(replay->guest, ev->vcpu)) {
		return sim_replay_broken(replay);
	}
	/* What another vcpu has taken back ours may still have cached; the
	 * recorded one had not. */
	if (replay->stale) {
		sim_tlb_flush_fault(&replay->guest->machine.vcpus[ev->vcpu],
				    ev->gva);
	}
	if (!sim_replay_touch(replay, ev->vcpu, &touch, &end)) {
		return false;
	}
	if (end != SIM_TOUCH_FAULT || touch.error_code != code) {
		return sim_replay_fail(replay, SIM_ERR_VERIFY,
			"page fault at %#llx with code %#x in the recording, "
			"%s %#x here", (unsigned long long)ev->gva, code,
			end == SIM_TOUCH_FAULT ? "code" : "no fault,",
			end == SIM_TOUCH_FAULT ? touch.error_code : 0);
	}
	return true;
}

/* ---- registers and the rest ------------------------------------------ */

static bool replay_register(struct sim_replay *replay,
			    const struct sim_event *ev)
{
	struct gnomon_regs regs = replay->guest->regs[ev->vcpu];

	if (!(ev->flags & SIM_F_VALUE)) {
		return true;	/* written, but nobody saw the value */
	}
	switch (ev->type) {
	case SIM_EV_CR0:
		regs.cr0 = ev->value;
		break;
	case SIM_EV_CR4:
		regs.cr4 = ev->value;
		break;
	case SIM_EV_EFER:
		regs.efer = ev->value;
		break;
	case SIM_EV_PKRU:
		regs.pkru = (uint32_t)ev->value;
		break;
	default:
		break;
	}
	return sim_guest_set_regs(replay->guest, ev->vcpu, &regs) ||
	       sim_replay_broken(replay);
}

/* The vcpu's TLB holds nothing from before. */
static void note_flush(struct sim_replay *replay, const struct sim_event *ev)
{
	if (replay->flushed && ev->vcpu < replay->info->vcpus) {
		replay->flushed[ev->vcpu] =
			sim_replica_changes(replay->replica);
	}
}

static bool replay_cr3(struct sim_replay *replay, const struct sim_event *ev)
{
	if (!(ev->flags & SIM_F_VALUE)) {
		return true;
	}
	replay->explain.cr3_loads++;
	note_flush(replay, ev);
	return sim_guest_cr3(replay->guest, ev->vcpu, ev->value) ||
	       sim_replay_broken(replay);
}

static bool replay_invpcid(struct sim_replay *replay,
			   const struct sim_event *ev)
{
	if (ev->sub == INVPCID_ADDRESS) {
		sim_guest_invlpg(replay->guest, ev->vcpu, ev->gva);
		return true;
	}
	return sim_guest_cr3(replay->guest, ev->vcpu,
			     replay->guest->regs[ev->vcpu].cr3) ||
	       sim_replay_broken(replay);
}

/* a - b, member by member: all of them are counters. */
static struct sim_explain subtract(const struct sim_explain *a,
				   const struct sim_explain *b)
{
	enum { MEMBERS = sizeof(*a) / sizeof(uint64_t) };
	uint64_t left[MEMBERS], right[MEMBERS];
	struct sim_explain result;

	memcpy(left, a, sizeof(left));
	memcpy(right, b, sizeof(right));
	for (size_t i = 0; i < MEMBERS; i++) {
		left[i] -= right[i];
	}
	memcpy(&result, left, sizeof(result));
	return result;
}

static void replay_marker(struct sim_replay *replay,
			  const struct sim_event *ev)
{
	replay->explain.markers++;
	if (ev->value == MARKER_START) {
		replay->window_start = replay->explain;
	} else if (ev->value == MARKER_END) {
		replay->window = subtract(&replay->explain,
					  &replay->window_start);
	}
}

static bool apply(struct sim_replay *replay, const struct sim_event *ev)
{
	switch ((enum sim_event_type)ev->type) {
	case SIM_EV_ACCESS:
		return replay_access(replay, ev);
	case SIM_EV_FAULT:
		return replay_fault(replay, ev);
	case SIM_EV_TABLE_STORE:
		return sim_replay_store(replay, ev);
	case SIM_EV_CR3:
		return replay_cr3(replay, ev);
	case SIM_EV_CR0:
	case SIM_EV_CR4:
	case SIM_EV_EFER:
	case SIM_EV_PKRU:
		return replay_register(replay, ev);
	case SIM_EV_INVLPG:
		replay->explain.invlpgs++;
		sim_guest_invlpg(replay->guest, ev->vcpu, ev->gva);
		return true;
	case SIM_EV_INVPCID:
		return replay_invpcid(replay, ev);
	case SIM_EV_TABLE_IMAGE:
		return sim_replay_image(replay, ev);
	case SIM_EV_TABLE_END:
		replay->explain.table_ends++;
		return !replay->guest->paravirt ||
		       sim_paravirt_end(replay->guest, ev->vcpu, ev->gpa) ||
		       sim_replay_broken(replay);
	case SIM_EV_FINAL_TABLE:
		return !replay->replica || sim_verify_final(replay, ev);
	case SIM_EV_MARKER:
		replay_marker(replay, ev);
		return true;
	case SIM_EV_SYMBOL:
	case SIM_EV_NOTE:
		return true;
	case SIM_EV_FORK:
	case SIM_EV_VFORK:
	case SIM_EV_EXEC:
	case SIM_EV_EXIT:
	case SIM_EV_MMAP:
	case SIM_EV_MUNMAP:
	case SIM_EV_MPROTECT:
	case SIM_EV_BRK:
	case SIM_EV_SWITCH:
	case SIM_EV_MREMAP:
	case SIM_EV_MADVISE:
	case SIM_EV_POPULATE:
	case SIM_EV_TRUNCATE:
	case SIM_EV_TYPE_END:
		break;
	}
	return sim_replay_fail(replay, SIM_ERR_INPUT,
			       "%s has no place in a recording of the MMU",
			       sim_event_name(ev->type));
}

bool sim_replay_event(struct sim_replay *replay, const struct sim_event *ev)
{
	if (!replay->started) {
		replay->started = true;
		replay->start_instr = replay->instr = ev->instr;
	}
	if (ev->vcpu >= replay->guest->machine.vcpu_count) {
		return sim_replay_fail(replay, SIM_ERR_INPUT,
				       "vcpu %u does not exist", ev->vcpu);
	}
	sim_compute(&replay->guest->machine.vcpus[ev->vcpu],
		    ev->instr - replay->instr);
	replay->instr = ev->instr;
	if (ev->type != SIM_EV_ACCESS && ev->type != SIM_EV_TABLE_STORE) {
		sim_overlap_drain(&replay->guest->machine.vcpus[ev->vcpu]);
	}
	if (!sim_chooser_step(replay->guest, ev->vcpu) ||
	    !sim_switching_step(replay->guest, ev->vcpu)) {
		return sim_replay_broken(replay);
	}
	if (!apply(replay, ev)) {
		return false;
	}
	if (replay->replica && sim_replica_apply(replay->replica, ev) ==
	    SIM_REPLICA_FULL) {
		return sim_replay_fail(replay, SIM_ERR_NOMEM,
				       "too many tables for the oracle");
	}
	replay->event++;
	return !replay->audit_every ||
	       replay->event % replay->audit_every ||
	       sim_replay_audit(replay);
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "sim/judge.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "sim/rec_format.h"
#include "sim/replica.h"

#define CR4_PAE		(1ull << 5)
#define EFER_LMA	(1ull << 10)

enum {
	MARKS = 1 << 5 | 1 << 6,	/* accessed, dirty */
};

struct judge {
	struct sim_replica *replica;
	struct sim_oracle *vcpu;
	uint32_t vcpu_count;
	bool ac_recorded;
	struct sim_verdict *verdict;
	uint64_t number;
	struct sim_event event;
	const struct sim_event *ev;	/* &event */
	bool ended;	/* a walk read a table that has ended */
};

__attribute__((format(printf, 2, 3)))
static void violation(struct judge *j, const char *format, ...)
{
	struct sim_verdict *v = j->verdict;
	struct sim_violation *at = &v->first[v->shown];
	va_list ap;

	v->violations++;
	if (v->shown == SIM_VERDICT_SHOWN) {
		return;
	}
	v->shown++;
	at->event = j->number;
	at->instr = j->ev->instr;
	va_start(ap, format);
	vsnprintf(at->text, sizeof(at->text), format, ap);
	va_end(ap);
}

/* What the oracle said, for people; static storage. */
static const char *say(const struct sim_oracle_result *r)
{
	static char text[80];

	switch (r->answer) {
	case SIM_ORACLE_OK:
		snprintf(text, sizeof(text), "translates to gpa %#" PRIx64,
			 r->gpa);
		break;
	case SIM_ORACLE_FAULT:
		snprintf(text, sizeof(text), "faults with error code %#x",
			 r->error);
		break;
	case SIM_ORACLE_NON_CANONICAL:
		snprintf(text, sizeof(text), "is not canonical");
		break;
	case SIM_ORACLE_UNKNOWN:
		snprintf(text, sizeof(text), "goes through an unknown table "
			 "at gpa %#" PRIx64, r->unknown_gpa);
		break;
	}
	return text;
}

static struct sim_oracle *oracle_of(struct judge *j)
{
	return &j->vcpu[j->ev->vcpu < j->vcpu_count ? j->ev->vcpu : 0];
}

/* A recorder that does not note AC is believed to have had it set where the
 * access went through. */
static bool believed_ac(const struct judge *j)
{
	return !j->ac_recorded || (j->ev->flags & SIM_F_AC);
}

static const char *kind_of(const struct sim_event *ev)
{
	return ev->flags & SIM_F_FETCH ? "fetch" :
	       ev->flags & SIM_F_WRITE ? "write" : "read";
}

static bool read_table(void *arg, uint64_t gpa, unsigned int bytes,
		       uint64_t *value)
{
	struct judge *j = arg;
	const struct sim_replica_table *t = sim_replica_find(j->replica, gpa);

	j->ended = j->ended || (t && !t->live);
	return sim_replica_read(j->replica, gpa, bytes, value);
}

/* An access that crosses a page must find both. */
static void judge_access(struct judge *j)
{
	const struct sim_event *ev = j->ev;
	struct sim_oracle *o = oracle_of(j);
	uint64_t last = ev->gva + ev->size - 1;
	struct sim_access a = {
		.gva = ev->gva,
		.write = ev->flags & SIM_F_WRITE,
		.fetch = ev->flags & SIM_F_FETCH,
		.user = ev->flags & SIM_F_USER,
		.implicit = ev->flags & SIM_F_IMPLICIT,
	};
	struct sim_oracle_result r;

	j->verdict->accesses++;
	j->ended = false;
	o->ac = believed_ac(j);
	sim_oracle(o, &a, &r);
	if (r.answer == SIM_ORACLE_OK && (last ^ ev->gva) >> 12) {
		a.gva = last & ~0xfffull;
		sim_oracle(o, &a, &r);
	}
	if (r.answer != SIM_ORACLE_OK) {
		violation(j, "%s %s of gva %#" PRIx64 " %s",
			  a.user ? "user" : "supervisor", kind_of(ev), a.gva,
			  say(&r));
	}
	j->verdict->through_ended += j->ended;
}

static void judge_fault(struct judge *j)
{
	const struct sim_event *ev = j->ev;
	struct sim_oracle *o = oracle_of(j);
	struct sim_access a = {
		.gva = ev->gva,
		.write = ev->value & SIM_PF_W,
		.fetch = ev->value & SIM_PF_ID,
		.user = ev->value & SIM_PF_U,
	};
	struct sim_oracle_result r;

	j->verdict->faults++;
	o->ac = believed_ac(j);
	sim_oracle(o, &a, &r);
	if (r.answer != SIM_ORACLE_FAULT && !j->ac_recorded) {
		o->ac = false;
		sim_oracle(o, &a, &r);
	}
	if (r.answer != SIM_ORACLE_FAULT || r.error != ev->value) {
		violation(j, "fault at gva %#" PRIx64 " with error code %#"
			  PRIx64 ", but the access %s", ev->gva, ev->value,
			  say(&r));
	}
}

static void judge_store(struct judge *j)
{
	const struct sim_event *ev = j->ev;
	const struct sim_replica_table *t = sim_replica_find(j->replica,
							     ev->gpa);
	struct sim_oracle *o = oracle_of(j);
	struct sim_access a = {
		.gva = ev->gva, .write = true,
		.user = ev->flags & SIM_F_USER,
	};
	struct sim_oracle_result r;

	j->verdict->stores++;
	o->ac = true;
	sim_oracle(o, &a, &r);
	if (r.answer != SIM_ORACLE_OK || r.gpa != ev->gpa) {
		violation(j, "table store to gpa %#" PRIx64 ", but gva %#"
			  PRIx64 " %s", ev->gpa, ev->gva, say(&r));
	}
	if (!t || !t->live || t->level != ev->level) {
		violation(j, "table store of level %u to gpa %#" PRIx64
			  ", where no such table is", ev->level, ev->gpa);
	}
}

/* What is said of a table against the replica; answers entries compared. */
static uint64_t compare(struct judge *j, const struct sim_replica_table *t,
			const char *what)
{
	struct sim_rec_entry have[SIM_REC_ENTRIES_MAX];
	const struct sim_event *ev = j->ev;
	uint32_t n = sim_replica_entries(j->replica, t, have);
	uint32_t h = 0, e = 0;

	while (h < n || e < ev->entry_count) {
		uint32_t hi = h < n ? have[h].index : UINT32_MAX;
		uint32_t ei = e < ev->entry_count ? ev->entries[e].index :
						    UINT32_MAX;
		uint64_t is = ei <= hi ? ev->entries[e++].value : 0;
		uint64_t was = hi <= ei ? have[h++].value : 0;

		if (is != was && !((is ^ was) & ~(uint64_t)MARKS)) {
			j->verdict->final_marks++;
		} else if (is != was) {
			violation(j, "%s of gpa %#" PRIx64 ", entry %u: is %#"
				  PRIx64 ", events lead to %#" PRIx64, what,
				  ev->gpa, ei < hi ? ei : hi, is, was);
		}
	}
	return n;
}

static void judge_image(struct judge *j)
{
	const struct sim_replica_table *t = sim_replica_find(j->replica,
							     j->ev->gpa);

	if (t && t->live) {
		compare(j, t, "image of a table that is known");
	}
}

static void judge_final(struct judge *j)
{
	const struct sim_replica_table *t = sim_replica_find(j->replica,
							     j->ev->gpa);

	j->verdict->final_tables++;
	if (!t || !t->live || t->level != j->ev->level) {
		violation(j, "final table of level %u at gpa %#" PRIx64
			  ", where events lead to none", j->ev->level,
			  j->ev->gpa);
		return;
	}
	j->verdict->final_entries += compare(j, t, "final table");
}

/* A CR3 load outside long mode fetches the four PAE entries. */
static void load_pdptes(struct judge *j, struct sim_oracle *o)
{
	if ((o->efer & EFER_LMA) || !(o->cr4 & CR4_PAE)) {
		return;
	}
	for (unsigned int i = 0; i < 4; i++) {
		if (!sim_replica_read(j->replica, (o->cr3 & 0xffffffe0) + 8 * i,
				      8, &o->pdpte[i])) {
			o->pdpte[i] = 0;
		}
	}
}

static void take_register(struct judge *j)
{
	struct sim_oracle *o = oracle_of(j);
	uint64_t value = j->ev->value;

	if (!(j->ev->flags & SIM_F_VALUE)) {
		j->verdict->blind_writes++;
	} else if (j->ev->type == SIM_EV_CR0) {
		o->cr0 = value;
	} else if (j->ev->type == SIM_EV_CR3) {
		o->cr3 = value;
	} else if (j->ev->type == SIM_EV_CR4) {
		o->cr4 = value;
	} else if (j->ev->type == SIM_EV_EFER) {
		o->efer = value;
	} else {
		o->pkru = (uint32_t)value;
	}
	load_pdptes(j, o);
}

static void judge_event(struct judge *j)
{
	switch (j->ev->type) {
	case SIM_EV_ACCESS:
		judge_access(j);
		break;
	case SIM_EV_FAULT:
		judge_fault(j);
		break;
	case SIM_EV_TABLE_STORE:
		judge_store(j);
		break;
	case SIM_EV_TABLE_IMAGE:
		judge_image(j);
		break;
	case SIM_EV_FINAL_TABLE:
		judge_final(j);
		break;
	case SIM_EV_CR0:
	case SIM_EV_CR3:
	case SIM_EV_CR4:
	case SIM_EV_EFER:
	case SIM_EV_PKRU:
		take_register(j);
		break;
	default:
		break;
	}
}

static enum sim_rec_status apply(struct judge *j, struct sim_rec_error *err)
{
	enum sim_replica_answer answer = sim_replica_apply(j->replica, j->ev);

	if (answer == SIM_REPLICA_FULL) {
		return sim_rec_fail(err, SIM_REC_NOMEM, "event %" PRIu64 ": "
				    "more page tables than memory holds; "
				    "judge a shorter recording", j->number);
	}
	if (answer == SIM_REPLICA_NO_TABLE &&
	    j->ev->type == SIM_EV_TABLE_END) {
		violation(j, "the table at gpa %#" PRIx64 " ends, but none "
			  "is there", j->ev->gpa);
	}
	return SIM_REC_OK;
}

static bool set_up(struct judge *j, const struct sim_rec_info *info)
{
	const char *ac = sim_rec_meta_get(info, "ac");

	j->ac_recorded = ac && strcmp(ac, "recorded") == 0;
	j->vcpu_count = info->vcpus;
	j->replica = sim_replica_new(sim_rec_entry_bytes(info));
	j->vcpu = calloc(info->vcpus, sizeof(*j->vcpu));
	if (!j->replica || !j->vcpu) {
		return false;
	}
	for (uint32_t i = 0; i < info->vcpus; i++) {
		j->vcpu[i] = sim_replica_oracle(j->replica, info);
		j->vcpu[i].read = read_table;
		j->vcpu[i].arg = j;
	}
	return true;
}

static enum sim_rec_status judge_all(struct judge *j, struct sim_rec_reader *r,
				     void (*progress)(void *, uint64_t),
				     void *arg, struct sim_rec_error *err)
{
	enum sim_rec_status status = sim_rec_rewind(r);

	while (status == SIM_REC_OK) {
		status = sim_rec_next(r, &j->event);
		if (status != SIM_REC_OK) {
			break;
		}
		judge_event(j);
		status = apply(j, err);
		j->number++;
		if (progress && (j->number & 0x3fff) == 0) {
			progress(arg, j->number);
		}
	}
	if (status == SIM_REC_END) {
		return SIM_REC_OK;
	}
	if (status != SIM_REC_NOMEM) {
		*err = *sim_rec_error(r);
	}
	return status;
}

enum sim_rec_status sim_judge(struct sim_rec_reader *r,
			      struct sim_verdict *verdict,
			      void (*progress)(void *arg, uint64_t events),
			      void *arg, struct sim_rec_error *err)
{
	const struct sim_rec_info *info = sim_rec_info(r);
	struct judge j = { .verdict = verdict };
	enum sim_rec_status status;

	j.ev = &j.event;
	memset(verdict, 0, sizeof(*verdict));
	if (info->kind != SIM_REC_MMU) {
		return sim_rec_fail(err, SIM_REC_USAGE, "a process-level "
				    "recording holds no page tables to judge");
	}
	if (!set_up(&j, info)) {
		status = sim_rec_fail(err, SIM_REC_NOMEM, "out of memory; "
				      "close other programs and try again");
	} else {
		status = judge_all(&j, r, progress, arg, err);
	}
	if (status == SIM_REC_OK && verdict->final_tables &&
	    verdict->final_tables != sim_replica_count(j.replica)) {
		violation(&j, "%" PRIu64 " final tables, but events lead to "
			  "%zu", verdict->final_tables,
			  sim_replica_count(j.replica));
	}
	if (status == SIM_REC_OK && sim_rec_check_file(r) != SIM_REC_OK) {
		*err = *sim_rec_error(r);
		status = SIM_REC_DAMAGED;
	}
	sim_replica_free(j.replica);
	free(j.vcpu);
	return status;
}

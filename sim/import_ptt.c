/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ptt to gnr.  Two things are put in order on the way.  A ptt snapshot comes
 * after the store or CR3 load that linked the table, although the table held
 * it before: that event waits until the snapshot is out.  And a store into a
 * table that passed the access filter is there twice: the access waits for
 * the store behind it, and gives it its gva.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "sim/import_ptt.h"
#include "sim/rec_format.h"

struct ptt {
	struct sim_stream *in;
	const char *path;
	struct sim_rec_writer *out;
	struct sim_rec_error *err;
	struct sim_import_result *result;
	struct sim_replica *replica;
	struct sim_oracle oracle;
	struct sim_rec_info info;
	struct ptt_images images;
	bool waiting;			/* `event` is not out yet */
	struct sim_event event;
	uint64_t instr;
	bool seen;			/* `instr` has a first value */
};

static enum sim_rec_status damaged(struct ptt *p, const char *what)
{
	return sim_rec_fail(p->err, SIM_REC_DAMAGED,
			    "%s: record %" PRIu64 ": %s; get an intact copy",
			    p->path, p->result->records, what);
}

static enum sim_rec_status emit(struct ptt *p, const struct sim_event *ev)
{
	enum sim_replica_answer answer = sim_replica_apply(p->replica, ev);
	enum sim_rec_status status;

	if (answer == SIM_REPLICA_NO_TABLE) {
		return damaged(p, "it changes a table that is not known");
	}
	if (answer == SIM_REPLICA_FULL) {
		return damaged(p, "more tables than gnomon can hold");
	}
	if (ev->type == SIM_EV_CR3) {
		p->oracle.cr3 = ev->value;
	}
	status = sim_rec_put(p->out, ev);
	if (status == SIM_REC_USAGE) {
		return damaged(p, "a field is out of range");
	}
	if (status != SIM_REC_OK) {
		*p->err = *sim_rec_writer_error(p->out);
	} else {
		p->result->events++;
	}
	return status;
}

/* Children come out before their parents. */
static enum sim_rec_status emit_images(struct ptt *p, int finished)
{
	enum sim_rec_status status = SIM_REC_OK;

	for (int i = 1; status == SIM_REC_OK && i <= finished; i++) {
		struct ptt_image *m = &p->images.level[i];

		if (m->open) {
			m->open = false;
			m->ev.instr = p->waiting ? p->event.instr : p->instr;
			status = emit(p, &m->ev);
		}
	}
	return status;
}

static enum sim_rec_status emit_waiting(struct ptt *p)
{
	if (!p->waiting) {
		return SIM_REC_OK;
	}
	p->waiting = false;
	return emit(p, &p->event);
}

static void wait_with(struct ptt *p, struct sim_event ev)
{
	ev.instr = p->instr;
	p->event = ev;
	p->waiting = true;
}

static void take_access(struct ptt *p, const struct ptt_record *r)
{
	unsigned int flags = r->lv ? SIM_F_WRITE : 0u;

	/* Who made it was not recorded; README: judge by the address. */
	flags |= r->a >> 47 ? 0u : SIM_F_USER;
	wait_with(p, (struct sim_event){
		.type = SIM_EV_ACCESS, .gva = r->a, .size = r->size,
		.flags = (uint16_t)flags,
	});
}

/* The waiting access is this store, seen by the filter. */
static bool is_pair(const struct ptt *p, uint64_t gpa)
{
	uint64_t at;

	return p->waiting && p->event.type == SIM_EV_ACCESS &&
	       (p->event.flags & SIM_F_WRITE) && p->event.instr == p->instr &&
	       ptt_translate(&p->oracle, p->event.gva, &at) && at == gpa;
}

static enum sim_rec_status take_store(struct ptt *p,
				      const struct ptt_record *r)
{
	struct sim_event ev = {
		.type = SIM_EV_TABLE_STORE, .gpa = r->a, .size = r->size,
		.value = r->b, .level = (uint8_t)(r->lv > 255 ? 255 : r->lv),
	};
	enum sim_rec_status status;
	uint64_t at;

	if (is_pair(p, r->a)) {
		ev.gva = p->event.gva;
		ev.flags = SIM_F_KEPT;
		p->result->merged++;
		wait_with(p, ev);
		return SIM_REC_OK;
	}
	status = emit_waiting(p);
	if (status != SIM_REC_OK) {
		return status;
	}
	ev.gva = p->info.direct_map + r->a;
	if (!p->info.has_direct_map ||
	    !ptt_translate(&p->oracle, ev.gva, &at) || at != r->a) {
		return damaged(p, "no address of the direct map leads to "
			       "this store");
	}
	p->result->by_direct_map++;
	wait_with(p, ev);
	return SIM_REC_OK;
}

static void take_control(struct ptt *p, const struct ptt_record *r)
{
	/* lv 0 with values is the description at the start; afterwards the
	 * number of the register, without its value. */
	if (r->lv == 0 && r->a == p->info.cr0 && r->b == p->info.cr4) {
		return;
	}
	wait_with(p, (struct sim_event){
		.type = r->lv == 4 ? SIM_EV_CR4 : SIM_EV_CR0,
	});
}

static enum sim_rec_status take_end(struct ptt *p, const struct ptt_record *r)
{
	const struct sim_replica_table *t = sim_replica_find(p->replica, r->a);

	if (!t) {
		return damaged(p, "it ends a table that is not known");
	}
	return emit(p, &(struct sim_event){
		.type = SIM_EV_TABLE_END, .gpa = r->a & ~0xfffull,
		.level = t->level, .instr = p->instr,
	});
}

/* A record that is neither a snapshot nor a store; what waited is out. */
static enum sim_rec_status take_other(struct ptt *p,
				      const struct ptt_record *r)
{
	switch ((enum ptt_type)r->type) {
	case PTT_CR3:
		wait_with(p, (struct sim_event){ .type = SIM_EV_CR3,
			.value = r->a, .flags = SIM_F_VALUE });
		break;
	case PTT_INVLPG:
		wait_with(p, (struct sim_event){ .type = SIM_EV_INVLPG,
			.gva = r->a });
		break;
	case PTT_ACCESS:
		take_access(p, r);
		break;
	case PTT_MARKER:
		wait_with(p, (struct sim_event){ .type = SIM_EV_MARKER,
			.value = r->lv });
		break;
	case PTT_CONTROL:
		take_control(p, r);
		break;
	case PTT_INVPCID:
		/* The format has no place for its type: take the widest. */
		wait_with(p, (struct sim_event){ .type = SIM_EV_INVPCID,
			.gva = r->a, .sub = 2 });
		break;
	case PTT_FAULT:
		wait_with(p, (struct sim_event){ .type = SIM_EV_FAULT,
			.gva = r->a, .value = r->b,
			.flags = r->b & SIM_PF_U ? SIM_F_USER : 0 });
		break;
	case PTT_END:
		return take_end(p, r);
	case PTT_STORE:
	case PTT_TABLE:
	case PTT_ENTRY:
	case PTT_TYPES:
		break;
	}
	return SIM_REC_OK;
}

static enum sim_rec_status take(struct ptt *p, const struct ptt_record *r)
{
	int finished = ptt_images_finished(&p->images, r);
	enum sim_rec_status status = emit_images(p, finished);

	/* The low half of a counter that never runs back. */
	p->instr += p->seen ? (uint32_t)(r->icount - (uint32_t)p->instr) :
			      r->icount;
	p->seen = true;
	if (status != SIM_REC_OK) {
		return status;
	}
	/* Only what can link a table waits for the image of one. */
	if (r->type == PTT_TABLE && p->event.type != SIM_EV_TABLE_STORE &&
	    p->event.type != SIM_EV_CR3) {
		status = emit_waiting(p);
		if (status != SIM_REC_OK) {
			return status;
		}
	}
	if (r->type == PTT_TABLE || r->type == PTT_ENTRY) {
		return ptt_images_take(&p->images, r) ? SIM_REC_OK :
			damaged(p, "a snapshot out of order");
	}
	if (r->type == PTT_STORE) {
		return take_store(p, r);
	}
	status = emit_waiting(p);
	return status == SIM_REC_OK ? take_other(p, r) : status;
}

static enum sim_rec_status convert(struct ptt *p,
				   const struct sim_import_options *opts)
{
	struct ptt_record r;
	enum sim_rec_status status;

	for (;;) {
		status = ptt_read(p->in, p->path, p->result->records, &r,
				  p->err);
		if (status == SIM_REC_OK) {
			status = take(p, &r);
		}
		if (status != SIM_REC_OK) {
			break;
		}
		p->result->records++;
		if (opts->progress && (p->result->records & 0xffff) == 0) {
			opts->progress(opts->progress_arg,
				       sim_stream_done(p->in),
				       sim_stream_total(p->in));
		}
	}
	if (status == SIM_REC_END) {
		status = emit_images(p, PTT_LEVELS);
		status = status == SIM_REC_OK ? emit_waiting(p) : status;
	}
	return status;
}

/* The recording holds no final state; the replica is what it comes to. */
static enum sim_rec_status emit_final(struct ptt *p)
{
	const struct sim_replica_table **list = sim_replica_list(p->replica);
	uint64_t events = p->result->events;
	enum sim_rec_status status = SIM_REC_OK;

	if (!list) {
		return sim_rec_fail(p->err, SIM_REC_NOMEM, "%s: out of memory; "
				    "close other programs and try again",
				    p->path);
	}
	p->result->final_tables = sim_replica_count(p->replica);
	for (uint64_t i = 0; status == SIM_REC_OK &&
	     i < p->result->final_tables; i++) {
		struct sim_event ev = {
			.type = SIM_EV_FINAL_TABLE, .gpa = list[i]->gpa,
			.level = list[i]->level, .instr = p->instr,
			.entries = p->images.level[0].entries,
		};

		ev.entry_count = sim_replica_entries(p->replica, list[i],
				p->images.level[0].entries);
		status = emit(p, &ev);
	}
	p->result->events = events;
	free(list);
	return status;
}

static void describe_texts(struct sim_rec_info *info, const char *in,
			   const struct sim_import_options *opts)
{
	const char *name = strrchr(in, '/') ? strrchr(in, '/') + 1 : in;
	const char *source = opts->source ? opts->source : name;

	for (size_t i = 0; source[i] && i + 1 < sizeof(info->source); i++) {
		unsigned char c = (unsigned char)source[i];

		info->source[i] = (char)(c < 0x20 || c == 0x7f ? '?' : c);
	}
	strcpy(info->tool, "gnomon import (ptt)");
	sim_rec_meta_set(info, "privilege", "by address: low half is user");
	sim_rec_meta_set(info, "fetches", "faulting ones only");
	sim_rec_meta_set(info, "filter",
			 "256 pages, direct mapped, per direction");
	sim_rec_meta_set(info, "final-state", "from the stream");
	sim_rec_meta_set(info, "maxphyaddr", "assumed");
}

static enum sim_rec_status describe(struct ptt *p,
				    const struct sim_import_options *opts)
{
	enum sim_rec_status status;

	p->info = (struct sim_rec_info){
		.kind = SIM_REC_MMU, .levels = 4, .pae = true,
		.maxphyaddr = 40, .vcpus = 1, .efer = PTT_EFER,
	};
	describe_texts(&p->info, p->path, opts);
	for (uint32_t i = 0; i < opts->meta_count; i++) {
		if (sim_rec_meta_set(&p->info, opts->meta[i].key,
				     opts->meta[i].value)) {
			return sim_rec_fail(p->err, SIM_REC_USAGE,
				"%s: is no key for a recording; use a-z, 0-9, "
				"'.', '_', '-' and one line of text",
				opts->meta[i].key);
		}
	}
	status = ptt_describe(p->in, p->path, &p->info, p->err);
	return status == SIM_REC_OK ? sim_stream_rewind(p->in, p->err) :
				      status;
}

enum sim_rec_status sim_import_ptt(struct sim_stream *s, const char *in,
				   const char *out,
				   const struct sim_import_options *opts,
				   struct sim_import_result *result,
				   struct sim_rec_error *err)
{
	struct sim_rec_error ignored;
	struct ptt *p = calloc(1, sizeof(*p));
	enum sim_rec_status status = SIM_REC_NOMEM;

	err = err ? err : &ignored;
	if (p) {
		p->in = s;
		p->path = in;
		p->err = err;
		p->result = result;
		p->replica = sim_replica_new(8);
	}
	if (!p || !p->replica) {
		free(p);
		return sim_rec_fail(err, status, "%s: out of memory; close "
				    "other programs and try again", in);
	}
	status = describe(p, opts);
	p->oracle = sim_replica_oracle(p->replica, &p->info);
	p->oracle.ac = true;
	if (status == SIM_REC_OK) {
		status = sim_rec_create(&p->out, out, &p->info, &opts->write,
					err);
	}
	if (status == SIM_REC_OK) {
		status = convert(p, opts);
		status = status == SIM_REC_OK ? emit_final(p) : status;
		if (status == SIM_REC_OK) {
			status = sim_rec_commit(p->out, err);
		} else {
			sim_rec_abort(p->out);
		}
	}
	sim_replica_free(p->replica);
	free(p);
	return status;
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>

#include "cli/info.h"

static json_t *number(uint64_t v)
{
	return json_integer((json_int_t)v);
}

/* Addresses and digests as text: JSON numbers are no 64 bits wide. */
static json_t *hex(uint64_t v)
{
	return json_sprintf("0x%" PRIx64, v);
}

/* Text of the recording that is no UTF-8 becomes null. */
static json_t *text(const char *s)
{
	json_t *j = json_string(s);

	return j ? j : json_null();
}

static json_t *interval(const struct sim_tally_interval *i)
{
	json_t *o = json_object();
	json_t *counts = json_object();

	if (i->has_marker) {
		json_object_set_new(o, "marker", number(i->marker));
	}
	json_object_set_new(o, "first_instr", number(i->first_instr));
	json_object_set_new(o, "last_instr", number(i->last_instr));
	json_object_set_new(o, "events", number(i->events));
	for (unsigned int t = 1; t < SIM_EV_TYPE_END; t++) {
		const char *name = sim_event_name(t);

		if (name && i->count[t]) {
			json_object_set_new(counts, name, number(i->count[t]));
		}
	}
	json_object_set_new(o, "counts", counts);
	json_object_set_new(o, "reads", number(i->reads));
	json_object_set_new(o, "writes", number(i->writes));
	json_object_set_new(o, "fetches", number(i->fetches));
	json_object_set_new(o, "user_accesses", number(i->user));
	json_object_set_new(o, "stores_kept_as_accesses", number(i->kept));
	return o;
}

static json_t *head(const struct sim_rec_info *h)
{
	json_t *o = json_object();
	json_t *meta = json_object();

	json_object_set_new(o, "kind", json_string(h->kind == SIM_REC_MMU ?
						   "mmu" : "process"));
	json_object_set_new(o, "source", text(h->source));
	json_object_set_new(o, "tool", text(h->tool));
	json_object_set_new(o, "levels", number(h->levels));
	json_object_set_new(o, "pae", json_boolean(h->pae));
	json_object_set_new(o, "maxphyaddr", number(h->maxphyaddr));
	json_object_set_new(o, "vcpus", number(h->vcpus));
	json_object_set_new(o, "ram_bytes", number(h->ram_bytes));
	json_object_set_new(o, "cr0", hex(h->cr0));
	json_object_set_new(o, "cr3", hex(h->cr3));
	json_object_set_new(o, "cr4", hex(h->cr4));
	json_object_set_new(o, "efer", hex(h->efer));
	if (h->has_direct_map) {
		json_object_set_new(o, "direct_map", hex(h->direct_map));
	}
	for (uint32_t n = 0; n < h->meta_count; n++) {
		json_object_set_new(meta, h->meta[n].key,
				    text(h->meta[n].value));
	}
	json_object_set_new(o, "meta", meta);
	return o;
}

static json_t *summary(const struct sim_rec_summary *s)
{
	json_t *o = json_object();

	json_object_set_new(o, "complete", json_boolean(s->complete));
	json_object_set_new(o, "bytes", number(s->file_bytes));
	json_object_set_new(o, "raw_bytes", number(s->raw_bytes));
	json_object_set_new(o, "events", number(s->event_count));
	json_object_set_new(o, "frames", number(s->frame_count));
	if (s->complete) {
		json_object_set_new(o, "file_digest", hex(s->file_digest));
		json_object_set_new(o, "content_digest",
				    hex(s->content_digest));
	}
	return o;
}

static json_t *verdict(const struct sim_verdict *v)
{
	json_t *o = json_object();
	json_t *list = json_array();

	json_object_set_new(o, "accesses", number(v->accesses));
	json_object_set_new(o, "accesses_through_ended_tables",
			    number(v->through_ended));
	json_object_set_new(o, "table_stores", number(v->stores));
	json_object_set_new(o, "faults", number(v->faults));
	json_object_set_new(o, "final_tables", number(v->final_tables));
	json_object_set_new(o, "final_entries", number(v->final_entries));
	json_object_set_new(o, "final_entries_differing_in_ad_bits",
			    number(v->final_marks));
	json_object_set_new(o, "register_writes_without_value",
			    number(v->blind_writes));
	json_object_set_new(o, "violations", number(v->violations));
	for (unsigned int n = 0; n < v->shown; n++) {
		json_t *one = json_object();

		json_object_set_new(one, "event", number(v->first[n].event));
		json_object_set_new(one, "instr", number(v->first[n].instr));
		json_object_set_new(one, "text", text(v->first[n].text));
		json_array_append_new(list, one);
	}
	json_object_set_new(o, "first", list);
	return o;
}

void info_print_json(const struct info *i)
{
	json_t *o = json_object();
	json_t *list = json_array();

	json_object_set_new(o, "file", text(i->path));
	json_object_set_new(o, "header", head(i->head));
	json_object_set_new(o, "summary", summary(&i->summary));
	json_object_set_new(o, "all", interval(&i->tally.all));
	for (size_t n = 0; n < i->tally.interval_count; n++) {
		json_array_append_new(list, interval(&i->tally.interval[n]));
	}
	json_object_set_new(o, "intervals", list);
	if (i->judged) {
		json_object_set_new(o, "verdict", verdict(&i->verdict));
	}
	json_dumpf(o, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(o);
}

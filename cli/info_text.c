/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>
#include <stdio.h>

#include "cli/info.h"
#include "cli/table.h"

static const char *kind_name(const struct info *i)
{
	return i->head->kind == SIM_REC_MMU ? "MMU level" : "process level";
}

static void print_head(const struct info *i)
{
	const struct sim_rec_info *h = i->head;

	printf("%s: %s, %s\n", i->path, kind_name(i),
	       i->summary.complete ? "complete" : "NOT complete");
	printf("  %-12s %s\n", "source", h->source);
	printf("  %-12s %s\n", "tool", h->tool);
	printf("  %-12s %" PRIu32 " levels%s, %" PRIu32 " physical address "
	       "bits, %" PRIu32 " vcpu%s, RAM %s\n", "machine", h->levels,
	       h->levels == 3 ? " (PAE)" : "", h->maxphyaddr, h->vcpus,
	       h->vcpus > 1 ? "s" : "",
	       h->ram_bytes ? text_bytes(h->ram_bytes) : "unknown");
	printf("  %-12s CR0 %#" PRIx64 ", CR3 %#" PRIx64 ", CR4 %#" PRIx64
	       ", EFER %#" PRIx64 "\n", "start", h->cr0, h->cr3, h->cr4,
	       h->efer);
	if (h->has_direct_map) {
		printf("  %-12s %#" PRIx64 "\n", "direct map", h->direct_map);
	}
	for (uint32_t n = 0; n < h->meta_count; n++) {
		printf("  %-12s %s\n", h->meta[n].key, h->meta[n].value);
	}
}

static void print_file(const struct info *i)
{
	const struct sim_rec_summary *s = &i->summary;
	double events = s->event_count ? (double)s->event_count : 1;

	printf("  %-12s %s events in %s frame%s, %s (%.2f bytes per event, "
	       "%.2f unpacked)\n", "size", text_count(s->event_count),
	       text_count(s->frame_count),
	       s->frame_count == 1 ? "" : "s", text_bytes(s->file_bytes),
	       (double)s->file_bytes / events, (double)s->raw_bytes / events);
	printf("  %-12s %" PRIu64 " to %" PRIu64 "\n", "instructions",
	       s->first_instr, s->last_instr);
	if (s->complete) {
		printf("  %-12s file %016" PRIx64 ", content %016" PRIx64
		       " (XXH3)\n", "digest", s->file_digest,
		       s->content_digest);
	}
}

enum {
	COLUMNS_MAX = 8,
};

/* One line of counts: all, then each interval. */
static void count_row(struct table *t, const struct info *i, size_t columns,
		      const char *name,
		      uint64_t (*get)(const struct sim_tally_interval *, int),
		      int arg)
{
	uint64_t all = get(&i->tally.all, arg);

	if (all == 0) {
		return;
	}
	table_cell(t, "%s", name);
	table_cell(t, "%s", text_count(all));
	for (size_t n = 0; n < columns; n++) {
		table_cell(t, "%s",
			   text_count(get(&i->tally.interval[n], arg)));
	}
}

static uint64_t get_type(const struct sim_tally_interval *i, int type)
{
	return i->count[type];
}

static uint64_t get_instructions(const struct sim_tally_interval *i, int arg)
{
	(void)arg;
	return i->last_instr - i->first_instr;
}

static uint64_t get_events(const struct sim_tally_interval *i, int arg)
{
	(void)arg;
	return i->events;
}

static uint64_t get_part(const struct sim_tally_interval *i, int arg)
{
	const uint64_t parts[] = {
		i->reads, i->writes, i->fetches, i->user, i->kept,
	};

	return parts[arg];
}

static void heading(struct table *t, const struct info *i, size_t columns)
{
	table_cell(t, "events");
	table_cell(t, "all");
	for (size_t n = 0; n < columns; n++) {
		const struct sim_tally_interval *v = &i->tally.interval[n];

		if (v->has_marker) {
			table_cell(t, "from marker %" PRIu64, v->marker);
		} else {
			table_cell(t, "before markers");
		}
	}
}

static void print_counts(const struct info *i)
{
	static const char *const parts[] = {
		"  reads", "  writes", "  fetches", "  by user code",
		"  also accesses",
	};
	size_t columns = i->tally.interval_count;
	char align[COLUMNS_MAX + 3];
	struct table t;

	columns = columns > COLUMNS_MAX ? 0 : columns;
	/* One for the names, one for all, one for each interval. */
	snprintf(align, sizeof(align), "lr%.*s", (int)columns, "rrrrrrrr");
	table_init(&t, align);
	heading(&t, i, columns);
	for (int type = 1; type < SIM_EV_TYPE_END; type++) {
		const char *name = sim_event_name((unsigned int)type);

		if (name) {
			count_row(&t, i, columns, name, get_type, type);
		}
		for (int p = 0; type == SIM_EV_ACCESS && p < 4; p++) {
			count_row(&t, i, columns, parts[p], get_part, p);
		}
		if (type == SIM_EV_TABLE_STORE) {
			count_row(&t, i, columns, parts[4], get_part, 4);
		}
	}
	count_row(&t, i, columns, "all events", get_events, 0);
	count_row(&t, i, columns, "instructions", get_instructions, 0);
	printf("\n");
	table_print(&t, stdout);
	table_free(&t);
}

static void print_rates(const struct info *i)
{
	double millions = (double)get_instructions(&i->tally.all, 0) / 1e6;
	const struct sim_tally_interval *all = &i->tally.all;

	if (millions <= 0) {
		return;
	}
	printf("\nper million instructions: %.0f accesses, %.1f table stores, "
	       "%.1f faults, %.2f CR3 loads, %.1f INVLPG\n",
	       (double)(all->count[SIM_EV_ACCESS] + all->kept) / millions,
	       (double)all->count[SIM_EV_TABLE_STORE] / millions,
	       (double)all->count[SIM_EV_FAULT] / millions,
	       (double)all->count[SIM_EV_CR3] / millions,
	       (double)all->count[SIM_EV_INVLPG] / millions);
}

static void print_verdict(const struct info *i)
{
	const struct sim_verdict *v = &i->verdict;

	printf("\njudged: %s accesses, %s table stores, %s faults, ",
	       text_count(v->accesses), text_count(v->stores),
	       text_count(v->faults));
	printf("%s final tables with %s entries\n",
	       text_count(v->final_tables), text_count(v->final_entries));
	if (v->through_ended) {
		printf("  %s accesses walked a table that was being freed\n",
		       text_count(v->through_ended));
	}
	if (v->blind_writes) {
		printf("  %s register writes without a value\n",
		       text_count(v->blind_writes));
	}
	if (v->final_marks) {
		printf("  %s final entries differ in accessed or dirty bits "
		       "alone\n", text_count(v->final_marks));
	}
	if (v->final_tables == 0) {
		printf("  no final tables to compare\n");
	}
	for (unsigned int n = 0; n < v->shown; n++) {
		printf("  event %" PRIu64 ", instruction %" PRIu64 ": %s\n",
		       v->first[n].event, v->first[n].instr, v->first[n].text);
	}
	printf("verdict: %s violations\n", text_count(v->violations));
}

void info_print_text(const struct info *i)
{
	print_head(i);
	print_file(i);
	print_counts(i);
	print_rates(i);
	if (i->judged) {
		print_verdict(i);
	}
}

void info_print_event(uint64_t number, const struct sim_event *ev)
{
	printf("%" PRIu64 " instr=%" PRIu64, number, ev->instr);
	if (ev->vcpu || ev->pid || ev->tid) {
		printf(" vcpu=%u pid=%" PRIu32 " tid=%" PRIu32, ev->vcpu,
		       ev->pid, ev->tid);
	}
	printf(" %s", sim_event_name(ev->type));
	printf(" gva=%#" PRIx64 " gpa=%#" PRIx64 " value=%#" PRIx64
	       " size=%u level=%u sub=%u flags=%#x", ev->gva, ev->gpa,
	       ev->value, ev->size, ev->level, ev->sub, ev->flags);
	if (ev->flags & SIM_F_IP) {
		printf(" ip=%#" PRIx64, ev->ip);
	}
	if (ev->type == SIM_EV_MREMAP) {
		printf(" to=%#" PRIx64, ev->to);
	}
	if (ev->entry_count) {
		printf(" entries=%" PRIu32, ev->entry_count);
	}
	if (ev->text_bytes) {
		printf(" text=");
	}
	for (uint32_t i = 0; i < ev->text_bytes; i++) {
		unsigned char c = (unsigned char)ev->text[i];

		printf(c < 0x20 || c == 0x7f ? "\\x%02x" : "%c", c);
	}
	printf("\n");
}

static void function_row(struct table *t, const char *name,
			 const struct sim_function *f, uint64_t all)
{
	double share = all ? (double)f->stores / (double)all : 0;

	table_cell(t, "%s", name);
	table_cell(t, "%s", text_count(f->stores));
	table_cell(t, "%.1f %%", 100 * share);
	table_cell(t, "%s", text_count(f->window));
	table_cell(t, "%s", text_count(f->leaf));
	table_cell(t, "%s", text_count(f->stores - f->leaf));
	table_cell(t, "%s", text_count(f->cleared));
}

void info_print_functions(const struct sim_functions *f)
{
	static const char *const heads[] = {
		"function", "table stores", "share", "markers 2 to 3",
		"level 1", "above", "cleared",
	};
	uint64_t all = f->other.stores;
	struct table t;

	table_init(&t, "lrrrrrr");
	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		table_cell(&t, "%s", heads[i]);
	}
	for (size_t i = 0; i < f->count; i++) {
		all += f->list[i].stores;
	}
	for (size_t i = 0; i < f->count; i++) {
		function_row(&t, f->list[i].name, &f->list[i], all);
	}
	if (f->other.stores) {
		function_row(&t, "(unknown)", &f->other, all);
	}
	table_print(&t, stdout);
	table_free(&t);
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/report.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "cli/table.h"

enum {
	MODES_MAX = 16,
};

enum line_form { LINE_COUNT, LINE_BYTES };

struct line {
	const char *label;
	size_t offset;		/* into struct sim_result */
	enum line_form form;
};

/* Lines of a block; all of them are uint64_t members. */
#define COUNT(label, member) \
	{ label, offsetof(struct sim_result, member), LINE_COUNT }
#define BYTES(label, member) \
	{ label, offsetof(struct sim_result, member), LINE_BYTES }

static const struct line event_lines[] = {
	COUNT("  TLB misses", tlb_misses),
	COUNT("  page walks", walks),
	COUNT("  references in walks", walk_refs),
	COUNT("  exits", exits),
	COUNT("  true faults", true_faults),
	COUNT("  hidden faults", hidden_faults),
	COUNT("  trace faults", trace_faults),
	COUNT("  nested violations", nested_violations),
	COUNT("  CR3 load exits", cr3_exits),
	COUNT("  INVLPG exits", invlpg_exits),
	COUNT("  host faults", host_faults),
	COUNT("  hypercalls", hypercalls),
	COUNT("  shadow entries written", sptes_synced),
};

static const struct line memory_lines[] = {
	COUNT("  shadow pages, peak", shadow_pages_peak),
	BYTES("  shadow tables, peak", shadow_bytes_peak),
	BYTES("  nested tables, peak", nested_bytes_peak),
	BYTES("  bookkeeping, peak", meta_bytes_peak),
};

/* Offsets into a struct sim_explain inside the result. */
#define STORES(e) \
	COUNT("  trace fault, emulated: leaf table", e.trace_leaf), \
	COUNT("  trace fault, emulated: higher table", e.trace_upper), \
	COUNT("  trace fault, table then left open", e.trace_open), \
	COUNT("  no trace: table open until a flush point", e.open), \
	COUNT("  no trace: table not met yet", e.never_traced), \
	COUNT("  no trace: table dropped with its parent", e.zapped), \
	COUNT("  no trace: table given up after many stores", e.flooded), \
	COUNT("  no trace: table dropped for want of pages", e.recycled), \
	COUNT("  asked for by hypercall", e.requested), \
	COUNT("  no traces in this mode", e.direct_native)
#define OTHERS(e) \
	COUNT("  contents of a table not linked yet", e.trace_image), \
	COUNT("  data where a table was before", e.trace_data)
#define INPUT(e) \
	COUNT("  tables met with contents", e.images), \
	COUNT("  entries in them", e.image_entries), \
	COUNT("  tables ended", e.table_ends), \
	COUNT("  CR3 loads", e.cr3_loads), \
	COUNT("  INVLPG", e.invlpgs), \
	COUNT("  markers", e.markers)

/* The whole input, and the part between its markers 2 and 3. */
static const struct line total_lines[] = {
	COUNT("table stores", explain.stores),
	COUNT("table stores", window.stores),
};
static const struct line store_lines[][10] = {
	{ STORES(explain) }, { STORES(window) },
};
static const struct line other_lines[][2] = {
	{ OTHERS(explain) }, { OTHERS(window) },
};
static const struct line input_lines[][6] = {
	{ INPUT(explain) }, { INPUT(window) },
};

static const char *const cause_labels[SIM_CAT_COUNT] = {
	[SIM_CAT_COMPUTE] = "compute",
	[SIM_CAT_WALK] = "page walks",
	[SIM_CAT_EXIT] = "exits",
	[SIM_CAT_VMM] = "VMM work",
	[SIM_CAT_FAULT] = "guest faults",
	[SIM_CAT_FLUSH] = "flushes",
};

/* Results that share workload, preset and seed; one column each. */
struct block {
	const struct sim_result *results;
	size_t count;
	char align[MODES_MAX + 2];
};

static bool is_same_input(const struct sim_result *a,
			  const struct sim_result *b)
{
	return !strcmp(a->workload, b->workload) &&
	       !strcmp(a->preset, b->preset) && a->seed == b->seed;
}

static struct block take_block(const struct sim_result *results, size_t count)
{
	struct block b = { .results = results, .align = "l" };

	while (b.count < count && b.count < MODES_MAX &&
	       is_same_input(&results[0], &results[b.count])) {
		b.align[++b.count] = 'r';
	}
	return b;
}

static const struct sim_result *find_native(const struct block *b)
{
	const char *native = sim_mode_name(SIM_MODE_NATIVE);

	for (size_t i = 0; i < b->count; i++) {
		if (!strcmp(b->results[i].mode, native)) {
			return &b->results[i];
		}
	}
	return NULL;
}

static uint64_t line_value(const struct sim_result *r, const struct line *l)
{
	return *(const uint64_t *)((const char *)r + l->offset);
}

static bool is_zero(const struct block *b, const struct line *l)
{
	for (size_t i = 0; i < b->count; i++) {
		if (line_value(&b->results[i], l)) {
			return false;
		}
	}
	return true;
}

static void put_line(struct table *t, const struct block *b,
		     const struct line *l)
{
	table_cell(t, "%s", l->label);
	for (size_t i = 0; i < b->count; i++) {
		uint64_t v = line_value(&b->results[i], l);
		table_cell(t, "%s", l->form == LINE_BYTES ? text_bytes(v) :
							    text_count(v));
	}
}

/* Lines that are zero throughout say nothing, nor does their title. */
static void put_lines(struct table *t, const struct block *b,
		      const char *title, const struct line *lines,
		      size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (is_zero(b, &lines[i])) {
			continue;
		}
		if (title) {
			table_section(t, title);
			title = NULL;
		}
		put_line(t, b, &lines[i]);
	}
}

static void put_heading(struct table *t, const struct block *b,
			const char *title)
{
	table_cell(t, "%s", title);
	for (size_t i = 0; i < b->count; i++) {
		table_cell(t, "%s", b->results[i].mode);
	}
}

static void put_cause(struct table *t, const struct block *b,
		      enum sim_cat cat)
{
	const struct sim_result *native = find_native(b);

	table_cell(t, "  %s", cause_labels[cat]);
	for (size_t i = 0; i < b->count; i++) {
		const struct sim_result *r = &b->results[i];
		double whole = (double)(native ? native : r)->cycles;
		table_cell(t, "%.2f %%",
			   whole > 0 ? 100 * (double)r->cycles_by[cat] / whole :
				       0.0);
	}
}

static void put_cycles(struct table *t, const struct block *b)
{
	table_cell(t, "%s", "cycles");
	for (size_t i = 0; i < b->count; i++) {
		table_cell(t, "%s", text_count(b->results[i].cycles));
	}
	table_cell(t, "%s", "overhead");
	for (size_t i = 0; i < b->count; i++) {
		table_cell(t, "%s", text_percent(b->results[i].overhead));
	}
	table_section(t, find_native(b) ? "Cycles, % of native" :
					  "Cycles, % of the run");
	for (int cat = 0; cat < SIM_CAT_COUNT; cat++) {
		put_cause(t, b, (enum sim_cat)cat);
	}
}

#define LINES(a) (a), sizeof(a) / sizeof(*(a))

static void put_block(FILE *out, const struct block *b)
{
	const struct sim_result *r = &b->results[0];
	struct table t;

	fprintf(out, "%s on %s, seed %" PRIu64 "\n", r->workload, r->preset,
		r->seed);
	fprintf(out, "%s instructions, %s accesses\n\n",
		text_count(r->instructions), text_count(r->accesses));
	table_init(&t, b->align);
	put_heading(&t, b, "");
	put_cycles(&t, b);
	put_lines(&t, b, "Events", LINES(event_lines));
	put_lines(&t, b, "Memory", LINES(memory_lines));
	table_print(&t, out);
	table_free(&t);
}

/* The sum of the lines, so that a reader need not add them up. */
static void put_sum(struct table *t, const struct block *b,
		    const struct line *lines, size_t count)
{
	table_cell(t, "%s", "  sum");
	for (size_t i = 0; i < b->count; i++) {
		uint64_t sum = 0;
		for (size_t n = 0; n < count; n++) {
			sum += line_value(&b->results[i], &lines[n]);
		}
		table_cell(t, "%s", text_count(sum));
	}
}

static void put_part(struct table *t, const struct block *b, int part)
{
	put_line(t, b, &total_lines[part]);
	put_lines(t, b, NULL, LINES(store_lines[part]));
	put_sum(t, b, LINES(store_lines[part]));
	put_lines(t, b, "Trace faults that are no table stores",
		  LINES(other_lines[part]));
	put_lines(t, b, "The input", LINES(input_lines[part]));
}

static void put_explain(FILE *out, const struct block *b)
{
	struct table t;

	table_init(&t, b->align);
	put_heading(&t, b, "Where the table stores went");
	put_part(&t, b, 0);
	if (!is_zero(b, &total_lines[1])) {
		table_section(&t, "Between markers 2 and 3");
		put_part(&t, b, 1);
	}
	table_print(&t, out);
	table_free(&t);
}

static void for_each_block(FILE *out, const struct sim_result *results,
			   size_t count,
			   void (*put)(FILE *, const struct block *))
{
	for (size_t i = 0; i < count;) {
		struct block b = take_block(results + i, count - i);
		fputs(i ? "\n" : "", out);
		put(out, &b);
		i += b.count;
	}
}

void report_table(FILE *out, const struct sim_result *results, size_t count)
{
	for_each_block(out, results, count, put_block);
}

void report_explain(FILE *out, const struct sim_result *results, size_t count)
{
	for_each_block(out, results, count, put_explain);
}

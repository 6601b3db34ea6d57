/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/series.h"

#include <err.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cmd.h"

static const char *const count_names[SIM_EPOCH_COUNTS] = {
	[SIM_EPOCH_STORES] = "table stores",
	[SIM_EPOCH_CR3_LOADS] = "CR3 loads",
	[SIM_EPOCH_MISSES] = "TLB misses",
	[SIM_EPOCH_EXITS] = "exits",
	[SIM_EPOCH_HIDDEN] = "hidden faults",
	[SIM_EPOCH_TRACE] = "trace faults",
	[SIM_EPOCH_VIOLATIONS] = "violations",
	[SIM_EPOCH_SWITCHES] = "decisions",
};

const char *series_count_name(enum sim_epoch_count count)
{
	return count_names[count];
}

/* All spaces of a run, before the largest are kept. */
struct spaces {
	struct series_space *list;
	size_t count;
	size_t room;
};

/* Equal columns, as rates in columns of unequal length would zigzag. */
uint64_t series_per_column(const struct series *s)
{
	return (s->epochs + SERIES_COLUMNS - 1) / SERIES_COLUMNS;
}

uint64_t series_in_column(const struct series *s, size_t c)
{
	uint64_t per = series_per_column(s), first = c * per;

	return s->epochs - first < per ? s->epochs - first : per;
}

static size_t column_of(const struct series *s, uint64_t epoch)
{
	size_t column = (size_t)(epoch / series_per_column(s));

	return column < s->columns ? column : s->columns - 1;
}

static size_t column_count(const struct series *s)
{
	uint64_t per = series_per_column(s);

	return per ? (size_t)((s->epochs + per - 1) / per) : 0;
}

static uint64_t sum_of(const struct sim_epoch *cell)
{
	uint64_t sum = 0;

	for (int cat = 0; cat < SIM_CAT_COUNT; cat++) {
		sum += cell->cycles[cat];
	}
	return sum;
}

static struct series_space *space_of(struct spaces *all, uint64_t cr3,
				     uint64_t epoch)
{
	for (size_t i = 0; i < all->count; i++) {
		if (all->list[i].cr3 == cr3) {
			return &all->list[i];
		}
	}
	if (all->count == all->room) {
		all->room = all->room ? 2 * all->room : 16;
		all->list = realloc(all->list,
				    all->room * sizeof(*all->list));
		if (!all->list) {
			err(CMD_FAILED, "out of memory");
		}
	}
	all->list[all->count] = (struct series_space){ .cr3 = cr3,
						       .first = epoch };
	return &all->list[all->count++];
}

static uint64_t all_cycles(const struct series_space *s)
{
	uint64_t sum = 0;

	for (size_t c = 0; c < SERIES_COLUMNS; c++) {
		sum += s->cycles[c];
	}
	return sum;
}

static int by_first(const void *a, const void *b)
{
	const struct series_space *x = a, *y = b;

	return x->first != y->first ? (x->first > y->first) -
				      (x->first < y->first) :
	       (x->cr3 > y->cr3) - (x->cr3 < y->cr3);
}

static int by_cycles(const void *a, const void *b)
{
	uint64_t x = all_cycles(a), y = all_cycles(b);

	return x != y ? (x < y) - (x > y) : by_first(a, b);
}

static void take_spaces(struct series *s, const struct sim_epochs *e)
{
	struct spaces all = { 0 };

	for (size_t i = 0; i < e->count; i++) {
		const struct sim_epoch *cell = &e->list[i];
		struct series_space *to = space_of(&all, cell->space,
						   cell->number);
		size_t c = column_of(s, cell->number);
		to->cycles[c] += sum_of(cell);
		to->shadowed[c] += cell->shadowed;
	}
	if (all.count) {
		qsort(all.list, all.count, sizeof(*all.list), by_cycles);
	}
	s->space_count = all.count < SERIES_SPACES ? all.count :
						     SERIES_SPACES;
	if (s->space_count) {
		memcpy(s->spaces, all.list,
		       s->space_count * sizeof(*all.list));
		qsort(s->spaces, s->space_count, sizeof(*s->spaces),
		      by_first);
	}
	free(all.list);
}

bool series_take(struct series *s, const struct sim_epochs *e, bool spaces)
{
	*s = (struct series){ .epochs = e->ran };
	if (e->failed || !e->ran) {
		return false;
	}
	s->columns = column_count(s);
	for (size_t i = 0; i < e->count; i++) {
		size_t c = column_of(s, e->list[i].number);
		s->cycles[c] += sum_of(&e->list[i]);
		s->shadowed[c] += e->list[i].shadowed;
	}
	for (size_t i = 0; i < e->ran; i++) {
		for (int k = 0; k < SIM_EPOCH_COUNTS; k++) {
			s->counts[k][column_of(s, i)] += e->counts[i][k];
		}
	}
	if (spaces) {
		take_spaces(s, e);
	}
	return true;
}

/* Zeros at the end are left out. */
static json_t *json_row(const uint64_t *row)
{
	json_t *list = json_array();
	size_t end = SERIES_COLUMNS;

	while (end > 0 && !row[end - 1]) {
		end--;
	}
	for (size_t c = 0; c < end; c++) {
		json_array_append_new(list,
				      json_integer((json_int_t)row[c]));
	}
	return list;
}

static json_t *json_spaces(const struct series *s)
{
	json_t *list = json_array();

	for (size_t i = 0; i < s->space_count; i++) {
		const struct series_space *p = &s->spaces[i];
		char cr3[17];
		snprintf(cr3, sizeof(cr3), "%" PRIx64, p->cr3);
		json_array_append_new(list, json_pack(
			"{s:s, s:I, s:o, s:o}", "cr3", cr3, "first",
			(json_int_t)p->first, "cycles", json_row(p->cycles),
			"shadowed", json_row(p->shadowed)));
	}
	return list;
}

json_t *series_json(const struct series *s)
{
	json_t *counts = json_object();

	for (int k = 0; k < SIM_EPOCH_COUNTS; k++) {
		json_object_set_new(counts, count_names[k],
				    json_row(s->counts[k]));
	}
	json_t *all = json_pack(
		"{s:I, s:I, s:I, s:o, s:o, s:o, s:o}", "epoch_events",
		(json_int_t)SIM_EPOCH_EVENTS, "epochs", (json_int_t)s->epochs,
		"columns", (json_int_t)s->columns, "cycles",
		json_row(s->cycles), "shadowed", json_row(s->shadowed),
		"counts", counts, "spaces", json_spaces(s));
	if (!all) {
		err(CMD_FAILED, "out of memory");
	}
	return all;
}

static bool take_uint(json_t *json, uint64_t *to)
{
	json_int_t v = json_integer_value(json);

	*to = v > 0 ? (uint64_t)v : 0;
	return json_is_integer(json) && v >= 0;
}

static bool take_row(json_t *list, size_t columns, uint64_t *row)
{
	size_t n = json_array_size(list);
	bool ok = json_is_array(list) && n <= columns;

	for (size_t c = 0; c < n && ok; c++) {
		ok = take_uint(json_array_get(list, c), &row[c]);
	}
	return ok;
}

static bool take_space(json_t *json, size_t columns, struct series_space *to)
{
	const char *cr3 = json_string_value(json_object_get(json, "cr3"));
	char *end = NULL;

	to->cr3 = cr3 ? strtoull(cr3, &end, 16) : 0;
	return cr3 && *cr3 && !*end &&
	       take_uint(json_object_get(json, "first"), &to->first) &&
	       take_row(json_object_get(json, "cycles"), columns,
			to->cycles) &&
	       take_row(json_object_get(json, "shadowed"), columns,
			to->shadowed);
}

bool series_parse(json_t *json, struct series *s)
{
	json_t *counts = json_object_get(json, "counts");
	json_t *spaces = json_object_get(json, "spaces");
	uint64_t columns = 0, events = 0;

	*s = (struct series){ .space_count = json_array_size(spaces) };
	bool ok = take_uint(json_object_get(json, "epoch_events"), &events) &&
		  events == SIM_EPOCH_EVENTS &&
		  take_uint(json_object_get(json, "epochs"), &s->epochs) &&
		  take_uint(json_object_get(json, "columns"), &columns) &&
		  columns && columns == column_count(s) &&
		  json_is_array(spaces) &&
		  s->space_count <= SERIES_SPACES;
	s->columns = (size_t)columns;
	ok = ok && take_row(json_object_get(json, "cycles"), s->columns,
			    s->cycles) &&
	     take_row(json_object_get(json, "shadowed"), s->columns,
		      s->shadowed);
	for (int k = 0; k < SIM_EPOCH_COUNTS && ok; k++) {
		ok = take_row(json_object_get(counts, count_names[k]),
			      s->columns, s->counts[k]);
	}
	for (size_t i = 0; i < s->space_count && ok; i++) {
		ok = take_space(json_array_get(spaces, i), s->columns,
				&s->spaces[i]);
	}
	return ok;
}

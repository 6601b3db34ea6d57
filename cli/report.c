/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "cli/report.h"

#include <err.h>
#include <inttypes.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/code.h"
#include "cli/names.h"
#include "sim/preset.h"

enum report_format report_format_parse(const char *name)
{
	static const char *const names[] = { "table", "csv", "json" };
	enum { FORMATS = sizeof(names) / sizeof(*names) };
	char text[NAMES_TEXT];

	for (size_t i = 0; i < FORMATS; i++) {
		if (!strcmp(name, names[i])) {
			return (enum report_format)i;
		}
	}
	cmd_usage("%s", names_none("no format", name, names, FORMATS, text));
}

static const void *value_of(const struct sim_result *r,
			    const struct sim_column *c)
{
	return (const char *)r + c->offset;
}

static bool is_shown(const struct sim_column *c, bool extra)
{
	return extra || !c->extra;
}

void report_csv_names(FILE *out, bool extra)
{
	for (size_t i = 0; i < sim_column_count; i++) {
		if (is_shown(&sim_columns[i], extra)) {
			fprintf(out, "%s%s", i ? "," : "",
				sim_columns[i].name);
		}
	}
}

void report_csv_head(FILE *out, bool extra)
{
	report_csv_names(out, extra);
	fputc('\n', out);
}

void report_csv_text(FILE *out, const char *text)
{
	if (!text[strcspn(text, ",\"\r\n")]) {
		fputs(text, out);
		return;
	}
	fputc('"', out);
	for (; *text; text++) {
		fputs(*text == '"' ? "\"" : "", out);
		fputc(*text, out);
	}
	fputc('"', out);
}

static void put_csv_value(FILE *out, const struct sim_result *r,
			  const struct sim_column *c)
{
	const void *v = value_of(r, c);

	switch (c->type) {
	case SIM_COL_TEXT:
		report_csv_text(out, v);
		break;
	case SIM_COL_UINT:
		fprintf(out, "%" PRIu64, *(const uint64_t *)v);
		break;
	case SIM_COL_RATIO:
		if (!isnan(*(const double *)v)) {
			fprintf(out, "%.6f", *(const double *)v);
		}
		break;
	}
}

void report_csv_fields(FILE *out, const struct sim_result *r, bool extra)
{
	for (size_t i = 0; i < sim_column_count; i++) {
		if (is_shown(&sim_columns[i], extra)) {
			fputs(i ? "," : "", out);
			put_csv_value(out, r, &sim_columns[i]);
		}
	}
}

void report_csv_row(FILE *out, const struct sim_result *r, bool extra)
{
	report_csv_fields(out, r, extra);
	fputc('\n', out);
}

static json_t *must(json_t *value)
{
	if (!value) {
		err(CMD_FAILED, "out of memory");
	}
	return value;
}

json_t *report_json_text(const char *text)
{
	json_t *value = json_string(text);
	char *copy;

	if (value) {
		return value;
	}
	copy = strdup(text);
	if (!copy) {
		err(CMD_FAILED, "out of memory");
	}
	for (char *c = copy; *c; c++) {
		*c = (unsigned char)*c < 0x80 ? *c : '?';
	}
	value = must(json_string(copy));
	free(copy);
	return value;
}

static json_t *json_value(const struct sim_result *r,
			  const struct sim_column *c)
{
	const void *v = value_of(r, c);

	switch (c->type) {
	case SIM_COL_TEXT:
		return report_json_text(v);
	case SIM_COL_UINT:
		return json_integer((json_int_t)*(const uint64_t *)v);
	case SIM_COL_RATIO:
		break;
	}
	double ratio = *(const double *)v;
	/* As many digits as in CSV, so that both can be compared. */
	return isnan(ratio) ? json_null() :
			      json_real(round(ratio * 1e6) / 1e6);
}

/* How many walks had 0, 1, 2 and so on references; zeros behind left out. */
static json_t *json_by_refs(const struct sim_result *r)
{
	json_t *list = must(json_array());
	int end = SIM_REFS_MAX + 1;

	while (end > 0 && !r->walks_by_refs[end - 1]) {
		end--;
	}
	for (int n = 0; n < end; n++) {
		json_array_append_new(list, json_integer(
			(json_int_t)r->walks_by_refs[n]));
	}
	return list;
}

json_t *report_json_row(const struct sim_result *r)
{
	json_t *row = must(json_object());

	for (size_t i = 0; i < sim_column_count; i++) {
		const struct sim_column *c = &sim_columns[i];
		json_object_set_new(row, c->name, json_value(r, c));
	}
	json_object_set_new(row, "walks_by_refs", json_by_refs(r));
	return row;
}

json_t *report_json_preset(const struct sim_preset *preset)
{
	json_t *list = must(json_array());

	for (size_t i = 0; i < preset->count; i++) {
		const struct sim_param *p = &preset->params[i];
		json_t *o = json_pack(
			"{s:o, s:s, s:I, s:s, s:s, s:s}", "name",
			json_sprintf("%s.%s", p->section, p->key), "unit",
			p->unit, "value", (json_int_t)p->value, "label",
			p->label, "source", p->source, "help", p->help);
		json_array_append_new(list, must(o));
	}
	return list;
}

static json_t *json_presets(const struct sim_result *results, size_t count,
			    const char *const *sets, size_t set_count)
{
	json_t *all = must(json_object());

	for (size_t i = 0; i < count; i++) {
		static struct sim_preset preset;
		struct sim_error error = { 0 };
		bool ok = !json_object_get(all, results[i].preset) &&
			  sim_preset_load(results[i].preset, &preset, &error);
		for (size_t s = 0; ok && s < set_count; s++) {
			ok = sim_preset_set(&preset, sets[s], &error);
		}
		if (ok) {
			json_object_set_new(all, results[i].preset,
					    report_json_preset(&preset));
		}
	}
	return all;
}

json_t *report_json(const struct sim_result *results, size_t count,
		    const char *const *sets, size_t set_count)
{
	json_t *rows = must(json_array());

	for (size_t i = 0; i < count; i++) {
		json_array_append_new(rows, report_json_row(&results[i]));
	}
	json_t *presets = json_presets(results, count, sets, set_count);
	return must(json_pack("{s:s, s:s, s:o, s:o, s:o}", "version",
			      PACKAGE_VERSION, "code", code_digest(),
			      "command", report_json_text(cmd_line()),
			      "presets", presets, "results", rows));
}

void report_json_put(FILE *out, json_t *value)
{
	json_dumpf(value, out, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
	fputc('\n', out);
	json_decref(value);
}

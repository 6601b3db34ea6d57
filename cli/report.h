/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Results for people and for programs. All columns and their order are
 * sim_columns[]; ratios that are not known are empty in CSV, null in JSON
 * and "-" in a table.
 */
#ifndef CLI_REPORT_H
#define CLI_REPORT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "sim/preset.h"
#include "sim/run.h"

enum report_format { REPORT_TABLE, REPORT_CSV, REPORT_JSON };

/* The format of that name; a usage error if there is none. */
enum report_format report_format_parse(const char *name);

/* `extra` adds the columns beyond the common set. */
void report_csv_head(FILE *out, bool extra);
void report_csv_row(FILE *out, const struct sim_result *r, bool extra);
/* The same without the line end, for more columns behind. */
void report_csv_names(FILE *out, bool extra);
void report_csv_fields(FILE *out, const struct sim_result *r, bool extra);

/* One field, quoted if it must be. */
void report_csv_text(FILE *out, const char *text);

/* A text that may not be UTF-8: JSON has `?` for what is none. */
json_t *report_json_text(const char *text);

/* All columns of one result, and its walks by their references; the caller
 * owns the object. */
json_t *report_json_row(const struct sim_result *r);
/*
 * An object with version, command, presets (each parameter with value, label
 * and source) and results. `sets` are the assignments over the presets.
 */
json_t *report_json(const struct sim_result *results, size_t count,
		    const char *const *sets, size_t set_count);
/* Every parameter of a preset. */
json_t *report_json_preset(const struct sim_preset *preset);
/* Writes and frees `value`, indented, with a line end. */
void report_json_put(FILE *out, json_t *value);

/* One block per workload and preset, one column per mode. */
void report_table(FILE *out, const struct sim_result *results, size_t count);
/* What became of each table store; one column per mode. */
void report_explain(FILE *out, const struct sim_result *results,
		    size_t count);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/point_file.h"

#include <err.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/atomic_out.h"
#include "cli/cmd.h"
#include "cli/code.h"
#include "cli/report.h"

void point_path(const char *dir, const struct point *pt, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s/points/%s.json", dir, pt->id);
}

/* A line, which may name a file that is not UTF-8. */
static json_t *json_line(const char *text, size_t n)
{
	char *line = strndup(text, n);

	if (!line) {
		err(CMD_FAILED, "out of memory");
	}
	json_t *value = report_json_text(line);
	free(line);
	return value;
}

static json_t *json_lines(const char *text)
{
	json_t *lines = json_array();

	for (const char *p = text; *p;) {
		size_t n = strcspn(p, "\n");
		json_array_append_new(lines, json_line(p, n));
		p += n + (p[n] == '\n');
	}
	return lines;
}

static json_t *json_sets(const struct point *pt)
{
	json_t *sets = json_array();

	for (size_t i = 0; i < pt->set_count; i++) {
		json_array_append_new(sets, json_string(pt->sets[i]));
	}
	return sets;
}

char *point_text(const struct point *pt, const struct point_outcome *out)
{
	json_t *whole = json_pack("{s:o, s:o, s:o}", "key",
				  json_lines(pt->key), "sets", json_sets(pt),
				  "result",
				  report_json_row(&out->result));
	if (whole && pt->timeline) {
		json_object_set_new(whole, "timeline",
				    series_json(&out->series));
	}
	char *text = whole ? json_dumps(whole, JSON_INDENT(1)) : NULL;
	char *line;

	if (!text || asprintf(&line, "%s\n", text) < 0) {
		err(CMD_FAILED, "out of memory");
	}
	free(text);
	json_decref(whole);
	return line;
}

bool point_store(const char *dir, const struct point *pt,
		 const struct point_outcome *outcome)
{
	char path[PATH_MAX];
	struct atomic_out out;

	point_path(dir, pt, path);
	if (!atomic_open(&out, path)) {
		return false;
	}
	char *text = point_text(pt, outcome);
	fputs(text, out.f);
	free(text);
	return atomic_commit(&out);
}

static bool take_column(json_t *row, const struct sim_column *c,
			struct sim_result *r)
{
	json_t *v = json_object_get(row, c->name);
	void *to = (char *)r + c->offset;

	switch (c->type) {
	case SIM_COL_TEXT: {
		/* The shortest of the text members bounds them all. */
		size_t max = to == r->mode ? sizeof(r->mode) : SIM_NAME_MAX;
		const char *text = json_string_value(v);
		if (!text || strlen(text) >= max) {
			return false;
		}
		strcpy(to, text);
		return true;
	}
	case SIM_COL_UINT:
		if (!json_is_integer(v) || json_integer_value(v) < 0) {
			return false;
		}
		*(uint64_t *)to = (uint64_t)json_integer_value(v);
		return true;
	case SIM_COL_RATIO:
		*(double *)to = json_is_number(v) ? json_number_value(v) : NAN;
		return json_is_number(v) || json_is_null(v);
	}
	return false;
}

static bool take_by_refs(json_t *row, struct sim_result *r)
{
	json_t *list = json_object_get(row, "walks_by_refs");
	size_t n = json_array_size(list);

	for (size_t i = 0; i < n && i <= SIM_REFS_MAX; i++) {
		json_int_t v = json_integer_value(json_array_get(list, i));
		r->walks_by_refs[i] = v > 0 ? (uint64_t)v : 0;
	}
	return json_is_array(list) && n <= SIM_REFS_MAX + 1;
}

/* Computed by other code, which may not have had all columns. */
static bool is_foreign(const struct point *pt)
{
	const char *by = code_origin();
	size_t n = strlen(by), skip = strlen("gnomon ");

	return strlen(pt->key) <= skip ||
	       strncmp(pt->key + skip, by, n) || pt->key[skip + n] != '\n';
}

static bool is_same_key(json_t *lines, const struct point *pt)
{
	json_t *wanted = json_lines(pt->key);
	bool same = json_equal(lines, wanted);

	json_decref(wanted);
	return same;
}

/* The lines of a key as they were before they became a list. */
static char *key_text(json_t *lines)
{
	char *text = NULL;
	size_t n, i;
	json_t *line;
	FILE *f = open_memstream(&text, &n);

	if (!f) {
		err(CMD_FAILED, "out of memory");
	}
	json_array_foreach(lines, i, line) {
		const char *s = json_string_value(line);
		fprintf(f, "%s\n", s ? s : "");
	}
	if (fclose(f)) {
		err(CMD_FAILED, "out of memory");
	}
	return text;
}

bool point_adopt(const char *dir, struct point *pt, const char *id)
{
	char path[PATH_MAX];

	if (strlen(id) != strlen(pt->id) || strchr(id, '/')) {
		return false;
	}
	strcpy(pt->id, id);
	point_path(dir, pt, path);
	json_t *whole = json_load_file(path, JSON_REJECT_DUPLICATES, NULL);
	json_t *key = json_object_get(whole, "key");
	bool found = json_is_array(key);
	if (found) {
		free(pt->key);
		pt->key = key_text(key);
	}
	json_decref(whole);
	return found;
}

static bool has_series(json_t *whole)
{
	struct series *s = malloc(sizeof(*s));

	if (!s) {
		err(CMD_FAILED, "out of memory");
	}
	bool ok = series_parse(json_object_get(whole, "timeline"), s);
	free(s);
	return ok;
}

bool point_fetch(const char *dir, const struct point *pt,
		 struct sim_result *r)
{
	char path[PATH_MAX];

	point_path(dir, pt, path);
	json_t *whole = json_load_file(path, JSON_REJECT_DUPLICATES, NULL);
	json_t *row = json_object_get(whole, "result");
	bool ok = is_same_key(json_object_get(whole, "key"), pt);

	*r = (struct sim_result){ .overhead = NAN };
	for (size_t i = 0; i < sim_column_count && ok; i++) {
		const struct sim_column *c = &sim_columns[i];
		ok = take_column(row, c, r) ||
		     (c->type == SIM_COL_UINT && is_foreign(pt) &&
		      !json_object_get(row, c->name));
	}
	ok = ok && (take_by_refs(row, r) || is_foreign(pt)) &&
	     (!pt->timeline || has_series(whole));
	json_decref(whole);
	return ok;
}

bool point_series(const char *dir, const struct point *pt, struct series *s)
{
	char path[PATH_MAX];

	point_path(dir, pt, path);
	json_t *whole = json_load_file(path, JSON_REJECT_DUPLICATES, NULL);
	bool ok = is_same_key(json_object_get(whole, "key"), pt) &&
		  series_parse(json_object_get(whole, "timeline"), s);
	json_decref(whole);
	return ok;
}

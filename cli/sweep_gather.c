/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <err.h>
#include <inttypes.h>
#include <jansson.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/atomic_out.h"
#include "cli/cmd.h"
#include "cli/code.h"
#include "cli/point_file.h"
#include "cli/report.h"
#include "cli/sweep.h"

/* Native run of the same input; the modes of a run are neighbours. */
static void put_overheads(const struct points *p, struct sim_result *r)
{
	for (size_t i = 0; i < p->count;) {
		const struct sim_result *native = NULL;
		size_t end = i;
		while (end < p->count &&
		       point_is_same_run(&p->list[i], &p->list[end])) {
			if (p->list[end].mode == SIM_MODE_NATIVE) {
				native = &r[end];
			}
			end++;
		}
		for (; i < end; i++) {
			r[i].overhead = native && native->cycles ?
				(double)r[i].cycles /
				(double)native->cycles - 1 : NAN;
		}
	}
}

struct sim_result *sweep_results(const struct points *p, const char *dir)
{
	struct sim_result *r = calloc(p->count + 1, sizeof(*r));
	char path[PATH_MAX];

	if (!r) {
		err(CMD_FAILED, "out of memory");
	}
	for (size_t i = 0; i < p->count; i++) {
		if (!point_fetch(dir, &p->list[i], &r[i])) {
			point_path(dir, &p->list[i], path);
			cmd_error(path, "is missing or damaged; run the sweep "
					"again to complete it");
			free(r);
			return NULL;
		}
	}
	put_overheads(p, r);
	return r;
}

/* The value that a point gives to a parameter; NULL: the preset's. */
static const char *value_in(const struct point *pt, const char *param)
{
	size_t n = strlen(param);

	for (size_t i = 0; i < pt->set_count; i++) {
		if (!strncmp(pt->sets[i], param, n) && pt->sets[i][n] == '=') {
			return pt->sets[i] + n + 1;
		}
	}
	return NULL;
}

/* The same from the key, which lists every parameter. */
static void put_value(FILE *f, const struct point *pt, const char *param)
{
	const char *set = value_in(pt, param);
	size_t n = strlen(param);

	if (set) {
		fputs(set, f);
		return;
	}
	for (const char *p = pt->key; *p; p += strcspn(p, "\n") + 1) {
		if (!strncmp(p, param, n) && p[n] == ' ') {
			fprintf(f, "%.*s", (int)strcspn(p + n + 1, "\n"),
				p + n + 1);
			return;
		}
	}
}

static void put_row(FILE *f, const struct points *p, const struct point *pt,
		    const struct sim_result *r)
{
	const struct scenario *s = &p->scenario;

	report_csv_fields(f, r, false);
	for (size_t i = 0; i < s->vary_count; i++) {
		fputc(',', f);
		put_value(f, pt, s->vary[i].param);
	}
	fputc(',', f);
	for (size_t i = 0; i < pt->set_count; i++) {
		fprintf(f, "%s%s", i ? " " : "", pt->sets[i]);
	}
	fprintf(f, ",%s\n", pt->id);
}

static bool write_csv(const struct points *p, const char *dir,
		      const struct sim_result *r)
{
	char path[PATH_MAX];
	struct atomic_out out;

	snprintf(path, sizeof(path), "%s/results.csv", dir);
	if (!atomic_open(&out, path)) {
		return false;
	}
	report_csv_names(out.f, false);
	for (size_t i = 0; i < p->scenario.vary_count; i++) {
		fprintf(out.f, ",%s", p->scenario.vary[i].param);
	}
	fputs(",varied,point\n", out.f);
	for (size_t i = 0; i < p->count; i++) {
		put_row(out.f, p, &p->list[i], &r[i]);
	}
	return atomic_commit(&out);
}

static bool write_scenario(const struct points *p, const char *dir)
{
	char path[PATH_MAX];
	struct atomic_out out;

	snprintf(path, sizeof(path), "%s/scenario.ini", dir);
	if (!atomic_open(&out, path)) {
		return false;
	}
	fputs(p->scenario.text, out.f);
	return atomic_commit(&out);
}

static json_t *json_inputs(const struct points *p)
{
	json_t *list = json_array();

	for (size_t i = 0; i < p->input_count; i++) {
		char digest[17];
		if (!p->inputs[i].path) {
			json_array_append_new(list, json_pack(
				"{s:s}", "workload", p->inputs[i].name));
			continue;
		}
		snprintf(digest, sizeof(digest), "%016" PRIx64,
			 p->inputs[i].digest);
		json_array_append_new(list, json_pack(
			"{s:o, s:o, s:s}", "name",
			report_json_text(p->inputs[i].name), "path",
			report_json_text(p->inputs[i].path), "digest",
			digest));
	}
	return list;
}

/* Where each point's result is, in the order of the scenario. */
static json_t *json_ids(const struct points *p)
{
	json_t *list = json_array();

	for (size_t i = 0; i < p->count; i++) {
		json_array_append_new(list, json_string(p->list[i].id));
	}
	return list;
}

static json_t *json_presets(const struct points *p)
{
	json_t *all = json_object();

	for (size_t i = 0; i < p->scenario.presets.count; i++) {
		struct sim_preset *preset = malloc(sizeof(*preset));
		struct sim_error error = { 0 };
		const char *name = p->scenario.preset_paths.items[i];
		if (preset && sim_preset_load(name, preset, &error)) {
			json_object_set_new(all, preset->name, json_pack(
				"{s:s, s:o}", "about", preset->about,
				"parameters", report_json_preset(preset)));
		}
		free(preset);
	}
	return all;
}

/* Everything that somebody needs to repeat the sweep. */
static bool write_manifest(const struct points *p, const char *dir)
{
	char path[PATH_MAX];
	struct atomic_out out;

	snprintf(path, sizeof(path), "%s/sweep.json", dir);
	if (!atomic_open(&out, path)) {
		return false;
	}
	report_json_put(out.f, json_pack(
		"{s:s, s:o, s:s, s:s, s:o, s:o, s:I, s:o, s:o, s:o}", "name",
		p->scenario.name, "title",
		report_json_text(p->scenario.title), "version",
		PACKAGE_VERSION, "code", code_digest(), "command",
		report_json_text(cmd_line()), "folder",
		report_json_text(p->scenario.folder), "points",
		(json_int_t)p->count, "inputs", json_inputs(p), "presets",
		json_presets(p), "ids", json_ids(p)));
	return atomic_commit(&out);
}

bool sweep_gather(const struct points *p, const char *dir, FILE *say)
{
	struct sim_result *r = sweep_results(p, dir);
	bool ok = r && write_csv(p, dir, r) && write_manifest(p, dir) &&
		  write_scenario(p, dir);

	if (ok) {
		fprintf(say, "%s/results.csv\n%s/sweep.json\n", dir, dir);
	}
	free(r);
	return ok;
}

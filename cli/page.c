/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/page.h"

#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <string.h>

#include "cli/html.h"
#include "cli/table.h"

/* A column of the table of results. */
struct page_column {
	const char *title;
	const char *name;	/* in sim_columns[] */
};

static const struct page_column page_columns[] = {
	{ "cycles", "cycles" },
	{ "walk", "cycles_walk" },
	{ "exit", "cycles_exit" },
	{ "VMM", "cycles_vmm" },
	{ "fault", "cycles_fault" },
	{ "flush", "cycles_flush" },
	{ "walk refs", "walk_refs" },
	{ "exits", "exits" },
	{ "hidden faults", "hidden_faults" },
	{ "trace faults", "trace_faults" },
	{ "shadow pages", "shadow_pages_peak" },
};

enum { PAGE_COLUMNS = sizeof(page_columns) / sizeof(*page_columns) };

static uint64_t column_value(const struct sim_result *r, const char *name)
{
	for (size_t i = 0; i < sim_column_count; i++) {
		const struct sim_column *c = &sim_columns[i];
		if (!strcmp(c->name, name) && c->type == SIM_COL_UINT) {
			return *(const uint64_t *)((const char *)r +
						   c->offset);
		}
	}
	return 0;
}

static const char *manifest_text(const struct sweep_folder *s,
				 const char *key)
{
	const char *t = json_string_value(json_object_get(s->manifest, key));

	return t ? t : "";
}

static bool put_head(FILE *f, const struct sweep_folder *s)
{
	fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n"
	      "<meta charset=\"utf-8\">\n"
	      "<meta name=\"viewport\" content=\"width=device-width, "
	      "initial-scale=1\">\n"
	      "<meta http-equiv=\"Content-Security-Policy\" content=\""
	      "default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
	      "script-src 'unsafe-inline'\">\n<title>", f);
	html_text(f, s->points.scenario.title);
	fputs("</title>\n<style>\n", f);
	if (!html_asset(f, "report.css")) {
		return false;
	}
	fputs("</style>\n</head>\n<body>\n<header>\n<h1>", f);
	html_text(f, s->points.scenario.title);
	fputs("</h1>\n<p class=\"soft\">gnomon ", f);
	html_text(f, s->points.origin);
	html_printf(f, ", %zu points", s->points.count);
	fputs("</p>\n<nav aria-label=\"Sections\"><ul>\n"
	      "<li><a href=\"#summary\">Summary</a></li>\n"
	      "<li><a href=\"#figures\">Figures</a></li>\n"
	      "<li><a href=\"#results\">Results</a></li>\n"
	      "<li><a href=\"#presets\">Presets and sources</a></li>\n"
	      "<li><a href=\"#repeat\">Repeat it</a></li>\n"
	      "</ul></nav>\n</header>\n<main>\n", f);
	return true;
}

/* A workload, which may be broken between its parameters. */
static void put_input(FILE *f, const char *name)
{
	while (*name) {
		size_t n = strcspn(name, ",");
		html_printf(f, "%.*s%s", (int)n, name, name[n] ? "," : "");
		fputs(name[n] ? "<wbr>" : "", f);
		name += n + (name[n] != '\0');
	}
}

/* The base of the same input, preset and seed in each mode, one row. */
static void put_summary_row(FILE *f, const struct sweep_folder *s, size_t i)
{
	const struct points *p = &s->points;
	const struct point *first = &p->list[i];

	fputs("<tr><td>", f);
	put_input(f, first->input->name);
	fputs("</td><td>", f);
	html_text(f, first->preset);
	fputs("</td>", f);
	for (; i < p->count && point_is_same_run(&p->list[i], first); i++) {
		const struct sim_result *r = &s->results[i];
		fputs("<td class=\"n\">", f);
		html_text(f, p->list[i].mode == SIM_MODE_NATIVE ||
			     isnan(r->overhead) ? text_count(r->cycles) :
			     text_percent(r->overhead));
		fputs("</td>", f);
	}
	fputs("</tr>\n", f);
}

/* The base of each input and preset, at its first seed. */
static void put_summary(FILE *f, const struct sweep_folder *s)
{
	const struct points *p = &s->points;

	fputs("<section id=\"summary\"><h2>Summary</h2>\n"
	      "<p class=\"soft\">Every parameter at its base, first seed. "
	      "Cycles of native; of the other modes, cycles over native ones "
	      "of the same input.</p>\n"
	      "<div class=\"scroll\" tabindex=\"0\" role=\"region\" "
	      "aria-label=\"Summary\"><table><thead><tr><th>input</th>"
	      "<th>preset</th>", f);
	for (size_t i = 0; i < p->scenario.modes.count; i++) {
		fputs("<th class=\"n\">", f);
		html_text(f, p->scenario.modes.items[i]);
		fputs("</th>", f);
	}
	fputs("</tr></thead>\n<tbody>\n", f);
	uint64_t seed = p->count ? p->list[0].seed : 0;
	for (size_t i = 0; i < p->count; i++) {
		const struct point *pt = &p->list[i];
		bool begins = !i || !point_is_same_run(pt, &p->list[i - 1]);
		if (pt->base && pt->seed == seed && begins) {
			put_summary_row(f, s, i);
		}
	}
	fputs("</tbody></table></div></section>\n", f);
}

/* What a figure shows, by how its name begins. */
static const char *caption(const char *name)
{
	static const struct {
		const char *begin, *text;
	} captions[] = {
		{ "overhead", "cycles by cause" },
		{ "walks", "references of page walks" },
		{ "vary-", "overhead against a parameter" },
		{ "lock-", "waiting for the VMM's lock" },
		{ "inputs", "walks and VMM over an ideal machine" },
		{ "slowdown", "times the native cycles" },
		{ "sensitivity", "parameters that matter most" },
		{ "timeline-", "what goes on while the input goes by" },
		{ "timeline", "overhead so far, and what policies choose" },
	};

	for (size_t i = 0; i < sizeof(captions) / sizeof(*captions); i++) {
		if (!strncmp(name, captions[i].begin,
			     strlen(captions[i].begin))) {
			return captions[i].text;
		}
	}
	return "";
}

/* With all inputs in it; on a phone it scrolls. */
static bool is_wide(const char *name)
{
	return !strncmp(name, "inputs", 6) || !strncmp(name, "slowdown", 8);
}

static bool put_figure(FILE *f, const char *path)
{
	const char *name = strrchr(path, '/');

	name = name ? name + 1 : path;
	fputs(is_wide(name) ? "<figure class=\"wide\" tabindex=\"0\">" :
			      "<figure>", f);
	fputs("<img alt=\"", f);
	html_printf(f, "Figure %.*s; its numbers are in the table of results",
		    (int)strcspn(name, "\n") - 4, name);
	fputs("\" src=\"data:image/svg+xml;base64,", f);
	if (!html_base64_file(f, path)) {
		return false;
	}
	fputs("\"><figcaption>", f);
	html_printf(f, "%.*s: %s", (int)strlen(name) - 4, name,
		    caption(name));
	fputs("</figcaption></figure>\n", f);
	return true;
}

static bool put_figures(FILE *f, const char *figures)
{
	bool ok = true;

	fputs("<section id=\"figures\"><h2>Figures</h2>\n"
	      "<div class=\"figures\">\n", f);
	if (!*figures) {
		fputs("<p>None: gnuplot was not there when this page was "
		      "written.</p>\n", f);
	}
	while (*figures && ok) {
		char path[PATH_MAX];
		size_t n = strcspn(figures, "\n");
		snprintf(path, sizeof(path), "%.*s", (int)n, figures);
		figures += n + (figures[n] == '\n');
		ok = put_figure(f, path);
	}
	fputs("</div></section>\n", f);
	return ok;
}

static void put_result_row(FILE *f, const struct sweep_folder *s, size_t i)
{
	const struct point *pt = &s->points.list[i];
	const struct sim_result *r = &s->results[i];

	fputs("<tr><td>", f);
	put_input(f, pt->input->name);
	fputs("</td><td>", f);
	html_text(f, r->mode);
	fputs("</td><td>", f);
	html_text(f, r->preset);
	fprintf(f, "</td><td class=\"n\">%" PRIu64 "</td><td>", r->seed);
	for (size_t k = 0; k < pt->set_count; k++) {
		html_printf(f, "%s%s", k ? " " : "", pt->sets[k]);
	}
	if (isnan(r->overhead)) {
		fputs("</td><td class=\"n\" data-v=\"\">-</td>", f);
	} else {
		fprintf(f, "</td><td class=\"n\" data-v=\"%.6f\">%s</td>",
			r->overhead, text_percent(r->overhead));
	}
	for (size_t c = 0; c < PAGE_COLUMNS; c++) {
		uint64_t v = column_value(r, page_columns[c].name);
		fprintf(f, "<td class=\"n\" data-v=\"%" PRIu64 "\">%s</td>", v,
			text_count(v));
	}
	fputs("</tr>\n", f);
}

static void put_results(FILE *f, const struct sweep_folder *s)
{
	fputs("<section id=\"results\"><h2>Results</h2>\n"
	      "<label>Show rows with <input id=\"filter\" type=\"search\" "
	      "autocomplete=\"off\"></label>\n"
	      "<p class=\"soft\" id=\"shown\" role=\"status\"></p>\n"
	      "<div class=\"scroll\" tabindex=\"0\" role=\"region\" "
	      "aria-label=\"All results\">"
	      "<table id=\"results-table\" class=\"sortable\"><thead><tr>"
	      "<th>input</th><th>mode</th><th>preset</th>"
	      "<th class=\"n\">seed</th><th>varied</th>"
	      "<th class=\"n\">overhead</th>", f);
	for (size_t c = 0; c < PAGE_COLUMNS; c++) {
		fprintf(f, "<th class=\"n\">%s</th>", page_columns[c].title);
	}
	fputs("</tr></thead>\n<tbody>\n", f);
	for (size_t i = 0; i < s->points.count; i++) {
		put_result_row(f, s, i);
	}
	fputs("</tbody></table></div></section>\n", f);
}

static void put_parameter(FILE *f, json_t *p)
{
	static const char *const texts[] = { "unit", "label", "source",
					     "help" };

	fputs("<tr><td>", f);
	html_printf(f, "%s", json_string_value(json_object_get(p, "name")));
	fprintf(f, "</td><td class=\"n\">%" JSON_INTEGER_FORMAT "</td>",
		json_integer_value(json_object_get(p, "value")));
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		const char *t = json_string_value(json_object_get(p,
								  texts[i]));
		fprintf(f, "<td%s>", i >= 2 ? " class=\"wrap\"" : "");
		html_text(f, t ? t : "");
		fputs("</td>", f);
	}
	fputs("</tr>\n", f);
}

static void put_presets(FILE *f, const struct sweep_folder *s)
{
	json_t *presets = json_object_get(s->manifest, "presets");
	const char *name;
	json_t *preset, *p;
	size_t i;

	fputs("<section id=\"presets\"><h2>Presets and sources</h2>\n", f);
	json_object_foreach(presets, name, preset) {
		const char *about = json_string_value(
			json_object_get(preset, "about"));
		fputs("<details><summary>", f);
		html_printf(f, "%s: %s", name, about ? about : "");
		fputs("</summary><div class=\"scroll\" tabindex=\"0\" "
		      "role=\"region\" aria-label=\"Parameters\">"
		      "<table class=\"sortable\"><thead><tr><th>parameter</th>"
		      "<th class=\"n\">value</th><th>unit</th><th>label</th>"
		      "<th>source</th><th>meaning</th></tr></thead><tbody>\n",
		      f);
		json_array_foreach(json_object_get(preset, "parameters"), i,
				   p) {
			put_parameter(f, p);
		}
		fputs("</tbody></table></div></details>\n", f);
	}
	fputs("</section>\n", f);
}

static void put_inputs(FILE *f, const struct sweep_folder *s)
{
	json_t *in;
	size_t i;

	json_array_foreach(json_object_get(s->manifest, "inputs"), i, in) {
		const char *work =
			json_string_value(json_object_get(in, "workload"));
		const char *name =
			json_string_value(json_object_get(in, "name"));
		const char *digest =
			json_string_value(json_object_get(in, "digest"));
		fputs("<dt>", f);
		html_text(f, work ? "workload" : "recording");
		fputs("</dt><dd><code>", f);
		html_text(f, work ? work : name ? name : "");
		html_printf(f, "%s%s", digest ? ", content digest " : "",
			    digest ? digest : "");
		fputs("</code></dd>\n", f);
	}
}

static void put_repeat(FILE *f, const struct sweep_folder *s)
{
	fputs("<section id=\"repeat\"><h2>Repeat it</h2>\n<dl>\n"
	      "<dt>version and code</dt><dd>gnomon ", f);
	html_text(f, s->points.origin);
	fputs("</dd>\n<dt>command</dt><dd><code>", f);
	html_text(f, manifest_text(s, "command"));
	fputs("</code></dd>\n<dt>check</dt><dd><code>gnomon sweep --check "
	      "DIR</code></dd>\n", f);
	put_inputs(f, s);
	fputs("</dl>\n<h3>Scenario</h3>\n<pre tabindex=\"0\">", f);
	html_text(f, s->points.scenario.text);
	fputs("</pre></section>\n", f);
}

bool page_write(FILE *f, const struct sweep_folder *s, const char *figures)
{
	if (!put_head(f, s)) {
		return false;
	}
	put_summary(f, s);
	if (!put_figures(f, figures)) {
		return false;
	}
	put_results(f, s);
	put_presets(f, s);
	put_repeat(f, s);
	fputs("</main>\n<script>\n", f);
	bool ok = html_asset(f, "report.js");
	fputs("</script>\n</body>\n</html>\n", f);
	return ok;
}

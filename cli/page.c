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

static void put_summary_row(FILE *f, const struct sweep_folder *s, size_t i)
{
	const struct sim_result *r = &s->results[i];

	fputs("<tr><td>", f);
	html_text(f, r->workload);
	fputs("</td><td>", f);
	html_text(f, r->preset);
	fputs("</td><td>", f);
	html_text(f, r->mode);
	fprintf(f, "</td><td class=\"n\">%s</td><td class=\"n\">",
		text_count(r->cycles));
	html_text(f, text_percent(r->overhead));
	fputs("</td></tr>\n", f);
}

/* The base of each input and preset, at its first seed. */
static void put_summary(FILE *f, const struct sweep_folder *s)
{
	fputs("<section id=\"summary\"><h2>Summary</h2>\n"
	      "<p class=\"soft\">Every parameter at its base, first seed. "
	      "Overhead: cycles over native cycles of the same input.</p>\n"
	      "<div class=\"scroll\" tabindex=\"0\" role=\"region\" "
	      "aria-label=\"Summary\"><table><thead><tr><th>input</th>"
	      "<th>preset</th><th>mode</th><th class=\"n\">cycles</th>"
	      "<th class=\"n\">overhead</th></tr></thead>\n<tbody>\n", f);
	uint64_t first = s->points.count ? s->points.list[0].seed : 0;
	for (size_t i = 0; i < s->points.count; i++) {
		const struct point *pt = &s->points.list[i];
		if (pt->base && pt->seed == first) {
			put_summary_row(f, s, i);
		}
	}
	fputs("</tbody></table></div></section>\n", f);
}

static bool put_figure(FILE *f, const char *path)
{
	const char *name = strrchr(path, '/');

	name = name ? name + 1 : path;
	fputs("<figure><img alt=\"", f);
	html_printf(f, "Figure %.*s; its numbers are in the table of results",
		    (int)strcspn(name, "\n") - 4, name);
	fputs("\" src=\"data:image/svg+xml;base64,", f);
	if (!html_base64_file(f, path)) {
		return false;
	}
	fputs("\"><figcaption>", f);
	html_printf(f, "%.*s", (int)strlen(name) - 4, name);
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
	html_text(f, r->workload);
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

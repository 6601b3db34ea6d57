/* SPDX-License-Identifier: BSD-2-Clause */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "cli/atomic_out.h"
#include "cli/cmds.h"
#include "cli/figures.h"
#include "cli/page.h"
#include "cli/plot.h"
#include "cli/sweep_folder.h"

struct report_opts {
	const char *dir;
	const char *out;
};

static const struct argp_option options[] = {
	{ "output", 'o', "FILE", 0,
	  "the page to write (default: DIR/report.html)", 0 },
	{ 0 },
};

static error_t parse_opt(int key, char *arg, struct argp_state *state)
{
	struct report_opts *o = state->input;

	switch (key) {
	case 'o':
		o->out = arg;
		return 0;
	case ARGP_KEY_ARG:
		if (state->arg_num > 0) {
			return ARGP_ERR_UNKNOWN;
		}
		o->dir = arg;
		return 0;
	case ARGP_KEY_END:
		if (!o->dir) {
			cmd_usage("no folder of a sweep is named");
		}
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* Keeps the lines that name an SVG file. */
static void keep_svg(char *lines)
{
	char *to = lines;

	for (const char *p = lines; *p;) {
		size_t n = strcspn(p, "\n");
		size_t whole = n + (p[n] == '\n');
		if (n > 4 && !strncmp(p + n - 4, ".svg", 4)) {
			memmove(to, p, whole);
			to += whole;
		}
		p += whole;
	}
	*to = '\0';
}

/* The paths of the figures; "" where they cannot be drawn. */
static char *draw(const struct sweep_folder *s)
{
	const struct figures_from from = { &s->points, s->results, s->dir };
	char dir[PATH_MAX];
	char *said = NULL;
	size_t n;
	FILE *say = open_memstream(&said, &n);

	snprintf(dir, sizeof(dir), "%s/figures", s->dir);
	bool ok = say && atomic_folder(dir) &&
		  figures_draw(&from, dir, false, say) &&
		  !plot_is_missing();
	if (say) {
		fclose(say);
	}
	if (ok) {
		keep_svg(said);
		return said;
	}
	free(said);
	return strdup("");
}

static int report(const struct sweep_folder *s, const char *path)
{
	struct atomic_out out;
	char *figures = draw(s);

	if (!figures || !atomic_open(&out, path)) {
		free(figures);
		return CMD_FAILED;
	}
	bool ok = page_write(out.f, s, figures);
	free(figures);
	if (!ok) {
		atomic_abort(&out);
		return CMD_FAILED;
	}
	if (!atomic_commit(&out)) {
		return CMD_FAILED;
	}
	puts(path);
	return CMD_OK;
}

static const struct argp argp = {
	.options = options,
	.parser = parse_opt,
	.args_doc = "DIR",
	.doc = "Writes a sweep as one HTML page that needs no other file and "
	       "no network: summary, figures, all results, presets with their "
	       "sources, and how to repeat it.",
};

static int run(const struct cmd *cmd, int argc, char **argv)
{
	struct report_opts o = { 0 };
	struct sweep_folder s;
	char path[PATH_MAX];
	int status;

	cmd_parse(cmd, argc, argv, &o);
	snprintf(path, sizeof(path), "%s/report.html", o.dir);
	if (sweep_folder_load(&s, o.dir, true, &status)) {
		status = report(&s, o.out ? o.out : path);
	}
	sweep_folder_free(&s);
	return status;
}

const struct cmd cmd_report = {
	.name = "report",
	.help = "write a sweep as one HTML page",
	.argp = &argp,
	.run = run,
};

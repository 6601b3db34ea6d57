/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/plot.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cmd.h"

/* The two files that gnuplot's cairolatex makes. */
static const char *const kinds[] = { "pdf", "tex" };

enum { KINDS = sizeof(kinds) / sizeof(*kinds) };

/* Moves both out of the folder they were drawn in; the text comes last. */
static bool move_out(const struct plot_figure *fig, const char *folder,
		     FILE *say)
{
	for (size_t i = 0; i < KINDS; i++) {
		char from[2 * PATH_MAX], to[2 * PATH_MAX];
		snprintf(from, sizeof(from), "%s/%s-tex.%s", folder,
			 fig->name, kinds[i]);
		snprintf(to, sizeof(to), "%s/%s-tex.%s", fig->dir, fig->name,
			 kinds[i]);
		if (rename(from, to)) {
			cmd_error(to, "cannot be written: %s",
				  strerror(errno));
			return false;
		}
		fprintf(say, "%s\n", to);
	}
	return true;
}

static void remove_folder(const struct plot_figure *fig, const char *folder)
{
	for (size_t i = 0; i < KINDS; i++) {
		char path[2 * PATH_MAX];
		snprintf(path, sizeof(path), "%s/%s-tex.%s", folder,
			 fig->name, kinds[i]);
		unlink(path);
	}
	rmdir(folder);
}

/* The .tex names its .pdf as it was called, so it is drawn in place. */
bool plot_draw_latex(const struct plot_figure *fig, const char *script,
		     FILE *say)
{
	char folder[PATH_MAX], data[PATH_MAX], output[256];
	char *data_path, *script_path;

	snprintf(data, sizeof(data), "%s/%s.dat", fig->dir, fig->name);
	snprintf(folder, sizeof(folder), "%s/.part-latex-XXXXXX", fig->dir);
	snprintf(output, sizeof(output), "%s-tex.tex", fig->name);
	data_path = realpath(data, NULL);
	script_path = realpath(script, NULL);
	bool ok = data_path && script_path && mkdtemp(folder);
	if (!ok) {
		cmd_error(fig->dir, "cannot be written to: %s",
			  strerror(errno));
	} else {
		const char *args[] = { "gnuplot", "-d", "-c", script_path,
				       data_path, output, "tex", fig->title,
				       fig->subtitle, plot_more(fig, 0),
				       plot_more(fig, 1), plot_more(fig, 2),
				       plot_more(fig, 3) };
		int status = plot_gnuplot(folder, args,
					  sizeof(args) / sizeof(*args));
		ok = status ? plot_failed(output, status) :
			      move_out(fig, folder, say);
		remove_folder(fig, folder);
	}
	free(data_path);
	free(script_path);
	return ok;
}

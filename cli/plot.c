/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/plot.h"

#include <errno.h>
#include <limits.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/atomic_out.h"
#include "cli/cmd.h"
#include "sim/text.h"

extern char **environ;

static bool missing;

bool plot_is_missing(void)
{
	return missing;
}

bool plot_failed(const char *path, int status)
{
	if (status == ENOENT) {
		missing = true;
		cmd_error("gnuplot", "is not installed; the figures need it "
			  "(Debian: gnuplot-nox); tables and data files do "
			  "not");
	} else {
		cmd_error(path, "gnuplot could not draw it (status %d)",
			  status);
	}
	return false;
}

int plot_gnuplot(const char *folder, const char *const *args, size_t count)
{
	posix_spawn_file_actions_t act;
	char *argv[16] = { NULL };
	pid_t pid;
	int status;

	/* The scripts name their terminal; a wrong default ends gnuplot. */
	unsetenv("GNUTERM");
	/* argv is not written to; gnuplot takes its arguments unparsed. */
	memcpy(argv, args, count * sizeof(*args));
	posix_spawn_file_actions_init(&act);
	int e = folder ? posix_spawn_file_actions_addchdir_np(&act, folder) :
			 0;
	if (!e) {
		e = posix_spawnp(&pid, argv[0], &act, NULL, argv, environ);
	}
	posix_spawn_file_actions_destroy(&act);
	if (e) {
		return e;
	}
	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR) {
			return errno;
		}
	}
	return status;
}

static bool is_drawn(const char *path)
{
	struct stat st;

	return !stat(path, &st) && st.st_size > 0;
}

const char *plot_more(const struct plot_figure *fig, size_t i)
{
	return fig->more[i] ? fig->more[i] : "";
}

static bool draw_one(const struct plot_figure *fig, const char *script,
		     const char *terminal, FILE *say)
{
	char data[PATH_MAX], path[PATH_MAX];
	struct atomic_out out;

	snprintf(data, sizeof(data), "%s/%s.dat", fig->dir, fig->name);
	snprintf(path, sizeof(path), "%s/%s.%s", fig->dir, fig->name,
		 terminal);
	if (!atomic_name(&out, path)) {
		return false;
	}
	const char *args[] = { "gnuplot", "-d", "-c", script, data, out.part,
			       terminal, fig->title, fig->subtitle,
			       plot_more(fig, 0), plot_more(fig, 1),
			       plot_more(fig, 2), plot_more(fig, 3) };
	int status = plot_gnuplot(NULL, args, sizeof(args) / sizeof(*args));
	if (status || !is_drawn(out.part)) {
		atomic_abort(&out);
		return plot_failed(path, status);
	}
	if (!atomic_commit(&out)) {
		return false;
	}
	fprintf(say, "%s\n", path);
	return true;
}

bool plot_draw(const struct plot_figure *fig, FILE *say)
{
	static const char *const kinds[] = { "svg", "pdf", "png" };
	char file[64], script[PATH_MAX];

	snprintf(file, sizeof(file), "%s.gp", fig->script);
	if (!sim_data_path("plot", file, "", script, sizeof(script))) {
		cmd_error(file, "this plot script is not installed");
		return false;
	}
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds) && !missing;
	     i++) {
		if (!draw_one(fig, script, kinds[i], say) && !missing) {
			return false;
		}
	}
	return missing || !fig->latex || plot_draw_latex(fig, script, say);
}

static const struct sim_result *native_of(const struct sim_result *results,
					  size_t count,
					  const struct sim_result *r)
{
	for (size_t i = 0; i < count; i++) {
		const struct sim_result *n = &results[i];
		if (!strcmp(n->mode, sim_mode_name(SIM_MODE_NATIVE)) &&
		    !strcmp(n->workload, r->workload) &&
		    !strcmp(n->preset, r->preset) && n->seed == r->seed) {
			return n;
		}
	}
	return NULL;
}

void plot_label(FILE *f, const char *text)
{
	/* gnuplot's quoted words cannot hold a quote. */
	fputc('"', f);
	for (; *text; text++) {
		bool plain = (unsigned char)*text >= 0x20 && *text != '"' &&
			     *text != '\\';
		fputc(plain ? *text : '_', f);
	}
	fputc('"', f);
}

static void put_bar(FILE *f, const struct sim_result *r,
		    const struct sim_result *native, bool name_preset)
{
	double whole = (double)(native ? native : r)->cycles;

	plot_label(f, r->mode);
	for (int cat = SIM_CAT_WALK; cat < SIM_CAT_COUNT; cat++) {
		fprintf(f, " %.4f",
			100 * (double)r->cycles_by[cat] / whole);
	}
	if (native && native != r) {
		fprintf(f, " %.4f ", 100 * r->overhead);
	} else {
		fputs(" ? ", f);
	}
	plot_label(f, name_preset ? r->preset : "");
	fputc('\n', f);
}

static bool is_one_preset(const struct sim_result *results, size_t count)
{
	for (size_t i = 1; i < count; i++) {
		if (strcmp(results[0].preset, results[i].preset)) {
			return false;
		}
	}
	return true;
}

static bool put_overhead_data(const char *path,
			      const struct sim_result *results, size_t count)
{
	bool one = is_one_preset(results, count);
	struct atomic_out out;

	if (!atomic_open(&out, path)) {
		return false;
	}
	fputs("# % of native cycles (of the run itself without native); "
	      "overhead is ? where it is not known\n"
	      "# mode walk exit vmm fault flush overhead preset\n", out.f);
	for (size_t i = 0; i < count; i++) {
		put_bar(out.f, &results[i],
			native_of(results, count, &results[i]), !one);
	}
	return atomic_commit(&out);
}

bool plot_overhead(const char *dir, const char *name, const char *title,
		   const struct sim_result *results, size_t count, bool latex,
		   FILE *say)
{
	bool one = is_one_preset(results, count);
	char path[PATH_MAX], subtitle[256];
	const struct plot_figure fig = {
		.script = "overhead", .dir = dir, .name = name,
		.title = title, .subtitle = subtitle,
		.more = { one ? "" : "presets" }, .latex = latex,
	};

	snprintf(path, sizeof(path), "%s/%s.dat", dir, name);
	if (!put_overhead_data(path, results, count)) {
		return false;
	}
	fprintf(say, "%s\n", path);
	snprintf(subtitle, sizeof(subtitle), "%s%s",
		 one ? "preset " : "several presets",
		 one ? results[0].preset : "");
	return plot_draw(&fig, say);
}

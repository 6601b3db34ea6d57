/* SPDX-License-Identifier: BSD-2-Clause */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "cli/atomic_out.h"
#include "cli/cmds.h"
#include "cli/code.h"
#include "cli/slurm.h"
#include "cli/sweep.h"
#include "cli/sweep_folder.h"
#include "cli/table.h"
#include "sim/near.h"
#include "sim/text.h"

enum {
	KEY_CHECK = 0x2000, KEY_SAMPLE, KEY_LIST, KEY_SHARE, KEY_SLURM,
	KEY_SBATCH, KEY_TEMPLATES,
	SBATCH_MAX = 32, TASKS_MAX = 1000, /* Slurm allows 1001 by default */
};

struct sweep_opts {
	const char *file;	/* or, with --check, the folder */
	const char *dir;
	unsigned int threads;
	size_t sample;
	bool check;
	bool list;
	bool templates;
	char shipped[PATH_MAX];	/* where `file` names a template */
	size_t share, shares;	/* shares 0: all of it */
	bool slurm;
	const char *sbatch[SBATCH_MAX];
	size_t sbatch_count;
};

static const struct argp_option options[] = {
	{ "output", 'o', "DIR", 0,
	  "folder of the results; a sweep that was interrupted goes on in it",
	  0 },
	{ "jobs", 'j', "N", 0,
	  "points at the same time (default: one per processor); with --slurm "
	  "tasks of the job array (default: one per point, at most 1000)", 0 },
	{ "list", KEY_LIST, NULL, 0,
	  "only list the points: input, mode, preset, seed, what varies", 0 },
	{ "templates", KEY_TEMPLATES, NULL, 0,
	  "only list the scenarios that come with gnomon; a FILE may be one of "
	  "their names", 0 },
	{ "share", KEY_SHARE, "K/N", 0,
	  "compute every Nth point from the Kth (0 to N-1) on and gather "
	  "nothing; other shares may run at the same time, elsewhere too", 0 },
	{ "slurm", KEY_SLURM, NULL, 0,
	  "hand the points to Slurm as a job array, wait, and gather", 0 },
	{ "sbatch", KEY_SBATCH, "OPTION", 0,
	  "for --slurm: an option for sbatch, with its dashes; may be given "
	  "several times", 0 },
	{ "check", KEY_CHECK, NULL, 0,
	  "compute a sample of the points in folder FILE again and compare "
	  "the bytes", 0 },
	{ "sample", KEY_SAMPLE, "N", 0,
	  "points to check, 0 for all (default 5)", 0 },
	{ 0 },
};

/* K/N */
static void take_share(struct sweep_opts *o, const char *text)
{
	char *slash = strchr(text, '/'), *first;

	if (!slash) {
		cmd_usage("--share: '%s' is not K/N", text);
	}
	first = strndup(text, (size_t)(slash - text));
	o->shares = cmd_number("--share", slash + 1, 1, 1000000);
	o->share = cmd_number("--share", first, 0, o->shares - 1);
	free(first);
}

/* What goes together and what is missing. */
static void check_opts(const struct sweep_opts *o)
{
	if (o->templates) {
		if (o->file || o->dir || o->check || o->list || o->slurm ||
		    o->shares) {
			cmd_usage("--templates goes alone");
		}
		return;
	}
	if (!o->file) {
		cmd_usage("no scenario file is named");
	}
	if (o->slurm && (o->shares || o->check || o->list)) {
		cmd_usage("--slurm goes with -o alone");
	}
	if (o->shares && (o->check || o->list)) {
		cmd_usage("--share goes with -o alone");
	}
	if (o->sbatch_count && !o->slurm) {
		cmd_usage("--sbatch needs --slurm");
	}
	if (!o->dir && !o->check && !o->list) {
		cmd_usage("the results need a folder: -o DIR");
	}
}

static error_t parse_opt(int key, char *arg, struct argp_state *state)
{
	struct sweep_opts *o = state->input;

	switch (key) {
	case 'o':
		o->dir = arg;
		return 0;
	case 'j':
		o->threads = (unsigned int)cmd_number("--jobs", arg, 1, 1024);
		return 0;
	case KEY_CHECK:
		o->check = true;
		return 0;
	case KEY_TEMPLATES:
		o->templates = true;
		return 0;
	case KEY_LIST:
		o->list = true;
		return 0;
	case KEY_SHARE:
		take_share(o, arg);
		return 0;
	case KEY_SLURM:
		o->slurm = true;
		return 0;
	case KEY_SBATCH:
		if (o->sbatch_count == SBATCH_MAX) {
			cmd_usage("more than %d --sbatch", SBATCH_MAX);
		}
		o->sbatch[o->sbatch_count++] = arg;
		return 0;
	case KEY_SAMPLE:
		o->sample = cmd_number("--sample", arg, 0, 1000000);
		return 0;
	case ARGP_KEY_ARG:
		if (state->arg_num > 0) {
			return ARGP_ERR_UNKNOWN;
		}
		o->file = arg;
		return 0;
	case ARGP_KEY_END:
		check_opts(o);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* Two sweeps into one folder would remove each other's unfinished files. */
static int lock_folder(const char *dir, bool shared)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || flock(fd, (shared ? LOCK_SH : LOCK_EX) | LOCK_NB)) {
		cmd_error(dir, "%s", errno == EWOULDBLOCK ?
			  "another sweep is writing to it" : strerror(errno));
		if (fd >= 0) {
			close(fd);
		}
		return -1;
	}
	return fd;
}

/* What a killed sweep left unfinished. */
static void remove_unfinished(const char *dir)
{
	DIR *d = opendir(dir);
	const struct dirent *e;

	while (d && (e = readdir(d))) {
		char path[PATH_MAX];
		if (!strncmp(e->d_name, ".part-", 6)) {
			snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
			unlink(path);
		}
	}
	if (d) {
		closedir(d);
	}
}

static unsigned int thread_count(const struct sweep_opts *o)
{
	long online = sysconf(_SC_NPROCESSORS_ONLN);

	return o->threads ? o->threads :
	       online > 0 ? (unsigned int)online : 1;
}

static int list(const struct points *p)
{
	for (size_t i = 0; i < p->count; i++) {
		const struct point *pt = &p->list[i];
		printf("%s %s %s %llu", pt->input->name,
		       sim_mode_name(pt->mode), pt->preset,
		       (unsigned long long)pt->seed);
		for (size_t k = 0; k < pt->set_count; k++) {
			printf(" %s", pt->sets[k]);
		}
		putchar('\n');
	}
	return CMD_OK;
}

static bool compute(const struct sweep_opts *o, const struct points *p)
{
	struct slurm_opts slurm = {
		.file = o->file, .dir = o->dir, .extra = o->sbatch,
		.extra_count = o->sbatch_count,
		.tasks = o->threads ? o->threads :
			 p->count < TASKS_MAX ? (unsigned int)p->count
					      : TASKS_MAX,
	};

	if (o->slurm) {
		return slurm_sweep(&slurm, p, stdout);
	}
	return sweep_share(p, o->dir, thread_count(o), o->share,
			   o->shares ? o->shares : 1, stdout);
}

/* A folder of other code is computed again; say why. */
static void tell_origin(const char *dir)
{
	char origin[POINTS_ORIGIN_BYTES];

	if (sweep_folder_origin(dir, origin) &&
	    strcmp(origin, code_origin())) {
		printf("%s holds results of gnomon %s, which this one, %s, "
		       "computes again\n", dir, origin, code_origin());
	}
}

static int sweep(const struct sweep_opts *o, const struct points *p)
{
	char sub[PATH_MAX];

	snprintf(sub, sizeof(sub), "%s/points", o->dir);
	if (!atomic_folder(o->dir) || !atomic_folder(sub)) {
		return CMD_FAILED;
	}
	/* Shares write beside each other, each its own points. */
	int lock = lock_folder(o->dir, o->shares || o->slurm);
	if (lock < 0) {
		return CMD_FAILED;
	}
	if (!o->shares && !o->slurm) {
		remove_unfinished(o->dir);
		remove_unfinished(sub);
	}
	tell_origin(o->dir);
	bool ok = compute(o, p) &&
		  (o->shares || sweep_gather(p, o->dir, stdout));
	close(lock);
	return ok ? CMD_OK : CMD_FAILED;
}

static int check(const struct sweep_opts *o)
{
	struct sweep_folder f;
	int status;

	if (sweep_folder_load(&f, o->file, false, &status)) {
		status = sweep_check(&f.points, o->file, o->sample, stdout) ?
			 CMD_OK : CMD_FAILED;
	}
	sweep_folder_free(&f);
	return status;
}

static bool add_template(void *ctx, const char *name, const char *path)
{
	char error[SCENARIO_ERROR_MAX];
	struct scenario s;

	if (scenario_load(&s, path, NULL, error)) {
		table_cell(ctx, "%s", name);
		table_cell(ctx, "%s", s.title);
	}
	scenario_free(&s);
	return true;
}

static int list_templates(void)
{
	struct table t;

	table_init(&t, "ll");
	table_cell(&t, "template");
	table_cell(&t, "question");
	sim_data_list("scenarios", ".ini", add_template, &t);
	table_print(&t, stdout);
	table_free(&t);
	return CMD_OK;
}

/* A bare name is one of ours, unless there is a file of that name. */
static void find_template(struct sweep_opts *o)
{
	if (!sim_is_file(o->file) && !strchr(o->file, '/') &&
	    !strchr(o->file, '.') &&
	    sim_data_path("scenarios", o->file, ".ini", o->shipped,
			  sizeof(o->shipped))) {
		o->file = o->shipped;
	}
}

static bool try_template(void *ctx, const char *name, const char *path)
{
	(void)path;
	sim_near_try(ctx, name);
	return true;
}

/* A bare name that is neither file nor template is most likely misspelt. */
static bool is_there(const struct sweep_opts *o)
{
	const char *end = strstr(o->file, ".ini");
	size_t n = end && !end[4] ? (size_t)(end - o->file) :
				    strlen(o->file);
	char *word = strndup(o->file, n);

	if (!word || strchr(o->file, '/') || sim_is_file(o->file)) {
		free(word);
		return true;
	}
	struct sim_near near = sim_near_to(word);
	sim_data_list("scenarios", ".ini", try_template, &near);
	cmd_error(o->file, "no such file, and no template of that name%s; "
		  "'gnomon sweep --templates' lists them",
		  sim_near_hint(&near));
	free(word);
	return false;
}

static const struct argp argp = {
	.options = options,
	.parser = parse_opt,
	.args_doc = "FILE -o DIR\n--list FILE\n--check DIR\n--templates",
	.doc = "Runs every point of a scenario: each recording, preset, "
	       "parameter value, seed and mode. A sweep that was interrupted "
	       "goes on where it was; of a changed scenario only what "
	       "changed is computed.",
};

static int run(const struct cmd *cmd, int argc, char **argv)
{
	struct sweep_opts o = { .sample = 5 };
	struct points points;
	int status;

	cmd_parse(cmd, argc, argv, &o);
	if (o.templates) {
		return list_templates();
	}
	if (o.check) {
		return check(&o);
	}
	find_template(&o);
	if (!is_there(&o)) {
		return CMD_USAGE;
	}
	if (points_load(&points, o.file, NULL, NULL, &status)) {
		status = o.list ? list(&points) : sweep(&o, &points);
	}
	points_free(&points);
	return status;
}

const struct cmd cmd_sweep = {
	.name = "sweep",
	.help = "run every point of a scenario file",
	.argp = &argp,
	.run = run,
};

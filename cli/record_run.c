/* SPDX-License-Identifier: BSD-2-Clause */
/* The ways to record: run, and say what came of it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "cli/cmds.h"
#include "cli/record.h"
#include "cli/table.h"
#include "cli/term.h"
#include "sim/judge.h"

static void show_size(uint64_t bytes, double seconds)
{
	char text[96];
	double rate = seconds > 0 ? (double)bytes / seconds : 0;
	size_t n = (size_t)snprintf(text, sizeof(text), "recording: %s",
				    text_bytes(bytes));

	n += (size_t)snprintf(text + n, sizeof(text) - n, ", %.0f s",
			      seconds);
	snprintf(text + n, sizeof(text) - n, ", %s per minute",
		 text_bytes((uint64_t)(60 * rate)));
	progress_text(text);
}

static void show_progress(void *arg, uint64_t events)
{
	(void)arg;
	progress_update(events);
}

static int judge(const struct record_opts *o, struct sim_rec_reader *r,
		 const struct sim_rec_summary *s)
{
	struct sim_verdict v;
	struct sim_rec_error err;
	enum sim_rec_status status;

	progress_start("judging", s->event_count);
	status = sim_judge(r, &v, show_progress, NULL, &err);
	progress_end();
	if (status != SIM_REC_OK) {
		return cmd_error_text(err.text);
	}
	printf("judged: %s accesses, %s table stores, %s faults, ",
	       text_count(v.accesses), text_count(v.stores),
	       text_count(v.faults));
	printf("%s final tables: %s violations\n", text_count(v.final_tables),
	       text_count(v.violations));
	if (v.violations) {
		return cmd_error(o->guest.out, "contradicts itself; see "
				 "'gnomon info --verify'");
	}
	return CMD_OK;
}

/* How large the recording became. */
static void show_file(const char *path, double seconds)
{
	struct sim_rec_summary s;
	struct sim_rec_reader *r;
	double minutes = seconds / 60;

	if (sim_rec_open(&r, path, NULL) != SIM_REC_OK) {
		return;
	}
	if (sim_rec_summary(r, &s) == SIM_REC_OK) {
		printf("%s: %s events, %s, %.1f s", path,
		       text_count(s.event_count), text_bytes(s.file_bytes),
		       seconds);
		printf(" (%s per minute)\n", text_bytes((uint64_t)
		       ((double)s.file_bytes / (minutes > 0 ? minutes : 1))));
	}
	sim_rec_close(r);
}

static int report(const struct record_opts *o,
		  const struct record_guest_result *result)
{
	struct sim_rec_summary s;
	struct sim_rec_reader *r;
	struct sim_rec_error err;
	int status = CMD_OK;

	if (sim_rec_open(&r, o->guest.out, &err) != SIM_REC_OK) {
		return cmd_error_text(err.text);
	}
	show_file(o->guest.out, result->seconds);
	if (!o->no_verify && sim_rec_summary(r, &s) == SIM_REC_OK) {
		status = judge(o, r, &s);
	}
	sim_rec_close(r);
	if (status == CMD_OK && result->status != 0) {
		status = cmd_error(o->command[0], "ended with status %d in "
				   "the guest; the recording is complete",
				   result->status);
	}
	return status;
}

static int run_guest(struct record_opts *o, const char *source)
{
	struct record_guest_result result;
	char why[1024] = "";
	bool good;

	if (!record_find_guest(&o->guest)) {
		return CMD_FAILED;
	}
	setenv("GNOMON_RECORD_SOURCE", source, 1);
	o->guest.progress = show_size;
	o->guest.before_line = progress_clear;
	progress_start("recording", 0);
	good = record_guest_run(&o->guest, &result, why, sizeof(why));
	progress_end();
	return good ? report(o, &result) : cmd_error_text(why);
}

/* ---- user and perf ------------------------------------------------------ */

/* How the command ended, when that was not well. */
static int end_of(const struct record_opts *o, int status, bool in_time,
		  int signal)
{
	if (!in_time) {
		return cmd_error(o->command[0], "was stopped after the time "
				 "limit; the recording goes up to there");
	}
	if (signal) {
		return cmd_error(o->command[0], "was stopped by signal %d; "
				 "the recording goes up to there", signal);
	}
	if (WIFSIGNALED(status)) {
		return cmd_error(o->command[0], "was ended by signal %d; the "
				 "recording goes up to there",
				 WTERMSIG(status));
	}
	if (WEXITSTATUS(status)) {
		return cmd_error(o->command[0], "ended with status %d; the "
				 "recording is complete",
				 WEXITSTATUS(status));
	}
	return CMD_OK;
}

static int run_user(struct record_opts *o, const char *source)
{
	struct record_user_result result;
	struct record_user u = {
		.out = o->guest.out, .command = o->command,
		.source = source, .vcpus = o->guest.vcpus,
		.filter_pages = o->guest.filter_pages,
		.timeout_seconds = o->guest.timeout_seconds,
		.progress = show_size,
	};
	char why[1024] = "";
	bool good;

	if (!record_find_user(&u, o)) {
		return CMD_FAILED;
	}
	progress_start("recording", 0);
	good = record_user_run(&u, &result, why, sizeof(why));
	progress_end();
	if (!good) {
		return cmd_error_text(why);
	}
	show_file(o->guest.out, result.seconds);
	printf("%s processes and threads", text_count(result.processes));
	if (result.escaped) {
		printf(", %s programs ran unseen",
		       text_count(result.escaped));
	}
	if (result.lost) {
		printf(", %s records lost", text_count(result.lost));
	}
	putchar('\n');
	return end_of(o, result.status, result.in_time, result.signal);
}

static int run_perf(struct record_opts *o, const char *source)
{
	struct record_perf_result result;
	struct record_perf p = {
		.out = o->guest.out, .command = o->command,
		.source = source,
		.timeout_seconds = o->guest.timeout_seconds,
		.progress = show_size,
	};
	char why[1024] = "";
	bool good;

	if (!record_find_perf(&p, o)) {
		return CMD_FAILED;
	}
	progress_start("recording", 0);
	good = record_perf_run(&p, &result, why, sizeof(why));
	progress_end();
	if (!good) {
		return cmd_error_text(why);
	}
	show_file(o->guest.out, result.seconds);
	if (result.lost) {
		return cmd_error(o->guest.out, "%s events were lost on the "
				 "way; record less at a time",
				 text_count(result.lost));
	}
	return end_of(o, result.status, result.in_time, result.signal);
}

#define TAKES(what) (1u << RECORD_TAKES_ ## what)

const struct record_kind record_kinds[] = {
	{ "guest", TAKES(GUEST) | TAKES(VCPUS) | TAKES(FILTER) | TAKES(QEMU) |
		   TAKES(TIMEOUT), run_guest },
	{ "user", TAKES(VCPUS) | TAKES(FILTER) | TAKES(QEMU) | TAKES(TIMEOUT),
	  run_user },
	{ "perf", TAKES(PERF) | TAKES(TIMEOUT), run_perf },
};
const size_t record_kind_count =
	sizeof(record_kinds) / sizeof(record_kinds[0]);

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The model kernel against the recorded one: the same system calls and
 * touches must give the same table stores, CR3 loads, INVLPGs and faults.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "sim/work.h"
#include "sim/program.h"
#include "tests/kernel/watch.h"

/*
 * Per vfork+exec+exit of /bin/true between the markers 2 and 3 of the shipped
 * recording fork-exec-50: 30,775 / 50 and so on.
 */
#define RECORDED_STORES 615.5
#define RECORDED_CR3 3.06
#define RECORDED_INVLPG 32.1
#define RECORDED_FAULTS 47.54

enum { ROUNDS = 20 };

static void within(const char *what, uint64_t before, uint64_t after,
		   double recorded)
{
	double ours = (double)(after - before) / ROUNDS;

	cr_assert(ours > recorded * 0.9 && ours < recorded * 1.1,
		  "%s per exec: %.2f, recorded %.2f", what, ours, recorded);
}

static void one_round(struct sim_kern *k, struct sim_proc *shell,
		      struct sim_kern_file *const *files)
{
	struct sim_proc *child = sim_kern_vfork(k, shell);

	sim_kern_run(k, child);
	sim_program_run(k, child, &sim_program_true, files);
	sim_kern_exit(k, child);
	sim_kern_run(k, shell);
}

Test(kernel, exec_counts_are_those_of_the_recorded_kernel)
{
	struct sim_kern_config cfg = sim_kern_config_default();
	struct sim_kern_file *files[SIM_PROGRAM_FILES_MAX];
	static struct watch w;
	struct sim_kern *k;

	cr_assert(watch_start(&w, &cfg, &k));
	sim_program_load(k, &sim_program_true, files);
	struct sim_proc *shell = sim_kern_spawn(k);

	sim_kern_run(k, shell);
	sim_program_run(k, shell, &sim_program_true, files);
	struct sim_kern_counts a = sim_kern_counts(k);

	for (int i = 0; i < ROUNDS; i++) {
		one_round(k, shell, files);
	}
	struct sim_kern_counts b = sim_kern_counts(k);

	cr_assert_null(sim_kern_error(k), "%s", sim_kern_error(k));
	cr_assert_str_empty(w.wrong, "%s", w.wrong);
	within("table stores", a.table_stores, b.table_stores,
	       RECORDED_STORES);
	within("CR3 loads", a.cr3_loads, b.cr3_loads, RECORDED_CR3);
	within("INVLPGs", a.invlpgs, b.invlpgs, RECORDED_INVLPG);
	within("faults", a.faults, b.faults, RECORDED_FAULTS);
	watch_end(&w, k);
}

Test(kernel, frames_of_ended_processes_are_used_again)
{
	struct sim_kern_config cfg = sim_kern_config_default();
	struct sim_kern_file *files[SIM_PROGRAM_FILES_MAX];
	static struct watch w;
	struct sim_kern *k;

	/* Without reuse 3,000 execs would need 9 times this memory. */
	cfg.ram_bytes = UINT64_C(64) << 20;
	cr_assert(watch_start(&w, &cfg, &k));
	sim_program_load(k, &sim_program_true, files);
	struct sim_proc *shell = sim_kern_spawn(k);

	sim_kern_run(k, shell);
	sim_program_run(k, shell, &sim_program_true, files);
	for (int i = 0; i < 3000; i++) {
		one_round(k, shell, files);
	}
	cr_assert_null(sim_kern_error(k), "%s", sim_kern_error(k));
	watch_end(&w, k);
}

/* Per subshell of the recording subshell-40: 58,421 / 40 and so on. */
struct window {
	uint64_t count[SIM_EV_TYPE_END];
	uint64_t from[SIM_EV_TYPE_END], to[SIM_EV_TYPE_END];
};

static bool on_event(void *ctx, const struct sim_event *ev)
{
	struct window *w = ctx;

	w->count[ev->type]++;
	if (ev->type == SIM_EV_MARKER) {
		memcpy(ev->value == 2 ? w->from : w->to, w->count,
		       sizeof(w->count));
	}
	return true;
}

Test(kernel, fork_counts_are_those_of_the_recorded_kernel)
{
	static struct window w;
	struct sim_kern_sink sink = { .event = on_event, .ctx = &w };
	struct sim_work_spec spec;
	char why[256], text[64];

	snprintf(text, sizeof(text), "subshell,count=%d", ROUNDS);
	cr_assert(sim_work_parse(text, &spec, why), "%s", why);
	cr_assert(sim_work_run(&spec, 1, &sink, why), "%s", why);
	within("table stores", w.from[SIM_EV_TABLE_STORE],
	       w.to[SIM_EV_TABLE_STORE], 1460.5);
	within("CR3 loads", w.from[SIM_EV_CR3], w.to[SIM_EV_CR3], 4.07);
	within("INVLPGs", w.from[SIM_EV_INVLPG], w.to[SIM_EV_INVLPG], 10.12);
	within("faults", w.from[SIM_EV_FAULT], w.to[SIM_EV_FAULT], 33.6);
	within("new tables", w.from[SIM_EV_TABLE_IMAGE],
	       w.to[SIM_EV_TABLE_IMAGE], 12.2);
}

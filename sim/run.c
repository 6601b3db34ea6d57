/* SPDX-License-Identifier: BSD-2-Clause */
#include "sim/run.h"

#include <assert.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sim/epochs.h"
#include "sim/mode.h"
#include "sim/mode_switching.h"
#include "sim/preset.h"
#include "sim/replay.h"
#include "sim/source.h"
#include "sim/text.h"
#include "sim/window.h"

enum { PROGRESS_EVENTS = 1 << 14 };

#define RAM_DEFAULT ((uint64_t)4 << 30)	/* when a recording does not say */

struct sim_job sim_job_default(void)
{
	return (struct sim_job){ .mode = SIM_MODE_NATIVE, .seed = 1 };
}

/* Everything of one run; on the heap because it is large. */
struct run {
	const struct sim_job *job;
	struct sim_preset preset;
	struct sim_source source;
	struct sim_guest guest;
	struct sim_replay replay;
	struct sim_error *error;
	bool enough;		/* event_max is reached */
};

static bool load_preset(struct run *run, struct sim_error *error)
{
	const struct sim_job *job = run->job;
	const char *name = job->preset ? job->preset : sim_default_preset();

	if (!sim_preset_load(name, &run->preset, error)) {
		return false;
	}
	for (size_t i = 0; i < job->set_count; i++) {
		if (!sim_preset_set(&run->preset, job->sets[i], error)) {
			return false;
		}
	}
	return sim_preset_check(&run->preset, error);
}

static bool make_guest(struct run *run, struct sim_error *error)
{
	const struct sim_rec_info *info = &run->source.info;
	struct sim_guest_config config = {
		.mode = run->job->mode,
		.preset = &run->preset,
		.ram_bytes = info->ram_bytes ? info->ram_bytes : RAM_DEFAULT,
		.vcpus = info->vcpus,
		.maxphyaddr = info->maxphyaddr,
		.engine_off = run->job->engine_off,
		.regs = {
			.cr0 = info->cr0, .cr3 = info->cr3,
			.cr4 = info->cr4, .efer = info->efer,
		},
		.seed = run->job->seed,
	};

	if (!sim_guest_init(&run->guest, &config, error) ||
	    !sim_replay_init(&run->replay, &run->guest, info,
			     run->job->verify, error)) {
		return false;
	}
	if (sim_mode_is(run->job->mode, SIM_MF_CHANCE)) {
		sim_switching_init(&run->guest, run->job->seed,
				   run->job->switch_every);
	}
	run->replay.audit_every = run->job->audit_every;
	run->replay.failed = run->job->failed;
	run->replay.failed_ctx = run->job->ctx;
	return true;
}

static bool report_progress(struct run *run, struct sim_error *error)
{
	const struct sim_job *job = run->job;

	if (!job->progress || run->replay.event % PROGRESS_EVENTS ||
	    job->progress(job->ctx, run->replay.event, run->source.total)) {
		return true;
	}
	sim_fail(error, SIM_ERR_CANCELLED, "%s: cancelled", job->input);
	return false;
}

static bool replay_one(void *ctx, const struct sim_event *ev)
{
	struct run *run = ctx;
	uint64_t limit = run->job->event_max;

	if (limit && run->replay.event >= limit) {
		run->enough = true;
		return false;
	}
	if (run->job->epochs) {
		sim_epochs_event(run->job->epochs, &run->guest, ev,
				 run->replay.event);
	}
	return sim_replay_event(&run->replay, ev) &&
	       report_progress(run, run->error);
}

static bool hold_back(void *ctx, const struct sim_event *ev)
{
	return sim_window_event(ctx, ev);
}

static bool replay_all(struct run *run, struct sim_error *error)
{
	struct sim_window window = {
		.out = replay_one, .ctx = run, .guest = &run->guest,
	};
	bool good;

	run->error = error;
	good = sim_source_play(&run->source, run->job->seed, hold_back,
			       &window, error) && sim_window_drain(&window);
	if (!good && !run->enough) {
		return false;
	}
	return !run->job->verify || sim_replay_audit(&run->replay);
}

/* ---- results --------------------------------------------------------- */

static void take_name(struct sim_result *result, const struct sim_job *job)
{
	if (job->workload) {
		sim_copy(result->workload, sizeof(result->workload),
			 job->workload);
	} else {
		sim_source_name(job->input, result->workload);
	}
}

static void take_machine(struct sim_result *result, struct sim_guest *guest)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < guest->machine.vcpu_count; i++) {
		const struct sim_vcpu *v = &guest->machine.vcpus[i];

		for (int cat = 0; cat < SIM_CAT_COUNT; cat++) {
			result->cycles_by[cat] += v->cycles[cat];
			result->cycles += v->cycles[cat];
		}
		result->accesses += v->counts.accesses;
		result->l1_hits += v->counts.l1_hits;
		result->l2_hits += v->counts.l2_hits;
		result->tlb_misses += v->counts.misses;
		result->walks += v->counts.walks;
		result->walk_refs += v->counts.walk_refs;
		for (int n = 0; n <= SIM_REFS_MAX; n++) {
			result->walks_by_refs[n] += v->counts.walks_by_refs[n];
		}
		result->tlb_flushes += v->counts.tlb_flushes;
		result->page_flushes += v->counts.page_flushes;
	}
	result->tlb_hits = result->l1_hits + result->l2_hits;
	for (int cat = 0; cat < SIM_CAT_COUNT; cat++) {
		sum += result->cycles_by[cat];
	}
	assert(sum == result->cycles);
}

static void take_guest(struct sim_result *result, struct sim_guest *guest)
{
	const struct sim_guest_counts *c = &guest->counts;
	bool mixed = sim_mode_is(guest->mode, SIM_MF_MIXED);
	uint64_t tables = sim_arena_peak(&guest->mem.tables);
	struct gnomon_stats stats = { 0 };

	result->exits = c->exits;
	result->true_faults = c->true_faults;
	result->hidden_faults = c->by_kind[GNOMON_KIND_HIDDEN];
	result->trace_faults = c->by_kind[GNOMON_KIND_TRACE];
	result->host_faults = c->by_kind[GNOMON_KIND_HOST];
	result->nested_violations = c->by_kind[GNOMON_KIND_NESTED];
	result->spurious_faults = c->by_kind[GNOMON_KIND_SPURIOUS];
	result->trace_leaf = c->trace_leaf;
	result->trace_upper = c->trace_upper;
	result->trace_open = c->trace_open;
	result->cr3_exits = c->cr3_exits;
	result->invlpg_exits = c->invlpg_exits;
	result->mmio = c->mmio;
	result->kicks = c->kicks;
	result->lock_waits = guest->lock.waits;
	result->lock_wait_cycles = guest->lock.wait_cycles;
	result->hypercalls = c->hypercalls;
	result->mode_switches = c->mode_switches;
	result->pages_zapped = c->pages_zapped;
	if (guest->vm) {
		gnomon_vm_stats(guest->vm, &stats, sizeof(stats));
	}
	result->shadow_pages_peak = stats.shadow_pages_peak;
	result->pages_flooded = stats.mmu_flooded;
	result->sptes_synced = stats.sptes_synced;
	result->tables_synced = stats.syncs;
	result->shadow_bytes_peak =
		mixed ? stats.shadow_pages_peak * GNOMON_PAGE_BYTES :
		sim_mode_is(guest->mode, SIM_MF_SHADOW) ? tables : 0;
	result->nested_bytes_peak =
		mixed ? stats.nested_pages_peak * GNOMON_PAGE_BYTES :
		sim_mode_is(guest->mode, SIM_MF_NESTED) ? tables : 0;
	result->meta_bytes_peak = sim_arena_peak(&guest->mem.meta);
	result->ram_bytes = sim_hostmem_touched(&guest->mem);
}

static void take_result(struct run *run, struct sim_result *result)
{
	const struct sim_replay *replay = &run->replay;

	take_name(result, run->job);
	sim_copy(result->mode, sizeof(result->mode),
		 sim_mode_name(run->job->mode));
	sim_copy(result->preset, sizeof(result->preset), run->preset.name);
	result->seed = run->job->seed;
	result->instructions = replay->instr - replay->start_instr;
	take_machine(result, &run->guest);
	take_guest(result, &run->guest);
	result->page_faults = replay->page_faults;
	result->audits = replay->audits;
	result->verified = replay->verified;
	result->final_tables = replay->final_tables;
	result->explain = replay->explain;
	result->window = replay->window;
	result->overhead = NAN;
}

static double seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Those that still go on. */
static bool end_walks(struct sim_guest *guest)
{
	for (unsigned i = 0; i < guest->machine.vcpu_count; i++) {
		sim_overlap_drain(&guest->machine.vcpus[i]);
	}
	return true;
}

static bool run_job(struct run *run, struct sim_result *result,
		    struct sim_error *error)
{
	bool good = load_preset(run, error) &&
		    sim_source_open(&run->source, run->job->input, error) &&
		    make_guest(run, error) && replay_all(run, error) &&
		    end_walks(&run->guest) && sim_lock_settle(&run->guest);

	if (good && run->job->epochs) {
		sim_epochs_end(run->job->epochs, &run->guest);
	}
	if (good) {
		take_result(run, result);
	}
	sim_replay_done(&run->replay);
	sim_guest_done(&run->guest);
	sim_source_close(&run->source);
	return good;
}

bool sim_run(const struct sim_job *job, struct sim_result *result,
	     struct sim_error *error)
{
	struct sim_error ignored = { 0 };
	struct run *run = calloc(1, sizeof(*run));
	double start = seconds_now();
	bool good = false;

	error = error ? error : &ignored;
	memset(error, 0, sizeof(*error));
	memset(result, 0, sizeof(*result));
	if (run) {
		run->job = job;
		good = run_job(run, result, error);
		free(run);
	} else {
		sim_fail(error, SIM_ERR_NOMEM, "no memory for a run");
	}
	result->seconds = seconds_now() - start;
	return good;
}

/* ---- many ------------------------------------------------------------ */

struct batch {
	const struct sim_job *jobs;
	size_t count;
	struct sim_result *results;
	struct sim_error *errors;
	atomic_size_t next;
};

static void *work(void *arg)
{
	struct batch *batch = arg;
	size_t i;

	while ((i = atomic_fetch_add(&batch->next, 1)) < batch->count) {
		sim_run(&batch->jobs[i], &batch->results[i],
			&batch->errors[i]);
	}
	return NULL;
}

static void fill_overheads(struct batch *batch)
{
	for (size_t i = 0; i < batch->count; i++) {
		struct sim_result *r = &batch->results[i];

		for (size_t n = 0; n < batch->count; n++) {
			const struct sim_result *base = &batch->results[n];

			if (batch->jobs[n].mode == SIM_MODE_NATIVE &&
			    batch->errors[n].kind == SIM_ERR_NONE &&
			    base->cycles &&
			    !strcmp(base->workload, r->workload) &&
			    !strcmp(base->preset, r->preset)) {
				r->overhead = (double)r->cycles /
					      (double)base->cycles - 1;
			}
		}
	}
}

size_t sim_run_all(const struct sim_job *jobs, size_t count, unsigned threads,
		   struct sim_result *results, struct sim_error *errors)
{
	struct batch batch = { jobs, count, results, errors, 0 };
	pthread_t *started = calloc(threads ? threads : 1, sizeof(*started));
	size_t failed = 0;
	unsigned running = 0;

	while (started && running + 1 < threads && running + 1 < count &&
	       !pthread_create(&started[running], NULL, work, &batch)) {
		running++;
	}
	work(&batch);
	while (running > 0) {
		pthread_join(started[--running], NULL);
	}
	free(started);
	fill_overheads(&batch);
	for (size_t i = 0; i < count; i++) {
		failed += errors[i].kind != SIM_ERR_NONE;
	}
	return failed;
}

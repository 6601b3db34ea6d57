/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Process-level recordings on the guest kernel model: each kind of event does
 * what the call of the model does, what a recording leaves open is filled in,
 * and no stream of events, however absurd, makes the model's events wrong.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "sim/kern_play.h"
#include "tests/kernel/watch.h"
#include "tests/support/seed.h"

#define HEAP UINT64_C(0x100000000)
#define TEXT UINT64_C(0x400000)
#define STACK UINT64_C(0x7ffffffde000)
#define RW (SIM_PROT_R | SIM_PROT_W)

enum { LIST_MAX = 4096 };

struct list {
	struct sim_event ev[LIST_MAX];
	unsigned count;
	uint64_t instr;
};

static void put(struct list *l, uint32_t pid, struct sim_event ev)
{
	l->instr += 10;
	ev.instr = l->instr;
	ev.pid = pid;
	ev.tid = ev.tid ? ev.tid : pid;
	if (ev.text) {
		ev.text_bytes = (uint32_t)strlen(ev.text);
	}
	cr_assert(l->count < LIST_MAX);
	l->ev[l->count++] = ev;
}

static void touch(struct list *l, uint32_t pid, uint64_t gva, bool write)
{
	put(l, pid, (struct sim_event){
		.type = SIM_EV_ACCESS, .gva = gva, .size = 8,
		.flags = SIM_F_USER | (write ? SIM_F_WRITE : 0) });
}

static void map(struct list *l, uint32_t pid, uint64_t gva, uint64_t pages,
		const char *path)
{
	put(l, pid, (struct sim_event){
		.type = SIM_EV_MMAP, .gva = gva, .value = pages * 4096,
		.sub = RW, .text = path, .flags = path ? 0 : SIM_F_ANON });
}

static void simple(struct list *l, uint32_t pid, uint8_t type, uint64_t value)
{
	put(l, pid, (struct sim_event){ .type = type, .value = value });
}

static void exec(struct list *l, uint32_t pid)
{
	put(l, pid, (struct sim_event){ .type = SIM_EV_EXEC,
					.text = "/bin/test" });
	put(l, pid, (struct sim_event){
		.type = SIM_EV_MMAP, .gva = STACK, .value = 33 * 4096,
		.sub = RW, .flags = SIM_F_STACK | SIM_F_ANON });
	map(l, pid, TEXT, 20, "/bin/test");
}

struct outcome {
	struct sim_kern_counts kern;
	struct sim_play_counts play;
};

/* Plays under the judge; the kernel must not fail. */
static struct outcome run(const struct list *l, struct sim_kern_config cfg)
{
	static struct watch w;
	struct sim_play *p = sim_play_new();
	struct outcome out;
	struct sim_kern *k;

	for (unsigned i = 0; i < l->count; i++) {
		cr_assert(sim_play_plan(p, &l->ev[i]));
	}
	sim_play_config(p, &cfg);
	cr_assert(watch_start(&w, &cfg, &k));
	sim_play_start(p, k);
	for (unsigned i = 0; i < l->count && !w.wrong[0]; i++) {
		sim_play_event(p, &l->ev[i]);
	}
	sim_play_end(p);
	cr_assert_eq(w.wrong[0], 0, "%s", w.wrong);
	cr_assert_null(sim_kern_error(k), "%s", sim_kern_error(k));
	out.kern = sim_kern_counts(k);
	out.play = sim_play_counts(p);
	watch_end(&w, k);
	sim_play_free(p);
	return out;
}

static struct outcome run_default(const struct list *l)
{
	return run(l, sim_kern_config_default());
}

/* The same life by calls of the model. */
static struct sim_kern_counts by_calls(void)
{
	static const struct sim_image_map maps[] = {
		{ .gva = TEXT, .pages = 20, .prot = RW, .file = 0 },
	};
	struct sim_kern_config cfg = sim_kern_config_default();
	struct sim_kern_counts n;
	struct sim_kern_file *file;
	static struct watch w;
	struct sim_kern *k;
	struct sim_proc *p, *child;

	cr_assert(watch_start(&w, &cfg, &k));
	file = sim_kern_file(k, 20);
	p = sim_kern_spawn(k);
	sim_kern_run(k, p);
	sim_kern_exec(k, p, maps, 1, &file, STACK + 33 * 4096, 33);
	sim_kern_touch(k, p, TEXT, SIM_F_USER);
	sim_kern_mmap(k, p, HEAP, 8 * 4096, RW, 0, NULL, 0);
	sim_kern_touch(k, p, HEAP, SIM_F_USER | SIM_F_WRITE);
	child = sim_kern_fork(k, p);
	sim_kern_touch(k, p, HEAP, SIM_F_USER | SIM_F_WRITE);
	sim_kern_run(k, child);
	sim_kern_touch(k, child, HEAP, SIM_F_USER | SIM_F_WRITE);
	sim_kern_mprotect(k, child, HEAP, 4096, SIM_PROT_R);
	sim_kern_munmap(k, child, HEAP, 8 * 4096);
	sim_kern_exit(k, child);
	sim_kern_run(k, p);
	sim_kern_exit(k, p);
	n = sim_kern_counts(k);
	watch_end(&w, k);
	return n;
}

Test(play, events_act_as_the_calls_do)
{
	static struct list l;
	struct sim_kern_counts want = by_calls(), got;

	exec(&l, 7);
	touch(&l, 7, TEXT, false);
	map(&l, 7, HEAP, 8, NULL);
	touch(&l, 7, HEAP, true);
	simple(&l, 7, SIM_EV_FORK, 8);
	touch(&l, 7, HEAP, true);
	touch(&l, 8, HEAP, true);
	put(&l, 8, (struct sim_event){ .type = SIM_EV_MPROTECT, .gva = HEAP,
				       .value = 4096, .sub = SIM_PROT_R });
	put(&l, 8, (struct sim_event){ .type = SIM_EV_MUNMAP, .gva = HEAP,
				       .value = 8 * 4096 });
	simple(&l, 8, SIM_EV_EXIT, 0);
	put(&l, 7, (struct sim_event){ .type = SIM_EV_SWITCH });
	simple(&l, 7, SIM_EV_EXIT, 0);
	struct outcome o = run_default(&l);

	got = o.kern;
	cr_assert_eq(got.table_stores, want.table_stores, "%lu, not %lu",
		     (unsigned long)got.table_stores,
		     (unsigned long)want.table_stores);
	cr_assert_eq(got.cr3_loads, want.cr3_loads);
	cr_assert_eq(got.invlpgs, want.invlpgs);
	cr_assert_eq(got.faults, want.faults);
	cr_assert_eq(got.images, want.images);
	cr_assert_eq(got.exits, 2);
	cr_assert_eq(o.play.spawned, 1);
	cr_assert_eq(o.play.adopted + o.play.widened + o.play.ignored, 0);
}

Test(play, vfork_and_threads_share_the_tables)
{
	static struct list l, with;
	struct outcome alone, shared;

	exec(&l, 7);
	map(&l, 7, HEAP, 8, NULL);
	touch(&l, 7, HEAP, true);
	with = l;
	alone = run_default(&l);
	simple(&with, 7, SIM_EV_VFORK, 8);
	touch(&with, 8, HEAP, true);
	simple(&with, 8, SIM_EV_EXIT, 0);
	put(&with, 7, (struct sim_event){ .type = SIM_EV_FORK, .value = 9,
					  .flags = SIM_F_THREAD });
	put(&with, 7, (struct sim_event){
		.type = SIM_EV_ACCESS, .tid = 9, .gva = HEAP, .size = 8,
		.flags = SIM_F_USER | SIM_F_WRITE });
	put(&with, 7, (struct sim_event){ .type = SIM_EV_EXIT, .tid = 9 });
	shared = run_default(&with);
	cr_assert_eq(shared.kern.table_stores, alone.kern.table_stores);
	cr_assert_eq(shared.kern.cr3_loads, alone.kern.cr3_loads);
	cr_assert_eq(shared.kern.faults, alone.kern.faults);
	cr_assert_eq(shared.kern.forks, 2);
	cr_assert_eq(shared.play.spawned, 1);
}

Test(play, what_is_left_open_is_filled_in)
{
	static struct list l;
	struct outcome o;

	exec(&l, 7);
	touch(&l, 7, STACK - 3 * 4096, true);	/* the stack grows */
	touch(&l, 7, HEAP, true);		/* nothing is known there */
	touch(&l, 7, HEAP + 4096 - 4, true);	/* and reaches over */
	put(&l, 7, (struct sim_event){ .type = SIM_EV_MPROTECT, .gva = TEXT,
				       .value = 4096, .sub = SIM_PROT_R });
	touch(&l, 7, TEXT, true);		/* succeeded all the same */
	touch(&l, 7, UINT64_C(0xffffffffff600000), false);
	put(&l, 99, (struct sim_event){ .type = SIM_EV_SWITCH });
	put(&l, 7, (struct sim_event){ .type = SIM_EV_MUNMAP, .gva = TEXT });
	o = run_default(&l);
	cr_assert_eq(o.play.grown, 1);
	cr_assert_eq(o.play.adopted, 2);
	cr_assert_eq(o.play.widened, 1);
	cr_assert_eq(o.play.spawned, 2);
	cr_assert_eq(o.play.ignored, 2);
	cr_assert_eq(o.play.refused, 0);
}

Test(play, a_fault_against_the_mapping_stays_one)
{
	static struct list l;
	struct outcome o;

	exec(&l, 7);
	put(&l, 7, (struct sim_event){ .type = SIM_EV_MPROTECT, .gva = TEXT,
				       .value = 4096, .sub = SIM_PROT_R });
	put(&l, 7, (struct sim_event){ .type = SIM_EV_FAULT, .gva = TEXT,
				       .value = 6 });
	o = run_default(&l);
	cr_assert_eq(o.play.refused, 1);
	cr_assert_eq(o.kern.faults, 1);
}

Test(play, brk_grows_and_shrinks_the_heap)
{
	static struct list l;
	struct outcome o;

	exec(&l, 7);
	put(&l, 7, (struct sim_event){ .type = SIM_EV_BRK, .gva = HEAP });
	put(&l, 7, (struct sim_event){ .type = SIM_EV_BRK,
				       .gva = HEAP + 0x21000 });
	touch(&l, 7, HEAP + 0x20000, true);
	simple(&l, 7, SIM_EV_FORK, 8);
	put(&l, 8, (struct sim_event){ .type = SIM_EV_BRK,
				       .gva = HEAP + 0x1000 });
	touch(&l, 8, HEAP + 0x800, true);
	touch(&l, 7, HEAP + 0x20000, true);
	o = run_default(&l);
	cr_assert_eq(o.play.adopted, 0);
	touch(&l, 8, HEAP + 0x20000, true);
	o = run_default(&l);
	cr_assert_eq(o.play.adopted, 1);
}

/* Anything at all: ranges that overlap or make no sense, numbers reused. */
static struct sim_event absurd(struct test_rng *rng)
{
	static const uint64_t places[] = {
		0, 4096, TEXT, HEAP, HEAP + (1u << 21) - 4096, STACK,
		UINT64_C(0x7ffffffff000), UINT64_C(0x800000000000),
		UINT64_C(0xffffffffff600000), UINT64_MAX - 100,
	};
	static const char *const names[] = { "/a", "/b", "[vdso]", "[heap]" };
	uint64_t span = test_rng_below(rng, 3) ? 64 * 4096 :
			test_rng_below(rng, 9) ? 3u << 21 : test_rng_next(rng);
	struct sim_event ev = {
		.type = (uint8_t)test_rng_below(rng, SIM_EV_TYPE_END),
		.gva = places[test_rng_below(rng, 10)] +
		       test_rng_below(rng, 100) * 1234,
		.value = test_rng_below(rng, span ? span : 1),
		.gpa = test_rng_below(rng, 1u << 20),
		.to = places[test_rng_below(rng, 10)] +
		      test_rng_below(rng, 100) * 1234,
		.sub = (uint8_t)test_rng_below(rng, 26),
		.flags = (uint16_t)test_rng_below(rng, SIM_F_ALL + 1),
		.size = (uint16_t)(1 + test_rng_below(rng, 4096)),
		.vcpu = (uint16_t)test_rng_below(rng, 4),
		.text = names[test_rng_below(rng, 4)],
	};

	if (ev.type < SIM_EV_FORK) {
		ev.type = test_rng_below(rng, 4) ? SIM_EV_ACCESS :
						   SIM_EV_FAULT;
		ev.value &= 31;
	}
	if (ev.type == SIM_EV_FORK || ev.type == SIM_EV_VFORK) {
		ev.value = 1 + test_rng_below(rng, 12);
	}
	ev.tid = test_rng_below(rng, 4) ? 0 :
		 (uint32_t)(1 + test_rng_below(rng, 12));
	return ev;
}

Test(play, no_stream_makes_the_model_wrong, .timeout = 240)
{
	static struct list l;
	uint64_t rounds = test_rounds(12);

	for (uint64_t i = 0; i < rounds; i++) {
		uint64_t seed = test_seed() + i;
		struct test_rng rng = test_rng_init(seed);
		struct sim_kern_config cfg = sim_kern_config_default();

		test_print_repeat("tests/kernel/play", "play", seed);
		cfg.kpti = i & 1;
		cfg.pcid = i & 2;
		cfg.thp = i & 4;
		cfg.ram_bytes = UINT64_C(8) << 30;
		l.count = 0;
		while (l.count < 3000) {
			put(&l, (uint32_t)(1 + test_rng_below(&rng, 12)),
			    absurd(&rng));
		}
		run(&l, cfg);
	}
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Random processes under every configuration of the model kernel; the oracle
 * judges each access and fault.
 */
#include <criterion/criterion.h>

#include "tests/kernel/watch.h"
#include "tests/support/seed.h"

enum { PROCS = 6, AREAS = 4, AREA_PAGES = 1200, STEPS = 1500 };

struct life {
	struct sim_proc *proc;
	bool mapped[AREAS];
	bool readonly[AREAS];
};

struct world {
	struct sim_kern *k;
	struct sim_kern_file *file;
	struct test_rng rng;
	struct life life[PROCS];
};

static uint64_t area_gva(unsigned area)
{
	/* Neighbours in one table, and others far away. */
	return UINT64_C(0x10000000) + area * UINT64_C(0x4b0000) +
	       (area == 3 ? UINT64_C(0x700000000000) : 0);
}

static void touch(struct world *s, struct life *l)
{
	unsigned area = (unsigned)test_rng_below(&s->rng, AREAS);
	uint64_t page = test_rng_below(&s->rng, AREA_PAGES);
	bool write = test_rng_below(&s->rng, 2) && !l->readonly[area];

	if (l->mapped[area]) {
		sim_kern_touch(s->k, l->proc, area_gva(area) + page * 4096 + 8,
			       SIM_F_USER | (write ? SIM_F_WRITE : 0));
	}
}

static void map(struct world *s, struct life *l)
{
	unsigned area = (unsigned)test_rng_below(&s->rng, AREAS);
	bool file = test_rng_below(&s->rng, 2);
	uint64_t bytes = UINT64_C(4096) * AREA_PAGES;

	if (l->mapped[area]) {
		sim_kern_munmap(s->k, l->proc, area_gva(area), bytes);
		l->mapped[area] = false;
		return;
	}
	sim_kern_mmap(s->k, l->proc, area_gva(area), bytes,
		      SIM_PROT_R | SIM_PROT_W,
		      test_rng_below(&s->rng, 4) == 0 ? SIM_KERN_SHARED : 0,
		      file ? s->file : NULL, 0);
	l->mapped[area] = true;
	l->readonly[area] = false;
}

static void protect(struct world *s, struct life *l)
{
	unsigned area = (unsigned)test_rng_below(&s->rng, AREAS);

	if (!l->mapped[area]) {
		return;
	}
	l->readonly[area] = !l->readonly[area];
	sim_kern_mprotect(s->k, l->proc, area_gva(area),
			  UINT64_C(4096) * AREA_PAGES,
			  SIM_PROT_R | (l->readonly[area] ? 0 : SIM_PROT_W));
}

static void fork_or_exit(struct world *s, struct life *l)
{
	struct life *other = &s->life[test_rng_below(&s->rng, PROCS)];

	if (other == l) {
		return;
	}
	if (other->proc) {
		sim_kern_run(s->k, other->proc);
		sim_kern_exit(s->k, other->proc);
		other->proc = NULL;
	} else {
		*other = *l;
		other->proc = sim_kern_fork(s->k, l->proc);
	}
}

static void step(struct world *s, unsigned vcpus)
{
	struct life *l = &s->life[test_rng_below(&s->rng, PROCS)];

	if (!l->proc) {
		return;
	}
	/* One vcpu a process: the model moves none between them. */
	sim_kern_on_vcpu(s->k, (unsigned)(l - s->life) % vcpus);
	sim_kern_run(s->k, l->proc);
	switch (test_rng_below(&s->rng, 12)) {
	case 0:
		map(s, l);
		break;
	case 1:
		protect(s, l);
		break;
	case 2:
		if (vcpus == 1) {
			fork_or_exit(s, l);
		}
		break;
	default:
		for (unsigned i = 0; i < 8; i++) {
			touch(s, l);
		}
		break;
	}
}

static void play(uint64_t seed, const struct sim_kern_config *cfg)
{
	static struct watch w;
	struct world s = { .rng = test_rng_init(seed) };

	cr_assert(watch_start(&w, cfg, &s.k));
	s.file = sim_kern_file(s.k, AREA_PAGES);
	unsigned first = cfg->vcpus > 1 ? PROCS : 1;

	for (unsigned i = 0; i < first; i++) {
		s.life[i].proc = sim_kern_spawn(s.k);
	}
	for (unsigned i = 0; i < STEPS && !sim_kern_error(s.k); i++) {
		step(&s, cfg->vcpus);
	}
	if (w.wrong[0] || sim_kern_error(s.k)) {
		test_print_repeat("tests/kernel/random", "kernel", seed);
	}
	cr_assert_null(sim_kern_error(s.k), "%s", sim_kern_error(s.k));
	cr_assert_str_empty(w.wrong, "%s", w.wrong);
	cr_assert_gt(w.checked, 1000);
	watch_end(&w, s.k);
}

Test(kernel, random_processes_obey_their_own_tables)
{
	uint64_t rounds = test_rounds(2), seed = test_seed();

	for (uint64_t i = 0; i < rounds * 16; i++) {
		struct sim_kern_config cfg = sim_kern_config_default();

		cfg.pcid = i & 1;
		cfg.kpti = i & 2;
		cfg.thp = i & 4;
		cfg.vcpus = i & 8 ? 3 : 1;
		play(seed + i, &cfg);
	}
}

Test(kernel, impossible_configurations_are_refused)
{
	struct sim_kern_config cfg = sim_kern_config_default();
	struct sim_kern_sink sink = { 0 };
	const char *why;

	cfg.ram_bytes = 4096;
	cr_assert_null(sim_kern_create(&cfg, &sink, &why));
	cr_assert_not_null(why);
	cfg = sim_kern_config_default();
	cfg.vcpus = 65;
	cr_assert_null(sim_kern_create(&cfg, &sink, &why));
	cfg = sim_kern_config_default();
	cfg.fault_around = 3;
	cr_assert_null(sim_kern_create(&cfg, &sink, &why));
}

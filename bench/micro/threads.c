/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Hidden faults, and nested violations of 4K pages, of two vcpus on two
 * threads, each in a region of its own, against one vcpu alone under the same
 * lock. Rows of bench.csv: pages per microsecond, the baseline being one thread
 * in the same batch.
 *
 * Each run makes its leaf tables on the way: every 512th fault holds the vm
 * alone. Each thread has a CPU and a stock of host pages of its own. A run
 * takes about a millisecond, so that on a busy machine some have both CPUs to
 * themselves: the fastest of RUNS counts, each vcpu alone (their mean is the
 * baseline) and both in turn, and of the BATCHES the one with the median ratio
 * is printed.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "bench/micro/world.h"

#define PLAIN ((uint32_t)GNOMON_OPT_ALL & ~(uint32_t)GNOMON_OPT_UNSYNC & \
	       ~(uint32_t)GNOMON_OPT_PREFETCH)

enum { VCPUS = 2, TABLES = 32, RUNS = 60, BATCHES = 7 };

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint64_t clock_ns(void *ctx)
{
	(void)ctx;
	return now();
}

/* ---- three locks --------------------------------------------------------- */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;

/*
 * A flag for each vcpu, on a line of its own; whoever wants all takes all. A
 * hold is short, so it is spun for: to sleep and wake up takes longer.
 */
static struct part {
	_Alignas(128) atomic_bool taken;
} part[VCPUS];

static void take(struct part *p)
{
	for (unsigned tries = 1;
	     atomic_exchange_explicit(&p->taken, true, memory_order_acquire);
	     tries++) {
		while (atomic_load_explicit(&p->taken, memory_order_relaxed)) {
			if (++tries % 4096 == 0) {
				sched_yield();
			}
		}
	}
}

static void give(struct part *p)
{
	atomic_store_explicit(&p->taken, false, memory_order_release);
}

static void one_lock(void *ctx)
{
	(void)ctx;
	pthread_mutex_lock(&mutex);
}

static void one_unlock(void *ctx)
{
	(void)ctx;
	pthread_mutex_unlock(&mutex);
}

static void rw_lock(void *ctx)
{
	(void)ctx;
	pthread_rwlock_wrlock(&rwlock);
}

static void rw_lock_shared(void *ctx, uint32_t vcpu)
{
	(void)ctx;
	(void)vcpu;
	pthread_rwlock_rdlock(&rwlock);
}

static void rw_unlock(void *ctx)
{
	(void)ctx;
	pthread_rwlock_unlock(&rwlock);
}

static void rw_unlock_shared(void *ctx, uint32_t vcpu)
{
	(void)ctx;
	(void)vcpu;
	pthread_rwlock_unlock(&rwlock);
}

static void parts_lock(void *ctx)
{
	(void)ctx;
	for (int i = 0; i < VCPUS; i++) {
		take(&part[i]);
	}
}

static void parts_unlock(void *ctx)
{
	(void)ctx;
	for (int i = 0; i < VCPUS; i++) {
		give(&part[i]);
	}
}

static void part_lock(void *ctx, uint32_t vcpu)
{
	(void)ctx;
	take(&part[vcpu]);
}

static void part_unlock(void *ctx, uint32_t vcpu)
{
	(void)ctx;
	give(&part[vcpu]);
}

static const struct {
	const char *name;
	struct gnomon_host guard;
} locks[] = {
	{ "mutex", { .lock = one_lock, .unlock = one_unlock } },
	{ "rwlock", { .lock = rw_lock, .unlock = rw_unlock,
		      .lock_shared = rw_lock_shared,
		      .unlock_shared = rw_unlock_shared } },
	{ "parts", { .lock = parts_lock, .unlock = parts_unlock,
		     .lock_shared = part_lock,
		     .unlock_shared = part_unlock } },
};

/* ---- runs ---------------------------------------------------------------- */

static cpu_set_t cpu[VCPUS];	/* one CPU for each thread */

static void choose_cpus(void)
{
	cpu_set_t all;
	int n = 0;

	if (sched_getaffinity(0, sizeof(all), &all)) {
		exit(1);
	}
	for (unsigned i = 0; i < CPU_SETSIZE && n < VCPUS; i++) {
		if (CPU_ISSET(i, &all)) {
			CPU_SET(i, &cpu[n++]);
		}
	}
	if (n < VCPUS) {
		fprintf(stderr, "bench: one CPU, no second thread\n");
		exit(0);
	}
}

struct job {
	const cpu_set_t *cpu;
	struct gnomon_vcpu *vcpu;
	uint64_t first;		/* leaf table */
	unsigned around;	/* nested: pages that come with one; else 0 */
	uint64_t begin, end;	/* ns */
};

static atomic_int waiting;

static void faults(const struct job *job)
{
	for (uint64_t i = 0; i < TABLES; i++) {
		for (uint64_t j = 0; j < 512; j++) {
			world_fault_on(job->vcpu, world_gva(job->first + i, j),
				       GNOMON_USER, GNOMON_RESUME);
		}
	}
}

/* Of the same pages by their gpa. */
static void violations(const struct job *job)
{
	for (uint64_t i = 0; i < TABLES * 512; i += job->around) {
		world_violation_on(job->vcpu, (job->first * 512 + i) * 4096);
	}
}

static void *run(void *arg)
{
	struct job *job = arg;

	sched_setaffinity(0, sizeof(*job->cpu), job->cpu);
	world_arena = job->first > 0;
	/* Nobody starts before everybody runs. */
	atomic_fetch_sub(&waiting, 1);
	while (atomic_load(&waiting) > 0) {
	}
	job->begin = now();
	if (job->around) {
		violations(job);
	} else {
		faults(job);
	}
	job->end = now();
	return NULL;
}

/* Vcpus first .. last - 1: ns from the first start to the last end. */
static double time_run(struct world *w, int first, int last)
{
	struct job job[VCPUS] = {
		{ .cpu = &cpu[0], .vcpu = w->vcpu, .first = 0 },
		{ .cpu = &cpu[1], .vcpu = w->second, .first = TABLES },
	};
	pthread_t thread[VCPUS];
	uint64_t begin = UINT64_MAX, end = 0;
	uint32_t all = UINT32_MAX;

	/* Nothing is left of earlier runs that the faults would tidy up. */
	if (gnomon_shrink(w->vm, &all, NULL) != GNOMON_OK ||
	    gnomon_zap_all(w->vm, NULL) != GNOMON_OK) {
		exit(1);
	}
	for (int i = first; i < last && w->mode == GNOMON_MODE_NESTED; i++) {
		job[i].around = w->around;
	}
	atomic_store(&waiting, last - first);
	for (int i = first; i < last; i++) {
		if (pthread_create(&thread[i], NULL, run, &job[i])) {
			exit(1);
		}
	}
	for (int i = first; i < last; i++) {
		pthread_join(thread[i], NULL);
		begin = job[i].begin < begin ? job[i].begin : begin;
		end = job[i].end > end ? job[i].end : end;
	}
	return (double)(end - begin);
}

struct batch {
	double one, two;	/* faults per microsecond */
};

static double ratio(const struct batch *b)
{
	return b->two / b->one;
}

static int by_ratio(const void *a, const void *b)
{
	double x = ratio(a), y = ratio(b);

	return x < y ? -1 : x > y;
}

static double least(double a, double b)
{
	return a < b ? a : b;
}

static struct batch run_batch(struct world *w)
{
	const double faults = TABLES * 512;
	double one[VCPUS] = { 1e18, 1e18 }, both = 1e18;

	for (int i = 0; i < RUNS; i++) {
		one[0] = least(one[0], time_run(w, 0, 1));
		one[1] = least(one[1], time_run(w, 1, 2));
		both = least(both, time_run(w, 0, 2));
	}
	return (struct batch){
		.one = 2 * faults / (one[0] + one[1]) * 1e3,
		.two = 2 * faults / both * 1e3,
	};
}

/* Ends with the world. */
static void measure(struct world *w, const char *what, const char *name)
{
	struct batch batch[BATCHES];

	world_second(w);
	(void)run_batch(w);
	for (int i = 0; i < BATCHES; i++) {
		batch[i] = run_batch(w);
	}
	world_drop(w);
	qsort(batch, BATCHES, sizeof(batch[0]), by_ratio);
	const struct batch *m = &batch[BATCHES / 2];

	printf("%s-threads-%s,%.2f,pages/us,%.2f,%.3f\n", what, name, m->two,
	       m->one, ratio(m));
	fflush(stdout);
}

static void measure_all(const char *name, const struct gnomon_host *guard)
{
	struct world w;

	world_make_guarded(&w, VCPUS * TABLES, PLAIN, guard);
	measure(&w, "shadow", name);
	world_make_nested(&w, VCPUS * TABLES, 1, guard);
	measure(&w, "nested", name);
	world_make_nested(&w, VCPUS * TABLES, 16, guard);
	measure(&w, "nested-around16", name);
}

/* How long the lock was held and waited for, by the engine's own count. */
static void show_times(const char *name, struct gnomon_host guard)
{
	struct gnomon_stats s;
	struct world w;

	guard.clock = clock_ns;
	world_make_guarded(&w, VCPUS * TABLES, PLAIN, &guard);
	world_second(&w);
	for (int i = 0; i < RUNS; i++) {
		(void)time_run(&w, 0, VCPUS);
	}
	gnomon_vm_stats(w.vm, &s, sizeof(s));
	world_drop(&w);
	printf("shadow-threads-%s-held-alone,%.3f,percent,,\n", name,
	       100.0 * (double)s.lock_exclusive /
		       (double)(s.lock_exclusive + s.lock_shared));
	printf("shadow-threads-%s-held-alone-ns,%.0f,ns,,\n", name,
	       (double)s.lock_exclusive_time / (double)s.lock_exclusive);
	if (s.lock_shared) {
		printf("shadow-threads-%s-held-shared-ns,%.0f,ns,,\n", name,
		       (double)s.lock_shared_time / (double)s.lock_shared);
	}
	printf("shadow-threads-%s-waited-ns,%.0f,ns,,\n", name,
	       (double)s.lock_wait_time /
		       (double)(s.lock_exclusive + s.lock_shared));
}

int main(void)
{
	choose_cpus();
	for (size_t i = 0; i < sizeof(locks) / sizeof(locks[0]); i++) {
		measure_all(locks[i].name, &locks[i].guard);
		show_times(locks[i].name, locks[i].guard);
	}
	return 0;
}

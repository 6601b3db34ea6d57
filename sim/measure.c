/* SPDX-License-Identifier: BSD-2-Clause */
#include "sim/measure.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum {
	LINE = 64, PAGE = 4096,
	CHASE_STEPS = 1 << 18,
	CHASE_RUNS = 7,
	PAGES_MAX = 1 << 13,
};

#define HUGE ((size_t)2 << 20)
#define CHASE_BYTES ((size_t)256 << 20)

double sim_measure_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

void sim_measure_put(struct sim_measure *m, const char *section,
		     const char *key, double value, const char *format, ...)
{
	struct sim_measured *v = &m->value[m->count];
	va_list args;

	if (m->count == SIM_MEASURED_MAX) {
		return;
	}
	m->count++;
	v->section = section;
	v->key = key;
	v->value = (uint64_t)llround(value);
	va_start(args, format);
	vsnprintf(v->source, sizeof(v->source), format, args);
	va_end(args);
}

static uint64_t ticks(void)
{
#if defined(__x86_64__) || defined(__i386__)
	return __builtin_ia32_rdtsc();
#else
	return 0;
#endif
}

static void measure_clock(struct sim_measure *m)
{
	double start = sim_measure_now(), took;
	uint64_t from = ticks();

	do {
		took = sim_measure_now() - start;
	} while (took < 0.1);
	m->mhz = (double)(ticks() - from) / took / 1e6;
	if (m->mhz < 1) {
		m->mhz = 1000;	/* no counter: cycles are nanoseconds */
	}
	sim_measure_put(m, "core", "clock", m->mhz, "time stamp counter");
}

/* ---- pointer chases ------ */

static uint64_t rng(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* One random cycle through count slots, stride bytes apart. */
static void lay_cycle(uint8_t *memory, size_t count, size_t stride,
		      uint32_t *order)
{
	uint64_t state = 88172645463325252u;

	for (size_t i = 0; i < count; i++) {
		order[i] = (uint32_t)i;
	}
	for (size_t i = count - 1; i > 0; i--) {
		size_t n = rng(&state) % i;	/* < i: a single cycle */
		uint32_t t = order[i];

		order[i] = order[n];
		order[n] = t;
	}
	for (size_t i = 0; i < count; i++) {
		/* With a stride of pages, another line in each. */
		size_t from = i * stride + (stride > LINE ?
					    i * LINE % stride : 0);
		size_t n = order[i];
		size_t to = n * stride + (stride > LINE ?
					  n * LINE % stride : 0);
		void *next = memory + to;

		memcpy(memory + from, &next, sizeof(next));
	}
}

/* Nanoseconds per dependent load. */
static double chase(uint8_t *memory, size_t count, size_t stride,
		    uint32_t *order)
{
	double best = INFINITY;
	void *volatile sink;

	lay_cycle(memory, count, stride, order);
	for (int run = 0; run < CHASE_RUNS; run++) {
		void **at = (void **)(void *)memory;
		double start = sim_measure_now(), took;

		for (int i = 0; i < CHASE_STEPS; i++) {
			at = *at;
		}
		took = (sim_measure_now() - start) * 1e9 / CHASE_STEPS;
		sink = at;
		best = took < best ? took : best;
	}
	(void)sink;
	return best;
}

static uint8_t *map(size_t bytes, int advice)
{
	uint8_t *memory = mmap(NULL, bytes + HUGE, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED) {
		return NULL;
	}
	madvise(memory, bytes + HUGE, advice);
	return (uint8_t *)(((uintptr_t)memory + HUGE - 1) & ~(HUGE - 1));
}

struct cache {
	const char *size, *ways, *hit;	/* keys */
	int size_name, ways_name;	/* of sysconf() */
};

static const struct cache caches[] = {
	{ "l1_size", "l1_ways", "l1_hit", _SC_LEVEL1_DCACHE_SIZE,
	  _SC_LEVEL1_DCACHE_ASSOC },
	{ "l2_size", "l2_ways", "l2_hit", _SC_LEVEL2_CACHE_SIZE,
	  _SC_LEVEL2_CACHE_ASSOC },
	{ "l3_size", "l3_ways", "l3_hit", _SC_LEVEL3_CACHE_SIZE,
	  _SC_LEVEL3_CACHE_ASSOC },
};

/* Does the shape fit a preset: a power of two of sets? */
static bool fits(long bytes, long ways)
{
	long lines = bytes / LINE;

	return bytes >= 1024 && ways > 0 && ways <= 64 &&
	       bytes <= (long)1 << 30 && lines % ways == 0 &&
	       ((lines / ways) & (lines / ways - 1)) == 0;
}

static void measure_caches(struct sim_measure *m, uint8_t *memory,
			   uint32_t *order)
{
	size_t inner = 0;

	for (size_t i = 0; i < sizeof(caches) / sizeof(caches[0]); i++) {
		const struct cache *c = &caches[i];
		long bytes = sysconf(c->size_name);
		long ways = sysconf(c->ways_name);
		size_t span = inner ? inner * 4 : 16384;

		if (fits(bytes, ways)) {
			sim_measure_put(m, "cache", c->size,
					(double)bytes / 1024,
					"reported by the processor");
			sim_measure_put(m, "cache", c->ways, (double)ways,
					"reported by the processor");
		}
		if (bytes > 0 && span > (size_t)bytes / 2) {
			span = (size_t)bytes / 2;
		}
		span = span > CHASE_BYTES / 4 ? CHASE_BYTES / 4 : span;
		sim_measure_put(m, "cache", c->hit,
				chase(memory, span / LINE, LINE, order) *
				m->mhz / 1e3,
				"chase over %zu KiB in large pages",
				span / 1024);
		inner = bytes > 0 ? (size_t)bytes : inner * 16;
	}
	sim_measure_put(m, "cache", "memory",
			chase(memory, CHASE_BYTES / LINE, LINE, order) *
			m->mhz / 1e3,
			"chase over %zu MiB in large pages; may still hit "
			"the last level", CHASE_BYTES >> 20);
}

/* The nearest of 2^n and 3 * 2^n, and ways that leave a power of two. */
static unsigned round_entries(size_t pages, unsigned *ways)
{
	unsigned best = 4;

	for (unsigned n = 4; n < 65536; n *= 2) {
		unsigned both[2] = { n, n / 2 * 3 };

		for (int i = 0; i < 2; i++) {
			if (fabs(log((double)both[i] / (double)pages)) <
			    fabs(log((double)best / (double)pages))) {
				best = both[i];
			}
		}
	}
	*ways = best % 3 ? 4 : 6;
	return best;
}

static void put_tlb(struct sim_measure *m, const char *entries,
		    const char *ways, size_t pages)
{
	unsigned assoc, count = round_entries(pages, &assoc);

	sim_measure_put(m, "tlb", entries, count,
			"chase over 4K pages stays quick up to %zu", pages);
	sim_measure_put(m, "tlb", ways, assoc, "chosen to fit the entries");
	m->value[m->count - 1].assumed = true;
}

/*
 * A chase over pages, less one over as many dense lines: what translation
 * adds. Its first step is the reach of the first level, its second that of
 * the second level.
 */
static void measure_tlbs(struct sim_measure *m, uint8_t *small,
			 uint8_t *dense, uint32_t *order)
{
	double step = 3e3 / m->mhz, added, sum = 0;	/* 3 cycles */
	size_t first = 0, second = 0, middle = 0;

	for (size_t half = 32; half <= PAGES_MAX; half *= 2) {
		for (size_t pages = half / 4 * 3; pages <= half;
		     pages += half / 4) {
			added = chase(small, pages, PAGE, order) -
				chase(dense, pages, LINE, order);
			if (added < step && second == 0) {
				first = pages;
			} else if (added < 5 * step) {
				second = pages;
				sum += added;
				middle++;
			}
		}
	}
	if (first) {
		put_tlb(m, "l1d_4k_entries", "l1d_4k_ways", first);
	}
	if (second) {
		put_tlb(m, "l2_entries", "l2_ways", second);
		sim_measure_put(m, "tlb", "l2_hit",
				sum / (double)middle * m->mhz / 1e3,
				"mean added between the two reaches");
	}
}

static void name_machine(struct sim_measure *m)
{
	FILE *info = fopen("/proc/cpuinfo", "r");
	char line[256];

	snprintf(m->machine, sizeof(m->machine), "unknown processor");
	while (info && fgets(line, sizeof(line), info)) {
		char *colon = strchr(line, ':');

		if (!strncmp(line, "model name", 10) && colon) {
			line[strcspn(line, "\n;|")] = '\0';
			snprintf(m->machine, sizeof(m->machine), "%.100s",
				 colon + 2);
			break;
		}
	}
	if (info) {
		fclose(info);
	}
}

static void say(void (*step)(const char *what), const char *what)
{
	if (step) {
		step(what);
	}
}

/* What map() returned; what it left around that was never touched. */
static void unmap(uint8_t *memory, size_t bytes)
{
	if (memory) {
		munmap(memory, bytes);
	}
}

bool sim_measure(struct sim_measure *m, void (*step)(const char *what))
{
	uint8_t *large = map(CHASE_BYTES, MADV_HUGEPAGE);
	uint8_t *small = map((size_t)PAGES_MAX * PAGE, MADV_NOHUGEPAGE);
	uint32_t *order = malloc(CHASE_BYTES / LINE * sizeof(*order));
	bool good = large && small && order;

	memset(m, 0, sizeof(*m));
	if (good) {
		name_machine(m);
		measure_clock(m);
		say(step, "caches");
		measure_caches(m, large, order);
		say(step, "TLBs");
		measure_tlbs(m, small, large, order);
	}
	free(order);
	unmap(large, CHASE_BYTES);
	unmap(small, (size_t)PAGES_MAX * PAGE);
	if (good) {
		/* After the unmapping: fork copies what is mapped. */
		say(step, "exits and kernel operations");
		sim_measure_kvm(m);
		sim_measure_kernel(m);
	}
	return good;
}

void sim_measure_write(const struct sim_measure *m, FILE *out)
{
	const char *section = "";

	fprintf(out, "; Measured by `gnomon costs measure` on this machine. "
		"What is not here has the built-in value.\n\n[preset]\n"
		"about = measured on %s\n", m->machine);
	for (unsigned i = 0; i < m->count; i++) {
		const struct sim_measured *v = &m->value[i];

		if (strcmp(section, v->section)) {
			section = v->section;
			fprintf(out, "\n[%s]\n", section);
		}
		fprintf(out, "%s = %llu | %s | %s\n", v->key,
			(unsigned long long)v->value,
			v->assumed ? "assumed" : "MEASURED", v->source);
	}
	fputs("\n; Operations of the kernel, no parameters of a machine:\n",
	      out);
	for (unsigned i = 0; i < m->timed_count; i++) {
		fprintf(out, ";   %-44s %10.0f ns\n", m->timed[i].what,
			m->timed[i].ns);
	}
}

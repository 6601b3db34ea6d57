/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the machine at hand tells about itself, as a preset: clock, cache and
 * TLB sizes and latencies by pointer chasing, a KVM exit where /dev/kvm opens,
 * and the times of a few kernel operations for orientation.
 */
#ifndef SIM_MEASURE_H
#define SIM_MEASURE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum { SIM_MEASURED_MAX = 32, SIM_TIMED_MAX = 8 };

/* A parameter of a preset that could be measured. */
struct sim_measured {
	const char *section;
	const char *key;
	uint64_t value;
	bool assumed;		/* chosen to go with a measured one */
	char source[120];	/* how */
};

/* An operation of the kernel below: no parameter, printed as a comment. */
struct sim_timed {
	const char *what;
	double ns;
};

struct sim_measure {
	char machine[128];	/* as the kernel names the processor */
	double mhz;		/* of the time stamp counter */
	unsigned count;
	struct sim_measured value[SIM_MEASURED_MAX];
	unsigned timed_count;
	struct sim_timed timed[SIM_TIMED_MAX];
};

/*
 * Measures for some seconds, in the calling thread; forks children that exit
 * at once. step() is called before each part with what it is; may be NULL.
 * False: no memory to measure in.
 */
bool sim_measure(struct sim_measure *m, void (*step)(const char *what));

/* Writes it as a preset that sim_preset_load() takes. */
void sim_measure_write(const struct sim_measure *m, FILE *out);

/* ---- between the files ----------------------------------------------- */

double sim_measure_now(void);	/* seconds */
void sim_measure_put(struct sim_measure *m, const char *section,
		     const char *key, double value, const char *format, ...)
	__attribute__((format(printf, 5, 6)));
void sim_measure_kernel(struct sim_measure *m);
/* Cycles of an exit for CPUID and back; 0 when there is no KVM. */
void sim_measure_kvm(struct sim_measure *m);

#endif

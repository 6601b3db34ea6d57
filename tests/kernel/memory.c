/* SPDX-License-Identifier: BSD-2-Clause */
/* A run takes memory for what its guest touched, not for what it could. */
#include <criterion/criterion.h>
#include <sys/resource.h>

#include "sim/run.h"

enum { SLACK_KIB = 48 << 10 };

static long peak_kib(void)
{
	struct rusage usage;

	cr_assert_eq(getrusage(RUSAGE_SELF, &usage), 0);
	return usage.ru_maxrss;
}

static void run(const char *input, enum sim_mode mode)
{
	struct sim_job job = sim_job_default();
	struct sim_result result;
	struct sim_error error;

	job.input = input;
	job.mode = mode;
	cr_assert(sim_run(&job, &result, &error), "%s: %s", input,
		  error.text);
	cr_assert_gt(result.accesses, 1000);
	cr_assert_lt(result.ram_bytes, (uint64_t)64 << 20);
}

Test(memory, terabyte_of_guest_memory_costs_what_is_touched)
{
	for (int mode = 0; mode < SIM_MODE_COUNT; mode++) {
		long before;

		run("exec,count=5,ram=128", (enum sim_mode)mode);
		run("gups,pages=1000,updates=1000,ram=128",
		    (enum sim_mode)mode);
		before = peak_kib();
		/* MiB; the guest's kernel uses both ends of it. */
		run("exec,count=5,ram=1048576", (enum sim_mode)mode);
		run("gups,pages=1000,updates=1000,ram=1048576,thp=1",
		    (enum sim_mode)mode);
		cr_assert_lt(peak_kib() - before, SLACK_KIB, "%s: %ld KiB",
			     sim_mode_name((enum sim_mode)mode),
			     peak_kib() - before);
	}
}

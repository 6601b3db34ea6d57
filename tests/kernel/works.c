/* SPDX-License-Identifier: BSD-2-Clause */
/* Every built-in workload runs, and the oracle agrees with its events. */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "sim/work.h"
#include "tests/kernel/watch.h"

/* Keys that make each workload small enough for a test. */
static const char *const small[] = {
	"forkwait,children=20", "subshell,count=3", "fork,count=20",
	"exec,count=10",
	"exec,count=10,vfork=1", "sh,count=5", "pagefault,pages=300,rounds=2",
	"protfault,count=50", "ctxsw,switches=100,procs=3", "getpid,count=50",
	"ptemod,count=100,pages=3", "pgfault,count=50",
	"snapshot,pages=1500,snapshots=2,writes=100",
	"prefork,workers=3,requests=60,life=20", "build,files=2,work=2000",
	"churn,rounds=30", "churn,rounds=5,pages=40", "gups,updates=5000",
	"zipf,requests=5000", "chase,steps=5000", "stream,pages=64",
	"mix,turns=60",
};
enum { SMALL = sizeof(small) / sizeof(small[0]) };

static void play(const char *text)
{
	static struct watch w;
	struct sim_kern_sink sink = watch_sink(&w), none = { 0 };
	struct sim_work_spec spec;
	struct sim_rec_info info;
	const char *error;
	char why[256];

	cr_assert(sim_work_parse(text, &spec, why), "%s", why);
	struct sim_kern *k = sim_kern_create(&spec.kern, &none, &error);

	cr_assert_not_null(k, "%s", error);
	sim_kern_info(k, &info);
	sim_kern_destroy(k);
	cr_assert(watch_init(&w, &info));
	cr_assert(sim_work_run(&spec, 1, &sink, why), "%s", why);
	cr_assert_str_empty(w.wrong, "%s: %s", text, w.wrong);
	cr_assert_gt(w.checked, 100, "%s", text);
	watch_drop(&w);
}

static void play_all(const char *keys)
{
	for (int i = 0; i < SMALL; i++) {
		char text[256];

		snprintf(text, sizeof(text), "%s%s", small[i], keys);
		play(text);
	}
}

Test(works, all_with_plain_settings)
{
	play_all("");
}

Test(works, all_with_isolation_and_pcids)
{
	play_all(",kpti=1,pcid=1");
}

Test(works, all_with_huge_pages)
{
	play_all(",thp=1");
}

Test(works, all_on_four_vcpus)
{
	play_all(",vcpus=4,pcid=1");
}

Test(works, each_is_tried_here)
{
	for (size_t i = 0; i < sim_work_count; i++) {
		int tried = 0;

		for (int j = 0; j < SMALL; j++) {
			struct sim_work_spec spec;
			char why[256];

			cr_assert(sim_work_parse(small[j], &spec, why));
			tried += spec.work == sim_works[i];
		}
		cr_assert_gt(tried, 0, "%s", sim_works[i]->name);
	}
}

Test(works, wrong_words_are_named)
{
	static const char *const bad[] = {
		"", "nonsense", "fork,", "fork,count", "fork,count=",
		"fork,count=x", "fork,count=0", "fork,count=-1", "fork,ram=1",
		"fork,color=2", "fork,vcpus=65", "fork,count=5x",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct sim_work_spec spec;
		char why[256] = "";

		cr_assert_not(sim_work_parse(bad[i], &spec, why), "%s",
			      bad[i]);
		cr_assert_str_not_empty(why, "%s", bad[i]);
	}
}

Test(works, too_little_memory_is_said)
{
	struct sim_kern_sink none = { 0 };
	struct sim_work_spec spec;
	char why[256];

	cr_assert(sim_work_parse("gups,pages=100000,ram=64", &spec, why));
	cr_assert_not(sim_work_run(&spec, 1, &none, why));
	cr_assert_str_not_empty(why);
}

static uint64_t digest(uint64_t seed)
{
	char path[] = "works-XXXXXX";
	struct sim_rec_summary sum = { 0 };
	struct sim_rec_reader *r;
	struct sim_work_spec spec;
	struct sim_rec_error err;
	char why[256];
	int fd = mkstemp(path);

	cr_assert_geq(fd, 0);
	close(fd);
	cr_assert(sim_work_parse("snapshot,pages=200,snapshots=1,writes=50",
				 &spec, why));
	cr_assert(sim_work_save(&spec, seed, path, &err), "%s", err.text);
	cr_assert_eq(sim_rec_open(&r, path, &err), SIM_REC_OK, "%s", err.text);
	cr_assert_eq(sim_rec_summary(r, &sum), SIM_REC_OK);
	cr_assert(sum.complete);
	sim_rec_close(r);
	unlink(path);
	return sum.content_digest;
}

Test(works, the_same_seed_gives_the_same_recording)
{
	cr_assert_eq(digest(7), digest(7));
	cr_assert_neq(digest(7), digest(8));
}

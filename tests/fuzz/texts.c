/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The importers of text on any bytes, and the guest kernel model on what they
 * make of them: neither may fail but by saying so.
 */
#include <stdlib.h>
#include <string.h>

#include "sim/import.h"
#include "sim/kern_play.h"
#include "tests/fuzz/fuzz_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static const char *output(void)
{
	static char path[64];

	if (!path[0]) {
		snprintf(path, sizeof(path), "fuzz-texts-%ld.gnr",
			 (long)getpid());
	}
	return path;
}

/* Each event to the function; the file must be readable to its end. */
static void each(const char *path, struct sim_play *play,
		 void (*fn)(struct sim_play *, const struct sim_event *))
{
	struct sim_rec_reader *r;
	struct sim_event ev;
	enum sim_rec_status status;

	if (sim_rec_open(&r, path, NULL) != SIM_REC_OK) {
		abort();
	}
	while ((status = sim_rec_next(r, &ev)) == SIM_REC_OK) {
		fn(play, &ev);
	}
	if (status != SIM_REC_END || sim_rec_check_file(r) != SIM_REC_OK) {
		abort();
	}
	sim_rec_close(r);
}

static void plan(struct sim_play *play, const struct sim_event *ev)
{
	(void)sim_play_plan(play, ev);
}

static void play_all(const char *path)
{
	struct sim_kern_config config = sim_kern_config_default();
	struct sim_kern_sink none = { 0 };
	struct sim_play *play = sim_play_new();
	struct sim_kern *k;
	const char *why;

	each(path, play, plan);
	/* Its needs may be absurd; then the kernel runs out of memory. */
	k = sim_kern_create(&config, &none, &why);
	if (!play || !k) {
		abort();
	}
	sim_kern_boot(k);
	sim_play_start(play, k);
	each(path, play, sim_play_event);
	sim_play_end(play);
	sim_kern_destroy(k);
	sim_play_free(play);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	struct sim_import_options opts = {
		.source = "fuzz", .write = { .zstd_level = 1 },
	};
	struct sim_import_result result;
	struct sim_rec_error err;
	char path[64];
	int fd = fuzz_file(data, bytes, path);

	if (sim_import(path, output(), &opts, &result, &err) == SIM_REC_OK) {
		if (result.processes) {
			play_all(output());
		}
		unlink(output());
	} else if (access(output(), F_OK) == 0) {
		abort();
	}
	close(fd);
	return 0;
}

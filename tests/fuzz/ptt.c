/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The importer of the private format on any bytes. What it converts must be
 * readable to its end. The last byte of the input chooses whether the rest
 * goes in as it is or behind a good start.
 */
#include <stdlib.h>
#include <string.h>

#include "sim/import.h"
#include "tests/fuzz/fuzz_file.h"
#include "tests/recording/make_ptt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static const char *output(void)
{
	static char path[64];

	if (!path[0]) {
		snprintf(path, sizeof(path), "fuzz-ptt-%ld.gnr",
			 (long)getpid());
	}
	return path;
}

static void check(const char *path)
{
	struct sim_rec_reader *r;
	struct sim_event ev;
	enum sim_rec_status status;

	if (sim_rec_open(&r, path, NULL) != SIM_REC_OK) {
		abort();
	}
	do {
		status = sim_rec_next(r, &ev);
	} while (status == SIM_REC_OK);
	if (status != SIM_REC_END || sim_rec_check_file(r) != SIM_REC_OK) {
		abort();
	}
	sim_rec_close(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	static struct ptt_file f;
	struct sim_import_options opts = {
		.source = "fuzz", .write = { .zstd_level = 1 },
	};
	struct sim_rec_error err;
	char path[64];
	int fd;

	f.bytes = 0;
	if (bytes > 0 && (data[--bytes] & 1)) {
		ptt_start(&f);
	}
	bytes = bytes < sizeof(f.data) - f.bytes ? bytes :
						  sizeof(f.data) - f.bytes;
	if (bytes > 0) {
		memcpy(f.data + f.bytes, data, bytes);
	}
	fd = fuzz_file(f.data, f.bytes + bytes, path);
	if (sim_import(path, output(), &opts, NULL, &err) == SIM_REC_OK) {
		check(output());
		unlink(output());
	} else if (access(output(), F_OK) == 0) {
		abort();
	}
	close(fd);
	return 0;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * main() of a fuzz target in an ordinary build: feeds it the files of its
 * corpus, each whole, cut short, and with a few bits flipped. A target passes
 * by not crashing; sanitizers see more.
 *
 * The corpus is the folder <target>.corpus beside the target's source, or the
 * files named on the command line (then as they are, to repeat a finding).
 */
#include <dirent.h>
#include <libgen.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/seed.h"

#define FILE_BYTES_MAX (4u << 20)
#define VARIANTS 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

/* A heap copy of the exact size, so that ASan sees the first byte beyond. */
static void feed(const uint8_t *data, size_t bytes)
{
	uint8_t *copy = malloc(bytes ? bytes : 1);

	if (!copy) {
		abort();
	}
	memcpy(copy, data, bytes);
	LLVMFuzzerTestOneInput(copy, bytes);
	free(copy);
}

static void feed_variants(uint8_t *data, size_t bytes)
{
	struct test_rng rng = test_rng_init(test_seed());
	uint64_t rounds = bytes ? test_rounds(VARIANTS) : 0;

	for (uint64_t i = 0; i < rounds; i++) {
		size_t at = test_rng_below(&rng, bytes);
		uint8_t bit = (uint8_t)(1u << test_rng_below(&rng, 8));

		feed(data, at);
		data[at] ^= bit;
		feed(data, bytes);
		/* Every fourth flip stays, so that damage piles up. */
		if (i % 4) {
			data[at] ^= bit;
		}
	}
}

static int replay(const char *path, bool variants)
{
	uint8_t *data = malloc(FILE_BYTES_MAX);
	FILE *f = fopen(path, "rb");
	size_t bytes;

	if (!data || !f) {
		fprintf(stderr, "replay: cannot read %s\n", path);
		exit(1);
	}
	bytes = fread(data, 1, FILE_BYTES_MAX, f);
	fclose(f);
	/* Said first: after a crash it is the last line. */
	fprintf(stderr, "replay: %s\n", path);
	feed(data, bytes);
	if (variants) {
		feed_variants(data, bytes);
	}
	free(data);
	return 1;
}

static int replay_corpus(const char *program)
{
	const char *top = getenv("top_srcdir");
	char folder[4096], path[8192];
	char *name = strdup(program);
	struct dirent *entry;
	DIR *dir;
	int count = 0;

	snprintf(folder, sizeof(folder), "%s/tests/fuzz/%s.corpus",
		 top ? top : ".", basename(name));
	free(name);
	dir = opendir(folder);
	while (dir && (entry = readdir(dir))) {
		if (entry->d_name[0] != '.') {
			snprintf(path, sizeof(path), "%s/%s", folder,
				 entry->d_name);
			count += replay(path, true);
		}
	}
	if (dir) {
		closedir(dir);
	}
	if (!count) {
		fprintf(stderr, "replay: no files in %s\n", folder);
	}
	return count;
}

int main(int argc, char **argv)
{
	int count = 0;

	if (argc < 2) {
		return replay_corpus(argv[0]) ? 0 : 1;
	}
	for (int i = 1; i < argc; i++) {
		count += replay(argv[i], false);
	}
	return count ? 0 : 1;
}

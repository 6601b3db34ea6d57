/* SPDX-License-Identifier: BSD-2-Clause */
#include "sim/import.h"

#include "sim/import_stream.h"
#include "sim/rec_format.h"

struct importer {
	const char *name;
	bool (*is)(const uint8_t *head, size_t bytes);
	enum sim_rec_status (*import)(struct sim_stream *s, const char *in,
				      const char *out,
				      const struct sim_import_options *opts,
				      struct sim_import_result *result,
				      struct sim_rec_error *err);
};

static const struct importer importers[] = {
	{ "ptt", sim_import_ptt_is, sim_import_ptt },
	{ "lackey", sim_import_lackey_is, sim_import_lackey },
	{ "perf script", sim_import_perf_is, sim_import_perf },
};

enum {
	/* Unpacked bytes that tell a format: `perf script --header` begins
	 * with many lines of its own. */
	HEAD = 1 << 16,
};

/* What people hand over that is not what can be imported, and what to do. */
static const struct {
	const char *magic, *what;
} others[] = {
	{ "PERFILE2", "is perf's own file; import what `perf script "
		      "--show-task-events --show-mmap-events --ns` prints" },
	{ "\x1f\x8b", "is packed with gzip; unpack it first, or pack it with "
		      "zstd" },
	{ "\xfd" "7zXZ", "is packed with xz; unpack it first, or pack it with "
			 "zstd" },
	{ "BZh", "is packed with bzip2; unpack it first, or pack it with "
		 "zstd" },
};

static enum sim_rec_status refuse(const uint8_t *head, size_t bytes,
				  const char *in, struct sim_rec_error *err)
{
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		size_t n = strlen(others[i].magic);

		if (bytes >= n && memcmp(head, others[i].magic, n) == 0) {
			return sim_rec_fail(err, SIM_REC_FOREIGN, "%s: %s",
					    in, others[i].what);
		}
	}
	return sim_rec_fail(err, SIM_REC_FOREIGN,
			    "%s: has no format that gnomon can import; "
			    "`gnomon import --help` lists them", in);
}

static enum sim_rec_status choose(struct sim_stream *s, const char *in,
				  const struct importer **found,
				  struct sim_rec_error *err)
{
	uint8_t head[HEAD + 1] = { 0 };	/* a text ends in NUL */
	size_t bytes = 0;
	enum sim_rec_status status = SIM_REC_OK;

	while (status == SIM_REC_OK && bytes < HEAD) {
		status = sim_stream_read(s, &head[bytes], 1, err);
		bytes += status == SIM_REC_OK;
	}
	if (status != SIM_REC_OK && status != SIM_REC_END &&
	    (status != SIM_REC_CUT || bytes == 0)) {
		return status;
	}
	if (bytes >= REC_MAGIC_BYTES &&
	    memcmp(head, REC_MAGIC, REC_MAGIC_BYTES) == 0) {
		return sim_rec_fail(err, SIM_REC_FOREIGN,
				    "%s: is a gnomon recording already; use "
				    "it as it is", in);
	}
	for (size_t i = 0; i < sizeof(importers) / sizeof(importers[0]); i++) {
		if (importers[i].is(head, bytes)) {
			*found = &importers[i];
			return sim_stream_rewind(s, err);
		}
	}
	return refuse(head, bytes, in, err);
}

enum sim_rec_status sim_import(const char *in, const char *out,
			       const struct sim_import_options *opts,
			       struct sim_import_result *result,
			       struct sim_rec_error *err)
{
	static const struct sim_import_options none;
	const struct importer *how = NULL;
	struct sim_import_result ignored;
	struct sim_stream *s;
	enum sim_rec_status status = sim_stream_open(&s, in, err);

	if (status != SIM_REC_OK) {
		return status;
	}
	result = result ? result : &ignored;
	memset(result, 0, sizeof(*result));
	status = choose(s, in, &how, err);
	if (status == SIM_REC_OK) {
		result->format = how->name;
		status = how->import(s, in, out, opts ? opts : &none, result,
				     err);
	}
	sim_stream_close(s);
	return status;
}

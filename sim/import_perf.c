/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `perf script` to gnr: page faults, what programs ask of their address
 * space, the life of tasks. Which events perf should record is told in
 * docs/recorder.md; what is not there is left open.
 */
#include "sim/import_perf.h"

#include <stdlib.h>
#include <string.h>

#include "sim/rec_format.h"

bool sim_import_perf_is(const uint8_t *head, size_t bytes)
{
	const char *line = (const char *)head;
	struct perf_line l;
	char one[512];

	(void)bytes;
	while (*line) {
		size_t n = strcspn(line, "\n");

		if (n < sizeof(one) && *line != '#') {
			memcpy(one, line, n);
			one[n] = '\0';
			if (perf_parse(one, &l)) {
				return true;
			}
		}
		line += n + (line[n] == '\n');
	}
	return false;
}

/* How many vcpus there were. */
static enum sim_rec_status survey(struct perf *p)
{
	enum sim_rec_status status;
	struct perf_line l;

	while ((status = text_next(&p->t)) == SIM_REC_OK) {
		if (perf_parse(p->t.line, &l) &&
		    l.cpu + 1 > p->t.info.vcpus) {
			p->t.info.vcpus = l.cpu + 1;
		}
	}
	return status == SIM_REC_END ? SIM_REC_OK : status;
}

static enum sim_rec_status convert(struct perf *p)
{
	enum sim_rec_status status;
	struct perf_line l;

	while ((status = text_next(&p->t)) == SIM_REC_OK) {
		if (perf_parse(p->t.line, &l)) {
			status = perf_take(p, &l);
		} else {
			p->t.result->skipped += p->t.line[0] &&
						p->t.line[0] != '#';
		}
		if (status == SIM_REC_NOMEM) {
			return sim_rec_fail(p->t.err, status, "%s: out of "
					    "memory; close other programs "
					    "and try again", p->t.path);
		}
		if (status != SIM_REC_OK) {
			break;
		}
	}
	return status;
}

/* That events are missing is a fact of the recording. */
static enum sim_rec_status tell_lost(struct perf *p)
{
	char text[64];

	if (!p->t.result->lost || !p->t.result->events) {
		return SIM_REC_END;
	}
	snprintf(text, sizeof(text), "events-lost=%llu",
		 (unsigned long long)p->t.result->lost);
	enum sim_rec_status status = text_emit(&p->t, (struct sim_event){
		.type = SIM_EV_NOTE, .text = text });

	return status == SIM_REC_OK ? SIM_REC_END : status;
}

static void drop_tasks(struct perf *p)
{
	for (unsigned i = 0; i < PERF_BUCKETS; i++) {
		while (p->tasks[i]) {
			struct perf_task *t = p->tasks[i];

			p->tasks[i] = t->next;
			free(t);
		}
	}
}

enum sim_rec_status sim_import_perf(struct sim_stream *s, const char *in,
				    const char *out,
				    const struct sim_import_options *opts,
				    struct sim_import_result *result,
				    struct sim_rec_error *err)
{
	struct perf *p = calloc(1, sizeof(*p));
	enum sim_rec_status status;

	if (!p) {
		return sim_rec_fail(err, SIM_REC_NOMEM, "%s: out of memory; "
				    "close other programs and try again", in);
	}
	p->t = (struct text_import){ .in = s, .path = in, .opts = opts,
				     .result = result, .err = err };
	status = survey(p);
	if (status == SIM_REC_OK) {
		sim_rec_meta_set(&p->t.info, "clock", "nanoseconds");
		sim_rec_meta_set(&p->t.info, "accesses",
				 "those that faulted");
		status = text_describe(&p->t, "perf");
	}
	if (status == SIM_REC_OK) {
		status = text_start(&p->t, out);
	}
	if (status == SIM_REC_OK) {
		status = convert(p);
	}
	if (status == SIM_REC_END) {
		status = tell_lost(p);
	}
	status = text_end(&p->t, status);
	drop_tasks(p);
	free(p);
	return status;
}

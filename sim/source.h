/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where the events of a run come from: a recording, or a built-in workload
 * that the guest kernel model runs. Both end as one stream.
 */
#ifndef SIM_SOURCE_H
#define SIM_SOURCE_H

#include "sim/kern_play.h"
#include "sim/run.h"
#include "sim/work.h"

enum { SIM_SOURCE_PATH = 4096, SIM_SOURCE_WHY = 320 };

/*
 * The file of a recording: a path, or the name of one that comes with gnomon
 * where no file is called so. False: there is none.
 */
bool sim_source_file(const char *name, char path[SIM_SOURCE_PATH]);
/*
 * A bare name, with or without keys, that is neither file nor recording (nor,
 * with `works`, asked as a workload): true, and *why names what is nearest.
 */
bool sim_source_missing(const char *input, bool works,
			char why[SIM_SOURCE_WHY]);

struct sim_source {
	const char *input;
	struct sim_rec_reader *reader;	/* a recording */
	struct sim_play *play;	/* a process-level one: on the model */
	struct sim_work_spec spec;	/* a workload; the model's kernel */
	struct sim_rec_info info;
	uint64_t total;		/* events; 0: not known */
};

/*
 * input is a recording, as sim_source_file() takes it, or
 * "NAME[,key=value]..." of a workload when no file is called so. A
 * process-level recording runs on the guest kernel model, whose keys may follow
 * its path as they follow a workload's name. False: *error says why.
 */
bool sim_source_open(struct sim_source *source, const char *input,
		     struct sim_error *error);
void sim_source_close(struct sim_source *source);	/* all zero is fine */

/*
 * Hand each event to event() until it returns false (it has filled *error) or
 * the source ends. False: *error is filled.
 */
bool sim_source_play(struct sim_source *source, uint64_t seed,
		     bool (*event)(void *ctx, const struct sim_event *ev),
		     void *ctx, struct sim_error *error);

/* The name that results carry: a file's without folder and suffix, or a
 * workload's. out holds SIM_NAME_MAX bytes. */
void sim_source_name(const char *input, char *out);

#endif

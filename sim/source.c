/* SPDX-License-Identifier: BSD-2-Clause */
#include "sim/source.h"

#include <gnomon/gnomon.h>
#include <string.h>
#include <unistd.h>

#include "sim/text.h"

/* Does input name a workload rather than a file? */
static bool is_work(const char *input)
{
	char name[SIM_NAME_MAX];
	size_t length = strcspn(input, ",");

	if (length >= sizeof(name) || access(input, F_OK) == 0) {
		return false;
	}
	memcpy(name, input, length);
	name[length] = 0;
	return sim_work_find(name) != NULL;
}

static bool open_work(struct sim_source *s, struct sim_error *error)
{
	struct sim_kern_sink none = { 0 };
	const char *broken;
	char why[256];

	if (!sim_work_parse(s->input, &s->spec, why)) {
		sim_fail(error, SIM_ERR_USAGE, "%s", why);
		return false;
	}
	struct sim_kern *k = sim_kern_create(&s->spec.kern, &none, &broken);

	if (!k) {
		sim_fail(error, SIM_ERR_USAGE, "%s: %s", s->input, broken);
		return false;
	}
	sim_kern_info(k, &s->info);
	sim_kern_destroy(k);
	return true;
}

static bool open_recording(struct sim_source *s, struct sim_error *error)
{
	struct sim_rec_error why = { .text = "" };
	struct sim_rec_summary summary;

	if (sim_rec_open(&s->reader, s->input, &why) != SIM_REC_OK) {
		sim_fail(error, SIM_ERR_INPUT, "%s", why.text);
		return false;
	}
	s->info = *sim_rec_info(s->reader);
	if (s->info.kind != SIM_REC_MMU || s->info.levels < 4) {
		sim_fail(error, SIM_ERR_INPUT, "%s: %s", s->input,
			 s->info.kind != SIM_REC_MMU ?
			 "records processes, not the MMU; cannot be replayed" :
			 "has less than 4 paging levels; cannot be replayed");
		return false;
	}
	if (sim_rec_summary(s->reader, &summary) == SIM_REC_OK) {
		s->total = summary.event_count;
	}
	return true;
}

bool sim_source_open(struct sim_source *source, const char *input,
		     struct sim_error *error)
{
	*source = (struct sim_source){ .input = input };
	if (!(is_work(input) ? open_work(source, error) :
			       open_recording(source, error))) {
		return false;
	}
	if (source->info.vcpus > GNOMON_VCPUS_MAX) {
		sim_fail(error, SIM_ERR_INPUT, "%s: more than %d vcpus", input,
			 GNOMON_VCPUS_MAX);
		return false;
	}
	return true;
}

void sim_source_close(struct sim_source *source)
{
	sim_rec_close(source->reader);
	source->reader = NULL;
}

static bool play_recording(struct sim_source *s,
			   bool (*event)(void *, const struct sim_event *),
			   void *ctx, struct sim_error *error)
{
	enum sim_rec_status status;
	struct sim_event ev;

	while ((status = sim_rec_next(s->reader, &ev)) == SIM_REC_OK) {
		if (!event(ctx, &ev)) {
			return false;
		}
	}
	if (status != SIM_REC_END) {
		sim_fail(error, SIM_ERR_INPUT, "%s",
			 sim_rec_error(s->reader)->text);
		return false;
	}
	return true;
}

struct tap {
	bool (*event)(void *ctx, const struct sim_event *ev);
	void *ctx;
	bool stopped;
};

static bool on_event(void *ctx, const struct sim_event *ev)
{
	struct tap *tap = ctx;

	tap->stopped = !tap->event(tap->ctx, ev);
	return !tap->stopped;
}

static bool play_work(struct sim_source *s, uint64_t seed, struct tap *tap,
		      struct sim_error *error)
{
	struct sim_kern_sink sink = { .event = on_event, .ctx = tap };
	char why[256];

	if (sim_work_run(&s->spec, seed, &sink, why)) {
		return true;
	}
	if (!tap->stopped) {
		sim_fail(error, SIM_ERR_INPUT, "%s", why);
	}
	return false;
}

bool sim_source_play(struct sim_source *source, uint64_t seed,
		     bool (*event)(void *ctx, const struct sim_event *ev),
		     void *ctx, struct sim_error *error)
{
	struct tap tap = { .event = event, .ctx = ctx };

	return source->reader ? play_recording(source, event, ctx, error) :
				play_work(source, seed, &tap, error);
}

void sim_source_name(const char *input, char *out)
{
	const char *name = strrchr(input, '/');
	size_t length;

	name = name ? name + 1 : input;
	length = is_work(input) ? strcspn(name, ",") : strcspn(name, ".");
	if (!length) {
		length = strlen(name);
	}
	if (length >= SIM_NAME_MAX) {
		length = SIM_NAME_MAX - 1;
	}
	memcpy(out, name, length);
	out[length] = 0;
}

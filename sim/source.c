/* SPDX-License-Identifier: BSD-2-Clause */
#include "sim/source.h"

#include <gnomon/gnomon.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sim/near.h"
#include "sim/text.h"

/* Does input name a workload rather than a file? */
static bool is_work(const char *input)
{
	char name[SIM_NAME_MAX];
	size_t length = strcspn(input, ",");

	if (length >= sizeof(name) || sim_is_file(input)) {
		return false;
	}
	memcpy(name, input, length);
	name[length] = 0;
	return sim_work_find(name) != NULL;
}

/* What a recording of the configured kernel would say of itself. */
static bool ask_kern(struct sim_source *s, struct sim_error *error)
{
	struct sim_kern_sink none = { 0 };
	const char *broken;
	struct sim_kern *k = sim_kern_create(&s->spec.kern, &none, &broken);

	if (!k) {
		sim_fail(error, SIM_ERR_USAGE, "%s: %s", s->input, broken);
		return false;
	}
	sim_kern_info(k, &s->info);
	sim_kern_destroy(k);
	return true;
}

static bool open_work(struct sim_source *s, struct sim_error *error)
{
	char why[256];

	if (!sim_work_parse(s->input, &s->spec, why)) {
		sim_fail(error, SIM_ERR_USAGE, "%s", why);
		return false;
	}
	return ask_kern(s, error);
}

/* The first pass over a process-level recording. */
static bool plan(struct sim_source *s, struct sim_error *error)
{
	enum sim_rec_status status;
	struct sim_event ev;
	bool good;

	s->play = sim_play_new();
	good = s->play != NULL;
	while (good &&
	       (status = sim_rec_next(s->reader, &ev)) == SIM_REC_OK) {
		good = sim_play_plan(s->play, &ev);
	}
	if (!good) {
		sim_fail(error, SIM_ERR_NOMEM, "%s: out of memory; close "
			 "other programs and try again", s->input);
		return false;
	}
	if (status != SIM_REC_END || sim_rec_rewind(s->reader) != SIM_REC_OK) {
		sim_fail(error, SIM_ERR_INPUT, "%s",
			 sim_rec_error(s->reader)->text);
		return false;
	}
	return true;
}

/* What the programs of a process-level recording run on. */
static bool open_kern(struct sim_source *s, const char *keys,
		      struct sim_error *error)
{
	struct sim_kern_config *config = &s->spec.kern;
	char why[256];

	*config = sim_kern_config_default();
	if (!plan(s, error)) {
		return false;
	}
	sim_play_config(s->play, config);
	if (keys && !sim_work_parse_kern(keys, config, why)) {
		sim_fail(error, SIM_ERR_USAGE, "%s", why);
		return false;
	}
	return ask_kern(s, error);
}

bool sim_source_file(const char *name, char path[SIM_SOURCE_PATH])
{
	if (sim_is_file(name)) {
		return sim_copy(path, SIM_SOURCE_PATH, name);
	}
	return !strchr(name, '/') && !strchr(name, '.') && *name &&
	       sim_data_path("recordings", name, ".gnr", path,
			     SIM_SOURCE_PATH);
}

static bool try_name(void *ctx, const char *name, const char *path)
{
	(void)path;
	sim_near_try(ctx, name);
	return true;
}

/*
 * The file of "NAME" or "NAME,key=value", into path, and the keys or NULL.
 * What no file is called stays as it is, for the error to name it.
 */
static const char *find_file(const char *input, char path[SIM_SOURCE_PATH])
{
	size_t length = strcspn(input, ",");
	char name[SIM_SOURCE_PATH];

	if (sim_source_file(input, path)) {
		return NULL;
	}
	if (input[length] && length < sizeof(name)) {
		memcpy(name, input, length);
		name[length] = 0;
		if (sim_source_file(name, path)) {
			return input + length + 1;
		}
	}
	sim_copy(path, SIM_SOURCE_PATH, input);
	return NULL;
}

bool sim_source_missing(const char *input, bool works,
			char why[SIM_SOURCE_WHY])
{
	char name[SIM_NEAR_WORD], path[SIM_SOURCE_PATH];
	size_t length = strcspn(input, works ? "," : "");

	if (length >= sizeof(name) || strcspn(input, "/.") < length) {
		return false;
	}
	memcpy(name, input, length);
	name[length] = 0;
	struct sim_near near = sim_near_to(name);
	if (sim_source_file(name, path)) {
		return false;
	}
	sim_data_list("recordings", ".gnr", try_name, &near);
	if (works) {
		sim_work_near(&near);
	}
	snprintf(why, SIM_SOURCE_WHY, "%s: No such file, and no %srecording "
		 "of that name%s; %s'gnomon info --list' list%s them", name,
		 works ? "workload or " : "", sim_near_hint(&near),
		 works ? "'gnomon workloads' and " : "", works ? "" : "s");
	return true;
}

static bool open_recording(struct sim_source *s, struct sim_error *error)
{
	struct sim_rec_error why = { .text = "" };
	struct sim_rec_summary summary;
	char path[SIM_SOURCE_PATH];
	const char *keys = find_file(s->input, path);
	char none[SIM_SOURCE_WHY];

	if (sim_source_missing(s->input, true, none)) {
		sim_fail(error, SIM_ERR_INPUT, "%s", none);
		return false;
	}
	if (sim_rec_open(&s->reader, path, &why) != SIM_REC_OK) {
		sim_fail(error, SIM_ERR_INPUT, "%s", why.text);
		return false;
	}
	s->info = *sim_rec_info(s->reader);
	if (s->info.kind == SIM_REC_PROCESS) {
		return open_kern(s, keys, error);
	}
	if (keys) {
		sim_fail(error, SIM_ERR_USAGE, "%s: is of the MMU level; its "
			 "kernel has no parameters", s->input);
		return false;
	}
	if (s->info.levels < 4) {
		sim_fail(error, SIM_ERR_INPUT, "%s: has less than 4 paging "
			 "levels; cannot be replayed", s->input);
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
	sim_play_free(source->play);
	source->reader = NULL;
	source->play = NULL;
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

/* Feed the model from the recording; false when reading fails. */
static bool play_events(struct sim_source *s, const struct sim_kern *k,
			struct sim_error *error)
{
	enum sim_rec_status status = SIM_REC_OK;
	struct sim_event ev;

	while (!sim_kern_error(k) &&
	       (status = sim_rec_next(s->reader, &ev)) == SIM_REC_OK) {
		sim_play_event(s->play, &ev);
	}
	if (status != SIM_REC_OK && status != SIM_REC_END) {
		sim_fail(error, SIM_ERR_INPUT, "%s",
			 sim_rec_error(s->reader)->text);
		return false;
	}
	sim_play_end(s->play);
	return true;
}

static bool play_processes(struct sim_source *s, struct tap *tap,
			   struct sim_error *error)
{
	struct sim_kern_sink sink = { .event = on_event, .ctx = tap };
	const char *why;
	struct sim_kern *k = sim_kern_create(&s->spec.kern, &sink, &why);
	bool good;

	if (!k) {
		sim_fail(error, SIM_ERR_INPUT, "%s: %s", s->input, why);
		return false;
	}
	sim_kern_boot(k);
	sim_play_start(s->play, k);
	good = play_events(s, k, error);
	if (good) {
		sim_kern_final(k);
	}
	if (good && sim_kern_error(k)) {
		good = false;
		if (!tap->stopped) {
			sim_fail(error, SIM_ERR_INPUT, "%s: %s; more memory: "
				 "%s,ram=MIB", s->input, sim_kern_error(k),
				 s->input);
		}
	}
	sim_kern_destroy(k);
	return good;
}

bool sim_source_play(struct sim_source *source, uint64_t seed,
		     bool (*event)(void *ctx, const struct sim_event *ev),
		     void *ctx, struct sim_error *error)
{
	struct tap tap = { .event = event, .ctx = ctx };

	if (source->play) {
		return play_processes(source, &tap, error);
	}
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

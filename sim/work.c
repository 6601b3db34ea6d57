/* SPDX-License-Identifier: BSD-2-Clause */
#include "sim/work.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/work_int.h"

const struct sim_work *const sim_works[] = {
	&sim_work_forkwait, &sim_work_subshell, &sim_work_fork,
	&sim_work_exec, &sim_work_sh,
	&sim_work_pagefault, &sim_work_protfault, &sim_work_ctxsw,
	&sim_work_getpid, &sim_work_ptemod, &sim_work_pgfault,
	&sim_work_snapshot, &sim_work_prefork, &sim_work_build,
	&sim_work_churn, &sim_work_gups, &sim_work_zipf, &sim_work_chase,
	&sim_work_stream, &sim_work_mix,
};
const size_t sim_work_count = sizeof(sim_works) / sizeof(sim_works[0]);

const struct sim_work *sim_work_find(const char *name)
{
	for (size_t i = 0; i < sim_work_count; i++) {
		if (strcmp(sim_works[i]->name, name) == 0) {
			return sim_works[i];
		}
	}
	return NULL;
}

void sim_work_near(struct sim_near *near)
{
	for (size_t i = 0; i < sim_work_count; i++) {
		sim_near_try(near, sim_works[i]->name);
	}
}

/* ---- parsing ------------------------------------------------------------ */

enum kern_key { KEY_RAM, KEY_VCPUS, KEY_PCID, KEY_KPTI, KEY_THP, KEY_FILL,
		KEY_AROUND, KEY_COUNT };

static const struct sim_work_param kern_keys[KEY_COUNT] = {
	[KEY_RAM] = { "ram", "guest memory, MiB", 512, 64, 1u << 24 },
	[KEY_VCPUS] = { "vcpus", "virtual CPUs", 1, 1, 64 },
	[KEY_PCID] = { "pcid", "use PCIDs, 0 or 1", 0, 0, 1 },
	[KEY_KPTI] = { "kpti", "page-table isolation, 0 or 1", 0, 0, 1 },
	[KEY_THP] = { "thp", "2M pages, 0 or 1", 0, 0, 1 },
	[KEY_FILL] = { "fill", "clear and copy whole frames, 0 or 1", 0, 0, 1 },
	[KEY_AROUND] = { "fault-around", "pages", 16, 1, 512 },
};

static void set_kern(struct sim_kern_config *c, enum kern_key key, uint64_t v)
{
	switch (key) {
	case KEY_RAM:
		c->ram_bytes = (v & ~UINT64_C(1)) << 20;
		break;
	case KEY_VCPUS:
		c->vcpus = (unsigned)v;
		break;
	case KEY_PCID:
		c->pcid = v;
		break;
	case KEY_KPTI:
		c->kpti = v;
		break;
	case KEY_THP:
		c->thp = v;
		break;
	case KEY_FILL:
		c->fill = v;
		break;
	case KEY_AROUND:
		c->fault_around = (unsigned)v;
		break;
	case KEY_COUNT:
		break;
	}
}

static bool number(const struct sim_work_param *p, const char *text,
		   uint64_t *v, char why[256])
{
	char *end;

	errno = 0;
	*v = strtoull(text, &end, 0);
	if (errno || end == text || *end || *text == '-' || *v < p->min ||
	    *v > p->max) {
		snprintf(why, 256, "%s=%.40s: a number from %" PRIu64 " to %"
			 PRIu64 " is needed", p->name, text, p->min, p->max);
		return false;
	}
	return true;
}

static void unknown_key(const struct sim_work *w, const char *key,
			char why[256])
{
	struct sim_near near = sim_near_to(key);

	for (int i = 0; w && i < SIM_WORK_PARAMS && w->params[i].name; i++) {
		sim_near_try(&near, w->params[i].name);
	}
	for (int i = 0; i < KEY_COUNT; i++) {
		sim_near_try(&near, kern_keys[i].name);
	}
	size_t at = (size_t)snprintf(why, 256, "%.40s: %s has no such "
				     "parameter%s; it has", key,
				     w ? w->name : "a recording",
				     sim_near_hint(&near));

	for (int i = 0; w && i < SIM_WORK_PARAMS && w->params[i].name; i++) {
		at += (size_t)snprintf(why + at, at < 256 ? 256 - at : 0,
				       " %s", w->params[i].name);
	}
	for (int i = 0; i < KEY_COUNT && at < 256; i++) {
		at += (size_t)snprintf(why + at, 256 - at, " %s",
				       kern_keys[i].name);
	}
}

const char *sim_work_help(const struct sim_work *w, const char *key)
{
	for (int i = 0; i < SIM_WORK_PARAMS && w->params[i].name; i++) {
		if (strcmp(w->params[i].name, key) == 0) {
			return w->params[i].help;
		}
	}
	for (int i = 0; i < KEY_COUNT; i++) {
		if (strcmp(kern_keys[i].name, key) == 0) {
			return kern_keys[i].help;
		}
	}
	return NULL;
}

static bool set_key(struct sim_work_spec *spec, const char *key,
		    const char *text, char why[256])
{
	const struct sim_work *w = spec->work;
	uint64_t v;

	for (int i = 0; w && i < SIM_WORK_PARAMS && w->params[i].name; i++) {
		if (strcmp(w->params[i].name, key) == 0) {
			return number(&w->params[i], text, &spec->value[i],
				      why);
		}
	}
	for (int i = 0; i < KEY_COUNT; i++) {
		if (strcmp(kern_keys[i].name, key) == 0) {
			if (!number(&kern_keys[i], text, &v, why)) {
				return false;
			}
			set_kern(&spec->kern, (enum kern_key)i, v);
			return true;
		}
	}
	unknown_key(w, key, why);
	return false;
}

static bool parse_keys(char *at, struct sim_work_spec *spec, char why[256])
{
	for (char *next; at; at = next) {
		next = strchr(at, ',');
		if (next) {
			*next++ = 0;
		}
		char *value = strchr(at, '=');

		if (!value) {
			snprintf(why, 256, "%.60s: key=value is needed", at);
			return false;
		}
		*value++ = 0;
		if (!set_key(spec, at, value, why)) {
			return false;
		}
	}
	return true;
}

bool sim_work_parse_kern(const char *keys, struct sim_kern_config *config,
			 char why[256])
{
	struct sim_work_spec spec = { .kern = *config };
	char copy[512];
	size_t bytes = strlen(keys);

	if (bytes >= sizeof(copy)) {
		snprintf(why, 256, "the kernel's parameters are too long");
		return false;
	}
	memcpy(copy, keys, bytes + 1);
	if (!parse_keys(copy, &spec, why)) {
		return false;
	}
	*config = spec.kern;
	return true;
}

bool sim_work_parse(const char *text, struct sim_work_spec *spec,
		    char why[256])
{
	char copy[512];
	size_t bytes = strlen(text);

	if (bytes >= sizeof(copy)) {
		snprintf(why, 256, "the workload's parameters are too long");
		return false;
	}
	memcpy(copy, text, bytes + 1);
	char *keys = strchr(copy, ',');

	if (keys) {
		*keys++ = 0;
	}
	*spec = (struct sim_work_spec){ .work = sim_work_find(copy),
					.kern = sim_kern_config_default() };
	if (!spec->work) {
		struct sim_near near = sim_near_to(copy);
		sim_work_near(&near);
		snprintf(why, 256, "%.60s: no such workload%s; 'gnomon "
			 "workloads' lists them", copy, sim_near_hint(&near));
		return false;
	}
	for (int i = 0; i < SIM_WORK_PARAMS; i++) {
		spec->value[i] = spec->work->params[i].fallback;
	}
	return parse_keys(keys, spec, why);
}

/* ---- running ------------------------------------------------------------ */

bool sim_work_run(const struct sim_work_spec *spec, uint64_t seed,
		  const struct sim_kern_sink *sink, char why[256])
{
	struct sim_work_run run = { .random = seed };
	const char *error;

	run.k = sim_kern_create(&spec->kern, sink, &error);
	if (!run.k) {
		snprintf(why, 256, "%s: %s", spec->work->name, error);
		return false;
	}
	memcpy(run.value, spec->value, sizeof(run.value));
	sim_kern_boot(run.k);
	spec->work->run(&run);
	sim_kern_final(run.k);
	error = sim_kern_error(run.k);
	if (error) {
		snprintf(why, 256, "%s: %s; more memory: ram=MIB",
			 spec->work->name, error);
	}
	sim_kern_destroy(run.k);
	return error == NULL;
}

/* ---- saving ------------------------------------------------------------- */

struct saver {
	struct sim_rec_writer *writer;
	enum sim_rec_status status;
};

static bool save_event(void *ctx, const struct sim_event *ev)
{
	struct saver *s = ctx;

	s->status = sim_rec_put(s->writer, ev);
	return s->status == SIM_REC_OK;
}

static void describe(const struct sim_work_spec *spec, uint64_t seed,
		     struct sim_rec_info *info)
{
	struct sim_kern_sink none = { 0 };
	const char *why;
	struct sim_kern *k = sim_kern_create(&spec->kern, &none, &why);
	char text[32];

	if (k) {
		sim_kern_info(k, info);
		sim_kern_destroy(k);
	}
	snprintf(info->source, sizeof(info->source), "workload %s",
		 spec->work->name);
	snprintf(info->tool, sizeof(info->tool), "gnomon guest kernel model");
	snprintf(text, sizeof(text), "%" PRIu64, seed);
	(void)sim_rec_meta_set(info, "seed", text);
	for (int i = 0; i < SIM_WORK_PARAMS && spec->work->params[i].name;
	     i++) {
		snprintf(text, sizeof(text), "%" PRIu64, spec->value[i]);
		(void)sim_rec_meta_set(info, spec->work->params[i].name, text);
	}
}

bool sim_work_save(const struct sim_work_spec *spec, uint64_t seed,
		   const char *path, struct sim_rec_error *err)
{
	struct sim_rec_info info = { 0 };
	struct saver s = { 0 };
	struct sim_kern_sink sink = { .event = save_event, .ctx = &s };
	char why[256];

	describe(spec, seed, &info);
	if (sim_rec_create(&s.writer, path, &info, NULL, err) != SIM_REC_OK) {
		return false;
	}
	if (sim_work_run(spec, seed, &sink, why)) {
		return sim_rec_commit(s.writer, err) == SIM_REC_OK;
	}
	if (s.status != SIM_REC_OK) {
		*err = *sim_rec_writer_error(s.writer);
	} else {
		snprintf(err->text, sizeof(err->text), "%s", why);
	}
	sim_rec_abort(s.writer);
	return false;
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/figures_int.h"

#include <ctype.h>
#include <limits.h>
#include <math.h>
#include <string.h>

double fig_overhead(const struct sim_result *r)
{
	return 100 * r->overhead;
}

double fig_lock_wait(const struct sim_result *r)
{
	return r->cycles ? 100 * (double)r->lock_wait_cycles /
			   (double)r->cycles : NAN;
}

double fig_refs(const struct sim_result *r)
{
	return r->walks ? (double)r->walk_refs / (double)r->walks : NAN;
}

void fig_add(struct fig_spread *s, double v)
{
	s->least = s->count && s->least < v ? s->least : v;
	s->largest = s->count && s->largest > v ? s->largest : v;
	s->mean = (s->mean * (double)s->count + v) / (double)(s->count + 1);
	s->count++;
}

bool fig_is_member(const struct fig_group *g, const struct point *pt)
{
	return pt->input == g->first->input &&
	       !strcmp(pt->preset, g->first->preset);
}

const char *fig_set_value(const struct point *pt, const char *param)
{
	size_t n = strlen(param);

	for (size_t i = 0; i < pt->set_count; i++) {
		if (!strncmp(pt->sets[i], param, n) && pt->sets[i][n] == '=') {
			return pt->sets[i] + n + 1;
		}
	}
	return NULL;
}

bool fig_is_base_but(const struct fig_group *g, const struct point *pt,
		     const char *param)
{
	if (!fig_is_member(g, pt) || pt->sensitivity) {
		return false;
	}
	for (size_t i = 0; i < pt->set_count; i++) {
		size_t n = strcspn(pt->sets[i], "=");
		bool free = param && strlen(param) == n &&
			    !strncmp(pt->sets[i], param, n);
		if (!free && strcmp(pt->sets[i], g->first->sets[i])) {
			return false;
		}
	}
	return true;
}

struct fig_spread fig_over_seeds(const struct fig_group *g,
				 const struct point *like, enum sim_mode mode,
				 fig_measure *measure)
{
	struct fig_spread s = { 0 };

	for (size_t i = 0; i < g->p->count; i++) {
		const struct point *pt = &g->p->list[i];
		struct point same = *like;
		same.seed = pt->seed;
		if (pt->mode == mode && point_is_same_run(pt, &same) &&
		    !isnan(measure(&g->results[i]))) {
			fig_add(&s, measure(&g->results[i]));
		}
	}
	return s;
}

/* The names were checked when the scenario was read. */
enum sim_mode fig_mode_at(const struct fig_group *g, size_t i)
{
	enum sim_mode mode = SIM_MODE_NATIVE;

	sim_mode_parse(g->p->scenario.modes.items[i], &mode);
	return mode;
}

size_t fig_modes(const struct fig_group *g, fig_measure *measure,
		 bool native, enum sim_mode modes[SIM_MODE_COUNT])
{
	size_t n = 0;

	for (size_t i = 0; i < g->p->scenario.modes.count; i++) {
		enum sim_mode m = fig_mode_at(g, i);
		if ((native || m != SIM_MODE_NATIVE) &&
		    fig_over_seeds(g, g->first, m, measure).count) {
			modes[n++] = m;
		}
	}
	return n;
}

bool fig_open_data(const struct fig_group *g, const char *name,
		   struct atomic_out *out)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s.dat", g->dir, name);
	return atomic_open(out, path);
}

bool fig_close_data(const struct fig_group *g, struct atomic_out *out)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s", out->path);
	if (!atomic_commit(out)) {
		return false;
	}
	fprintf(g->say, "%s\n", path);
	return true;
}

void fig_add_suffix(char *suffix, size_t bytes, const char *name)
{
	const char *base = strrchr(name, '/');
	size_t n = strlen(suffix);

	base = base ? base + 1 : name;
	if (n + 1 < bytes) {
		suffix[n++] = '-';
	}
	for (; *base && n + 1 < bytes; base++) {
		suffix[n++] = isalnum((unsigned char)*base) ||
			      strchr("._-", *base) ? *base : '_';
	}
	suffix[n] = '\0';
}

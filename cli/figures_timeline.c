/* SPDX-License-Identifier: BSD-2-Clause */
/* What went on in a run while its input went by, where the points keep it. */
#include "cli/figures_int.h"

#include <err.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/point_file.h"
#include "cli/timeline.h"

/* Number i of the points, as a run to draw. */
static bool take_run(const struct fig_group *g, size_t i,
		     struct series *series, struct timeline_run *run)
{
	const struct point *pt = &g->p->list[i];
	char path[PATH_MAX];

	*run = (struct timeline_run){ pt->mode, &g->results[i], series };
	if (!point_series(g->from, pt, series)) {
		point_path(g->from, pt, path);
		cmd_error(path, "holds no timeline; run the sweep again");
		return false;
	}
	return true;
}

/* The input, and what differs from the preset. */
static void put_head(const struct point *pt, char title[256],
		     char subtitle[256])
{
	size_t n;

	snprintf(title, 256, "%s", pt->input->path ? pt->input->name :
						     pt->source);
	n = (size_t)snprintf(subtitle, 256, "preset %s", pt->preset);
	for (size_t i = pt->work_count; i < pt->set_count && n < 256; i++) {
		n += (size_t)snprintf(subtitle + n, 256 - n, ", %s",
				      pt->sets[i]);
	}
	if (n < 256) {
		snprintf(subtitle + n, 256 - n, ", seed %" PRIu64, pt->seed);
	}
}

/* All modes of the run that a point is of. */
static bool draw_run(const struct fig_group *g, const struct point *like)
{
	struct series *series = calloc(SIM_MODE_COUNT, sizeof(*series));
	struct timeline_run runs[SIM_MODE_COUNT];
	char title[256], subtitle[256];
	const struct timeline_head head = { title, subtitle };
	size_t n = 0;
	bool ok = true;

	if (!series) {
		err(CMD_FAILED, "out of memory");
	}
	for (size_t i = 0; i < g->p->count && ok; i++) {
		const struct point *pt = &g->p->list[i];
		if (n < SIM_MODE_COUNT && point_is_same_run(pt, like) &&
		    pt->sensitivity == like->sensitivity) {
			ok = take_run(g, i, &series[n], &runs[n]);
			n++;
		}
	}
	put_head(like, title, subtitle);
	ok = ok && timeline_draw(g->dir, g->suffix, &head, runs, n, g->latex,
				 g->say);
	free(series);
	return ok;
}

bool fig_timeline(const struct fig_group *g)
{
	return !g->p->scenario.timeline || draw_run(g, g->first);
}

/* The point whose ID begins so; NULL after printing why. */
static const struct point *find_point(const struct points *p, const char *id)
{
	const struct point *found = NULL;

	for (size_t i = 0; i < p->count; i++) {
		const struct point *pt = &p->list[i];
		if (strncmp(pt->id, id, strlen(id))) {
			continue;
		}
		if (found && strcmp(found->id, pt->id)) {
			cmd_error(id, "several points begin so; write more of "
				      "the ID");
			return NULL;
		}
		found = found ? found : pt;
	}
	if (!found) {
		cmd_error(id, "no point has that ID; the last column of "
			      "results.csv has them");
	}
	return found;
}

bool figures_timeline(const struct figures_from *from, const char *id,
		      const char *dir, bool latex, FILE *say)
{
	struct fig_group g = { .p = from->points, .results = from->results,
			       .from = from->dir, .dir = dir, .latex = latex,
			       .say = say };
	const struct point *pt;

	if (!from->points->scenario.timeline) {
		cmd_error(from->dir, "its points keep no timelines; 'timeline "
			  "= yes' in [scenario] makes them do it");
		return false;
	}
	pt = find_point(from->points, id);
	if (!pt) {
		return false;
	}
	g.first = pt;
	snprintf(g.suffix, sizeof(g.suffix), "-%.8s", pt->id);
	return draw_run(&g, pt);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The policy of the agile paging paper (Gandhi, Hill and Swift, ISCA 2016). A
 * table that is stored to twice in an interval goes nested, with all below it:
 * the paper found that tables are updated once in an interval or many times.
 * What has gone nested comes back at the end of the interval, either all of it
 * or what has not been written since the interval before, parents before
 * children. Short-lived processes may begin nested as a whole and become
 * shadowed once they have lived for a while and walks have cost enough.
 *
 * A table that goes nested stays remembered as such below a parent that does,
 * so that it is still nested when the parent comes back.
 */
#include "policy/policy.h"

#include <string.h>

enum {
	WAYS = 8,		/* of the table of tables, by gfn */
	LEVELS = GNOMON_MAX_LEVELS,
	WRITES = 2,		/* [the paper's] */
	SHARE = 5,		/* assumed: percent of the time in walks that
				 * "large overhead" means */
};

static struct gn_agile_table *set_of(struct gn_agile *a, uint64_t key)
{
	uint64_t hash = key * 0x9e3779b97f4a7c15u >> 32;

	return a->table + hash % (a->count / WAYS) * WAYS;
}

static struct gn_agile_table *find(struct gn_agile *a, gnomon_gfn_t gfn)
{
	struct gn_agile_table *way = set_of(a, gfn.v + 1);

	for (int i = 0; i < WAYS; i++) {
		if (way[i].key == gfn.v + 1) {
			return &way[i];
		}
	}
	return NULL;
}

static bool go(struct gnomon_policy *policy, struct gn_agile_table *t,
	       bool nested)
{
	struct gnomon_policy_decision d = {
		.scope = GNOMON_SCOPE_TABLE,
		.mode = nested ? GNOMON_POLICY_NESTED : GNOMON_POLICY_SHADOWED,
		.level = t->level,
		.gfn = { t->key - 1 },
	};

	if (!gn_policy_decide(policy, &d)) {
		return false;	/* a later event asks again */
	}
	policy->of.agile.nested += nested ? 1u : -1u;
	t->nested = nested;
	t->writes = 0;
	t->written = true;	/* of the interval under way */
	return true;
}

/* A free way, else one that is shadowed, else one that can be brought back. */
static struct gn_agile_table *place(struct gnomon_policy *policy,
				    gnomon_gfn_t gfn)
{
	struct gn_agile *a = &policy->of.agile;
	struct gn_agile_table *way = set_of(a, gfn.v + 1), *best = NULL;

	for (int i = 0; i < WAYS; i++) {
		if (!way[i].key) {
			best = &way[i];
			break;
		}
		if (!best || (best->nested && !way[i].nested) ||
		    (best->nested == way[i].nested &&
		     way[i].interval < best->interval)) {
			best = &way[i];
		}
	}
	if (best->key && best->nested && !go(policy, best, false)) {
		return NULL;
	}
	*best = (struct gn_agile_table){ .key = gfn.v + 1 };
	return best;
}

static void stored(struct gnomon_policy *policy,
		   const struct gnomon_policy_event *event)
{
	struct gn_agile *a = &policy->of.agile;
	struct gn_agile_table *t = find(a, event->gfn);

	t = t ? t : place(policy, event->gfn);
	if (!t) {
		return;
	}
	if (t->interval != a->interval) {
		t->interval = a->interval;
		t->writes = 0;
	}
	t->level = event->level;
	t->writes += gn_policy_count(event);
	if (!t->nested && t->writes >= policy->config.agile_writes) {
		go(policy, t, true);
	}
}

/* ---- the end of an interval ---------------------------------------------- */

static bool ask(struct gnomon_policy *policy, const struct gn_agile_table *t)
{
	struct gnomon_policy_decision d = {
		.scope = GNOMON_SCOPE_WRITTEN,
		.level = t->level,
		.gfn = { t->key - 1 },
	};

	return gn_policy_decide(policy, &d);
}

/* One table at the level under way. False: the queue is full. */
static bool look(struct gnomon_policy *policy, struct gn_agile_table *t)
{
	const struct gn_agile *a = &policy->of.agile;

	if (!t->key || !t->nested || t->level != a->level) {
		return true;
	}
	if (policy->config.agile_back == GNOMON_AGILE_BACK_ALL ||
	    !t->written) {
		return go(policy, t, false);
	}
	/* Written, or new to it: hear at the next end what this one brought. */
	if (!ask(policy, t)) {
		return false;
	}
	t->written = false;
	return true;
}

/* Go on with what is to be looked at, parents first, as the queue has room. */
static void bring_back(struct gnomon_policy *policy)
{
	struct gn_agile *a = &policy->of.agile;

	while (a->level > 0) {
		for (; a->next < a->count && a->nested; a->next++) {
			if (!look(policy, &a->table[a->next])) {
				return;
			}
		}
		a->next = 0;
		a->level--;
	}
}

static void written(struct gn_agile *a,
		    const struct gnomon_policy_event *event)
{
	struct gn_agile_table *t = find(a, event->gfn);

	if (t) {
		t->written = true;
	}
}

static void tick(struct gnomon_policy *policy, uint64_t now)
{
	struct gn_agile *a = &policy->of.agile;

	if (!a->started) {
		a->started = true;
		a->since = now;
	}
	if (now - a->since >= policy->config.interval) {
		a->interval++;
		a->since = now;
		a->level = LEVELS;
		a->next = 0;
	}
	bring_back(policy);
}

/* ---- processes that begin nested ----------------------------------------- */

static struct gn_agile_space *space_find(const struct gn_agile *a,
					 gnomon_gpa_t gpa)
{
	uint64_t hash = (gpa.v + 1) * 0x9e3779b97f4a7c15u >> 32;

	return &a->space[hash % a->spaces];
}

static bool choose(struct gnomon_policy *policy, gnomon_gpa_t gpa,
		   enum gnomon_policy_mode mode)
{
	struct gnomon_policy_decision d = {
		.scope = GNOMON_SCOPE_SPACE, .mode = mode, .space = gpa,
	};

	return gn_policy_decide(policy, &d);
}

static void forget_space(struct gnomon_policy *policy,
			 struct gn_agile_space *s)
{
	if (s->key && s->nested) {
		choose(policy, (gnomon_gpa_t){ s->key - 1 },
		       GNOMON_POLICY_SHADOWED);
	}
	*s = (struct gn_agile_space){ 0 };
}

/* The space runs: new it begins nested, grown up it is shadowed. */
static void runs(struct gnomon_policy *policy,
		 const struct gnomon_policy_event *event)
{
	struct gn_agile *a = &policy->of.agile;
	struct gn_agile_space *s = space_find(a, event->space);
	uint64_t now = event->now;

	if (s->key != event->space.v + 1) {
		forget_space(policy, s);
		if (!choose(policy, event->space, GNOMON_POLICY_NESTED)) {
			return;
		}
		*s = (struct gn_agile_space){
			.key = event->space.v + 1, .nested = true,
		};
	}
	if (a->running == s->key && now > a->ran_since) {
		s->lived += now - a->ran_since;
	}
	a->running = s->key;
	a->ran_since = now;
	if (event->kind == GNOMON_PE_WALK && event->nested) {
		s->walks += event->cycles;
	}
	if (s->nested && s->lived >= policy->config.agile_trial &&
	    s->walks >= s->lived / 100 * SHARE &&
	    choose(policy, event->space, GNOMON_POLICY_SHADOWED)) {
		s->nested = false;
	}
}

/* ---- as policies go ------------------------------------------------------ */

size_t gn_agile_bytes(const struct gnomon_policy_config *config)
{
	return gn_agile_tables(config) * sizeof(struct gn_agile_table) +
	       config->spaces * sizeof(struct gn_agile_space);
}

uint32_t gn_agile_tables(const struct gnomon_policy_config *config)
{
	uint32_t tables = config->tables ? config->tables : 4096;

	return (tables + WAYS - 1) / WAYS * WAYS;
}

void gn_agile_start(struct gnomon_policy *policy)
{
	struct gnomon_policy_config *c = &policy->config;
	struct gn_agile *a = &policy->of.agile;

	a->count = gn_agile_tables(c);
	a->spaces = c->spaces;
	a->table = (struct gn_agile_table *)(policy + 1);
	a->space = (struct gn_agile_space *)(a->table + a->count);
	memset(policy + 1, 0, gn_agile_bytes(c));
	c->agile_writes = c->agile_writes ? c->agile_writes : WRITES;
	c->agile_trial = c->agile_trial ? c->agile_trial : c->interval;
}

void gn_agile_event(struct gnomon_policy *policy,
		    const struct gnomon_policy_event *event)
{
	struct gn_agile *a = &policy->of.agile;
	bool begins_nested = policy->config.start == GNOMON_POLICY_NESTED;

	tick(policy, event->now);
	if (begins_nested && event->kind == GNOMON_PE_SPACE_END) {
		struct gn_agile_space *s = space_find(a, event->space);

		if (s->key == event->space.v + 1) {
			forget_space(policy, s);
		}
	} else if (begins_nested && event->space.v) {
		runs(policy, event);
	}
	if (event->kind == GNOMON_PE_TRACE || event->kind == GNOMON_PE_OPEN) {
		stored(policy, event);
	} else if (event->kind == GNOMON_PE_WRITTEN) {
		written(a, event);
	}
}

enum gnomon_policy_mode gn_agile_mode(const struct gnomon_policy *policy,
				      gnomon_gpa_t gpa)
{
	const struct gn_agile_space *s = space_find(&policy->of.agile, gpa);

	return s->key == gpa.v + 1 && s->nested ? GNOMON_POLICY_NESTED
						: GNOMON_POLICY_SHADOWED;
}

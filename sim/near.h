/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The nearest of a list of names to a word that is none of them, for
 * messages:
 *
 *	struct sim_near near = sim_near_to("shaddow");
 *
 *	for (...) {
 *		sim_near_try(&near, names[i]);
 *	}
 *	sim_near_hint(&near);		" (did you mean 'shadow'?)"
 */
#ifndef SIM_NEAR_H
#define SIM_NEAR_H

enum { SIM_NEAR_WORD = 64 };	/* longer words and names are near nothing */

struct sim_near {
	const char *word;	/* the caller's; outlives this */
	unsigned int least;	/* edits between it and best; more: none */
	char best[SIM_NEAR_WORD];
	char hint[SIM_NEAR_WORD + 32];
};

struct sim_near sim_near_to(const char *word);

/*
 * Offers a name. The one with the fewest letters to insert, drop, change or
 * exchange with the next is kept, the first among equals, if these are at most
 * a third of the word's; or one that the word begins.
 */
void sim_near_try(struct sim_near *near, const char *name);

/* A text to append, in *near; "" when no name is near. */
const char *sim_near_hint(struct sim_near *near);

#endif

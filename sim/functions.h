/* SPDX-License-Identifier: BSD-2-Clause */
/* Which functions of the guest's kernel store into its page tables. */
#ifndef SIM_FUNCTIONS_H
#define SIM_FUNCTIONS_H

#include "sim/rec.h"

enum {
	SIM_FUNCTIONS_MAX = 65536,
};

struct sim_function {
	uint64_t start;
	uint64_t bytes;
	char name[96];
	uint64_t stores;
	uint64_t leaf;		/* of those: into level 1 */
	uint64_t cleared;	/* of those: the entry became 0 */
	uint64_t window;	/* of those: between markers 2 and 3 */
};

struct sim_functions {
	struct sim_function *list;	/* most stores first */
	size_t count;
	struct sim_function other;	/* stores without a known function */
};

/*
 * Reads the whole recording twice. On success the caller frees `f` with
 * sim_functions_free(); functions without a store are left out.
 */
enum sim_rec_status sim_functions(struct sim_rec_reader *r,
				  struct sim_functions *f,
				  struct sim_rec_error *err);
void sim_functions_free(struct sim_functions *f);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Published results against ours. Each check says what kind of evidence it is,
 * so that a fit is never read as a prediction.
 */
#ifndef SIM_VALIDATE_H
#define SIM_VALIDATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum sim_check_kind {
	SIM_CHECK_EXACT,	/* must be equal, up to print rounding */
	SIM_CHECK_PREDICTION,	/* nothing was fitted to this number */
	SIM_CHECK_CALIBRATION,	/* a price was chosen to meet it */
	SIM_CHECK_DIRECTION,	/* only the sign or the order counts */
};

/* "exact", "prediction", ... */
const char *sim_check_kind_name(enum sim_check_kind kind);

struct sim_check {
	char id[8];		/* "V1" ... */
	char what[96];
	const char *unit;
	const char *source;	/* of the target */
	enum sim_check_kind kind;
	double target, ours;
	double allowed;		/* of |ours - target|, or of its ratio */
	bool relative;		/* allowed is a part of the target */
	bool pass;
	char note[160];		/* why it missed, or what to know; may be "" */
};

struct sim_validation {
	void (*found)(void *ctx, const struct sim_check *check);
	void *ctx;
	bool exact_only;	/* skip what takes simulation runs */
	const char *only;	/* one id, or NULL for all */
	size_t passed, missed;
	char error[256];	/* a run failed; empty: none */
};

/* Runs the checks in order of their ids, those asked for and no others. False:
 * error says what failed. */
bool sim_validate(struct sim_validation *v);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/* The ways to record, behind `gnomon record`. Private to cli/. */
#ifndef CLI_RECORD_H
#define CLI_RECORD_H

#include "record/guest.h"
#include "record/perf.h"
#include "record/user.h"

enum {
	RECORD_WORDS_MAX = 4096,
	RECORD_WITH_MAX = 256,
	RECORD_PATH_BYTES = 4096,
};

/* What the command line asks for. */
struct record_opts {
	const struct record_kind *kind;
	struct record_guest guest;	/* also what all kinds share */
	const char *perf;
	bool no_verify;
	size_t words;
	char *command[RECORD_WORDS_MAX + 1];
	const char *with[RECORD_WITH_MAX];
};

struct record_kind {
	const char *name;
	unsigned takes;		/* 1 << of each RECORD_TAKES_* */
	/* Finds what is needed, records, reports: an exit status. */
	int (*run)(struct record_opts *o, const char *source);
};

/* Which options a kind takes. */
enum {
	RECORD_TAKES_GUEST,	/* those about the machine */
	RECORD_TAKES_VCPUS,
	RECORD_TAKES_FILTER,
	RECORD_TAKES_QEMU,
	RECORD_TAKES_TIMEOUT,
	RECORD_TAKES_PERF,
};

extern const struct record_kind record_kinds[];
extern const size_t record_kind_count;

/* record_parts.c: what is needed; false after naming what is missing. */
bool record_find_guest(struct record_guest *g);
bool record_find_user(struct record_user *u, struct record_opts *o);
bool record_find_perf(struct record_perf *p, struct record_opts *o);

#endif

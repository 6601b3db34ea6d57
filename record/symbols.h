/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names for the instructions that stored into tables: the guest hands over
 * its /proc/kallsyms, and the functions that were seen go into the recording.
 */
#ifndef RECORD_SYMBOLS_H
#define RECORD_SYMBOLS_H

#include <stddef.h>
#include <stdint.h>

struct record_symbols {
	char *text;		/* as far as it was handed over */
	size_t bytes;
	size_t room;
	uint64_t *seen;		/* addresses, open addressing; 0: free */
	size_t seen_room;	/* a power of two */
	size_t seen_count;
};

/* Makes room for `bytes` more text and answers where they go; NULL if there
 * is none. */
char *record_symbols_room(struct record_symbols *s, size_t bytes);

/* An instruction at `ip` is worth a name. */
void record_symbols_see(struct record_symbols *s, uint64_t ip);

/* Calls `put` for each function that holds an address seen, in order. Uses
 * the text up. */
void record_symbols_report(struct record_symbols *s,
			   void (*put)(uint64_t start, uint64_t bytes,
				       const char *name));
void record_symbols_free(struct record_symbols *s);

#endif

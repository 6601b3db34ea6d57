/* SPDX-License-Identifier: BSD-2-Clause */
/* What the terminal can show: styles and a progress bar. */
#ifndef CLI_TERM_H
#define CLI_TERM_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/*
 * Escape sequences to start and end bold text, or "" where `out` is no
 * terminal, the terminal is dumb or NO_COLOR is set.
 */
const char *term_bold(FILE *out);
const char *term_plain(FILE *out);

/*
 * A bar on stderr with an estimate of the time left; nothing at all when
 * stderr is no terminal. One at a time. Safe to update from any thread.
 */
void progress_start(const char *what, uint64_t total);
/* `done` of `total`, drawn at most ten times a second. */
void progress_update(uint64_t done);
/* The same place for a line of text of one's own. */
void progress_text(const char *text);
/* Takes the bar away. Also before any message on stderr. */
void progress_clear(void);
void progress_end(void);

#endif

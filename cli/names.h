/* SPDX-License-Identifier: BSD-2-Clause */
/* What to say of a word that should have been one of a list. */
#ifndef CLI_NAMES_H
#define CLI_NAMES_H

#include <stddef.h>

enum { NAMES_TEXT = 512 };

/*
 * "WHAT 'WORD' (did you mean 'NAME'?); there are: ..." into text, which is
 * returned; what does not fit is cut.
 */
const char *names_none(const char *what, const char *word,
		       const char *const *names, size_t count,
		       char text[NAMES_TEXT]);

/* The same of the simulator's modes. */
const char *names_no_mode(const char *word, char text[NAMES_TEXT]);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The matrix, cut into sections: in each, all combinations of the free bits
 * are tried while the others stay as fixed. Together the sections vary every
 * bit of every level of every format, and each bit against all that it can
 * interact with: rights of two neighbouring levels against every register and
 * access, rights and presence along the whole path, and each size of leaf.
 */
#ifndef TESTS_ACCESS_SECTIONS_H
#define TESTS_ACCESS_SECTIONS_H

#include "tests/access/bits.h"

struct section {
	const char *name;
	enum format format;
	const char *fixed;	/* names of bits that are set throughout */
	const char *vary;	/* names of bits that vary; fastest first */
};

extern const struct section sections[];
extern const unsigned section_count;

#endif

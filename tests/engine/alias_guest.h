/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A guest with an alias of its low memory, and data that it maps by both: for
 * the tests of what holds for memory by one way and must by the other. The
 * processor of the tests looks at hpas, so a traced frame that is writable by
 * either way is noticed whatever the engine calls it.
 */
#ifndef TESTS_ENGINE_ALIAS_GUEST_H
#define TESTS_ENGINE_ALIAS_GUEST_H

#include <criterion/criterion.h>

#include "tests/support/guest.h"

#define BOTH (1u << GNOMON_MODE_SHADOW | 1u << GNOMON_MODE_NESTED)
#define ALIAS 10u
#define AT UINT64_C(8192)	/* the alias: GUEST_LOW whole */
#define LOW UINT64_C(1024)	/* frames of GUEST_LOW */
#define DATA UINT64_C(700)	/* frames 700 and on hold data */
#define SEEN UINT64_C(0x00400000) /* gva of them by their own gpas */
#define SHOWN UINT64_C(0x00800000) /* by the alias */
#define AGAIN UINT64_C(0x00c00000) /* by another way to SEEN's leaf table */
#define BIG UINT64_C(0x40000000)
#define PAGES UINT64_C(8)

enum gnomon_status alias_set(struct guest *g, uint32_t id, uint64_t first,
			     uint64_t frames, uint64_t target);
void alias_delete(struct guest *g, uint32_t id);
/* Data by both ways, tables by their own. */
struct guest *alias_guest(unsigned levels, enum gnomon_mode mode,
			  uint32_t modes);
struct guest *alias_guest_with(unsigned levels, enum gnomon_mode mode,
			       uint32_t modes, uint32_t options);
/* In each format, on either tables, and where it may change between them. */
void alias_each(void (*test)(struct guest *g));
/* The access reaches that frame of memory; the faults that it took. */
unsigned alias_reach(struct guest *g, uint64_t gva, uint32_t access,
		     uint64_t value, uint64_t gfn);
/* Four bytes of memory. */
uint64_t alias_stored(const struct guest *g, uint64_t gpa);
/* Where the entry over the leaf table of gva lies. */
uint64_t alias_upper(struct guest *g, uint64_t gva);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The life of a vm in which one host callback fails: two address spaces with
 * pages of each kind, a story that the test tells, and the judgement that the
 * guest is right again afterwards and that every page comes back.
 */
#ifndef GN_TESTS_FAULT_LIFE_H
#define GN_TESTS_FAULT_LIFE_H

#include <criterion/criterion.h>

#include "tests/support/guest.h"

#define CODE UINT64_C(0x400000)
#define DATA UINT64_C(0x600000)
#define HUGE_PAGE UINT64_C(0x40000000)
#define FAR UINT64_C(0x7f001000)
#define CALLS UINT64_C(0x10000000)
#define TABLES UINT64_C(0x20000000)
#define DEVICE UINT64_C(0x30000000)

/* One call with a small budget after the other, until it is through. */
#define THROUGH(g, call) \
	do { \
		uint32_t budget = 3; \
		s = (call); \
		guest_audit(g); \
		guest_access(g, 1, DATA, GNOMON_READ, 0); \
		nomem += s == GNOMON_NOMEM; \
	} while (s == GNOMON_MORE || (s == GNOMON_NOMEM && nomem < 2))

/* What such a call may answer where one callback has failed. */
void life_through(const char *call, enum gnomon_status s);
/* Each kind of access to each kind of page. */
void life_touch(struct guest *g, unsigned vcpu);

/* other: the root of the second address space. Both vcpus are in the first. */
typedef void life_story(struct guest *g, uint64_t other);
/*
 * One life in which call fail_at of the host fails (0: none), or the host has
 * no more than spare_pages - 1 pages left (0: as many as asked for). Returns
 * whether that call was reached.
 */
bool life_once(struct guest_options o, uint64_t fail_at, uint32_t spare_pages,
	       life_story *story);
/* With each call failing in its turn; the first time with none. */
void life_every_call(struct guest_options o, life_story *story);

#endif

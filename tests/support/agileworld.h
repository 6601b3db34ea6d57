/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The world of tests/shadow on processors with agile paging: an access goes
 * the whole way, the engine answers what leaves the guest, and the naive MMU
 * judges.
 */
#ifndef GN_TESTS_SUPPORT_AGILEWORLD_H
#define GN_TESTS_SUPPORT_AGILEWORLD_H

#include "tests/shadow/world.h"
#include "tests/support/hwagile.h"

struct agileworld {
	struct world w;
	struct hwagile cpu[WORLD_CPUS];
	unsigned hint;		/* enum hw_hint: may TLBs serve? */
};

/* config null: as world_config(), mode AGILE, no unsync tables. */
void agile_open(struct agileworld *a, const struct gnomon_config *config);
struct gnomon_config agile_config(void);
void agile_close(struct agileworld *a);
void agile_cr3(struct agileworld *a, unsigned cpu, uint64_t cr3);
/* gnomon_table_switch() until it is done. If the table is a root, its vcpus
 * have to say their CR3 anew. */
void agile_switch(struct agileworld *a, uint64_t gfn, bool nested);
enum world_end agile_access(struct agileworld *a, unsigned cpu, uint64_t gva,
			    uint32_t access, uint64_t value);

#endif

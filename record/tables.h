/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Follows the guest's page tables and writes what happens to them. A page is
 * a table from the moment it can be reached from a root that was loaded
 * until nothing links it any more; a root ends when its user half is empty,
 * or its frame is used for something else, and no vcpu runs on it.
 *
 * Long mode with 4 or 5 levels.
 */
#ifndef RECORD_TABLES_H
#define RECORD_TABLES_H

#include "sim/rec.h"

enum {
	RECORD_VCPUS_MAX = 64,
};

struct record_table;

struct record {
	struct sim_rec_writer *out;
	/* A write that failed; nothing is recorded from then on. */
	enum sim_rec_status status;
	const uint8_t *ram;		/* the guest's, from gpa 0 on */
	uint64_t ram_bytes;
	unsigned int levels;
	struct record_table **table;	/* by frame number */
	/* Changes whenever a page becomes a table. */
	uint32_t epoch;
	uint64_t root[RECORD_VCPUS_MAX];	/* gpa, of each vcpu */
	uint64_t left;				/* the last one left */
	unsigned int vcpus;
	/* Of the event being written. */
	uint64_t instr;
	uint16_t vcpu;
	uint64_t table_stores;
};

/* False when out of memory. */
bool record_init(struct record *r, struct sim_rec_writer *out,
		 const uint8_t *ram, uint64_t ram_bytes, unsigned int levels,
		 unsigned int vcpus);
void record_free(struct record *r);

/* Writes one event; fills in instr and vcpu. */
void record_put(struct record *r, struct sim_event ev);

/* `vcpu` is about to load `cr3`: images first. Writes no CR3 event. */
void record_root(struct record *r, unsigned int vcpu, uint64_t cr3);
/* Has loaded: the root it left may end now. */
void record_left(struct record *r);

bool record_is_table(const struct record *r, uint64_t gpa);

/*
 * A store that has taken place, in a frame that is a table. False if it was
 * none in a table after all, because the frame is being reused.
 */
bool record_store(struct record *r, uint64_t gva, uint64_t gpa,
		  unsigned int size, uint64_t ip, unsigned int flags);

/* A program has written into that frame: a root that nobody runs on is none
 * any more. */
void record_is_data(struct record *r, uint64_t gpa);

/* Writes all tables as guest memory holds them. */
void record_final(struct record *r);

#endif

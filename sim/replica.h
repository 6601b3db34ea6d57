/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A copy of the guest's page tables, built from a recording alone.  It is
 * the memory that the oracle reads.
 */
#ifndef SIM_REPLICA_H
#define SIM_REPLICA_H

#include "sim/oracle.h"
#include "sim/rec.h"

enum {
	SIM_REPLICA_TABLES_MAX = 1 << 16,
};

struct sim_replica;

struct sim_replica_table {
	uint64_t gpa;		/* of its frame */
	uint8_t level;
	bool live;		/* no TABLE_END since the last image */
	uint64_t changed;	/* sim_replica_changes() after the last store
				 * or image */
	uint8_t bytes[4096];	/* little endian, as in guest memory */
};

/* `entry_bytes` is 4 or 8.  NULL when out of memory. */
struct sim_replica *sim_replica_new(unsigned int entry_bytes);
void sim_replica_free(struct sim_replica *r);	/* NULL is fine */

/*
 * The table in the frame of `gpa`, or NULL if there never was one.  A table
 * that ended keeps its contents, as memory does: a CPU may still walk it, for
 * example while a kernel tears down the address space it runs on.
 */
const struct sim_replica_table *
sim_replica_find(const struct sim_replica *r, uint64_t gpa);

/* Stores and images so far. */
uint64_t sim_replica_changes(const struct sim_replica *r);

/* Live tables, and all of them by ascending gpa; the caller frees the array.
 * NULL when out of memory. */
size_t sim_replica_count(const struct sim_replica *r);
const struct sim_replica_table **sim_replica_list(const struct sim_replica *r);

enum sim_replica_answer {
	SIM_REPLICA_OK,		/* also: the event does not touch tables */
	SIM_REPLICA_NO_TABLE,	/* a store or an end where none lives */
	SIM_REPLICA_FULL,	/* out of memory, or too many tables */
};

/* Applies TABLE_IMAGE, TABLE_STORE, TABLE_END; ignores other events. */
enum sim_replica_answer sim_replica_apply(struct sim_replica *r,
					  const struct sim_event *ev);

/* For struct sim_oracle: `arg` is the replica. */
bool sim_replica_read(void *arg, uint64_t gpa, unsigned int bytes,
		      uint64_t *value);

/* An oracle over `r` with the registers at the start of a recording. */
struct sim_oracle sim_replica_oracle(struct sim_replica *r,
				     const struct sim_rec_info *info);

/* Bytes of one table entry in a recording. */
unsigned int sim_rec_entry_bytes(const struct sim_rec_info *info);

/* Entries that are not zero; `out` holds SIM_REC_ENTRIES_MAX. */
uint32_t sim_replica_entries(const struct sim_replica *r,
			     const struct sim_replica_table *t,
			     struct sim_rec_entry *out);

#endif

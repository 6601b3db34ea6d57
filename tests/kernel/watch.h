/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A sink for the guest kernel model that holds each event against the oracle:
 * every access must be allowed, every fault demanded, by the tables that the
 * events so far have built.
 */
#ifndef GN_TESTS_KERNEL_WATCH_H
#define GN_TESTS_KERNEL_WATCH_H

#include "sim/kern.h"
#include "sim/oracle.h"
#include "sim/replica.h"

struct watch {
	struct sim_replica *replica;
	struct sim_oracle oracle[64];
	uint64_t events, checked;
	uint64_t last_instr;
	char wrong[256];	/* the first violation; empty: none */
};

/* Set up all but the kernel; watch_sink() is then what judges. */
bool watch_init(struct watch *w, const struct sim_rec_info *info);
struct sim_kern_sink watch_sink(struct watch *w);
void watch_drop(struct watch *w);

/* False when memory is short or the configuration is refused. */
bool watch_start(struct watch *w, const struct sim_kern_config *config,
		 struct sim_kern **k);
void watch_end(struct watch *w, struct sim_kern *k);

#endif

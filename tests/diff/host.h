/* SPDX-License-Identifier: BSD-2-Clause */
/* What the host and its VMM do beside the guest. */
#ifndef GN_TESTS_DIFF_HOST_H
#define GN_TESTS_DIFF_HOST_H

#include "tests/diff/world.h"

/* What the host does, see OP_CHANGE and on. */
void host_exec(struct world *w, const struct op *op);
/* Is the frame one that the host is changing now? */
bool host_changing(const struct world *w, uint64_t gfn);
/* A call that should have gone well did not. */
void world_refused(struct world *w, const char *call, enum gnomon_status s);
/* Is a long call that answered so to be made again? Between two steps the
 * guest goes on; where pages ran out, the host now has some more. */
bool world_more(struct world *w, enum gnomon_status s, uint64_t *bits);
bool world_more_pages(struct world *w, enum gnomon_status s, uint64_t *bits);
void host_zap(struct world *w);
/* Must such an access to the frame be answered TRACKED? */
bool host_watched(const struct world *w, uint64_t gfn, uint32_t access);
/* Under change now: both answers are right. */
bool host_watch_moving(const struct world *w, uint64_t gfn);
/* The watch went with the slot. */
void host_watch_gone(struct world *w, uint64_t first, uint64_t frames);

/* A dirty log: start, clear, stop. */
void log_exec(struct world *w, const struct op *op);
/* A write happened: did the log know of it, or will it? */
void log_written(struct world *w, uint64_t gfn);
/* The ring must name each frame whose bit was set since the last look. */
void log_ring(struct world *w);
void log_free(struct world *w);

#endif

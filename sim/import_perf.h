/* SPDX-License-Identifier: BSD-2-Clause */
/* The importer of `perf script`. Private to sim/import_perf*.c. */
#ifndef SIM_IMPORT_PERF_H
#define SIM_IMPORT_PERF_H

#include "sim/import_text.h"

/* A line: "comm pid/tid [cpu] seconds.fraction: event: rest". */
struct perf_line {
	uint32_t pid, tid;	/* pid 0: the line has the tid alone */
	uint32_t cpu;
	uint64_t ns;
	const char *event;	/* up to event_bytes, without the colon */
	size_t event_bytes;
	const char *rest;
};

bool perf_parse(const char *line, struct perf_line *l);

/* "pid/tid: [0xgva(0xbytes) @ 0xoffset dev ino gen]: prot path" */
struct perf_map {
	uint64_t gva, bytes, offset;
	unsigned prot;
	bool shared;
	bool grows;		/* down, as a stack does */
	const char *path;
};

bool perf_parse_map(const char *rest, struct perf_map *m);

/* "(pid:tid):(ppid:ptid)" behind PERF_RECORD_FORK and _EXIT. */
struct perf_pair {
	uint64_t pid, tid, ppid, ptid;
};

bool perf_parse_pair(const char *text, struct perf_pair *p);

/* A task that the lines spoke of. */
struct perf_task {
	struct perf_task *next;
	uint32_t pid, tid;
	bool shares;	/* its next fork shares the address space (vfork) */
	bool in_exec;	/* mappings that come are those of exec */
	bool in_map;	/* between enter and exit of mmap or mremap */
	bool in_shmat;	/* shmat was entered: its mapping comes */
	uint64_t len, prot, flags, fd, offset, addr;	/* of mmap */
	char path[1024]; /* what the mapping in between was called */
};

enum {
	PERF_BUCKETS = 1024,
};

struct perf {
	struct text_import t;
	struct perf_task *tasks[PERF_BUCKETS];
	uint64_t first_ns;
	bool timed;		/* first_ns is set */
};

/* The events of one line, appended to the recording. */
enum sim_rec_status perf_take(struct perf *p, const struct perf_line *l);

#endif

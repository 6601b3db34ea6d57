/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a recorded process has mapped, as far as the recording knows. Under
 * QEMU's user mode guest memory is part of QEMU's own; what no system call
 * told of (the program, its loader, its stack) is found in /proc/self/maps.
 */
#ifndef RECORD_USER_MAPS_H
#define RECORD_USER_MAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct user_range {
	uint64_t start, end;
};

struct user_maps {
	struct user_range *range;	/* ascending, none touch */
	size_t count, room;
	size_t last;			/* the one found last */
	struct user_range *host;	/* QEMU's own, before the guest came */
	size_t host_count;
	uint64_t base;			/* host address of guest address 0 */
};

/* A mapping to tell of, in guest addresses. */
struct user_found {
	uint64_t gva, bytes, offset;
	unsigned prot;			/* SIM_PROT_* */
	bool shared;
	char path[4096];		/* "" for anonymous memory */
};

/* Notes what is mapped before the guest's memory is. */
void user_maps_init(struct user_maps *m, uint64_t base);

bool user_maps_has(struct user_maps *m, uint64_t gva);
void user_maps_add(struct user_maps *m, uint64_t gva, uint64_t bytes);
void user_maps_remove(struct user_maps *m, uint64_t gva, uint64_t bytes);

/* Bytes from gva to the end of what the kernel has mapped there; 0: nothing. */
uint64_t user_maps_bytes(struct user_maps *m, uint64_t gva);
/* Is the name one that a file had, and others may have? */
bool user_maps_unnamed(const char *path);

/* Calls back for each file that has been mapped since the start, and adds it:
 * the program and its loader. */
void user_maps_program(struct user_maps *m,
		       void (*tell)(const struct user_found *f));
/* The mapping around gva, clipped to what is not known, which it adds. */
bool user_maps_find(struct user_maps *m, uint64_t gva, struct user_found *f);

#endif

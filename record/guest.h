/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs a command inside a Debian-like guest under QEMU with the recorder.
 * The guest sees the host's file system, read-only below an overlay that is
 * thrown away. Needs no privileges and no KVM.
 */
#ifndef RECORD_GUEST_H
#define RECORD_GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct record_guest {
	const char *out;
	char *const *command;	/* ends with NULL */
	const char *qemu;	/* programs and files, all found already */
	const char *kernel;
	const char *modules;	/* folder with the folder `kernel` */
	const char *busybox;	/* static */
	const char *plugin;
	const char *mark;
	const char *append;	/* more kernel parameters; "" */
	unsigned int memory_mib;
	unsigned int vcpus;
	unsigned int filter_pages;
	unsigned int timeout_seconds;	/* 0: none */
	/* Nothing of the host's file system, but in the guest's memory the
	 * command's program, the files of `with`, and their libraries; time
	 * by counted instructions; nothing placed at random. */
	bool deterministic;
	const char *const *with;	/* whole paths */
	size_t with_count;
	bool fetches;		/* record one per change of page */
	bool symbols;		/* hand over the kernel's function names */
	bool verbose;		/* show all that the guest's console says */
	/* Called a few times a second, with bytes written; may be null. */
	void (*progress)(uint64_t bytes, double seconds);
	/* Called before a line is printed; may be null. */
	void (*before_line)(void);
};

struct record_guest_result {
	int status;		/* of the command; -1: it did not end */
	double seconds;		/* QEMU ran */
};

/*
 * False, with one line in `why`, if the guest could not be run to its end.
 * What the command prints goes to stdout.
 */
bool record_guest_run(const struct record_guest *g,
		      struct record_guest_result *result, char *why,
		      size_t why_bytes);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/* The guest's console, while QEMU runs. */
#ifndef RECORD_GUEST_CONSOLE_H
#define RECORD_GUEST_CONSOLE_H

#include <sys/types.h>

#include "record/guest.h"

enum {
	GUEST_LINE_BYTES = 4096,
};

/* What the guest's init says on its console. */
#define SAYS_BEGIN	"gnomon-begin"
#define SAYS_STATUS	"gnomon-status "
#define SAYS_PROBLEM	"gnomon-problem "

struct guest_console {
	const struct record_guest *g;
	int fd;
	pid_t pid;		/* of QEMU, which writes the recording */
	bool begun;
	int status;		/* of the command; -1: not told yet */
	double begin;
	char line[GUEST_LINE_BYTES];
	size_t bytes;
	char problem[GUEST_LINE_BYTES];
};

/* Reads until QEMU closes it or a signal asks to stop; false after the time
 * limit, if that is not 0. */
bool guest_console_watch(struct guest_console *c, unsigned int seconds);
/* Since the watch began. */
double guest_console_seconds(const struct guest_console *c);

#endif

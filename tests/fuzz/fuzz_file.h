/* SPDX-License-Identifier: BSD-2-Clause */
/* Hands bytes to code that wants the name of a file. */
#ifndef TESTS_FUZZ_FUZZ_FILE_H
#define TESTS_FUZZ_FUZZ_FILE_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* A file in memory with these bytes; `path` names it until it is closed. */
static inline int fuzz_file(const uint8_t *data, size_t bytes, char path[64])
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	if (fd < 0 || write(fd, data, bytes) != (ssize_t)bytes) {
		perror("fuzz");
		abort();
	}
	snprintf(path, 64, "/proc/self/fd/%d", fd);
	return fd;
}

#endif

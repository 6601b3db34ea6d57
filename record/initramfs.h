/* SPDX-License-Identifier: BSD-2-Clause */
/* A guest's first file system, as the kernel wants it: a cpio archive. */
#ifndef RECORD_INITRAMFS_H
#define RECORD_INITRAMFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* A folder, or a file with these bytes; false if writing fails. */
bool initramfs_folder(FILE *f, const char *name);
bool initramfs_file(FILE *f, const char *name, unsigned int mode,
		    const void *data, size_t bytes);
/* A copy of the file `from`; false also if it cannot be read. */
bool initramfs_copy(FILE *f, const char *name, unsigned int mode,
		    const char *from);
bool initramfs_end(FILE *f);

/*
 * The kernel modules from `modules`/kernel that a guest needs to see the
 * host's file system, in the order in which they load, as NAME.ko at the
 * top of the archive. Those not found are taken to be built in. False with
 * `why` set when they are packed or cannot be read.
 */
bool initramfs_modules(FILE *f, const char *modules, char *why,
		       size_t why_bytes);

/* Whether guests of these modules can be used at all. */
bool initramfs_has_modules(const char *modules);

#endif

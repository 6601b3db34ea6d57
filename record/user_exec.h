/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * exec under `gnomon record user`. QEMU's user mode would run the new program
 * natively and unseen; instead the emulator executes itself with it.
 */
#ifndef RECORD_USER_EXEC_H
#define RECORD_USER_EXEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum user_exec {
	USER_EXEC_FAILS,	/* the kernel is going to refuse it */
	/* It can be run, but not by this emulator: another machine's, or with
	 * rights that only the kernel gives (setuid). */
	USER_EXEC_FOREIGN,
	USER_EXEC_OURS,
};

struct user_exec_plan {
	char path[4096];	/* of the program or a script's interpreter */
	char script[4096];	/* "": none */
	char option[256];	/* of the interpreter; "": none */
};

/* The name of an open file or folder; one that a program may open, after exec
 * too, where it has none. */
void user_exec_of_fd(int fd, char *to, size_t room);
/* Does it give its process another user's rights? */
bool user_exec_is_privileged(const char *path);
/* What becomes of executing `path`; follows scripts to their interpreter. */
enum user_exec user_exec_plan(const char *path, struct user_exec_plan *p);

/*
 * Executes the emulator `qemu` with it; comes back only if that fails. `argv`
 * and `envp` are the guest's, and end with NULL; plugin is QEMU's option.
 */
void user_exec(const struct user_exec_plan *p, const char *qemu,
	       const char *plugin, char *const *argv, char *const *envp);

/* Reads a string, or a list of strings, of the process's own memory, which
 * may not be there: false. The caller frees the list with free(). */
bool user_read_text(uint64_t host, char *to, size_t room);
char **user_read_list(uint64_t host, uint64_t base);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
#include "record/user_exec.h"

#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/xattr.h>
#include <unistd.h>

enum {
	LIST_MAX = 1 << 16,
	SCRIPT_DEPTH = 4,
	HEAD = 256,
};

/* ---- reading memory that may not be there ------------------------------- */

static bool read_memory(uint64_t host, void *to, size_t bytes)
{
	struct iovec local = { to, bytes };
	struct iovec remote = { (void *)(uintptr_t)host, bytes };

	return process_vm_readv(getpid(), &local, 1, &remote, 1, 0) ==
	       (ssize_t)bytes;
}

bool user_read_text(uint64_t host, char *to, size_t room)
{
	for (size_t n = 0; n < room;) {
		/* Up to the end of the page: the next one may be missing. */
		size_t part = 4096 - (host + n) % 4096;

		part = part < room - n ? part : room - n;
		if (!read_memory(host + n, to + n, part)) {
			return false;
		}
		if (memchr(to + n, 0, part)) {
			return true;
		}
		n += part;
	}
	return false;
}

char **user_read_list(uint64_t host, uint64_t base)
{
	size_t count = 0;
	uint64_t at = 0;
	char **list;

	while (host && count < LIST_MAX) {
		if (!read_memory(host + 8 * count, &at, sizeof(at))) {
			return NULL;
		}
		if (!at) {
			break;
		}
		count++;
	}
	list = calloc(count + 1, sizeof(*list));
	for (size_t i = 0; list && i < count; i++) {
		if (!read_memory(host + 8 * i, &at, sizeof(at))) {
			free(list);
			return NULL;
		}
		/* exec copies the strings, and judges their addresses. */
		list[i] = (char *)(uintptr_t)(at + base);
	}
	return list;
}

/* ---- programs ----------------------------------------------------------- */

static size_t read_head(const char *path, char head[HEAD])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, head, HEAD - 1) : -1;

	if (fd >= 0) {
		close(fd);
	}
	head[n > 0 ? n : 0] = '\0';
	return n > 0 ? (size_t)n : 0;
}

static bool is_ours(const char *head, size_t bytes)
{
	Elf64_Ehdr e;

	if (bytes < sizeof(e)) {
		return false;
	}
	memcpy(&e, head, sizeof(e));
	return memcmp(e.e_ident, ELFMAG, SELFMAG) == 0 &&
	       e.e_ident[EI_CLASS] == ELFCLASS64 &&
	       e.e_machine == EM_X86_64 &&
	       (e.e_type == ET_EXEC || e.e_type == ET_DYN);
}

/* "#! /bin/sh -x": the interpreter and all behind it as one option. */
static bool parse_script(char *head, struct user_exec_plan *p)
{
	char *name = head + 2 + strspn(head + 2, " \t");
	size_t n = strcspn(name, " \t\n");
	char *option = name + n + strspn(name + n, " \t");
	size_t last = strcspn(option, "\n");

	while (last && (option[last - 1] == ' ' || option[last - 1] == '\t')) {
		last--;
	}
	if (!n || name[n] == '\0') {
		return false;
	}
	snprintf(p->option, sizeof(p->option), "%.*s", (int)last, option);
	snprintf(p->path, sizeof(p->path), "%.*s", (int)n, name);
	return true;
}

void user_exec_of_fd(int fd, char *to, size_t room)
{
	char link[64];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, to, room - 1);
	to[n > 0 ? n : 0] = '\0';
	if (to[0] != '/' || access(to, F_OK)) {
		/* It must outlive the exec of the emulator. */
		(void)fcntl(fd, F_SETFD, 0);
		snprintf(to, room, "%s", link);
	}
}

bool user_exec_is_privileged(const char *path)
{
	struct stat st;

	if (stat(path, &st) || prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1) {
		return false;
	}
	return ((st.st_mode & S_ISUID) && st.st_uid != geteuid()) ||
	       ((st.st_mode & S_ISGID) && (st.st_mode & S_IXGRP) &&
		st.st_gid != getegid()) ||
	       (geteuid() != 0 &&
		getxattr(path, "security.capability", NULL, 0) > 0);
}

enum user_exec user_exec_plan(const char *path, struct user_exec_plan *p)
{
	struct stat st;
	char head[HEAD];
	size_t bytes;

	*p = (struct user_exec_plan){ .script = "" };
	snprintf(p->path, sizeof(p->path), "%s", path);
	if (stat(path, &st) || !S_ISREG(st.st_mode) || access(path, X_OK)) {
		return USER_EXEC_FAILS;
	}
	bytes = read_head(path, head);
	if (bytes > 2 && memcmp(head, "#!", 2) == 0) {
		snprintf(p->script, sizeof(p->script), "%s", path);
		if (!parse_script(head, p) || access(p->path, X_OK)) {
			return USER_EXEC_FAILS;
		}
		bytes = read_head(p->path, head);
	}
	if (user_exec_is_privileged(p->path)) {
		return USER_EXEC_FOREIGN;
	}
	if (is_ours(head, bytes)) {
		return USER_EXEC_OURS;
	}
	/* A script of scripts, another machine's program, one that cannot be
	 * read; or no program at all, which the kernel will say. */
	return bytes == 0 || memcmp(head, "#!", 2) == 0 ||
	       memcmp(head, ELFMAG, SELFMAG) == 0 ? USER_EXEC_FOREIGN :
						    USER_EXEC_FAILS;
}

void user_exec(const struct user_exec_plan *p, const char *qemu,
	       const char *plugin, char *const *argv, char *const *envp)
{
	size_t count = 0, n = 0;
	char dashed[4100];
	char **v;

	while (argv && argv[count]) {
		count++;
	}
	v = calloc(count + 16, sizeof(*v));
	if (!v) {
		return;
	}
	/* QEMU must not take it for an option. */
	snprintf(dashed, sizeof(dashed), "%s%s",
		 p->path[0] == '-' ? "./" : "", p->path);
	v[n++] = (char *)(uintptr_t)qemu;
	v[n++] = (char *)(uintptr_t)"-plugin";
	v[n++] = (char *)(uintptr_t)plugin;
	v[n++] = (char *)(uintptr_t)"-0";
	v[n++] = p->script[0] || !count ? dashed : argv[0];
	v[n++] = dashed;
	if (p->script[0]) {
		if (p->option[0]) {
			v[n++] = (char *)(uintptr_t)p->option;
		}
		v[n++] = (char *)(uintptr_t)p->script;
	}
	for (size_t i = 1; i < count; i++) {
		v[n++] = argv[i];
	}
	execve(qemu, v, envp);
	free(v);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* The recorder of processes: what each system call does to them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "record/user_state.h"

enum {
	LINUX_CLONE_VM = 0x100,
	LINUX_CLONE_VFORK = 0x4000,
	LINUX_CLONE_THREAD = 0x10000,
	LINUX_AT_FDCWD = -100,
	LINUX_AT_EMPTY_PATH = 0x1000,
	LINUX_CLD_DUMPED = 3,
};

/* ---- exec and exit ------------------------------------------------------ */

/* The file that an exec call names, in self.text; false if none can be told. */
static bool exec_path(int64_t number, const uint64_t a[6])
{
	int folder = (int)(int32_t)a[0];
	uint64_t name = number == SYS_execve ? a[0] : a[1];
	static char of_folder[sizeof(self.text)];	/* under the lock */
	ssize_t n;

	if (!user_read_text(name + self.base, self.text, sizeof(self.text))) {
		return false;
	}
	if (number == SYS_execve) {
		return true;
	}
	if (a[4] & ~(uint64_t)LINUX_AT_EMPTY_PATH) {
		return false;
	}
	if (!self.text[0] && a[4]) {
		user_exec_of_fd(folder, self.text, sizeof(self.text));
	} else if (self.text[0] != '/' && folder != LINUX_AT_FDCWD) {
		user_exec_of_fd(folder, of_folder, sizeof(of_folder));
		n = (ssize_t)strlen(of_folder);
		if (strlen(self.text) + (size_t)n + 2 > sizeof(self.text)) {
			return false;
		}
		memmove(self.text + n + 1, self.text, strlen(self.text) + 1);
		memcpy(self.text, of_folder, (size_t)n);
		self.text[n] = '/';
	}
	return true;
}

static void at_exec(int64_t number, const uint64_t a[6])
{
	unsigned at = number == SYS_execve ? 1 : 2;
	enum user_exec what;

	if (!exec_path(number, a)) {
		return;
	}
	what = user_exec_plan(self.text, &self.plan);
	if (what == USER_EXEC_FAILS) {
		return;
	}
	user_put((struct ring_record){ .type = SIM_EV_SWITCH }, NULL);
	if (what == USER_EXEC_FOREIGN) {
		user_put((struct ring_record){ .type = RING_ESCAPED },
			 self.text);
		if (number == SYS_execve) {
			return;		/* QEMU does it */
		}
	}
	char **argv = user_read_list(a[at] + self.base, self.base);
	char **envp = user_read_list(a[at + 1] + self.base, self.base);

	if (what == USER_EXEC_FOREIGN) {
		/* QEMU 7.2 does not know the call. */
		syscall(SYS_execveat, (int)a[0], a[1] + self.base, argv, envp,
			(int)a[4]);
	} else if (argv && envp) {
		user_exec(&self.plan, self.qemu, self.option, argv, envp);
	}
	/* It failed: let the kernel tell the program why. */
	free(argv);
	free(envp);
}

/* ---- forks -------------------------------------------------------------- */

static bool is_fork(int64_t number)
{
	return number == SYS_fork || number == SYS_vfork ||
	       number == SYS_clone;
}

static void put_fork(int64_t number, uint64_t flags, uint32_t child,
		     bool from_child)
{
	bool thread = number == SYS_clone && (flags & LINUX_CLONE_THREAD);
	bool shares = number == SYS_vfork ||
		      (number == SYS_clone && (flags & LINUX_CLONE_VM));

	user_put((struct ring_record){
		.type = !thread && shares ? SIM_EV_VFORK : SIM_EV_FORK,
		.value = child,
		.flags = (uint16_t)((thread ? SIM_F_THREAD : 0u) |
				    (from_child ? RING_FROM_CHILD : 0u)),
	}, NULL);
}

/* In the child's copy of everything. */
static void born(int64_t number, uint64_t flags)
{
	pthread_mutex_init(&self.lock, NULL);
	pthread_mutex_lock(&self.lock);
	put_fork(number, flags, (uint32_t)getpid(), true); /* as the parent */
	self.pid = (uint32_t)getpid();
	self.locks = false;
	me.tid = (uint32_t)syscall(SYS_gettid);
	user_clear_filters();
	pthread_mutex_unlock(&self.lock);
}

/* ---- system calls ------------------------------------------------------- */

/* A child that was killed says nothing itself. */
static void after_wait(const uint64_t a[6], uint32_t child)
{
	const int *status = (const int *)(uintptr_t)(a[1] + self.base);

	/* Not if it stopped, or goes on. */
	if (child && (!a[1] || ((*status & 0xff) != 0x7f &&
				*status != 0xffff))) {
		user_put((struct ring_record){ .type = RING_REAPED,
					  .value = child }, NULL);
	}
}

/* waitid() fills a siginfo: code and, after padding, the child's pid. */
static void after_waitid(const uint64_t a[6])
{
	const int32_t *info = (const int32_t *)(uintptr_t)(a[2] + self.base);

	if (a[2] && info[2] >= 1 && info[2] <= LINUX_CLD_DUMPED) {
		user_put((struct ring_record){
			.type = RING_REAPED, .value = (uint32_t)info[4] },
			 NULL);
	}
}

void user_at_call(qemu_plugin_id_t id, unsigned int vcpu, int64_t number,
		    uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4,
		    uint64_t a5, uint64_t a6, uint64_t a7, uint64_t a8)
{
	const uint64_t a[6] = { a1, a2, a3, a4, a5, a6 };

	(void)id;
	(void)vcpu;
	(void)a7;
	(void)a8;
	memcpy(me.args, a, sizeof(me.args));
	user_lock();
	if (number == SYS_execve || number == SYS_execveat) {
		at_exec(number, a);
	} else if (number == SYS_exit || number == SYS_exit_group) {
		user_put((struct ring_record){
			.type = SIM_EV_EXIT, .value = a1 & 0xff,
			.sub = number == SYS_exit_group ? RING_ALL_THREADS :
							  0 }, NULL);
	} else if (number == SYS_shmdt) {
		me.args[1] = user_maps_bytes(&self.maps, a1);
	} else if (is_fork(number)) {
		/* The child's counters go on from here. */
		user_put((struct ring_record){ .type = SIM_EV_SWITCH }, NULL);
	}
	user_unlock();
}

void user_after_call(qemu_plugin_id_t id, unsigned int vcpu, int64_t number,
		       int64_t result)
{
	(void)id;
	(void)vcpu;
	if (result < 0 && result > -4096) {
		return;
	}
	if (is_fork(number) && result == 0) {
		born(number, me.args[0]);
		return;
	}
	user_lock();
	if (is_fork(number)) {
		put_fork(number, me.args[0], (uint32_t)result, false);
		user_clear_filters();
	} else if (number == SYS_wait4) {
		after_wait(me.args, (uint32_t)result);
	} else if (number == SYS_waitid) {
		after_waitid(me.args);
	} else {
		user_after_memory(number, me.args, (uint64_t)result);
	}
	user_unlock();
}

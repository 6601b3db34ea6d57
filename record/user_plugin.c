/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The recorder of processes: a plugin of QEMU's user mode. `gnomon record user`
 * starts QEMU with it. It tells through a ring (record/ring.h) what the
 * program asks of its kernel and which pages it touches. A process that forks
 * takes its copy of the plugin along; one that executes a program executes the
 * emulator again (record/user_exec.h).
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "record/api.h"
#include "record/regs.h"
#include "record/user_state.h"

struct user_state self = { .lock = PTHREAD_MUTEX_INITIALIZER };
__thread struct user_thread me;

/* ---- installation ------------------------------------------------------- */

static void complain(const char *text)
{
	fprintf(stderr, "gnomon: %s\n", text);
}

/* Maps the recorder's ring, if the recorder still lives. */
static bool map_ring(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	struct ring *r;

	if (fd < 0) {
		/* It has ended; or this is another user's process now. */
		return errno == ENOENT || errno == EACCES || errno == EPERM;
	}
	r = mmap(NULL, sizeof(*r), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (r == MAP_FAILED || r->magic != RING_MAGIC) {
		return false;
	}
	self.ring = r;
	return true;
}

static bool take_options(int argc, char **argv)
{
	Dl_info here;
	const char *path = NULL;

	if (!dladdr((void *)(uintptr_t)qemu_plugin_install, &here)) {
		return false;
	}
	for (int i = 0; i < argc; i++) {
		if (strncmp(argv[i], "ring=", 5) == 0) {
			path = argv[i] + 5;
		} else if (strncmp(argv[i], "filter=", 7) == 0) {
			self.pages = (uint32_t)atoi(argv[i] + 7);
		} else if (strcmp(argv[i], "switches=1") == 0) {
			self.switches = true;
		}
	}
	ssize_t n = readlink("/proc/self/exe", self.qemu,
			     sizeof(self.qemu) - 1);

	return n > 0 && path && map_ring(path) &&
	       snprintf(self.option, sizeof(self.option),
			"%s,ring=%s,filter=%u,switches=%d", here.dli_fname,
			path, self.pages, self.switches) <
		       (int)sizeof(self.option);
}

int qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_info_t *info,
			int argc, char **argv)
{
	uintptr_t *base = dlsym(RTLD_DEFAULT, "guest_base");

	if (info->system_emulation || strcmp(info->target_name, "x86_64") ||
	    !base) {
		complain("the recorder of processes needs qemu-x86_64 7.2");
		return -1;
	}
	if (!take_options(argc, argv)) {
		complain("the recorder of processes was started by hand; use "
			 "`gnomon record user`");
		return -1;
	}
	if (!self.ring) {
		return 0;	/* the recorder is gone: run unseen */
	}
	self.pid = (uint32_t)getpid();
	self.base = *base;
	self.running = self.switches ? &self.ring->running :
				       (_Atomic uint32_t *)&self.pid;
	self.own_epoch = 1;
	self.epoch = self.switches ? &self.ring->epoch : &self.own_epoch;
	user_access_init(id);
	api_init(info);
	self.has_registers = regs_init(id);
	user_maps_init(&self.maps, self.base);
	qemu_plugin_register_vcpu_syscall_cb(id, user_at_call);
	qemu_plugin_register_vcpu_syscall_ret_cb(id, user_after_call);
	return 0;
}

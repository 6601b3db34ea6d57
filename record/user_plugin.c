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

#include "record/regs.h"
#include "record/user_state.h"

int qemu_plugin_version = 1;

struct user_state self = { .lock = PTHREAD_MUTEX_INITIALIZER };
__thread struct user_thread me;

/* ---- accesses ----------------------------------------------------------- */

/* Has the filter let the page through of late? */
static bool is_recent(unsigned vcpu, unsigned kind, uint64_t page)
{
	struct record_ways *w = &self.filter[vcpu % USER_VCPUS].of[kind];

	if (!self.pages || (!w->sets && !record_ways_init(w, self.pages))) {
		return false;
	}
	return record_ways_see(w, page);
}

/* Another process ran on the one CPU: a TLB would have lost its entries. */
static void see_switch(void)
{
	uint32_t pid = self.pid;

	if (self.switches && atomic_load_explicit(&self.ring->running,
					       memory_order_relaxed) != pid) {
		atomic_store_explicit(&self.ring->running, pid,
				      memory_order_relaxed);
		user_clear_filters();
	}
}

static void put_access(uint64_t gva, unsigned size, unsigned flags)
{
	user_lock();
	if (!user_maps_has(&self.maps, gva) &&
	    user_maps_find(&self.maps, gva, &self.found)) {
		user_put_found(&self.found, 0);
	}
	user_put((struct ring_record){
		.type = SIM_EV_ACCESS, .gva = gva, .size = (uint16_t)size,
		.flags = (uint16_t)(SIM_F_USER | flags) }, NULL);
	user_unlock();
}

/*
 * Nearly all accesses are to a page that was just here. One callback for loads
 * and stores: with one for each, QEMU 7.2 calls both for either.
 */
static void at_access(unsigned int vcpu, qemu_plugin_meminfo_t info,
		      uint64_t gva, void *arg)
{
	unsigned kind = qemu_plugin_mem_is_store(info) ? USER_WRITES :
							 USER_READS;
	uint64_t page = gva >> 12;
	uint64_t *hot = &self.hot[kind][vcpu % USER_VCPUS]
				 [(page ^ page >> 8) % USER_HOT];

	(void)arg;
	if (*hot == page + 1 &&
	    (!self.switches || atomic_load_explicit(&self.ring->running,
						    memory_order_relaxed) ==
				       self.pid)) {
		self.dropped++;
		return;
	}
	see_switch();
	*hot = self.pages ? page + 1 : 0;
	if (is_recent(vcpu, kind, page)) {
		self.dropped++;
		return;
	}
	put_access(gva, 1u << qemu_plugin_mem_size_shift(info),
		   kind == USER_WRITES ? SIM_F_WRITE : 0);
}

/* A block runs; only its first page is looked at. */
static void at_block(unsigned int vcpu, void *arg)
{
	uint64_t page = (uintptr_t)arg;
	uint64_t *last = &self.filter[vcpu % USER_VCPUS].last_fetch;

	if (*last == page) {
		return;
	}
	*last = page;
	see_switch();
	if (is_recent(vcpu, USER_FETCHES, page)) {
		return;
	}
	put_access(page << 12, 1, SIM_F_FETCH);
}

static void at_translation(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	size_t count = qemu_plugin_tb_n_insns(tb);
	uint64_t page = qemu_plugin_tb_vaddr(tb) >> 12;

	(void)id;
	qemu_plugin_register_vcpu_tb_exec_inline(tb,
		QEMU_PLUGIN_INLINE_ADD_U64, &self.executed, count);
	qemu_plugin_register_vcpu_tb_exec_cb(tb, at_block,
		QEMU_PLUGIN_CB_NO_REGS, (void *)(uintptr_t)page);
	for (size_t n = 0; n < count; n++) {
		qemu_plugin_register_vcpu_mem_cb(
			qemu_plugin_tb_get_insn(tb, n), at_access,
			QEMU_PLUGIN_CB_NO_REGS, QEMU_PLUGIN_MEM_RW, NULL);
	}
}

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
		return errno == ENOENT;
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
	self.has_registers = regs_init();
	user_maps_init(&self.maps, self.base);
	qemu_plugin_register_vcpu_tb_trans_cb(id, at_translation);
	qemu_plugin_register_vcpu_syscall_cb(id, user_at_call);
	qemu_plugin_register_vcpu_syscall_ret_cb(id, user_after_call);
	return 0;
}

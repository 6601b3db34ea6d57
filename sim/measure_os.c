/* SPDX-License-Identifier: BSD-2-Clause */
/* Exits of KVM, and operations of the kernel that a guest's kernel has too. */
#include "sim/measure.h"

#include <fcntl.h>
#include <linux/kvm.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	PAGE = 4096,
	EXITS = 20000,		/* counted down by the guest */
	CALLS = 200000,
	PAGES = 4096,
	FORKS = 20,
};

/* ---- KVM ---- */

/*
 * 16-bit code at 0: CPUID with EBX saved in EDI's stead, EBX times.
 *	mov esi, EXITS; again: xor eax,eax; cpuid; dec esi; jnz again; hlt
 */
static const uint8_t guest_code[] = {
	0x66, 0xbe, EXITS & 255, EXITS >> 8, 0, 0,
	0x66, 0x31, 0xc0, 0x0f, 0xa2, 0x66, 0x4e, 0x75, 0xf7, 0xf4,
};

struct kvm {
	int fd, vm, vcpu;
	struct kvm_run *run;
	uint8_t *memory;
	size_t run_bytes;
};

static bool kvm_open(struct kvm *k)
{
	struct kvm_userspace_memory_region region = {
		.memory_size = PAGE,
	};

	k->fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (k->fd < 0) {
		return false;
	}
	k->vm = ioctl(k->fd, KVM_CREATE_VM, 0);
	k->memory = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (k->vm < 0 || k->memory == MAP_FAILED) {
		return false;
	}
	region.userspace_addr = (uintptr_t)k->memory;
	memcpy(k->memory, guest_code, sizeof(guest_code));
	if (ioctl(k->vm, KVM_SET_USER_MEMORY_REGION, &region)) {
		return false;
	}
	k->vcpu = ioctl(k->vm, KVM_CREATE_VCPU, 0);
	k->run_bytes = (size_t)ioctl(k->fd, KVM_GET_VCPU_MMAP_SIZE, 0);
	if (k->vcpu < 0) {
		return false;
	}
	k->run = mmap(NULL, k->run_bytes, PROT_READ | PROT_WRITE, MAP_SHARED,
		      k->vcpu, 0);
	return k->run != MAP_FAILED;
}

static void kvm_close(struct kvm *k)
{
	if (k->run && k->run != MAP_FAILED) {
		munmap(k->run, k->run_bytes);
	}
	if (k->memory && k->memory != MAP_FAILED) {
		munmap(k->memory, PAGE);
	}
	for (int i = 0; i < 3; i++) {
		int fd = i == 0 ? k->vcpu : i == 1 ? k->vm : k->fd;

		if (fd >= 0) {
			close(fd);
		}
	}
}

/* Seconds of one run of the guest, or 0. */
static double kvm_run_once(struct kvm *k)
{
	struct kvm_sregs sregs;
	struct kvm_regs regs = { .rflags = 2 };
	double start;

	if (ioctl(k->vcpu, KVM_GET_SREGS, &sregs)) {
		return 0;
	}
	sregs.cs.base = 0;
	sregs.cs.selector = 0;
	if (ioctl(k->vcpu, KVM_SET_SREGS, &sregs) ||
	    ioctl(k->vcpu, KVM_SET_REGS, &regs)) {
		return 0;
	}
	start = sim_measure_now();
	if (ioctl(k->vcpu, KVM_RUN, 0) ||
	    k->run->exit_reason != KVM_EXIT_HLT) {
		return 0;
	}
	return sim_measure_now() - start;
}

void sim_measure_kvm(struct sim_measure *m)
{
	struct kvm k = { .fd = -1, .vm = -1, .vcpu = -1 };
	double best = 0;

	if (kvm_open(&k)) {
		for (int i = 0; i < 5; i++) {
			double took = kvm_run_once(&k);

			best = took > 0 && (best == 0 || took < best) ? took :
			       best;
		}
	}
	kvm_close(&k);
	if (best > 0) {
		sim_measure_put(m, "exit", "round_trip",
				best * m->mhz * 1e6 / EXITS,
				"CPUID in a guest of KVM, its emulation "
				"included");
	}
}

/* ---- kernel operations ---- */

static void timed(struct sim_measure *m, const char *what, double seconds,
		  double count)
{
	if (m->timed_count < SIM_TIMED_MAX) {
		m->timed[m->timed_count++] = (struct sim_timed){
			what, seconds * 1e9 / count,
		};
	}
}

static void time_calls(struct sim_measure *m)
{
	double start = sim_measure_now();

	for (int i = 0; i < CALLS; i++) {
		syscall(SYS_getppid);
	}
	timed(m, "system call (getppid)", sim_measure_now() - start, CALLS);
}

static uint8_t *map_pages(void)
{
	uint8_t *memory = mmap(NULL, (size_t)PAGES * PAGE,
			       PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED) {
		return NULL;
	}
	madvise(memory, (size_t)PAGES * PAGE, MADV_NOHUGEPAGE);
	return memory;
}

static void touch_all(uint8_t *memory)
{
	for (int i = 0; i < PAGES; i++) {
		*(volatile uint8_t *)(memory + (size_t)i * PAGE) = 1;
	}
}

/* Seconds for a child that exits, touching all pages first or not; the least
 * of several. */
static double time_fork(uint8_t *touch)
{
	double best = 1e9;

	for (int i = 0; i < FORKS; i++) {
		double start = sim_measure_now(), took;
		pid_t child = fork();

		if (child == 0) {
			if (touch) {
				touch_all(touch);
			}
			_exit(0);
		}
		if (child > 0) {
			waitpid(child, NULL, 0);
		}
		took = sim_measure_now() - start;
		best = took < best ? took : best;
	}
	return best;
}

static void time_memory(struct sim_measure *m)
{
	double empty = time_fork(NULL), full, start;
	uint8_t *memory = map_pages();

	if (!memory) {
		return;
	}
	start = sim_measure_now();
	touch_all(memory);
	timed(m, "minor fault, anonymous page",
	      sim_measure_now() - start, PAGES);
	full = time_fork(NULL);
	timed(m, "fork, exit and wait, small process", empty, 1);
	timed(m, "  and per page touched before", full - empty,
	      PAGES);
	timed(m, "  and per page the child writes (COW)",
	      time_fork(memory) - full, PAGES);
	start = sim_measure_now();
	for (int i = 0; i < PAGES / 2; i++) {
		mprotect(memory + (size_t)i * 2 * PAGE, PAGE, PROT_READ);
	}
	timed(m, "mprotect of one page", sim_measure_now() - start,
	      PAGES / 2);
	munmap(memory, (size_t)PAGES * PAGE);
}

static uint8_t *volatile trap_page;

/* Lets the faulting store through, and the next one fault again. */
static void on_segv(int number)
{
	(void)number;
	mprotect(trap_page, PAGE, PROT_READ | PROT_WRITE);
}

static void time_signals(struct sim_measure *m)
{
	struct sigaction action = { .sa_handler = on_segv }, before;
	uint8_t *memory = map_pages();
	double start;

	if (!memory || sigaction(SIGSEGV, &action, &before)) {
		return;
	}
	trap_page = memory;
	start = sim_measure_now();
	for (int i = 0; i < PAGES; i++) {
		mprotect(memory, PAGE, PROT_NONE);
		*(volatile uint8_t *)memory = 1;
	}
	timed(m, "SIGSEGV, handler, two mprotect", sim_measure_now() - start,
	      PAGES);
	sigaction(SIGSEGV, &before, NULL);
	munmap(memory, (size_t)PAGES * PAGE);
}

void sim_measure_kernel(struct sim_measure *m)
{
	time_calls(m);
	time_memory(m);
	time_signals(m);
}

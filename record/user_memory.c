/* SPDX-License-Identifier: BSD-2-Clause */
/* The recorder of processes: what system calls do to an address space. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "record/user_state.h"

enum {
	LINUX_PROT_MASK = 7,
	LINUX_MAP_SHARED = 1,
	LINUX_MAP_ANON = 0x20,
	LINUX_MAP_GROWSDOWN = 0x100,
	LINUX_MAP_LOCKED = 0x2000,
	LINUX_MAP_POPULATE = 0x8000,
	LINUX_MAP_NONBLOCK = 0x10000,
	LINUX_MAP_HUGETLB = 0x40000,
	LINUX_MCL_CURRENT = 1,
	LINUX_MCL_FUTURE = 2,
	LINUX_MCL_ONFAULT = 4,
	LINUX_MLOCK_ONFAULT = 1,
	LINUX_PUNCH_HOLE = 2,
	/* Younger than some libc's list. */
	CALL_PKEY_MPROTECT = 329,
	CALL_MLOCK2 = 325,
};

static void put_range(uint8_t type, uint64_t gva, uint64_t bytes,
		      unsigned sub)
{
	user_put((struct ring_record){ .type = type, .gva = gva,
				       .value = bytes, .sub = (uint8_t)sub },
		 NULL);
}

/*
 * Into self.text. A file that has no name any more shares what it had with
 * others (each memfd of a program may be called the same): its number tells
 * them apart, as in user_maps.c.
 */
static void name_of_fd(int fd)
{
	struct stat st;
	char link[64];
	size_t room;
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, self.text, sizeof(self.text) - 1);
	self.text[n > 0 ? n : 0] = '\0';
	if (self.text[0] != '/') {
		snprintf(self.text, sizeof(self.text), "/fd/%u/%d", self.pid,
			 fd);
	} else if (user_maps_unnamed(self.text) && fstat(fd, &st) == 0) {
		room = sizeof(self.text) - (size_t)n;
		snprintf(self.text + n, room, " %lu",
			 (unsigned long)st.st_ino);
	}
}

static void after_mmap(const uint64_t a[6], uint64_t gva)
{
	bool anon = a[3] & LINUX_MAP_ANON;

	if (!anon) {
		name_of_fd((int)a[4]);
	}
	user_put((struct ring_record){
		.type = SIM_EV_MMAP, .gva = gva, .value = a[1],
		.gpa = anon ? 0 : a[5], .sub = a[2] & LINUX_PROT_MASK,
		.flags = (uint16_t)((anon ? SIM_F_ANON : 0u) |
			 (a[3] & LINUX_MAP_SHARED ? SIM_F_SHARED : 0u) |
			 (a[3] & LINUX_MAP_GROWSDOWN ? SIM_F_STACK : 0u) |
			 (a[3] & LINUX_MAP_HUGETLB ? SIM_F_HUGE : 0u)),
	}, anon ? NULL : self.text);
	user_maps_add(&self.maps, gva, a[1]);
	if (self.locks || (a[3] & LINUX_MAP_LOCKED) ||
	    ((a[3] & LINUX_MAP_POPULATE) && !(a[3] & LINUX_MAP_NONBLOCK))) {
		put_range(SIM_EV_POPULATE, gva, a[1], 0);
	}
}

static void tell_found(uint64_t gva)
{
	if (user_maps_find(&self.maps, gva, &self.found)) {
		user_put_found(&self.found, 0);
	}
}

static void after_mremap(const uint64_t a[6], uint64_t to)
{
	enum { DONTUNMAP = 4 };

	if (!a[1]) {
		/* The same shared pages, once more. */
		user_maps_remove(&self.maps, to, a[2]);
		tell_found(to);
		return;
	}
	user_put((struct ring_record){
		.type = SIM_EV_MREMAP, .gva = a[0], .value = a[1], .to = to,
		.gpa = a[2], .sub = a[3] & 0xff }, NULL);
	if (!(a[3] & DONTUNMAP)) {
		user_maps_remove(&self.maps, a[0], a[1]);
	}
	user_maps_add(&self.maps, to, a[2]);
	if (self.locks && a[2] > a[1]) {
		put_range(SIM_EV_POPULATE, to + a[1], a[2] - a[1], 0);
	}
}

static void after_brk(uint64_t end)
{
	user_put((struct ring_record){ .type = SIM_EV_BRK, .gva = end }, NULL);
	if (self.brk && end > self.brk) {
		user_maps_add(&self.maps, self.brk, end - self.brk);
		if (self.locks) {
			put_range(SIM_EV_POPULATE, self.brk, end - self.brk,
				  0);
		}
	} else if (self.brk && end < self.brk) {
		user_maps_remove(&self.maps, end, self.brk - end);
	}
	self.brk = end;
}

static void after_mlockall(uint64_t flags)
{
	bool faults = !(flags & LINUX_MCL_ONFAULT);

	self.locks = (flags & LINUX_MCL_FUTURE) && faults;
	for (size_t i = 0; faults && (flags & LINUX_MCL_CURRENT) &&
	     i < self.maps.count; i++) {
		const struct user_range *r = &self.maps.range[i];

		put_range(SIM_EV_POPULATE, r->start, r->end - r->start, 0);
	}
}

/* Pages of the file of self.text, from `offset` on. */
static void put_truncate(uint64_t offset, uint64_t bytes, unsigned how)
{
	user_put((struct ring_record){
		.type = SIM_EV_TRUNCATE, .gpa = offset, .value = bytes,
		.sub = (uint8_t)how }, self.text);
}

static void after_file(int64_t number, const uint64_t a[6])
{
	if (number == SYS_fallocate) {
		if (a[1] & LINUX_PUNCH_HOLE) {
			name_of_fd((int)a[0]);
			put_truncate(a[2], a[3], SIM_TRUNCATE_HOLE);
		}
	} else if (number == SYS_ftruncate) {
		name_of_fd((int)a[0]);
		put_truncate(a[1], UINT64_MAX, SIM_TRUNCATE_END);
	} else if (user_read_text(a[0] + self.base, self.text,
				  sizeof(self.text)) &&
		   self.text[0] == '/') {
		put_truncate(a[1], UINT64_MAX, SIM_TRUNCATE_END);
	}
}

/* Calls that change mappings; false if it is none. */
static bool after_change(int64_t number, const uint64_t a[6], uint64_t result)
{
	switch (number) {
	case SYS_mmap:
		after_mmap(a, result);
		return true;
	case SYS_mremap:
		after_mremap(a, result);
		return true;
	case SYS_munmap:
	case SYS_shmdt:		/* its bytes were found before */
		put_range(SIM_EV_MUNMAP, a[0], a[1], 0);
		user_maps_remove(&self.maps, a[0], a[1]);
		return true;
	case SYS_shmat:
		tell_found(result);
		return true;
	case SYS_mprotect:
	case CALL_PKEY_MPROTECT:
		put_range(SIM_EV_MPROTECT, a[0], a[1],
			  a[2] & LINUX_PROT_MASK);
		return true;
	case SYS_brk:
		after_brk(result);
		return true;
	default:
		return false;
	}
}

void user_after_memory(int64_t number, const uint64_t a[6], uint64_t result)
{
	if (after_change(number, a, result)) {
		user_clear_filters();
		return;
	}
	switch (number) {
	case SYS_madvise:
		put_range(SIM_EV_MADVISE, a[0], a[1], a[2] & 0xff);
		break;
	case SYS_mlock:
		put_range(SIM_EV_POPULATE, a[0], a[1], 0);
		break;
	case CALL_MLOCK2:
		if (!(a[2] & LINUX_MLOCK_ONFAULT)) {
			put_range(SIM_EV_POPULATE, a[0], a[1], 0);
		}
		break;
	case SYS_mlockall:
		after_mlockall(a[0]);
		break;
	case SYS_munlockall:
		self.locks = false;
		break;
	case SYS_ftruncate:
	case SYS_truncate:
	case SYS_fallocate:
		after_file(number, a);
		break;
	default:
		return;
	}
	user_clear_filters();
}

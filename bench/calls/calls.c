/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What programs ask of their address space, one call after the other, each
 * between two marks: 100 + 2 N and 101 + 2 N. `gnomon record guest` then tells
 * what Linux does for it (bench/calls/run), and tests/kernel/calls.c what the
 * guest kernel model does. Built static, so that nothing else happens.
 *
 * usage: calls --list | calls
 */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define MARK_LEAF 0x676e6d6bu	/* as in record/mark.h */
#define PAGE 4096u
#define LARGE (2u << 20)
#define RW (PROT_READ | PROT_WRITE)
#define PRIVATE (MAP_PRIVATE | MAP_ANONYMOUS)

/* All places are fixed: far apart, and aligned to 2 MiB but for an offset. */
static char *place(unsigned number, unsigned page)
{
	return (char *)(UINT64_C(0x200000000000) + number *
			UINT64_C(0x40000000) + page * PAGE);
}

static void mark(uint32_t number)
{
	uint32_t a = MARK_LEAF, b = number, c = 0, d;

	__asm__ volatile("cpuid" : "+a"(a), "+b"(b), "+c"(c), "=d"(d)
			 : : "memory");
}

static void must(int good, const char *what)
{
	if (!good) {
		perror(what);
		exit(1);
	}
}

static char *map(char *at, unsigned pages, int prot, int flags, int fd)
{
	char *got = mmap(at, (size_t)pages * PAGE, prot, flags |
			 (at ? MAP_FIXED : 0), fd, 0);

	must(got != MAP_FAILED, "mmap");
	return got;
}

static void dirty(char *at, unsigned pages)
{
	for (unsigned i = 0; i < pages; i++) {
		*(volatile char *)(at + (size_t)i * PAGE) = 1;
	}
}

static void look(const char *at, unsigned pages)
{
	for (unsigned i = 0; i < pages; i++) {
		(void)*(const volatile char *)(at + (size_t)i * PAGE);
	}
}

static char *fresh(unsigned number, unsigned page, unsigned pages)
{
	char *at = map(place(number, page), pages, RW, PRIVATE, -1);

	dirty(at, pages);
	return at;
}

static int file_of(unsigned pages)
{
	int fd = memfd_create("calls", MFD_CLOEXEC);

	must(fd >= 0 && ftruncate(fd, (off_t)pages * PAGE) == 0, "memfd");
	return fd;
}

/* ---- the calls ---------------------------------------------------------- */

static char *at, *to;
static int fd;

static void small(unsigned n) { at = fresh(n, 3, 16); }
static void middle(unsigned n) { at = fresh(n, 3, 64); }
static void aligned(unsigned n) { at = fresh(n, 0, 512); }
static void empty(unsigned n) { at = map(place(n, 3), 64, RW, PRIVATE, -1); }
static void nothing(unsigned n) { at = place(n, 3); }

static void unmap_16(void) { must(!munmap(at, 16 * PAGE), "munmap"); }
static void unmap_64(void) { must(!munmap(at, 64 * PAGE), "munmap"); }

static void protect(int prot)
{
	must(!mprotect(at, 16 * PAGE, prot), "mprotect");
}
static void read_only(void) { protect(PROT_READ); }
static void was_read_only(unsigned n) { small(n); protect(PROT_READ); }
static void writable(void) { protect(RW); dirty(at, 16); }
static void no_change(void) { protect(RW); }
static void none(void) { protect(PROT_NONE); }
static void was_none(unsigned n) { small(n); protect(PROT_NONE); }

static void advise(unsigned pages, int advice)
{
	must(!madvise(at, pages * PAGE, advice), "madvise");
}
static void dont_need_16(void) { advise(16, MADV_DONTNEED); }
static void dont_need_64(void) { advise(64, MADV_DONTNEED); }
static void free_16(void) { advise(16, MADV_FREE); }
static void was_free(unsigned n) { small(n); advise(16, MADV_FREE); }
static void dirty_16(void) { dirty(at, 16); }
static void cold_16(void) { advise(16, 20); }
static void populate_read(void) { advise(64, 22); }
static void populate_write(void) { advise(64, 23); }
static void lock_64(void) { must(!mlock(at, 64 * PAGE), "mlock"); }
static void map_populate(void)
{
	map(at, 64, RW, PRIVATE | MAP_POPULATE, -1);
}
static void map_over(void) { map(at, 16, RW, PRIVATE, -1); }

static void move(unsigned from_pages, unsigned to_pages, char *where, int more)
{
	void *got = mremap(at, from_pages * PAGE, to_pages * PAGE,
			   (where ? MREMAP_MAYMOVE | MREMAP_FIXED : 0) | more,
			   where);

	must(got != MAP_FAILED && (!where || got == where), "mremap");
}
static void move_16(void) { move(16, 16, to, 0); }
static void move_64(void) { move(64, 64, to, 0); }
static void move_grow(void) { move(16, 64, to, 0); }
static void move_512(void) { move(512, 512, to, 0); }
static void shrink(void) { move(64, 16, NULL, 0); }
static void grow(void) { move(16, 32, NULL, 0); dirty(at + 16 * PAGE, 16); }
static void keep_old(void) { move(16, 16, to, 4); }
static void small_to(unsigned n) { small(n); to = place(n, 5000); }
static void middle_to(unsigned n) { middle(n); to = place(n, 5000); }
static void aligned_to(unsigned n) { aligned(n); to = place(n, 8 * 512); }
static void crossing_to(unsigned n)
{
	at = fresh(n, 496, 64);
	to = place(n, 5000);
}

static void heap(unsigned n)
{
	(void)n;
	at = sbrk(0);
	at += -(uintptr_t)at % PAGE;
	must(!brk(at + 16 * PAGE), "brk");
	dirty(at, 16);
}
static void brk_shrink(void) { must(!brk(at), "brk"); }

static void shared(unsigned n)
{
	at = map(place(n, 16), 16, RW, MAP_SHARED | MAP_ANONYMOUS, -1);
}
static void shared_dirty(unsigned n) { shared(n); dirty(at, 16); }
static void look_16(void) { look(at, 16); }
static void look_and_dirty(void) { look(at, 16); dirty(at, 16); }
static void remove_16(void) { advise(16, MADV_REMOVE); }

static void file(unsigned n)
{
	fd = file_of(16);
	at = map(place(n, 16), 16, RW, MAP_SHARED, fd);
	dirty(at, 16);
}
static void file_private(unsigned n)
{
	file(n);
	munmap(at, 16 * PAGE);
	map(at, 16, RW, MAP_PRIVATE, fd);
}
static void file_copies(unsigned n) { file_private(n); dirty(at, 16); }
static void truncate_0(void) { must(!ftruncate(fd, 0), "ftruncate"); }
static void dirty_file(void) { dirty(at, 16); }

static void grows_down(unsigned n)
{
	at = map(place(n, 64), 2, RW, PRIVATE | MAP_GROWSDOWN, -1);
	dirty(at, 2);
}
static void dirty_down(void)
{
	for (unsigned i = 1; i <= 4; i++) {
		*(volatile char *)(at - (size_t)i * PAGE) = 1;
	}
}

static void attach(unsigned n)
{
	int id = shmget(IPC_PRIVATE, 16 * PAGE, IPC_CREAT | 0600);

	must(id >= 0, "shmget");
	at = shmat(id, place(n, 16), 0);
	must(at != (char *)-1 && !shmctl(id, IPC_RMID, NULL), "shmat");
	dirty(at, 16);
}
static void detach(void) { must(!shmdt(at), "shmdt"); }

/* A page of 2 MiB. */
static void large(unsigned n)
{
	prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0);
	at = map(place(n, 0), 512, RW, PRIVATE, -1);
	must(!madvise(at, LARGE, MADV_HUGEPAGE), "MADV_HUGEPAGE");
	dirty(at, 512);
	prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
}
static void large_to(unsigned n) { large(n); to = place(n, 8 * 512); }
static void large_aside(unsigned n) { large(n); to = place(n, 5000); }
static void unmap_512(void) { must(!munmap(at, LARGE), "munmap"); }
static void dont_need_512(void) { advise(512, MADV_DONTNEED); }

/* A child that ends at once; seen from the parent. */
static void child(void)
{
	pid_t pid = (pid_t)syscall(SYS_fork);

	if (pid == 0) {
		syscall(SYS_exit_group, 0);
	}
	must(pid > 0 && waitpid(pid, NULL, 0) == pid, "fork");
}
/* All else is shared with a child already, so that only this area counts. */
static void wide(unsigned n)
{
	must(!munmap(place(n - 1, 0), 4 * LARGE), "munmap");
	child();
	at = fresh(n, 0, 512);
}
static void kept_back(unsigned n) { wide(n); advise(512, MADV_DONTFORK); }
static void wiped(unsigned n) { wide(n); advise(512, MADV_WIPEONFORK); }
static void forked_512(void) { child(); }

static const struct call {
	const char *name;
	void (*before)(unsigned number);
	void (*call)(void);
} calls[] = {
	{ "nothing", nothing, NULL },
	{ "munmap 16", small, unmap_16 },
	{ "munmap 64", middle, unmap_64 },
	{ "mprotect 16 read-only", small, read_only },
	{ "mprotect 16 writable, write", was_read_only, writable },
	{ "mprotect 16 as before", small, no_change },
	{ "mprotect 16 none", small, none },
	{ "mprotect 16 from none, write", was_none, writable },
	{ "MADV_DONTNEED 16", small, dont_need_16 },
	{ "MADV_DONTNEED 64", middle, dont_need_64 },
	{ "MADV_FREE 16", small, free_16 },
	{ "write 16 after MADV_FREE", was_free, dirty_16 },
	{ "MADV_COLD 16", small, cold_16 },
	{ "MADV_POPULATE_READ 64", empty, populate_read },
	{ "MADV_POPULATE_WRITE 64", empty, populate_write },
	{ "mlock 64", empty, lock_64 },
	{ "mmap 64 MAP_POPULATE", nothing, map_populate },
	{ "mmap 16 over 16 used", small, map_over },
	{ "mremap 16 elsewhere", small_to, move_16 },
	{ "mremap 64 elsewhere", middle_to, move_64 },
	{ "mremap 64 across tables", crossing_to, move_64 },
	{ "mremap 512, both aligned", aligned_to, move_512 },
	{ "mremap 16 to 64 elsewhere", small_to, move_grow },
	{ "mremap 64 to 16", middle, shrink },
	{ "mremap 16 to 32 in place, write", small, grow },
	{ "mremap 16, MREMAP_DONTUNMAP", small_to, keep_old },
	{ "brk 16 down", heap, brk_shrink },
	{ "write 16 shared, new", shared, dirty_16 },
	{ "read 16 shared, new", shared, look_16 },
	{ "read, then write 16 shared, new", shared, look_and_dirty },
	{ "MADV_REMOVE 16 shared", shared_dirty, remove_16 },
	{ "MADV_DONTNEED 16 shared", shared_dirty, dont_need_16 },
	{ "read 16 of a memfd, private", file_private, look_16 },
	{ "write 16 of a memfd, private", file_private, dirty_file },
	{ "MADV_DONTNEED 16 copies of a file", file_copies, dont_need_16 },
	{ "ftruncate of 16 shared", file, truncate_0 },
	{ "ftruncate of 16 copies", file_copies, truncate_0 },
	{ "MAP_GROWSDOWN, write 4 below", grows_down, dirty_down },
	{ "shmdt 16", attach, detach },
	{ "munmap of a 2M page", large, unmap_512 },
	{ "MADV_DONTNEED of a 2M page", large, dont_need_512 },
	{ "MADV_DONTNEED 16 of a 2M page", large, dont_need_16 },
	{ "mprotect 16 of a 2M page", large, read_only },
	{ "mremap of a 2M page, aligned", large_to, move_512 },
	{ "mremap of a 2M page, not aligned", large_aside, move_512 },
	{ "fork and exit, 512", wide, forked_512 },
	{ "fork and exit, MADV_DONTFORK", kept_back, forked_512 },
	{ "fork and exit, MADV_WIPEONFORK", wiped, forked_512 },
};

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "--list") == 0) {
		for (unsigned n = 0; n < sizeof(calls) / sizeof(calls[0]);
		     n++) {
			printf("%u %s\n", 100 + 2 * n, calls[n].name);
		}
		return 0;
	}
	/* Small pages only, whatever the system's rule is. */
	prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
	for (unsigned n = 0; n < sizeof(calls) / sizeof(calls[0]); n++) {
		calls[n].before(n);
		mark(100 + 2 * n);
		if (calls[n].call) {
			calls[n].call();
		}
		mark(101 + 2 * n);
	}
	return 0;
}

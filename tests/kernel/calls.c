/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The model kernel against the recorded one, call by call: what
 * bench/calls/calls.c does, as events of a process-level recording, must give
 * the same table stores, INVLPGs, CR3 loads and page faults as Linux gave it.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "sim/kern_play.h"
#include "tests/kernel/watch.h"

#define PAGE UINT64_C(4096)
#define HEAP UINT64_C(0x555555560000)
#define RW (SIM_PROT_R | SIM_PROT_W)
#define PID 7

enum {
	EVENTS_MAX = 16384,
	DONTNEED = 4, FREE = 8, REMOVE = 9, DONTFORK = 10, HUGEPAGE = 14,
	NOHUGEPAGE = 15, WIPEONFORK = 18, COLD = 20, POPULATE_READ = 22,
	POPULATE_WRITE = 23,
};

static struct sim_event list[EVENTS_MAX];
static unsigned count;
/* Of the call that is being written down. */
static uint64_t at, to;

static void put(struct sim_event ev)
{
	cr_assert(count < EVENTS_MAX);
	ev.pid = ev.pid ? ev.pid : PID;
	ev.tid = ev.pid;
	ev.instr = count * 10;
	ev.text_bytes = ev.text ? (uint32_t)strlen(ev.text) : 0;
	list[count++] = ev;
}

static uint64_t place(unsigned number, unsigned page)
{
	return UINT64_C(0x200000000000) + number * UINT64_C(0x40000000) +
	       page * PAGE;
}

static void range(uint8_t type, uint64_t gva, unsigned pages, unsigned sub)
{
	put((struct sim_event){ .type = type, .gva = gva,
				.value = pages * PAGE, .sub = (uint8_t)sub });
}

static void advise(unsigned pages, unsigned advice)
{
	range(SIM_EV_MADVISE, at, pages, advice);
}

static void map(unsigned pages, unsigned flags, const char *path)
{
	put((struct sim_event){ .type = SIM_EV_MMAP, .gva = at,
		.value = pages * PAGE, .sub = RW, .text = path,
		.flags = (uint16_t)(flags | (path ? 0u : SIM_F_ANON)) });
	if (!path && !(flags & SIM_F_STACK)) {
		advise(pages, NOHUGEPAGE);
	}
}

static void touch(uint64_t gva, unsigned pages, unsigned flags)
{
	for (unsigned i = 0; i < pages; i++) {
		put((struct sim_event){ .type = SIM_EV_ACCESS,
			.gva = gva + i * PAGE, .size = 1,
			.flags = (uint16_t)(flags | SIM_F_USER) });
	}
}

static void dirty(unsigned pages) { touch(at, pages, SIM_F_WRITE); }
static void dirty_16(void) { dirty(16); }
static void look_16(void) { touch(at, 16, 0); }
static void look_and_dirty(void) { look_16(); dirty_16(); }

/* ---- before the calls --------------------------------------------------- */

static void fresh(unsigned n, unsigned page, unsigned pages)
{
	at = place(n, page);
	to = place(n, 5000);
	map(pages, 0, NULL);
	dirty(pages);
}

static void small(unsigned n) { fresh(n, 3, 16); }
static void middle(unsigned n) { fresh(n, 3, 64); }
static void crossing(unsigned n) { fresh(n, 496, 64); }
static void aligned(unsigned n) { fresh(n, 0, 512); to = place(n, 4096); }
static void empty(unsigned n) { at = place(n, 3); map(64, 0, NULL); }
static void nothing(unsigned n) { at = place(n, 3); }
static void protect(unsigned prot) { range(SIM_EV_MPROTECT, at, 16, prot); }
static void was_read_only(unsigned n) { small(n); protect(SIM_PROT_R); }
static void was_none(unsigned n) { small(n); protect(0); }
static void was_free(unsigned n) { small(n); advise(16, FREE); }

static void heap(unsigned n)
{
	(void)n;
	at = HEAP;
	/* Below is what the program has there already. */
	put((struct sim_event){ .type = SIM_EV_BRK, .gva = at - PAGE });
	put((struct sim_event){ .type = SIM_EV_BRK, .gva = at + 16 * PAGE });
	touch(at - PAGE, 1, SIM_F_WRITE);
	dirty_16();
}

static void shared(unsigned n)
{
	at = place(n, 16);
	map(16, SIM_F_SHARED, NULL);
}
static void shared_dirty(unsigned n) { shared(n); dirty_16(); }

static const char *path_of(unsigned n)
{
	static char path[64][32];

	snprintf(path[n], sizeof(path[n]), "/memfd:%u", n);
	return path[n];
}

static const char *path;
static void file(unsigned n)
{
	at = place(n, 16);
	path = path_of(n);
	map(16, SIM_F_SHARED, path);
	dirty_16();
}
static void file_private(unsigned n)
{
	file(n);
	map(16, 0, path);
}
static void file_copies(unsigned n) { file_private(n); dirty_16(); }

static void grows_down(unsigned n)
{
	at = place(n, 64);
	map(2, SIM_F_STACK, NULL);
	dirty(2);
}

static void large(unsigned n)
{
	at = place(n, 0);
	to = place(n, 4096);
	map(512, 0, NULL);
	advise(512, HUGEPAGE);
	dirty(512);
}
static void large_aside(unsigned n) { large(n); to = place(n, 5000); }

static void child(void)
{
	put((struct sim_event){ .type = SIM_EV_FORK, .value = PID + 1 });
	put((struct sim_event){ .type = SIM_EV_EXIT, .pid = PID + 1 });
	put((struct sim_event){ .type = SIM_EV_SWITCH });
}
static void wide(unsigned n)
{
	range(SIM_EV_MUNMAP, place(n - 1, 0), 4 * 512, 0);
	child();
	fresh(n, 0, 512);
}
static void kept_back(unsigned n) { wide(n); advise(512, DONTFORK); }
static void wiped(unsigned n) { wide(n); advise(512, WIPEONFORK); }

/* ---- the calls ---------------------------------------------------------- */

static void unmap(unsigned pages) { range(SIM_EV_MUNMAP, at, pages, 0); }
static void unmap_16(void) { unmap(16); }
static void unmap_64(void) { unmap(64); }
static void unmap_512(void) { unmap(512); }
static void read_only(void) { protect(SIM_PROT_R); }
static void writable(void) { protect(RW); dirty_16(); }
static void no_change(void) { protect(RW); }
static void none(void) { protect(0); }
static void dont_need_16(void) { advise(16, DONTNEED); }
static void dont_need_64(void) { advise(64, DONTNEED); }
static void dont_need_512(void) { advise(512, DONTNEED); }
static void free_16(void) { advise(16, FREE); }
static void cold_16(void) { advise(16, COLD); }
static void remove_16(void) { advise(16, REMOVE); }
static void populate_read(void) { advise(64, POPULATE_READ); }
static void populate_write(void) { advise(64, POPULATE_WRITE); }
static void lock_64(void) { range(SIM_EV_POPULATE, at, 64, 0); }
static void map_populate(void) { map(64, 0, NULL); lock_64(); }
static void map_over(void) { map(16, 0, NULL); }

static void move(unsigned pages, uint64_t where, unsigned to_pages,
		 unsigned flags)
{
	put((struct sim_event){ .type = SIM_EV_MREMAP, .gva = at,
		.value = pages * PAGE, .to = where, .gpa = to_pages * PAGE,
		.sub = (uint8_t)flags });
}
static void move_16(void) { move(16, to, 16, 3); }
static void move_64(void) { move(64, to, 64, 3); }
static void move_512(void) { move(512, to, 512, 3); }
static void move_grow(void) { move(16, to, 64, 3); }
static void shrink(void) { move(64, at, 16, 1); }
static void grow(void)
{
	move(16, at, 32, 1);
	touch(at + 16 * PAGE, 16, SIM_F_WRITE);
}
static void keep_old(void) { move(16, to, 16, 7); }
static void brk_down(void)
{
	put((struct sim_event){ .type = SIM_EV_BRK, .gva = at });
}
static void truncate_0(void)
{
	put((struct sim_event){ .type = SIM_EV_TRUNCATE, .text = path,
				.value = UINT64_MAX });
}
static void dirty_down(void)
{
	for (unsigned i = 1; i <= 4; i++) {
		touch(at - i * PAGE, 1, SIM_F_WRITE);
	}
}

/*
 * Stores, INVLPGs, CR3 loads, faults by Debian's 6.1.0-56-cloud-amd64, as
 * bench/calls/run prints them (QEMU 7.2.22, one vcpu, 1 GiB, nopti).
 */
static const struct call {
	const char *name;
	void (*before)(unsigned n);
	void (*call)(void);
	unsigned recorded[4];
} calls[] = {
	{ "nothing", nothing, NULL, { 0, 0, 0, 0 } },
	{ "munmap 16", small, unmap_16, { 19, 0, 1, 0 } },
	{ "munmap 64", middle, unmap_64, { 67, 0, 1, 0 } },
	{ "mprotect 16 read-only", small, read_only, { 32, 16, 0, 0 } },
	{ "mprotect 16 writable, write", was_read_only, writable,
		{ 32, 16, 0, 0 } },
	{ "mprotect 16 as before", small, no_change, { 0, 0, 0, 0 } },
	{ "mprotect 16 none", small, none, { 32, 16, 0, 0 } },
	{ "mprotect 16 from none, write", was_none, writable,
		{ 32, 0, 0, 0 } },
	{ "MADV_DONTNEED 16", small, dont_need_16, { 16, 16, 0, 0 } },
	{ "MADV_DONTNEED 64", middle, dont_need_64, { 64, 0, 1, 0 } },
	{ "MADV_FREE 16", small, free_16, { 32, 16, 0, 0 } },
	{ "write 16 after MADV_FREE", was_free, dirty_16, { 0, 0, 0, 0 } },
	{ "MADV_COLD 16", small, cold_16, { 32, 16, 0, 0 } },
	{ "MADV_POPULATE_READ 64", empty, populate_read, { 66, 0, 0, 0 } },
	{ "MADV_POPULATE_WRITE 64", empty, populate_write, { 66, 0, 0, 0 } },
	{ "mlock 64", empty, lock_64, { 66, 0, 0, 0 } },
	{ "mmap 64 MAP_POPULATE", nothing, map_populate, { 66, 0, 0, 0 } },
	{ "mmap 16 over 16 used", small, map_over, { 18, 19, 0, 0 } },
	{ "mremap 16 elsewhere", small, move_16, { 34, 17, 0, 0 } },
	{ "mremap 64 elsewhere", middle, move_64, { 130, 1, 1, 0 } },
	{ "mremap 64 across tables", crossing, move_64, { 131, 18, 1, 0 } },
	{ "mremap 512, both aligned", aligned, move_512, { 2, 0, 1, 0 } },
	{ "mremap 16 to 64 elsewhere", small, move_grow, { 34, 17, 0, 0 } },
	{ "mremap 64 to 16", middle, shrink, { 48, 0, 1, 0 } },
	{ "mremap 16 to 32 in place, write", small, grow, { 16, 0, 0, 16 } },
	{ "mremap 16, MREMAP_DONTUNMAP", small, keep_old, { 33, 16, 0, 0 } },
	{ "brk 16 down", heap, brk_down, { 16, 16, 0, 0 } },
	{ "write 16 shared, new", shared, dirty_16, { 18, 0, 0, 16 } },
	{ "read 16 shared, new", shared, look_16, { 18, 0, 0, 16 } },
	{ "read, then write 16 shared, new", shared, look_and_dirty,
		{ 18, 0, 0, 16 } },
	{ "MADV_REMOVE 16 shared", shared_dirty, remove_16,
		{ 16, 16, 0, 0 } },
	{ "MADV_DONTNEED 16 shared", shared_dirty, dont_need_16,
		{ 16, 16, 0, 0 } },
	{ "read 16 of a memfd, private", file_private, look_16,
		{ 18, 0, 0, 1 } },
	{ "write 16 of a memfd, private", file_private, dirty_16,
		{ 18, 0, 0, 16 } },
	{ "MADV_DONTNEED 16 copies of a file", file_copies, dont_need_16,
		{ 16, 16, 0, 0 } },
	{ "ftruncate of 16 shared", file, truncate_0, { 16, 16, 0, 0 } },
	{ "ftruncate of 16 copies", file_copies, truncate_0,
		{ 16, 16, 0, 0 } },
	{ "MAP_GROWSDOWN, write 4 below", grows_down, dirty_down,
		{ 4, 0, 0, 4 } },
	{ "shmdt 16", shared_dirty, unmap_16, { 18, 17, 0, 0 } },
	{ "munmap of a 2M page", large, unmap_512, { 2, 1, 0, 0 } },
	{ "MADV_DONTNEED of a 2M page", large, dont_need_512,
		{ 1, 1, 0, 0 } },
	{ "MADV_DONTNEED 16 of a 2M page", large, dont_need_16,
		{ 18, 16, 1, 0 } },
	{ "mprotect 16 of a 2M page", large, read_only, { 34, 16, 1, 0 } },
	{ "mremap of a 2M page, aligned", large, move_512, { 2, 0, 1, 0 } },
	{ "mremap of a 2M page, not aligned", large_aside, move_512,
		{ 1029, 1, 3, 0 } },
	/* Of these the differences count: the rest is the program's. */
	{ "fork and exit, 512", wide, child, { 3779, 0, 0, 0 } },
	{ "fork and exit, MADV_DONTFORK", kept_back, child,
		{ 2753, 0, 0, 0 } },
	{ "fork and exit, MADV_WIPEONFORK", wiped, child, { 2753, 0, 0, 0 } },
};

enum { CALLS = sizeof(calls) / sizeof(calls[0]), FORKS = 3 };

static void write_down(void)
{
	put((struct sim_event){ .type = SIM_EV_EXEC, .text = "/calls" });
	for (unsigned n = 0; n < CALLS; n++) {
		calls[n].before(n);
		put((struct sim_event){ .type = SIM_EV_MARKER,
					.value = 2 * n });
		if (calls[n].call) {
			calls[n].call();
		}
		put((struct sim_event){ .type = SIM_EV_MARKER,
					.value = 2 * n + 1 });
	}
}

/* Plays the list under the judge; what has happened at each marker. */
static void play(struct sim_kern_counts *marked)
{
	struct sim_kern_config cfg = sim_kern_config_default();
	struct sim_play *p = sim_play_new();
	static struct watch w;
	struct sim_kern *k;

	for (unsigned i = 0; i < count; i++) {
		cr_assert(sim_play_plan(p, &list[i]));
	}
	cfg.thp = true;
	sim_play_config(p, &cfg);
	cr_assert(watch_start(&w, &cfg, &k));
	sim_play_start(p, k);
	for (unsigned i = 0; i < count && !w.wrong[0]; i++) {
		sim_play_event(p, &list[i]);
		if (list[i].type == SIM_EV_MARKER) {
			marked[list[i].value] = sim_kern_counts(k);
		}
	}
	cr_assert_eq(w.wrong[0], 0, "%s", w.wrong);
	cr_assert_null(sim_kern_error(k), "%s", sim_kern_error(k));
	cr_assert_eq(sim_play_counts(p).adopted, 0);
	cr_assert_eq(sim_play_counts(p).widened, 0);
	cr_assert_eq(sim_play_counts(p).ignored, 0);
	watch_end(&w, k);
	sim_play_free(p);
}

Test(calls, model_does_what_the_recorded_kernel_did)
{
	static struct sim_kern_counts marked[2 * CALLS];
	uint64_t stores[CALLS];

	write_down();
	play(marked);
	for (unsigned n = 0; n < CALLS; n++) {
		const struct sim_kern_counts *a = &marked[2 * n];
		const struct sim_kern_counts *b = &marked[2 * n + 1];
		uint64_t got[4] = { b->table_stores - a->table_stores,
				    b->invlpgs - a->invlpgs,
				    b->cr3_loads - a->cr3_loads,
				    b->faults - a->faults };

		stores[n] = got[0];
		for (unsigned i = 0; i < 4 && n < CALLS - FORKS; i++) {
			static const char *const what[] = {
				"stores", "INVLPGs", "CR3 loads", "faults",
			};

			cr_expect_eq(got[i], calls[n].recorded[i],
				     "%s: %lu %s, recorded %u", calls[n].name,
				     (unsigned long)got[i], what[i],
				     calls[n].recorded[i]);
		}
	}
	for (unsigned n = CALLS - FORKS; n + 1 < CALLS; n++) {
		cr_expect_eq(stores[n] - stores[n + 1],
			     calls[n].recorded[0] - calls[n + 1].recorded[0],
			     "%s: %lu more stores than %s", calls[n].name,
			     (unsigned long)(stores[n] - stores[n + 1]),
			     calls[n + 1].name);
	}
}

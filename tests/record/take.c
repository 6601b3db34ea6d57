/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ring between recorded processes and the recorder, and what becomes of
 * its records: order, texts, forks told by both ends, processes that were
 * killed.
 */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "record/user_take.h"

static struct ring *ring;
static struct take take;
static char path[128];

static void setup(void)
{
	struct sim_rec_info info = { .kind = SIM_REC_PROCESS, .levels = 4,
				     .pae = true, .maxphyaddr = 40,
				     .vcpus = 2 };

	ring = calloc(1, sizeof(*ring));
	take = (struct take){ .vcpus = 2 };
	snprintf(path, sizeof(path), "test-take.%ld.gnr", (long)getpid());
	cr_assert(sim_rec_create(&take.out, path, &info, NULL, NULL) ==
		  SIM_REC_OK);
}

static void teardown(void)
{
	take_free(&take);
	free(ring);
	unlink(path);
}

TestSuite(take, .init = setup, .fini = teardown, .timeout = 60);

static void put(uint32_t pid, uint8_t type, uint64_t value, unsigned flags)
{
	struct ring_record r = { .type = type, .pid = pid, .tid = pid,
				 .value = value, .instr = 5,
				 .flags = (uint16_t)flags };

	ring_put(ring, &r, NULL);
}

/* Closes the recording; "type pid value text" of each event. */
static void expect(const char *const *want, size_t count)
{
	struct sim_rec_reader *r;
	struct sim_event ev;
	char line[256];

	take_ring(&take, ring, 1 << 20, false);
	cr_assert_eq(take.status, SIM_REC_OK);
	cr_assert(sim_rec_commit(take.out, NULL) == SIM_REC_OK);
	cr_assert(sim_rec_open(&r, path, NULL) == SIM_REC_OK);
	for (size_t i = 0; i < count; i++) {
		cr_assert(sim_rec_next(r, &ev) == SIM_REC_OK, "event %zu", i);
		snprintf(line, sizeof(line), "%s %u %lu %.*s",
			 sim_event_name(ev.type), ev.pid,
			 (unsigned long)ev.value, (int)ev.text_bytes,
			 ev.text_bytes ? ev.text : "");
		cr_assert_str_eq(line, want[i]);
	}
	cr_assert(sim_rec_next(r, &ev) == SIM_REC_END);
	sim_rec_close(r);
}

#define EXPECT(...)							      \
	do {								      \
		static const char *const want[] = { __VA_ARGS__ };	      \
		expect(want, sizeof(want) / sizeof(want[0]));		      \
	} while (0)

Test(take, texts_may_be_long)
{
	struct ring_record r = { .type = SIM_EV_EXEC, .pid = 7, .tid = 7 };
	char name[1000];

	memset(name, 'x', sizeof(name) - 1);
	name[999] = '\0';
	ring_put(ring, &r, name);
	ring_put(ring, &r, "/bin/true");
	put(7, SIM_EV_EXIT, 3, 0);
	take_ring(&take, ring, 1 << 20, false);
	cr_assert(sim_rec_commit(take.out, NULL) == SIM_REC_OK);
	struct sim_rec_reader *reader;
	struct sim_event ev;

	cr_assert(sim_rec_open(&reader, path, NULL) == SIM_REC_OK);
	sim_rec_next(reader, &ev);	/* the switch */
	sim_rec_next(reader, &ev);
	cr_assert_eq(ev.text_bytes, 999);
	cr_assert(memcmp(ev.text, name, 999) == 0);
	sim_rec_next(reader, &ev);
	cr_assert_eq(ev.text_bytes, 9);
	sim_rec_next(reader, &ev);
	cr_assert_eq(ev.type, SIM_EV_EXIT);
	cr_assert_eq(ev.instr, 5);
	sim_rec_close(reader);
}

Test(take, first_of_two_ends_tells_of_a_fork)
{
	put(7, SIM_EV_FORK, 8, 0);			/* the parent first */
	put(7, SIM_EV_FORK, 8, RING_FROM_CHILD);
	put(7, SIM_EV_VFORK, 9, RING_FROM_CHILD);	/* the child first */
	put(9, SIM_EV_EXIT, 0, 0);
	put(7, SIM_EV_VFORK, 9, 0);
	put(7, SIM_EV_FORK, 9, 0);			/* the number again */
	put(9, SIM_EV_EXIT, 1, 0);
	put(7, SIM_EV_FORK, 9, RING_FROM_CHILD);
	EXPECT("switch 7 0 ", "fork 7 8 ", "vfork 7 9 ", "switch 9 0 ",
	       "exit 9 0 ", "switch 7 0 ", "fork 7 9 ", "switch 9 0 ",
	       "exit 9 1 ", "switch 7 0 ");
	cr_assert_eq(take.processes, 4);
}

Test(take, killed_children_end_when_they_are_reaped)
{
	put(7, SIM_EV_FORK, 8, 0);
	put(8, SIM_EV_BRK, 0, 0);
	put(7, RING_REAPED, 8, 0);
	put(7, RING_REAPED, 8, 0);
	put(7, SIM_EV_EXIT, 0, 0);
	EXPECT("switch 7 0 ", "fork 7 8 ", "switch 8 0 ", "brk 8 0 ",
	       "switch 7 0 ", "exit 8 0 ", "exit 7 0 ");
}

Test(take, exec_and_exit_group_end_all_threads)
{
	struct ring_record all = { .type = SIM_EV_EXIT, .pid = 7, .tid = 7,
				   .sub = RING_ALL_THREADS };

	put(7, SIM_EV_FORK, 8, SIM_F_THREAD);
	put(7, SIM_EV_EXEC, 0, 0);
	put(7, SIM_EV_FORK, 9, SIM_F_THREAD);
	ring_put(ring, &all, NULL);
	EXPECT("switch 7 0 ", "fork 7 8 ", "exit 7 0 ", "exec 7 0 ",
	       "fork 7 9 ", "exit 7 0 ", "exit 7 0 ");
}

Test(take, a_gap_is_passed_over_only_when_asked)
{
	put(7, SIM_EV_BRK, 0, 0);
	atomic_fetch_add(&ring->head, 1);	/* killed before it filled it */
	put(8, SIM_EV_BRK, 0, 0);
	cr_assert_eq(take_ring(&take, ring, 1 << 20, false), 1);
	cr_assert_eq(take_ring(&take, ring, 1 << 20, false), 0);
	cr_assert_eq(take_ring(&take, ring, 1 << 20, true), 2);
	cr_assert_eq(take.lost, 1);
	cr_assert_eq(take_ring(&take, ring, 1 << 20, true), 0);
	EXPECT("switch 7 0 ", "brk 7 0 ", "switch 8 0 ", "brk 8 0 ");
}

enum { WRITERS = 4, EACH = 60000 };

static void *writer(void *arg)
{
	uint32_t pid = (uint32_t)(uintptr_t)arg;

	for (uint64_t i = 1; i <= EACH; i++) {
		struct ring_record r = { .type = SIM_EV_BRK, .pid = pid,
					 .tid = pid, .gva = i };

		ring_put(ring, &r, i % 100 ? NULL : "with a text that needs "
			 "more than one place of the ring, to be torn");
	}
	return NULL;
}

/* More than the ring holds, from several sides at once: nothing is lost, and
 * each side's records keep their order. */
Test(take, many_writers_keep_their_order)
{
	uint64_t last[WRITERS + 1] = { 0 }, taken = 0;
	pthread_t thread[WRITERS];
	struct sim_rec_reader *r;
	struct sim_event ev;

	for (uintptr_t i = 0; i < WRITERS; i++) {
		pthread_create(&thread[i], NULL, writer, (void *)(i + 1));
	}
	while (taken < WRITERS * EACH) {
		taken += take_ring(&take, ring, 1000, false);
	}
	for (int i = 0; i < WRITERS; i++) {
		pthread_join(thread[i], NULL);
	}
	cr_assert(sim_rec_commit(take.out, NULL) == SIM_REC_OK);
	cr_assert(sim_rec_open(&r, path, NULL) == SIM_REC_OK);
	while (sim_rec_next(r, &ev) == SIM_REC_OK) {
		if (ev.type == SIM_EV_BRK) {
			cr_assert_eq(ev.gva, last[ev.pid] + 1);
			last[ev.pid] = ev.gva;
		}
	}
	for (int i = 1; i <= WRITERS; i++) {
		cr_assert_eq(last[i], EACH);
	}
	sim_rec_close(r);
}

Test(take, nobody_waits_for_a_recorder_that_is_gone)
{
	atomic_store(&ring->stop, 1);
	for (unsigned i = 0; i < 3 * RING_RECORDS; i++) {
		put(7, SIM_EV_BRK, i, 0);
	}
	cr_assert_eq(atomic_load(&ring->head), 0);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * To be recorded with two vcpus: one thread takes translations back that the
 * other uses all the time.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	PAGES = 64,
	PAGE_BYTES = 4096,
};

static volatile char *page;
static atomic_bool stop;

static void *use(void *arg)
{
	while (!stop) {
		for (int i = 0; i < PAGES; i++) {
			page[i * PAGE_BYTES]++;
		}
	}
	return arg;
}

int main(int argc, char **argv)
{
	int rounds = argc > 1 ? atoi(argv[1]) : 30;
	size_t bytes = (size_t)PAGES * PAGE_BYTES;
	void *all = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pthread_t user;

	page = all;
	if (all == MAP_FAILED || pthread_create(&user, NULL, use, NULL)) {
		return 1;
	}
	for (int i = 0; i < rounds; i++) {
		pid_t child;

		madvise(all, bytes, MADV_DONTNEED);
		usleep(100);
		child = fork();
		if (child == 0) {
			_exit(0);
		}
		if (child < 0 || waitpid(child, NULL, 0) != child) {
			return 1;
		}
	}
	stop = true;
	return pthread_join(user, NULL);
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "cli/crash.h"

#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define UNW_LOCAL_ONLY
#include <libunwind.h>

#include "cli/atomic_out.h"
#include "cli/cmd.h"
#include "cli/term.h"

enum {
	FRAMES_MAX = 48,
	STACK_BYTES = 64 * 1024,
};

static uint64_t the_seed = 1;
static pthread_mutex_t report_lock = PTHREAD_MUTEX_INITIALIZER;

void crash_seed(uint64_t seed)
{
	the_seed = seed;
}

/* dprintf() takes no stream lock, so it also serves in a handler. */
static void put_frames(unw_cursor_t *cursor)
{
	for (int i = 0; i < FRAMES_MAX; i++) {
		unw_word_t ip = 0, offset = 0;
		char name[128] = "?";
		unw_get_reg(cursor, UNW_REG_IP, &ip);
		if (!ip && i) {
			break;
		}
		unw_get_proc_name(cursor, name, sizeof(name), &offset);
		dprintf(STDERR_FILENO, "  #%-2d %s+0x%" PRIx64 " [0x%" PRIx64
			"]\n", i, name, (uint64_t)offset, (uint64_t)ip);
		if (unw_step(cursor) <= 0) {
			break;
		}
	}
}

static void put_how_to_repeat(void)
{
	dprintf(STDERR_FILENO, "version: %s\nseed: %" PRIu64 "\nrepeat: %s\n",
		PACKAGE_VERSION, the_seed, cmd_line());
}

void crash_report(const char *what, const char *why)
{
	unw_context_t context;
	unw_cursor_t cursor;

	pthread_mutex_lock(&report_lock);
	progress_clear();
	dprintf(STDERR_FILENO, "gnomon: %s: %s\nbacktrace:\n", what, why);
	if (!unw_getcontext(&context) && !unw_init_local(&cursor, &context)) {
		put_frames(&cursor);
	}
	put_how_to_repeat();
	pthread_mutex_unlock(&report_lock);
}

static void on_fatal(int sig, siginfo_t *info, void *context)
{
	static volatile sig_atomic_t busy;
	unw_cursor_t cursor;

	/* A second fault, in here, ends it by the default action. */
	signal(sig, SIG_DFL);
	if (!busy) {
		busy = 1;
		atomic_abort_all();
		dprintf(STDERR_FILENO,
			"\ngnomon: internal error: %s (address %p)\n"
			"backtrace:\n", strsignal(sig),
			sig == SIGABRT ? NULL : info->si_addr);
		if (!unw_init_local2(&cursor, context,
				     UNW_INIT_SIGNAL_FRAME)) {
			put_frames(&cursor);
		}
		put_how_to_repeat();
	}
	raise(sig);
}

void crash_install(void)
{
	static const int sigs[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL,
				    SIGABRT };
	static char stack[STACK_BYTES];
	stack_t alt = { .ss_sp = stack, .ss_size = sizeof(stack) };
	struct sigaction act = {
		.sa_sigaction = on_fatal,
		.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER,
	};

	/* Only the main thread gets it: it is the one that recurses. */
	sigaltstack(&alt, NULL);
	sigemptyset(&act.sa_mask);
	for (size_t i = 0; i < sizeof(sigs) / sizeof(*sigs); i++) {
		sigaction(sigs[i], &act, NULL);
	}
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "record/stop.h"

#include <signal.h>
#include <stddef.h>

static volatile sig_atomic_t came;
static const int signals[] = { SIGINT, SIGTERM, SIGHUP };

static void note(int number)
{
	if (!came) {
		came = number;
	}
}

static void set(void (*handler)(int))
{
	struct sigaction a = { .sa_handler = handler };

	/* No SA_RESTART: whoever waits shall look. */
	sigemptyset(&a.sa_mask);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		sigaction(signals[i], &a, NULL);
	}
}

void stop_watch(void)
{
	came = 0;
	set(note);
}

int stop_signal(void)
{
	return came;
}

void stop_default(void)
{
	set(SIG_DFL);
}

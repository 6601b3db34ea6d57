/* SPDX-License-Identifier: BSD-2-Clause */
#include "record/guest_console.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "record/clock.h"
#include "record/stop.h"

static void take_line(struct guest_console *c)
{
	while (c->bytes && (c->line[c->bytes - 1] == '\r')) {
		c->bytes--;
	}
	c->line[c->bytes] = '\0';
	if (strncmp(c->line, SAYS_STATUS, strlen(SAYS_STATUS)) == 0) {
		c->status = atoi(c->line + strlen(SAYS_STATUS));
		c->begun = false;
	} else if (strncmp(c->line, SAYS_PROBLEM, strlen(SAYS_PROBLEM)) ==
		   0) {
		memcpy(c->problem, c->line + strlen(SAYS_PROBLEM),
		       c->bytes - strlen(SAYS_PROBLEM) + 1);
	} else if (strcmp(c->line, SAYS_BEGIN) == 0) {
		c->begun = true;
	} else if (c->begun || c->g->verbose) {
		if (c->g->before_line) {
			c->g->before_line();
		}
		puts(c->line);
		fflush(stdout);
	}
	c->bytes = 0;
}

static void take_console(struct guest_console *c, const char *text,
			 size_t bytes)
{
	for (size_t i = 0; i < bytes; i++) {
		if (text[i] == '\n' || c->bytes == GUEST_LINE_BYTES - 1) {
			take_line(c);
		}
		if (text[i] != '\n') {
			c->line[c->bytes++] = text[i];
		}
	}
}

double guest_console_seconds(const struct guest_console *c)
{
	return record_now() - c->begin;
}

/* The writer in QEMU works under another name until the end. */
static void show(const struct guest_console *c)
{
	char path[4200];
	struct stat st;

	if (!c->g->progress) {
		return;
	}
	snprintf(path, sizeof(path), "%.4096s.part-%ld", c->g->out,
		 (long)c->pid);
	if (stat(path, &st) == 0) {
		c->g->progress((uint64_t)st.st_size,
			       guest_console_seconds(c));
	}
}

bool guest_console_watch(struct guest_console *c, unsigned int seconds)
{
	c->begin = record_now();
	for (;;) {
		struct pollfd p = { .fd = c->fd, .events = POLLIN };
		char text[4096];
		ssize_t n;

		if (stop_signal()) {
			return true;
		}
		if (seconds && guest_console_seconds(c) > seconds) {
			return false;
		}
		show(c);
		if (poll(&p, 1, 200) <= 0) {
			continue;
		}
		n = read(c->fd, text, sizeof(text));
		if (n == 0) {
			return true;
		}
		if (n > 0) {
			take_console(c, text, (size_t)n);
		}
	}
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/term.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum {
	BAR_CELLS = 24,
	REDRAW_NS = 100 * 1000 * 1000,
};

static struct {
	pthread_mutex_t lock;
	bool on;
	bool drawn;
	char what[64];
	uint64_t total;
	int64_t start_ns;
	int64_t last_ns;
} bar = { .lock = PTHREAD_MUTEX_INITIALIZER };

static bool is_smart(FILE *out)
{
	const char *term = getenv("TERM");

	return isatty(fileno(out)) && term && *term && strcmp(term, "dumb");
}

static bool has_style(FILE *out)
{
	const char *no = getenv("NO_COLOR");

	return is_smart(out) && !(no && *no);
}

const char *term_bold(FILE *out)
{
	return has_style(out) ? "\033[1m" : "";
}

const char *term_plain(FILE *out)
{
	return has_style(out) ? "\033[0m" : "";
}

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int terminal_columns(void)
{
	struct winsize w;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &w) || w.ws_col == 0) {
		return 80;
	}
	return w.ws_col;
}

/* "4 s", "2:05", "1:02:05". */
static void put_time(char *text, size_t bytes, int64_t s)
{
	int h = (int)(s / 3600), m = (int)(s / 60 % 60), r = (int)(s % 60);

	if (h) {
		snprintf(text, bytes, "%d:%02d:%02d", h, m, r);
	} else if (m) {
		snprintf(text, bytes, "%d:%02d", m, r);
	} else {
		snprintf(text, bytes, "%d s", r);
	}
}

static void draw(uint64_t done, int64_t now)
{
	double part = bar.total ? (double)done / (double)bar.total : 0;
	double spent = (double)(now - bar.start_ns) / 1e9;
	char cells[BAR_CELLS + 1];
	char left[32] = "";
	char text[160];

	part = part > 1 ? 1 : part;
	for (int i = 0; i < BAR_CELLS; i++) {
		cells[i] = i < part * BAR_CELLS ? '#' : '.';
	}
	cells[BAR_CELLS] = '\0';
	if (spent > 1 && part > 0.01) {
		char t[16];
		put_time(t, sizeof(t), (int64_t)(spent / part - spent + 0.5));
		snprintf(left, sizeof(left), "  %s left", t);
	}
	snprintf(text, sizeof(text), "%s [%s] %3.0f %%%s", bar.what, cells,
		 100 * part, left);
	/* A line that wraps could not be taken back. */
	fprintf(stderr, "\r%.*s\033[K", terminal_columns() - 1, text);
	fflush(stderr);
	bar.drawn = true;
	bar.last_ns = now;
}

void progress_start(const char *what, uint64_t total)
{
	pthread_mutex_lock(&bar.lock);
	bar.on = is_smart(stderr);
	bar.drawn = false;
	snprintf(bar.what, sizeof(bar.what), "%s", what);
	bar.total = total;
	bar.start_ns = now_ns();
	bar.last_ns = bar.start_ns;
	pthread_mutex_unlock(&bar.lock);
}

void progress_update(uint64_t done)
{
	pthread_mutex_lock(&bar.lock);
	int64_t now = bar.on ? now_ns() : 0;
	if (bar.on && now - bar.last_ns >= REDRAW_NS) {
		draw(done, now);
	}
	pthread_mutex_unlock(&bar.lock);
}

void progress_text(const char *text)
{
	pthread_mutex_lock(&bar.lock);
	if (bar.on) {
		fprintf(stderr, "\r%.*s\033[K", terminal_columns() - 1, text);
		fflush(stderr);
		bar.drawn = true;
	}
	pthread_mutex_unlock(&bar.lock);
}

void progress_clear(void)
{
	pthread_mutex_lock(&bar.lock);
	if (bar.drawn) {
		fputs("\r\033[K", stderr);
		fflush(stderr);
		bar.drawn = false;
	}
	pthread_mutex_unlock(&bar.lock);
}

void progress_end(void)
{
	progress_clear();
	pthread_mutex_lock(&bar.lock);
	bar.on = false;
	pthread_mutex_unlock(&bar.lock);
}

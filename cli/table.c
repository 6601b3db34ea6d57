/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/table.h"

#include <err.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "cli/term.h"

void table_init(struct table *t, const char *align)
{
	*t = (struct table){ .columns = strlen(align), .align = align };
}

void table_free(struct table *t)
{
	for (size_t i = 0; i < t->cell_count; i++) {
		free(t->cells[i]);
	}
	free(t->cells);
	t->cells = NULL;
	t->cell_count = t->capacity = 0;
}

static void add_cell(struct table *t, char *text)
{
	if (t->cell_count == t->capacity) {
		t->capacity = t->capacity ? 2 * t->capacity : 64;
		t->cells = realloc(t->cells, t->capacity * sizeof(char *));
	}
	if (!t->cells || !text) {
		err(1, "out of memory");
	}
	t->cells[t->cell_count++] = text;
}

void table_cell(struct table *t, const char *fmt, ...)
{
	char *text;
	va_list ap;

	va_start(ap, fmt);
	int n = vasprintf(&text, fmt, ap);
	va_end(ap);
	add_cell(t, n < 0 ? NULL : text);
}

/* Fills the row that was begun with empty cells. */
static void end_row(struct table *t)
{
	while (t->cell_count % t->columns) {
		table_cell(t, "%s", "");
	}
}

void table_section(struct table *t, const char *title)
{
	end_row(t);
	table_cell(t, "\n%s", title);
	end_row(t);
}

/* Columns on the screen; the only non-ASCII text is user supplied. */
static size_t width_of(const char *s)
{
	size_t n = 0;

	for (; *s; s++) {
		n += ((unsigned char)*s & 0xc0) != 0x80 && *s != '\n';
	}
	return n;
}

static size_t column_width(const struct table *t, size_t column)
{
	size_t max = 0;

	for (size_t i = column; i < t->cell_count; i += t->columns) {
		size_t n = width_of(t->cells[i]);
		max = n > max ? n : max;
	}
	return max;
}

static void print_row(const struct table *t, size_t row, const size_t *widths,
		      FILE *out)
{
	char *const *cells = t->cells + row * t->columns;
	bool heading = row == 0 || cells[0][0] == '\n';
	size_t last = t->columns;

	while (last > 0 && !*cells[last - 1]) {
		last--;
	}
	if (cells[0][0] == '\n') {
		fputc('\n', out);
	}
	fputs(heading ? term_bold(out) : "", out);
	for (size_t c = 0; c < last; c++) {
		const char *s = cells[c] + (cells[c][0] == '\n');
		size_t pad = widths[c] - width_of(s);
		bool right = t->align[c] == 'r';
		fprintf(out, "%s%*s%s", c ? "  " : "", right ? (int)pad : 0,
			"", s);
		if (!right && c + 1 < last) {
			fprintf(out, "%*s", (int)pad, "");
		}
	}
	fputs(heading ? term_plain(out) : "", out);
	fputc('\n', out);
}

void table_print(const struct table *t, FILE *out)
{
	size_t *widths = calloc(t->columns, sizeof(*widths));

	if (!widths) {
		err(1, "out of memory");
	}
	for (size_t c = 0; c < t->columns; c++) {
		widths[c] = column_width(t, c);
	}
	for (size_t row = 0; row < t->cell_count / t->columns; row++) {
		print_row(t, row, widths, out);
	}
	free(widths);
}

static char *next_text(void)
{
	static _Thread_local char ring[4][32];
	static _Thread_local unsigned int next;

	return ring[next++ % 4];
}

const char *text_count(uint64_t n)
{
	char digits[24];
	char *text = next_text();
	char *p = text;
	int len = snprintf(digits, sizeof(digits), "%" PRIu64, n);

	for (int i = 0; i < len; i++) {
		if (i && (len - i) % 3 == 0) {
			*p++ = ',';
		}
		*p++ = digits[i];
	}
	*p = '\0';
	return text;
}

const char *text_bytes(uint64_t n)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB",
					     "TiB", "PiB", "EiB" };
	char *text = next_text();
	double v = (double)n;
	size_t u = 0;

	while (v >= 1024 && u + 1 < sizeof(units) / sizeof(*units)) {
		v /= 1024;
		u++;
	}
	snprintf(text, 32, u && v < 100 ? "%.1f %s" : "%.0f %s", v, units[u]);
	return text;
}

const char *text_percent(double ratio)
{
	char *text = next_text();

	if (isnan(ratio)) {
		return "-";
	}
	snprintf(text, 32, "%+.1f %%", 100 * ratio);
	return text;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A table of text for people: aligned columns, bold headings on a terminal.
 * Cells are added row by row; the first row is the heading.
 */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct table {
	size_t columns;
	size_t cell_count;
	size_t capacity;
	char **cells;		/* NULL: a rule across the table */
	const char *align;	/* 'l' or 'r' for each column */
};

/* `align` has one character per column and must outlive the table. */
void table_init(struct table *t, const char *align);
void table_free(struct table *t);

/* Appends a cell; memory that runs out ends the program. */
void table_cell(struct table *t, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* A row with `title` in its first column, set off by an empty line. */
void table_section(struct table *t, const char *title);

void table_print(const struct table *t, FILE *out);

/* Text of a number; the result lasts until the fourth next call. */
const char *text_count(uint64_t n);	/* 1,234,567 */
const char *text_bytes(uint64_t n);	/* 1.5 MiB */
const char *text_percent(double ratio);	/* 0.125 as +12.5 %; NaN as - */

#endif

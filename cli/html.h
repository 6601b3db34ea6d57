/* SPDX-License-Identifier: BSD-2-Clause */
/* Pieces of an HTML page. */
#ifndef CLI_HTML_H
#define CLI_HTML_H

#include <stdbool.h>
#include <stdio.h>

/* Text in an element or a quoted attribute. */
void html_text(FILE *f, const char *text);
/* printf whose result is escaped as a whole. */
void html_printf(FILE *f, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* The bytes of a file in base64; prints why it could not be read. */
bool html_base64_file(FILE *f, const char *path);

/*
 * The text of report/NAME of the installed data, for a <style> or <script>;
 * prints why it could not be read.
 */
bool html_asset(FILE *f, const char *name);

#endif

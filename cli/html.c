/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/html.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cmd.h"
#include "sim/text.h"

void html_text(FILE *f, const char *text)
{
	for (; *text; text++) {
		switch (*text) {
		case '&':
			fputs("&amp;", f);
			break;
		case '<':
			fputs("&lt;", f);
			break;
		case '>':
			fputs("&gt;", f);
			break;
		case '"':
			fputs("&quot;", f);
			break;
		default:
			fputc(*text, f);
		}
	}
}

void html_printf(FILE *f, const char *fmt, ...)
{
	char *text;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) >= 0) {
		html_text(f, text);
		free(text);
	}
	va_end(ap);
}

static void put_triple(FILE *f, const unsigned char *b, size_t n)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz0123456789+/";
	unsigned int v = (unsigned int)b[0] << 16 |
			 (n > 1 ? (unsigned int)b[1] << 8 : 0) |
			 (n > 2 ? (unsigned int)b[2] : 0);

	fputc(digits[v >> 18], f);
	fputc(digits[v >> 12 & 63], f);
	fputc(n > 1 ? digits[v >> 6 & 63] : '=', f);
	fputc(n > 2 ? digits[v & 63] : '=', f);
}

bool html_base64_file(FILE *f, const char *path)
{
	FILE *in = fopen(path, "r");
	unsigned char b[3];
	size_t n;

	if (!in) {
		cmd_error(path, "%s", strerror(errno));
		return false;
	}
	while ((n = fread(b, 1, sizeof(b), in)) > 0) {
		put_triple(f, b, n);
	}
	bool ok = !ferror(in);
	fclose(in);
	return ok;
}

bool html_asset(FILE *f, const char *name)
{
	char path[PATH_MAX], block[4096];
	size_t n;

	FILE *in = sim_data_path("report", name, "", path, sizeof(path)) ?
		   fopen(path, "r") : NULL;
	if (!in) {
		cmd_error(name, "this part of the page is not installed");
		return false;
	}
	while ((n = fread(block, 1, sizeof(block), in)) > 0) {
		fwrite(block, 1, n, f);
	}
	fclose(in);
	return true;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* Function names from the text that a guest hands over. */
#include "record/symbols.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char said[4096];

static void say(uint64_t start, uint64_t bytes, const char *name)
{
	size_t n = strlen(said);

	snprintf(said + n, sizeof(said) - n, "%llx+%llx=%s ",
		 (unsigned long long)start, (unsigned long long)bytes, name);
}

/* Hands the text over in pieces of `part` bytes. */
static const char *report(const char *text, size_t part, const uint64_t *ips,
			  size_t count)
{
	struct record_symbols s = { .bytes = 0 };
	size_t left = strlen(text);

	said[0] = '\0';
	for (size_t i = 0; i < count; i++) {
		record_symbols_see(&s, ips[i]);
		record_symbols_see(&s, ips[i]);
	}
	while (left) {
		size_t n = left < part ? left : part;
		char *to = record_symbols_room(&s, n);

		cr_assert(to != NULL);
		memcpy(to, text, n);
		text += n;
		left -= n;
	}
	record_symbols_report(&s, say);
	record_symbols_free(&s);
	return said;
}

static const char text[] =
	"ffffffff81000100 T second\n"
	"ffffffff81000000 t first\n"
	"ffffffff81000100 T alias\n"
	"ffffffff81000180 d data\n"
	"ffffffff81000200 W third\t[module]\n"
	"0000000000000000 A zero\n"
	"garbage\n"
	"ffffffff81000300 T last\n";

Test(symbols, functions_that_were_seen_are_named)
{
	static const uint64_t ips[] = {
		0xffffffff81000110, 0xffffffff810001ff, 0xffffffff81000200,
		0xffffffff80000000, 0xffffffff81000400,
	};

	for (size_t part = 1; part < 50; part += 7) {
		const char *got = report(text, part, ips, 5);

		cr_assert_str_eq(got, "ffffffff81000100+100=second "
				 "ffffffff81000200+100=third ");
	}
}

Test(symbols, nothing_seen_or_nothing_said_names_nothing)
{
	static const uint64_t ip = 0xffffffff81000110;

	cr_assert_str_eq(report(text, 4096, NULL, 0), "");
	cr_assert_str_eq(report("", 4096, &ip, 1), "");
	cr_assert_str_eq(report("ffffffff81000100 T cut", 4096, &ip, 1), "");
}

Test(symbols, many_short_lines_and_many_addresses)
{
	enum { LINES = 5000 };
	static uint64_t ips[100000];
	char *long_text = malloc(LINES * 16);
	size_t n = 0;

	cr_assert(long_text != NULL);
	for (int i = 1; i <= LINES; i++) {
		n += (size_t)sprintf(long_text + n, "%x t a\n", i);
	}
	for (size_t i = 0; i < 100000; i++) {
		ips[i] = i * i;
	}
	report(long_text, 1000, ips, 100000);
	cr_assert(strncmp(said, "1+1=a 4+1=a 9+1=a ", 18) == 0, "%s", said);
	free(long_text);
}

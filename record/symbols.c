/* SPDX-License-Identifier: BSD-2-Clause */
#include "record/symbols.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
	TEXT_MAX = 64 << 20,
	SEEN_MAX = 1 << 16,
	FIRST_SEEN = 1 << 10,
};

struct symbol {
	uint64_t start;
	const char *name;
};

char *record_symbols_room(struct record_symbols *s, size_t bytes)
{
	if (bytes > TEXT_MAX - s->bytes) {
		return NULL;
	}
	if (s->bytes + bytes + 1 > s->room) {
		size_t room = 2 * s->room + bytes + 1;
		char *text = realloc(s->text, room);

		if (!text) {
			return NULL;
		}
		s->text = text;
		s->room = room;
	}
	s->bytes += bytes;
	return s->text + s->bytes - bytes;
}

static uint64_t *slot_of(const struct record_symbols *s, uint64_t ip)
{
	size_t i = (size_t)(ip * 0x9e3779b97f4a7c15ull >> 32);

	for (;; i++) {
		uint64_t *slot = &s->seen[i & (s->seen_room - 1)];

		if (*slot == ip || *slot == 0) {
			return slot;
		}
	}
}

static bool grow_seen(struct record_symbols *s)
{
	struct record_symbols old = *s;
	size_t room = s->seen_room ? 2 * s->seen_room : FIRST_SEEN;
	uint64_t *seen = room > SEEN_MAX ? NULL : calloc(room, sizeof(*seen));

	if (!seen) {
		return false;
	}
	s->seen = seen;
	s->seen_room = room;
	for (size_t i = 0; i < old.seen_room; i++) {
		if (old.seen[i]) {
			*slot_of(s, old.seen[i]) = old.seen[i];
		}
	}
	free(old.seen);
	return true;
}

void record_symbols_see(struct record_symbols *s, uint64_t ip)
{
	uint64_t *slot;

	if (ip == 0 ||
	    (2 * (s->seen_count + 1) > s->seen_room && !grow_seen(s))) {
		return;
	}
	slot = slot_of(s, ip);
	s->seen_count += *slot == 0;
	*slot = ip;
}

/* One line `address type name[\t[module]]`; code has type t, T, w or W. */
static bool parse_line(char *line, struct symbol *symbol)
{
	char *end;
	uint64_t start = strtoull(line, &end, 16);

	if (end == line || end[0] != ' ' || !end[1] || end[2] != ' ' ||
	    !strchr("tTwW", end[1]) || start == 0) {
		return false;
	}
	symbol->start = start;
	symbol->name = end + 3;
	end[3 + strcspn(end + 3, " \t\r")] = '\0';
	return symbol->name[0] != '\0';
}

static int by_start(const void *a, const void *b)
{
	const struct symbol *x = a, *y = b;

	if (x->start != y->start) {
		return x->start < y->start ? -1 : 1;
	}
	/* Names lie in the text in the kernel's order. */
	return x->name < y->name ? -1 : x->name > y->name;
}

static size_t parse(struct record_symbols *s, struct symbol *list)
{
	char *line = s->text, *next;
	size_t count = 0;

	s->text[s->bytes] = '\0';
	for (; (next = strchr(line, '\n')); line = next + 1) {
		*next = '\0';
		count += parse_line(line, &list[count]);
	}
	qsort(list, count, sizeof(*list), by_start);
	return count;
}

static int by_value(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

void record_symbols_report(struct record_symbols *s,
			   void (*put)(uint64_t start, uint64_t bytes,
				       const char *name))
{
	/* The shortest line that parse_line() takes is `1 t a`. */
	struct symbol *list = s->bytes ?
		calloc(s->bytes / 6 + 1, sizeof(*list)) : NULL;
	size_t count = list ? parse(s, list) : 0, at = 0;

	if (s->seen) {
		qsort(s->seen, s->seen_room, sizeof(*s->seen), by_value);
	}
	for (size_t i = 0; i < count; i++) {
		uint64_t end;
		size_t next = i + 1;

		/* Aliases have the same address; the first name counts. */
		while (next < count && list[next].start == list[i].start) {
			next++;
		}
		end = next < count ? list[next].start : list[i].start + 1;
		while (at < s->seen_room && s->seen[at] < list[i].start) {
			at++;
		}
		if (at < s->seen_room && s->seen[at] < end) {
			put(list[i].start, end - list[i].start, list[i].name);
		}
		i = next - 1;
	}
	free(list);
}

void record_symbols_free(struct record_symbols *s)
{
	free(s->text);
	free(s->seen);
	memset(s, 0, sizeof(*s));
}

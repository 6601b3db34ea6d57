/* SPDX-License-Identifier: BSD-2-Clause */
/* Taking the lines of `perf script` apart. */
#include <string.h>

#include "sim/import_perf.h"

static void skip_blanks(const char **at)
{
	while (**at == ' ' || **at == '\t') {
		(*at)++;
	}
}

/* From the pid on; a command's name before it may hold anything. */
static bool parse_from(const char *at, struct perf_line *l)
{
	uint64_t a, b = 0, cpu, seconds, part = 0, digits = 0;

	if (!text_take(&at, 10, &a)) {
		return false;
	}
	if (*at == '/') {
		at++;
		if (!text_take(&at, 10, &b)) {
			return false;
		}
	}
	skip_blanks(&at);
	if (*at++ != '[' || !text_take(&at, 10, &cpu) || *at++ != ']') {
		return false;
	}
	skip_blanks(&at);
	if (!text_take(&at, 10, &seconds) || *at++ != '.') {
		return false;
	}
	for (; *at >= '0' && *at <= '9' && digits < 9; at++, digits++) {
		part = part * 10 + (uint64_t)(*at - '0');
	}
	for (; digits < 9; digits++) {
		part *= 10;
	}
	if (*at++ != ':' || a > UINT32_MAX || b > UINT32_MAX ||
	    cpu >= SIM_REC_VCPUS_MAX || seconds > 1u << 30) {
		return false;
	}
	skip_blanks(&at);
	l->pid = b ? (uint32_t)a : 0;
	l->tid = (uint32_t)(b ? b : a);
	l->cpu = (uint32_t)cpu;
	l->ns = seconds * UINT64_C(1000000000) + part;
	l->event = at;
	return true;
}

/* Up to the event's colon; its name has one of its own, "group:name:". */
static bool parse_event(struct perf_line *l)
{
	const char *at = l->event;

	if (strncmp(at, "PERF_RECORD_", 12) == 0) {
		l->event_bytes = 12 + strspn(at + 12,
			"ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789");
		l->rest = at + l->event_bytes;
		return true;
	}
	/* Some versions count the samples before the name. */
	size_t number = strspn(at, "0123456789");

	if (number && at[number] == ' ') {
		at += number;
		skip_blanks(&at);
	}
	l->event = at;
	size_t group = strcspn(at, ": ");

	if (at[group] != ':' || at[group + 1] == ' ') {
		return false;
	}
	l->event_bytes = group + 1 + strcspn(at + group + 1, ": ");
	l->rest = at + l->event_bytes;
	if (*l->rest == ':') {
		l->rest++;
	}
	skip_blanks(&l->rest);
	return true;
}

bool perf_parse(const char *line, struct perf_line *l)
{
	for (const char *at = line; *at; at++) {
		if ((at == line || at[-1] == ' ') && *at >= '0' &&
		    *at <= '9' && parse_from(at, l)) {
			return parse_event(l);
		}
	}
	return false;
}

bool perf_parse_map(const char *rest, struct perf_map *m)
{
	const char *at = strchr(rest, '[');

	if (!at++ || !text_take(&at, 16, &m->gva) || *at++ != '(' ||
	    !text_take(&at, 16, &m->bytes) || *at++ != ')' ||
	    strncmp(at, " @ ", 3) != 0) {
		return false;
	}
	at += 3;
	if (!text_take(&at, 16, &m->offset)) {
		return false;
	}
	at = strstr(at, "]: ");
	if (!at || strlen(at) < 8) {
		return false;
	}
	at += 3;
	m->prot = (at[0] == 'r' ? SIM_PROT_R : 0u) |
		  (at[1] == 'w' ? SIM_PROT_W : 0u) |
		  (at[2] == 'x' ? SIM_PROT_X : 0u);
	m->shared = at[3] == 's';
	m->grows = false;
	m->path = at[4] == ' ' ? at + 5 : "";
	return true;
}

static bool take_two(const char **at, uint64_t *a, uint64_t *b)
{
	if (*(*at)++ != '(' || !text_take(at, 10, a) || *(*at)++ != ':' ||
	    !text_take(at, 10, b) || *(*at)++ != ')') {
		return false;
	}
	return *a <= UINT32_MAX && *b <= UINT32_MAX;
}

bool perf_parse_pair(const char *text, struct perf_pair *p)
{
	return take_two(&text, &p->pid, &p->tid) && *text++ == ':' &&
	       take_two(&text, &p->ppid, &p->ptid);
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/scenario.h"

#include <ctype.h>
#include <err.h>
#include <errno.h>
#include <ini.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/names.h"
#include "sim/source.h"
#include "sim/text.h"

enum {
	LINE_BYTES = 199,		/* what inih takes */
	FILE_BYTES = 256 * 1024,
};

struct parse {
	struct scenario *s;
	int line;		/* of the pair that is being handled */
	const char *at;		/* where the search for it goes on */
	char what[SCENARIO_ERROR_MAX - 64];
};

struct list_key {
	const char *section;
	const char *key;
	size_t offset;		/* of the struct scenario_list */
};

static const struct list_key list_keys[] = {
	{ "scenario", "recordings", offsetof(struct scenario, recordings) },
	{ "scenario", "workloads", offsetof(struct scenario, workloads) },
	{ "scenario", "modes", offsetof(struct scenario, modes) },
	{ "scenario", "presets", offsetof(struct scenario, presets) },
	{ "scenario", "seeds", offsetof(struct scenario, seeds) },
	{ "sensitivity", "labels", offsetof(struct scenario, labels) },
	{ "sensitivity", "factors", offsetof(struct scenario, factors) },
};

static const char *const sections[] = { "scenario", "vary", "sensitivity" };
static const char *const scenario_keys[] = {
	"name", "title", "recordings", "workloads", "modes", "presets",
	"seeds", "verify", "timeline",
};
static const char *const other_keys[] = { "labels", "factors" };

static char *copy(const char *text)
{
	char *s = strdup(text);

	if (!s) {
		err(1, "out of memory");
	}
	return s;
}

static char *trim(char *s)
{
	char *end = s + strlen(s);

	while (isspace((unsigned char)*s)) {
		s++;
	}
	while (end > s && isspace((unsigned char)end[-1])) {
		*--end = '\0';
	}
	return s;
}

#define FAIL(p, ...) \
	(snprintf((p)->what, sizeof((p)->what), __VA_ARGS__), false)

/* Appends the comma-separated items; a key may go on over several lines. */
static bool add_items(struct parse *p, struct scenario_list *list,
		      const char *key, const char *value)
{
	/* The parameters of a workload have commas of their own. */
	const char *between = strcmp(key, "workloads") ? "," : " \t";
	char *text = copy(value);
	char *save;
	bool ok = true;

	for (char *t = strtok_r(text, between, &save); t && ok;
	     t = strtok_r(NULL, between, &save)) {
		t = trim(t);
		for (size_t i = 0; i < list->count && ok; i++) {
			if (!strcmp(list->items[i], t)) {
				ok = FAIL(p, "%s: '%s' is named twice", key,
					  t);
			}
		}
		if (ok && list->count == SCENARIO_ITEMS_MAX) {
			ok = FAIL(p, "%s: more than %d values", key,
				  SCENARIO_ITEMS_MAX);
		}
		if (ok && *t) {
			list->items[list->count++] = copy(t);
		}
	}
	free(text);
	return ok;
}

static bool take_list(struct parse *p, const char *section, const char *key,
		      const char *value, bool *known)
{
	for (size_t i = 0; i < sizeof(list_keys) / sizeof(*list_keys); i++) {
		const struct list_key *k = &list_keys[i];
		struct scenario_list *list =
			(void *)((char *)p->s + k->offset);
		if (!strcmp(section, k->section) && !strcmp(key, k->key)) {
			*known = true;
			list->line = list->line ? list->line : p->line;
			return add_items(p, list, key, value);
		}
	}
	*known = false;
	return true;
}

static bool take_vary(struct parse *p, const char *key, const char *value)
{
	struct scenario *s = p->s;
	struct scenario_vary *v = NULL;

	for (size_t i = 0; i < s->vary_count; i++) {
		if (!strcmp(s->vary[i].param, key)) {
			v = &s->vary[i];
		}
	}
	if (!v && s->vary_count == SCENARIO_VARY_MAX) {
		return FAIL(p, "%s: more than %d parameters vary", key,
			    SCENARIO_VARY_MAX);
	}
	if (!v) {
		v = &s->vary[s->vary_count++];
		*v = (struct scenario_vary){ .param = copy(key) };
		v->values.line = p->line;
	}
	return add_items(p, &v->values, key, value);
}

static bool take_text(char **where, const char *value)
{
	free(*where);
	*where = copy(value);
	return true;
}

static bool take_flag(struct parse *p, const char *key, bool *where,
		      const char *value)
{
	*where = !strcmp(value, "yes");
	return *where || !strcmp(value, "no") ||
	       FAIL(p, "%s: '%s' is neither yes nor no", key, value);
}

static bool no_name(struct parse *p, const char *what, const char *word,
		    const char *const *names, size_t count)
{
	char text[NAMES_TEXT];

	names_none(what, word, names, count, text);
	return FAIL(p, "%.*s", (int)sizeof(p->what) - 1, text);
}

static bool take_scenario(struct parse *p, const char *key, const char *value)
{
	if (!strcmp(key, "name")) {
		if (!*value || value[strspn(value,
				"abcdefghijklmnopqrstuvwxyz0123456789._-")]) {
			return FAIL(p, "name: '%s' is not made of a-z, 0-9, "
				    "'.', '_', '-'", value);
		}
		return take_text(&p->s->name, value);
	}
	if (!strcmp(key, "title")) {
		return take_text(&p->s->title, value);
	}
	if (!strcmp(key, "verify")) {
		return take_flag(p, key, &p->s->verify, value);
	}
	if (!strcmp(key, "timeline")) {
		return take_flag(p, key, &p->s->timeline, value);
	}
	return no_name(p, "[scenario]: no key", key, scenario_keys,
		       sizeof(scenario_keys) / sizeof(*scenario_keys));
}

static bool take(struct parse *p, const char *section, const char *key,
		 const char *value)
{
	bool known;

	if (!take_list(p, section, key, value, &known) || known) {
		return known && !p->what[0];
	}
	if (!strcmp(section, "vary")) {
		return take_vary(p, key, value);
	}
	if (!strcmp(section, "scenario")) {
		return take_scenario(p, key, value);
	}
	if (!strcmp(section, "sensitivity")) {
		return no_name(p, "[sensitivity]: no key", key, other_keys,
			       2);
	}
	return no_name(p, "no section", section, sections, 3);
}

/* inih's reader; it counts the lines for us. */
static char *next_line(char *buffer, int bytes, void *stream)
{
	struct parse *p = stream;
	size_t n = strcspn(p->at, "\n");

	if (!*p->at) {
		return NULL;
	}
	n += p->at[n] == '\n';
	if (n >= (size_t)bytes) {
		n = (size_t)bytes - 1;	/* ruled out by long_line() */
	}
	memcpy(buffer, p->at, n);
	buffer[n] = '\0';
	p->at += n;
	p->line++;
	return buffer;
}

static int handle(void *user, const char *section, const char *key,
		  const char *value)
{
	struct parse *p = user;

	/* inih goes on after an error; the first one counts. */
	return p->what[0] ? 0 : take(p, section, key, value);
}

/* Longer lines would be split silently. */
static int long_line(const char *text)
{
	int line = 1;

	for (size_t n; *text; text += n + (text[n] == '\n'), line++) {
		n = strcspn(text, "\n");
		if (n >= LINE_BYTES - 1) {
			return line;
		}
	}
	return 0;
}

static char *read_file(const char *path, char *error)
{
	FILE *f = fopen(path, "r");
	char *text = calloc(1, FILE_BYTES);
	struct stat st;

	if (!f || !text || fstat(fileno(f), &st)) {
		snprintf(error, SCENARIO_ERROR_MAX, "%s: %s", path,
			 strerror(errno));
	} else if (!S_ISREG(st.st_mode)) {
		snprintf(error, SCENARIO_ERROR_MAX, "%s: is not a file", path);
	} else {
		size_t n = fread(text, 1, FILE_BYTES - 1, f);
		if (ferror(f) || !feof(f) || strlen(text) != n) {
			snprintf(error, SCENARIO_ERROR_MAX,
				 "%s: is no scenario (binary, or too long)",
				 path);
		}
	}
	if (f) {
		fclose(f);
	}
	if (*error) {
		free(text);
		return NULL;
	}
	return text;
}

static bool parse_text(struct scenario *s, char *error)
{
	struct parse p = { .s = s, .at = s->text };
	int line = long_line(s->text);

	if (line) {
		snprintf(error, SCENARIO_ERROR_MAX,
			 "%s:%d: the line is longer than %d characters; a "
			 "list may go on in indented lines", s->path, line,
			 LINE_BYTES - 2);
		return false;
	}
	line = ini_parse_stream(next_line, &p, handle, &p);
	if (line) {
		snprintf(error, SCENARIO_ERROR_MAX, "%s:%d: %s", s->path,
			 line, p.what[0] ? p.what :
			 "is neither [section] nor key = value");
	}
	return !line;
}

static bool is_complete(const struct scenario *s, char *error)
{
	const char *missing = !s->recordings.count && !s->workloads.count ?
			      "recordings' or 'workloads" :
			      !s->modes.count ? "modes" :
			      !s->name ? "name" : NULL;

	const struct scenario_vary *empty = NULL;

	for (size_t i = 0; i < s->vary_count && !empty; i++) {
		empty = s->vary[i].values.count ? NULL : &s->vary[i];
	}
	if (missing) {
		snprintf(error, SCENARIO_ERROR_MAX,
			 "%s: [scenario] needs the key '%s'", s->path,
			 missing);
	} else if (empty) {
		snprintf(error, SCENARIO_ERROR_MAX, "%s:%d: %s: no value",
			 s->path, empty->values.line, empty->param);
	} else if (s->labels.count && !s->factors.count) {
		snprintf(error, SCENARIO_ERROR_MAX,
			 "%s:%d: labels without the key 'factors'", s->path,
			 s->labels.line);
	}
	return !*error;
}

/* A path is relative to the scenario's folder, like those of recordings. */
static void find_presets(struct scenario *s)
{
	for (size_t i = 0; i < s->presets.count; i++) {
		const char *name = s->presets.items[i];
		size_t length = strlen(name);
		bool is_path = strchr(name, '/') ||
			(length > 4 && !strcmp(name + length - 4, ".ini"));
		char path[PATH_MAX];

		snprintf(path, sizeof(path), "%s%s%s",
			 is_path && *name != '/' ? s->folder : "",
			 is_path && *name != '/' ? "/" : "", name);
		s->preset_paths.items[s->preset_paths.count++] = copy(path);
	}
}

bool scenario_load(struct scenario *s, const char *path, const char *folder,
		   char *error)
{
	char *dir = copy(path);
	char *full;

	*error = '\0';
	*s = (struct scenario){ .path = copy(path) };
	full = realpath(folder ? folder : dirname(dir), NULL);
	s->folder = full ? full : copy(".");
	free(dir);
	s->text = read_file(path, error);
	if (!s->text || !parse_text(s, error) || !is_complete(s, error)) {
		return false;
	}
	if (!s->title) {
		s->title = copy(s->name);
	}
	if (!s->seeds.count) {
		s->seeds.items[s->seeds.count++] = copy("1");
	}
	if (!s->presets.count) {
		s->presets.items[s->presets.count++] =
			copy(sim_default_preset());
	}
	find_presets(s);
	return true;
}

static void free_list(struct scenario_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		free(list->items[i]);
	}
}

void scenario_free(struct scenario *s)
{
	for (size_t i = 0; i < sizeof(list_keys) / sizeof(*list_keys); i++) {
		free_list((void *)((char *)s + list_keys[i].offset));
	}
	for (size_t i = 0; i < s->vary_count; i++) {
		free(s->vary[i].param);
		free_list(&s->vary[i].values);
	}
	free_list(&s->preset_paths);
	free(s->path);
	free(s->folder);
	free(s->text);
	free(s->name);
	free(s->title);
	*s = (struct scenario){ 0 };
}

char *scenario_recording(const struct scenario *s, const char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s%s%s", *name == '/' ? "" : s->folder,
		 *name == '/' ? "" : "/", name);
	char ours[SIM_SOURCE_PATH];

	/* A bare name is one of ours, unless there is a file of that name. */
	return copy(!sim_is_file(path) && sim_source_file(name, ours) ?
		    ours : path);
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "sim/preset.h"

#include <ctype.h>
#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/param.h"
#include "sim/text.h"

_Static_assert((int)SIM_P_COUNT <= (int)SIM_PARAM_MAX, "all parameters fit");

enum { TABLE_PAGES_MIN = 32 };

static const char *const labels[] = {
	"FULL", "QUOTE", "ABS", "2ND", "DIG", "DER", "MEASURED", "MEM",
	"assumed",
};

struct parse {
	struct sim_preset *preset;
	FILE *file;
	bool seen[SIM_P_COUNT];
	bool any;		/* a key was there */
	bool binary;
	char what[512];		/* of the first error, or empty */
};

const char *sim_default_preset(void)
{
	return "clx-8269cy";
}

static void init_params(struct sim_preset *preset)
{
	memset(preset, 0, sizeof(*preset));
	preset->count = SIM_P_COUNT;
	for (size_t i = 0; i < SIM_P_COUNT; i++) {
		const struct sim_param_info *info = &sim_param_infos[i];

		preset->params[i] = (struct sim_param){
			.section = info->section, .key = info->key,
			.unit = info->unit, .help = info->help,
			.value = info->initial,
			.min = info->min, .max = info->max,
			.label = "assumed",
		};
		if (!strcmp(info->section, "agile")) {
			sim_copy(preset->params[i].label, SIM_LABEL_MAX,
				 "default");
			sim_copy(preset->params[i].source, SIM_SOURCE_MAX,
				 "agile paging, ISCA 2016, its policies");
		}
		if (!strcmp(info->section, "engine")) {
			sim_copy(preset->params[i].label, SIM_LABEL_MAX,
				 "default");
			sim_copy(preset->params[i].source, SIM_SOURCE_MAX,
				 "gnomon.h, struct gnomon_config");
		}
	}
}

static struct sim_param *find(struct sim_preset *preset, const char *section,
			      const char *key)
{
	const struct sim_param *p = sim_preset_find(preset, section, key);

	return p ? &preset->params[p - preset->params] : NULL;
}

/* "no such WHAT", and the parameter that is nearest to section.key. */
static void no_such(const struct sim_preset *preset, const char *what,
		    const char *section, const char *key, char *text,
		    size_t bytes)
{
	char name[2 * SIM_NEAR_WORD];
	struct sim_near near;

	snprintf(name, sizeof(name), "%s.%s", section, key);
	near = sim_near_to(name);
	sim_preset_near(preset, &near);
	snprintf(text, bytes, "no such %s%s", what, sim_near_hint(&near));
}

/* Cut at the next `|`; *rest is what follows or NULL. Trims both ends. */
static char *cut_field(char *text, char **rest)
{
	char *bar = strchr(text, '|');
	char *end;

	*rest = NULL;
	if (bar) {
		*bar = '\0';
		*rest = bar + 1;
	}
	while (isspace((unsigned char)*text)) {
		text++;
	}
	end = text + strlen(text);
	while (end > text && isspace((unsigned char)end[-1])) {
		*--end = '\0';
	}
	return text;
}

static bool parse_number(const char *text, uint64_t *value)
{
	char *end;

	if (!isdigit((unsigned char)*text)) {
		return false;
	}
	errno = 0;
	*value = strtoull(text, &end, 10);
	return !*end && !errno;
}

bool sim_preset_label(const char *label, struct sim_near *near)
{
	bool known = false;

	for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++) {
		sim_near_try(near, labels[i]);
		known = known || !strcmp(label, labels[i]);
	}
	return known;
}

static bool set_value(struct sim_param *p, const char *text, char *what,
		      size_t what_bytes)
{
	uint64_t value;

	if (!parse_number(text, &value)) {
		snprintf(what, what_bytes, "`%s` is not a whole number", text);
		return false;
	}
	if (value < p->min || value > p->max) {
		snprintf(what, what_bytes, "%llu is outside %llu..%llu",
			 (unsigned long long)value, (unsigned long long)p->min,
			 (unsigned long long)p->max);
		return false;
	}
	p->value = value;
	return true;
}

static bool set_triple(struct sim_param *p, char *text, char *what,
		       size_t what_bytes)
{
	char *label_text, *source_text, *rest;
	const char *value = cut_field(text, &label_text);
	const char *label, *source;

	if (!label_text) {
		snprintf(what, what_bytes,
			 "no label; write `value | label | source`");
		return false;
	}
	label = cut_field(label_text, &source_text);
	source = source_text ? cut_field(source_text, &rest) : "";
	struct sim_near near = sim_near_to(label);
	if (!sim_preset_label(label, &near)) {
		snprintf(what, what_bytes, "`%s` is not a label%s", label,
			 sim_near_hint(&near));
		return false;
	}
	if (!*source && strcmp(label, "assumed")) {
		snprintf(what, what_bytes, "label %s needs a source", label);
		return false;
	}
	if (!sim_copy(p->label, sizeof(p->label), label) ||
	    !sim_copy(p->source, sizeof(p->source), source)) {
		snprintf(what, what_bytes, "the source is too long");
		return false;
	}
	return set_value(p, value, what, what_bytes);
}

static bool set_meta(struct sim_preset *preset, const char *key,
		     const char *value, char *what, size_t what_bytes)
{
	bool good = false;

	if (!strcmp(key, "about")) {
		good = sim_copy(preset->about, sizeof(preset->about), value);
	} else if (!strcmp(key, "name")) {
		good = sim_copy(preset->name, sizeof(preset->name), value);
	} else if (!strcmp(key, "geometry_only")) {
		good = !strcmp(value, "yes") || !strcmp(value, "no");
		preset->geometry_only = !strcmp(value, "yes");
	} else {
		snprintf(what, what_bytes, "no such key");
		return false;
	}
	if (!good) {
		snprintf(what, what_bytes, "cannot be `%s`", value);
	}
	return good;
}

/* inih's callback: 0 on an error, and parsing goes on. */
static int handle(void *user, const char *section, const char *name,
		  const char *value)
{
	struct parse *parse = user;
	struct sim_preset *preset = parse->preset;
	struct sim_param *p;
	char what[256], text[512];
	bool good;

	if (parse->what[0]) {
		return 0;
	}
	parse->any = true;
	p = find(preset, section, name);
	if (!strcmp(section, "preset")) {
		good = set_meta(preset, name, value, what, sizeof(what));
	} else if (!p) {
		good = false;
		no_such(preset, "key", section, name, what, sizeof(what));
	} else if (parse->seen[p - preset->params]) {
		good = false;
		snprintf(what, sizeof(what), "given twice");
	} else {
		parse->seen[p - preset->params] = true;
		good = sim_copy(text, sizeof(text), value) &&
		       set_triple(p, text, what, sizeof(what));
	}
	if (!good) {
		snprintf(parse->what, sizeof(parse->what), "[%s] %s: %s",
			 section, name, what);
	}
	return good;
}

/* Entries must fill a power of two of sets. */
static bool check_shape(const struct sim_preset *preset, size_t entries,
			size_t ways, uint64_t scale, struct sim_error *error)
{
	const struct sim_param *e = &preset->params[entries];
	const struct sim_param *w = &preset->params[ways];
	uint64_t lines = e->value * scale;
	uint64_t sets = lines / w->value;

	if (!lines || (lines % w->value == 0 && (sets & (sets - 1)) == 0)) {
		return true;
	}
	sim_fail(error, SIM_ERR_USAGE,
		 "%s: [%s] %s: %llu at %llu ways (%s) is no power of two of "
		 "sets", preset->path, e->section, e->key,
		 (unsigned long long)e->value, (unsigned long long)w->value,
		 w->key);
	return false;
}

/* What the engine would refuse. */
static bool check_engine(const struct sim_preset *preset,
			 struct sim_error *error)
{
	static const uint8_t groups[] = {
		SIM_P_ENGINE_PREFETCH, SIM_P_ENGINE_AROUND,
	};
	uint64_t pages = preset->params[SIM_P_ENGINE_TABLE_PAGES].value;

	for (size_t i = 0; i < sizeof(groups); i++) {
		const struct sim_param *p = &preset->params[groups[i]];

		if (p->value & (p->value - 1)) {
			sim_fail(error, SIM_ERR_USAGE,
				 "%s: [%s] %s: %llu is no power of two",
				 preset->path, p->section, p->key,
				 (unsigned long long)p->value);
			return false;
		}
	}
	if (pages && pages < TABLE_PAGES_MIN) {
		sim_fail(error, SIM_ERR_USAGE,
			 "%s: [engine] table_pages: %llu is neither 0 nor %d "
			 "or more", preset->path, (unsigned long long)pages,
			 TABLE_PAGES_MIN);
		return false;
	}
	return true;
}

bool sim_preset_check(const struct sim_preset *preset,
		      struct sim_error *error)
{
	static const uint8_t pairs[][2] = {
		{ SIM_P_L1D_4K_ENTRIES, SIM_P_L1D_4K_WAYS },
		{ SIM_P_L1D_2M_ENTRIES, SIM_P_L1D_2M_WAYS },
		{ SIM_P_L1D_1G_ENTRIES, SIM_P_L1D_1G_WAYS },
		{ SIM_P_L1I_4K_ENTRIES, SIM_P_L1I_4K_WAYS },
		{ SIM_P_L1I_2M_ENTRIES, SIM_P_L1I_2M_WAYS },
		{ SIM_P_L2_ENTRIES, SIM_P_L2_WAYS },
		{ SIM_P_L2_1G_ENTRIES, SIM_P_L2_1G_WAYS },
		{ SIM_P_PWC_L4_ENTRIES, SIM_P_PWC_L4_WAYS },
		{ SIM_P_PWC_L3_ENTRIES, SIM_P_PWC_L3_WAYS },
		{ SIM_P_PWC_L2_ENTRIES, SIM_P_PWC_L2_WAYS },
		{ SIM_P_NPWC_L4_ENTRIES, SIM_P_NPWC_L4_WAYS },
		{ SIM_P_NPWC_L3_ENTRIES, SIM_P_NPWC_L3_WAYS },
		{ SIM_P_NPWC_L2_ENTRIES, SIM_P_NPWC_L2_WAYS },
		{ SIM_P_NTLB_ENTRIES, SIM_P_NTLB_WAYS },
	};
	static const uint8_t caches[][2] = {
		{ SIM_P_CACHE_L1_KIB, SIM_P_CACHE_L1_WAYS },
		{ SIM_P_CACHE_L2_KIB, SIM_P_CACHE_L2_WAYS },
		{ SIM_P_CACHE_L3_KIB, SIM_P_CACHE_L3_WAYS },
	};
	bool good = true;

	for (size_t i = 0; good && i < sizeof(pairs) / 2; i++) {
		good = check_shape(preset, pairs[i][0], pairs[i][1], 1, error);
	}
	for (size_t i = 0; good && i < sizeof(caches) / 2; i++) {
		good = check_shape(preset, caches[i][0], caches[i][1], 16,
				   error);
	}
	return good && check_engine(preset, error);
}

static bool name_from_path(struct sim_preset *preset)
{
	const char *base = strrchr(preset->path, '/');
	char *dot;

	base = base ? base + 1 : preset->path;
	if (!sim_copy(preset->name, sizeof(preset->name), base)) {
		return false;
	}
	dot = strrchr(preset->name, '.');
	if (dot && dot != preset->name) {
		*dot = '\0';
	}
	return true;
}

/* As fgets(), but not beyond a byte that no text has, nor an error. */
static char *next_line(char *line, int bytes, void *ctx)
{
	struct parse *parse = ctx;
	int n = 0, c = 0;

	while (!parse->what[0] && n < bytes - 1 && c != '\n' &&
	       (c = getc(parse->file)) != EOF) {
		parse->binary |= !c;
		if (parse->binary) {
			return NULL;
		}
		line[n++] = (char)c;
	}
	line[n] = '\0';
	return n ? line : NULL;
}

/* 0, the number of the first bad line, or -1 with errno. */
static int parse_file(const char *path, struct parse *parse)
{
	int line;

	parse->file = fopen(path, "r");
	if (!parse->file) {
		return -1;
	}
	line = ini_parse_stream(next_line, parse, handle, parse);
	line = ferror(parse->file) ? -1 : line;
	fclose(parse->file);
	return line;
}

static bool load_path(const char *path, struct sim_preset *preset,
		      struct sim_error *error)
{
	struct parse parse = { .preset = preset };
	int line;

	init_params(preset);
	if (!sim_copy(preset->path, sizeof(preset->path), path) ||
	    !name_from_path(preset)) {
		sim_fail(error, SIM_ERR_USAGE, "%s: name too long", path);
		return false;
	}
	errno = 0;
	line = parse_file(path, &parse);
	if (line < 0) {
		sim_fail(error, SIM_ERR_USAGE, "%s: cannot be read: %s", path,
			 strerror(errno ? errno : EIO));
		return false;
	}
	if (parse.binary || (!line && !parse.any)) {
		sim_fail(error, SIM_ERR_USAGE, "%s: is no preset (%s)", path,
			 parse.binary ? "binary" : "has no key");
		return false;
	}
	if (line > 0) {
		sim_fail(error, SIM_ERR_USAGE, "%s:%d: %s", path, line,
			 parse.what[0] ? parse.what :
			 "not `[section]`, `key = value`, a comment, or longer "
			 "than 199 characters");
		return false;
	}
	return sim_preset_check(preset, error);
}

static bool try_name(void *ctx, const char *name, const char *path)
{
	(void)path;
	sim_near_try(ctx, name);
	return true;
}

bool sim_preset_load(const char *name, struct sim_preset *preset,
		     struct sim_error *error)
{
	char path[512];
	size_t length = strlen(name);

	if (strchr(name, '/') ||
	    (length > 4 && !strcmp(name + length - 4, ".ini"))) {
		return load_path(name, preset, error);
	}
	if (!sim_data_path("presets", name, ".ini", path, sizeof(path))) {
		struct sim_near near = sim_near_to(name);
		sim_preset_list(try_name, &near);
		sim_fail(error, SIM_ERR_USAGE,
			 "%s: no preset of that name%s; `gnomon costs` lists "
			 "them, a path is taken too", name,
			 sim_near_hint(&near));
		return false;
	}
	return load_path(path, preset, error);
}

bool sim_preset_set(struct sim_preset *preset, const char *assignment,
		    struct sim_error *error)
{
	char text[256], what[256];
	char *dot = NULL, *equals = NULL;
	struct sim_param *p = NULL;

	if (sim_copy(text, sizeof(text), assignment)) {
		dot = strchr(text, '.');
		equals = dot ? strchr(dot, '=') : NULL;
	}
	if (!equals) {
		sim_fail(error, SIM_ERR_USAGE,
			 "%s: write section.key=value", assignment);
		return false;
	}
	*dot = *equals = '\0';
	p = find(preset, text, dot + 1);
	if (!p) {
		no_such(preset, "parameter", text, dot + 1, what,
			sizeof(what));
		sim_fail(error, SIM_ERR_USAGE, "%s: %s; `gnomon costs show` "
			 "lists them", assignment, what);
		return false;
	}
	if (!set_value(p, equals + 1, what, sizeof(what))) {
		sim_fail(error, SIM_ERR_USAGE, "%s: %s", assignment, what);
		return false;
	}
	sim_copy(p->label, sizeof(p->label), "set");
	sim_copy(p->source, sizeof(p->source), "given for this run");
	return true;
}

void sim_preset_list(bool (*found)(void *ctx, const char *name,
				   const char *path), void *ctx)
{
	sim_data_list("presets", ".ini", found, ctx);
}

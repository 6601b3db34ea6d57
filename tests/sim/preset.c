/* SPDX-License-Identifier: BSD-2-Clause */
/* Preset files: the shipped ones, and what the loader says about bad ones. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/preset.h"

static struct sim_preset preset;
static struct sim_error error;
static char path[64];

static bool load_text(const char *text)
{
	FILE *file;
	int fd;

	strcpy(path, "preset-XXXXXX.ini");
	fd = mkstemps(path, 4);
	cr_assert(fd >= 0);
	file = fdopen(fd, "w");
	fputs(text, file);
	fclose(file);
	memset(&error, 0, sizeof(error));
	return sim_preset_load(path, &preset, &error);
}

static void fails(const char *text, const char *const *parts)
{
	bool good = load_text(text);

	unlink(path);
	cr_assert(!good, "taken: %s", text);
	cr_assert_eq(error.kind, SIM_ERR_USAGE);
	cr_assert(strstr(error.text, path), "no file in: %s", error.text);
	for (; *parts; parts++) {
		cr_assert(strstr(error.text, *parts), "no `%s` in: %s", *parts,
			  error.text);
	}
}

#define FAILS(text, ...) fails(text, (const char *const[]){ __VA_ARGS__, NULL })

static bool check_one(void *ctx, const char *name, const char *where)
{
	size_t *count = ctx;

	memset(&error, 0, sizeof(error));
	cr_assert(sim_preset_load(name, &preset, &error), "%s", error.text);
	cr_assert_str_eq(preset.name, name);
	cr_assert_str_eq(preset.path, where);
	cr_assert(*preset.about);
	for (size_t i = 0; i < preset.count; i++) {
		const struct sim_param *p = &preset.params[i];

		cr_assert(!strcmp(p->label, "assumed") || *p->source,
			  "%s: %s.%s", name, p->section, p->key);
	}
	++*count;
	return true;
}

Test(preset, every_shipped_preset_loads_and_names_its_sources)
{
	size_t count = 0;

	sim_preset_list(check_one, &count);
	cr_assert_geq(count, 1);
}

Test(preset, default_preset_gives_every_price_in_its_file)
{
	FILE *file;
	char line[256], key[64];
	size_t found = 0;

	cr_assert(sim_preset_load(sim_default_preset(), &preset, &error));
	file = fopen(preset.path, "r");
	cr_assert(file);
	while (fgets(line, sizeof(line), file)) {
		found += sscanf(line, "%63[a-z0-9_] = %*d |", key) == 1;
	}
	fclose(file);
	for (size_t i = 0; i < preset.count; i++) {
		found += !strcmp(preset.params[i].section, "engine") ||
			 !strcmp(preset.params[i].section, "agile");
	}
	cr_assert_geq(found + 2, preset.count, "%zu of %zu", found,
		      preset.count);
}

Test(preset, value_label_and_source_are_taken)
{
	const struct sim_param *p;

	cr_assert(load_text("[exit]\nround_trip = 77 | MEASURED | a clock\n"),
		  "%s", error.text);
	unlink(path);
	p = sim_preset_find(&preset, "exit", "round_trip");
	cr_assert_eq(p->value, 77);
	cr_assert_str_eq(p->label, "MEASURED");
	cr_assert_str_eq(p->source, "a clock");
	p = sim_preset_find(&preset, "vmm", "hidden_fill");
	cr_assert_str_eq(p->label, "assumed");
}

Test(preset, errors_name_file_line_and_key)
{
	FAILS("[exit]\nround_trip = 77\n", ":2:", "[exit] round_trip",
	      "no label");
	FAILS("[exit]\n\nround_trip = x | assumed |\n", ":3:",
	      "not a whole number");
	FAILS("[exit]\nround_trip = -1 | assumed |\n", "not a whole number");
	FAILS("[exit]\nround_trip = 7 | rumour | x\n", "`rumour`");
	FAILS("[exit]\nround_trip = 7 | DER |\n", "needs a source");
	FAILS("[exit]\nround_trips = 7 | assumed |\n", "round_trips",
	      "no such key");
	FAILS("[exot]\nround_trip = 7 | assumed |\n", "[exot]");
	FAILS("[tlb]\nl2_ways = 65 | assumed |\n", "outside 1..64");
	FAILS("[exit]\nround_trip = 7 | assumed |\nround_trip = 8 | assumed "
	      "|\n", ":3:", "given twice");
	FAILS("[tlb]\nl2_entries = 1000 | assumed |\n", "l2_entries",
	      "power of two");
	FAILS("[engine]\nprefetch = 12 | DER | x\n", "[engine] prefetch",
	      "power of two");
	FAILS("[engine]\ntable_pages = 31 | DER | x\n", "table_pages");
	FAILS("[exit]\nnonsense\n", ":2:");
	FAILS("[preset]\ngeometry_only = maybe\n", "maybe");
}

Test(preset, missing_file_and_unknown_name_are_told_apart)
{
	cr_assert(!sim_preset_load("no/such.ini", &preset, &error));
	cr_assert(strstr(error.text, "cannot be read"), "%s", error.text);
	memset(&error, 0, sizeof(error));
	cr_assert(!sim_preset_load("no-such", &preset, &error));
	cr_assert(strstr(error.text, "no preset of that name"));
}

Test(preset, assignments_override_and_bad_ones_are_refused)
{
	static const char *const bad[] = {
		"", "exit.round_trip", "round_trip=5", "exit.no=5",
		"exit.round_trip=", "exit.round_trip=5x", "tlb.l2_ways=5",
		"tlb.policy=9", ".=", "exit.round_trip=99999999999999999999",
	};

	cr_assert(sim_preset_load("clx-8269cy", &preset, &error));
	cr_assert(sim_preset_set(&preset, "exit.round_trip=5", &error));
	cr_assert_eq(sim_preset_find(&preset, "exit", "round_trip")->value, 5);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct sim_preset copy = preset;

		memset(&error, 0, sizeof(error));
		cr_assert(!sim_preset_set(&copy, bad[i], &error) ||
			  !sim_preset_check(&copy, &error), "%s", bad[i]);
		cr_assert_eq(error.kind, SIM_ERR_USAGE);
	}
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* Table stores counted by the function that made them. */
#include "sim/functions.h"

#include <criterion/criterion.h>
#include <string.h>
#include <unistd.h>

#include "tests/recording/make.h"

static struct sim_rec_writer *w;

static void put(struct sim_event ev)
{
	cr_assert(sim_rec_put(w, &ev) == SIM_REC_OK, "%s",
		  sim_rec_writer_error(w)->text);
}

static void store(uint64_t ip, unsigned int level, uint64_t value)
{
	put((struct sim_event){ .type = SIM_EV_TABLE_STORE, .size = 8,
		.level = (uint8_t)level, .value = value, .ip = ip,
		.flags = ip ? SIM_F_IP : 0 });
}

static void symbol(uint64_t start, uint64_t bytes, const char *name)
{
	put((struct sim_event){ .type = SIM_EV_SYMBOL, .gva = start,
		.value = bytes, .text = name,
		.text_bytes = (uint32_t)strlen(name) });
}

static void marker(uint64_t number)
{
	put((struct sim_event){ .type = SIM_EV_MARKER, .value = number });
}

Test(functions, stores_are_counted_by_function)
{
	const char *path = make_path("functions.gnr");
	struct sim_rec_info info = { .kind = SIM_REC_MMU, .levels = 4,
				     .maxphyaddr = 40, .vcpus = 1 };
	struct sim_functions f;
	struct sim_rec_reader *r;
	struct sim_rec_error err;

	cr_assert(sim_rec_create(&w, path, &info, NULL, NULL) == SIM_REC_OK);
	store(0x1000, 1, 1);
	marker(2);
	store(0x10ff, 1, 0);
	store(0x10ff, 2, 5);
	store(0x2000, 1, 1);
	store(0x1100, 1, 1);
	marker(3);
	store(0, 1, 1);
	symbol(0x2000, 0x10, "small");
	symbol(0x3000, 0x10, "idle");
	symbol(0x1000, 0x100, "odd\nname");
	cr_assert(sim_rec_commit(w, NULL) == SIM_REC_OK);
	cr_assert(sim_rec_open(&r, path, NULL) == SIM_REC_OK);
	cr_assert(sim_functions(r, &f, &err) == SIM_REC_OK);
	cr_assert(f.count == 2);
	cr_assert_str_eq(f.list[0].name, "odd?name");
	cr_assert(f.list[0].stores == 3 && f.list[0].window == 2 &&
		  f.list[0].leaf == 2 && f.list[0].cleared == 1);
	cr_assert_str_eq(f.list[1].name, "small");
	cr_assert(f.list[1].stores == 1 && f.other.stores == 2);
	sim_functions_free(&f);
	sim_rec_close(r);
	unlink(path);
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/recording/make.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/rec_code.h"

uint64_t make_number(struct test_rng *rng)
{
	return test_rng_next(rng) >> test_rng_below(rng, 64);
}

static void make_entries(struct made_event *m, struct test_rng *rng)
{
	uint32_t step = 1 + (uint32_t)test_rng_below(rng, 60);
	uint32_t index = (uint32_t)test_rng_below(rng, step);

	while (index < SIM_REC_ENTRIES_MAX) {
		m->entries[m->ev.entry_count++] = (struct sim_rec_entry){
			.value = make_number(rng) | 1, .index = index,
		};
		index += 1 + (uint32_t)test_rng_below(rng, step);
	}
	m->ev.entries = m->entries;
}

static void make_text(struct made_event *m, struct test_rng *rng)
{
	m->ev.text_bytes = (uint32_t)test_rng_below(rng, 40);
	if (test_rng_below(rng, 100) == 0) {
		m->ev.text_bytes = SIM_REC_TEXT_MAX;
	}
	for (uint32_t i = 0; i < m->ev.text_bytes; i++) {
		m->text[i] = (char)(1 + test_rng_below(rng, 255));
	}
	m->ev.text = m->text;
}

static void make_fields(struct made_event *m, struct test_rng *rng,
			uint32_t fields)
{
	struct sim_event *ev = &m->ev;

	ev->flags = (uint16_t)(test_rng_next(rng) & sim_rec_flags(ev->type));
	if (fields & REC_HAS_GVA) {
		ev->gva = make_number(rng);
	}
	if (fields & (REC_HAS_GPA | REC_HAS_NEAR | REC_HAS_OFFSET)) {
		ev->gpa = make_number(rng);
	}
	if (fields & (REC_HAS_NUMBER | REC_HAS_NEAR)) {
		ev->value = test_rng_below(rng, 4) ? make_number(rng) : 0;
	}
	if (fields & REC_HAS_SIZE) {
		uint64_t size = test_rng_below(rng, 2) ?
			UINT64_C(1) << test_rng_below(rng, 7) :
			1 + test_rng_below(rng, SIM_REC_SIZE_MAX);

		ev->size = (uint16_t)size;
	}
	if (fields & REC_HAS_LEVEL) {
		ev->level = (uint8_t)(1 + test_rng_below(rng, 5));
	}
	if (fields & REC_HAS_SUB) {
		ev->sub = (uint8_t)test_rng_next(rng);
	}
	if ((ev->flags & SIM_F_IP) || (fields & REC_HAS_TO)) {
		ev->ip = make_number(rng);
	}
	if (fields & REC_HAS_ENTRIES) {
		make_entries(m, rng);
	}
	if (fields & REC_HAS_TEXT) {
		make_text(m, rng);
	}
}

void make_event(struct made_event *m, struct test_rng *rng, uint64_t *instr,
		enum sim_rec_kind kind)
{
	unsigned int major = kind == SIM_REC_MMU ? 1 : 2;
	uint32_t fields;

	memset(&m->ev, 0, sizeof(m->ev));
	do {
		m->ev.type = (uint8_t)test_rng_below(rng, SIM_EV_TYPE_END);
		/* Mostly accesses, as in life. */
		if (test_rng_below(rng, 2)) {
			m->ev.type = SIM_EV_ACCESS;
		}
		fields = sim_rec_fields(m->ev.type);
	} while (fields == 0 || sim_rec_first_major(m->ev.type) > major);
	make_fields(m, rng, fields);
	if (test_rng_below(rng, 8) == 0) {
		m->ev.vcpu = (uint16_t)test_rng_below(rng, SIM_REC_VCPUS_MAX);
		m->ev.pid = (uint32_t)make_number(rng);
		m->ev.tid = (uint32_t)make_number(rng);
	}
	*instr += test_rng_below(rng, 4) ? test_rng_below(rng, 200) :
					   make_number(rng) >> 20;
	m->ev.instr = *instr;
}

void make_info(struct sim_rec_info *info, struct test_rng *rng)
{
	memset(info, 0, sizeof(*info));
	info->kind = test_rng_below(rng, 2) ? SIM_REC_MMU : SIM_REC_PROCESS;
	info->levels = (uint32_t)(2 + test_rng_below(rng, 4));
	info->pae = info->levels == 3 ||
		    (info->levels > 3 && test_rng_below(rng, 2));
	info->maxphyaddr = (uint32_t)(32 + test_rng_below(rng, 21));
	info->vcpus = (uint32_t)(1 + test_rng_below(rng, SIM_REC_VCPUS_MAX));
	info->ram_bytes = make_number(rng);
	info->cr0 = make_number(rng);
	info->cr3 = make_number(rng);
	info->cr4 = make_number(rng);
	info->efer = make_number(rng);
	info->has_direct_map = test_rng_below(rng, 2);
	info->direct_map = info->has_direct_map ? test_rng_next(rng) : 0;
	strcpy(info->source, "made up");
	strcpy(info->tool, "test");
	for (uint64_t n = test_rng_below(rng, SIM_REC_META_MAX + 1); n; n--) {
		char key[32], value[64];

		snprintf(key, sizeof(key), "key-%llu", (unsigned long long)n);
		snprintf(value, sizeof(value), "= %llu",
			 (unsigned long long)test_rng_next(rng));
		sim_rec_meta_set(info, key, value);
	}
}

bool same_event(const struct sim_event *a, const struct sim_event *b)
{
	return a->instr == b->instr && a->gva == b->gva && a->gpa == b->gpa &&
	       a->value == b->value && a->ip == b->ip && a->pid == b->pid &&
	       a->tid == b->tid && a->vcpu == b->vcpu &&
	       a->flags == b->flags && a->size == b->size &&
	       a->type == b->type && a->level == b->level &&
	       a->sub == b->sub && a->entry_count == b->entry_count &&
	       a->text_bytes == b->text_bytes &&
	       (!a->entry_count || !memcmp(a->entries, b->entries,
				a->entry_count * sizeof(*a->entries))) &&
	       (!a->text_bytes || !memcmp(a->text, b->text, a->text_bytes));
}

bool same_info(const struct sim_rec_info *a, const struct sim_rec_info *b)
{
	for (uint32_t i = 0; i < a->meta_count; i++) {
		const char *v = sim_rec_meta_get(b, a->meta[i].key);

		if (!v || strcmp(v, a->meta[i].value) != 0) {
			return false;
		}
	}
	return a->kind == b->kind && a->levels == b->levels &&
	       a->pae == b->pae && a->maxphyaddr == b->maxphyaddr &&
	       a->vcpus == b->vcpus && a->ram_bytes == b->ram_bytes &&
	       a->cr0 == b->cr0 && a->cr3 == b->cr3 && a->cr4 == b->cr4 &&
	       a->efer == b->efer && a->has_direct_map == b->has_direct_map &&
	       a->direct_map == b->direct_map &&
	       !strcmp(a->source, b->source) && !strcmp(a->tool, b->tool) &&
	       a->meta_count == b->meta_count;
}

const char *make_path(const char *name)
{
	static char path[4096];
	const char *top = getenv("top_builddir");

	snprintf(path, sizeof(path), "%s/test-%ld-%s", top ? top : ".",
		 (long)getpid(), name);
	return path;
}

uint8_t *load_file(const char *path, size_t *bytes)
{
	FILE *f = fopen(path, "rb");
	uint8_t *data;
	long n;

	if (!f || fseek(f, 0, SEEK_END) || (n = ftell(f)) < 0) {
		perror(path);
		abort();
	}
	rewind(f);
	data = malloc((size_t)n + 1);
	if (!data || fread(data, 1, (size_t)n, f) != (size_t)n) {
		perror(path);
		abort();
	}
	fclose(f);
	*bytes = (size_t)n;
	return data;
}

void store_file(const char *path, const void *data, size_t bytes)
{
	FILE *f = fopen(path, "wb");

	if (!f || fwrite(data, 1, bytes, f) != bytes || fclose(f)) {
		perror(path);
		abort();
	}
}

enum sim_rec_status make_file(const char *path, uint64_t seed,
			      unsigned int events,
			      const struct sim_rec_options *opts,
			      struct sim_rec_error *err)
{
	struct test_rng rng = test_rng_init(seed);
	static struct made_event m;
	struct sim_rec_writer *w;
	struct sim_rec_info info;
	uint64_t instr = 0;
	enum sim_rec_status status;

	make_info(&info, &rng);
	status = sim_rec_create(&w, path, &info, opts, err);
	for (unsigned int i = 0; status == SIM_REC_OK && i < events; i++) {
		make_event(&m, &rng, &instr, info.kind);
		status = sim_rec_put(w, &m.ev);
		if (status != SIM_REC_OK) {
			*err = *sim_rec_writer_error(w);
			sim_rec_abort(w);
			return status;
		}
	}
	return status == SIM_REC_OK ? sim_rec_commit(w, err) : status;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* Files that were cut, changed, or never were recordings; full disks. */
#include <criterion/criterion.h>
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "sim/rec_format.h"
#include "tests/recording/make.h"

enum {
	EVENTS = 150,
	FRAME_EVENTS = 40,
};

static const struct sim_rec_options small = {
	.frame_events = FRAME_EVENTS, .zstd_level = 3,
};

/* A small file and the events that are in it. */
struct sample {
	const char *path;
	uint8_t *data;
	size_t bytes;
};

static struct sample make_sample(const char *name)
{
	struct sample s = { .path = make_path(name) };
	struct sim_rec_error err;

	cr_assert(make_file(s.path, test_seed(), EVENTS, &small, &err) ==
		  SIM_REC_OK, "%s", err.text);
	s.data = load_file(s.path, &s.bytes);
	return s;
}

static void drop_sample(struct sample *s)
{
	unlink(s->path);
	free(s->data);
}

/* How far a reading came, and how it ended. */
struct outcome {
	bool opened;
	enum sim_rec_status status;
	uint64_t events;
	bool prefix;		/* what it delivered is what was written */
	struct sim_rec_error err;
};

static struct outcome read_all(const char *path)
{
	struct test_rng rng = test_rng_init(test_seed());
	static struct made_event m;
	struct outcome out = { .prefix = true };
	struct sim_rec_reader *r;
	struct sim_rec_info info;
	struct sim_event ev;
	uint64_t instr = 0;

	make_info(&info, &rng);
	out.status = sim_rec_open(&r, path, &out.err);
	if (out.status) {
		cr_assert(r == NULL);
		return out;
	}
	out.opened = true;
	while ((out.status = sim_rec_next(r, &ev)) == SIM_REC_OK) {
		make_event(&m, &rng, &instr, info.kind);
		out.prefix = out.prefix && same_event(&m.ev, &ev);
		out.events++;
	}
	out.err = *sim_rec_error(r);
	if (out.status == SIM_REC_END &&
	    sim_rec_check_file(r) != SIM_REC_OK) {
		out.status = SIM_REC_DAMAGED;
		out.err = *sim_rec_error(r);
	}
	sim_rec_close(r);
	return out;
}

/* One line that names the file, what is wrong and what to do. */
static bool good_text(const struct sample *s, const struct sim_rec_error *e)
{
	return strncmp(e->text, s->path, strlen(s->path)) == 0 &&
	       strchr(e->text, ';') && !strchr(e->text, '\n');
}

Test(damage, cut_anywhere_gives_whole_frames_and_an_error)
{
	struct sample s = make_sample("cut.gnr");
	uint64_t most = 0;

	for (size_t bytes = 0; bytes < s.bytes; bytes++) {
		struct outcome o;

		store_file(s.path, s.data, bytes);
		o = read_all(s.path);
		cr_assert(o.status == SIM_REC_CUT, "%zu: %s", bytes,
			  o.err.text);
		cr_assert(good_text(&s, &o.err), "%s", o.err.text);
		cr_assert(o.prefix);
		cr_assert(o.events % FRAME_EVENTS == 0 || o.events == EVENTS);
		cr_assert(o.events >= most);
		most = o.events;
	}
	cr_assert(most == EVENTS);
	drop_sample(&s);
}

Test(damage, any_flipped_bit_is_found)
{
	struct sample s = make_sample("flip.gnr");
	struct test_rng rng = test_rng_init(test_seed());

	/* Each byte of the headers and the end, a sample of the rest. */
	for (size_t i = 0; i < s.bytes;
	     i += i < 700 || i + 400 > s.bytes ? 1 : 7) {
		uint8_t bit = (uint8_t)(1u << test_rng_below(&rng, 8));
		struct outcome o;

		s.data[i] ^= bit;
		store_file(s.path, s.data, s.bytes);
		s.data[i] ^= bit;
		o = read_all(s.path);
		cr_assert(o.status == SIM_REC_DAMAGED ||
			  o.status == SIM_REC_FOREIGN ||
			  o.status == SIM_REC_CUT, "byte %zu: status %d", i,
			  o.status);
		cr_assert(good_text(&s, &o.err), "%s", o.err.text);
		cr_assert(o.prefix, "byte %zu: wrong event delivered", i);
	}
	drop_sample(&s);
}

Test(damage, error_stays_until_rewind)
{
	struct sample s = make_sample("stays.gnr");
	struct sim_rec_reader *r;
	struct sim_event ev;
	enum sim_rec_status status;

	s.data[s.bytes / 2] ^= 4;
	store_file(s.path, s.data, s.bytes);
	cr_assert(sim_rec_open(&r, s.path, NULL) == SIM_REC_OK);
	do {
		status = sim_rec_next(r, &ev);
	} while (status == SIM_REC_OK);
	cr_assert(status == SIM_REC_DAMAGED);
	cr_assert(sim_rec_next(r, &ev) == SIM_REC_DAMAGED);
	cr_assert(sim_rec_rewind(r) == SIM_REC_OK);
	cr_assert(sim_rec_next(r, &ev) == SIM_REC_OK);
	sim_rec_close(r);
	drop_sample(&s);
}

Test(damage, bytes_behind_the_end_are_found)
{
	struct sample s = make_sample("tail.gnr");
	struct outcome o;

	s.data[s.bytes] = 0;
	store_file(s.path, s.data, s.bytes + 1);
	o = read_all(s.path);
	cr_assert(o.status == SIM_REC_DAMAGED && o.events == EVENTS);
	drop_sample(&s);
}

static void refuse(const char *path, const void *data, size_t bytes,
		   enum sim_rec_status expected)
{
	struct sim_rec_reader *r;
	struct sim_rec_error err;

	store_file(path, data, bytes);
	cr_assert(sim_rec_open(&r, path, &err) == expected, "%s", err.text);
	cr_assert(r == NULL);
	unlink(path);
}

Test(damage, foreign_files_are_refused)
{
	const char *path = make_path("foreign.gnr");
	static const uint8_t newer[32] = "\x89GNR\r\n\x1a\n\x03";
	struct sim_rec_reader *r;
	struct sim_rec_error err;

	refuse(path, "", 0, SIM_REC_CUT);
	refuse(path, "#!/bin/sh\n", 10, SIM_REC_FOREIGN);
	refuse(path, "\x89PNG\r\n\x1a\n", 8, SIM_REC_FOREIGN);
	refuse(path, newer, sizeof(newer), SIM_REC_FOREIGN);
	cr_assert(sim_rec_open(&r, path, &err) == SIM_REC_IO);
	cr_assert(mkdir(path, 0700) == 0);
	cr_assert(sim_rec_open(&r, path, &err) == SIM_REC_USAGE);
	rmdir(path);
	cr_assert(mkfifo(path, 0600) == 0);
	cr_assert(sim_rec_open(&r, path, &err) == SIM_REC_USAGE);
	unlink(path);
}

/* A disk that is full after some bytes, or that takes them in bits. */
struct disk {
	size_t left;
	size_t most;	/* per write */
};

static ptrdiff_t write_disk(void *arg, int fd, const void *buf, size_t bytes)
{
	struct disk *d = arg;
	ssize_t n;

	if (d->left == 0) {
		errno = ENOSPC;
		return -1;
	}
	bytes = bytes < d->most ? bytes : d->most;
	bytes = bytes < d->left ? bytes : d->left;
	n = write(fd, buf, bytes);
	d->left -= n > 0 ? (size_t)n : 0;
	return n;
}

static size_t count_leftovers(const char *path)
{
	char pattern[4200];
	glob_t found;
	size_t n = 0;

	snprintf(pattern, sizeof(pattern), "%s*", path);
	if (glob(pattern, 0, NULL, &found) == 0) {
		n = found.gl_pathc;
	}
	globfree(&found);
	return n;
}

Test(damage, full_disk_leaves_no_file)
{
	struct sample s = make_sample("full.gnr");
	struct sim_rec_error err;

	unlink(s.path);
	for (size_t room = 0; room < s.bytes; room += 1 + room / 50) {
		struct disk disk = { .left = room, .most = SIZE_MAX };
		struct sim_rec_options opts = small;

		opts.write_hook = write_disk;
		opts.write_arg = &disk;
		cr_assert(make_file(s.path, test_seed(), EVENTS, &opts, &err)
			  == SIM_REC_IO);
		cr_assert(good_text(&s, &err), "%s", err.text);
		cr_assert(count_leftovers(s.path) == 0);
	}
	drop_sample(&s);
}

Test(damage, short_writes_are_continued)
{
	struct sample s = make_sample("short.gnr");
	struct disk disk = { .left = SIZE_MAX, .most = 7 };
	struct sim_rec_options opts = small;
	struct sim_rec_error err;
	uint8_t *again;
	size_t bytes;

	opts.write_hook = write_disk;
	opts.write_arg = &disk;
	cr_assert(make_file(s.path, test_seed(), EVENTS, &opts, &err) ==
		  SIM_REC_OK);
	again = load_file(s.path, &bytes);
	cr_assert(bytes == s.bytes && memcmp(again, s.data, bytes) == 0);
	free(again);
	drop_sample(&s);
}

/* Makes a whole file say that it has another format; returns its own. */
static unsigned int set_major(const char *path, uint8_t major)
{
	size_t bytes, end;
	uint8_t *data = load_file(path, &bytes);
	unsigned int was = data[8];

	data[8] = major;
	end = REC_HEAD_BYTES + sim_get32(data + 12);
	sim_set64(data + end, XXH3_64bits(data, end));
	store_file(path, data, bytes);
	free(data);
	return was;
}

Test(damage, events_belong_to_the_format_that_has_them)
{
	const char *path = make_path("major.gnr");
	struct sim_rec_info info = { .kind = SIM_REC_MMU, .levels = 4,
				     .pae = true, .maxphyaddr = 40,
				     .vcpus = 1 };
	struct sim_event ev = { .type = SIM_EV_BRK };
	struct sim_rec_writer *w;
	struct outcome o;

	/* Recordings of the MMU level stay what older readers know. */
	cr_assert(sim_rec_create(&w, path, &info, NULL, NULL) == SIM_REC_OK);
	cr_assert(sim_rec_put(w, &ev) == SIM_REC_OK);
	ev.type = SIM_EV_MADVISE;
	cr_assert(sim_rec_put(w, &ev) == SIM_REC_USAGE);
	cr_assert(sim_rec_commit(w, NULL) == SIM_REC_OK);
	cr_assert(set_major(path, 2) == 1);
	o = read_all(path);	/* only the file's digest is wrong now */
	cr_assert(o.events == 1);
	info.kind = SIM_REC_PROCESS;
	cr_assert(sim_rec_create(&w, path, &info, NULL, NULL) == SIM_REC_OK);
	cr_assert(sim_rec_put(w, &ev) == SIM_REC_OK);
	cr_assert(sim_rec_commit(w, NULL) == SIM_REC_OK);
	o = read_all(path);
	cr_assert(o.status == SIM_REC_END && o.events == 1);
	cr_assert(set_major(path, 1) == 2);
	o = read_all(path);
	cr_assert(o.status == SIM_REC_DAMAGED && o.events == 0);
	unlink(path);
}

Test(damage, unfinished_file_is_readable)
{
	const char *path = make_path("killed.gnr");
	struct test_rng rng = test_rng_init(test_seed());
	static struct made_event m;
	struct sim_rec_writer *w;
	struct sim_rec_info info;
	char part[4200];
	struct outcome o;
	uint64_t instr = 0;

	make_info(&info, &rng);
	cr_assert(sim_rec_create(&w, path, &info, &small, NULL) == SIM_REC_OK);
	for (int i = 0; i < EVENTS; i++) {
		make_event(&m, &rng, &instr, info.kind);
		cr_assert(sim_rec_put(w, &m.ev) == SIM_REC_OK);
	}
	cr_assert(access(path, F_OK) != 0);
	snprintf(part, sizeof(part), "%s.part-%ld", path, (long)getpid());
	o = read_all(part);
	cr_assert(o.status == SIM_REC_CUT && o.prefix &&
		  o.events == EVENTS / FRAME_EVENTS * FRAME_EVENTS);
	cr_assert(sim_rec_flush(w) == SIM_REC_OK);
	o = read_all(part);
	cr_assert(o.status == SIM_REC_CUT && o.prefix && o.events == EVENTS);
	sim_rec_abort(w);
	cr_assert(count_leftovers(path) == 0);
}

Test(damage, old_file_survives_a_failed_recording)
{
	struct sample s = make_sample("old.gnr");
	struct disk disk = { .left = 100, .most = SIZE_MAX };
	struct sim_rec_options opts = small;
	struct sim_rec_error err;
	uint8_t *again;
	size_t bytes;

	opts.write_hook = write_disk;
	opts.write_arg = &disk;
	cr_assert(make_file(s.path, test_seed() + 1, EVENTS, &opts, &err) ==
		  SIM_REC_IO);
	again = load_file(s.path, &bytes);
	cr_assert(bytes == s.bytes && memcmp(again, s.data, bytes) == 0);
	free(again);
	drop_sample(&s);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The first pass over a process-level recording: which files it maps and how
 * far, how many pages its processes write, how many vcpus they ran on.
 */
#include <stdlib.h>
#include <string.h>

#include "sim/kern_play_int.h"

#define SPARE_BYTES (UINT64_C(64) << 20)	/* the kernel's own, tables */
#define RAM_MAX (UINT64_C(1) << 40)

static unsigned bucket_of(const char *text, size_t bytes)
{
	uint32_t hash = 2166136261u;	/* FNV-1a */

	for (size_t i = 0; i < bytes; i++) {
		hash = (hash ^ (unsigned char)text[i]) * 16777619u;
	}
	return (hash ^ hash >> 16) & (PLAY_BUCKETS - 1);
}

struct play_file *play_file_find(const struct sim_play *play,
				 const struct sim_event *ev)
{
	struct play_file *f =
		play->files[bucket_of(ev->text, ev->text_bytes)];

	while (f && (strlen(f->path) != ev->text_bytes ||
		     memcmp(f->path, ev->text, ev->text_bytes) != 0)) {
		f = f->next;
	}
	return f;
}

bool play_range(const struct sim_event *ev, uint64_t *gva, uint64_t *bytes)
{
	uint64_t end = ev->gva + ev->value;

	if (ev->value == 0 || end < ev->gva || end > KERN_USER_END) {
		return false;
	}
	*gva = ev->gva & ~(KERN_PAGE - 1);
	*bytes = ((end + KERN_PAGE - 1) & ~(KERN_PAGE - 1)) - *gva;
	return true;
}

bool play_maps_file(const struct sim_event *ev)
{
	if (!ev->text_bytes || (ev->flags & (SIM_F_ANON | SIM_F_STACK))) {
		return false;
	}
	return ev->text[0] == '/' ||
	       (ev->text_bytes >= 3 && ev->text[0] == '[' &&
		ev->text[1] == 'v');	/* [vdso], [vvar], [vsyscall] */
}

bool play_in_memory(const char *path)
{
	static const char *const places[] = {
		"/memfd:", "/SYSV", "/dev/shm/", "/dev/zero",
	};

	for (unsigned i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		if (strncmp(path, places[i], strlen(places[i])) == 0) {
			return true;
		}
	}
	return false;
}

static bool plan_file(struct sim_play *play, const struct sim_event *ev)
{
	struct play_file *f = play_file_find(play, ev);
	uint64_t gva, bytes, first = ev->gpa / KERN_PAGE;

	if (!play_range(ev, &gva, &bytes) || first > RAM_MAX / KERN_PAGE) {
		return true;
	}
	if (!f) {
		unsigned at = bucket_of(ev->text, ev->text_bytes);

		f = calloc(1, sizeof(*f));
		if (!f || !(f->path = strndup(ev->text, ev->text_bytes))) {
			free(f);
			return false;
		}
		f->next = play->files[at];
		play->files[at] = f;
	}
	if (first + bytes / KERN_PAGE > f->pages) {
		f->pages = first + bytes / KERN_PAGE;
	}
	return true;
}

static size_t slot_of(const struct sim_play *play, uint64_t key)
{
	size_t at = (size_t)(key * UINT64_C(0x9e3779b97f4a7c15) >> 20);

	for (;; at++) {
		at &= play->page_room - 1;
		if (play->pages[at] == 0 || play->pages[at] == key) {
			return at;
		}
	}
}

static bool grow(struct sim_play *play)
{
	struct sim_play old = *play;

	play->page_room = old.page_room ? 2 * old.page_room : 4096;
	play->pages = calloc(play->page_room, sizeof(*play->pages));
	if (!play->pages) {
		play->pages = old.pages;
		play->page_room = old.page_room;
		return false;
	}
	for (size_t i = 0; i < old.page_room; i++) {
		if (old.pages[i]) {
			play->pages[slot_of(play, old.pages[i])] =
				old.pages[i];
		}
	}
	free(old.pages);
	return true;
}

static bool plan_page(struct sim_play *play, const struct sim_event *ev)
{
	uint64_t page = ev->gva / KERN_PAGE;
	/* 35 bits of page, 28 of pid; never 0. */
	uint64_t key = (page << 29 | (uint64_t)ev->pid << 1 | 1);

	if (2 * play->page_count >= play->page_room && !grow(play)) {
		return false;
	}
	size_t at = slot_of(play, key);

	play->page_count += play->pages[at] == 0;
	play->pages[at] = key;
	return true;
}

/* Does it need memory that no access of the program tells of? */
static bool takes_pages(const struct sim_event *ev)
{
	return (ev->type == SIM_EV_MMAP && (ev->flags & SIM_F_SHARED)) ||
	       ev->type == SIM_EV_POPULATE ||
	       (ev->type == SIM_EV_MADVISE &&
		ev->sub == SIM_ADVICE_POPULATE_WRITE);
}

bool sim_play_plan(struct sim_play *play, const struct sim_event *ev)
{
	bool write = ev->type == SIM_EV_ACCESS ? ev->flags & SIM_F_WRITE :
		     ev->type == SIM_EV_FAULT && (ev->value & 2);
	uint64_t gva, bytes;

	if (ev->vcpu >= play->vcpus) {
		play->vcpus = ev->vcpu + 1u;
	}
	if (ev->type == SIM_EV_MMAP && play_maps_file(ev)) {
		return plan_file(play, ev);
	}
	if (takes_pages(ev) && play_range(ev, &gva, &bytes)) {
		play->more_pages += bytes / KERN_PAGE;
	}
	return !write || plan_page(play, ev);
}

void sim_play_config(const struct sim_play *play,
		     struct sim_kern_config *config)
{
	/* After a fork both copies of a page can be in use. */
	uint64_t pages = 2 * play->page_count + play->more_pages, bytes;

	for (unsigned i = 0; i < PLAY_BUCKETS; i++) {
		for (struct play_file *f = play->files[i]; f; f = f->next) {
			pages += f->pages;
		}
	}
	bytes = pages > RAM_MAX / KERN_PAGE ? RAM_MAX : pages * KERN_PAGE;
	bytes += bytes / 64 + SPARE_BYTES;
	bytes &= ~(KERN_LARGE - 1);
	if (bytes > config->ram_bytes) {
		config->ram_bytes = bytes;
	}
	if (play->vcpus > config->vcpus) {
		config->vcpus = play->vcpus > 64 ? 64 : play->vcpus;
	}
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "sim/functions.h"

#include <stdlib.h>
#include <string.h>

#include "sim/rec_format.h"

enum {
	MARKER_BEGIN = 2,
	MARKER_END = 3,
};

static bool add(struct sim_functions *f, const struct sim_event *ev)
{
	struct sim_function *one;
	size_t n = ev->text_bytes;

	if (f->count == SIM_FUNCTIONS_MAX) {
		return true;
	}
	/* Room grows by doubling: whenever the count is a power of two. */
	if ((f->count & (f->count - 1)) == 0) {
		one = realloc(f->list, (f->count ? 2 * f->count : 1) *
					       sizeof(*one));
		if (!one) {
			return false;
		}
		f->list = one;
	}
	one = &f->list[f->count++];
	*one = (struct sim_function){ .start = ev->gva, .bytes = ev->value };
	n = n < sizeof(one->name) ? n : sizeof(one->name) - 1;
	memcpy(one->name, ev->text, n);
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)one->name[i];

		one->name[i] = (char)(c < 0x20 || c == 0x7f ? '?' : c);
	}
	return true;
}

static int by_start(const void *a, const void *b)
{
	const struct sim_function *x = a, *y = b;

	return (x->start > y->start) - (x->start < y->start);
}

static int by_stores(const void *a, const void *b)
{
	const struct sim_function *x = a, *y = b;

	if (x->stores != y->stores) {
		return x->stores < y->stores ? 1 : -1;
	}
	return by_start(a, b);
}

static struct sim_function *find(struct sim_functions *f, uint64_t ip)
{
	size_t low = 0, high = f->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (f->list[middle].start <= ip) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	if (low > 0 && ip - f->list[low - 1].start < f->list[low - 1].bytes) {
		return &f->list[low - 1];
	}
	return &f->other;
}

static void count(struct sim_functions *f, const struct sim_event *ev,
		  bool window)
{
	struct sim_function *one = ev->flags & SIM_F_IP ? find(f, ev->ip) :
							  &f->other;

	one->stores++;
	one->leaf += ev->level == 1;
	one->cleared += ev->value == 0;
	one->window += window;
}

/* One reading: symbols or, with `counting`, stores. */
static enum sim_rec_status pass(struct sim_rec_reader *r,
				struct sim_functions *f, bool counting)
{
	enum sim_rec_status status = sim_rec_rewind(r);
	bool window = false;
	struct sim_event ev;

	while (status == SIM_REC_OK) {
		status = sim_rec_next(r, &ev);
		if (status != SIM_REC_OK) {
			break;
		}
		if (ev.type == SIM_EV_SYMBOL && !counting && !add(f, &ev)) {
			status = SIM_REC_NOMEM;
		} else if (ev.type == SIM_EV_TABLE_STORE && counting) {
			count(f, &ev, window);
		} else if (ev.type == SIM_EV_MARKER) {
			window = ev.value == MARKER_BEGIN ||
				 (window && ev.value != MARKER_END);
		}
	}
	return status == SIM_REC_END ? SIM_REC_OK : status;
}

enum sim_rec_status sim_functions(struct sim_rec_reader *r,
				  struct sim_functions *f,
				  struct sim_rec_error *err)
{
	enum sim_rec_status status;

	memset(f, 0, sizeof(*f));
	status = pass(r, f, false);
	if (status == SIM_REC_OK && f->count) {
		qsort(f->list, f->count, sizeof(*f->list), by_start);
	}
	if (status == SIM_REC_OK) {
		status = pass(r, f, true);
	}
	if (status != SIM_REC_OK) {
		sim_functions_free(f);
		if (status == SIM_REC_NOMEM) {
			return sim_rec_fail(err, status, "out of memory; "
					    "close other programs and try "
					    "again");
		}
		*err = *sim_rec_error(r);
		return status;
	}
	if (f->count) {
		qsort(f->list, f->count, sizeof(*f->list), by_stores);
	}
	while (f->count && f->list[f->count - 1].stores == 0) {
		f->count--;
	}
	return SIM_REC_OK;
}

void sim_functions_free(struct sim_functions *f)
{
	free(f->list);
	memset(f, 0, sizeof(*f));
}

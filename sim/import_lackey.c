/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Valgrind's lackey to gnr. A line is "I  addr,size", " L addr,size",
 * " S addr,size" or " M addr,size" (load and store); lines of "==pid==" are
 * Valgrind's own, anything else the program's. The program's mappings are
 * not there: a first pass over the lines makes them from the pages touched.
 */
#include <stdlib.h>
#include <string.h>

#include "sim/import_text.h"
#include "sim/rec_format.h"

enum {
	PAGE_SHIFT = 12,
	/* Pages closer than this are one mapping if they are used alike. */
	GAP_PAGES = 32,
	FETCHED = 1,
	WRITTEN = 2,
	READ = 4,
	USES = 7,
	PID_UNKNOWN = 1,
};

/* Where Valgrind puts the stack of its client. */
#define STACK_END UINT64_C(0x1fff001000)
#define STACK_BYTES (UINT64_C(8) << 20)

struct lackey {
	struct text_import t;
	uint64_t *pages;	/* page << 3 | uses; an open hash table */
	size_t count, room;
	uint64_t instr;
	uint64_t fetch_page;	/* of the last instruction, + 1 */
	uint32_t pid;
	char command[128];
};

/* ---- lines -------------------------------------------------------------- */

struct touch {
	uint8_t use;
	bool instruction;
	uint64_t gva, bytes;
};

static bool parse(const char *line, struct touch *t)
{
	const char *at = line + 3;

	if ((line[0] != 'I' || line[1] != ' ' || line[2] != ' ') &&
	    (line[0] != ' ' || !line[1] || !strchr("LSM", line[1]) ||
	     line[2] != ' ')) {
		return false;
	}
	t->instruction = line[0] == 'I';
	t->use = line[0] == 'I' ? FETCHED : line[1] == 'L' ? READ : WRITTEN;
	if (!text_take(&at, 16, &t->gva) || *at++ != ',' ||
	    !text_take(&at, 10, &t->bytes) || *at != '\0') {
		return false;
	}
	return t->bytes > 0 && t->bytes <= SIM_REC_SIZE_MAX &&
	       t->gva + t->bytes > t->gva;
}

bool sim_import_lackey_is(const uint8_t *head, size_t bytes)
{
	const char *line = (const char *)head;
	struct touch t;
	char one[64];

	(void)bytes;
	while (*line) {
		size_t n = strcspn(line, "\n");

		if (n < sizeof(one)) {
			memcpy(one, line, n);
			one[n - (n && one[n - 1] == '\r')] = '\0';
			if (parse(one, &t) ||
			    (strncmp(one, "==", 2) == 0 &&
			     strstr(one, "Lackey, an example Valgrind tool"))) {
				return true;
			}
		}
		line += n + (line[n] == '\n');
	}
	return false;
}

/* ---- the first pass ----------------------------------------------------- */

static size_t slot_of(const struct lackey *l, uint64_t page)
{
	size_t at = (size_t)(page * UINT64_C(0x9e3779b97f4a7c15) >> 24);

	for (;; at++) {
		at &= l->room - 1;
		if (!l->pages[at] || l->pages[at] >> 3 == page) {
			return at;
		}
	}
}

static bool grow(struct lackey *l)
{
	uint64_t *old = l->pages;
	size_t room = l->room;

	l->room = room ? 2 * room : 4096;
	l->pages = calloc(l->room, sizeof(*l->pages));
	if (!l->pages) {
		l->pages = old;
		l->room = room;
		return false;
	}
	for (size_t i = 0; i < room; i++) {
		if (old[i]) {
			l->pages[slot_of(l, old[i] >> 3)] = old[i];
		}
	}
	free(old);
	return true;
}

static bool note(struct lackey *l, const struct touch *t)
{
	uint64_t last = (t->gva + t->bytes - 1) >> PAGE_SHIFT;

	for (uint64_t p = t->gva >> PAGE_SHIFT; p <= last; p++) {
		if (2 * l->count >= l->room && !grow(l)) {
			return false;
		}
		size_t at = slot_of(l, p);

		l->count += l->pages[at] == 0;
		l->pages[at] |= p << 3 | t->use;
	}
	return true;
}

static enum sim_rec_status own_line(struct lackey *l, const char *line)
{
	const char *at = line + 2, *text;
	uint64_t pid;

	if (strncmp(line, "==", 2) != 0 || !text_take(&at, 10, &pid) ||
	    strncmp(at, "== ", 3) != 0) {
		l->t.result->skipped++;
		return SIM_REC_OK;
	}
	text = at + 3;
	if (l->pid && l->pid != (uint32_t)pid) {
		return sim_rec_fail(l->t.err, SIM_REC_FOREIGN,
			"%s: holds several processes, and its lines do not "
			"say whose they are; run valgrind with "
			"--log-file=NAME.%%p and import one file",
			l->t.path);
	}
	l->pid = (uint32_t)pid;
	if (strncmp(text, "Command: ", 9) == 0) {
		snprintf(l->command, sizeof(l->command), "%s", text + 9);
	}
	return SIM_REC_OK;
}

static enum sim_rec_status survey(struct lackey *l)
{
	enum sim_rec_status status;
	struct touch t;

	while ((status = text_next(&l->t)) == SIM_REC_OK) {
		if (!parse(l->t.line, &t)) {
			status = own_line(l, l->t.line);
		} else if (!note(l, &t)) {
			status = sim_rec_fail(l->t.err, SIM_REC_NOMEM,
				"%s: out of memory; close other programs and "
				"try again", l->t.path);
		}
		if (status != SIM_REC_OK) {
			return status;
		}
	}
	return status == SIM_REC_END ? SIM_REC_OK : status;
}

/* ---- mappings ----------------------------------------------------------- */

static int by_page(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* Code and constants come from files, what is written is the program's. */
static unsigned prot_of(unsigned uses)
{
	return SIM_PROT_R | (uses & WRITTEN ? SIM_PROT_W : 0u) |
	       (uses & FETCHED ? SIM_PROT_X : 0u);
}

static enum sim_rec_status put_map(struct lackey *l, uint64_t first,
				   uint64_t last, unsigned prot,
				   uint64_t *offset)
{
	struct sim_event ev = {
		.type = SIM_EV_MMAP, .gva = first << PAGE_SHIFT,
		.value = (last - first + 1) << PAGE_SHIFT,
		.sub = (uint8_t)prot, .pid = l->pid, .tid = l->pid,
	};

	if (ev.gva < STACK_END && ev.gva + ev.value + STACK_BYTES > STACK_END &&
	    (prot & SIM_PROT_W)) {
		ev.value = STACK_END - ev.gva > ev.value ?
			   STACK_END - ev.gva : ev.value;
		ev.flags = SIM_F_STACK | SIM_F_ANON;
	} else if (prot & SIM_PROT_W) {
		ev.flags = SIM_F_ANON;
	} else {
		ev.text = "/program";
		ev.gpa = *offset;
		*offset += ev.value;
	}
	return text_emit(&l->t, ev);
}

static enum sim_rec_status put_maps(struct lackey *l)
{
	enum sim_rec_status status = SIM_REC_OK;
	uint64_t first = 0, last = 0, offset = 0;
	unsigned prot = 0;
	size_t n = 0;

	for (size_t i = 0; i < l->room; i++) {
		if (l->pages[i]) {
			l->pages[n++] = l->pages[i];
		}
	}
	if (n) {
		qsort(l->pages, n, sizeof(*l->pages), by_page);
	}
	for (size_t i = 0; i < n && status == SIM_REC_OK; i++) {
		uint64_t page = l->pages[i] >> 3;
		unsigned p = prot_of(l->pages[i] & USES);

		if (i && p == prot && page - last <= GAP_PAGES) {
			last = page;
			continue;
		}
		if (i) {
			status = put_map(l, first, last, prot, &offset);
		}
		first = last = page;
		prot = p;
	}
	return status == SIM_REC_OK && n ?
	       put_map(l, first, last, prot, &offset) : status;
}

/* ---- the second pass ---------------------------------------------------- */

static enum sim_rec_status put_touch(struct lackey *l, const struct touch *t)
{
	uint64_t page = t->gva >> PAGE_SHIFT;
	struct sim_event ev = {
		.type = SIM_EV_ACCESS, .gva = t->gva,
		.size = (uint16_t)t->bytes, .instr = l->instr,
		.pid = l->pid, .tid = l->pid,
		.flags = (uint16_t)(SIM_F_USER |
			 (t->use == FETCHED ? SIM_F_FETCH : 0u) |
			 (t->use == WRITTEN ? SIM_F_WRITE : 0u)),
	};

	if (t->instruction) {
		l->instr++;
		/* One fetch stands for all that follow on its page. */
		if (l->fetch_page == page + 1) {
			return SIM_REC_OK;
		}
		l->fetch_page = page + 1;
	}
	return text_emit(&l->t, ev);
}

static enum sim_rec_status convert(struct lackey *l)
{
	enum sim_rec_status status;
	struct touch t;

	status = text_emit(&l->t, (struct sim_event){
		.type = SIM_EV_EXEC, .pid = l->pid, .tid = l->pid,
		.text = l->command[0] ? l->command : "program" });
	if (status == SIM_REC_OK) {
		status = put_maps(l);
	}
	while (status == SIM_REC_OK &&
	       (status = text_next(&l->t)) == SIM_REC_OK) {
		if (parse(l->t.line, &t)) {
			status = put_touch(l, &t);
		}
	}
	if (status != SIM_REC_END) {
		return status;
	}
	return text_emit(&l->t, (struct sim_event){
		.type = SIM_EV_EXIT, .pid = l->pid, .tid = l->pid,
		.instr = l->instr });
}

enum sim_rec_status sim_import_lackey(struct sim_stream *s, const char *in,
				      const char *out,
				      const struct sim_import_options *opts,
				      struct sim_import_result *result,
				      struct sim_rec_error *err)
{
	struct lackey *l = calloc(1, sizeof(*l));
	enum sim_rec_status status;

	if (!l) {
		return sim_rec_fail(err, SIM_REC_NOMEM, "%s: out of memory; "
				    "close other programs and try again", in);
	}
	l->t = (struct text_import){ .in = s, .path = in, .opts = opts,
				     .result = result, .err = err };
	status = survey(l);
	if (status == SIM_REC_OK && !l->count) {
		status = sim_rec_fail(err, SIM_REC_FOREIGN, "%s: holds no "
				      "access; run valgrind with "
				      "--trace-mem=yes", in);
	}
	l->pid = l->pid ? l->pid : PID_UNKNOWN;
	if (status == SIM_REC_OK) {
		snprintf(l->t.info.source, sizeof(l->t.info.source), "%s",
			 l->command);
		sim_rec_meta_set(&l->t.info, "filter", "0");
		sim_rec_meta_set(&l->t.info, "mappings",
				 "made from the pages touched");
		sim_rec_meta_set(&l->t.info, "fetches",
				 "the first of each stay on a page");
		status = text_describe(&l->t, "valgrind lackey");
	}
	if (status == SIM_REC_OK) {
		status = text_start(&l->t, out);
	}
	if (status == SIM_REC_OK) {
		status = convert(l);
	}
	status = text_end(&l->t, status);
	free(l->pages);
	free(l);
	return status;
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "sim/import_text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sim/rec_format.h"

enum sim_rec_status text_next(struct text_import *t)
{
	enum sim_rec_status status =
		sim_stream_line(t->in, t->line, sizeof(t->line), t->err);

	if (status == SIM_REC_OK) {
		t->result->records++;
		if (t->opts->progress && t->result->records % 65536 == 0) {
			t->opts->progress(t->opts->progress_arg,
					  sim_stream_done(t->in),
					  sim_stream_total(t->in));
		}
	}
	return status;
}

/* The header takes one line of text that is UTF-8. */
static void copy_text(char *to, size_t room, const char *from)
{
	size_t n = 0;

	for (; *from && n + 1 < room; from++) {
		to[n++] = *from >= 0x20 && *from < 0x7f ? *from : '?';
	}
	to[n] = '\0';
}

enum sim_rec_status text_describe(struct text_import *t, const char *tool)
{
	const char *name = strrchr(t->path, '/');

	/* Of a kernel for 4 levels; the model has its own registers. */
	t->info.kind = SIM_REC_PROCESS;
	t->info.levels = 4;
	t->info.pae = true;
	t->info.maxphyaddr = 40;
	t->info.vcpus = t->info.vcpus ? t->info.vcpus : 1;
	if (t->opts->source || !t->info.source[0]) {
		copy_text(t->info.source, sizeof(t->info.source),
			  t->opts->source ? t->opts->source :
			  name ? name + 1 : t->path);
	}
	copy_text(t->info.source, sizeof(t->info.source), t->info.source);
	copy_text(t->info.tool, sizeof(t->info.tool), tool);
	t->result->processes = true;
	for (uint32_t i = 0; i < t->opts->meta_count; i++) {
		if (sim_rec_meta_set(&t->info, t->opts->meta[i].key,
				     t->opts->meta[i].value)) {
			return sim_rec_fail(t->err, SIM_REC_USAGE,
				"%s: is no key for a recording; use a-z, 0-9, "
				"'.', '_', '-' and one line of text",
				t->opts->meta[i].key);
		}
	}
	return SIM_REC_OK;
}

enum sim_rec_status text_start(struct text_import *t, const char *out)
{
	enum sim_rec_status status = sim_stream_rewind(t->in, t->err);

	t->result->records = 0;
	return status != SIM_REC_OK ? status :
	       sim_rec_create(&t->out, out, &t->info, &t->opts->write,
			      t->err);
}

enum sim_rec_status text_emit(struct text_import *t, struct sim_event ev)
{
	enum sim_rec_status status;

	if (ev.instr < t->instr) {
		ev.instr = t->instr;
	}
	t->instr = ev.instr;
	if (ev.text) {
		ev.text_bytes = (uint32_t)strlen(ev.text);
	}
	status = sim_rec_put(t->out, &ev);
	if (status == SIM_REC_USAGE) {
		return sim_rec_fail(t->err, SIM_REC_DAMAGED,
				    "%s: line %llu: a field is out of range; "
				    "get an intact copy", t->path,
				    (unsigned long long)t->result->records);
	}
	if (status != SIM_REC_OK && t->err) {
		*t->err = *sim_rec_writer_error(t->out);
	}
	t->result->events += status == SIM_REC_OK;
	return status;
}

enum sim_rec_status text_end(struct text_import *t,
			     enum sim_rec_status status)
{
	if (!t->out) {
		return status;
	}
	if (status != SIM_REC_OK && status != SIM_REC_END) {
		sim_rec_abort(t->out);
		return status;
	}
	if (t->result->events == 0) {
		sim_rec_abort(t->out);
		return sim_rec_fail(t->err, SIM_REC_FOREIGN,
				    "%s: holds nothing that a kernel would "
				    "act on; record more events", t->path);
	}
	return sim_rec_commit(t->out, t->err);
}

bool text_take(const char **at, int base, uint64_t *value)
{
	const char *from = *at;
	char *end;

	if (base == 16 && from[0] == '0' && from[1] == 'x') {
		from += 2;
	}
	/* strtoull() would take blanks and signs. */
	if (!((*from >= '0' && *from <= '9') ||
	      (base == 16 && ((*from | 0x20) >= 'a' &&
			      (*from | 0x20) <= 'f')))) {
		return false;
	}
	errno = 0;
	*value = strtoull(from, &end, base);
	*at = end;
	return errno == 0;
}

bool text_number(const char *text, const char *key, uint64_t *value)
{
	size_t bytes = strlen(key);

	for (const char *at = text; (at = strstr(at, key)); at += bytes) {
		const char *from = at + bytes;

		if ((at != text && at[-1] != ' ') ||
		    (*from != ':' && *from != '=')) {
			continue;
		}
		from += *from == ':' && from[1] == ' ' ? 2 : 1;
		return text_take(&from, from[0] == '0' && from[1] == 'x' ?
				 16 : 10, value);
	}
	return false;
}

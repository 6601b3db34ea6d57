/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>

#include "cli/term.h"
#include "cli/walk.h"

enum { PF_P = 1, PF_W = 2, PF_U = 4, PF_RSVD = 8, PF_ID = 16, PF_PK = 32 };

static const char *const kinds[] = {
	[GNOMON_ENTRY_HOLE] = "hole",
	[GNOMON_ENTRY_TABLE] = "table",
	[GNOMON_ENTRY_LEAF] = "leaf",
	[GNOMON_ENTRY_RESERVED] = "reserved bits",
};

static const char *access_name(uint32_t access)
{
	return access & GNOMON_EXEC ? "fetch" :
	       access & GNOMON_WRITE ? "write" : "read";
}

static const char *privilege(uint32_t access)
{
	return access & GNOMON_IMPLICIT ? "implicit supervisor" :
	       access & GNOMON_USER ? "user" : "supervisor";
}

/* The flag bits of an x86 entry by name. */
static void flag_names(const struct gnomon_step *s, char text[64])
{
	static const struct {
		uint8_t bit;
		const char *name;
	} flags[] = {
		{ 0, "P" }, { 1, "W" }, { 2, "U" }, { 3, "PWT" },
		{ 4, "PCD" }, { 5, "A" }, { 6, "D" }, { 7, "PS" },
		{ 8, "G" }, { 12, "PAT" }, { 63, "NX" },
	};
	bool large = s->level > 1 && s->kind == GNOMON_ENTRY_LEAF;
	int n = 0;

	text[0] = '\0';
	for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++) {
		const char *name = flags[i].name;

		if (!(s->gpte >> flags[i].bit & 1) ||
		    (flags[i].bit == 12 && !large)) {
			continue;
		}
		if (flags[i].bit == 7 && s->level == 1) {
			name = "PAT";
		}
		n += snprintf(text + n, 64 - (size_t)n, "%s%s", n ? " " : "",
			      name);
	}
}

static void rights_text(uint8_t rights, char text[5])
{
	static const char letters[] = "xwur";
	/* As ls(1) would: rwx, then u. */
	static const uint8_t order[] = { 3, 1, 0, 2 };

	for (unsigned i = 0; i < 4; i++) {
		text[i] = rights >> order[i] & 1 ? letters[order[i]] : '-';
	}
	text[4] = '\0';
}

static const char *size_name(unsigned shift)
{
	switch (shift) {
	case 12: return "4K";
	case 21: return "2M";
	case 22: return "4M";
	default: return "1G";
	}
}

/* The highest level at which a right goes missing, or 0. */
static unsigned taken_at(const struct gnomon_trail *t, uint8_t right)
{
	for (uint32_t i = 0; i < t->step_count; i++) {
		if (!(t->step[i].path_rights & right)) {
			return t->step[i].level;
		}
	}
	return 0;
}

static void refusal(const struct walk_report *r, char *text, size_t bytes)
{
	uint32_t code = r->trail.result.error_code;
	bool user = code & PF_U;
	unsigned w = taken_at(&r->trail, GNOMON_RIGHT_WRITE);
	unsigned u = taken_at(&r->trail, GNOMON_RIGHT_USER);
	unsigned x = taken_at(&r->trail, GNOMON_RIGHT_EXEC);

	if (code & PF_PK) {
		snprintf(text, bytes, "the protection key forbids it");
	} else if (user && u) {
		snprintf(text, bytes, "a supervisor page, by level %u", u);
	} else if ((r->access & GNOMON_EXEC) && x) {
		snprintf(text, bytes, "not executable, by level %u", x);
	} else if ((code & PF_W) && w) {
		snprintf(text, bytes, "not writable, by level %u", w);
	} else {
		snprintf(text, bytes, "%s forbids it on a user page",
			 r->access & GNOMON_EXEC ? "SMEP" : "SMAP");
	}
}

static void fault_reason(const struct walk_report *r, char *text, size_t bytes)
{
	uint32_t code = r->trail.result.error_code;
	uint32_t n = r->trail.step_count;
	unsigned level = n ? r->trail.step[n - 1].level : 0;

	if (code & PF_RSVD) {
		snprintf(text, bytes, "reserved bits are set at level %u",
			 level);
	} else if (!(code & PF_P)) {
		snprintf(text, bytes, "nothing is mapped at level %u", level);
	} else {
		refusal(r, text, bytes);
	}
}

static void error_names(uint32_t code, char text[32])
{
	snprintf(text, 32, "%s%s%s%s%s%s", code & PF_P ? " P" : "",
		 code & PF_W ? " W" : "", code & PF_U ? " U" : "",
		 code & PF_RSVD ? " RSVD" : "", code & PF_ID ? " I/D" : "",
		 code & PF_PK ? " PK" : "");
}

/* One sentence: what the answer is and why; bytes is the size of text. */
static void say_verdict(const struct walk_report *r, char *text, size_t bytes)
{
	const struct gnomon_translation *t = &r->trail.result;
	char why[80], names[32];

	switch (r->status) {
	case GNOMON_OK:
		snprintf(text, bytes, "permitted: gpa %#" PRIx64 ", %s page",
			 t->gpa.v, r->trail.step_count
			 ? size_name(t->page_shift) : "unpaged, no");
		break;
	case GNOMON_FAULT:
		fault_reason(r, why, sizeof(why));
		error_names(t->error_code, names);
		snprintf(text, bytes, "page fault, error code %#x (%s): %s",
			 t->error_code, names[0] ? names + 1 : "none", why);
		break;
	case GNOMON_GP:
		snprintf(text, bytes, "general protection: the address is "
			 "not canonical");
		break;
	case GNOMON_ABSENT:
	case GNOMON_MORE:
	case GNOMON_NOMEM:
	case GNOMON_INVAL:
	case GNOMON_EXISTS:
	case GNOMON_UNSUPPORTED:
	case GNOMON_BUG:
		snprintf(text, bytes, "unknown: the memory at gpa %#" PRIx64
			 " is not in the input", t->gpa.v);
		break;
	}
}

void walk_print_text(const struct walk_report *r)
{
	char verdict[200];

	printf("gva %#" PRIx64 ", %s %s, %s paging, CR3 %#" PRIx64 "\n",
	       r->gva.v, privilege(r->access), access_name(r->access),
	       r->trail.format, r->regs.cr3);
	if (r->trail.step_count > 0) {
		printf("%slevel  index  entry at          gpte              "
		       "  rights  so far  bits%s\n", term_bold(stdout),
		       term_plain(stdout));
	}
	for (uint32_t i = 0; i < r->trail.step_count; i++) {
		const struct gnomon_step *s = &r->trail.step[i];
		char own[5], path[5], flags[64];

		rights_text(s->rights, own);
		rights_text(s->path_rights, path);
		flag_names(s, flags);
		printf("%5u  %5u  %#-16" PRIx64 "  %#018" PRIx64 "  %-6s  %-6s"
		       "  %s%s%s\n", s->level, s->index, s->gpa.v, s->gpte,
		       own, path, flags, flags[0] ? "; " : "", kinds[s->kind]);
	}
	say_verdict(r, verdict, sizeof(verdict));
	printf("%s\n", verdict);
}

/* ---- JSON ---- */

static json_t *hex(uint64_t v)
{
	return json_sprintf("0x%" PRIx64, v);
}

static json_t *step_json(const struct gnomon_step *s)
{
	char own[5], path[5], flags[64];
	json_t *o;

	rights_text(s->rights, own);
	rights_text(s->path_rights, path);
	flag_names(s, flags);
	o = json_pack("{s:i, s:i, s:o, s:o, s:s, s:s, s:s, s:s, s:i, s:b}",
		      "level", s->level, "index", s->index,
		      "entry_gpa", hex(s->gpa.v), "gpte", hex(s->gpte),
		      "kind", kinds[s->kind], "bits", flags, "rights", own,
		      "path_rights", path, "pkey", s->pkey, "global",
		      s->global);
	if (s->kind == GNOMON_ENTRY_TABLE || s->kind == GNOMON_ENTRY_LEAF) {
		json_object_set_new(o, "frame", hex(s->frame.v));
	}
	return o;
}

void walk_print_json(const struct walk_report *r)
{
	const struct gnomon_translation *t = &r->trail.result;
	json_t *steps = json_array();
	char verdict[200];
	json_t *o;

	for (uint32_t i = 0; i < r->trail.step_count; i++) {
		json_array_append_new(steps, step_json(&r->trail.step[i]));
	}
	say_verdict(r, verdict, sizeof(verdict));
	o = json_pack("{s:o, s:s, s:s, s:s, s:o, s:o, s:s, s:s}",
		      "gva", hex(r->gva.v), "privilege", privilege(r->access),
		      "access", access_name(r->access), "format",
		      r->trail.format, "cr3", hex(r->regs.cr3), "steps", steps,
		      "status", gnomon_status_text(r->status),
		      "verdict", verdict);
	if (r->status == GNOMON_OK) {
		json_object_set_new(o, "gpa", hex(t->gpa.v));
		json_object_set_new(o, "page_shift",
				    json_integer(t->page_shift));
	} else if (r->status == GNOMON_FAULT) {
		json_object_set_new(o, "error_code",
				    json_integer(t->error_code));
	}
	json_dumpf(o, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(o);
}

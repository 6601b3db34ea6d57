/* SPDX-License-Identifier: BSD-2-Clause */
/* The event types as data, and the rules every event keeps. */
#include <string.h>

#include "sim/rec_code.h"

struct event_type {
	const char *name;
	uint32_t fields;
	uint32_t flags;
};

enum {
	IMAGE = REC_HAS_GPA | REC_HAS_LEVEL | REC_HAS_ENTRIES,
	REG = REC_HAS_NUMBER | REC_HAS_FLAGS,
	RANGE = REC_HAS_GVA | REC_HAS_NUMBER,
	ACCESS_FLAGS = SIM_F_WRITE | SIM_F_FETCH | SIM_F_USER |
		       SIM_F_IMPLICIT | SIM_F_AC,
	MMAP_FLAGS = SIM_F_SHARED | SIM_F_ANON | SIM_F_FIXED | SIM_F_STACK |
		     SIM_F_HUGE,
};

static const struct event_type types[SIM_EV_TYPE_END] = {
	[SIM_EV_ACCESS] = { "access",
		REC_HAS_GVA | REC_HAS_SIZE | REC_HAS_FLAGS, ACCESS_FLAGS },
	[SIM_EV_FAULT] = { "fault",
		RANGE | REC_HAS_FLAGS, SIM_F_USER | SIM_F_AC | SIM_F_IP },
	[SIM_EV_MARKER] = { "marker", REC_HAS_NUMBER, 0 },
	[SIM_EV_SYMBOL] = { "symbol", RANGE | REC_HAS_TEXT, 0 },
	[SIM_EV_NOTE] = { "note", REC_HAS_TEXT, 0 },
	[SIM_EV_TABLE_STORE] = { "table-store",
		REC_HAS_GVA | REC_HAS_NEAR | REC_HAS_SIZE | REC_HAS_LEVEL |
		REC_HAS_FLAGS, SIM_F_KEPT | SIM_F_IP | SIM_F_USER },
	[SIM_EV_CR0] = { "cr0", REG, SIM_F_VALUE },
	[SIM_EV_CR3] = { "cr3", REG, SIM_F_VALUE },
	[SIM_EV_CR4] = { "cr4", REG, SIM_F_VALUE },
	[SIM_EV_EFER] = { "efer", REG, SIM_F_VALUE },
	[SIM_EV_PKRU] = { "pkru", REG, SIM_F_VALUE },
	[SIM_EV_INVLPG] = { "invlpg", REC_HAS_GVA, 0 },
	[SIM_EV_INVPCID] = { "invpcid", RANGE | REC_HAS_SUB, 0 },
	[SIM_EV_TABLE_IMAGE] = { "table-image", IMAGE, 0 },
	[SIM_EV_TABLE_END] = { "table-end",
		REC_HAS_GPA | REC_HAS_LEVEL, 0 },
	[SIM_EV_FINAL_TABLE] = { "final-table", IMAGE, 0 },
	[SIM_EV_FORK] = { "fork", REG, SIM_F_THREAD },
	[SIM_EV_VFORK] = { "vfork", REC_HAS_NUMBER, 0 },
	[SIM_EV_EXEC] = { "exec", REC_HAS_TEXT, 0 },
	[SIM_EV_EXIT] = { "exit", REC_HAS_NUMBER, 0 },
	[SIM_EV_MMAP] = { "mmap", RANGE | REC_HAS_OFFSET | REC_HAS_SUB |
		REC_HAS_FLAGS | REC_HAS_TEXT, MMAP_FLAGS },
	[SIM_EV_MUNMAP] = { "munmap", RANGE, 0 },
	[SIM_EV_MPROTECT] = { "mprotect", RANGE | REC_HAS_SUB, 0 },
	[SIM_EV_BRK] = { "brk", REC_HAS_GVA, 0 },
	[SIM_EV_SWITCH] = { "switch", REC_TYPE, 0 },
	[SIM_EV_MREMAP] = { "mremap", RANGE | REC_HAS_SUB | REC_HAS_OFFSET |
		REC_HAS_TO, 0 },
	[SIM_EV_MADVISE] = { "madvise", RANGE | REC_HAS_SUB, 0 },
	[SIM_EV_POPULATE] = { "populate", RANGE, 0 },
	[SIM_EV_TRUNCATE] = { "truncate", REC_HAS_NUMBER | REC_HAS_SUB |
		REC_HAS_OFFSET | REC_HAS_TEXT, 0 },
};

unsigned int sim_rec_first_major(unsigned int type)
{
	return type < SIM_EV_MREMAP ? 1 : 2;
}

const char *sim_event_name(unsigned int type)
{
	return type < SIM_EV_TYPE_END ? types[type].name : NULL;
}

uint32_t sim_rec_fields(unsigned int type)
{
	return type < SIM_EV_TYPE_END ? types[type].fields : 0;
}

uint32_t sim_rec_flags(unsigned int type)
{
	return type < SIM_EV_TYPE_END ? types[type].flags : 0;
}

static const char *check_entries(const struct sim_event *ev)
{
	if (ev->entry_count > SIM_REC_ENTRIES_MAX) {
		return "more entries than a table has";
	}
	for (uint32_t i = 0; i < ev->entry_count; i++) {
		const struct sim_rec_entry *e = &ev->entries[i];

		if (e->index >= SIM_REC_ENTRIES_MAX || e->value == 0 ||
		    (i > 0 && e->index <= e[-1].index)) {
			return "table entries out of order or zero";
		}
	}
	return NULL;
}

const char *sim_rec_check_event(const struct sim_event *ev)
{
	uint32_t fields = sim_rec_fields(ev->type);

	if (fields == 0) {
		return "unknown event type";
	}
	if (ev->flags & ~sim_rec_flags(ev->type)) {
		return "a flag this event type does not have";
	}
	if (ev->vcpu >= SIM_REC_VCPUS_MAX) {
		return "vcpu number out of range";
	}
	if ((fields & REC_HAS_SIZE) &&
	    (ev->size == 0 || ev->size > SIM_REC_SIZE_MAX)) {
		return "access size out of range";
	}
	if ((fields & REC_HAS_LEVEL) && (ev->level < 1 || ev->level > 5)) {
		return "table level out of range";
	}
	if ((fields & REC_HAS_TEXT) &&
	    (ev->text_bytes > SIM_REC_TEXT_MAX ||
	     (ev->text_bytes && memchr(ev->text, 0, ev->text_bytes)))) {
		return "text too long or with a zero byte";
	}
	return fields & REC_HAS_ENTRIES ? check_entries(ev) : NULL;
}

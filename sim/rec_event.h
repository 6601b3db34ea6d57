/* SPDX-License-Identifier: BSD-2-Clause */
/* The events of a recording; see sim/rec.h. */
#ifndef SIM_REC_EVENT_H
#define SIM_REC_EVENT_H

#include <stdint.h>

/*
 * Event types.  Behind each: the fields of struct sim_event it carries
 * besides `type`, `instr`, `vcpu`, `pid`, `tid`.  Other fields read as 0.
 * The values are part of the file format.
 */
enum sim_event_type {
	/* Either kind of recording. */
	SIM_EV_ACCESS = 1,	/* gva size flags */
	SIM_EV_FAULT = 2,	/* gva (CR2), value (error code), flags, ip */
	SIM_EV_MARKER = 3,	/* value (number) */
	SIM_EV_SYMBOL = 4,	/* gva, value (bytes), text: code has a name */
	SIM_EV_NOTE = 5,	/* text (key=value), known only now */

	/* MMU level. */
	SIM_EV_TABLE_STORE = 8,	/* gva gpa size level value flags ip */
	SIM_EV_CR0 = 9,		/* value flags: a register was written */
	SIM_EV_CR3 = 10,
	SIM_EV_CR4 = 11,
	SIM_EV_EFER = 12,
	SIM_EV_PKRU = 13,
	SIM_EV_INVLPG = 14,	/* gva */
	SIM_EV_INVPCID = 15,	/* gva, value (PCID), sub (type 0..3) */
	SIM_EV_TABLE_IMAGE = 16, /* gpa level entries: held before the link */
	SIM_EV_TABLE_END = 17,	/* gpa level: stores to this page are not
				 * followed any more; its contents stay */
	SIM_EV_FINAL_TABLE = 18, /* gpa level entries: at the end, for checks */

	/* Process level; pid and tid say who acts. */
	SIM_EV_FORK = 20,	/* value (child pid), flags (THREAD) */
	SIM_EV_VFORK = 21,	/* value (child pid) */
	SIM_EV_EXEC = 22,	/* text (path) */
	SIM_EV_EXIT = 23,	/* value (status) */
	SIM_EV_MMAP = 24,	/* gva, value (bytes), gpa (file offset), sub
				 * (protection), flags, text (path) */
	SIM_EV_MUNMAP = 25,	/* gva, value (bytes) */
	SIM_EV_MPROTECT = 26,	/* gva, value (bytes), sub (protection) */
	SIM_EV_BRK = 27,	/* gva (the new end) */
	SIM_EV_SWITCH = 28,	/* pid and tid run on vcpu from here on */
	/* Format 2. */
	SIM_EV_MREMAP = 29,	/* gva, value (bytes) are at `to` now, with gpa
				 * bytes; sub (Linux's flags) */
	SIM_EV_MADVISE = 30,	/* gva, value (bytes), sub (Linux's number) */
	SIM_EV_POPULATE = 31,	/* gva, value (bytes): faulted in unasked, as
				 * by mlock or MAP_POPULATE */
	SIM_EV_TRUNCATE = 32,	/* gpa (file offset), value (bytes) that go,
				 * text (path), sub (enum sim_truncate) */
	SIM_EV_TYPE_END = 33,
};

/* Flags of an event; the values are part of the file format. */
enum {
	/* ACCESS: kind of access; neither bit set is a data read. */
	SIM_F_WRITE = 1u << 0,
	SIM_F_FETCH = 1u << 1,
	/* ACCESS, FAULT: made at CPL 3. */
	SIM_F_USER = 1u << 2,
	/* ACCESS: by the processor itself (descriptor tables, TSS). */
	SIM_F_IMPLICIT = 1u << 3,
	/* ACCESS, FAULT: EFLAGS.AC was set.  Clear it is a fact only if the
	 * header says `ac=recorded`. */
	SIM_F_AC = 1u << 4,
	/* TABLE_STORE: this store also passed the recorder's access filter,
	 * so it counts as an access too (there is no ACCESS beside it). */
	SIM_F_KEPT = 1u << 5,
	/* CR0..PKRU: `value` is what was written.  Clear: a write happened,
	 * the recorder did not see the value. */
	SIM_F_VALUE = 1u << 6,
	/* TABLE_STORE, FAULT: `ip` is known. */
	SIM_F_IP = 1u << 7,
	/* FORK: the child shares the address space (a thread). */
	SIM_F_THREAD = 1u << 8,
	/* MMAP */
	SIM_F_SHARED = 1u << 9,
	SIM_F_ANON = 1u << 10,
	SIM_F_FIXED = 1u << 11,
	SIM_F_STACK = 1u << 12,		/* grows down */
	SIM_F_HUGE = 1u << 13,
	SIM_F_ALL = (1u << 14) - 1,
};

/* Protection in `sub` of MMAP and MPROTECT. */
enum {
	SIM_PROT_R = 1,
	SIM_PROT_W = 2,
	SIM_PROT_X = 4,
};

/* `sub` of TRUNCATE. */
enum sim_truncate {
	SIM_TRUNCATE_END = 0,	/* the file is shorter: private copies go too */
	SIM_TRUNCATE_HOLE = 1,	/* a hole, which private copies outlive */
};

/* One non-zero entry of a table image; 4-byte entries are zero-extended. */
struct sim_rec_entry {
	uint64_t value;
	uint32_t index;		/* 0..511, or 0..1023 for 4-byte entries */
	uint32_t reserved;	/* 0 */
};

enum {
	SIM_REC_ENTRIES_MAX = 1024,	/* entries of one image */
	SIM_REC_TEXT_MAX = 4095,	/* bytes of a text */
	SIM_REC_SIZE_MAX = 4096,	/* bytes of one access */
	SIM_REC_VCPUS_MAX = 4096,
};

struct sim_event {
	uint64_t instr;		/* instructions so far; never runs back */
	uint64_t gva;
	uint64_t gpa;		/* TABLE_STORE: first byte stored; the entry
				 * is the aligned one around it */
	uint64_t value;		/* TABLE_STORE: the whole entry afterwards */
	union {
		uint64_t ip;	/* of the instruction, with SIM_F_IP */
		uint64_t to;	/* MREMAP: the new address */
	};
	const struct sim_rec_entry *entries;	/* ascending index */
	const char *text;	/* not NUL-terminated; no NUL inside */
	uint32_t entry_count;
	uint32_t text_bytes;
	uint32_t pid;
	uint32_t tid;
	uint16_t vcpu;
	uint16_t flags;		/* SIM_F_* */
	uint16_t size;		/* bytes, 1..SIM_REC_SIZE_MAX */
	uint8_t type;		/* enum sim_event_type */
	uint8_t level;		/* of the table, 1 = leaf */
	uint8_t sub;
};

/* "access", "table-store", ...; NULL for no type. */
const char *sim_event_name(unsigned int type);

#endif

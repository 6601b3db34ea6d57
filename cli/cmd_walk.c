/* SPDX-License-Identifier: BSD-2-Clause */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <fcntl.h>
#include <unistd.h>

#include "cli/cmds.h"
#include "cli/walk.h"
#include "sim/replica.h"
#include "sim/source.h"

enum {
	KEY_AT = 0x100,
	KEY_VCPU,
	KEY_MEMORY,
	KEY_BASE,
	KEY_CR0,
	KEY_CR3,
	KEY_CR4,
	KEY_EFER,
	KEY_PKRU,
	KEY_MAXPHYADDR,
	KEY_IMPLICIT,
	KEY_AC,
	KEY_JSON,
};

struct walk_opts {
	const char *recording;
	const char *memory;
	const char *gva;
	uint64_t at;		/* walk before this event */
	unsigned vcpu;
	uint64_t base;		/* gpa of the first byte of the dump */
	bool cr3_given;
	bool json;
	struct walk_report report;
	struct gnomon_caps caps;
};

static const struct argp_option options[] = {
	{ "at", KEY_AT, "N", 0,
	  "walk as things stood before event N (default: at the end)", 0 },
	{ "vcpu", KEY_VCPU, "N", 0, "with the registers of vcpu N", 0 },
	{ "memory", KEY_MEMORY, "FILE", 0,
	  "a raw dump of guest memory instead of a recording", 0 },
	{ "base", KEY_BASE, "GPA", 0, "where the dump starts (0)", 0 },
	{ "cr3", KEY_CR3, "X", 0, "CR3; needed with a dump", 0 },
	{ "cr0", KEY_CR0, "X", 0, "CR0 (0x80010001)", 0 },
	{ "cr4", KEY_CR4, "X", 0, "CR4 (0x20)", 0 },
	{ "efer", KEY_EFER, "X", 0, "EFER (0xd00)", 0 },
	{ "pkru", KEY_PKRU, "X", 0, "PKRU (0)", 0 },
	{ "maxphyaddr", KEY_MAXPHYADDR, "BITS", 0,
	  "physical address bits of a dump's CPU (46)", 0 },
	{ "write", 'w', NULL, 0, "a store, not a load", 0 },
	{ "fetch", 'x', NULL, 0, "an instruction fetch, not a load", 0 },
	{ "user", 'u', NULL, 0, "made at CPL 3", 0 },
	{ "implicit", KEY_IMPLICIT, NULL, 0,
	  "made by the processor itself (descriptor tables)", 0 },
	{ "ac", KEY_AC, NULL, 0, "with RFLAGS.AC set", 0 },
	{ "json", KEY_JSON, NULL, 0, "print JSON", 0 },
	{ 0 },
};

static uint64_t hex_number(const char *name, const char *text)
{
	char *end;
	uint64_t v;

	errno = 0;
	v = strtoull(text, &end, 0);
	if (errno || *end || !isdigit((unsigned char)*text)) {
		cmd_usage("%s needs a number such as 0x7f00, not '%s'", name,
			  text);
	}
	return v;
}

static void take_argument(struct walk_opts *o, const char *arg)
{
	if (!o->memory && !o->recording) {
		o->recording = arg;
	} else if (!o->gva) {
		o->gva = arg;
	} else {
		cmd_usage("one address at a time, not also '%s'", arg);
	}
}

static void check(struct walk_opts *o)
{
	if (o->memory && o->recording && !o->gva) {
		/* --memory came behind the address. */
		o->gva = o->recording;
		o->recording = NULL;
	}
	if (o->memory && o->recording) {
		cmd_usage("a recording or --memory, not both");
	}
	if (!o->gva) {
		cmd_usage("needs %s", o->recording || o->memory
			  ? "an address" : "a recording and an address");
	}
	if (o->memory && !o->cr3_given) {
		cmd_usage("--memory needs --cr3");
	}
	if ((o->report.access & GNOMON_WRITE) &&
	    (o->report.access & GNOMON_EXEC)) {
		cmd_usage("--write or --fetch, not both");
	}
	o->report.gva.v = hex_number("the address", o->gva);
}

static error_t parse_register(int key, char *arg, struct walk_opts *o)
{
	struct gnomon_regs *regs = &o->report.regs;
	uint64_t number;

	switch (key) {
	case KEY_CR0:
		regs->cr0 = hex_number("--cr0", arg);
		return 0;
	case KEY_CR3:
		regs->cr3 = hex_number("--cr3", arg);
		o->cr3_given = true;
		return 0;
	case KEY_CR4:
		regs->cr4 = hex_number("--cr4", arg);
		return 0;
	case KEY_EFER:
		regs->efer = hex_number("--efer", arg);
		return 0;
	case KEY_PKRU:
		number = hex_number("--pkru", arg);
		if (number > UINT32_MAX) {
			cmd_usage("--pkru has 32 bits, not '%s'", arg);
		}
		regs->pkru = (uint32_t)number;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct walk_opts *o = state->input;
	uint32_t *access = &o->report.access;

	switch (key) {
	case KEY_AT:
		o->at = cmd_number("--at", arg, 0, UINT64_MAX);
		return 0;
	case KEY_VCPU:
		o->vcpu = (unsigned)cmd_number("--vcpu", arg, 0,
					       SIM_REC_VCPUS_MAX - 1);
		return 0;
	case KEY_MEMORY:
		o->memory = arg;
		return 0;
	case KEY_BASE:
		o->base = hex_number("--base", arg);
		return 0;
	case KEY_MAXPHYADDR:
		o->caps.maxphyaddr = (uint8_t)cmd_number("--maxphyaddr", arg,
							 32, 52);
		return 0;
	case 'w':
		*access |= GNOMON_WRITE;
		return 0;
	case 'x':
		*access |= GNOMON_EXEC;
		return 0;
	case 'u':
		*access |= GNOMON_USER;
		return 0;
	case KEY_IMPLICIT:
		*access |= GNOMON_IMPLICIT;
		return 0;
	case KEY_AC:
		o->report.regs.ac = true;
		return 0;
	case KEY_JSON:
		o->json = true;
		return 0;
	case ARGP_KEY_ARG:
		take_argument(o, arg);
		return 0;
	case ARGP_KEY_END:
		check(o);
		return 0;
	default:
		return parse_register(key, arg, o);
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "RECORDING GVA\n--memory FILE --cr3 X GVA",
	.doc = "Prints how one guest-virtual address translates, level by "
	       "level: the entry, its bits, the rights that are left, and "
	       "what the access would end in."
	       "\v"
	       "Ends with 0 whether the access is permitted or faults; with 1 "
	       "if memory that the walk needs is not in the input.",
};

/* ---- memory ---- */

struct dump {
	const unsigned char *bytes;
	uint64_t base;
	uint64_t size;
};

static enum gnomon_status load_dump(void *arg, gnomon_gpa_t gpa,
				    unsigned bytes, uint64_t *value)
{
	const struct dump *d = arg;
	uint64_t at = gpa.v - d->base;

	if (at >= d->size || d->size - at < bytes) {
		return GNOMON_ABSENT;
	}
	*value = 0;
	memcpy(value, d->bytes + at, bytes);
	return GNOMON_OK;
}

static enum gnomon_status load_replica(void *arg, gnomon_gpa_t gpa,
				       unsigned bytes, uint64_t *value)
{
	return sim_replica_read(arg, gpa.v, bytes, value) ? GNOMON_OK
							  : GNOMON_ABSENT;
}

static int walk(struct walk_opts *o, const struct gnomon_host *host, void *arg,
		const char *what)
{
	struct walk_report *r = &o->report;

	r->status = gnomon_walk(&r->regs, &o->caps, host, arg, r->gva,
				r->access, 0, &r->trail);
	if (r->status == GNOMON_INVAL) {
		return cmd_error(what, "CR0 %#" PRIx64 ", CR3 %#" PRIx64
				 ", CR4 %#" PRIx64 ", EFER %#" PRIx64
				 ": no CPU holds these together", r->regs.cr0,
				 r->regs.cr3, r->regs.cr4, r->regs.efer);
	}
	if (o->json) {
		walk_print_json(r);
	} else {
		walk_print_text(r);
	}
	return r->status == GNOMON_ABSENT ? CMD_FAILED : CMD_OK;
}

static int walk_dump(struct walk_opts *o)
{
	const struct gnomon_host host = { .size = sizeof(host),
					  .load = load_dump };
	struct dump d = { .base = o->base };
	struct stat st;
	int fd = open(o->memory, O_RDONLY);
	int result;
	void *map;

	if (fd < 0 || fstat(fd, &st)) {
		result = cmd_error(o->memory, "%s", strerror(errno));
		goto out;
	}
	if (!S_ISREG(st.st_mode) || st.st_size == 0) {
		result = cmd_error(o->memory, "not a file with memory in it");
		goto out;
	}
	d.size = (uint64_t)st.st_size;
	map = mmap(NULL, d.size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (map == MAP_FAILED) {
		result = cmd_error(o->memory, "%s", strerror(errno));
		goto out;
	}
	d.bytes = map;
	result = walk(o, &host, &d, o->memory);
	munmap(map, d.size);
out:
	if (fd >= 0) {
		close(fd);
	}
	return result;
}

/* ---- recording ---- */

static void take_register(struct walk_opts *o, const struct sim_event *ev)
{
	struct gnomon_regs *regs = &o->report.regs;

	if (ev->vcpu != o->vcpu || !(ev->flags & SIM_F_VALUE)) {
		return;
	}
	switch (ev->type) {
	case SIM_EV_CR0:
		regs->cr0 = ev->value;
		break;
	case SIM_EV_CR3:
		/* Bit 63 is a request of the instruction, not kept. */
		regs->cr3 = ev->value & ~(UINT64_C(1) << 63);
		break;
	case SIM_EV_CR4:
		regs->cr4 = ev->value;
		break;
	case SIM_EV_EFER:
		regs->efer = ev->value;
		break;
	case SIM_EV_PKRU:
		regs->pkru = (uint32_t)ev->value;
		break;
	default:
		break;
	}
}

static enum sim_rec_status follow(struct walk_opts *o,
				  struct sim_rec_reader *r,
				  struct sim_replica *replica)
{
	enum sim_rec_status status = SIM_REC_OK;
	struct sim_event ev;

	while (sim_rec_tell(r) < o->at) {
		status = sim_rec_next(r, &ev);
		if (status != SIM_REC_OK) {
			break;
		}
		take_register(o, &ev);
		if (sim_replica_apply(replica, &ev) == SIM_REPLICA_FULL) {
			return SIM_REC_NOMEM;
		}
	}
	return status == SIM_REC_END ? SIM_REC_OK : status;
}

static int walk_replica(struct walk_opts *o, struct sim_rec_reader *r,
			struct sim_replica *replica)
{
	const struct gnomon_host host = { .size = sizeof(host),
					  .load = load_replica };
	enum sim_rec_status status = follow(o, r, replica);

	if (status == SIM_REC_NOMEM) {
		return cmd_error(o->recording, "out of memory");
	}
	if (status != SIM_REC_OK) {
		return cmd_error_text(sim_rec_error(r)->text);
	}
	if (o->at != UINT64_MAX && sim_rec_tell(r) < o->at) {
		return cmd_error(o->recording, "holds %" PRIu64 " events; --at "
				 "%" PRIu64 " is beyond", sim_rec_tell(r),
				 o->at);
	}
	return walk(o, &host, replica, o->recording);
}

static int walk_recording(struct walk_opts *o)
{
	struct gnomon_regs given = o->report.regs;
	const struct sim_rec_info *info;
	struct sim_rec_error err = { "" };
	struct sim_rec_reader *r;
	struct sim_replica *replica;
	int result;

	char path[SIM_SOURCE_PATH], why[SIM_SOURCE_WHY];
	bool found = sim_source_file(o->recording, path);

	if (sim_source_missing(o->recording, false, why)) {
		return cmd_error_text(why);
	}
	if (sim_rec_open(&r, found ? path : o->recording, &err) !=
	    SIM_REC_OK) {
		return cmd_error_text(err.text);
	}
	info = sim_rec_info(r);
	if (info->kind != SIM_REC_MMU) {
		sim_rec_close(r);
		return cmd_error(o->recording, "a process-level recording "
				 "holds no page tables");
	}
	o->report.regs = (struct gnomon_regs){
		.cr0 = info->cr0, .cr3 = info->cr3, .cr4 = info->cr4,
		.efer = info->efer, .ac = given.ac,
	};
	o->caps.maxphyaddr = (uint8_t)info->maxphyaddr;
	replica = sim_replica_new(sim_rec_entry_bytes(info));
	result = replica ? walk_replica(o, r, replica)
			 : cmd_error(o->recording, "out of memory");
	sim_replica_free(replica);
	sim_rec_close(r);
	return result;
}

static int run(const struct cmd *cmd, int argc, char **argv)
{
	struct walk_opts o = {
		.at = UINT64_MAX,
		.report.regs = { .cr0 = 0x80010001, .cr4 = 0x20,
				 .efer = 0xd00 },
		.caps = { .features = 0x1ff, .maxphyaddr = 46 },
	};

	cmd_parse(cmd, argc, argv, &o);
	return o.memory ? walk_dump(&o) : walk_recording(&o);
}

const struct cmd cmd_walk = {
	.name = "walk",
	.help = "print how an address translates, level by level",
	.argp = &argp,
	.run = run,
};

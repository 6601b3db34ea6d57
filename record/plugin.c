/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The recorder: a plugin of QEMU's TCG that writes what a guest does to its
 * page tables. `gnomon record guest` starts QEMU with it and says through the
 * environment where to write.
 *
 * Memory callbacks come after the access, so a table store's value is read
 * back from guest RAM, which is a file that both map-> Callbacks of
 * instructions come before them, so the value of a control register is that
 * of the register it is loaded from. Vcpus take turns on one thread.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "record/api.h"
#include "record/decode.h"
#include "record/mark.h"
#include "record/plugin.h"
#include "record/regs.h"

enum {
	PF_VECTOR = 14,
	MSR_EFER = 0xc0000080u,
	MARK_START = 1,
	MARK_END = 9,
};

#define EFER_LMA	(1ull << 10)
#define CR0_TS		(1ull << 3)
#define CR0_PG		(1ull << 31)
#define CR4_LA57	(1ull << 12)
#define DIRECT_MAP_4	0xffff888000000000ull
#define DIRECT_MAP_5	0xff11000000000000ull

struct record_plugin record_plugin;

static struct record_plugin *const p = &record_plugin;

static const char *setting(const char *name)
{
	const char *value = getenv(name);

	return value ? value : "";
}

static void complain(const char *text)
{
	fprintf(stderr, "gnomon: %s\n", text);
}

/* ---- Start and end ------------------------------------------------------- */

static void describe(struct sim_rec_info *info, unsigned int vcpu)
{
	uint64_t gpa;
	char pages[32];

	info->kind = SIM_REC_MMU;
	info->cr0 = regs_read(vcpu, RECORD_CR0);
	info->cr3 = regs_read(vcpu, RECORD_CR3);
	info->cr4 = regs_read(vcpu, RECORD_CR4);
	info->efer = regs_read(vcpu, RECORD_EFER);
	info->levels = info->cr4 & CR4_LA57 ? 5 : 4;
	info->pae = true;
	info->maxphyaddr = RECORD_MAXPHYADDR;
	info->vcpus = p->vcpus;
	info->ram_bytes = p->ram.bytes;
	info->direct_map = info->levels == 5 ? DIRECT_MAP_5 : DIRECT_MAP_4;
	info->has_direct_map =
		record_translate(&p->ram, vcpu, info->direct_map +
				 (info->cr3 & ~0xfffull), &gpa) &&
		gpa == (info->cr3 & ~0xfffull);
	snprintf(info->source, sizeof(info->source), "%s",
		 setting("GNOMON_RECORD_SOURCE"));
	snprintf(info->tool, sizeof(info->tool), "gnomon record guest (%s)",
		 setting("GNOMON_RECORD_TOOL"));
	snprintf(pages, sizeof(pages), "%u", p->filter[0].pages);
	sim_rec_meta_set(info, "filter", pages);
	sim_rec_meta_set(info, "ac", "recorded");
	sim_rec_meta_set(info, "privilege", "recorded");
	sim_rec_meta_set(info, "fetches", p->fetches ?
			 "one per change of page" : "faulting ones only");
	sim_rec_meta_set(info, "final-state", "guest memory");
	if (p->vcpus > 1) {
		sim_rec_meta_set(info, "stale", "left out");
	}
}

/* Nobody needs the rest of the run: QEMU ends in order. */
static void stop_guest(const char *why)
{
	complain(why);
	p->ended = true;
	kill(getpid(), SIGTERM);
}

static void give_up(const char *text)
{
	stop_guest(text);
	sim_rec_abort(p->rec.out);
	record_free(&p->rec);
	p->on = false;
}

void record_plugin_put(struct sim_event ev)
{
	record_put(&p->rec, ev);
	if (p->rec.status != SIM_REC_OK && p->on) {
		give_up(p->rec.status == SIM_REC_NOMEM ?
			"out of memory; record less" :
			sim_rec_writer_error(p->rec.out)->text);
	}
}

static void put_marker(uint64_t number)
{
	record_plugin_put((struct sim_event){ .type = SIM_EV_MARKER,
					      .value = number });
}

static void put_register(enum sim_event_type type, uint64_t value)
{
	record_plugin_put((struct sim_event){ .type = (uint8_t)type,
					      .value = value,
					      .flags = SIM_F_VALUE });
}

/* Of a vcpu that the header does not speak of, where they differ. */
static void put_registers(const struct sim_rec_info *info, unsigned int vcpu,
			  uint64_t cr3)
{
	static const struct {
		enum sim_event_type type;
		int number;
	} all[] = {
		{ SIM_EV_CR0, RECORD_CR0 }, { SIM_EV_CR4, RECORD_CR4 },
		{ SIM_EV_EFER, RECORD_EFER },
	};
	const uint64_t head[] = { info->cr0, info->cr4, info->efer };

	p->rec.vcpu = (uint16_t)vcpu;
	for (size_t i = 0; regs_of_others() && i < 3; i++) {
		uint64_t value = regs_read_other(vcpu, all[i].number);

		if (value != head[i]) {
			put_register(all[i].type, value);
		}
	}
	put_register(SIM_EV_CR3, cr3);
}

static void start(unsigned int vcpu)
{
	struct sim_rec_info info = { .kind = SIM_REC_MMU };
	struct sim_rec_writer *out;
	struct sim_rec_error err;

	describe(&info, vcpu);
	if (!(info.efer & EFER_LMA) || !(info.cr0 & CR0_PG)) {
		stop_guest("the guest is not in long mode; only 64-bit guests "
			   "can be recorded");
		return;
	}
	if (sim_rec_create(&out, setting("GNOMON_RECORD_OUT"), &info, NULL,
			   &err) != SIM_REC_OK) {
		stop_guest(err.text);
		return;
	}
	if (!record_init(&p->rec, out, p->ram.data, p->ram.bytes, info.levels,
			 p->vcpus)) {
		give_up("out of memory; record less");
		return;
	}
	p->on = true;
	p->rec.instr = api_counted();
	put_marker(MARK_START);
	for (unsigned int i = 0; p->on && i < p->vcpus; i++) {
		uint64_t cr3 = i == vcpu ? regs_read(i, RECORD_CR3) :
			       regs_of_others() ?
			       regs_read_other(i, RECORD_CR3) : p->cr3[i];

		if (cr3) {
			record_root(&p->rec, i, cr3);
		}
		/* The header knows one. */
		if (cr3 && i != vcpu) {
			put_registers(&info, i, cr3);
		}
	}
}

static void put_symbol(uint64_t start, uint64_t bytes, const char *name)
{
	if (p->on) {
		record_plugin_put((struct sim_event){
			.type = SIM_EV_SYMBOL, .gva = start, .value = bytes,
			.text = name, .text_bytes = (uint32_t)
				strnlen(name, SIM_REC_TEXT_MAX),
		});
	}
}

/* The kernel's names, a piece at a time; the program has just read it. */
static void take_symbols(unsigned int vcpu, uint64_t gva, uint64_t bytes)
{
	while (bytes > 0) {
		uint64_t part = 4096 - (gva & 4095), gpa;
		char *to;

		part = part < bytes ? part : bytes;
		if (!record_translate(&p->ram, vcpu, gva, &gpa) ||
		    gpa >= p->ram.bytes) {
			return;
		}
		to = record_symbols_room(&p->symbols, (size_t)part);
		if (!to) {
			return;
		}
		memcpy(to, p->ram.data + gpa, (size_t)part);
		gva += part;
		bytes -= part;
	}
}

static void put_note(const char *name, uint64_t value)
{
	char text[64];

	snprintf(text, sizeof(text), "%s=%llu", name,
		 (unsigned long long)value);
	record_plugin_put((struct sim_event){ .type = SIM_EV_NOTE, .text = text,
				.text_bytes = (uint32_t)strlen(text) });
}

static void finish(void)
{
	struct sim_rec_error err;
	uint64_t dropped = 0;

	if (!p->on) {
		return;
	}
	for (unsigned int i = 0; i < p->vcpus; i++) {
		dropped += p->filter[i].dropped;
	}
	put_note("accesses-dropped", dropped);
	if (p->vcpus > 1) {
		put_note("stale-left-out", p->stale);
	}
	record_symbols_report(&p->symbols, put_symbol);
	record_symbols_free(&p->symbols);
	if (p->on) {
		record_final(&p->rec);
	}
	if (p->on && sim_rec_commit(p->rec.out, &err) != SIM_REC_OK) {
		complain(err.text);
	}
	record_free(&p->rec);
	p->on = false;
	p->ended = true;
}

static void mark(unsigned int vcpu, uint64_t number)
{
	if (!p->on && !p->ended && number == MARK_START) {
		start(vcpu);
	} else if (p->on) {
		put_marker(number);
		if (number == MARK_END) {
			finish();
		}
	}
}

static void at_exit(qemu_plugin_id_t id, void *arg)
{
	(void)id;
	(void)arg;
	if (!p->on && !p->ended) {
		complain("the guest never reached the start of the recording");
	}
	finish();
}

/* ---- Instructions -------------------------------------------------------- */

static uint64_t address_of(unsigned int vcpu, const struct record_insn *i)
{
	uint64_t address = (uint64_t)(int64_t)i->disp;

	if (i->base == RECORD_RIP) {
		address += i->rip;
	} else if (i->base != RECORD_NO_REG) {
		address += regs_general(vcpu, i->base);
	}
	if (i->index != RECORD_NO_REG) {
		address += regs_general(vcpu, i->index) * i->scale;
	}
	return address;
}

static void load_cr3(unsigned int vcpu, uint64_t value)
{
	record_root(&p->rec, vcpu, value);
	put_register(SIM_EV_CR3, value);
	if (p->on) {
		record_left(&p->rec);
	}
	record_filter_clear(&p->filter[vcpu]);
	p->fetched[vcpu] = 0;
}

static void write_register(unsigned int vcpu, enum sim_event_type type,
			   uint64_t value)
{
	put_register(type, value);
	record_filter_clear(&p->filter[vcpu]);
}

static void write_msr(unsigned int vcpu)
{
	uint64_t value = (regs_general(vcpu, 0) & 0xffffffff) |
			 regs_general(vcpu, 2) << 32;

	if ((regs_general(vcpu, 1) & 0xffffffff) == MSR_EFER) {
		/* Software cannot change LMA. */
		value &= ~EFER_LMA;
		value |= regs_read(vcpu, RECORD_EFER) & EFER_LMA;
		write_register(vcpu, SIM_EV_EFER, value);
	}
}

static void invpcid(unsigned int vcpu, const struct record_insn *i)
{
	uint64_t at = address_of(vcpu, i);

	record_plugin_put((struct sim_event){
		.type = SIM_EV_INVPCID,
		.sub = (uint8_t)(regs_general(vcpu, i->reg) & 3),
		.value = record_read(&p->ram, vcpu, at, 8) & 0xfff,
		.gva = record_read(&p->ram, vcpu, at + 8, 8),
	});
	record_filter_clear(&p->filter[vcpu]);
}

static void write_cr(unsigned int vcpu, const struct record_insn *i)
{
	uint64_t value = regs_general(vcpu, i->reg);

	if (i->cr == 3) {
		load_cr3(vcpu, value);
	} else if (i->cr == 0) {
		write_register(vcpu, SIM_EV_CR0, value);
	} else if (i->cr == 4) {
		write_register(vcpu, SIM_EV_CR4, value);
	}
}

/* What is followed before the recording starts, too. */
static void see_early(unsigned int vcpu, const struct record_insn *i)
{
	if (i->kind == INSN_LIDT && (regs_read(vcpu, RECORD_EFER) & EFER_LMA)) {
		p->idt = record_read(&p->ram, vcpu, address_of(vcpu, i) + 2, 8);
	}
	if (i->kind == INSN_MOV_CR && i->cr == 3) {
		p->cr3[vcpu % RECORD_VCPUS_MAX] = regs_general(vcpu, i->reg);
	}
	if (i->kind == INSN_CPUID &&
	    (uint32_t)regs_general(vcpu, 0) == GNOMON_MARK_LEAF) {
		mark(vcpu, regs_general(vcpu, 3) & 0xffffffff);
	}
	if (i->kind == INSN_CPUID && !p->on &&
	    (uint32_t)regs_general(vcpu, 0) == GNOMON_SYMBOLS_LEAF) {
		take_symbols(vcpu, regs_general(vcpu, 3),
			     regs_general(vcpu, 1) & 0xffff0000 ? 65536 :
			     regs_general(vcpu, 1) & 0xffff);
	}
}

static void at_insn(unsigned int said, void *arg)
{
	const struct record_insn *i = arg;
	unsigned int vcpu = record_plugin_vcpu(said);

	p->last = vcpu;
	record_plugin_moment(vcpu, i->back);
	/* It is about to change them, if it does. */
	p->registers_known[vcpu] = false;
	see_early(vcpu, i);
	if (!p->on) {
		return;
	}
	switch (i->kind) {
	case INSN_MOV_CR:
		write_cr(vcpu, i);
		break;
	case INSN_CLTS:
		write_register(vcpu, SIM_EV_CR0,
			       regs_read(vcpu, RECORD_CR0) & ~CR0_TS);
		break;
	case INSN_LMSW:
		record_plugin_put((struct sim_event){ .type = SIM_EV_CR0 });
		record_filter_clear(&p->filter[vcpu]);
		break;
	case INSN_WRMSR:
		write_msr(vcpu);
		break;
	case INSN_INVLPG:
		record_plugin_put((struct sim_event){ .type = SIM_EV_INVLPG,
					.gva = address_of(vcpu, i) });
		record_filter_drop_page(&p->filter[vcpu], address_of(vcpu, i));
		break;
	case INSN_INVPCID:
		invpcid(vcpu, i);
		break;
	case INSN_OTHER:
	case INSN_LIDT:
	case INSN_CPUID:
		break;
	}
}

/* ---- Translation --------------------------------------------------------- */

static bool is_fault_handler(uint64_t ip)
{
	uint64_t gate = p->idt + 16 * PF_VECTOR;
	uint64_t low, high;

	if (!p->idt || !(ip >> 63)) {
		return false;
	}
	low = record_read(&p->ram, 0, gate, 8);
	high = record_read(&p->ram, 0, gate + 8, 4);
	return ip == ((low & 0xffff) | (low >> 32 & 0xffff0000) | high << 32);
}

static void watch(struct qemu_plugin_insn *insn, uint64_t ip, size_t back)
{
	uint8_t code[API_INSN_MAX];
	size_t bytes = api_insn_bytes(insn, code);
	struct record_insn i = record_decode(code, bytes, ip);
	struct record_insn *kept;

	if (i.kind == INSN_OTHER) {
		return;
	}
	/* Few, and QEMU may call back as long as it runs: never freed. */
	kept = malloc(sizeof(*kept));
	if (kept) {
		*kept = i;
		kept->back = (uint16_t)back;
		qemu_plugin_register_vcpu_insn_exec_cb(insn, at_insn,
			QEMU_PLUGIN_CB_R_REGS, kept);
	}
}

static void at_translation(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	size_t count = qemu_plugin_tb_n_insns(tb);
	bool folded = record_plugin_fold(tb, count);

	(void)id;
	api_count_block(tb, count);
	if (p->fetches) {
		record_plugin_watch_fetches(tb, count);
	}
	for (size_t n = 0; n < count; n++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, n);
		uint64_t ip = qemu_plugin_insn_vaddr(insn);

		if (n == 0 && is_fault_handler(ip)) {
			qemu_plugin_register_vcpu_insn_exec_cb(insn,
				record_plugin_at_fault, QEMU_PLUGIN_CB_R_REGS,
				(void *)count);
		}
		watch(insn, ip, count - n);
		if (!folded) {
			record_plugin_watch_accesses(insn, count - n);
		}
	}
}

/* ---- Installation -------------------------------------------------------- */

static bool prepare(const struct qemu_info_t *info)
{
	uint32_t pages = (uint32_t)atoi(setting("GNOMON_RECORD_FILTER"));
	bool good;

	p->vcpus = (unsigned int)info->system.max_vcpus;
	good = p->vcpus <= RECORD_VCPUS_MAX &&
	       record_map_ram(&p->ram, setting("GNOMON_RECORD_RAM"));
	for (unsigned int i = 0; good && i < p->vcpus; i++) {
		good = record_filter_init(&p->filter[i], pages);
	}
	return good;
}

int qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_info_t *info,
			int argc, char **argv)
{
	(void)argc;
	(void)argv;
	if (!info->system_emulation || strcmp(info->target_name, "x86_64") ||
	    !regs_init(id)) {
		complain("this QEMU does not let its plugins read registers; "
			 "use qemu-system-x86_64 7.2, or 9.0 and later");
		return -1;
	}
	api_init(info);
	if (info->system.max_vcpus > 1 && !api_names_vcpu() &&
	    !regs_sees_vcpu()) {
		complain("this QEMU does not tell its plugins which of "
			 "several vcpus runs; use --vcpus 1, or "
			 "qemu-system-x86_64 7.2 to 9.1");
		return -1;
	}
	p->fetches = setting("GNOMON_RECORD_FETCHES")[0] == '1';
	if (!prepare(info)) {
		complain("the recorder needs the guest's RAM as a file, at "
			 "most 64 vcpus, and a filter of 2^n pages; start it "
			 "with `gnomon record guest`");
		return -1;
	}
	qemu_plugin_register_vcpu_tb_trans_cb(id, at_translation);
	qemu_plugin_register_atexit_cb(id, at_exit, NULL);
	return 0;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* Accesses, fetches and page faults of the recorded guest. */
#include "record/access.h"
#include "record/api.h"
#include "record/plugin.h"
#include "record/regs.h"

enum {
	/* Where a memory callback's argument keeps how many instructions of
	 * its block are still to come; the ip is below. */
	BACK_SHIFT = 48,
};

static struct record_plugin *const p = &record_plugin;

unsigned int record_plugin_vcpu(unsigned int said)
{
	return p->vcpus == 1 ? 0 : regs_vcpu(said, p->vcpus);
}

void record_plugin_moment(unsigned int vcpu, uint64_t back)
{
	uint64_t now = api_counted() - back;

	if (now > p->rec.instr) {
		p->rec.instr = now;
	}
	p->rec.vcpu = (uint16_t)vcpu;
}

const struct sim_oracle *record_plugin_registers(unsigned int vcpu)
{
	if (!p->registers_known[vcpu]) {
		p->registers[vcpu] = record_registers(vcpu);
		p->registers_known[vcpu] = true;
	}
	return &p->registers[vcpu];
}

/* False if it was stale. */
static bool put_unless_stale(unsigned int vcpu, struct sim_event ev)
{
	if (p->vcpus > 1 &&
	    record_is_stale(&p->ram, *record_plugin_registers(vcpu), &ev)) {
		p->stale++;
		return false;
	}
	record_plugin_put(ev);
	return true;
}

/* The processor has pushed error code, RIP, CS and RFLAGS. */
void record_plugin_at_fault(unsigned int said, void *back)
{
	unsigned int vcpu = record_plugin_vcpu(said);
	bool lost_turn = p->last != vcpu;
	struct sim_event ev = { .type = SIM_EV_FAULT };
	uint64_t rsp;

	p->last = vcpu;
	if (!p->on) {
		return;
	}
	rsp = regs_read(vcpu, RECORD_RSP);
	ev.gva = regs_read(vcpu, RECORD_CR2);
	ev.value = record_read(&p->ram, vcpu, rsp, 4);
	ev.ip = record_read(&p->ram, vcpu, rsp + 8, 8);
	ev.flags = SIM_F_IP;
	if (ev.value & SIM_PF_U) {
		ev.flags |= SIM_F_USER;
	}
	if (record_read(&p->ram, vcpu, rsp + 24, 8) & RECORD_EFLAGS_AC) {
		ev.flags |= SIM_F_AC;
	}
	record_plugin_moment(vcpu, (uintptr_t)back);
	if (lost_turn) {
		put_unless_stale(vcpu, ev);
	} else {
		record_plugin_put(ev);
	}
}

/* ---- Accesses ------------------------------------------------------------ */

static unsigned int flags_of(unsigned int vcpu, uint64_t gva, bool store)
{
	unsigned int flags = store ? SIM_F_WRITE : 0;
	bool user = (regs_read(vcpu, RECORD_CS) & 3) == 3;

	if (regs_read(vcpu, RECORD_EFLAGS) & RECORD_EFLAGS_AC) {
		flags |= SIM_F_AC;
	}
	/* While it delivers an interrupt from CPL 3, the processor itself
	 * writes the kernel's stack. */
	if (user) {
		flags |= gva >> 63 ? SIM_F_IMPLICIT : SIM_F_USER;
	}
	return flags;
}

/* If not, the access has the first entry of its set. */
static inline bool is_dropped(struct record_filter *f, bool store, uint64_t gva)
{
	const struct record_filter_entry *e;

	if (!f->pages) {
		return false;
	}
	e = record_filter_use(f, store, gva);
	if (e->page != (gva >> 12) + 1 ||
	    (store && e->epoch != p->rec.epoch)) {
		return false;
	}
	f->dropped++;
	return true;
}

/* A store into a page table; false if it is not one. */
static bool take_table_store(qemu_plugin_meminfo_t info, uint64_t gva,
			     uint64_t packed, unsigned int flags)
{
	struct qemu_plugin_hwaddr *at = qemu_plugin_get_hwaddr(info, gva);
	unsigned int size = 1u << qemu_plugin_mem_size_shift(info);
	/* The ip is sign-extended from 48 bits. */
	uint64_t ip = (uint64_t)((int64_t)(packed << 16) >> 16);
	uint64_t gpa;

	if (!at || qemu_plugin_hwaddr_is_io(at)) {
		return false;
	}
	gpa = qemu_plugin_hwaddr_phys_addr(at);
	if (!record_is_table(&p->rec, gpa) ||
	    !record_store(&p->rec, gva, gpa, size, ip, flags)) {
		return false;
	}
	record_symbols_see(&p->symbols, ip);
	return true;
}

static bool put_access(unsigned int vcpu, qemu_plugin_meminfo_t info,
		       uint64_t gva)
{
	bool store = qemu_plugin_mem_is_store(info);

	return put_unless_stale(vcpu, (struct sim_event){
		.type = SIM_EV_ACCESS, .gva = gva,
		.size = (uint16_t)(1u << qemu_plugin_mem_size_shift(info)),
		.flags = (uint16_t)flags_of(vcpu, gva, store),
	});
}

/* What the filter alone does not settle. */
static void take_access(unsigned int vcpu, qemu_plugin_meminfo_t info,
			uint64_t gva, uint64_t packed)
{
	bool store = qemu_plugin_mem_is_store(info);
	struct record_filter *filter = &p->filter[vcpu];
	struct record_filter_entry *e = NULL;
	bool kept = true;

	record_plugin_moment(vcpu, packed >> BACK_SHIFT);
	if (filter->pages) {
		e = record_filter_at(filter, store, gva);
		kept = e->page != (gva >> 12) + 1;
		filter->dropped += !kept;
		e->page = (gva >> 12) + 1;
		e->epoch = p->rec.epoch;
	}
	if (store && take_table_store(info, gva, packed,
				      kept ? SIM_F_KEPT : 0)) {
		/* Look again at the next store to this page. */
		if (e) {
			e->epoch = p->rec.epoch - 1;
		}
		return;
	}
	if (kept && !put_access(vcpu, info, gva) && e) {
		e->page = 0;
	}
}

static __attribute__((noinline)) void
look(unsigned int vcpu, qemu_plugin_meminfo_t info, uint64_t gva, void *packed)
{
	p->last = vcpu;
	if (!is_dropped(&p->filter[vcpu], qemu_plugin_mem_is_store(info),
			gva)) {
		take_access(vcpu, info, gva, (uintptr_t)packed);
	}
}

void record_plugin_look(unsigned int said, qemu_plugin_meminfo_t info,
			uint64_t gva, size_t back)
{
	look(record_plugin_vcpu(said), info, gva,
	     (void *)(uintptr_t)(back << BACK_SHIFT));
}

/* Would a load be dropped, and a store as well? Then it need not be asked which
 * it is, which takes a call of QEMU. */
static inline bool is_dropped_either_way(struct record_filter *f, uint64_t gva)
{
	const struct record_filter_entry *load, *store;

	if (!f->pages) {
		return false;
	}
	load = record_filter_at(f, false, gva);
	store = record_filter_at(f, true, gva);
	if (load->page != (gva >> 12) + 1 || store->page != load->page ||
	    store->epoch != p->rec.epoch) {
		return false;
	}
	f->dropped++;
	return true;
}

/* One callback for loads and stores: with one for each, QEMU 7.2 calls both
 * for either. Until the recording starts it has to be short. */
static void at_access(unsigned int said, qemu_plugin_meminfo_t info,
		      uint64_t gva, void *packed)
{
	if (p->on && (p->vcpus > 1 ||
		      !is_dropped_either_way(&p->filter[0], gva))) {
		look(record_plugin_vcpu(said), info, gva, packed);
	}
}

void record_plugin_watch_accesses(struct qemu_plugin_insn *insn, size_t back)
{
	uint64_t ip = qemu_plugin_insn_vaddr(insn) & 0xffffffffffffull;

	qemu_plugin_register_vcpu_mem_cb(insn, at_access,
		QEMU_PLUGIN_CB_R_REGS, QEMU_PLUGIN_MEM_RW,
		(void *)(uintptr_t)(ip | (uint64_t)back << BACK_SHIFT));
}

/* ---- Fetches ------------------------------------------------------------- */

static void put_fetch(unsigned int vcpu, uint64_t page)
{
	uint64_t gva = page << 12;

	if (p->on && p->fetched[vcpu] != page + 1) {
		p->fetched[vcpu] = page + 1;
		put_unless_stale(vcpu, (struct sim_event){
			.type = SIM_EV_ACCESS, .gva = gva, .size = 1,
			.flags = (uint16_t)(flags_of(vcpu, gva, false) |
					    SIM_F_FETCH) });
	}
}

/* A block runs: its page and, by the lowest bit, the next one too. */
static void at_block(unsigned int said, void *arg)
{
	uint64_t page = (uintptr_t)arg >> 1;
	unsigned int vcpu = record_plugin_vcpu(said);

	if (p->on) {
		p->rec.vcpu = (uint16_t)vcpu;
		put_fetch(vcpu, page);
		if ((uintptr_t)arg & 1) {
			put_fetch(vcpu, page + 1);
		}
	}
}

void record_plugin_watch_fetches(struct qemu_plugin_tb *tb, size_t count)
{
	struct qemu_plugin_insn *last = qemu_plugin_tb_get_insn(tb, count - 1);
	uint64_t page = qemu_plugin_tb_vaddr(tb) >> 12;
	uint64_t end = qemu_plugin_insn_vaddr(last) +
		       qemu_plugin_insn_size(last) - 1;

	qemu_plugin_register_vcpu_tb_exec_cb(tb, at_block,
		QEMU_PLUGIN_CB_R_REGS,
		(void *)(uintptr_t)(page << 1 | (end >> 12 != page)));
}


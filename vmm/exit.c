/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Why the guest left, and what to do about it. What TCG does unlike silicon
 * is handled in event.c (interrupted events), cr.c (CR4) and here, and told
 * where it is.
 */
#include "vmm/insn.h"
#include "vmm/vmm.h"

enum { PORT_LOG = 0xe9, PORT_PM1A = 0x604, PM1A_SLEEP = 1u << 13 };

static void after_fault(struct vmm *v, const struct gnomon_outcome *out,
			uint64_t gva)
{
	v->count.kind[out->kind]++;
	if (v->policy) {
		adaptive_fault(v, out);
	}
	switch (out->action) {
	case GNOMON_RESUME:
		break;
	case GNOMON_INJECT:
		inject_pf(v, out->gva.v, out->error_code);
		break;
	case GNOMON_EMULATE:
		/* A nested violation names no address of the guest's. */
		if (v->mode == VMM_SHADOW && emulate_store(v, gva)) {
			v->count.stores_emulated++;
		} else {
			v->count.stores_stepped++;
			step_one(v);
			return;
		}
		break;
	case GNOMON_DO_MMIO:
		/* Nothing is there: reads give ones, writes are lost. */
		step_one(v);
		return;
	case GNOMON_RETRY:
	case GNOMON_STOP_NOMEM:
		vmm_die("out of pages at %x", v->vmcb->rip);
	case GNOMON_TRACKED:	/* we watch nothing */
	case GNOMON_STOP_BUG:
		vmm_die("the engine gave up at %x", v->vmcb->rip);
	}
	load_root(v);
}

static void exit_pf(struct vmm *v)
{
	/* Of the code only W, U and I are used: P and RSVD come from the
	 * engine's own walk (TCG leaves P out when it sets RSVD). */
	uint64_t code = v->vmcb->exitinfo1;
	struct gnomon_fault fault = {
		.gva = { v->vmcb->exitinfo2 },
		.rip = v->vmcb->rip,
	};
	struct gnomon_outcome out;

	pull_regs(v);
	fault.access |= code & PF_W ? GNOMON_WRITE : 0;
	fault.access |= code & PF_I ? GNOMON_EXEC : 0;
	fault.access |= code & PF_U ? GNOMON_USER : 0;
	if (!(code & PF_U) && is_user(v)) {
		fault.access |= GNOMON_IMPLICIT;
	}
	gnomon_fault(v->vcpu, &fault, &out);
	after_fault(v, &out, fault.gva.v);
}

static void exit_npf(struct vmm *v)
{
	uint64_t code = v->vmcb->exitinfo1;
	struct gnomon_fault fault = {
		.gpa = { v->vmcb->exitinfo2 },
		.rip = v->vmcb->rip,
		.nested = true,
		.table_walk = code & SVM_NPF_TABLE_WALK,
	};
	struct gnomon_outcome out;

	fault.access |= code & PF_W ? GNOMON_WRITE : 0;
	fault.access |= code & PF_I ? GNOMON_EXEC : 0;
	gnomon_fault(v->vcpu, &fault, &out);
	after_fault(v, &out, 0);
}

static void exit_invlpg(struct vmm *v)
{
	unsigned char code[15];
	unsigned count;
	struct insn i;

	pull_regs(v);
	count = fetch_code(v, code);
	if (!insn_decode(code, count, v->vmcb->cs.attrib & SEG_LONG, &i) ||
	    i.op != INSN_INVLPG) {
		inject(v, VEC_UD, false, 0);
		return;
	}
	gnomon_invlpg(v->vcpu, (gnomon_gva_t){ insn_address(v, &i) });
	if (v->policy) {
		adaptive_exit(v, false);
	}
	load_root(v);
	skip(v, i.bytes);
}

static uint32_t port_in(uint16_t port, unsigned bytes)
{
	return bytes == 1 ? inb(port) : bytes == 2 ? inw(port) : inl(port);
}

static void port_out(uint16_t port, unsigned bytes, uint32_t value)
{
	if (bytes == 1) {
		outb(port, (uint8_t)value);
	} else if (bytes == 2) {
		outw(port, (uint16_t)value);
	} else {
		outl(port, value);
	}
}

/* Only the ports in main.c's map come here. */
static void exit_io(struct vmm *v)
{
	uint64_t info = v->vmcb->exitinfo1;
	uint16_t port = (uint16_t)(info >> 16);
	unsigned bytes = info >> 4 & 7;
	uint64_t mask = (UINT64_C(1) << (8 * bytes)) - 1;

	if (info & 4) {
		inject(v, VEC_GP, true, 0);	/* string: nobody does it */
		return;
	}
	if (info & 1) {
		uint64_t in = port == PORT_LOG ? 0xff : port_in(port, bytes);

		mask = bytes == 4 ? UINT64_MAX : mask;
		v->reg[RAX] = (v->reg[RAX] & ~mask) | in;
	} else if (port >= PORT_PM1A && (v->reg[RAX] & PM1A_SLEEP)) {
		v->stop = true;
	} else if (port != PORT_LOG) {
		port_out(port, bytes, (uint32_t)v->reg[RAX]);
	}
	v->vmcb->rip = v->vmcb->exitinfo2;
	v->vmcb->interrupt_shadow = 0;
}

/* TCG ends the guest with -1 where an illegal CR3 or CR4 makes #GP. */
static bool was_mov_cr(struct vmm *v)
{
	unsigned char code[15];
	struct insn i;

	pull_regs(v);
	return insn_decode(code, fetch_code(v, code),
			   v->vmcb->cs.attrib & SEG_LONG, &i) &&
	       i.op == INSN_MOV_CR;
}

static void exit_other(struct vmm *v)
{
	uint64_t code = v->vmcb->exitcode;

	if ((uint32_t)code == SVM_EXIT_INVALID && was_mov_cr(v)) {
		inject(v, VEC_GP, true, 0);
	} else if (code == SVM_EXIT_SHUTDOWN) {
		vmm_log("vmm: the guest shut down at %x", v->vmcb->rip);
		v->stop = true;
	} else if ((code >= SVM_EXIT_VMRUN && code <= SVM_EXIT_SKINIT) ||
		   code == SVM_EXIT_INVLPGA) {
		inject(v, VEC_UD, false, 0);	/* CPUID offers no SVM */
	} else {
		vmm_die("exit %x at %x info %x %x", code, v->vmcb->rip,
			v->vmcb->exitinfo1, v->vmcb->exitinfo2);
	}
}

static void count(struct vmm *v, enum cause cause)
{
	v->count.cause[cause]++;
}

static enum cause cause_of(uint64_t code)
{
	if (code < SVM_EXIT_CR_WRITE) {
		return CAUSE_CR_READ;
	}
	switch (code) {
	case SVM_EXIT_CR_WRITE:
		return CAUSE_CR0;
	case SVM_EXIT_CR_WRITE + 3:
		return CAUSE_CR3;
	case SVM_EXIT_CR_WRITE + 4:
		return CAUSE_CR4;
	case SVM_EXIT_EXCEPTION + VEC_PF:
		return CAUSE_PF;
	case SVM_EXIT_CPUID:
		return CAUSE_CPUID;
	case SVM_EXIT_INVLPG:
		return CAUSE_INVLPG;
	case SVM_EXIT_IOIO:
		return CAUSE_IO;
	case SVM_EXIT_MSR:
		return CAUSE_MSR;
	case SVM_EXIT_VMMCALL:
		return CAUSE_HYPERCALL;
	case SVM_EXIT_INTR:
		return CAUSE_INTR;
	case SVM_EXIT_NPF:
		return CAUSE_NPF;
	default:
		return CAUSE_OTHER;
	}
}

static void dispatch(struct vmm *v)
{
	enum cause cause = cause_of(v->vmcb->exitcode);

	count(v, cause);
	switch (cause) {
	case CAUSE_CPUID:
		exit_cpuid(v);
		break;
	case CAUSE_CR0:
	case CAUSE_CR3:
	case CAUSE_CR4:
	case CAUSE_CR_READ:
		exit_cr(v);
		break;
	case CAUSE_MSR:
		exit_msr(v);
		break;
	case CAUSE_IO:
		exit_io(v);
		break;
	case CAUSE_INVLPG:
		exit_invlpg(v);
		break;
	case CAUSE_PF:
		exit_pf(v);
		break;
	case CAUSE_NPF:
		exit_npf(v);
		break;
	case CAUSE_HYPERCALL:
		hypercall(v);
		break;
	case CAUSE_INTR:
		exit_intr(v);
		break;
	case CAUSE_STEP:
	case CAUSE_OTHER:
		exit_other(v);
		break;
	}
}

/* A new ASID has no translations yet; when all are used up, all go. */
static void enter_flush(struct vmm *v)
{
	struct vmcb *c = v->vmcb;

	c->tlb_control = 0;
	if (v->flush && ++c->asid >= v->asids) {
		c->asid = 1;
		c->tlb_control = 1;
	}
	v->flush = false;
}

/*
 * TCG empties its TLB once for each control register that changes bits of
 * paging on the way in or out: hold the guest's, they mean nothing to us.
 */
static void enter_cr4(struct vmm *v)
{
	uint64_t cr4 = CR4_PAE | (v->vmcb->cr4 & (CR4_PSE | CR4_PGE |
						  CR4_SMEP | CR4_SMAP));

	if (cr4 != v->host_cr4) {
		write_cr4(cr4);
		v->host_cr4 = cr4;
	}
}

/*
 * A policy goes by the guest's own time: what it decides must not hang on how
 * fast the engine is.
 */
static void enter(struct vmm *v)
{
	uint64_t start = v->policy ? rdtsc() : 0;

	svm_run(v->reg, v->vmcb);
	v->inside += v->policy ? rdtsc() - start : 0;
}

void vmm_run(struct vmm *v)
{
	struct vmcb *c = v->vmcb;

	while (!v->stop) {
		engine_switch(v);
		event_enter(v);
		enter_flush(v);
		enter_cr4(v);
		c->rax = v->reg[RAX];
		c->rsp = v->reg[RSP];
		enter(v);
		v->reg[RAX] = c->rax;
		v->reg[RSP] = c->rsp;
		v->count.exits++;
		event_interrupted(v);
		if (step_exit(v)) {
			count(v, CAUSE_STEP);
		} else {
			dispatch(v);
		}
	}
}

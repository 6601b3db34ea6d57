/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Control registers, EFER and CPUID: what the guest may believe, and what
 * the CPU really holds while the guest runs.
 */
#include <string.h>

#include "vmm/insn.h"
#include "vmm/vmm.h"

#define LEAF_HYPERVISOR 0x40000000u

static void intercepts(struct vmm *v, bool cr3_exits)
{
	struct vmcb *c = v->vmcb;
	bool shadow = v->mode == VMM_SHADOW;

	/* Nested: TCG gives no #GP for illegal values of these two. */
	c->cr_write = 1u << 0 | 1u << 4;
	/* A policy also counts the loads. */
	c->cr_write |= cr3_exits || v->policy ? 1u << 3 : 0;
	c->cr_read = shadow ? 1u << 3 : 0;
	c->exceptions = shadow ? 1u << VEC_PF : 0;
	c->misc1 = SVM_CPUID | SVM_INVLPGA | SVM_IOIO | SVM_MSR |
		   SVM_SHUTDOWN | (shadow ? SVM_INVLPG : 0) |
		   (v->period ? SVM_INTR : 0);
	c->misc2 = SVM_VMRUN | SVM_VMMCALL | SVM_VMLOAD | SVM_VMSAVE |
		   SVM_STGI | SVM_CLGI | SVM_SKINIT;
}

/*
 * The engine's root has as many levels as the guest's in long mode, else four.
 * Outside long mode the CPU walks three, from a table of four entries below
 * 4G: those of the level below.
 */
static uint64_t legacy_root(uint64_t root)
{
	static uint64_t pdpte[4] __attribute__((aligned(32)));
	uint64_t top = *(uint64_t *)root, frame = UINT64_C(0xffffffffff000);
	const uint64_t *below = (uint64_t *)(top & frame);

	for (unsigned i = 0; i < 4; i++) {
		bool there = (top & 1) && (below[i] & 1);

		pdpte[i] = there ? (below[i] & frame) | 1 : 0;
	}
	return (uint64_t)pdpte;
}

/* Nested: the CPU holds what the guest believes. */
static void push_regs(struct vmm *v)
{
	v->vmcb->cr0 = v->guest.cr0;
	v->vmcb->cr3 = v->guest.cr3;
	v->vmcb->cr4 = v->guest.cr4;
	v->vmcb->efer = v->guest.efer | EFER_SVME;
}

void load_root(struct vmm *v)
{
	struct gnomon_root root = gnomon_vcpu_root(v->vcpu);
	struct vmcb *c = v->vmcb;
	bool legacy = !(v->guest.efer & EFER_LMA);
	enum vmm_mode mode = root.ncr3.v ? VMM_NESTED : VMM_SHADOW;

	if (mode != v->mode) {
		v->mode = mode;
		v->flush = true;
		if (mode == VMM_NESTED) {
			push_regs(v);
		}
	}
	intercepts(v, root.cr3_exits);
	/* Legacy: the CPU loads the four entries with CR3, so flush. */
	v->flush |= root.flush || legacy;
	if (v->mode == VMM_NESTED) {
		c->np_enable = 1;
		c->n_cr3 = root.ncr3.v;
		return;
	}
	c->np_enable = 0;
	c->cr3 = legacy ? legacy_root(root.cr3.v) : root.cr3.v;
	/* The engine's entries count on these whatever the guest set. */
	c->cr0 = v->guest.cr0 | CR0_PG | CR0_PE | CR0_WP | CR0_ET;
	c->cr4 = (v->guest.cr4 & ~(uint64_t)CR4_PCIDE) | CR4_PAE;
	c->efer = v->guest.efer | EFER_SVME | EFER_NXE;
	if (legacy) {
		c->efer &= ~(uint64_t)(EFER_LME | EFER_LMA);
		c->cr4 &= ~(uint64_t)CR4_LA57;
	}
	/* The others may be read where they are what the guest wrote. */
	c->cr_read |= c->cr0 != v->guest.cr0 ? 1u << 0 : 0;
	c->cr_read |= c->cr4 != v->guest.cr4 ? 1u << 4 : 0;
	if (!(v->guest.cr0 & CR0_PE)) {
		vmm_die("real mode at %x: run this guest nested", c->rip);
	}
}

/*
 * Nested: the CPU has loaded the PAE entries by itself and does not show
 * them. TCG even sets A in them, which is reserved there.
 */
static uint32_t guess_pdptes(const struct vmm *v, struct gnomon_regs *r)
{
	const unsigned char *at = guest_ram(v, r->cr3 & UINT64_C(0xffffffe0));

	if (v->mode != VMM_NESTED || !at || !(r->cr0 & CR0_PG) ||
	    !(r->cr4 & CR4_PAE) || (r->efer & EFER_LMA)) {
		return 0;
	}
	memcpy(r->pdpte, at, sizeof(r->pdpte));
	for (unsigned i = 0; i < 4; i++) {
		r->pdpte[i] &= ~UINT64_C(0x20);
	}
	return GNOMON_SET_PDPTES;
}

void pull_regs(struct vmm *v)
{
	struct vmcb *c = v->vmcb;
	struct gnomon_regs now = v->guest;
	struct gnomon_root root;

	now.ac = c->rflags & RFLAGS_AC;
	if (v->mode == VMM_NESTED) {
		now.cr0 = c->cr0;
		now.cr3 = c->cr3;
		now.cr4 = c->cr4;
		now.efer = c->efer & ~(uint64_t)EFER_SVME;
	}
	if (now.cr0 != v->guest.cr0 || now.cr3 != v->guest.cr3 ||
	    now.cr4 != v->guest.cr4 || now.efer != v->guest.efer ||
	    now.ac != v->guest.ac) {
		uint32_t flags = guess_pdptes(v, &now);

		if (gnomon_vcpu_set_regs(v->vcpu, &now, flags, &root) ==
		    GNOMON_OK) {
			v->guest = now;
			load_root(v);
		}
	}
}

bool set_regs(struct vmm *v, const struct gnomon_regs *regs, uint32_t flags)
{
	struct gnomon_regs now = *regs;
	struct gnomon_root root;
	enum gnomon_status s;

	flags |= guess_pdptes(v, &now);
	s = gnomon_vcpu_set_regs(v->vcpu, &now, flags, &root);
	if (s == GNOMON_GP) {
		inject(v, VEC_GP, true, 0);
		return false;
	}
	if (s != GNOMON_OK) {
		vmm_die("registers refused: %s", gnomon_status_text(s));
	}
	v->guest = now;
	if (v->mode == VMM_NESTED) {
		push_regs(v);
	}
	load_root(v);
	return true;
}

/* LMA follows PG and LME, as on a CPU. */
static void derive_lma(struct gnomon_regs *r)
{
	bool lma = (r->cr0 & CR0_PG) && (r->efer & EFER_LME);

	r->efer = (r->efer & ~(uint64_t)EFER_LMA) | (lma ? EFER_LMA : 0);
}

static bool write_cr(struct vmm *v, unsigned cr, uint64_t value)
{
	struct gnomon_regs r = v->guest;

	switch (cr) {
	case 0:
		r.cr0 = value | CR0_ET;
		derive_lma(&r);
		return set_regs(v, &r, 0);
	case 3:
		r.cr3 = value;
		if (!set_regs(v, &r, GNOMON_SET_CR3)) {
			return false;
		}
		if (v->policy) {
			adaptive_exit(v, true);
		}
		return true;
	default:
		r.cr4 = value;
		return set_regs(v, &r, 0);
	}
}

static uint64_t read_cr(const struct vmm *v, unsigned cr)
{
	return cr == 0 ? v->guest.cr0 : cr == 3 ? v->guest.cr3 : v->guest.cr4;
}

void exit_cr(struct vmm *v)
{
	unsigned cr = v->vmcb->exitcode & 15;
	bool write = v->vmcb->exitcode >= SVM_EXIT_CR_WRITE;
	unsigned char code[15];
	unsigned count;
	struct insn i;
	bool good = true;

	pull_regs(v);
	count = fetch_code(v, code);
	if (!insn_decode(code, count, v->vmcb->cs.attrib & SEG_LONG, &i)) {
		inject(v, VEC_UD, false, 0);
		return;
	}
	uint64_t mask = v->vmcb->cs.attrib & SEG_LONG ? UINT64_MAX
						      : UINT32_MAX;

	switch ((int)i.op) {
	case INSN_CLTS:
		good = write_cr(v, 0, v->guest.cr0 & ~(uint64_t)CR0_TS);
		break;
	case INSN_LMSW:
		if (i.memory) {
			vmm_die("LMSW from memory at %x", v->vmcb->rip);
		}
		/* It can set PE but not clear it. */
		good = write_cr(v, 0, (v->guest.cr0 & ~UINT64_C(14)) |
				      (v->reg[i.base] & 15));
		break;
	case INSN_MOV_CR:
		if (write) {
			good = write_cr(v, cr, v->reg[i.reg] & mask);
		} else {
			v->reg[i.reg] = read_cr(v, cr) & mask;
		}
		break;
	default:
		inject(v, VEC_UD, false, 0);
		return;
	}
	if (good) {
		skip(v, i.bytes);
	}
}

static bool write_msr(struct vmm *v, uint32_t msr, uint64_t value)
{
	struct gnomon_regs r = v->guest;

	switch (msr) {
	case MSR_EFER:
		/* LMA cannot be written; LME not while paging is on. */
		r.efer = (value & ~(uint64_t)EFER_LMA) |
			 (r.efer & EFER_LMA);
		if ((r.cr0 & CR0_PG) &&
		    ((r.efer ^ v->guest.efer) & EFER_LME)) {
			inject(v, VEC_GP, true, 0);
			return false;
		}
		return set_regs(v, &r, 0);
	case MSR_APIC_BASE:
		/* Moving it over our memory would blind us: stay. */
		if (((value ^ rdmsr(msr)) >> 12) == 0) {
			wrmsr(msr, value);
			return true;
		}
		break;
	default:
		break;
	}
	inject(v, VEC_GP, true, 0);
	return false;
}

static bool read_msr(struct vmm *v, uint32_t msr, uint64_t *value)
{
	if (msr == MSR_EFER) {
		*value = v->guest.efer;
		return true;
	}
	inject(v, VEC_GP, true, 0);
	return false;
}

void exit_msr(struct vmm *v)
{
	uint32_t msr = (uint32_t)v->reg[RCX];
	uint64_t value = v->reg[RDX] << 32 | (v->reg[RAX] & UINT32_MAX);
	bool good;

	pull_regs(v);
	if (v->vmcb->exitinfo1 & 1) {
		good = write_msr(v, msr, value);
	} else {
		good = read_msr(v, msr, &value);
		if (good) {
			v->reg[RAX] = value & UINT32_MAX;
			v->reg[RDX] = value >> 32;
		}
	}
	if (good) {
		skip(v, 2);
	}
}

/* Take away what the engine was not told of or what we cannot offer. */
static void filter_cpuid(const struct vmm *v, uint32_t leaf, uint32_t sub,
			 struct cpuid *c)
{
	uint32_t f = v->caps.features;

	switch (leaf) {
	case 1:
		c->ecx &= ~(1u << 5 | 1u << 17);	/* VMX PCID */
		c->ecx |= 1u << 31;			/* a hypervisor */
		c->ecx &= ~(1u << 27);
		c->ecx |= v->guest.cr4 & CR4_OSXSAVE ? 1u << 27 : 0;
		break;
	case 7:
		c->ebx &= ~(1u << 10);			/* INVPCID */
		c->ebx &= f & GNOMON_CAP_SMEP ? ~0u : ~(1u << 7);
		c->ebx &= f & GNOMON_CAP_SMAP ? ~0u : ~(1u << 20);
		c->ecx &= ~(1u << 3 | 1u << 4 | 1u << 31);	/* keys */
		c->ecx &= f & GNOMON_CAP_LA57 ? ~0u : ~(1u << 16);
		break;
	case 0xd:	/* no PKRU in XCR0 either */
		c->eax &= sub == 0 ? ~(1u << 9) : ~0u;
		break;
	case 0x80000001:
		c->ecx &= ~(1u << 2);			/* SVM */
		c->edx &= f & GNOMON_CAP_1G ? ~0u : ~(1u << 26);
		break;
	case 0x8000000a:
		*c = (struct cpuid){ 0 };
		break;
	case LEAF_HYPERVISOR:
		/* "gnomongnomon" */
		*c = (struct cpuid){ LEAF_HYPERVISOR, 0x6d6f6e67, 0x6e676e6f,
				     0x6e6f6d6f };
		break;
	default:
		break;
	}
}

void exit_cpuid(struct vmm *v)
{
	uint32_t leaf = (uint32_t)v->reg[RAX], sub = (uint32_t)v->reg[RCX];
	struct cpuid c = cpuid(leaf, sub);

	pull_regs(v);
	filter_cpuid(v, leaf, sub, &c);
	v->reg[RAX] = c.eax;
	v->reg[RBX] = c.ebx;
	v->reg[RCX] = c.ecx;
	v->reg[RDX] = c.edx;
	skip(v, 2);
}

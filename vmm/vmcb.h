/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The virtual machine control block of AMD SVM. Names follow the vendor's
 * manual; the engine knows nothing of all this.
 */
#ifndef VMM_VMCB_H
#define VMM_VMCB_H

#include <stddef.h>
#include <stdint.h>

struct vmcb_seg {
	uint16_t selector;
	uint16_t attrib;
	uint32_t limit;
	uint64_t base;
};

struct vmcb {
	uint16_t cr_read, cr_write;
	uint16_t dr_read, dr_write;
	uint32_t exceptions;
	uint32_t misc1, misc2;
	uint8_t pad0[0x040 - 0x014];
	uint64_t iopm_base, msrpm_base, tsc_offset;
	uint32_t asid;
	uint8_t tlb_control, pad1[3];
	uint64_t v_intr, interrupt_shadow;
	uint64_t exitcode, exitinfo1, exitinfo2, exitintinfo;
	uint64_t np_enable;
	uint8_t pad2[0x0a8 - 0x098];
	uint64_t eventinj, n_cr3;
	uint8_t pad3[0x400 - 0x0b8];
	struct vmcb_seg es, cs, ss, ds, fs, gs, gdtr, ldtr, idtr, tr;
	uint8_t pad4[0x4cb - 0x4a0];
	uint8_t cpl;
	uint32_t pad5;
	uint64_t efer;
	uint8_t pad6[0x548 - 0x4d8];
	uint64_t cr4, cr3, cr0, dr7, dr6, rflags, rip;
	uint8_t pad7[0x5d8 - 0x580];
	uint64_t rsp;
	uint8_t pad8[0x5f8 - 0x5e0];
	uint64_t rax;
	uint64_t star, lstar, cstar, sfmask, kernel_gs_base;
	uint64_t sysenter_cs, sysenter_esp, sysenter_eip, cr2;
	uint8_t pad9[0x668 - 0x648];
	uint64_t g_pat;
	uint8_t pad10[0x1000 - 0x670];
};

_Static_assert(offsetof(struct vmcb, iopm_base) == 0x040, "vmcb");
_Static_assert(offsetof(struct vmcb, asid) == 0x058, "vmcb");
_Static_assert(offsetof(struct vmcb, exitcode) == 0x070, "vmcb");
_Static_assert(offsetof(struct vmcb, np_enable) == 0x090, "vmcb");
_Static_assert(offsetof(struct vmcb, eventinj) == 0x0a8, "vmcb");
_Static_assert(offsetof(struct vmcb, cpl) == 0x4cb, "vmcb");
_Static_assert(offsetof(struct vmcb, efer) == 0x4d0, "vmcb");
_Static_assert(offsetof(struct vmcb, cr4) == 0x548, "vmcb");
_Static_assert(offsetof(struct vmcb, rip) == 0x578, "vmcb");
_Static_assert(offsetof(struct vmcb, rax) == 0x5f8, "vmcb");
_Static_assert(offsetof(struct vmcb, cr2) == 0x640, "vmcb");
_Static_assert(sizeof(struct vmcb) == 0x1000, "vmcb");

enum {	/* misc1 */
	SVM_INTR = 1u << 0,
	SVM_CPUID = 1u << 18,
	SVM_INVLPG = 1u << 25,
	SVM_INVLPGA = 1u << 26,
	SVM_IOIO = 1u << 27,
	SVM_MSR = 1u << 28,
	SVM_SHUTDOWN = 1u << 31,
};

enum {	/* misc2 */
	SVM_VMRUN = 1u << 0,
	SVM_VMMCALL = 1u << 1,
	SVM_VMLOAD = 1u << 2,
	SVM_VMSAVE = 1u << 3,
	SVM_STGI = 1u << 4,
	SVM_CLGI = 1u << 5,
	SVM_SKINIT = 1u << 6,
};

enum svm_exit {
	SVM_EXIT_CR_READ = 0x00,
	SVM_EXIT_CR_WRITE = 0x10,
	SVM_EXIT_EXCEPTION = 0x40,
	SVM_EXIT_INTR = 0x60,
	SVM_EXIT_CPUID = 0x72,
	SVM_EXIT_INVLPG = 0x79,
	SVM_EXIT_INVLPGA = 0x7a,
	SVM_EXIT_IOIO = 0x7b,
	SVM_EXIT_MSR = 0x7c,
	SVM_EXIT_SHUTDOWN = 0x7f,
	SVM_EXIT_VMRUN = 0x80,
	SVM_EXIT_VMMCALL = 0x81,
	SVM_EXIT_SKINIT = 0x86,
	SVM_EXIT_NPF = 0x400,
};
#define SVM_EXIT_INVALID UINT32_MAX	/* low half: TCG leaves the high 0 */

enum {	/* eventinj and exitintinfo */
	SVM_EVENT_EXTERNAL = 0u << 8,
	SVM_EVENT_NMI = 2u << 8,
	SVM_EVENT_EXCEPTION = 3u << 8,
	SVM_EVENT_SOFTWARE = 4u << 8,
	SVM_EVENT_TYPE = 7u << 8,
	SVM_EVENT_CODE = 1u << 11,
	SVM_EVENT_VALID = 1u << 31,
};

#define SVM_NPF_TABLE_WALK (UINT64_C(1) << 33)

enum {	/* vmcb_seg.attrib */
	SEG_CODE64 = 0xa9b,
	SEG_CODE32 = 0xc9b,
	SEG_DATA = 0xc93,
	SEG_TSS = 0x08b,
	SEG_LDT = 0x082,
	SEG_LONG = 1u << 9,
	SEG_DB = 1u << 10,
};

#endif

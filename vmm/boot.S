/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From the multiboot loader's 32-bit mode into 64-bit C on an identity map
 * of the first 4G; and the world switch.
 */
	.section .multiboot, "a"
	.balign 4
	.long 0x1badb002, 3, -(0x1badb002 + 3)

	.bss
	.balign 4096
pml4:	.skip 4096
pdpt:	.skip 4096
pds:	.skip 4 * 4096
	.skip 32768
stack:

	.data
	.balign 8
gdt:	.quad 0
	.quad 0x00af9b000000ffff	/* 0x08: 64-bit code */
	.quad 0x00cf93000000ffff	/* 0x10: data */
gdtr:	.word . - gdt - 1
	.quad gdt

	.text
	.code32
	.globl vmm_start
vmm_start:
	cli
	cld
	mov	$stack, %esp
	mov	%eax, %ebp		/* loader's magic */
	movl	$pdpt + 3, pml4
	mov	$pds + 3, %eax
	mov	$pdpt, %edi
	mov	$4, %ecx
1:	mov	%eax, (%edi)
	add	$4096, %eax
	add	$8, %edi
	loop	1b
	mov	$0x83, %eax		/* present, writable, 2M */
	mov	$pds, %edi
	mov	$2048, %ecx
1:	mov	%eax, (%edi)
	add	$0x200000, %eax
	add	$8, %edi
	loop	1b
	mov	$pml4, %eax
	mov	%eax, %cr3
	mov	%cr4, %eax
	or	$0x20, %eax		/* PAE */
	mov	%eax, %cr4
	mov	$0xc0000080, %ecx
	rdmsr
	or	$0x900, %eax		/* LME, NXE */
	wrmsr
	mov	%cr0, %eax
	or	$0x80010000, %eax	/* PG, and WP as guests have it */
	mov	%eax, %cr0
	lgdt	gdtr
	ljmp	$0x08, $1f
	.code64
1:	mov	$0x10, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %ss
	xor	%eax, %eax
	mov	%eax, %fs
	mov	%eax, %gs
	mov	%ebp, %edi
	mov	%ebx, %esi
	call	vmm_main
1:	cli
	hlt
	jmp	1b

/*
 * void svm_run(uint64_t reg[16], struct vmcb *vmcb): enter the guest with its
 * registers, come back at the next exit. RAX and RSP travel in the VMCB.
 */
	.globl svm_run
svm_run:
	push	%rbx
	push	%rbp
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	push	%rdi
	mov	%rsi, %rax
	mov	8(%rdi), %rcx
	mov	16(%rdi), %rdx
	mov	24(%rdi), %rbx
	mov	40(%rdi), %rbp
	mov	48(%rdi), %rsi
	mov	64(%rdi), %r8
	mov	72(%rdi), %r9
	mov	80(%rdi), %r10
	mov	88(%rdi), %r11
	mov	96(%rdi), %r12
	mov	104(%rdi), %r13
	mov	112(%rdi), %r14
	mov	120(%rdi), %r15
	mov	56(%rdi), %rdi
	vmrun	%rax
	push	%rdi
	mov	8(%rsp), %rdi
	mov	%rcx, 8(%rdi)
	mov	%rdx, 16(%rdi)
	mov	%rbx, 24(%rdi)
	mov	%rbp, 40(%rdi)
	mov	%rsi, 48(%rdi)
	mov	%r8, 64(%rdi)
	mov	%r9, 72(%rdi)
	mov	%r10, 80(%rdi)
	mov	%r11, 88(%rdi)
	mov	%r12, 96(%rdi)
	mov	%r13, 104(%rdi)
	mov	%r14, 112(%rdi)
	mov	%r15, 120(%rdi)
	popq	56(%rdi)
	pop	%rdi
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbp
	pop	%rbx
	cld
	ret

	.globl svm_load
svm_load:				/* void svm_load(struct vmcb *) */
	mov	%rdi, %rax
	vmload	%rax
	ret

/* Our own exceptions: none is expected. */
	.macro	trap vector, code
	.balign 16
	.if	\code == 0
	push	$0
	.endif
	push	$\vector
	jmp	1f
	.endm
	.balign 16
	.globl traps
traps:
	.set	v, 0
	.rept	32
	.if (v == 8) || ((v >= 10) && (v <= 14)) || (v == 17) || (v == 21)
	trap	v, 1
	.else
	trap	v, 0
	.endif
	.set	v, v + 1
	.endr
1:	pop	%rdi			/* vector */
	pop	%rsi			/* error code */
	pop	%rdx			/* rip */
	mov	%cr2, %rcx
	and	$-16, %rsp
	call	vmm_trap

/* Interrupts, taken for the guest: all that matters is which. */
	.balign 16
	.globl irqs
irqs:
	.set	v, 32
	.rept	224
	.balign 16
	push	$v
	jmp	1f
	.set	v, v + 1
	.endr
1:	popq	taken
	iretq

/* int svm_take_irq(void): let one pending interrupt in; its vector, or -1. */
	.globl	svm_take_irq
svm_take_irq:
	movq	$-1, taken
	stgi
	sti
	nop
	nop
	cli
	clgi
	mov	taken, %eax
	ret

	.bss
	.balign 8
taken:	.skip 8

	.section .note.GNU-stack, "", @progbits

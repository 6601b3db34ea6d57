/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Entry and probes of the 32-bit guest; see start.S for how probes work.
 */
	.section .multiboot, "a"
	.balign 4
	.long 0x1badb002, 0, -0x1badb002

	.text
	.globl legacy_start
legacy_start:
	mov	$stack, %esp
	mov	$gdtr, %ecx
	lgdt	(%ecx)
	ljmp	$0x08, $1f
1:	mov	$0x10, %ecx
	mov	%ecx, %ds
	mov	%ecx, %es
	mov	%ecx, %ss
	push	%eax
	call	legacy_main
	mov	%eax, %ecx
	mov	$0x6e6f6d67, %eax
	xor	%ebx, %ebx
	vmmcall
	ud2

	.globl	probe_load, probe_store, probe_exec, probe_cr0, probe_cr3
	.globl	probe_cr4, call_hypercall
probe_load:
	mov	4(%esp), %eax
	mov	(%eax), %eax
	ret
probe_store:
	mov	4(%esp), %eax
	mov	8(%esp), %ecx
	mov	%ecx, (%eax)
	ret
probe_exec:
	call	*4(%esp)
	ret
probe_cr0:
	mov	4(%esp), %eax
	mov	%eax, %cr0
	ret
probe_cr3:
	mov	4(%esp), %eax
	mov	%eax, %cr3
	ret
probe_cr4:
	mov	4(%esp), %eax
	mov	%eax, %cr4
	ret
call_hypercall:
	push	%ebx
	mov	$0x6e6f6d67, %eax
	mov	8(%esp), %ebx
	mov	12(%esp), %ecx
	vmmcall
	pop	%ebx
	ret

	.globl	trap_pf, trap_gp, trap_other
trap_pf:
	popl	probe_code
	mov	%cr2, %eax
	mov	%eax, probe_cr2
	movl	$14, probe_vector
	movl	$1f, (%esp)
	iret
trap_gp:
	popl	probe_code
	movl	$13, probe_vector
	movl	$1f, (%esp)
	iret
trap_other:
	movl	$98, %ecx
	mov	$0x6e6f6d67, %eax
	xor	%ebx, %ebx
	vmmcall
1:	ret

	.data
	.balign 8
gdt:	.quad 0, 0x00cf9b000000ffff, 0x00cf93000000ffff
gdtr:	.word . - gdt - 1
	.long gdt

	.bss
	.balign 16
	.skip 16384
stack:
	.globl	probe_vector, probe_code, probe_cr2
probe_vector: .skip 4
probe_code: .skip 4
probe_cr2: .skip 4

	.section .note.GNU-stack, "", @progbits

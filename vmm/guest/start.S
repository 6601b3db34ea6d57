/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Entry of our own guests, and the probes: functions that may fault. A fault
 * in one returns from it at once; what it was is in probe_vector and so on.
 */
	.section .start, "ax"
	.globl guest_start
guest_start:
	mov	$guest_bss, %edi
	mov	$guest_end, %ecx
	sub	%edi, %ecx
	xor	%eax, %eax
	rep stosb
	mov	%rsi, %rdi		/* the command line */
	call	guest_main
	mov	%rax, %rcx
	mov	$0x6e6f6d67, %eax
	xor	%ebx, %ebx
	vmmcall
	ud2

	.text
	.macro	probe name
	.globl	\name
\name:
	.endm

probe probe_load
	mov	(%rdi), %rax
	ret
probe probe_store
	mov	%rsi, (%rdi)
	ret
probe probe_exec
	call	*%rdi
	ret
probe probe_write_cr0
	mov	%rdi, %cr0
	ret
probe probe_write_cr3
	mov	%rdi, %cr3
	ret
probe probe_write_cr4
	mov	%rdi, %cr4
	ret
probe probe_write_efer
	mov	%rdi, %rax
	mov	%rdi, %rdx
	shr	$32, %rdx
	mov	$0xc0000080, %ecx
	wrmsr
	ret
probe probe_invlpg
	invlpg	(%rdi)
	ret
/* #UD with the stack elsewhere: its delivery stores there. */
probe probe_ud_on_stack
	mov	%rsp, %rdx
	mov	%rdi, %rsp
	ud2
1:	mov	%rdx, %rsp
	ret

/* One store each, by another instruction: (address, value). */
	.globl	store_xchg, store_cmpxchg, store_halves, store_bytes
	.globl	store_stos, store_movs, store_movnti, store_movups, store_push
store_xchg:
	xchg	%rsi, (%rdi)
	ret
store_cmpxchg:
	mov	(%rdi), %rax
	lock cmpxchg %rsi, (%rdi)
	ret
store_halves:
	mov	%esi, (%rdi)
	shr	$32, %rsi
	mov	%esi, 4(%rdi)
	ret
store_bytes:
	mov	$8, %ecx
1:	mov	%sil, (%rdi)
	shr	$8, %rsi
	inc	%rdi
	loop	1b
	ret
store_stos:
	mov	%rsi, %rax
	mov	$1, %ecx
	rep stosq
	ret
store_movs:
	push	%rsi
	mov	%rsp, %rsi
	movsq
	pop	%rsi
	ret
store_movnti:
	movnti	%rsi, (%rdi)
	ret
store_movups:
	movq	%rsi, %xmm0
	movq	8(%rdi), %xmm1
	punpcklqdq %xmm1, %xmm0
	movups	%xmm0, (%rdi)
	ret
store_push:
	mov	%rsp, %rdx
	lea	8(%rdi), %rsp
	push	%rsi
	mov	%rdx, %rsp
	ret

/* Read-modify-write: lock btr $bit and friends on a constant bit 1. */
	.globl	store_btr1, store_bts1, store_and, store_or, store_xadd
store_btr1:
	lock btrq $1, (%rdi)
	ret
store_bts1:
	mov	$1, %eax
	lock bts %rax, (%rdi)
	ret
store_and:
	lock and %rsi, (%rdi)
	ret
store_or:
	orb	%sil, (%rdi)
	ret
store_xadd:
	lock xadd %rsi, (%rdi)
	ret

/*
 * Read-modify-write with everything that it changes: (address, rsi, flags,
 * io): rax = io[0] before; io[0] = rsi and io[1] = rax after; returns flags.
 */
	.section .rodata
	.globl	rmw_table, rmw_table_end
	.balign 8
rmw_table:
	.text
	.macro	rmw mask, insn:vararg
9:	mov	(%rcx), %rax
	push	%rdx
	popfq
	\insn
	pushfq
	mov	%rsi, (%rcx)
	mov	%rax, 8(%rcx)
	pop	%rax
	ret
	.section .rodata
	.quad	9b, \mask
	.text
	.endm
	.set	all, 0x8d5
	.set	no_af, 0x8c5
	.irp	reg, %sil, %si, %esi, %rsi
	rmw	all, add \reg, (%rdi)
	rmw	all, lock adc \reg, (%rdi)
	rmw	all, sbb \reg, (%rdi)
	rmw	all, sub \reg, (%rdi)
	rmw	no_af, and \reg, (%rdi)
	rmw	no_af, lock or \reg, (%rdi)
	rmw	no_af, xor \reg, (%rdi)
	rmw	all, xadd \reg, (%rdi)
	rmw	all, lock cmpxchg \reg, (%rdi)
	rmw	all, xchg \reg, (%rdi)
	.endr
	rmw	all, mov %ah, (%rdi)
	rmw	all, xchg %ah, 1(%rdi)
	rmw	all, addl $-3, (%rdi)
	rmw	all, subq $0x12345678, (%rdi)
	rmw	all, sbbw $0x1234, 2(%rdi)
	rmw	all, adcb $0x80, 3(%rdi)
	rmw	1, lock btsq $63, (%rdi)
	rmw	1, btrl $31, (%rdi)
	rmw	1, btcw $3, (%rdi)
	rmw	all, movl $0x1234567, 4(%rdi)
	rmw	all, incq (%rdi)
	rmw	all, negl (%rdi)
	rmw	all, notw (%rdi)
	rmw	1, shlq $1, (%rdi)
	.section .rodata
rmw_table_end:
	.text

	.macro	trap vector, code
	.balign 16
	.if	\code == 0
	push	$0
	.endif
	push	$\vector
	jmp	2f
	.endm
	.balign 16
	.globl guest_traps
guest_traps:
	.set	v, 0
	.rept	32
	.if (v == 8) || ((v >= 10) && (v <= 14)) || (v == 17)
	trap	v, 1
	.else
	trap	v, 0
	.endif
	.set	v, v + 1
	.endr
2:	popq	probe_vector
	popq	probe_code
	push	%rax
	mov	%cr2, %rax
	mov	%rax, probe_cr2
	mov	8(%rsp), %rax		/* rip */
	mov	%rax, probe_rip
	incq	probe_faults
	cmpq	$0, probe_armed
	je	3f
	movq	$4f, 8(%rsp)
	cmpq	$6, probe_vector	/* UD2 of probe_ud_on_stack: go on */
	jne	1f
	cmpw	$0x0b0f, (%rax)
	jne	1f
	addq	$2, %rax
	mov	%rax, 8(%rsp)
1:	pop	%rax
	iretq
3:	pop	%rax
	call	guest_panic
4:	ret

	.bss
	.balign 8
	.globl probe_vector, probe_code, probe_cr2, probe_rip, probe_faults
	.globl probe_armed
probe_vector: .skip 8
probe_code: .skip 8
probe_cr2: .skip 8
probe_rip: .skip 8
probe_faults: .skip 8
probe_armed: .skip 8

	.section .note.GNU-stack, "", @progbits

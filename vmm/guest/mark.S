/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mark N: the counters as of now, under number N; mark audit: 0 when the
 * VMM's audit passed. Outside the VMM it dies of SIGILL.
 */
	.globl	_start
	.text
_start:
	xor	%ecx, %ecx
	cmpq	$2, (%rsp)
	jb	1f
	mov	16(%rsp), %rsi
	movzbl	(%rsi), %ecx
1:	mov	$2, %ebx		/* HC_MARK */
	sub	$'0', %ecx
	cmp	$9, %ecx
	jbe	2f
	mov	$3, %ebx		/* HC_AUDIT */
2:	mov	$0x6e6f6d67, %eax
	vmmcall
	xor	%edi, %edi
	cmp	$3, %ebx
	jne	3f
	cmp	$1, %rax
	setne	%dil
3:	mov	$60, %eax		/* exit */
	syscall

	.section .note.GNU-stack, "", @progbits

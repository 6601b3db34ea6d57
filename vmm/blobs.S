/* SPDX-License-Identifier: BSD-2-Clause */
/* Our own guests: NAME, then where it lies. */
	.section .rodata
	.macro	blob name
	.globl	blob_\name, blob_\name\()_end
blob_\name:
	.incbin	"vmm/guest/\name\().bin"
blob_\name\()_end:
	.endm
	blob	selftest
	blob	hostile
	blob	cost

	.section .note.GNU-stack, "", @progbits

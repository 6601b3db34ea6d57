/* SPDX-License-Identifier: BSD-2-Clause */
	.section .rodata
	.globl blob_selftest, blob_selftest_end
	.globl blob_hostile, blob_hostile_end
blob_selftest:
	.incbin "vmm/guest/selftest.bin"
blob_selftest_end:
blob_hostile:
	.incbin "vmm/guest/hostile.bin"
blob_hostile_end:

	.section .note.GNU-stack, "", @progbits

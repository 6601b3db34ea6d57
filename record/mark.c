/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * gnomon-mark N: tells the recorder that the workload is at marker N. It
 * runs inside the guest, before there is a file system, so it is static and
 * needs no libc.
 */
#include "record/mark.h"

#include <stdint.h>

static unsigned int number_of(const char *s)
{
	unsigned int n = 0;

	while (*s >= '0' && *s <= '9') {
		n = 10 * n + (unsigned int)(*s++ - '0');
	}
	return n;
}

static void __attribute__((noreturn)) leave(long status)
{
	for (;;) {
		__asm__ volatile("syscall" : : "a"(60L), "D"(status)
				 : "rcx", "r11", "memory");
	}
}

/* The stack as the kernel left it: argc, argv[0], argv[1], ... */
void __attribute__((noreturn, used)) gnomon_mark_main(const uintptr_t *stack);

void __attribute__((noreturn, used)) gnomon_mark_main(const uintptr_t *stack)
{
	uint32_t a = GNOMON_MARK_LEAF, b, c = 0, d;

	if (stack[0] != 2) {
		leave(2);
	}
	b = number_of((const char *)stack[2]);
	__asm__ volatile("cpuid" : "+a"(a), "+b"(b), "+c"(c), "=d"(d));
	leave(0);
}

__asm__(".globl _start\n"
	"_start:\n"
	"	mov %rsp, %rdi\n"
	"	and $-16, %rsp\n"
	"	call gnomon_mark_main\n");

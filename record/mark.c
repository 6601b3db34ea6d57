/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * gnomon-mark N: tells the recorder that the workload is at marker N.
 * gnomon-mark symbols: hands it the kernel's function names. It runs inside
 * the guest, before there is a file system, so it is static and needs no
 * libc.
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

static long call(long number, long a, long b, long c)
{
	long result;

	__asm__ volatile("syscall" : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c)
			 : "rcx", "r11", "memory");
	return result;
}

static void cpuid(uint32_t leaf, uintptr_t b, uint32_t c)
{
	uint32_t d;

	__asm__ volatile("cpuid" : "+a"(leaf), "+b"(b), "+c"(c), "=d"(d)
			 : : "memory");
}

enum {
	SYS_READ = 0,
	SYS_OPEN = 2,
};

static int hand_symbols(void)
{
	static char buffer[65536];
	long fd = call(SYS_OPEN, (long)(uintptr_t)"/proc/kallsyms", 0, 0);
	long n = -1;

	while (fd >= 0) {
		n = call(SYS_READ, fd, (long)(uintptr_t)buffer,
			 sizeof(buffer));
		if (n <= 0) {
			break;
		}
		cpuid(GNOMON_SYMBOLS_LEAF, (uintptr_t)buffer, (uint32_t)n);
	}
	return n < 0;
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
	const char *what = (const char *)stack[2];

	if (stack[0] != 2) {
		leave(2);
	}
	if (*what == 's') {
		leave(hand_symbols());
	}
	cpuid(GNOMON_MARK_LEAF, number_of(what), 0);
	leave(0);
}

__asm__(".globl _start\n"
	"_start:\n"
	"	mov %rsp, %rdi\n"
	"	and $-16, %rsp\n"
	"	call gnomon_mark_main\n");

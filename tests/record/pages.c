/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Touches pages in each way, without libc, which would choose other code for
 * another processor: for tests/record/lackey.sh.
 */
#include <stdint.h>

#define PAGE 4096

static volatile char zero[8 * PAGE] __attribute__((aligned(4096)));
static volatile char data[4 * PAGE] __attribute__((aligned(4096))) = { 1 };
static const volatile char constants[3 * PAGE]
	__attribute__((aligned(4096))) = { 1 };

static long call(long number, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long result;

	__asm__ volatile("syscall" : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10),
			   "r"(r8), "r"(r9) : "rcx", "r11", "memory");
	return result;
}

/* On a page of its own. */
static __attribute__((noinline, section(".text.far"), aligned(4096)))
int far_away(int n)
{
	__asm__ volatile("" : "+r"(n));
	return n + 1;
}

void __attribute__((noreturn, used)) pages_main(void);

void __attribute__((noreturn, used)) pages_main(void)
{
	volatile char *mapped = (volatile char *)(uintptr_t)0x30000000;
	int sum = far_away(1);

	for (int i = 0; i < 8; i += 2) {
		zero[i * PAGE + 8] = 1;			/* store */
		sum += zero[(i + 1) * PAGE - 8];	/* the same page */
	}
	sum += zero[5 * PAGE];				/* load */
	data[PAGE] += 1;				/* both */
	sum += data[3 * PAGE] + constants[PAGE];
	/* Private, anonymous, fixed; readable and writable. */
	call(9, 0x30000000, 16 * PAGE, 3, 0x32, -1, 0);
	for (int i = 0; i < 16; i += 3) {
		mapped[i * PAGE] = 1;
	}
	call(60, sum == 1000, 0, 0, 0, 0, 0);
	for (;;) {
	}
}

__asm__(".globl _start\n"
	"_start:\n"
	"	and $-16, %rsp\n"
	"	call pages_main\n");

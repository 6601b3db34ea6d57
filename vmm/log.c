/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdarg.h>

#include "vmm/vmm.h"

enum { PORT_LOG = 0xe9, PORT_PM1A = 0x604, PM1A_OFF = 0x2000 };

static void put(char c)
{
	outb(PORT_LOG, (uint8_t)c);
}

static void put_number(uint64_t v, unsigned base)
{
	char digits[20];
	unsigned n = 0;

	do {
		digits[n++] = "0123456789abcdef"[v % base];
		v /= base;
	} while (v);
	while (n) {
		put(digits[--n]);
	}
}

static void put_format(const char *format, va_list args)
{
	for (; *format; format++) {
		if (*format != '%') {
			put(*format);
			continue;
		}
		switch (*++format) {
		case 's':
			for (const char *s = va_arg(args, const char *); *s;
			     s++) {
				put(*s);
			}
			break;
		case 'u':
			put_number(va_arg(args, uint64_t), 10);
			break;
		default:
			put_number(va_arg(args, uint64_t), 16);
			break;
		}
	}
}

void vmm_log(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	put_format(format, args);
	va_end(args);
	put('\n');
}

void vmm_die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	put_format("vmm: FAILED: ", args);
	put_format(format, args);
	va_end(args);
	put('\n');
	vmm_power_off();
}

void vmm_power_off(void)
{
	outw(PORT_PM1A, PM1A_OFF);
	for (;;) {
		__asm__ volatile("cli; hlt");
	}
}

void vmm_trap(uint64_t vector, uint64_t code, uint64_t rip, uint64_t cr2)
{
	vmm_die("exception %u code %x at %x, cr2 %x", vector, code, rip, cr2);
}

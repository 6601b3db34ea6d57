/* SPDX-License-Identifier: BSD-2-Clause */
#include "record/regs.h"

#include <dlfcn.h>
#include <string.h>

/* glib's growing array, as far as it is public. */
struct byte_array {
	uint8_t *data;
	unsigned int bytes;
};

static void *(*get_cpu)(int index);
static int (*read_register)(void *cpu, struct byte_array *to, int number);
static struct byte_array *(*set_size)(struct byte_array *a, unsigned int n);
static struct byte_array *buffer;

bool regs_init(void)
{
	struct byte_array *(*new_array)(void);

	/* POSIX lets a data pointer be a function; C has no other way. */
	*(void **)&get_cpu = dlsym(RTLD_DEFAULT, "qemu_get_cpu");
	*(void **)&read_register = dlsym(RTLD_DEFAULT,
					 "x86_cpu_gdb_read_register");
	*(void **)&set_size = dlsym(RTLD_DEFAULT, "g_byte_array_set_size");
	*(void **)&new_array = dlsym(RTLD_DEFAULT, "g_byte_array_new");
	if (!get_cpu || !read_register || !set_size || !new_array) {
		return false;
	}
	buffer = new_array();
	return true;
}

uint64_t regs_read(unsigned int vcpu, int number)
{
	uint64_t value = 0;
	unsigned int n;

	set_size(buffer, 0);
	read_register(get_cpu((int)vcpu), buffer, number);
	n = buffer->bytes < sizeof(value) ? buffer->bytes : sizeof(value);
	memcpy(&value, buffer->data, n);
	return value;
}

uint64_t regs_general(unsigned int vcpu, unsigned int number)
{
	static const int gdb[16] = {
		0, 2, 3, 1, 7, 6, 4, 5, 8, 9, 10, 11, 12, 13, 14, 15,
	};

	return regs_read(vcpu, gdb[number & 15]);
}

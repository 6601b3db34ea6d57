/* SPDX-License-Identifier: BSD-2-Clause */
#include "record/regs.h"

#include <dlfcn.h>
#include <string.h>

enum {
	REGISTERS = RECORD_EFER + 1,
};

/* By their numbers in QEMU's gdb stub; null: nobody asks for it. */
static const char *const names[REGISTERS] = {
	"rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp",
	"r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
	[RECORD_EFLAGS] = "eflags", [RECORD_CS] = "cs",
	[RECORD_CR0] = "cr0", [RECORD_CR2] = "cr2", [RECORD_CR3] = "cr3",
	[RECORD_CR4] = "cr4", [RECORD_EFER] = "efer",
};

static struct qemu_plugin_register *handle[REGISTERS];
static void *(*get_cpu)(int index);
static int (*read_internally)(void *cpu, struct qemu_byte_array *to,
			      int number);
static struct qemu_byte_array *(*set_size)(struct qemu_byte_array *a,
					   unsigned int n);
static struct qemu_byte_array *buffer;

/* A vcpu is there, and with it its registers. */
static void at_vcpu(qemu_plugin_id_t id, unsigned int vcpu)
{
	const struct qemu_array *all = qemu_plugin_get_registers();
	const struct qemu_plugin_reg_descriptor *d;

	(void)id;
	(void)vcpu;
	d = all ? all->data : NULL;
	for (unsigned int i = 0; d && i < all->count; i++) {
		for (int n = 0; n < REGISTERS; n++) {
			if (names[n] && d[i].name && !handle[n] &&
			    strcmp(d[i].name, names[n]) == 0) {
				handle[n] = d[i].handle;
			}
		}
	}
}

bool regs_init(qemu_plugin_id_t id)
{
	struct qemu_byte_array *(*new_array)(void);
	bool is_public = qemu_plugin_read_register &&
			 qemu_plugin_get_registers;

	/* POSIX lets a data pointer be a function; C has no other way. */
	*(void **)&get_cpu = dlsym(RTLD_DEFAULT, "qemu_get_cpu");
	*(void **)&read_internally = dlsym(RTLD_DEFAULT,
					   "x86_cpu_gdb_read_register");
	*(void **)&set_size = dlsym(RTLD_DEFAULT, "g_byte_array_set_size");
	*(void **)&new_array = dlsym(RTLD_DEFAULT, "g_byte_array_new");
	if (!set_size || !new_array) {
		return false;
	}
	buffer = new_array();
	if (is_public) {
		qemu_plugin_register_vcpu_init_cb(id, at_vcpu);
	}
	return is_public || regs_of_others();
}

bool regs_of_others(void)
{
	return get_cpu && read_internally;
}

bool regs_sees_vcpu(void)
{
	return get_cpu && dlsym(RTLD_DEFAULT, "current_cpu");
}

unsigned int regs_vcpu(unsigned int said, unsigned int count)
{
	static void **running;	/* QEMU has one for each thread */
	static void *known;
	static unsigned int known_index;

	if (!running) {
		running = dlsym(RTLD_DEFAULT, "current_cpu");
	}
	if (!running || !get_cpu) {
		return said;
	}
	for (unsigned int i = 0; *running != known && i < count; i++) {
		if (*running == get_cpu((int)i)) {
			known = *running;
			known_index = i;
		}
	}
	return known_index;
}

static uint64_t value_of_buffer(void)
{
	uint64_t value = 0;

	memcpy(&value, buffer->data, buffer->count < sizeof(value) ?
	       buffer->count : sizeof(value));
	return value;
}

uint64_t regs_read_other(unsigned int vcpu, int number)
{
	set_size(buffer, 0);
	if (regs_of_others()) {
		read_internally(get_cpu((int)vcpu), buffer, number);
	}
	return value_of_buffer();
}

uint64_t regs_read(unsigned int vcpu, int number)
{
	set_size(buffer, 0);
	if (handle[number] &&
	    qemu_plugin_read_register(handle[number], buffer) > 0) {
		return value_of_buffer();
	}
	return regs_read_other(vcpu, number);
}

uint64_t regs_general(unsigned int vcpu, unsigned int number)
{
	static const int gdb[16] = {
		0, 2, 3, 1, 7, 6, 4, 5, 8, 9, 10, 11, 12, 13, 14, 15,
	};

	return regs_read(vcpu, gdb[number & 15]);
}

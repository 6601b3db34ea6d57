/* SPDX-License-Identifier: BSD-2-Clause */
#include "record/user_values.h"

#include <dlfcn.h>
#include <malloc.h>
#include <string.h>

#include "record/qemu.h"

enum {
	/* Numbers of the gdb stub, besides those of the general registers. */
	FS_BASE = 24,
	GS_BASE = 25,
	REGISTERS = 18,
	OBJECT_MIN = 4096,
	OBJECT_MAX = 65536,	/* a place has 16 bits */
};

/* By their numbers in machine code; then the bases of fs and gs. */
static const int gdb[REGISTERS] = {
	0, 2, 3, 1, 7, 6, 4, 5, 8, 9, 10, 11, 12, 13, 14, 15, FS_BASE,
	GS_BASE,
};

struct stub {
	void *(*get_cpu)(int index);
	int (*read)(void *cpu, struct qemu_byte_array *to, int number);
	int (*write)(void *cpu, const uint8_t *from, int number);
	struct qemu_byte_array *(*new_array)(void);
	struct qemu_byte_array *(*set_size)(struct qemu_byte_array *a,
					    unsigned int n);
	void *cpu;
	struct qemu_byte_array *buffer;
};

static bool find_stub(struct stub *s)
{
	/* POSIX lets a data pointer be a function; C has no other way. */
	*(void **)&s->get_cpu = dlsym(RTLD_DEFAULT, "qemu_get_cpu");
	*(void **)&s->read = dlsym(RTLD_DEFAULT, "x86_cpu_gdb_read_register");
	*(void **)&s->write = dlsym(RTLD_DEFAULT,
				    "x86_cpu_gdb_write_register");
	*(void **)&s->new_array = dlsym(RTLD_DEFAULT, "g_byte_array_new");
	*(void **)&s->set_size = dlsym(RTLD_DEFAULT, "g_byte_array_set_size");
	if (!s->get_cpu || !s->read || !s->write || !s->new_array ||
	    !s->set_size) {
		return false;
	}
	s->cpu = s->get_cpu(0);
	s->buffer = s->new_array();
	return s->cpu && s->buffer;
}

static bool get(const struct stub *s, unsigned number, uint64_t *value)
{
	s->set_size(s->buffer, 0);
	if (s->read(s->cpu, s->buffer, gdb[number]) != sizeof(*value) ||
	    s->buffer->count != sizeof(*value)) {
		return false;
	}
	memcpy(value, s->buffer->data, sizeof(*value));
	return true;
}

static bool set(const struct stub *s, unsigned number, uint64_t value)
{
	uint8_t bytes[sizeof(value)];

	memcpy(bytes, &value, sizeof(value));
	return s->write(s->cpu, bytes, gdb[number]) == sizeof(value);
}

/* The one place of that value in the object; 0 if there is none, or more. */
static uint16_t place_of(const char *object, size_t bytes, uint64_t value)
{
	size_t found = 0;
	uint64_t word;

	for (size_t at = 8; at + 8 <= bytes; at += 8) {
		memcpy(&word, object + at, sizeof(word));
		if (word == value) {
			if (found) {
				return 0;
			}
			found = at;
		}
	}
	return (uint16_t)found;
}

/* Changes it twice; where it is has both values. */
static uint16_t find_place(const struct stub *s, size_t bytes, unsigned number)
{
	const uint64_t one = UINT64_C(0x5eed00c0ffee1357) + number;
	const uint64_t two = ~one;
	uint16_t at = 0, again = 0;
	uint64_t before;

	if (!get(s, number, &before)) {
		return 0;
	}
	if (set(s, number, one)) {
		at = place_of(s->cpu, bytes, one);
		again = set(s, number, two) ? place_of(s->cpu, bytes, two) : 0;
	}
	set(s, number, before);
	return at == again ? at : 0;
}

/* QEMU has had both names for a thread's own vcpu. */
static bool find_vcpu(const struct stub *s, ptrdiff_t *at)
{
	static const char *const names[] = { "thread_cpu", "current_cpu" };

	for (unsigned i = 0; i < 2; i++) {
		void **own = dlsym(RTLD_DEFAULT, names[i]);

		/* A program's thread-local variables are at the same
		 * distance in all of its threads. */
		if (own && *own == s->cpu) {
			*at = (char *)own - (char *)__builtin_thread_pointer();
			return true;
		}
	}
	return false;
}

bool user_values_find(struct user_values *v)
{
	struct stub s;
	size_t bytes;

	/* Later versions add registers and threads of their own. */
	if (qemu_plugin_read_register || !find_stub(&s) ||
	    !find_vcpu(&s, &v->vcpu)) {
		return false;
	}
	bytes = malloc_usable_size(s.cpu);
	if (bytes < OBJECT_MIN || bytes > OBJECT_MAX) {
		return false;
	}
	for (unsigned i = 0; i < REGISTERS; i++) {
		uint16_t at = find_place(&s, bytes, i);

		if (!at) {
			return false;
		}
		*(i < 16 ? &v->places.reg[i] :
		  i == 16 ? &v->places.fs : &v->places.gs) = at;
	}
	return true;
}

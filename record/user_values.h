/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where QEMU's user mode keeps the guest's registers between blocks of code. It
 * does not tell, but it exports what its gdb stub uses to change them: what
 * changes in the vcpu's object then is the register.
 */
#ifndef RECORD_USER_VALUES_H
#define RECORD_USER_VALUES_H

#include <stddef.h>

#include "record/fold.h"

struct user_values {
	struct fold_places places;
	/* Where a thread keeps the pointer to its vcpu, from its own
	 * pointer on. */
	ptrdiff_t vcpu;
};

/*
 * From the first translation, when the guest has one thread, and none of its
 * registers is anywhere else. Changes and restores all registers. False if one
 * is not found in exactly one place.
 */
bool user_values_find(struct user_values *v);

/* The calling thread's vcpu: what places are counted from. */
static inline const char *user_values_vcpu(const struct user_values *v)
{
	return *(const char *const *)((const char *)
		__builtin_thread_pointer() + v->vcpu);
}

#endif

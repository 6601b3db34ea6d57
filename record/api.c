/* SPDX-License-Identifier: BSD-2-Clause */
#include "record/api.h"

#include <string.h>

/*
 * QEMU compares this with the versions that it supports, after it has loaded
 * the plugin: 7.2 knows 0 and 1, 9.0 and later 2 and more. What both have is
 * enough for us, so it becomes what the running QEMU wants.
 */
int qemu_plugin_version = 1;

static uint64_t counted;
static int version;		/* of the running QEMU's interface */

static __attribute__((constructor)) void choose_version(void)
{
	if (qemu_plugin_read_register) {
		qemu_plugin_version = 2;
	}
}

void api_init(const struct qemu_info_t *info)
{
	version = info->version.cur;
}

bool api_names_vcpu(void)
{
	return version < 4;
}

size_t api_insn_bytes(const struct qemu_plugin_insn *insn,
		      uint8_t to[API_INSN_MAX])
{
	size_t bytes = qemu_plugin_insn_size(insn);

	bytes = bytes < API_INSN_MAX ? bytes : API_INSN_MAX;
	if (version >= 3) {
		/* From this version on it copies. */
		size_t (*copy)(const struct qemu_plugin_insn *from, void *dest,
			       size_t most) =
			(size_t (*)(const struct qemu_plugin_insn *, void *,
				    size_t))(void *)qemu_plugin_insn_data;

		return copy(insn, to, bytes);
	}
	memcpy(to, qemu_plugin_insn_data(insn), bytes);
	return bytes;
}

static void at_block(unsigned int vcpu, void *arg)
{
	(void)vcpu;
	counted += (uintptr_t)arg;
}

void api_count_block(struct qemu_plugin_tb *tb, uint64_t count)
{
	if (qemu_plugin_register_vcpu_tb_exec_inline) {
		qemu_plugin_register_vcpu_tb_exec_inline(tb,
			QEMU_PLUGIN_INLINE_ADD_U64, &counted, count);
	} else {
		/* The counters of each vcpu that later versions add to
		 * inline broke a guest with two vcpus (10.0.2). */
		qemu_plugin_register_vcpu_tb_exec_cb(tb, at_block,
			QEMU_PLUGIN_CB_NO_REGS, (void *)(uintptr_t)count);
	}
}

uint64_t api_counted(void)
{
	return counted;
}

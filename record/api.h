/* SPDX-License-Identifier: BSD-2-Clause */
/* What differs between the versions of QEMU's plugin interface. */
#ifndef RECORD_API_H
#define RECORD_API_H

#include "record/qemu.h"

enum {
	API_INSN_MAX = 16,	/* bytes of an instruction, and more */
};

/* From qemu_plugin_install(). */
void api_init(const struct qemu_info_t *info);

/*
 * Whether callbacks name the vcpu that runs, also where several take turns on
 * one thread. From 10.0 on they may name another; 9.2, which has the same
 * version of the interface, is counted to these.
 */
bool api_names_vcpu(void);

/* The bytes of an instruction; the number of them that there are. */
size_t api_insn_bytes(const struct qemu_plugin_insn *insn,
		      uint8_t to[API_INSN_MAX]);

/* Counts `count` whenever the block runs; what was counted so far. */
void api_count_block(struct qemu_plugin_tb *tb, uint64_t count);
uint64_t api_counted(void);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the recorder uses of QEMU's plugin interface, version 1 and later.
 * Declared here by us, from the interface as it is documented; QEMU's plugin
 * header is not packaged. What only some versions have is weak: null where it
 * is missing.
 *
 * A program that loads this plugin is covered by QEMU's licence; ours is
 * compatible with it.
 */
#ifndef RECORD_QEMU_H
#define RECORD_QEMU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint64_t qemu_plugin_id_t;
typedef uint32_t qemu_plugin_meminfo_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
struct qemu_plugin_hwaddr;

struct qemu_info_t {
	const char *target_name;
	struct {
		int min;
		int cur;
	} version;
	bool system_emulation;
	struct {
		int smp_vcpus;
		int max_vcpus;
	} system;
};

enum qemu_plugin_cb_flags {
	QEMU_PLUGIN_CB_NO_REGS,
	QEMU_PLUGIN_CB_R_REGS,
	QEMU_PLUGIN_CB_RW_REGS,
};

enum qemu_plugin_mem_rw {
	QEMU_PLUGIN_MEM_R = 1,
	QEMU_PLUGIN_MEM_W,
	QEMU_PLUGIN_MEM_RW,
};

enum qemu_plugin_op {
	QEMU_PLUGIN_INLINE_ADD_U64,
};

void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id,
	void (*cb)(qemu_plugin_id_t id, struct qemu_plugin_tb *tb));
void qemu_plugin_register_atexit_cb(qemu_plugin_id_t id,
	void (*cb)(qemu_plugin_id_t id, void *arg), void *arg);

/* Version 1 alone. */
__attribute__((weak))
void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb *tb,
	enum qemu_plugin_op op, void *number, uint64_t imm);

/* From version 2 on: registers, in glib's arrays as far as they are public. */
struct qemu_array {
	void *data;
	unsigned int count;
};
struct qemu_byte_array {
	uint8_t *data;
	unsigned int count;
};
struct qemu_plugin_register;
struct qemu_plugin_reg_descriptor {
	struct qemu_plugin_register *handle;
	const char *name;
	const char *feature;
};

__attribute__((weak)) struct qemu_array *qemu_plugin_get_registers(void);
__attribute__((weak))
int qemu_plugin_read_register(struct qemu_plugin_register *handle,
			      struct qemu_byte_array *to);

void qemu_plugin_register_vcpu_init_cb(qemu_plugin_id_t id,
	void (*cb)(qemu_plugin_id_t id, unsigned int vcpu));
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn,
	void (*cb)(unsigned int vcpu, void *arg),
	enum qemu_plugin_cb_flags flags, void *arg);
void qemu_plugin_register_vcpu_mem_cb(struct qemu_plugin_insn *insn,
	void (*cb)(unsigned int vcpu, qemu_plugin_meminfo_t info,
		   uint64_t gva, void *arg),
	enum qemu_plugin_cb_flags flags, enum qemu_plugin_mem_rw rw,
	void *arg);

void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *tb,
	void (*cb)(unsigned int vcpu, void *arg),
	enum qemu_plugin_cb_flags flags, void *arg);
void qemu_plugin_register_vcpu_syscall_cb(qemu_plugin_id_t id,
	void (*cb)(qemu_plugin_id_t id, unsigned int vcpu, int64_t number,
		   uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4,
		   uint64_t a5, uint64_t a6, uint64_t a7, uint64_t a8));
void qemu_plugin_register_vcpu_syscall_ret_cb(qemu_plugin_id_t id,
	void (*cb)(qemu_plugin_id_t id, unsigned int vcpu, int64_t number,
		   int64_t result));
const char *qemu_plugin_path_to_binary(void);

size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *
qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t number);
/* Of another shape from version 3 on: see api.c. */
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *insn);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);

unsigned int qemu_plugin_mem_size_shift(qemu_plugin_meminfo_t info);
bool qemu_plugin_mem_is_store(qemu_plugin_meminfo_t info);
struct qemu_plugin_hwaddr *qemu_plugin_get_hwaddr(qemu_plugin_meminfo_t info,
						  uint64_t gva);
bool qemu_plugin_hwaddr_is_io(const struct qemu_plugin_hwaddr *addr);
uint64_t qemu_plugin_hwaddr_phys_addr(const struct qemu_plugin_hwaddr *addr);

/* What QEMU calls. */
extern __attribute__((visibility("default"))) int qemu_plugin_version;
__attribute__((visibility("default")))
int qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_info_t *info,
			int argc, char **argv);

#endif

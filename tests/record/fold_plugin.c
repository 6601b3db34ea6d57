/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A plugin of QEMU's user mode that looks at every access and compares it with
 * what folding (record/fold.h) expected: of an instruction without one, none;
 * of one that joined a group, the address told from its leader's. It says how
 * many it saw, and how many were wrong, when the program ends.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include "record/fold.h"
#include "record/qemu.h"

int qemu_plugin_version = 1;

struct expected {
	uint64_t *leader;	/* its address of late; null: no access */
	bool leads, pieces;
	int16_t at;
	uint8_t size, kinds;
	uint8_t code[16], bytes;
};

static uint64_t seen, folded, wrong;

static void complain(const struct expected *e, uint64_t gva)
{
	if (++wrong > 5) {
		return;
	}
	fprintf(stderr, "wrong: %" PRIx64 " for leader %" PRIx64 " %+d:", gva,
		e->leader ? *e->leader : 0, e->at);
	for (unsigned i = 0; i < e->bytes; i++) {
		fprintf(stderr, " %02x", e->code[i]);
	}
	fputc('\n', stderr);
}

static void at_access(unsigned int vcpu, qemu_plugin_meminfo_t info,
		      uint64_t gva, void *arg)
{
	const struct expected *e = arg;
	uint64_t size = UINT64_C(1) << qemu_plugin_mem_size_shift(info);
	unsigned kind = qemu_plugin_mem_is_store(info) ? OPERANDS_WRITE :
							 OPERANDS_READ;

	(void)vcpu;
	seen++;
	if (!e->leader) {
		complain(e, gva);
		return;
	}
	if (e->leads) {
		*e->leader = gva;
	} else {
		folded++;
	}
	/* A large one comes in two. */
	uint64_t from = gva - (*e->leader + (uint64_t)e->at);

	/* One that leads, though in pieces, is wherever it says. */
	if (!(e->kinds & kind) || (!e->pieces && from + size > e->size) ||
	    (e->size <= 8 && size != e->size)) {
		complain(e, gva);
	}
}

static void at_unknown(unsigned int vcpu, qemu_plugin_meminfo_t info,
		       uint64_t gva, void *arg)
{
	(void)vcpu, (void)info, (void)gva, (void)arg;
	seen++;
}

static void expect(const struct fold *f, size_t n,
		   struct qemu_plugin_insn *insn, uint64_t *leaders)
{
	size_t bytes = qemu_plugin_insn_size(insn);
	struct operands o = operands_of(qemu_plugin_insn_data(insn), bytes,
					qemu_plugin_insn_vaddr(insn));
	struct expected *e;

	if (f->what[n] == FOLD_UNKNOWN) {
		/* Else QEMU 7.2 reports what its helpers do for it as if the
		 * instruction before it had done it. */
		qemu_plugin_register_vcpu_mem_cb(insn, at_unknown,
			QEMU_PLUGIN_CB_NO_REGS, QEMU_PLUGIN_MEM_RW, NULL);
		return;
	}
	e = calloc(1, sizeof(*e));	/* QEMU may call back for ever */
	if (!e) {
		exit(1);
	}
	if (o.kinds) {
		e->leader = &leaders[f->number[n]];
	}
	e->leads = f->what[n] >= FOLD_LEAD;
	e->at = f->at[n];
	e->size = o.size;
	e->kinds = o.kinds;
	e->pieces = e->leads && o.size > 8;
	e->bytes = (uint8_t)(bytes < 16 ? bytes : 16);
	memcpy(e->code, qemu_plugin_insn_data(insn), e->bytes);
	qemu_plugin_register_vcpu_mem_cb(insn, at_access,
		QEMU_PLUGIN_CB_NO_REGS, QEMU_PLUGIN_MEM_RW, e);
}

static void at_translation(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	static struct fold f;
	size_t count = qemu_plugin_tb_n_insns(tb);
	uint64_t *leaders = calloc(FOLD_GROUPS, sizeof(*leaders));

	(void)id;
	if (!leaders) {
		exit(1);
	}
	fold_start(&f);
	for (size_t n = 0; n < count; n++) {
		struct qemu_plugin_insn *i = qemu_plugin_tb_get_insn(tb, n);

		fold_add(&f, qemu_plugin_insn_data(i),
			 qemu_plugin_insn_size(i), qemu_plugin_insn_vaddr(i));
	}
	for (size_t n = 0; n < count; n++) {
		expect(&f, n, qemu_plugin_tb_get_insn(tb, n), leaders);
	}
}

static void at_call(qemu_plugin_id_t id, unsigned int vcpu, int64_t number,
		    uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4,
		    uint64_t a5, uint64_t a6, uint64_t a7, uint64_t a8)
{
	(void)id, (void)vcpu, (void)a1, (void)a2, (void)a3, (void)a4;
	(void)a5, (void)a6, (void)a7, (void)a8;
	if (number == SYS_exit_group) {
		fprintf(stderr, "folding: %" PRIu64 " seen, %" PRIu64
			" folded, %" PRIu64 " wrong\n", seen, folded, wrong);
	}
}

int qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_info_t *info,
			int argc, char **argv)
{
	(void)info;
	(void)argc;
	(void)argv;
	qemu_plugin_register_vcpu_tb_trans_cb(id, at_translation);
	qemu_plugin_register_vcpu_syscall_cb(id, at_call);
	return 0;
}

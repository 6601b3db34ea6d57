/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A plugin of QEMU's user mode that looks at every access and compares it with
 * what folding (record/fold.h) expected: of an instruction without one, none;
 * of one that joined a group, the address told from its leader's, or from the
 * registers when its block started. It says how many it saw, how many of them
 * in blocks of later threads, and how many were wrong, when the program ends.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "record/fold.h"
#include "record/qemu.h"
#include "record/user_values.h"

int qemu_plugin_version = 1;

/* What an instruction should access. */
struct expected {
	unsigned group, pushed_group;
	bool has_access, leads, pieces, pushes;
	int16_t at, pushed_at;
	uint8_t size, kinds;
	uint8_t code[16], bytes;
};

/* The groups of a block that are known when it starts. */
struct early {
	unsigned count;
	struct {
		unsigned group;
		struct fold_range range;
	} of[FOLD_GROUPS];
};

enum {
	/* An address that no program has: the leader was not seen yet. */
	NOWHERE = 1,
};

static _Atomic uint64_t seen, folded, early, threads, wrong;
static struct user_values values;
static bool has_values;
static FILE *out;	/* standard error, which programs close */

/* The addresses of the leaders of the block that the thread is in. */
static __thread uint64_t leader[FOLD_GROUPS];

static void complain(const struct expected *e, uint64_t gva)
{
	if (++wrong > 5) {
		return;
	}
	fprintf(out, "wrong: %" PRIx64 " for leader %" PRIx64 " %+d:", gva,
		e->has_access ? leader[e->group] : 0, e->at);
	for (unsigned i = 0; i < e->bytes; i++) {
		fprintf(out, " %02x", e->code[i]);
	}
	fputc('\n', out);
}

static void at_access(unsigned int vcpu, qemu_plugin_meminfo_t info,
		      uint64_t gva, void *arg)
{
	const struct expected *e = arg;
	uint64_t size = UINT64_C(1) << qemu_plugin_mem_size_shift(info);
	unsigned kind = qemu_plugin_mem_is_store(info) ? OPERANDS_WRITE :
							 OPERANDS_READ;

	seen++;
	threads += vcpu != 0;
	if (!e->has_access) {
		complain(e, gva);
		return;
	}
	if (e->leads) {
		leader[e->group] = gva;
	} else {
		folded++;
	}
	/* A large one comes in two. */
	uint64_t from = gva - (leader[e->group] + (uint64_t)e->at);

	/* One that leads, though in pieces, is wherever it says. */
	if (!(e->kinds & kind) || (!e->pieces && from + size > e->size) ||
	    (e->size <= 8 && size != e->size)) {
		complain(e, gva);
	}
}

/* One that reads memory and pushes: both are in groups that are known. */
static void at_both(unsigned int vcpu, qemu_plugin_meminfo_t info,
		    uint64_t gva, void *arg)
{
	const struct expected *e = arg;

	if (!qemu_plugin_mem_is_store(info)) {
		at_access(vcpu, info, gva, arg);
		return;
	}
	seen++;
	folded++;
	if (gva != leader[e->pushed_group] + (uint64_t)e->pushed_at ||
	    qemu_plugin_mem_size_shift(info) != 3) {
		complain(e, gva);
	}
}

static void at_block(unsigned int vcpu, void *arg)
{
	const struct early *b = arg;
	const char *object = user_values_vcpu(&values);

	(void)vcpu;
	for (unsigned i = 0; i < FOLD_GROUPS; i++) {
		leader[i] = NOWHERE;
	}
	for (unsigned i = 0; i < b->count; i++) {
		const struct fold_range *r = &b->of[i].range;

		leader[b->of[i].group] = fold_value_at(r, object) + r->low;
	}
	early += b->count;
}

static void at_unknown(unsigned int vcpu, qemu_plugin_meminfo_t info,
		       uint64_t gva, void *arg)
{
	(void)vcpu, (void)info, (void)gva, (void)arg;
	seen++;
}

static void expect(const struct fold *f, size_t n,
		   struct qemu_plugin_insn *insn)
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
	e->has_access = o.kinds != 0;
	e->group = f->number[n];
	e->leads = f->what[n] >= FOLD_LEAD;
	e->at = f->at[n];
	e->pushed_group = f->pushed_number[n];
	e->pushed_at = f->pushed_at[n];
	e->size = o.size;
	e->kinds = o.kinds;
	e->pieces = e->leads && o.size > 8;
	e->bytes = (uint8_t)(bytes < 16 ? bytes : 16);
	memcpy(e->code, qemu_plugin_insn_data(insn), e->bytes);
	qemu_plugin_register_vcpu_mem_cb(insn,
		o.pushes ? at_both : at_access, QEMU_PLUGIN_CB_NO_REGS,
		QEMU_PLUGIN_MEM_RW, e);
}

static void watch_start(const struct fold *f, struct qemu_plugin_tb *tb)
{
	struct early *b = calloc(1, sizeof(*b));

	if (!b) {
		exit(1);
	}
	for (unsigned i = 0; i < f->groups; i++) {
		if (f->group[i].early) {
			b->of[b->count].group = i;
			b->of[b->count++].range =
				fold_range_of(f, &f->group[i]);
			/* Seen from the leader. */
			b->of[b->count - 1].range.low -=
				(uint64_t)f->group[i].low;
		}
	}
	qemu_plugin_register_vcpu_tb_exec_cb(tb, at_block,
					     QEMU_PLUGIN_CB_NO_REGS, b);
}

static void at_translation(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	static struct fold f;
	static bool started;
	size_t count = qemu_plugin_tb_n_insns(tb);

	(void)id;
	if (!started) {
		started = true;
		has_values = user_values_find(&values);
	}
	fold_start(&f, has_values ? &values.places : NULL);
	for (size_t n = 0; n < count; n++) {
		struct qemu_plugin_insn *i = qemu_plugin_tb_get_insn(tb, n);

		fold_add(&f, qemu_plugin_insn_data(i),
			 qemu_plugin_insn_size(i), qemu_plugin_insn_vaddr(i));
	}
	fold_end(&f);
	watch_start(&f, tb);
	for (size_t n = 0; n < count; n++) {
		expect(&f, n, qemu_plugin_tb_get_insn(tb, n));
	}
}

static void at_call(qemu_plugin_id_t id, unsigned int vcpu, int64_t number,
		    uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4,
		    uint64_t a5, uint64_t a6, uint64_t a7, uint64_t a8)
{
	(void)id, (void)vcpu, (void)a1, (void)a2, (void)a3, (void)a4;
	(void)a5, (void)a6, (void)a7, (void)a8;
	if (number == SYS_exit_group) {
		fprintf(out, "folding: %" PRIu64 " seen, %" PRIu64
			" folded, %" PRIu64 " wrong, %" PRIu64 " early, %"
			PRIu64 " by threads\n", seen, folded, wrong, early,
			threads);
	}
}

int qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_info_t *info,
			int argc, char **argv)
{
	(void)info;
	(void)argc;
	(void)argv;
	out = fdopen(dup(STDERR_FILENO), "w");
	if (!out) {
		return -1;
	}
	setvbuf(out, NULL, _IONBF, 0);
	qemu_plugin_register_vcpu_tb_trans_cb(id, at_translation);
	qemu_plugin_register_vcpu_syscall_cb(id, at_call);
	return 0;
}

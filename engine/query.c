/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "engine/calls.h"
#include "direct/table.h"
#include "shadow/audit.h"

enum gnomon_status gn_eng_translate(struct gnomon_vcpu *vcpu, gnomon_gva_t gva,
				    uint32_t access, uint32_t flags,
				    struct gnomon_translation *out)
{
	struct gn_gpt_walk walk;
	uint32_t walk_flags =
		flags & GNOMON_TRANSLATE_SET_AD ? GN_GPT_SET_AD : 0;
	enum gnomon_status status;

	*out = (struct gnomon_translation){ 0 };
	if (!vcpu->loaded) {
		return GNOMON_INVAL;
	}
	status = gn_eng_direct(vcpu->vm)
			 ? gn_dp_walk(&vcpu->vm->dp, &vcpu->dp.ctx, gva,
				      access, &walk)
			 : gn_gpt_walk(&vcpu->sh.ctx, vcpu->sh.mem, gva,
				       access, walk_flags, &walk);
	if (status == GNOMON_FAULT) {
		out->error_code = walk.error_code;
	}
	if (status != GNOMON_OK) {
		return status;
	}
	out->gpa = walk.gpa;
	out->page_shift = (uint8_t)walk.page_shift;
	out->writable = walk.rights & GN_GPT_W;
	out->user = walk.rights & GN_GPT_U;
	out->executable = walk.rights & GN_GPT_X;
	return GNOMON_OK;
}

enum gnomon_status gn_eng_audit(struct gnomon_vm *vm,
				enum gnomon_audit_level level,
				struct gnomon_audit *report)
{
	enum gnomon_status status;

	*report = (struct gnomon_audit){ .rule = NULL };
	status = gn_eng_direct(vm) ? gn_dp_audit(&vm->dp, level, report)
				   : gn_sh_audit(&vm->sh, level, report);
	for (unsigned v = 0;
	     status == GNOMON_OK && v < gn_eng_nested_views(vm); v++) {
		uint64_t checked = report->checked;

		status = gn_np_audit(&vm->np[v], level, report);
		report->checked += checked;
	}
	if (status != GNOMON_OK && vm->host->bug) {
		vm->host->bug(vm->ctx, report->rule);
	}
	return status;
}

GN_STATIC_ASSERT(sizeof(struct gnomon_stats) % sizeof(uint64_t) == 0,
		 "counters are added as an array of numbers");

static uint64_t larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

void gn_eng_stats_add(struct gnomon_stats *sum, const struct gnomon_stats *own)
{
	uint64_t to[sizeof(*sum) / sizeof(uint64_t)];
	uint64_t from[sizeof(*sum) / sizeof(uint64_t)];
	struct gnomon_stats before = *sum;

	memcpy(to, sum, sizeof(to));
	memcpy(from, own, sizeof(from));
	for (size_t i = 0; i < sizeof(to) / sizeof(to[0]); i++) {
		to[i] += from[i];
	}
	memcpy(sum, to, sizeof(to));
	sum->lock_exclusive_max = larger(before.lock_exclusive_max,
					 own->lock_exclusive_max);
	sum->lock_shared_max = larger(before.lock_shared_max,
				      own->lock_shared_max);
	sum->lock_wait_max = larger(before.lock_wait_max, own->lock_wait_max);
}

/* The vcpus' counters; nobody else holds the vm now. */
static void add_vcpus(const struct gnomon_vm *vm, struct gnomon_stats *sum)
{
	for (unsigned i = 0; i < GNOMON_VCPUS_MAX; i++) {
		if (vm->sh.vcpu[i]) {
			gn_eng_stats_add(sum, vm->sh.vcpu[i]->stats);
		}
	}
}

static void add_nested(const struct gn_np_stats *np, struct gnomon_stats *s)
{
	s->nested_pages += np->tables;
	s->nested_pages_peak += np->tables_peak;
	s->nptes_set += np->sets;
	s->nptes_around += np->around;
	s->splits += np->splits;
	s->mmu_recycled += np->recycled;
	s->tlb_flush += np->flushes;
}

void gn_eng_vm_stats(const struct gnomon_vm *vm, struct gnomon_stats *stats,
		     size_t stats_bytes)
{
	struct gnomon_stats s = vm->stats;

	add_vcpus(vm, &s);
	s.shadow_pages = vm->sh.live;
	s.meta_pages = vm->pool.taken[GNOMON_PAGE_META];
	s.traced_frames = vm->sh.tf.traced;
	s.rmap_entries = gn_sh_refs_total(&vm->sh);
	s.unsync_tables = vm->sh.open_count;
	s.tables_nested = vm->sh.below;
	if (gn_eng_direct(vm)) {
		gn_eng_direct_stats(vm, &s);
	}
	s.loose_tables = vm->sh.loose_count;
	for (unsigned v = 0; v < gn_eng_nested_views(vm); v++) {
		add_nested(&vm->np[v].stats, &s);
	}
	memcpy(stats, &s, stats_bytes < sizeof(s) ? stats_bytes : sizeof(s));
}

bool gn_eng_is_traced(const struct gnomon_vm *vm, gnomon_gfn_t gfn)
{
	if (gn_eng_direct(vm)) {
		return gn_dp_find(&vm->dp, gfn.v) != 0;
	}
	return gn_tf_traced(&vm->sh.tf, gn_eng_vm_memory(vm, gfn).v);
}

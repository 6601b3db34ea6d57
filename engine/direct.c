/* SPDX-License-Identifier: BSD-2-Clause */
/* Mode DIRECT: the public calls that are its own or differ there. */
#include "engine/calls.h"

#include "base/bits.h"

void gn_eng_direct_init(struct gnomon_vm *vm)
{
	const struct gnomon_config *c = &vm->config;
	struct gn_dp_config config = {
		.options = c->options,
		.tables_max = c->table_pages_max,
		.chain_max = c->chain_max < UINT16_MAX ? c->chain_max
						       : UINT16_MAX,
		.prefetch = c->prefetch,
	};

	gn_dp_init(&vm->dp, &config, vm->host, vm->ctx, &vm->pool, &vm->slots,
		   &vm->mem);
}

enum gnomon_status gn_eng_direct_load(struct gnomon_vcpu *vcpu,
				      const struct gn_gpt_ctx *ctx)
{
	enum gnomon_status status = gn_dp_root_load(&vcpu->vm->dp, vcpu->id,
						    &vcpu->dp, ctx);

	if (status == GNOMON_OK) {
		vcpu->sh.ctx = *ctx;
	}
	/* No memory for a table there: as a CPU that cannot take the CR3. */
	return status == GNOMON_ABSENT ? GNOMON_GP : status;
}

static void flush(struct gnomon_vcpu *vcpu, uint64_t start, uint64_t bytes)
{
	struct gnomon_flush f = {
		.vcpus = GN_BIT(vcpu->id), .start = gn_gva(start),
		.bytes = bytes,
	};

	vcpu->vm->stats.tlb_flush++;
	vcpu->vm->host->flush(vcpu->vm->ctx, &f);
}

void gn_eng_direct_invlpg(struct gnomon_vcpu *vcpu, gnomon_gva_t gva)
{
	flush(vcpu, gn_align_down(gva.v, GNOMON_PAGE_BYTES),
	      GNOMON_PAGE_BYTES);
}

static enum gnomon_status load_root(struct gnomon_vcpu *vcpu, uint64_t cr3)
{
	struct gnomon_regs regs = vcpu->regs;
	struct gnomon_root root;
	enum gnomon_status status;

	regs.cr3 = cr3;
	status = gn_eng_vcpu_set_regs(vcpu, &regs, GNOMON_SET_CR3, &root);
	if (status == GNOMON_OK && root.flush) {
		flush(vcpu, 0, 0);
	}
	return status == GNOMON_GP ? GNOMON_INVAL : status;
}

static enum gnomon_status unpin(struct gn_dp *dp,
				const struct gnomon_direct *r,
				uint32_t *budget)
{
	enum gnomon_status status = gn_dp_unpin(dp, r->gpa);

	/* Called again after MORE, it is unpinned already. */
	if (status != GNOMON_OK && !dp->released) {
		return status;
	}
	return gn_dp_release(dp, budget);
}

static enum gnomon_status serve(struct gnomon_vcpu *vcpu,
				const struct gnomon_direct *r,
				uint32_t *budget)
{
	struct gn_dp *dp = &vcpu->vm->dp;

	switch ((enum gnomon_direct_op)r->op) {
	case GNOMON_DIRECT_SET:
	case GNOMON_DIRECT_SET_KEEP_AD:
		return gn_dp_set(dp, r->gpa, r->value,
				 r->op == GNOMON_DIRECT_SET_KEEP_AD);
	case GNOMON_DIRECT_PIN:
		return gn_dp_pin(dp, r->gpa, r->value, budget);
	case GNOMON_DIRECT_UNPIN:
		return unpin(dp, r, budget);
	case GNOMON_DIRECT_ROOT:
		return load_root(vcpu, r->value);
	case GNOMON_DIRECT_FLUSH_PAGE:
		vcpu->vm->stats.invlpg++;
		gn_eng_direct_invlpg(vcpu, gn_gva(r->value));
		return GNOMON_OK;
	case GNOMON_DIRECT_FLUSH_ALL:
		flush(vcpu, 0, 0);
		return GNOMON_OK;
	}
	return GNOMON_INVAL;
}

enum gnomon_status gn_eng_direct_call(struct gnomon_vcpu *vcpu,
				      const struct gnomon_direct *request,
				      uint32_t count, uint32_t *done,
				      uint32_t *budget)
{
	uint32_t none;

	if (!gn_eng_direct(vcpu->vm)) {
		return GNOMON_UNSUPPORTED;
	}
	budget = gn_eng_budget(budget, &none);
	for (; *done < count; ++*done) {
		const struct gnomon_direct *r = &request[*done];
		enum gnomon_status status;

		if (*budget == 0) {
			return GNOMON_MORE;
		}
		--*budget;
		status = vcpu->loaded && !r->reserved ? serve(vcpu, r, budget)
						      : GNOMON_INVAL;
		if (status != GNOMON_OK) {
			return status == GNOMON_ABSENT ? GNOMON_INVAL : status;
		}
	}
	return GNOMON_OK;
}

enum gnomon_status gn_eng_direct_read(struct gnomon_vm *vm, gnomon_gpa_t gpa,
				      uint64_t *gpte)
{
	return gpa.v % 8 ? GNOMON_INVAL : gn_dp_read(&vm->dp, gpa, gpte);
}

enum gnomon_status gn_eng_direct_shrink(struct gnomon_vm *vm, uint32_t *pages,
					uint32_t *budget)
{
	struct gn_dp *dp = &vm->dp;

	while (*pages > 0 && dp->released) {
		uint32_t one = 1;

		if (*budget == 0) {
			return GNOMON_MORE;
		}
		--*budget;
		(void)gn_dp_release(dp, &one);	/* MORE: as it is one */
		--*pages;
	}
	return GNOMON_OK;
}

void gn_eng_direct_stats(const struct gnomon_vm *vm, struct gnomon_stats *s)
{
	const struct gn_dp_counts *c = &vm->dp.counts;

	s->direct_tables = c->tables;
	s->direct_tables_peak = c->tables_peak;
	s->direct_updates = c->updates;
	s->direct_sets = c->sets;
	s->rmap_entries = c->cells;
	s->traced_frames = c->tables;
	s->splits = c->splits;
	s->tlb_flush = vm->stats.tlb_flush + c->flushes;
}

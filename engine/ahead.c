/* SPDX-License-Identifier: BSD-2-Clause */
/* Work done before it is needed: prefault and split. */
#include "engine/calls.h"

#include "base/bits.h"

/* Would an access find every entry of the path marked accessed already? */
static bool all_accessed(const struct gn_gpt_ctx *ctx,
			 const struct gn_gpt_walk *walk)
{
	const struct gn_gpt_format *f = ctx->format;

	for (unsigned l = walk->level; l > 0 && l <= f->levels; l++) {
		if ((f->inherits || l == walk->level) &&
		    !(walk->step[l].gpte & f->accessed)) {
			return false;
		}
	}
	return true;
}

static enum gnomon_status look_up(struct gnomon_vcpu *vcpu, gnomon_gva_t gva,
				  uint32_t access, struct gn_gpt_walk *walk)
{
	struct gnomon_vm *vm = vcpu->vm;
	enum gnomon_status status;

	if (gn_eng_direct(vm)) {
		return gn_dp_walk(&vm->dp, &vcpu->dp.ctx, gva, access, walk);
	}
	status = gn_gpt_walk(&vcpu->sh.ctx, vcpu->sh.mem, gva, access, 0,
			     walk);
	/* The guest must not see a bit that no access of its own has set. */
	if (status == GNOMON_OK && !all_accessed(&vcpu->sh.ctx, walk)) {
		return GNOMON_ABSENT;
	}
	return status;
}

/* Bytes from gva to the end of what the walk has learned about. */
static uint64_t learned(const struct gnomon_vcpu *vcpu, gnomon_gva_t gva,
			enum gnomon_status status,
			const struct gn_gpt_walk *walk)
{
	uint64_t span = GNOMON_PAGE_BYTES;

	if (status == GNOMON_FAULT && walk->level > 1 &&
	    walk->level <= vcpu->sh.ctx.format->levels) {
		span = gn_gpt_entry_span(&vcpu->sh.ctx, walk->level);
	}
	return span - (gva.v & (span - 1));
}

/* Make gva readable on our tables if it is on the guest's. */
static enum gnomon_status page_ahead(struct gnomon_vcpu *vcpu,
				     gnomon_gva_t gva, uint64_t *done)
{
	struct gnomon_fault fault = { .gva = gva, .access = GNOMON_READ };
	struct gnomon_outcome out;
	struct gn_gpt_walk walk;
	enum gnomon_status status = look_up(vcpu, gva, GNOMON_READ, &walk);

	if (status == GNOMON_FAULT) {
		/* SMAP, or a user page behind a key: ask as the user. */
		fault.access = GNOMON_READ | GNOMON_USER;
		status = look_up(vcpu, gva, fault.access, &walk);
	}
	*done = learned(vcpu, gva, status, &walk);
	if (status != GNOMON_OK) {
		return GNOMON_OK;
	}
	if (gn_eng_on_nested(vcpu)) {
		fault.nested = true;
		fault.gpa = walk.gpa;
	}
	gn_eng_serve(vcpu, &fault, &out);
	return out.action == GNOMON_STOP_NOMEM ? GNOMON_NOMEM : GNOMON_OK;
}

enum gnomon_status gn_eng_prefault(struct gnomon_vcpu *vcpu,
				   struct gnomon_span *span, uint32_t *budget)
{
	enum gnomon_status status;
	uint64_t done;
	uint32_t none;

	/* A span may end with the last byte there is. */
	if (!vcpu->loaded ||
	    (span->bytes && span->bytes - 1 > ~span->start.v)) {
		return GNOMON_INVAL;
	}
	budget = gn_eng_budget(budget, &none);
	while (span->bytes > 0) {
		if (*budget == 0) {
			return GNOMON_MORE;
		}
		--*budget;
		status = page_ahead(vcpu, span->start, &done);
		if (status != GNOMON_OK) {
			return status;
		}
		done = done < span->bytes ? done : span->bytes;
		span->start.v += done;
		span->bytes -= done;
	}
	return GNOMON_OK;
}

enum gnomon_status gn_eng_split(struct gnomon_vm *vm,
				struct gnomon_range *range, uint32_t *budget)
{
	uint64_t next = range->first.v, end = next + range->frames;
	enum gnomon_status status = GNOMON_OK;
	uint32_t none;

	if (range->frames &&
	    (next >= gn_eng_frames(vm) ||
	     range->frames > gn_eng_frames(vm) - next)) {
		return GNOMON_INVAL;
	}
	if (gn_eng_has_nested(vm)) {
		status = gn_eng_range(vm, GN_ENG_SPLIT, &next, end,
				      gn_eng_budget(budget, &none));
	} else {
		next = end;
	}
	*range = (struct gnomon_range){ { next }, end - next };
	return status;
}

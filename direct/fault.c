/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A page fault of a guest on its own tables, in steps: what the guest's tables
 * say; what lies at the gpa; then fill the path down to it.
 */
#include "direct/set.h"
#include "guestpt/internal.h"

static void inject(struct gnomon_outcome *out,
		   const struct gnomon_fault *fault, uint32_t code)
{
	out->action = GNOMON_INJECT;
	out->kind = GNOMON_KIND_TRUE;
	out->error_code = code;
	out->gva = fault->gva;
}

/* The code of an entry that no table can have. */
static uint32_t bad(const struct gn_dp_vcpu *vcpu,
		    const struct gnomon_fault *fault)
{
	return gn_gpt_code(&vcpu->ctx, fault->access, X86_PF_P | X86_PF_RSVD);
}

static void answer(struct gnomon_outcome *out, enum gnomon_action action,
		   enum gnomon_fault_kind kind, uint64_t gpa)
{
	out->action = action;
	out->kind = kind;
	out->gpa = gn_gpa(gpa);
}

/* A store into a table: the guest did not ask, so it is interpreted. */
static bool traced(struct gn_dp *dp, uint64_t gpa, struct gnomon_outcome *out)
{
	uint32_t table = gn_dp_find(dp, gpa >> GNOMON_PAGE_SHIFT);

	if (!table) {
		return false;
	}
	if (gn_dp_table_at(dp, table)->refs == 0) {
		gn_dp_demote(dp, table);
		return false;
	}
	answer(out, GNOMON_EMULATE, GNOMON_KIND_TRACE, gpa);
	return true;
}

/* What is at gpa besides RAM that may be accessed so; true: answered. */
static bool elsewhere(struct gn_dp *dp, const struct gnomon_fault *fault,
		      uint64_t gpa, struct gnomon_outcome *out)
{
	const struct gnomon_slot *slot =
		gn_slots_find(dp->slots, gn_gpa_gfn(gn_gpa(gpa)));
	bool write = fault->access & GNOMON_WRITE;

	if (!slot || (write && (slot->flags & (GNOMON_SLOT_READONLY |
					       GNOMON_SLOT_ROM)))) {
		answer(out, GNOMON_DO_MMIO, GNOMON_KIND_MMIO, gpa);
		return true;
	}
	return write && traced(dp, gpa, out);
}

/* Neighbours of a leaf that was filled; never in its place. */
static void prefetch(struct gn_dp *dp, uint32_t table, unsigned index)
{
	unsigned width = dp->config.prefetch;
	unsigned first = index & ~(width - 1);
	const struct gn_dp_table *t = gn_dp_table_at(dp, table);

	if (!(dp->config.options & GNOMON_OPT_PREFETCH) || t->level > 1 ||
	    (t->flags & GN_DP_SPLIT)) {
		return;
	}
	for (unsigned i = first; i < first + width; i++) {
		if (!t->cells[i] && (t->stored[i] & X86_PTE_A) &&
		    !gn_dp_crowded(dp, table, i)) {
			gn_dp_fill(dp, table, i, false);
		}
	}
}

static enum gn_dp_fill fill_path(struct gn_dp *dp, uint32_t table,
				 gnomon_gva_t gva, bool write)
{
	for (;;) {
		const struct gn_dp_table *t = gn_dp_table_at(dp, table);
		unsigned index = gn_gpt_index(&dp->ctx, t->level, gva);
		enum gn_dp_fill r = gn_dp_fill(dp, table, index, write);
		uint32_t below = t->cells[index];

		if (r != GN_DP_FILLED && r != GN_DP_BELOW) {
			return r;
		}
		if (!(below & GN_DP_LINK)) {
			prefetch(dp, table, index);
			return GN_DP_FILLED;
		}
		table = below & ~GN_DP_LINK;
	}
}

static void fill(struct gn_dp *dp, struct gn_dp_vcpu *vcpu,
		 const struct gnomon_fault *fault, uint64_t gpa,
		 struct gnomon_outcome *out)
{
	uint64_t sets = dp->counts.sets;
	enum gn_dp_fill r = fill_path(dp, vcpu->root, fault->gva,
				      fault->access & GNOMON_WRITE);

	switch (r) {
	case GN_DP_FILLED:
	case GN_DP_BELOW:
		answer(out, GNOMON_RESUME,
		       dp->counts.sets == sets ? GNOMON_KIND_SPURIOUS
					       : GNOMON_KIND_HIDDEN, gpa);
		break;
	case GN_DP_NOTHING:
		answer(out, GNOMON_DO_MMIO, GNOMON_KIND_MMIO, gpa);
		break;
	case GN_DP_NOT_NOW:
		answer(out, GNOMON_RETRY, GNOMON_KIND_HOST, gpa);
		break;
	case GN_DP_NO_MEMORY:
		answer(out, GNOMON_STOP_NOMEM, GNOMON_KIND_HIDDEN, gpa);
		break;
	case GN_DP_CLASH:
		/* A frame as tables of two levels: no such paging here. */
		inject(out, fault, bad(vcpu, fault));
		break;
	}
}

void gn_dp_fault(struct gn_dp *dp, struct gn_dp_vcpu *vcpu,
		 const struct gnomon_fault *fault, struct gnomon_outcome *out)
{
	struct gn_gpt_walk walk;

	enum gnomon_status status = gn_dp_walk(dp, &vcpu->ctx, fault->gva,
					       fault->access, &walk);

	if (status != GNOMON_OK) {
		inject(out, fault, status == GNOMON_FAULT ? walk.error_code
							  : bad(vcpu, fault));
		return;
	}
	if (elsewhere(dp, fault, walk.gpa.v, out)) {
		return;
	}
	fill(dp, vcpu, fault, walk.gpa.v, out);
}

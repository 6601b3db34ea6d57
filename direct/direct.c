/* SPDX-License-Identifier: BSD-2-Clause */
#include "direct/direct.h"

#include "base/bits.h"
#include "direct/set.h"

#define TABLE_SHIFT 6
#define CELL_SHIFT 4

void gn_dp_init(struct gn_dp *dp, const struct gn_dp_config *config,
		const struct gnomon_host *host, void *ctx,
		struct gn_pool *pool, struct gn_slots *slots,
		struct gn_mem *mem)
{
	*dp = (struct gn_dp){
		.config = *config, .host = host, .host_ctx = ctx,
		.pool = pool, .slots = slots, .mem = mem,
	};
	gn_frames_init(&dp->frames, pool);
	gn_slab_init(&dp->tables, pool, TABLE_SHIFT, GN_DP_LINK - 1);
	gn_slab_init(&dp->cells, pool, CELL_SHIFT, GN_DP_LINK - 1);
}

/* Everything back to data, whoever refers to it: no vcpu is left. */
static bool demote_all(struct gn_dp *dp, uint32_t *budget)
{
	const struct gn_frame *frame;

	while ((frame = gn_frames_next(&dp->frames, &dp->zap_next))) {
		if (*budget == 0) {
			return false;
		}
		--*budget;
		if (frame->trace) {
			gn_dp_table_at(dp, frame->trace)->refs = 0;
			gn_dp_demote(dp, frame->trace);
		}
		dp->zap_next++;
	}
	return true;
}

/* Links among tables go first, so that none names one that is gone. */
static bool unlink_all(struct gn_dp *dp, uint32_t *budget)
{
	if (!dp->ready) {
		return true;
	}
	if (gn_dp_zap_all(dp, budget) != GNOMON_OK) {
		return false;
	}
	dp->ready = false;
	return true;
}

enum gnomon_status gn_dp_destroy(struct gn_dp *dp, uint32_t *budget)
{
	return unlink_all(dp, budget) && demote_all(dp, budget) &&
			       gn_slab_drop(&dp->tables, budget) &&
			       gn_slab_drop(&dp->cells, budget) &&
			       gn_frames_drop(&dp->frames, budget)
		       ? GNOMON_OK
		       : GNOMON_MORE;
}

/* Long mode, write protection and NX: what our entries rely on. */
static bool supported(const struct gn_dp *dp, const struct gn_gpt_ctx *ctx)
{
	enum gn_gpt_format_id id = ctx->format->id;

	return (id == GN_GPT_LONG4 || id == GN_GPT_LONG5) &&
	       (ctx->control & GN_GPT_WP) && (ctx->control & GN_GPT_NXE) &&
	       (!dp->ready || dp->ctx.format->id == id);
}

enum gnomon_status gn_dp_root_load(struct gn_dp *dp, unsigned id,
				   struct gn_dp_vcpu *vcpu,
				   const struct gn_gpt_ctx *ctx)
{
	enum gnomon_status status;
	uint32_t root;

	if (!supported(dp, ctx)) {
		return GNOMON_UNSUPPORTED;
	}
	if (!dp->ready) {
		dp->ctx = *ctx;
		dp->ready = true;
	}
	status = gn_dp_promote(dp, ctx->root.v >> GNOMON_PAGE_SHIFT,
			       ctx->format->levels, &root);
	if (status != GNOMON_OK) {
		return status == GNOMON_NOMEM ? status : GNOMON_ABSENT;
	}
	gn_dp_hold(dp, root);
	if (vcpu->root) {
		gn_dp_let_go(dp, vcpu->root);
	}
	vcpu->root = root;
	vcpu->ctx = *ctx;
	dp->vcpus |= GN_BIT(id);
	return GNOMON_OK;
}

void gn_dp_root_leave(struct gn_dp *dp, unsigned id, struct gn_dp_vcpu *vcpu)
{
	if (vcpu->root) {
		gn_dp_let_go(dp, vcpu->root);
		vcpu->root = 0;
	}
	dp->vcpus &= ~GN_BIT(id);
}

gnomon_hpa_t gn_dp_root_hpa(const struct gn_dp *dp,
			    const struct gn_dp_vcpu *vcpu)
{
	return gn_hpa(vcpu->root ? gn_dp_table_at(dp, vcpu->root)->hpa : 0);
}

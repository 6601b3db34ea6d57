/* SPDX-License-Identifier: BSD-2-Clause */
#include "shadow/page.h"

static void flush(struct gn_sh *sh, uint64_t vcpus, uint64_t start,
		  uint64_t bytes)
{
	struct gnomon_flush f = {
		.vcpus = vcpus,
		.start = { start },
		.bytes = bytes,
	};

	sh->stats->tlb_flush++;
	sh->host->flush(sh->ctx, &f);
	gn_sh_event(sh, GNOMON_EVENT_FLUSH, start, bytes);
}

static void settle(struct gn_sh *sh)
{
	if ((sh->stale | sh->stale_global | sh->due) == 0) {
		gn_sh_page_release(sh);
	}
}

void gn_sh_flush_stale(struct gn_sh *sh)
{
	uint64_t vcpus = sh->stale | sh->stale_global | sh->due;

	sh->stale = 0;
	sh->stale_global = 0;
	sh->stale_pieces = 0;
	sh->due = 0;
	if (vcpus) {
		flush(sh, vcpus, 0, 0);
	}
	settle(sh);
}

void gn_sh_flush_page(struct gn_sh *sh, uint32_t vcpu, uint64_t gva,
		      uint64_t bytes)
{
	flush(sh, GN_BIT(vcpu), bytes ? gn_align_down(gva, bytes) : 0, bytes);
}

void gn_sh_flushed(struct gn_sh *sh, uint32_t vcpu, bool globals)
{
	sh->stale &= ~GN_BIT(vcpu);
	sh->due &= ~GN_BIT(vcpu);
	if (globals) {
		sh->stale_global &= ~GN_BIT(vcpu);
		sh->stale_pieces &= ~GN_BIT(vcpu);
	}
	settle(sh);
}

void gn_sh_flush_due(struct gn_sh *sh, uint32_t vcpu, bool globals)
{
	uint64_t bit = GN_BIT(vcpu);

	sh->due |= (sh->stale | (globals ? sh->stale_global : 0)) & bit;
	sh->stale &= ~bit;
	sh->stale_global &= globals ? ~bit : ~UINT64_C(0);
}

void gn_sh_flush_done(struct gn_sh *sh, uint32_t vcpu)
{
	if (sh->due >> vcpu & 1) {
		sh->due &= ~GN_BIT(vcpu);
		settle(sh);
	}
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "engine/calls.h"

#include <string.h>

#include "base/bits.h"
#include "shadow/reclaim.h"
#include "shadow/root.h"

#define CR0_PAGING	(GN_BIT(0) | GN_BIT(16) | GN_BIT(31)) /* PE WP PG */
#define CR4_PGE		GN_BIT(7)
#define CR4_LA57	GN_BIT(12)
#define CR4_PCIDE	GN_BIT(17)
/* PSE, PAE, PGE, LA57, PCIDE, SMEP, SMAP, PKE. */
#define CR4_PAGING	(GN_BIT(4) | GN_BIT(5) | CR4_PGE | CR4_LA57 | \
			 CR4_PCIDE | GN_BIT(20) | GN_BIT(21) | GN_BIT(22))
#define CR0_PDPTES	(GN_BIT(29) | GN_BIT(30) | GN_BIT(31)) /* NW CD PG */
/* PSE, PAE, PGE, SMEP. */
#define CR4_PDPTES	(GN_BIT(4) | GN_BIT(5) | CR4_PGE | GN_BIT(20))
#define EFER_PAGING	(GN_BIT(8) | GN_BIT(10) | GN_BIT(11))
#define EFER_LMA	GN_BIT(10)
#define CR3_NOFLUSH	GN_BIT(63)
#define CR3_PCID	0xfffu

enum gnomon_status gn_eng_vcpu_create(struct gnomon_vm *vm, uint32_t id,
				      void *memory, struct gnomon_vcpu **out)
{
	struct gnomon_vcpu *vcpu = memory;

	if (id >= GNOMON_VCPUS_MAX || !memory || !out ||
	    (vm->vcpus & GN_BIT(id))) {
		return GNOMON_INVAL;
	}
	memset(vcpu, 0, sizeof(*vcpu));
	vcpu->vm = vm;
	vcpu->id = id;
	vcpu->mode = (uint8_t)vm->config.mode;
	vcpu->since = &vcpu->held;
	gn_sh_vcpu_init(&vm->sh, &vcpu->sh, id, &vcpu->own);
	vm->vcpus |= GN_BIT(id);
	*out = vcpu;
	return GNOMON_OK;
}

/* The CPU holds nothing of nested tables but those. */
static void leave_nested(const struct gnomon_vcpu *vcpu,
			 const struct gn_np *but)
{
	struct gnomon_vm *vm = vcpu->vm;

	for (unsigned v = 0; v < gn_eng_views(vm); v++) {
		if (&vm->np[v] != but) {
			vm->np[v].vcpus &= ~GN_BIT(vcpu->id);
		}
	}
}

void gn_eng_vcpu_destroy(struct gnomon_vcpu *vcpu)
{
	struct gnomon_vm *vm = vcpu->vm;

	struct gnomon_flush flush = {
		.vcpus = GN_BIT(vcpu->id),
		.nested = gn_eng_has_nested(vm),
	};

	vm->host->flush(vm->ctx, &flush);
	gn_sh_root_leave(&vcpu->sh);
	gn_sh_vcpu_exit(&vcpu->sh);
	gn_eng_stats_add(&vm->stats, &vcpu->own);
	gn_dp_root_leave(&vm->dp, vcpu->id, &vcpu->dp);
	leave_nested(vcpu, NULL);
	vm->sh.others &= ~GN_BIT(vcpu->id);
	vm->vcpus &= ~GN_BIT(vcpu->id);
}

/* Rules about the step from one set of registers to the next. */
static bool change_legal(const struct gnomon_vcpu *vcpu,
			 const struct gnomon_regs *regs)
{
	const struct gnomon_regs *old = &vcpu->regs;
	uint64_t set = regs->cr4 & ~old->cr4;

	if (!vcpu->loaded || !(old->efer & regs->efer & EFER_LMA)) {
		return true;
	}
	return ((old->cr4 ^ regs->cr4) & CR4_LA57) == 0 &&
	       !((set & CR4_PCIDE) && (regs->cr3 & CR3_PCID));
}

/* Do the registers differ in more than CR3, PKRU and AC? */
static bool mode_changes(const struct gnomon_vcpu *vcpu,
			 const struct gnomon_regs *regs)
{
	const struct gnomon_regs *old = &vcpu->regs;

	return !vcpu->loaded || old->smm != regs->smm ||
	       ((old->cr0 ^ regs->cr0) & CR0_PAGING) ||
	       ((old->cr4 ^ regs->cr4) & CR4_PAGING) ||
	       ((old->efer ^ regs->efer) & EFER_PAGING);
}

/* A MOV to CR0 or CR4 that changes one of these reads the PDPTEs. */
static bool reads_pdptes(const struct gnomon_vcpu *vcpu,
			 const struct gnomon_regs *regs)
{
	const struct gnomon_regs *old = &vcpu->regs;

	return !vcpu->loaded || ((old->cr0 ^ regs->cr0) & CR0_PDPTES) ||
	       ((old->cr4 ^ regs->cr4) & CR4_PDPTES);
}

/* PDPTEs are what the last load of CR3 or of a mode bit made them. */
static enum gnomon_status load_pdptes(const struct gnomon_vcpu *vcpu,
				      struct gnomon_regs *regs, uint32_t flags)
{
	bool loads = (flags & GNOMON_SET_CR3) || reads_pdptes(vcpu, regs) ||
		     regs->cr3 != vcpu->regs.cr3;

	if (!gn_gpt_regs_pae(regs) || (flags & GNOMON_SET_PDPTES)) {
		return GNOMON_OK;
	}
	if (!loads) {
		memcpy(regs->pdpte, vcpu->regs.pdpte, sizeof(regs->pdpte));
		return GNOMON_OK;
	}
	return gn_gpt_load_pdptes(vcpu->sh.mem, regs->cr3, regs->pdpte) ==
			       GNOMON_OK
		       ? GNOMON_OK
		       : GNOMON_GP;
}

/* The common MOV to CR3 needs no new context, only another root in it. */
static bool same_ctx(const struct gnomon_vcpu *vcpu,
		     const struct gnomon_regs *regs, uint64_t cr3)
{
	const struct gnomon_regs *old = &vcpu->regs;

	return vcpu->loaded && old->smm == regs->smm && old->cr0 == regs->cr0 &&
	       old->cr4 == regs->cr4 && old->efer == regs->efer &&
	       old->pkru == regs->pkru && old->ac == regs->ac &&
	       (regs->efer & EFER_LMA) &&
	       !(cr3 & gn_mask(63, vcpu->vm->config.caps.maxphyaddr));
}

static gnomon_gpa_t long_root(const struct gn_gpt_format *format, uint64_t cr3)
{
	return gn_gpa(cr3 & format->level[format->levels].table_frame);
}

static enum gnomon_status make_ctx(const struct gnomon_vcpu *vcpu,
				   const struct gnomon_regs *regs,
				   struct gn_gpt_ctx *ctx)
{
	const struct gnomon_caps *caps = &vcpu->vm->config.caps;
	const struct gnomon_regs *old = &vcpu->regs;

	/* What else makes no new one: PKRU and AC. */
	if (!vcpu->loaded || old->cr0 != regs->cr0 || old->cr4 != regs->cr4 ||
	    old->efer != regs->efer || !(regs->efer & EFER_LMA)) {
		return gn_gpt_ctx_init(ctx, regs, caps);
	}
	if (regs->cr3 & gn_mask(63, caps->maxphyaddr)) {
		return GNOMON_GP;
	}
	*ctx = vcpu->sh.ctx;
	ctx->root = long_root(ctx->format, regs->cr3);
	gn_gpt_ctx_set_pkru(ctx, regs->pkru);
	gn_gpt_ctx_set_ac(ctx, regs->ac);
	return GNOMON_OK;
}

void gn_eng_root_loaded_slow(struct gnomon_vcpu *vcpu)
{
	struct gnomon_vm *vm = vcpu->vm;

	gn_sh_root_loaded(&vcpu->sh);
	if (gn_eng_on_nested(vcpu)) {
		uint32_t few = GN_SH_REAP_AT_ONCE;

		/* What its root has left behind; more of it the next time. */
		(void)(gn_sh_reap_all(&vm->sh, &few) == GNOMON_OK);
		leave_nested(vcpu, gn_eng_np(vcpu));
	} else if (gn_eng_has_nested(vm)) {
		leave_nested(vcpu, gn_eng_has_agile(vm) ? gn_eng_np(vcpu)
							: NULL);
	}
}

static void load_nested(struct gnomon_vcpu *vcpu, const struct gn_gpt_ctx *ctx)
{
	struct gnomon_vm *vm = vcpu->vm;

	if (vcpu->sh.root) {
		gn_sh_root_park(&vcpu->sh);
	}
	if (ctx != &vcpu->sh.ctx) {
		vcpu->sh.ctx = *ctx;
	}
	gn_eng_np(vcpu)->vcpus |= GN_BIT(vcpu->id);
	vm->sh.others |= GN_BIT(vcpu->id);
}

/* The vcpu gets a root of the mode that its registers ask for. */
static enum gnomon_status load_root(struct gnomon_vcpu *vcpu,
				    const struct gn_gpt_ctx *ctx, uint64_t cr3)
{
	struct gnomon_vm *vm = vcpu->vm;
	enum gnomon_mode mode = gn_eng_mode_of(vcpu, ctx, cr3);
	enum gnomon_status status = GNOMON_OK;

	if (gn_eng_shadows(mode)) {
		/* Sees what the vcpu has stored while it was elsewhere. */
		status = gn_sh_root_load(&vcpu->sh, ctx);
		if (status == GNOMON_OK && mode == GNOMON_MODE_AGILE) {
			gn_eng_np(vcpu)->vcpus |= GN_BIT(vcpu->id);
		}
	} else if (mode == GNOMON_MODE_DIRECT) {
		status = gn_eng_direct_load(vcpu, ctx);
	} else {
		load_nested(vcpu, ctx);
	}
	if (status == GNOMON_OK && mode != vcpu->mode) {
		vm->sh.others &= gn_eng_shadows(mode)
					 ? ~GN_BIT(vcpu->id) : ~UINT64_C(0);
		vm->stats.root_switches += vcpu->loaded;
		vcpu->mode = (uint8_t)mode;
	}
	return status;
}

/*
 * Our tables know no PCIDs: another root always drops what is not global, as
 * does a load of the same one that the guest did not ask to keep. On nested
 * tables the CPU does know them. Between the two nothing can stay.
 */
static struct gnomon_root what_to_load(const struct gnomon_vcpu *vcpu,
				       const struct gnomon_root *before,
				       uint32_t flags, bool mode, bool cr3)
{
	struct gnomon_root root = gn_eng_vcpu_root(vcpu);
	bool keeps = flags & GNOMON_SET_NOFLUSH;

	mode = mode || root.ncr3.v != before->ncr3.v ||
	       root.agile != before->agile;
	root.flush_global = mode ||
			    (cr3 && !(vcpu->regs.cr4 & CR4_PGE));
	root.flush = mode || (cr3 && !keeps) ||
		     (!gn_eng_on_nested(vcpu) && root.cr3.v != before->cr3.v);
	root.flush_global = root.flush_global && root.flush;
	return root;
}

/* The vcpu is on its new root; was names the old one. */
static void loaded(struct gnomon_vcpu *vcpu, const struct gnomon_root *was,
		   uint32_t flags, bool mode, bool cr3,
		   struct gnomon_root *root)
{
	vcpu->vm->stats.cr3_loads += cr3 || mode;
	*root = what_to_load(vcpu, was, flags, mode, cr3);
	if (root->flush && gn_eng_on_shadow(vcpu)) {
		gn_sh_flush_due(&vcpu->vm->sh, vcpu->id, root->flush_global);
	}
}

/* same_ctx(): the context changes in place. */
static enum gnomon_status set_cr3(struct gnomon_vcpu *vcpu, uint64_t value,
				  uint32_t flags, struct gnomon_root *root)
{
	bool cr3 = (flags & GNOMON_SET_CR3) || value != vcpu->regs.cr3;
	struct gnomon_root before = gn_eng_vcpu_root(vcpu);
	struct gn_gpt_ctx *ctx = &vcpu->sh.ctx;
	gnomon_gpa_t old = ctx->root;
	enum gnomon_status status;

	ctx->root = long_root(ctx->format, value);
	status = load_root(vcpu, ctx, value);
	if (status != GNOMON_OK) {
		ctx->root = old;
		return status;
	}
	vcpu->regs.cr3 = value;
	loaded(vcpu, &before, flags, false, cr3, root);
	return GNOMON_OK;
}

/* The vcpu sees memory as in SMM, or as outside. */
static void set_view(struct gnomon_vcpu *vcpu, bool smm)
{
	struct gnomon_vm *vm = vcpu->vm;

	vcpu->sh.view = smm ? GN_SLOTS_SMM : 0;
	vcpu->sh.mem = smm ? &vm->mem_smm : &vm->mem;
}

static enum gnomon_status set_all(struct gnomon_vcpu *vcpu,
				  struct gnomon_regs *r, uint32_t flags,
				  struct gnomon_root *root)
{
	bool mode = mode_changes(vcpu, r), smm = vcpu->regs.smm;
	bool cr3 = (flags & GNOMON_SET_CR3) || r->cr3 != vcpu->regs.cr3;
	struct gnomon_root before = gn_eng_vcpu_root(vcpu);
	struct gn_gpt_ctx ctx;
	enum gnomon_status status;

	set_view(vcpu, r->smm);
	status = load_pdptes(vcpu, r, flags);
	if (status == GNOMON_OK) {
		status = make_ctx(vcpu, r, &ctx);
	}
	if (status == GNOMON_OK) {
		status = load_root(vcpu, &ctx, r->cr3);
	}
	if (status != GNOMON_OK) {
		set_view(vcpu, smm);
		return status;
	}
	vcpu->regs = *r;
	vcpu->loaded = true;
	loaded(vcpu, &before, flags, mode, cr3, root);
	return GNOMON_OK;
}

enum gnomon_status gn_eng_vcpu_set_regs(struct gnomon_vcpu *vcpu,
					const struct gnomon_regs *regs,
					uint32_t flags,
					struct gnomon_root *root)
{
	struct gnomon_regs r;
	uint64_t cr3 = regs->cr3;

	if (regs->smm && gn_eng_views(vcpu->vm) == 1) {
		return GNOMON_UNSUPPORTED;
	}
	gn_eng_mmio_flush(&vcpu->mmio);
	gn_eng_root_loaded(vcpu);
	if ((regs->cr4 & CR4_PCIDE) && (cr3 & CR3_NOFLUSH)) {
		flags |= GNOMON_SET_NOFLUSH;
		cr3 &= ~CR3_NOFLUSH;
	}
	if (same_ctx(vcpu, regs, cr3)) {
		return set_cr3(vcpu, cr3, flags, root);
	}
	r = *regs;
	r.cr3 = cr3;
	return change_legal(vcpu, &r) ? set_all(vcpu, &r, flags, root)
				      : GNOMON_GP;
}

struct gnomon_root gn_eng_vcpu_root(const struct gnomon_vcpu *vcpu)
{
	const struct gnomon_vm *vm = vcpu->vm;
	struct gnomon_root root = { .cr3_exits = true };

	if (!vcpu->loaded) {
		return root;
	}
	if (gn_eng_on_shadow(vcpu)) {
		root.cr3 = gn_sh_root_hpa(&vcpu->sh);
		root.agile = vcpu->mode == GNOMON_MODE_AGILE;
		root.ncr3 = root.agile ? gn_np_root(gn_eng_np(vcpu))
				       : gn_hpa(0);
	} else if (gn_eng_direct(vm)) {
		root.cr3 = gn_dp_root_hpa(&vm->dp, &vcpu->dp);
	} else {
		root.cr3 = gn_hpa(vcpu->regs.cr3);
		root.ncr3 = gn_np_root(gn_eng_np(vcpu));
		root.cr3_exits = vm->sh.tf.spaces > 0 ||
				 vm->config.mode != GNOMON_MODE_NESTED;
	}
	return root;
}

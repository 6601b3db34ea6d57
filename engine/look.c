/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading hierarchies entry by entry, from the top down and in the order of
 * addresses. A place is an address and a level, found anew from the root each
 * time, so that the tables may change between two calls.
 */
#include "engine/calls.h"

#include "base/bits.h"
#include "nested/table.h"

/* The entry at a place. */
struct entry {
	uint64_t value;
	uint64_t at;
	bool present, table;
};

static uint64_t span_of(unsigned shift)
{
	return GN_BIT(shift);
}

static unsigned guest_shift(const struct gnomon_vcpu *vcpu, unsigned level)
{
	return vcpu->sh.ctx.format->level[level].shift;
}

static unsigned shift_of(const struct gnomon_vcpu *vcpu,
			 enum gnomon_tables tables, unsigned level)
{
	return tables == GNOMON_TABLES_GUEST ? guest_shift(vcpu, level)
					     : 3 + 9 * level;
}

static unsigned top_level(const struct gnomon_vcpu *vcpu,
			  enum gnomon_tables tables)
{
	switch (tables) {
	case GNOMON_TABLES_GUEST:
		return vcpu->sh.ctx.format->levels;
	case GNOMON_TABLES_SHADOW:
		return vcpu->sh.top ? vcpu->sh.top->role.level : 0;
	case GNOMON_TABLES_NESTED:
		return gn_eng_has_nested(vcpu->vm)
			       ? gn_eng_np(vcpu)->config.levels
			       : 0;
	}
	return 0;
}

static uint64_t guest_root(const struct gnomon_vcpu *vcpu, uint64_t va)
{
	const struct gn_gpt_ctx *ctx = &vcpu->sh.ctx;
	uint64_t pdpte = ctx->pdpte[va >> 30 & 3];

	if (!ctx->format->pdptes) {
		return ctx->root.v;
	}
	return pdpte & X86_PTE_P
		       ? pdpte & ctx->format->level[2].table_frame
		       : UINT64_MAX;
}

static bool guest_entry(const struct gnomon_vcpu *vcpu, uint64_t va,
			unsigned level, struct entry *e)
{
	const struct gn_gpt_ctx *ctx = &vcpu->sh.ctx;
	uint64_t table = guest_root(vcpu, va);
	struct gn_gpt_entry d = { .kind = GN_GPT_HOLE };

	for (unsigned l = ctx->format->levels; l >= level && l > 0; l--) {
		unsigned index = gn_gpt_index(ctx, l, gn_gva(va));
		gnomon_gpa_t at = {
			table + (uint64_t)index * gn_gpt_entry_bytes(ctx),
		};
		enum gnomon_status s =
			gn_eng_direct(vcpu->vm)
				? gn_dp_read(&vcpu->vm->dp, at, &e->value)
				: gn_gpt_read(ctx, vcpu->sh.mem,
					      gn_gpa(table), index, &e->value);

		if (table == UINT64_MAX || s != GNOMON_OK) {
			return false;
		}
		gn_gpt_decode(ctx, l, e->value, &d);
		e->at = at.v;
		if (l > level && d.kind != GN_GPT_TABLE) {
			return false;
		}
		table = d.frame.v;
	}
	e->present = d.kind != GN_GPT_HOLE;
	e->table = d.kind == GN_GPT_TABLE;
	return true;
}

static bool shadow_entry(const struct gnomon_vcpu *vcpu, uint64_t va,
			 unsigned level, struct entry *e)
{
	const struct gn_sh_page *page = vcpu->sh.top;

	for (unsigned l = page->role.level;; l--) {
		unsigned index = (unsigned)(va >> (3 + 9 * l)) & 511;

		e->value = __atomic_load_n(&page->spt[index],
					   __ATOMIC_RELAXED);
		e->at = page->hpa.v + 8u * index;
		e->present = e->value & X86_PTE_P;
		e->table = e->present && l > 1 && page->kids &&
			   page->kids[index];
		if (l == level || !e->table) {
			return l == level;
		}
		page = page->kids[index];
	}
}

static bool nested_entry(const struct gnomon_vcpu *vcpu, uint64_t gpa,
			 unsigned level, struct entry *e)
{
	const struct gn_np *np = gn_eng_np(vcpu);
	const struct gn_np_table *table = np->root;

	for (unsigned l = np->config.levels;; l--) {
		unsigned index = gn_np_index(gpa >> GNOMON_PAGE_SHIFT, l);
		enum gn_np_kind kind;

		e->value = gn_np_read(table, index);
		e->at = table->page.hpa.v + 8u * index;
		kind = gn_np_entry_kind(np->config.format, e->value, l);
		e->present = kind != GN_NP_HOLE;
		e->table = kind == GN_NP_TABLE;
		if (l == level || !e->table) {
			return l == level;
		}
		table = gn_np_child(table, index);
	}
}

static bool find(const struct gnomon_vcpu *vcpu, enum gnomon_tables tables,
		 uint64_t address, unsigned level, struct entry *e)
{
	*e = (struct entry){ .present = false };
	switch (tables) {
	case GNOMON_TABLES_GUEST:
		return guest_entry(vcpu, address, level, e);
	case GNOMON_TABLES_SHADOW:
		return shadow_entry(vcpu, address, level, e);
	case GNOMON_TABLES_NESTED:
		return nested_entry(vcpu, address, level, e);
	}
	return false;
}

/* Behind the entry at the place: false at the end of the hierarchy. */
static bool advance(const struct gnomon_vcpu *vcpu, struct gnomon_look *look,
		    enum gnomon_tables tables, unsigned top)
{
	unsigned shift = shift_of(vcpu, tables, look->level);
	uint64_t bits = shift_of(vcpu, tables, top) + 9u;
	uint64_t limit;

	if (tables == GNOMON_TABLES_GUEST) {
		bits = vcpu->sh.ctx.format->gva_bits;
	}
	limit = bits >= 64 ? 0 : GN_BIT(bits);
	look->next = gn_align_down(look->next, span_of(shift)) +
		     span_of(shift);
	while (look->level < top &&
	       gn_is_aligned(look->next,
			     span_of(shift_of(vcpu, tables,
					      look->level + 1u)))) {
		look->level++;
	}
	return look->next < limit;
}

/* A gva as the guest writes it: the top bit copied upwards. */
static uint64_t canonical(const struct gnomon_vcpu *vcpu,
			  enum gnomon_tables tables, uint64_t address)
{
	unsigned bits = vcpu->sh.ctx.format->gva_bits;

	if (tables == GNOMON_TABLES_NESTED || bits < 48 ||
	    !(address >> (bits - 1) & 1)) {
		return address;
	}
	return address | ~(GN_BIT(bits) - 1);
}

enum gnomon_status gn_eng_look(const struct gnomon_vcpu *vcpu,
			       enum gnomon_tables tables,
			       struct gnomon_look *look, uint32_t *budget)
{
	unsigned top;
	uint32_t none;

	if (!vcpu->loaded || (unsigned)tables > GNOMON_TABLES_NESTED) {
		return GNOMON_INVAL;
	}
	top = top_level(vcpu, tables);
	budget = gn_eng_budget(budget, &none);
	if (!look->level) {
		look->level = (uint8_t)top;	/* the first call */
	}
	while (top && !look->end) {
		struct entry e;
		bool found;

		if (*budget == 0) {
			return GNOMON_MORE;
		}
		--*budget;
		found = look->level <= top &&
			find(vcpu, tables, look->next, look->level, &e);
		look->address = canonical(vcpu, tables, look->next);
		look->entry_level = look->level;
		if (!found) {
			/* A table on the way is gone: on from the top. */
			look->level = (uint8_t)top;
			found = find(vcpu, tables, look->next, top, &e);
			look->entry_level = (uint8_t)top;
		}
		if (found && e.table && look->level > 1) {
			look->level--;
		} else {
			look->end = !advance(vcpu, look, tables, top);
		}
		if (found && e.present) {
			look->entry = e.value;
			look->at = e.at;
			look->table = e.table;
			return GNOMON_OK;
		}
	}
	look->end = true;
	return GNOMON_ABSENT;
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/engine/alias_guest.h"

enum gnomon_status alias_set(struct guest *g, uint32_t id, uint64_t first,
			     uint64_t frames, uint64_t target)
{
	struct gnomon_slot slot = fh_alias(g->fh, id, first, frames, target);
	enum gnomon_status s = gnomon_slot_set(g->vm, &slot);

	if (s != GNOMON_OK) {
		fh_slot_forget(g->fh, id);
	}
	return s;
}

struct guest *alias_guest(unsigned levels, enum gnomon_mode mode,
			  uint32_t modes)
{
	return alias_guest_with(levels, mode, modes, GNOMON_OPT_ALL);
}

struct guest *alias_guest_with(unsigned levels, enum gnomon_mode mode,
			       uint32_t modes, uint32_t options)
{
	struct guest_options o = guest_defaults();

	o.options = options;
	o.levels = levels;
	o.mode = mode;
	o.modes = modes;
	struct guest *g = guest_create(o);

	cr_assert(alias_set(g, ALIAS, AT, LOW, 0) == GNOMON_OK);
	for (uint64_t i = 0; i < PAGES; i++) {
		guest_map(g, g->root, SEEN + (i << 12), (DATA + i) << 12,
			  GUEST_RWU, 1);
		guest_map(g, g->root, SHOWN + (i << 12), (AT + DATA + i) << 12,
			  GUEST_RWU, 1);
	}
	/* PDPTEs are read when CR3 is loaded. */
	cr_assert(guest_load(g, 0, g->root) == GNOMON_OK);
	cr_assert(guest_load(g, 1, g->root) == GNOMON_OK);
	g->audits = GNOMON_AUDIT_FULL;
	return g;
}

void alias_each(void (*test)(struct guest *g))
{
	static const struct {
		enum gnomon_mode mode;
		uint32_t modes, options;
	} kind[] = {
		{ GNOMON_MODE_SHADOW, 0, GNOMON_OPT_ALL },
		{ GNOMON_MODE_SHADOW, 0, 0 },
		{ GNOMON_MODE_SHADOW, 0,
		  GNOMON_OPT_ALL & ~(uint32_t)GNOMON_OPT_UNSYNC },
		{ GNOMON_MODE_NESTED, 0, GNOMON_OPT_ALL },
		{ GNOMON_MODE_NESTED, 0, 0 },
		{ GNOMON_MODE_SHADOW, BOTH, GNOMON_OPT_ALL },
		{ GNOMON_MODE_NESTED, BOTH, GNOMON_OPT_ALL },
	};

	for (unsigned levels = 2; levels <= 5; levels++) {
		for (unsigned i = 0; i < sizeof(kind) / sizeof(kind[0]); i++) {
			struct guest *g = alias_guest_with(
				levels, kind[i].mode, kind[i].modes,
				kind[i].options);

			test(g);
			cr_assert(guest_audit(g));
			cr_assert(g->fh->errors == 0, "%s", g->fh->error);
			cr_assert(guest_destroy(g) == 0);
		}
	}
}

unsigned alias_reach(struct guest *g, uint64_t gva, uint32_t access,
		     uint64_t value, uint64_t gfn)
{
	struct guest_access a = guest_access(g, 0, gva, access, value);

	cr_assert(a.end == GUEST_DONE, "gva %#lx ends %d, code %#x", gva,
		  a.end, a.code);
	/* An emulated one has told no frame. */
	cr_assert(fh_memory(g->fh, a.gpa) >> 12 == gfn || a.gpa == 0);
	return a.faults;
}

uint64_t alias_stored(const struct guest *g, uint64_t gpa)
{
	return fh_load(g->fh, gpa, 4);
}

void alias_delete(struct guest *g, uint32_t id)
{
	cr_assert(gnomon_slot_delete(g->vm, id, NULL) == GNOMON_OK);
	fh_slot_forget(g->fh, id);
}

uint64_t alias_upper(struct guest *g, uint64_t gva)
{
	return guest_entry(g, g->root, gva, 2);
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/fault/life.h"

/* One address space with pages of each kind. */
static void build(struct guest *g, uint64_t root, uint64_t salt)
{
	uint64_t leaf = guest_entry(g, root, DATA, 1);

	for (uint64_t i = 0; i < 4; i++) {
		guest_map(g, root, CODE + (i << 12), (600 + salt + i) << 12,
			  GUEST_RU, 1);
		guest_map(g, root, DATA + (i << 12), (700 + salt + i) << 12,
			  GUEST_RWU, 1);
	}
	guest_map(g, root, HUGE_PAGE, UINT64_C(2048) << 12, GUEST_RWU, 2);
	guest_map(g, root, FAR, UINT64_C(1030) << 12, GUEST_RW, 1);
	guest_map(g, root, CALLS, UINT64_C(4100) << 12, GUEST_RWU, 1);
	guest_map(g, root, DEVICE, UINT64_C(0xfee) << 20 & 0xfffff000,
		  GUEST_RW, 1);
	guest_map(g, root, DEVICE + 4096, UINT64_C(6145) << 12, GUEST_RW, 1);
	/* The leaf table seen through a 4K page; the 2M page below sees
	 * tables too. */
	guest_map(g, root, TABLES, leaf & ~0xfffull, GUEST_RW, 1);
	if (g->o.levels > 2) {
		guest_map(g, root, TABLES + 0x200000, 0, GUEST_RW, 2);
	}
}

void life_touch(struct guest *g, unsigned vcpu)
{
	static const uint64_t where[] = { CODE, DATA, DATA + 4096, HUGE_PAGE,
					  HUGE_PAGE + 0x5000, FAR, CALLS,
					  DEVICE, DEVICE + 4096 };

	for (unsigned i = 0; i < sizeof(where) / sizeof(where[0]); i++) {
		guest_access(g, vcpu, where[i], GNOMON_READ, 0);
		guest_access(g, vcpu, where[i], GNOMON_WRITE, i);
		guest_access(g, vcpu, where[i], GNOMON_EXEC | GNOMON_USER, 0);
	}
}

void life_through(const char *call, enum gnomon_status s)
{
	cr_expect(s == GNOMON_OK || s == GNOMON_NOMEM, "%s: %s", call,
		  gnomon_status_text(s));
}

/* What each access must give when nothing fails any more. */
static void check_right(struct guest *g, unsigned vcpu)
{
	static const uint64_t where[] = { CODE, DATA, DATA + 4096,
					  DATA + 8192, HUGE_PAGE, FAR, CALLS,
					  0x50000000 };
	static const uint32_t how[] = { GNOMON_READ, GNOMON_WRITE,
					GNOMON_READ | GNOMON_USER,
					GNOMON_WRITE | GNOMON_USER,
					GNOMON_EXEC | GNOMON_USER };

	for (unsigned i = 0; i < sizeof(where) / sizeof(where[0]); i++) {
		for (unsigned j = 0; j < 5; j++) {
			struct guest_access got;
			struct ref_result r;

			ref_walk(&g->ref, &g->regs[vcpu], where[i], how[j],
				 &r);
			got = guest_access(g, vcpu, where[i], how[j], 7);
			if (r.status == GNOMON_OK ?
			    got.end != GUEST_DONE || got.gpa != r.gpa :
			    got.end != GUEST_PF || got.code != r.code) {
				fh_error(g->fh, "vcpu %u gva %#llx access %#x "
					 "ends %d gpa %#llx code %#x; the "
					 "tables say %s %#llx %#x", vcpu,
					 (unsigned long long)where[i], how[j],
					 got.end, (unsigned long long)got.gpa,
					 got.code,
					 gnomon_status_text(r.status),
					 (unsigned long long)r.gpa, r.code);
			}
		}
	}
}

bool life_once(struct guest_options o, uint64_t fail_at, uint32_t spare_pages,
	       life_story *story)
{
	o.fail_at = fail_at;
	struct guest *g = guest_create(o);
	uint64_t other = guest_table(g);

	build(g, g->root, 0);
	build(g, other, 20);
	guest_load(g, 0, g->root);
	guest_load(g, 1, g->root);
	g->audits = GNOMON_AUDIT_FULL;
	if (spare_pages) {
		g->fh->live_max = g->fh->live[0] + g->fh->live[1] +
				  spare_pages - 1;
	}
	story(g, other);
	g->fh->live_max = 0;
	bool hit = g->fh->fail_hit;

	/* A failed first load of a root left another one. */
	guest_load(g, 0, g->root);
	guest_load(g, 1, other);
	check_right(g, 0);
	check_right(g, 1);
	if (g->fh->errors) {
		cr_log_error("levels %u, mode %d, options %#x, call %llu, "
			     "spare pages %u: %s", o.levels, o.mode,
			     o.options, (unsigned long long)fail_at,
			     spare_pages, g->fh->error);
	}
	cr_assert(guest_destroy(g) == 0, "call %llu failed",
		  (unsigned long long)fail_at);
	return hit;
}

void life_every_call(struct guest_options o, life_story *story)
{
	uint64_t n = 1;

	life_once(o, 0, 0, story);
	while (life_once(o, n, 0, story)) {
		n++;
	}
	/* The story asked the host for something. */
	cr_assert(n > 20);
}

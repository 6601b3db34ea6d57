/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/direct/world.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define ADDR UINT64_C(0x000ffffffffff000)
#define BELIEF_BYTES ((size_t)WORLD_FRAMES * 4096)

void world_check(struct world *w, bool good, const char *what)
{
	cr_assert(good, "%s, step %llu; again: GNOMON_SEED=%llu", what,
		  (unsigned long long)w->step, (unsigned long long)w->seed);
}

uint64_t world_believed(const struct world *w, uint64_t gpa)
{
	uint64_t value = 0;

	if (gpa < BELIEF_BYTES) {
		memcpy(&value, w->belief + gpa, 8);
	}
	return value;
}

static void believe(struct world *w, uint64_t gpa, uint64_t value)
{
	memcpy(w->belief + gpa, &value, 8);
}

static unsigned read_belief(void *arg, uint64_t gpa, unsigned bytes,
			    uint64_t *values)
{
	const struct world *w = arg;

	(void)bytes;
	if (gpa >= BELIEF_BYTES) {
		return 0;
	}
	values[0] = world_believed(w, gpa);
	return 1;
}

static void on_flush(void *arg, const struct gnomon_flush *flush)
{
	struct world *w = arg;

	for (unsigned i = 0; i < WORLD_TLB; i++) {
		uint64_t page = w->tlb[i].page;

		if (flush->bytes == 0 || flush->nested ||
		    page == flush->start.v >> 12) {
			w->tlb[i].valid = false;
		}
	}
	/* INVLPG drops them all, whatever the address. */
	memset(w->way, 0, sizeof(w->way));
}

/* ---- life --------------------------------------------------------------- */

static void make_vm(struct world *w, uint32_t options)
{
	struct gnomon_config c = {
		.size = sizeof(c), .mode = GNOMON_MODE_DIRECT,
		.caps = { .features = GNOMON_CAP_NX | GNOMON_CAP_1G |
				      GNOMON_CAP_SMEP | GNOMON_CAP_PKU,
			  .maxphyaddr = 40 },
		.host_maxphyaddr = 46, .options = options, .chain_max = 28,
	};
	struct gnomon_slot slot;

	cr_assert_eq(gnomon_vm_create(aligned_alloc(64, gnomon_vm_bytes()), &c,
				      &w->fh->host, w->fh, &w->vm),
		     GNOMON_OK);
	slot = fh_slot(w->fh, 0, 0, WORLD_FRAMES, 0, true);
	cr_assert_eq(gnomon_slot_set(w->vm, &slot), GNOMON_OK);
	cr_assert_eq(gnomon_vcpu_create(w->vm, 0,
					aligned_alloc(64, gnomon_vcpu_bytes()),
					&w->vcpu),
		     GNOMON_OK);
	w->ref = (struct ref_mmu){ .caps = c.caps, .read = read_belief,
				   .arg = w };
}

void world_open(struct world *w, uint64_t seed, uint32_t options)
{
	memset(w, 0, sizeof(*w));
	w->seed = seed;
	w->rng = test_rng_init(seed);
	w->fh = fh_create();
	w->fh->on_flush = on_flush;
	w->fh->on_flush_arg = w;
	w->belief = calloc(1, BELIEF_BYTES);
	fh_frames(w->fh, 0, WORLD_FRAMES,
		  (struct fh_frame){ .kind = GNOMON_FRAME_RAM, .order = 9,
				     .write = true });
	make_vm(w, options);
	w->regs = (struct gnomon_regs){
		.cr0 = X86_CR0_PE | X86_CR0_PG | X86_CR0_WP,
		.cr4 = X86_CR4_PAE | X86_CR4_PGE,
		.efer = X86_EFER_LME | X86_EFER_LMA | X86_EFER_NXE,
	};
}

void world_close(struct world *w)
{
	void *vm = w->vm, *vcpu = w->vcpu;
	char text[sizeof(w->fh->error)];
	unsigned errors;

	world_audit(w);
	gnomon_vcpu_destroy(w->vcpu);
	for (uint32_t budget = 1;; budget = 1) {
		enum gnomon_status s = gnomon_vm_destroy(w->vm, &budget);

		if (s != GNOMON_MORE) {
			cr_assert_eq(s, GNOMON_OK);
			break;
		}
	}
	/* Memory is the guest's again, as it wrote it. */
	for (uint64_t gpa = 0; gpa < BELIEF_BYTES; gpa += 8) {
		uint64_t ad = X86_PTE_A | X86_PTE_D;

		if (gpa % 4096 == 0 &&
		    !memcmp(fh_at(w->fh, gpa), w->belief + gpa, 4096)) {
			gpa += 4096 - 8;
			continue;
		}
		world_check(w, (fh_load(w->fh, gpa, 8) | ad) ==
				       (world_believed(w, gpa) | ad),
			    "memory at the end");
	}
	memcpy(text, w->fh->error, sizeof(text));
	errors = fh_destroy(w->fh);
	cr_assert_eq(errors, 0, "%s; GNOMON_SEED=%llu", text,
		     (unsigned long long)w->seed);
	free(vm);
	free(vcpu);
	free(w->belief);
}

void world_audit(struct world *w)
{
	struct gnomon_audit report;
	enum gnomon_status status = gnomon_audit(w->vm, GNOMON_AUDIT_FULL,
						 &report);

	cr_assert_eq(status, GNOMON_OK,
		     "%s: %#llx %#llx, step %llu; again: GNOMON_SEED=%llu",
		     report.rule ? report.rule : "?",
		     (unsigned long long)report.a,
		     (unsigned long long)report.b,
		     (unsigned long long)w->step,
		     (unsigned long long)w->seed);
}

/* ---- the guest ----------------------------------------------------------- */

void world_store(struct world *w, uint64_t gpa, uint64_t value)
{
	if (gnomon_is_traced(w->vm, (gnomon_gfn_t){ gpa >> 12 })) {
		world_check(w, gnomon_write(w->vm, w->vcpu,
					    (gnomon_gpa_t){ gpa }, &value,
					    8) == GNOMON_OK, "gnomon_write");
	} else {
		fh_store(w->fh, gpa, 8, value);
	}
	believe(w, gpa, value);
}

void world_done(struct world *w, const struct gnomon_direct *r)
{
	if (r->op <= GNOMON_DIRECT_SET_KEEP_AD) {
		believe(w, r->gpa.v, r->value);
	}
	if (r->op == GNOMON_DIRECT_ROOT) {
		w->regs.cr3 = r->value;
		w->root = gnomon_vcpu_root(w->vcpu);
	}
}

enum gnomon_status world_ask(struct world *w, uint32_t op, uint64_t gpa,
			     uint64_t value)
{
	struct gnomon_direct r = { .op = op, .gpa = { gpa }, .value = value };
	enum gnomon_status status;
	uint32_t done = 0, budget = 3;

	do {
		budget += 3;
		status = gnomon_direct(w->vcpu, &r, 1, &done, &budget);
	} while (status == GNOMON_MORE);
	if (status == GNOMON_OK) {
		world_done(w, &r);
	}
	return status;
}

/* ---- the processor ------------------------------------------------------- */

/* The table at hpa: a frame that is one, or a page of the engine. */
static uint64_t *table_at(struct world *w, uint64_t hpa)
{
	struct fh_page *page = fh_page_at(w->fh, hpa);
	uint64_t gfn = fh_gfn(w->fh, hpa >> 12);

	if (page) {
		return (uint64_t *)(void *)page->va;
	}
	world_check(w, gfn < WORLD_FRAMES &&
			       gnomon_is_traced(w->vm, (gnomon_gfn_t){ gfn }),
		    "the processor walks a frame that is no table");
	return (uint64_t *)(void *)fh_at(w->fh, gfn << 12);
}

struct path {
	uint64_t *entry[4];
	bool write, user, nx;
	uint64_t hpa;
};

static bool walk(struct world *w, uint64_t gva, bool stale, struct path *p)
{
	struct way_entry *way = &w->way[(gva >> 21) % WORLD_WAYS];
	uint64_t table = w->root.cr3.v & ADDR;
	unsigned level = 4;

	*p = (struct path){ .write = true, .user = true };
	if (stale && way->valid && way->block == gva >> 21) {
		*p = (struct path){ .write = way->write, .user = way->user,
				    .nx = way->nx };
		table = way->table;
		level = 1;
	}
	for (unsigned n = 0;; level--) {
		uint64_t *e = table_at(w, table) + (gva >> (3 + 9 * level) &
						    511);
		uint64_t span = UINT64_C(1) << (3 + 9 * level);

		if (!(*e & X86_PTE_P)) {
			return false;
		}
		p->entry[n++] = e;
		p->write = p->write && (*e & X86_PTE_W);
		p->user = p->user && (*e & X86_PTE_U);
		p->nx = p->nx || (*e & X86_PTE_NX);
		if (level == 1 || (*e & X86_PTE_PS)) {
			p->hpa = (*e & ADDR & ~(span - 1)) | (gva &
							      (span - 1));
			return true;
		}
		table = *e & ADDR;
		if (level == 2) {
			*way = (struct way_entry){ true, p->write, p->user,
						   p->nx, gva >> 21, table };
		}
	}
}

static bool allowed(const struct path *p, uint32_t access)
{
	return !((access & GNOMON_USER) && !p->user) &&
	       !((access & GNOMON_WRITE) && !p->write) &&
	       !((access & GNOMON_EXEC) && p->nx);
}

static void mark(struct path *p, uint32_t access)
{
	unsigned last = 0;

	for (unsigned i = 0; i < 4 && p->entry[i]; i++) {
		*p->entry[i] |= X86_PTE_A;
		last = i;
	}
	if (access & GNOMON_WRITE) {
		*p->entry[last] |= X86_PTE_D;
	}
}

/* The guest reached hfn: may it? */
static void reached(struct world *w, uint64_t hfn, uint32_t access)
{
	uint64_t gfn = fh_gfn(w->fh, hfn);

	world_check(w, fh_mappable(w->fh, gfn), "memory that is not its own");
	if (!(access & GNOMON_WRITE)) {
		return;
	}
	world_check(w, fh_writable(w->fh, gfn) &&
			       !gnomon_is_traced(w->vm, (gnomon_gfn_t){ gfn }),
		    "a store into a table went through");
	if (w->logging && gfn - WORLD_LOG_FIRST < WORLD_LOG_FRAMES) {
		uint64_t bit = gfn - WORLD_LOG_FIRST;

		world_check(w, w->bits[bit / 64] >> bit % 64 & 1,
			    "a store that no log shows");
	}
}

static bool cpu_access(struct world *w, uint64_t gva, uint32_t access,
		       bool stale, uint64_t *hpa)
{
	struct tlb_entry *t = &w->tlb[(gva >> 12 ^ gva >> 21 ^ gva >> 30) %
				      WORLD_TLB];
	struct path p;

	if (stale && t->valid && t->page == gva >> 12 &&
	    (t->write || !(access & GNOMON_WRITE))) {
		*hpa = t->hfn << 12 | (gva & 0xfff);
		reached(w, t->hfn, access);
		return true;
	}
	if (!walk(w, gva, stale, &p) || !allowed(&p, access)) {
		return false;
	}
	mark(&p, access);
	*t = (struct tlb_entry){ true, p.write, gva >> 12, p.hpa >> 12 };
	*hpa = p.hpa;
	reached(w, p.hpa >> 12, access);
	return true;
}

static enum world_end emulate(struct world *w, uint64_t value)
{
	world_store(w, w->last.gpa.v & ~UINT64_C(7), value);
	return WORLD_OK;
}

static bool answered(struct world *w, uint64_t value, enum world_end *end)
{
	*end = WORLD_STOPPED;
	switch (w->last.action) {
	case GNOMON_RESUME:
		return false;
	case GNOMON_INJECT:
		*end = WORLD_INJECTED;
		return true;
	case GNOMON_EMULATE:
		*end = emulate(w, value);
		return true;
	case GNOMON_DO_MMIO:
		*end = WORLD_MMIO;
		return true;
	case GNOMON_RETRY:
	case GNOMON_STOP_NOMEM:
		return true;
	case GNOMON_TRACKED:
	case GNOMON_STOP_BUG:
		break;
	}
	world_check(w, false, "an answer that cannot be");
	return true;
}

enum world_end world_access(struct world *w, uint64_t gva, uint32_t access,
			    uint64_t value, bool stale)
{
	if (!stale) {
		/* As if nothing were remembered, of devices neither. */
		gnomon_invlpg(w->vcpu, (gnomon_gva_t){ gva });
	}
	for (unsigned tries = 0; tries < 8; tries++) {
		struct gnomon_fault fault = { .gva = { gva },
					      .access = access };
		enum world_end end;
		uint64_t hpa;

		if (cpu_access(w, gva, access, stale, &hpa)) {
			w->last.gpa.v = fh_gfn(w->fh, hpa >> 12) << 12 |
					(hpa & 0xfff);
			if (access & GNOMON_WRITE) {
				fh_store(w->fh, w->last.gpa.v, 8, value);
				believe(w, w->last.gpa.v, value);
			}
			return WORLD_OK;
		}
		/* A fault drops what is remembered of the address. */
		w->tlb[(gva >> 12 ^ gva >> 21 ^ gva >> 30) % WORLD_TLB]
			.valid = false;
		w->way[(gva >> 21) % WORLD_WAYS].valid = false;
		gnomon_fault(w->vcpu, &fault, &w->last);
		w->kinds[w->last.kind]++;
		if (answered(w, value, &end)) {
			return end;
		}
	}
	world_check(w, false, "no progress");
	return WORLD_STOPPED;
}

void world_tables(struct world *w, uint64_t root, uint64_t data)
{
	const uint64_t rwu = X86_PTE_P | X86_PTE_W | X86_PTE_U;

	for (unsigned i = 0; i < 3; i++) {
		world_store(w, root + i * 0x1000u,
			    (root + (i + 1) * 0x1000u) | rwu);
	}
	for (unsigned i = 0; i < 8; i++) {
		world_store(w, root + 0x3000 + 8 * i, (data + i) << 12 | rwu);
	}
}

void world_load(struct world *w, uint64_t cr3)
{
	struct gnomon_root root;

	w->regs.cr3 = cr3;
	world_check(w, gnomon_vcpu_set_regs(w->vcpu, &w->regs, GNOMON_SET_CR3,
					    &root) == GNOMON_OK,
		    "CR3 is refused");
	w->root = root;
}

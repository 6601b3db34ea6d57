/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/shadow/world.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static unsigned read_now(void *arg, uint64_t gpa, unsigned bytes,
			 uint64_t *values)
{
	const struct fakehost *fh = arg;

	if (!fh_readable(fh, gpa >> 12)) {
		return 0;
	}
	values[0] = fh_load(fh, gpa, bytes);
	return 1;
}

static void on_flush(void *arg, const struct gnomon_flush *flush)
{
	struct world *w = arg;

	for (unsigned i = 0; i < WORLD_CPUS; i++) {
		if (flush->vcpus >> i & 1) {
			hw_flush(&w->cpu[i], flush);
		}
	}
}

struct gnomon_config world_config(void)
{
	return (struct gnomon_config){
		.size = sizeof(struct gnomon_config),
		.mode = GNOMON_MODE_SHADOW,
		.caps = {
			.features = GNOMON_CAP_NX | GNOMON_CAP_1G |
				    GNOMON_CAP_SMEP | GNOMON_CAP_SMAP |
				    GNOMON_CAP_PKU | GNOMON_CAP_LA57 |
				    GNOMON_CAP_PCID,
			.maxphyaddr = 40,
		},
		.host_maxphyaddr = 46,
		.options = GNOMON_OPT_ALL,
	};
}

void world_open(struct world *w, const struct gnomon_config *config)
{
	struct gnomon_config c = config ? *config : world_config();
	struct gnomon_slot slot;

	memset(w, 0, sizeof(*w));
	w->fh = fh_create();
	w->fh->on_flush = on_flush;
	w->fh->on_flush_arg = w;
	w->ref = (struct ref_mmu){ .caps = c.caps, .read = read_now,
				   .arg = w->fh };
	w->next_frame = 64;
	fh_frames(w->fh, 0, WORLD_FRAMES,
		  (struct fh_frame){ .kind = GNOMON_FRAME_RAM,
				     .order = 9,
				     .write = true });
	cr_assert_eq(gnomon_vm_create(aligned_alloc(64, gnomon_vm_bytes()), &c,
				      &w->fh->host, w->fh, &w->vm),
		     GNOMON_OK);
	slot = fh_slot(w->fh, 0, 0, WORLD_FRAMES, 0, true);
	cr_assert_eq(gnomon_slot_set(w->vm, &slot), GNOMON_OK);
	for (unsigned i = 0; i < WORLD_CPUS; i++) {
		void *memory = aligned_alloc(64, gnomon_vcpu_bytes());

		cr_assert_eq(gnomon_vcpu_create(w->vm, i, memory, &w->vcpu[i]),
			     GNOMON_OK);
		hw_init(&w->cpu[i], w->fh, i, c.host_maxphyaddr);
		w->regs[i] = (struct gnomon_regs){
			.cr0 = X86_CR0_PE | X86_CR0_PG | X86_CR0_WP,
			.cr4 = X86_CR4_PAE | X86_CR4_PGE,
			.efer = X86_EFER_LME | X86_EFER_LMA | X86_EFER_NXE,
		};
	}
}

void world_close(struct world *w)
{
	struct gnomon_vm *vm = w->vm;

	world_audit(w, GNOMON_AUDIT_FULL);
	for (unsigned i = 0; i < WORLD_CPUS; i++) {
		gnomon_vcpu_destroy(w->vcpu[i]);
		free(w->vcpu[i]);
	}
	for (uint32_t budget = 1;; budget = 1) {
		enum gnomon_status status = gnomon_vm_destroy(vm, &budget);

		if (status == GNOMON_OK) {
			break;
		}
		cr_assert_eq(status, GNOMON_MORE);
	}
	free(vm);
	char text[sizeof(w->fh->error)];

	memcpy(text, w->fh->error, sizeof(text));
	cr_assert_eq(fh_destroy(w->fh), 0, "%s", text);
}

/* A flush counts also when the root stays the same. */
static void load_root(struct world *w, unsigned cpu, struct gnomon_root root)
{
	struct gnomon_flush all = { .vcpus = UINT64_C(1) << cpu };

	hw_load_root(&w->cpu[cpu], root);
	if (root.flush) {
		hw_flush(&w->cpu[cpu], &all);
		w->fh->epoch[cpu]++;
	}
}

struct gnomon_root world_new_root(const struct world *w, unsigned cpu)
{
	struct gnomon_root root = gnomon_vcpu_root(w->vcpu[cpu]);

	root.flush = true;
	return root;
}

enum gnomon_status world_load(struct world *w, unsigned cpu, uint32_t flags)
{
	struct gnomon_root root;
	enum gnomon_status status = gnomon_vcpu_set_regs(
		w->vcpu[cpu], &w->regs[cpu], flags, &root);

	if (status == GNOMON_OK) {
		load_root(w, cpu, root);
	}
	return status;
}

void world_cr3(struct world *w, unsigned cpu, uint64_t cr3)
{
	w->regs[cpu].cr3 = cr3;
	cr_assert_eq(world_load(w, cpu, GNOMON_SET_CR3), GNOMON_OK);
}

void world_store(struct world *w, uint64_t gpa, uint64_t value)
{
	if (gnomon_is_traced(w->vm, (gnomon_gfn_t){ gpa >> 12 })) {
		cr_assert_eq(gnomon_write(w->vm, NULL, (gnomon_gpa_t){ gpa },
					  &value, 8),
			     GNOMON_OK);
	} else {
		fh_store(w->fh, gpa, 8, value);
	}
}

static uint64_t entry_at(uint64_t table, uint64_t gva, unsigned level)
{
	return (table & ~UINT64_C(0xfff)) + 8 * (gva >> (3 + 9 * level) & 511);
}

uint64_t world_entry(struct world *w, uint64_t root, uint64_t gva,
		     unsigned level)
{
	uint64_t at = entry_at(root, gva, 4);

	for (unsigned l = 4; l > level; l--) {
		at = entry_at(fh_load(w->fh, at, 8) &
				      UINT64_C(0x000ffffffffff000),
			      gva, l - 1);
	}
	return at;
}

void world_map(struct world *w, uint64_t root, uint64_t gva, uint64_t leaf,
	       unsigned level)
{
	for (unsigned l = 4; l > level; l--) {
		uint64_t at = world_entry(w, root, gva, l);

		if (!(fh_load(w->fh, at, 8) & X86_PTE_P)) {
			world_store(w, at, w->next_frame++ << 12 | X86_PTE_P |
						   X86_PTE_W | X86_PTE_U);
		}
	}
	world_store(w, world_entry(w, root, gva, level),
		    leaf | (level > 1 ? X86_PTE_PS : 0));
}

bool world_agrees(const struct ref_result *ref, enum world_end end,
		  uint32_t code)
{
	if (end == WORLD_INJECTED) {
		return ref->status == GNOMON_FAULT ? ref->code == code
						   : ref->status ==
							     GNOMON_ABSENT;
	}
	return ref->status == GNOMON_OK;
}

/* The bit of a written frame must be set before the write can happen. */
static bool logged(const struct world *w, uint64_t gfn)
{
	return !w->dirty || gfn >= WORLD_FRAMES ||
	       (w->dirty[gfn / 64] >> gfn % 64 & 1);
}

enum world_end world_complete(struct world *w, const struct ref_result *ref,
			      uint64_t hpa, uint32_t access, uint64_t value)
{
	uint64_t gfn = fh_gfn(w->fh, hpa >> 12);

	if (ref->status != GNOMON_OK || gfn != ref->gpa >> 12) {
		return WORLD_WRONG;
	}
	if (!(access & GNOMON_WRITE)) {
		return WORLD_OK;
	}
	if (!fh_writable(w->fh, gfn) || !logged(w, gfn) ||
	    gnomon_is_traced(w->vm, (gnomon_gfn_t){ gfn })) {
		return WORLD_WRONG;
	}
	fh_store(w->fh, ref->gpa & ~UINT64_C(7), 8, value);
	return WORLD_OK;
}

static enum world_end emulate(struct world *w, unsigned cpu, uint32_t access,
			      uint64_t value)
{
	gnomon_gpa_t gpa = { w->last.gpa.v & ~UINT64_C(7) };

	if (!(access & GNOMON_WRITE)) {
		return WORLD_OK;
	}
	return gnomon_write(w->vm, w->vcpu[cpu], gpa, &value, 8) == GNOMON_OK
		       ? WORLD_OK
		       : WORLD_WRONG;
}

bool world_answered(struct world *w, unsigned cpu, uint32_t access,
		    uint64_t value, enum world_end *end)
{
	switch (w->last.action) {
	case GNOMON_RESUME:
		return false;
	case GNOMON_INJECT:
		*end = WORLD_INJECTED;
		return true;
	case GNOMON_EMULATE:
	case GNOMON_TRACKED:
		*end = emulate(w, cpu, access, value);
		return true;
	case GNOMON_DO_MMIO:
		*end = WORLD_MMIO;
		return true;
	case GNOMON_RETRY:
	case GNOMON_STOP_NOMEM:
		*end = WORLD_STOPPED;
		return true;
	case GNOMON_STOP_BUG:
		break;
	}
	*end = WORLD_WRONG;
	return true;
}

enum world_end world_access(struct world *w, unsigned cpu, uint64_t gva,
			    uint32_t access, uint64_t value)
{
	gva &= ~UINT64_C(7);
	for (w->faults = 0; w->faults < 8; w->faults++) {
		struct gnomon_fault fault = {
			.gva = { gva }, .access = access, .rip = gva + 1,
		};
		enum world_end end = WORLD_OK;
		struct hw_result hw;
		struct ref_result ref;

		ref_walk(&w->ref, &w->regs[cpu], gva, access, &ref);
		hw_access(&w->cpu[cpu], &w->regs[cpu], gva, access, 0, &hw);
		if (hw.ok) {
			return world_complete(w, &ref, hw.hpa, access, value);
		}
		hw_drop_page(&w->cpu[cpu], gva);
		gnomon_fault(w->vcpu[cpu], &fault, &w->last);
		if (world_answered(w, cpu, access, value, &end)) {
			return end == WORLD_STOPPED ||
			       world_agrees(&ref, end, w->last.error_code)
				       ? end : WORLD_WRONG;
		}
		if (w->last.root_changed) {
			load_root(w, cpu, world_new_root(w, cpu));
		}
	}
	return WORLD_WRONG;
}

void world_audit(struct world *w, enum gnomon_audit_level level)
{
	struct gnomon_audit report;
	enum gnomon_status status = gnomon_audit(w->vm, level, &report);

	cr_assert_eq(status, GNOMON_OK, "%s: %#llx %#llx",
		     report.rule ? report.rule : "?",
		     (unsigned long long)report.a,
		     (unsigned long long)report.b);
}

struct gnomon_stats world_stats(const struct world *w)
{
	struct gnomon_stats stats;

	gnomon_vm_stats(w->vm, &stats, sizeof(stats));
	return stats;
}

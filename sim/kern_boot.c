/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Making and ending a guest kernel: its memory, its own page tables (direct
 * map and text in 2M pages, as Linux maps them), its registers.
 */
#include <stdlib.h>
#include <sys/mman.h>

#include "sim/kern_int.h"

#define KERN_IMAGE_BYTES (UINT64_C(32) << 20)	/* text and data, at gpa 0 */

static const char *check(const struct sim_kern_config *c)
{
	if (c->ram_bytes < UINT64_C(64) << 20 ||
	    c->ram_bytes > UINT64_C(1) << 44 || c->ram_bytes % KERN_LARGE) {
		return "guest memory must be 64 MiB to 16 TiB in 2 MiB steps";
	}
	if (c->vcpus < 1 || c->vcpus > 64) {
		return "1 to 64 vcpus";
	}
	if (c->fault_around < 1 || c->fault_around > 512 ||
	    (c->fault_around & (c->fault_around - 1))) {
		return "fault-around must be a power of two up to 512 pages";
	}
	return NULL;
}

/* Kernel leaves are global and 2M large. */
static void map_kernel(struct sim_kern *k, struct kern_mm *self, uint64_t gva,
		       uint64_t gpa, uint64_t bytes, uint64_t bits)
{
	for (uint64_t at = 0; at < bytes && !k->error; at += KERN_LARGE) {
		struct kern_table *pmd = kern_make(k, self, gva + at, 2);

		if (pmd) {
			kern_set(k, pmd, kern_index(gva + at, 2),
				 (gpa + at) | bits | PTE_P | PTE_A | PTE_PS |
				 PTE_G, 8);
		}
	}
}

static void map_all(struct sim_kern *k)
{
	struct kern_mm self = { .pgd = kern_table_new(k, 4) };

	if (!self.pgd) {
		return;
	}
	map_kernel(k, &self, KERN_DIRECT, 0, k->cfg.ram_bytes,
		   PTE_W | PTE_D | PTE_NX);
	map_kernel(k, &self, KERN_TEXT & ~(KERN_LARGE - 1), UINT64_C(1) << 24,
		   UINT64_C(8) << 20, 0);
	map_kernel(k, &self, KERN_ENTRY, UINT64_C(1) << 24, KERN_LARGE, 0);
	k->pgd = self.pgd;
	k->zero_gpa = kern_frame_get(k, USE_ZERO);
	k->data_gpa = k->fresh * KERN_PAGE;
	for (unsigned i = 0; i < k->cfg.vcpus; i++) {
		(void)kern_frame_get(k, USE_KERNEL);
	}
}

struct sim_kern *sim_kern_create(const struct sim_kern_config *config,
				 const struct sim_kern_sink *sink,
				 const char **why)
{
	struct sim_kern *k = NULL;

	*why = check(config);
	if (!*why) {
		k = calloc(1, sizeof(*k));
		*why = k ? NULL : "out of memory";
	}
	if (!k) {
		return NULL;
	}
	k->cfg = *config;
	k->work = kern_default_work();
	k->frame_count = config->ram_bytes / KERN_PAGE;
	k->frames = mmap(NULL, k->frame_count * sizeof(*k->frames),
			 PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (k->frames == MAP_FAILED) {
		*why = "out of memory";
		free(k);
		return NULL;
	}
	k->fresh = KERN_IMAGE_BYTES / KERN_PAGE;
	k->fresh_huge = config->ram_bytes;
	map_all(k);	/* silent: nobody has loaded the root yet */
	k->sink = *sink;
	k->n = (struct sim_kern_counts){ 0 };
	k->instr = 0;
	*why = k->error;
	if (k->error) {
		sim_kern_destroy(k);
		return NULL;
	}
	return k;
}

void sim_kern_info(const struct sim_kern *k, struct sim_rec_info *info)
{
	*info = (struct sim_rec_info){
		.kind = SIM_REC_MMU, .levels = 4, .maxphyaddr = 46,
		.vcpus = k->cfg.vcpus, .ram_bytes = k->cfg.ram_bytes,
		.cr0 = 0x80050033, .cr3 = k->pgd->gpa,
		/* PAE, PGE, SMEP, SMAP, and PCIDE when asked for */
		.cr4 = 0x3000a0 | (k->cfg.pcid ? 1u << 17 : 0u),
		.efer = 0xd01, .has_direct_map = true,
		.direct_map = KERN_DIRECT,
	};
}

void sim_kern_boot(struct sim_kern *k)
{
	for (unsigned i = 0; i < k->cfg.vcpus; i++) {
		k->cpu = i;
		kern_load_root(k, false);
	}
	k->cpu = 0;
}

/* Free the host's side of a table tree; the guest is gone. */
static void drop_frames(struct sim_kern *k)
{
	for (uint64_t i = 0; i < k->frame_count; i = kern_next_used(k, i)) {
		free(k->frames[i].table);
	}
	munmap(k->frames, k->frame_count * sizeof(*k->frames));
}

void sim_kern_destroy(struct sim_kern *k)
{
	if (!k) {
		return;
	}
	while (k->procs) {
		struct sim_proc *p = k->procs;

		k->procs = p->next;
		free(p);
	}
	while (k->mms) {
		struct kern_mm *mm = k->mms;

		k->mms = mm->next;
		while (mm->vmas) {
			struct kern_vma *v = mm->vmas;

			mm->vmas = v->next;
			free(v);
		}
		free(mm);
	}
	while (k->files) {
		struct sim_kern_file *f = k->files;

		k->files = f->next;
		free(f);
	}
	drop_frames(k);
	free(k->spare);
	free(k->spare_huge);
	free(k);
}

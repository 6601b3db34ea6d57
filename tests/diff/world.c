/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/diff/host.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define KNOWN_FEATURES (GNOMON_CAP_NX | GNOMON_CAP_SMEP | GNOMON_CAP_SMAP | \
			GNOMON_CAP_PAT)

static void agile(struct diff_params *p)
{
	p->mode = GNOMON_MODE_AGILE;
	p->modes = p->modes ? 1u << GNOMON_MODE_AGILE |
			      1u << GNOMON_MODE_NESTED : 0;
	p->walks_write = false;
}

#define BOTH_MODES (1u << GNOMON_MODE_SHADOW | 1u << GNOMON_MODE_NESTED)

struct diff_params diff_params(uint64_t seed)
{
	static const uint8_t levels[8] = { 4, 4, 4, 5, 5, 3, 2, 4 };
	static const uint8_t width[4] = { 36, 40, 46, 52 };
	static const uint16_t budget[8] = { 0, 0, 0, 0, 0, 64, 96, 200 };
	uint64_t r = world_mix(seed ^ 0x6469666621);
	unsigned turn = (unsigned)(seed % (DIFF_MASKS + 4));
	struct diff_params p = {
		.seed = seed,
		.mode = turn < DIFF_MASKS ? GNOMON_MODE_SHADOW :
					    GNOMON_MODE_NESTED,
		.nested_format = turn & 1,
		.modes = (r >> 27 & 3) == 0 ? BOTH_MODES : 0,
		.walks_write = (r >> 29 & 1) && !(turn & 1),
		.levels = levels[r >> 3 & 7],
		.maxphyaddr = width[r >> 6 & 3],
		.windows = r >> 8 & 3,
		.big = (r >> 10 & 7) == 0,
		/* Each mask in its turn; nested tables know only LARGE. */
		.options = turn < DIFF_MASKS ? turn :
			   turn & 2 ? GNOMON_OPT_ALL : 0,
		.features = KNOWN_FEATURES,
		.table_pages_max = budget[r >> 13 & 7],
		.live_max = (r >> 16 & 7) == 0 ? 200 : 0,
		.alias = r >> 44 & 1,
		.smm = (r >> 45 & 3) == 0,
		.nested_around = (uint8_t)(1u << (r >> 40 & 6)),
	};

	if (p.mode == GNOMON_MODE_SHADOW && (r >> 47 & 7) == 0) {
		agile(&p);
	}
	/* A share for each hierarchy: there may be three. */
	if (p.smm && p.table_pages_max && p.table_pages_max < 96) {
		p.table_pages_max = 96;
	}
	/* Of nested tables alone, so not among the masks. */
	p.options |= r >> 43 & 1 ? GNOMON_OPT_AROUND : 0;

	p.features |= r >> 22 & 1 ? GNOMON_CAP_1G : 0;
	p.features |= r >> 23 & 1 ? GNOMON_CAP_PKU : 0;
	p.features |= r >> 24 & 1 ? GNOMON_CAP_PSE36 : 0;
	p.features |= p.levels == 5 || (r >> 26 & 1) ? GNOMON_CAP_LA57 : 0;
	p.features |= r >> 25 & 1 ? GNOMON_CAP_PCID : 0;
	/* Its processor knows no keys, and 1G pages always. */
	if (p.mode == GNOMON_MODE_AGILE) {
		p.features &= ~(uint32_t)GNOMON_CAP_PKU;
		p.features |= GNOMON_CAP_1G;
	}
	return p;
}

void world_fail(struct world *w, const char *format, ...)
{
	va_list args;

	if (!w->failed) {
		va_start(args, format);
		vsnprintf(w->why, sizeof(w->why), format, args);
		va_end(args);
	}
	w->failed = true;
}

/* ---- tables ------------------------------------------------------------- */

static void choose_frames(struct world *w)
{
	static const uint16_t table[DIFF_TABLES] = {
		16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30,
		31, 32, 33, 34, 1029, 1030, 1500, 2048 + 7, 4096, 4097, 4098,
		4099, 5120, 5121, 5122, 6144, 6160,
	};
	static const uint16_t data[DIFF_DATA] = {
		100, 101, 102, 103, 104, 105, 106, 107, 108, 109, 1024, 1535,
		1536, 1537, 2047, 2048, 2049, 2560, 3071, 4110, 4111, 4112,
		4136, 4137, 4138, 5130, 5131, 5132, 6145, 6161, 9000, 20000,
	};

	for (unsigned i = 0; i < DIFF_TABLES; i++) {
		w->table[i] = table[i];
		w->data[i] = data[i];
		if (w->p.smm && w->table[i] >= 31 && w->table[i] < 35) {
			w->table[i] += DIFF_SMM_FIRST - 31;
		}
		if (w->p.smm && w->data[i] < 103) {
			w->data[i] += DIFF_SMM_FIRST - 90;
		}
	}
	for (unsigned i = DIFF_TABLES - 1; i > 0; i--) {
		unsigned j = (unsigned)(world_mix(w->p.seed + i) % (i + 1));
		uint64_t keep = w->table[i];

		w->table[i] = w->table[j];
		w->table[j] = keep;
	}
	for (unsigned i = 0; i < DIFF_TABLES; i++) {
		unsigned down = i < DIFF_ROOTS ? 0 :
				1 + (i - DIFF_ROOTS) * (w->p.levels - 1u) /
				    (DIFF_TABLES - DIFF_ROOTS);

		w->role[i] = (uint8_t)(w->p.levels - down);
	}
}

static void put(struct world *w, uint64_t gfn, unsigned index, uint64_t v)
{
	unsigned bytes = world_entry_bytes(w->p.levels);
	uint64_t gpa = (gfn << 12) + index * bytes;

	fh_store(w->fh, gpa, bytes, v);
	if (world_in_smm(w, gfn)) {
		gpa += GNOMON_SMM_GFN << 12;
		fh_store(w->fh, gpa, bytes, v);
	}
}

/* Index 3 of every root leads to a leaf table that maps all tables. */
static void make_direct_map(struct world *w)
{
	uint64_t flags = X86_PTE_P | X86_PTE_W | X86_PTE_A | X86_PTE_D;
	unsigned top = w->p.levels;

	for (unsigned l = 1; l < top; l++) {
		w->direct[l] = 80 + l;
		if (l > 1) {
			put(w, 80 + l, 3, (79ull + l) << 12 | flags);
		}
		if (l == 2) {
			put(w, 82, 4, 1024ull << 12 | flags | X86_PTE_PS);
		}
	}
	for (unsigned i = 0; i < DIFF_TABLES; i++) {
		put(w, 81, 8 + i, w->table[i] << 12 | flags |
				  ((w->p.seed & 1) ? X86_PTE_G : 0));
	}
	for (unsigned i = 0; i < DIFF_TABLES; i++) {
		if (w->role[i] == top) {
			put(w, w->table[i], 3, (79ull + top) << 12 |
			    (top == 3 ? X86_PTE_P : flags));
		} else if (w->role[i] == 4) {
			/* A root without LA57. */
			put(w, w->table[i], 3, UINT64_C(83) << 12 | flags);
		}
	}
}

static void make_tables(struct world *w)
{
	for (unsigned i = 0; i < DIFF_TABLES; i++) {
		for (unsigned j = 0; j < 4; j++) {
			unsigned level = w->role[i];
			uint64_t bits = world_mix(w->p.seed + 64 * i + j);

			if (level == 3 && w->p.levels == 3 && j == 3) {
				continue;
			}
			put(w, w->table[i],
			    world_index(w->p.levels, level, j),
			    world_entry(w, w->p.levels, level, bits, true));
		}
	}
	make_direct_map(w);
	for (unsigned i = 0; i < DIFF_TABLES; i++) {
		history_touch(w, w->table[i]);
		if (world_in_smm(w, w->table[i])) {
			history_touch(w, w->table[i] + GNOMON_SMM_GFN);
		}
	}
}

/* ---- life --------------------------------------------------------------- */

static void on_flush(void *arg, const struct gnomon_flush *flush)
{
	struct world *w = arg;

	for (unsigned i = 0; i < DIFF_VCPUS; i++) {
		hw_flush(&w->cpu[i], flush);
		hwagile_flush(&w->agile[i], flush);
	}
}

static uint64_t memory(const void *arg, uint64_t gpa)
{
	const struct world *w = arg;

	return fh_memory(w->fh, gpa);
}

static bool make_vm(struct world *w)
{
	struct gnomon_config config = {
		.size = sizeof(config),
		.mode = (enum gnomon_mode)w->p.mode,
		.caps = { .features = w->p.features,
			  .maxphyaddr = w->p.maxphyaddr },
		.host_maxphyaddr = 46,
		.options = w->p.options,
		.table_pages_max = w->p.table_pages_max,
		.nested_format = w->p.nested_format,
		.modes = w->p.modes,
		.nested_around = w->p.nested_around,
		.smm = w->p.smm,
	};

	w->vm_memory = aligned_alloc(64, (gnomon_vm_bytes() + 63) / 64 * 64);
	enum gnomon_status s = gnomon_vm_create(w->vm_memory, &config,
						&w->fh->host, w->fh, &w->vm);

	if (s != GNOMON_OK) {
		world_fail(w, "vm_create: %s", gnomon_status_text(s));
	}
	return s == GNOMON_OK;
}

static bool make_vcpus(struct world *w)
{
	size_t bytes = (gnomon_vcpu_bytes() + 63) / 64 * 64;

	for (unsigned i = 0; i < DIFF_VCPUS; i++) {
		hw_init(&w->cpu[i], w->fh, i, 46);
		w->cpu[i].nested_levels = w->p.maxphyaddr > 48 ? 5 : 4;
		w->cpu[i].ept = w->p.nested_format == GNOMON_NESTED_EPT;
		hwagile_init(&w->agile[i], w->fh, i, 46, w->p.maxphyaddr);
		w->agile[i].nested.nested_levels = w->cpu[i].nested_levels;
		w->agile[i].nested.ept = w->cpu[i].ept;
		w->vcpu_memory[i] = aligned_alloc(64, bytes);
		enum gnomon_status s = gnomon_vcpu_create(w->vm, i,
				w->vcpu_memory[i], &w->vcpu[i]);

		if (s != GNOMON_OK) {
			world_fail(w, "vcpu_create: %s",
				   gnomon_status_text(s));
			return false;
		}
	}
	return true;
}

static void start_vcpu(struct world *w, unsigned i)
{
	struct gnomon_regs regs = {
		.cr0 = X86_CR0_PE | X86_CR0_PG | X86_CR0_WP,
		.cr3 = w->table[i] << 12,
		.cr4 = X86_CR4_PGE,
	};

	regs.cr4 |= w->p.levels == 2 ? X86_CR4_PSE : X86_CR4_PAE;
	regs.cr4 |= w->p.levels == 5 ? X86_CR4_LA57 : 0;
	regs.efer = w->p.levels >= 4 ? X86_EFER_LME | X86_EFER_LMA : 0;
	regs.efer |= w->p.levels >= 3 ? X86_EFER_NXE : 0;
	if (w->p.features & GNOMON_CAP_PKU && w->p.levels >= 4) {
		regs.cr4 |= X86_CR4_PKE;
		regs.pkru = (uint32_t)world_mix(w->p.seed) & 0xc0c0c0fc;
	}
	if (w->p.features & GNOMON_CAP_PCID && w->p.levels >= 4) {
		regs.cr4 |= X86_CR4_PCIDE;
	}
	/* Until this vcpu runs its caches are empty. */
	if (!world_set_regs(w, i, &regs, GNOMON_SET_CR3)) {
		world_fail(w, "first registers refused");
	}
	times_full(w, i);
}

struct world *world_create(const struct diff_params *p)
{
	struct world *w = calloc(1, sizeof(*w));

	w->p = *p;
	w->fh = fh_create();
	w->meta = calloc(FH_FRAMES, sizeof(struct frame_meta *));
	w->log = malloc(sizeof(*w->log) * DIFF_LOG);
	if (!w->meta || !w->log) {
		abort();
	}
	w->now = (struct ref_mmu){
		.caps = { p->features, p->maxphyaddr },
		.read = history_read_now, .memory = memory, .arg = w };
	w->past = w->now;
	w->past.read = history_read_past;
	/* One step at a time in a quarter of the worlds. */
	w->slot_budget = world_mix(p->seed) & 96 ?
			 1 + (world_mix(p->seed) & 31) : 1;
	w->fh->on_flush = on_flush;
	w->fh->on_flush_arg = w;
	if (!make_vm(w)) {
		return w;
	}
	world_slots(w);
	choose_frames(w);
	make_tables(w);
	w->fh->live_max = p->live_max;
	if (make_vcpus(w)) {
		for (unsigned i = 0; i < DIFF_VCPUS; i++) {
			start_vcpu(w, i);
		}
	}
	return w;
}

void diff_counts_add(struct diff_counts *sum, const struct diff_counts *n)
{
	const uint64_t *from = (const uint64_t *)n;
	uint64_t *to = (uint64_t *)sum;

	for (size_t i = 0; i < sizeof(*n) / sizeof(uint64_t); i++) {
		to[i] += from[i];
	}
}

static void end_vm(struct world *w)
{
	uint32_t budget = 7;
	enum gnomon_status s;

	for (unsigned i = 0; i < DIFF_VCPUS; i++) {
		if (w->vcpu[i]) {
			w->fh->epoch[i]++;	/* it runs no more */
			gnomon_vcpu_destroy(w->vcpu[i]);
		}
	}
	while ((s = gnomon_vm_destroy(w->vm, &budget)) == GNOMON_MORE) {
		budget = 7;
	}
	if (s != GNOMON_OK) {
		world_fail(w, "vm_destroy: %s", gnomon_status_text(s));
	}
}

bool world_destroy(struct world *w, struct diff_counts *sum, char *why,
		   size_t why_bytes)
{
	/* After a failure nothing of the engine can be relied on. */
	if (w->vm && !w->failed) {
		end_vm(w);
		if (w->fh->live[0] || w->fh->live[1]) {
			world_fail(w, "%u table and %u meta pages leaked",
				   w->fh->live[0], w->fh->live[1]);
		}
	}
	if (w->fh->errors) {
		world_fail(w, "%s", w->fh->error);
	}
	w->fh->live[0] = w->fh->live[1] = 0;
	w->fh->errors = 0;
	fh_destroy(w->fh);
	for (unsigned i = 0; i < DIFF_VCPUS; i++) {
		free(w->vcpu_memory[i]);
	}
	for (uint32_t i = 0; i < w->meta_count; i++) {
		free(w->metas[i]);
	}
	free(w->metas);
	free(w->meta);
	free(w->log);
	free(w->vm_memory);
	log_free(w);
	diff_counts_add(sum, &w->n);
	bool ok = !w->failed;

	snprintf(why, why_bytes, "%s", w->why);
	free(w);
	return ok;
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/race/rig.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_PAGES 4096u
#define ARENA_HPA UINT64_C(0x40000000)

struct gnomon_vm *rig_vm;
struct rig_cpu rig_cpu[2];

static struct rig_setup setup;
static unsigned char *ram;
static atomic_bool failed, running;
static char message[160];
static void *vm_memory;
static __thread struct rig_cpu *self;

/* ---- failures ------------------------------------------------------------ */

void rig_fail(const char *what, uint64_t a, uint64_t b)
{
	if (!atomic_exchange(&failed, true)) {
		snprintf(message, sizeof(message), "%s (%#llx, %#llx)", what,
			 (unsigned long long)a, (unsigned long long)b);
	}
}

bool rig_failed(void)
{
	return atomic_load(&failed);
}

bool rig_running(void)
{
	return atomic_load(&running) && !rig_failed();
}

/* ---- pages --------------------------------------------------------------- */

static unsigned char *arena;
static unsigned char *free_page[ARENA_PAGES];
static unsigned free_count;

static void make_arena(void)
{
	arena = aligned_alloc(4096, ARENA_PAGES * 4096);
	for (unsigned i = 0; i < ARENA_PAGES; i++) {
		free_page[i] = arena + 4096 * i;
	}
	free_count = ARENA_PAGES;
}

/* Both are called by one thread at a time. */
static enum gnomon_status page_alloc(void *ctx, enum gnomon_page_use use,
				     struct gnomon_page *page)
{
	(void)ctx;
	(void)use;
	if (free_count == 0) {
		return GNOMON_NOMEM;
	}
	/* The oldest, so that a page is soon something else. */
	page->va = free_page[0];
	memmove(&free_page[0], &free_page[1],
		--free_count * sizeof(free_page[0]));
	page->hpa.v = ARENA_HPA +
		      (uint64_t)((unsigned char *)page->va - arena);
	return GNOMON_OK;
}

static void page_free(void *ctx, enum gnomon_page_use use,
		      const struct gnomon_page *page)
{
	(void)ctx;
	(void)use;
	/* Present, and far outside everything: a walk must not be here. */
	memset(page->va, 0x7b, 4096);
	free_page[free_count++] = page->va;
}

/* ---- memory -------------------------------------------------------------- */

static _Atomic uint64_t *at(uint64_t gpa)
{
	return (_Atomic uint64_t *)(void *)(ram + gpa);
}

uint64_t rig_load8(uint64_t gpa)
{
	return atomic_load(at(gpa));
}

void rig_store8(uint64_t gpa, uint64_t value)
{
	atomic_store(at(gpa), value);
}

bool rig_cmpxchg8(uint64_t gpa, uint64_t old, uint64_t value)
{
	return atomic_compare_exchange_strong(at(gpa), &old, value);
}

static enum gnomon_status load(void *ctx, gnomon_gpa_t gpa, unsigned bytes,
			       uint64_t *value)
{
	(void)ctx;
	if (bytes != 8) {
		return GNOMON_ABSENT;
	}
	*value = rig_load8(gpa.v);
	return GNOMON_OK;
}

static enum gnomon_status store(void *ctx, gnomon_gpa_t gpa, unsigned bytes,
				uint64_t value)
{
	(void)ctx;
	if (bytes != 8) {
		return GNOMON_ABSENT;
	}
	rig_store8(gpa.v, value);
	return GNOMON_OK;
}

static enum gnomon_status cmpxchg(void *ctx, gnomon_gpa_t gpa, unsigned bytes,
				  uint64_t *old, uint64_t value)
{
	(void)ctx;
	if (bytes != 8) {
		return GNOMON_ABSENT;
	}
	atomic_compare_exchange_strong(at(gpa.v), old, value);
	return GNOMON_OK;
}

static void frame(void *ctx, gnomon_gfn_t gfn, uint32_t want,
		  struct gnomon_frame *out)
{
	(void)ctx;
	(void)want;
	*out = (struct gnomon_frame){
		.kind = GNOMON_FRAME_RAM, .hfn = { gfn.v + RIG_HFN },
		.writable = true,
	};
	if (setup.frame) {
		setup.frame(gfn.v, out);
	}
}

/* ---- locks and flushes --------------------------------------------------- */

static pthread_mutex_t part[2] = {
	PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER,
};

static void lock(void *ctx)
{
	(void)ctx;
	for (int i = 0; i < 2; i++) {
		pthread_mutex_lock(&part[i]);
	}
}

static void unlock(void *ctx)
{
	(void)ctx;
	for (int i = 0; i < 2; i++) {
		pthread_mutex_unlock(&part[i]);
	}
}

static void lock_shared(void *ctx, uint32_t vcpu)
{
	(void)ctx;
	pthread_mutex_lock(&part[vcpu]);
}

static void unlock_shared(void *ctx, uint32_t vcpu)
{
	(void)ctx;
	pthread_mutex_unlock(&part[vcpu]);
}

/* Every processor that is in the guest leaves it, as an interrupt would do. */
static void flush(void *ctx, const struct gnomon_flush *f)
{
	(void)ctx;
	for (unsigned i = 0; i < 2; i++) {
		struct rig_cpu *cpu = &rig_cpu[i];
		/* Reads, and lets nothing that came before pass by. */
		unsigned was = atomic_fetch_add(&cpu->section, 0);

		if (!(f->vcpus >> i & 1) || cpu == self || !(was & 1)) {
			continue;
		}
		while (atomic_load(&cpu->section) == was) {
			sched_yield();
		}
	}
}

/* ---- life ---------------------------------------------------------------- */

static void make_tables(void)
{
	rig_store8(RIG_ROOT, (RIG_ROOT + 0x1000) | RIG_ALL | RIG_A);
	rig_store8(RIG_ROOT + 0x1000, (RIG_ROOT + 0x2000) | RIG_ALL | RIG_A);
	for (uint64_t t = 0; t < RIG_TABLES; t++) {
		rig_store8(RIG_ROOT + 0x2000 + 8 * t,
			   (RIG_LEAF + (t << 12)) | RIG_ALL | RIG_A);
	}
}

void rig_reload(struct rig_cpu *cpu)
{
	struct gnomon_regs regs = {
		.cr0 = 0x80010001, .cr3 = RIG_ROOT, .cr4 = 0xa0, .efer = 0xd00,
		.smm = cpu->smm,
	};
	struct gnomon_root root;

	if (gnomon_vcpu_set_regs(cpu->vcpu, &regs, GNOMON_SET_CR3, &root) !=
	    GNOMON_OK) {
		rig_fail("a CR3 load is refused", cpu->id, 0);
	}
	cpu->root = root;
	cpu->cr3 = setup.nested ? root.ncr3.v : root.cr3.v;
}

static void *memory(size_t bytes)
{
	return aligned_alloc(64, bytes);
}

void rig_start(const struct rig_setup *s)
{
	struct gnomon_host host = {
		.size = sizeof(host), .frame = frame, .load = load,
		.store = store, .cmpxchg = cmpxchg, .page_alloc = page_alloc,
		.page_free = page_free, .flush = flush, .lock = lock,
		.unlock = unlock, .lock_shared = lock_shared,
		.unlock_shared = unlock_shared,
	};
	struct gnomon_config config = {
		.size = sizeof(config), .host_maxphyaddr = 46,
		.caps = { GNOMON_CAP_NX, 40 }, .options = s->options,
		.table_pages_max = s->table_pages_max,
		.chain_max = s->chain_max,
		.nested_around = s->nested_around, .smm = s->smm,
		.mode = s->nested ? GNOMON_MODE_NESTED :
			s->agile ? GNOMON_MODE_AGILE : GNOMON_MODE_SHADOW,
	};
	struct gnomon_slot slot = { .frames = RIG_FRAMES };

	setup = *s;
	make_arena();
	ram = aligned_alloc(4096, RIG_FRAMES * 4096);
	memset(ram, 0, RIG_FRAMES * 4096);
	slot.hva = s->bare ? NULL : ram;
	vm_memory = memory(gnomon_vm_bytes());
	if (gnomon_vm_create(vm_memory, &config, &host, NULL, &rig_vm) !=
		    GNOMON_OK ||
	    gnomon_slot_set(rig_vm, &slot) != GNOMON_OK) {
		fprintf(stderr, "rig: no vm\n");
		exit(1);
	}
	make_tables();
	for (uint32_t i = 0; i < 2; i++) {
		rig_cpu[i].id = i;
		rig_cpu[i].random = 88172645463325252u + i * 977;
		if (gnomon_vcpu_create(rig_vm, i, memory(gnomon_vcpu_bytes()),
				       &rig_cpu[i].vcpu) != GNOMON_OK) {
			fprintf(stderr, "rig: no vcpu\n");
			exit(1);
		}
		rig_reload(&rig_cpu[i]);
	}
}

void rig_audit(void)
{
	struct gnomon_audit report;

	if (gnomon_audit(rig_vm, GNOMON_AUDIT_FULL, &report) != GNOMON_OK) {
		rig_fail(report.rule, report.a, report.b);
	}
}

int rig_end(const char *name)
{
	rig_audit();
	for (unsigned i = 0; i < 2; i++) {
		gnomon_vcpu_destroy(rig_cpu[i].vcpu);
		free(rig_cpu[i].vcpu);
	}
	if (gnomon_vm_destroy(rig_vm, NULL) != GNOMON_OK ||
	    free_count != ARENA_PAGES) {
		rig_fail("the engine keeps pages", free_count, ARENA_PAGES);
	}
	free(vm_memory);
	free(ram);
	free(arena);
	if (rig_failed()) {
		fprintf(stderr, "%s: %s\n", name, message);
	}
	return rig_failed();
}

struct work {
	void (*both)(struct rig_cpu *cpu);
	struct rig_cpu *cpu;
};

static void *run(void *arg)
{
	const struct work *work = arg;

	self = work->cpu;
	work->both(work->cpu);
	return NULL;
}

static void *run_third(void *arg)
{
	void (*const *third)(void) = arg;

	(*third)();
	return NULL;
}

void rig_run(void (*both)(struct rig_cpu *cpu), void (*third)(void))
{
	struct work work[2] = {
		{ both, &rig_cpu[0] }, { both, &rig_cpu[1] },
	};
	pthread_t thread[3];

	atomic_store(&running, true);
	for (int i = 0; i < 2; i++) {
		pthread_create(&thread[i], NULL, run, &work[i]);
	}
	if (third) {
		pthread_create(&thread[2], NULL, run_third, &third);
	}
	for (int i = 0; i < 2; i++) {
		pthread_join(thread[i], NULL);
	}
	atomic_store(&running, false);
	if (third) {
		pthread_join(thread[2], NULL);
	}
}

/* ---- the guest and its processor ----------------------------------------- */

void rig_write(uint64_t gpa, uint64_t value)
{
	if (gnomon_write(rig_vm, NULL, (gnomon_gpa_t){ gpa }, &value, 8) !=
	    GNOMON_OK) {
		rig_fail("a store is refused", gpa, value);
	}
}

void rig_open_window(void)
{
	for (uint64_t t = 0; t < RIG_WINDOW; t++) {
		rig_store8(rig_gpte(RIG_WINDOW, t),
			   (RIG_LEAF + (t << 12)) | RIG_ALL | RIG_A | RIG_D);
	}
}

void rig_store_entry(struct rig_cpu *cpu, bool there, enum gnomon_action action,
		     uint64_t t, uint64_t j, uint64_t value)
{
	if (there) {
		if (j % 4 == 0) {
			sched_yield();
		}
		rig_store8(rig_gpte(t, j), value);
		rig_leave(cpu);
	} else if (action == GNOMON_EMULATE) {
		rig_write(rig_gpte(t, j), value);
	} else {
		rig_fail("a store to a table is not resolved", t, action);
	}
}

uint64_t rig_random(struct rig_cpu *cpu)
{
	cpu->random ^= cpu->random << 13;
	cpu->random ^= cpu->random >> 7;
	cpu->random ^= cpu->random << 17;
	return cpu->random >> 16;
}

void rig_enter(struct rig_cpu *cpu)
{
	atomic_fetch_add(&cpu->section, 1);
}

void rig_leave(struct rig_cpu *cpu)
{
	atomic_fetch_add(&cpu->section, 1);
}

uint64_t rig_entry(uint64_t table, uint64_t index)
{
	uint64_t at_page = table - ARENA_HPA;

	if (at_page >= ARENA_PAGES * UINT64_C(4096)) {
		rig_fail("an entry leads out of the tables", table, index);
		return 0;
	}
	const unsigned char *p = arena + at_page + 8 * index;

	return atomic_load_explicit((const _Atomic uint64_t *)(const void *)p,
				    memory_order_acquire);
}

/* Now and then the world turns while the processor is between two steps. */
void rig_dawdle(void)
{
	static __thread unsigned steps;

	if (++steps % 128 == 0) {
		sched_yield();
	}
}

bool rig_look(const struct rig_cpu *cpu, uint64_t gva, uint32_t access,
	      struct rig_leaf *leaf)
{
	const uint64_t frame_bits = UINT64_C(0x000ffffffffff000);
	uint64_t table = cpu->cr3;

	for (unsigned level = 4; level > 0; level--) {
		uint64_t e = rig_entry(table, gva >> (3 + 9 * level) & 511);

		rig_dawdle();
		if (!(e & RIG_P)) {
			return false;
		}
		/* Rights are the leaves' business, and there are no others. */
		leaf->writable = e & RIG_W;
		leaf->hfn = (e & frame_bits) >> 12;
		if (level > 1 && (e & 0x80)) {
			rig_fail("a large leaf, and none was offered", gva, e);
		}
		table = e & frame_bits;
	}
	return leaf->writable || !(access & GNOMON_WRITE);
}

enum gnomon_action rig_fault(struct rig_cpu *cpu, uint64_t gva,
			     uint32_t access)
{
	struct gnomon_fault fault = {
		.gva = { gva }, .gpa = { gva }, .access = access,
		.nested = setup.nested,
	};
	struct gnomon_outcome out;

	gnomon_fault(cpu->vcpu, &fault, &out);
	return out.action;
}

bool rig_reach(struct rig_cpu *cpu, uint64_t gva, uint32_t access,
	       struct rig_leaf *leaf, enum gnomon_action *action)
{
	for (unsigned tries = 0; tries < 1000000; tries++) {
		rig_enter(cpu);
		if (rig_look(cpu, gva, access, leaf)) {
			return true;
		}
		rig_leave(cpu);
		*action = rig_fault(cpu, gva, access);
		if (*action == GNOMON_RETRY) {
			sched_yield();
		} else if (*action != GNOMON_RESUME) {
			return false;
		}
	}
	rig_fail("an access does not get through", gva, access);
	return false;
}

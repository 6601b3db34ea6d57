/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two vcpus on two threads fault, store, flush and load roots at once, while a
 * third thread changes the host's side. The host's lock has a part for each
 * vcpu, so that faults run side by side. For ThreadSanitizer; without it the
 * audit and the counts still judge.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gnomon/gnomon.h"

#define FRAMES 8192u
#define ROUNDS 4000u
#define ALL 0x7u

static unsigned char *ram;
static pthread_mutex_t part[2] = {
	PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER,
};
static struct gnomon_vm *vm;
static atomic_uint failed;

static void frame(void *ctx, gnomon_gfn_t gfn, uint32_t want,
		  struct gnomon_frame *out)
{
	(void)ctx;
	(void)want;
	*out = (struct gnomon_frame){
		.kind = GNOMON_FRAME_RAM, .hfn = { gfn.v + 0x100000 },
		.order = 9, .writable = true,
	};
}

static enum gnomon_status page_alloc(void *ctx, enum gnomon_page_use use,
				     struct gnomon_page *page)
{
	(void)ctx;
	(void)use;
	page->va = aligned_alloc(4096, 4096);
	page->hpa.v = (uint64_t)(uintptr_t)page->va & 0x3ffffffff000;
	return page->va ? GNOMON_OK : GNOMON_NOMEM;
}

static void page_free(void *ctx, enum gnomon_page_use use,
		      const struct gnomon_page *page)
{
	(void)ctx;
	(void)use;
	free(page->va);
}

static void flush(void *ctx, const struct gnomon_flush *f)
{
	(void)ctx;
	(void)f;
}

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

static const struct gnomon_host host = {
	.size = sizeof(host), .frame = frame, .page_alloc = page_alloc,
	.page_free = page_free, .flush = flush, .lock = lock,
	.unlock = unlock, .lock_shared = lock_shared,
	.unlock_shared = unlock_shared,
};

static void put(uint64_t gpa, uint64_t value)
{
	if (gnomon_write(vm, NULL, (gnomon_gpa_t){ gpa }, &value, 8) !=
	    GNOMON_OK) {
		failed = 1;
	}
}

/* Root at 64K; the leaf tables from 1M map 4M from 2M on, twice. */
static void make_tables(void)
{
	put(0x10000, 0x11000 | ALL);
	put(0x11000, 0x12000 | ALL);
	for (uint64_t t = 0; t < 4; t++) {
		put(0x12000 + 8 * t, (0x100000 + (t << 12)) | ALL);
		for (uint64_t i = 0; i < 512; i++) {
			put(0x100000 + (t << 12) + 8 * i,
			    (0x200000 + ((t & 1) << 21) + (i << 12)) | ALL);
		}
	}
}

struct cpu {
	struct gnomon_vcpu *vcpu;
	uint64_t first;		/* gva of its half */
};

static void one_fault(struct cpu *c, uint64_t gva, uint32_t access)
{
	struct gnomon_fault fault = { .gva = { gva }, .access = access };
	struct gnomon_outcome out;

	gnomon_fault(c->vcpu, &fault, &out);
	if (out.action != GNOMON_RESUME && out.action != GNOMON_EMULATE &&
	    out.action != GNOMON_RETRY) {
		failed = 2;
	}
}

static void load(struct cpu *c)
{
	struct gnomon_regs regs = {
		.cr0 = 0x80010001, .cr3 = 0x10000, .cr4 = 0xa0,
		.efer = 0xd00,
	};
	struct gnomon_root root;

	if (gnomon_vcpu_set_regs(c->vcpu, &regs, GNOMON_SET_CR3, &root) !=
	    GNOMON_OK) {
		failed = 3;
	}
}

static void *run(void *arg)
{
	struct cpu *c = arg;

	for (uint64_t i = 0; i < ROUNDS; i++) {
		uint64_t gva = c->first + (i * 7 % 1024 << 12);

		one_fault(c, gva, i & 1 ? GNOMON_WRITE : GNOMON_READ);
		if (i % 16 == 0) {
			gnomon_invlpg(c->vcpu, (gnomon_gva_t){ gva });
		}
		if (i % 64 == 0) {
			put(0x100000 + (c->first >> 21 << 12) + 8 * (i % 512),
			    0x200000 | ALL);
		}
		if (i % 256 == 0) {
			load(c);
		}
	}
	return NULL;
}

static void *disturb(void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < 200; i++) {
		gnomon_gfn_t first = { 0x200 + i };
		struct gnomon_audit report;

		if (gnomon_host_change_begin(vm, first, 8, NULL) !=
			    GNOMON_OK ||
		    gnomon_host_change_end(vm, first, 8) != GNOMON_OK ||
		    (i % 50 == 0 && gnomon_zap_all(vm, NULL) != GNOMON_OK) ||
		    gnomon_audit(vm, GNOMON_AUDIT_FULL, &report) !=
			    GNOMON_OK) {
			failed = 4;
		}
	}
	return NULL;
}

static void *memory(size_t bytes)
{
	return aligned_alloc(64, bytes);
}

int main(void)
{
	struct gnomon_config config = {
		.size = sizeof(config), .host_maxphyaddr = 46,
		.caps = { GNOMON_CAP_NX, 40 }, .options = GNOMON_OPT_ALL,
	};
	struct gnomon_slot slot = { .frames = FRAMES };
	struct cpu cpu[2];
	pthread_t thread[3];
	void *vm_memory = memory(gnomon_vm_bytes());

	ram = aligned_alloc(4096, FRAMES * 4096);
	memset(ram, 0, FRAMES * 4096);
	slot.hva = ram;
	if (gnomon_vm_create(vm_memory, &config, &host, NULL, &vm) !=
		    GNOMON_OK ||
	    gnomon_slot_set(vm, &slot) != GNOMON_OK) {
		return 1;
	}
	make_tables();
	for (uint32_t i = 0; i < 2; i++) {
		cpu[i] = (struct cpu){ .first = (uint64_t)i << 22 };
		if (gnomon_vcpu_create(vm, i, memory(gnomon_vcpu_bytes()),
				       &cpu[i].vcpu) != GNOMON_OK) {
			return 1;
		}
		load(&cpu[i]);
		pthread_create(&thread[i], NULL, run, &cpu[i]);
	}
	pthread_create(&thread[2], NULL, disturb, NULL);
	for (unsigned i = 0; i < 3; i++) {
		pthread_join(thread[i], NULL);
	}
	struct gnomon_stats s;

	gnomon_vm_stats(vm, &s, sizeof(s));
	if (s.lock_shared == s.lock_again) {
		failed = 6;	/* nothing ran side by side */
	}
	for (unsigned i = 0; i < 2; i++) {
		gnomon_vcpu_destroy(cpu[i].vcpu);
		free(cpu[i].vcpu);
	}
	if (gnomon_vm_destroy(vm, NULL) != GNOMON_OK) {
		failed = 5;
	}
	free(vm_memory);
	free(ram);
	if (failed) {
		fprintf(stderr, "faults: check %u failed\n", failed);
	}
	return failed != 0;
}

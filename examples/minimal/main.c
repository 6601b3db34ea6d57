/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The smallest VMM: one vcpu, shadow paging, static memory. The guest maps
 * one page; its first access faults, the engine fills the shadow, done.
 */
#include <gnomon/gnomon.h>
#include <stdalign.h>
#include <stdio.h>
#include <string.h>

enum { RAM_PAGES = 16, POOL_PAGES = 64 };
alignas(4096) static unsigned char ram[RAM_PAGES][4096];
alignas(4096) static unsigned char pool[POOL_PAGES][4096];
alignas(64) static unsigned char vm_memory[65536], vcpu_memory[16384];
static unsigned int used;

static void frame(void *ctx, gnomon_gfn_t gfn, uint32_t want,
		  struct gnomon_frame *f)
{
	(void)ctx, (void)want;
	memset(f, 0, sizeof(*f));
	f->kind = gfn.v < RAM_PAGES ? GNOMON_FRAME_RAM : GNOMON_FRAME_ABSENT;
	f->hfn.v = 0x100 + gfn.v; /* where the host keeps it */
	f->writable = true;
}

static enum gnomon_status page_alloc(void *ctx, enum gnomon_page_use use,
				     struct gnomon_page *page)
{
	(void)ctx, (void)use;
	if (used == POOL_PAGES) {
		return GNOMON_NOMEM;
	}
	page->va = pool[used];
	page->hpa.v = (0x1000ull + used++) << 12;
	return GNOMON_OK;
}

static void page_free(void *ctx, enum gnomon_page_use use,
		      const struct gnomon_page *page)
{
	(void)ctx, (void)use, (void)page;
}

static void flush(void *ctx, const struct gnomon_flush *f)
{
	(void)ctx, (void)f; /* no real CPU here */
}

/* gva 0x400000 -> gpa 0x5000, by tables in guest frames 1 to 4. */
static void write_guest_tables(void)
{
	const uint64_t present_write_user = 7;
	const unsigned int index[] = { 0, 0, 2, 0 };

	for (unsigned int level = 0; level < 4; level++) {
		uint64_t entry = (level + 2ull) << 12 | present_write_user;
		memcpy(&ram[level + 1][8 * index[level]], &entry, 8);
	}
}

int main(void)
{
	static struct gnomon_host host;	/* static: all zero */
	static struct gnomon_config config;
	static struct gnomon_slot slot;
	static struct gnomon_regs regs;
	static struct gnomon_fault fault;
	struct gnomon_outcome out;
	struct gnomon_root root;
	struct gnomon_vcpu *vcpu;
	struct gnomon_vm *vm;

	write_guest_tables();
	host.size = sizeof(host);
	host.frame = frame;
	host.page_alloc = page_alloc;
	host.page_free = page_free;
	host.flush = flush;
	config.size = sizeof(config);
	config.mode = GNOMON_MODE_SHADOW;
	config.caps.features = GNOMON_CAP_NX;
	config.caps.maxphyaddr = 40;
	config.host_maxphyaddr = 46;
	config.options = GNOMON_OPT_ALL;
	slot.frames = RAM_PAGES;
	slot.hva = ram;
	regs.cr0 = 0x80010001;	/* PG, WP, PE */
	regs.cr3 = 0x1000;
	regs.cr4 = 0x20;	/* PAE */
	regs.efer = 0xd01;	/* NXE, LMA, LME, SCE */
	if (gnomon_vm_bytes() > sizeof(vm_memory) ||
	    gnomon_vcpu_bytes() > sizeof(vcpu_memory) ||
	    gnomon_vm_create(vm_memory, &config, &host, NULL, &vm) ||
	    gnomon_slot_set(vm, &slot) ||
	    gnomon_vcpu_create(vm, 0, vcpu_memory, &vcpu) ||
	    gnomon_vcpu_set_regs(vcpu, &regs, GNOMON_SET_CR3, &root)) {
		return 1;
	}
	fault.gva.v = 0x400123;
	fault.access = GNOMON_READ | GNOMON_USER;
	gnomon_fault(vcpu, &fault, &out);
	printf("root %#llx: %s\n", (unsigned long long)root.cr3.v,
	       out.action == GNOMON_RESUME ? "resume" : "something else");
	gnomon_vcpu_destroy(vcpu);
	return out.action != GNOMON_RESUME || gnomon_vm_destroy(vm, NULL);
}

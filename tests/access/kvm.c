/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A second opinion: KVM's own walker, through KVM_TRANSLATE, over the same
 * random and adversarial tables. Its answer is no more than "valid or not"
 * and the physical address, for a supervisor read that heeds SMAP, SMEP not
 * being asked; error codes, rights and A/D bits are not compared. Left out as
 * KVM knows better or worse than hardware: addresses that are not canonical
 * (it does not look), G in upper entries (reserved on AMD), and PSE-36 above
 * 36 bits (it knows no more).
 *
 * Skipped (77) where /dev/kvm does not open or lacks what is needed.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "guestpt/walk.h"
#include "tests/support/seed.h"

enum { FRAMES = 16, RAM = FRAMES * 4096, CPUIDS = 256, PER_ROUND = 2000 };

struct kvm {
	int dev, vm, vcpu;
	struct kvm_run *run;
	bool sync;		/* KVM_CAP_SYNC_REGS */
	uint32_t features;	/* enum gnomon_feature that KVM offers */
	struct kvm_sregs sregs;	/* as the vcpu started */
	unsigned char *ram;
};

static struct kvm k;
static struct test_rng rng;

static void skip(const char *why)
{
	printf("skipped: %s: %s\n", why, strerror(errno));
	exit(77);
}

static uint64_t below(uint64_t bound)
{
	return test_rng_below(&rng, bound);
}

/* ---- the vm ---- */

static void take_features(const struct kvm_cpuid2 *c)
{
	k.features = GNOMON_CAP_PSE36 | GNOMON_CAP_PAT | GNOMON_CAP_PCID;
	for (unsigned i = 0; i < c->nent; i++) {
		const struct kvm_cpuid_entry2 *e = &c->entries[i];

		if (e->function == 7 && e->index == 0) {
			k.features |= (e->ebx >> 7 & 1 ? GNOMON_CAP_SMEP : 0u) |
				      (e->ebx >> 20 & 1 ? GNOMON_CAP_SMAP
							: 0u) |
				      (e->ecx >> 16 & 1 ? GNOMON_CAP_LA57 : 0u);
		} else if (e->function == 0x80000001) {
			k.features |= (e->edx >> 20 & 1 ? GNOMON_CAP_NX : 0u) |
				      (e->edx >> 26 & 1 ? GNOMON_CAP_1G : 0u);
		}
	}
}

static void set_cpuid(unsigned maxphyaddr)
{
	struct kvm_cpuid2 *c = calloc(1, sizeof(*c) +
				      CPUIDS * sizeof(c->entries[0]));

	if (!c) {
		exit(1);
	}
	c->nent = CPUIDS;
	if (ioctl(k.dev, KVM_GET_SUPPORTED_CPUID, c)) {
		skip("KVM_GET_SUPPORTED_CPUID");
	}
	for (unsigned i = 0; i < c->nent; i++) {
		if (c->entries[i].function == 0x80000008) {
			c->entries[i].eax = (c->entries[i].eax & ~0xffu) |
					    maxphyaddr;
		}
	}
	take_features(c);
	if (ioctl(k.vcpu, KVM_SET_CPUID2, c)) {
		skip("KVM_SET_CPUID2");
	}
	free(c);
}

static void open_vm(void)
{
	struct kvm_userspace_memory_region region = { .memory_size = RAM };
	int bytes;

	k.dev = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (k.dev < 0) {
		skip("/dev/kvm");
	}
	k.vm = ioctl(k.dev, KVM_CREATE_VM, 0);
	k.vcpu = k.vm < 0 ? -1 : ioctl(k.vm, KVM_CREATE_VCPU, 0);
	bytes = ioctl(k.dev, KVM_GET_VCPU_MMAP_SIZE, 0);
	k.ram = mmap(NULL, RAM, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	region.userspace_addr = (uintptr_t)k.ram;
	if (k.vcpu < 0 || bytes <= 0 || k.ram == MAP_FAILED ||
	    ioctl(k.vm, KVM_SET_USER_MEMORY_REGION, &region) ||
	    ioctl(k.vcpu, KVM_GET_SREGS, &k.sregs)) {
		skip("no KVM virtual machine");
	}
	k.run = mmap(NULL, (size_t)bytes, PROT_READ | PROT_WRITE, MAP_SHARED,
		     k.vcpu, 0);
	if (k.run == MAP_FAILED) {
		skip("no kvm_run");
	}
	k.sync = ioctl(k.dev, KVM_CHECK_EXTENSION, KVM_CAP_SYNC_REGS) > 0;
}

/* One ioctl for both register sets where KVM can; the guest never runs. */
static int set_registers(const struct kvm_sregs *s, bool ac)
{
	struct kvm_regs regs = { .rflags = 2 | (ac ? 1u << 18 : 0u) };

	if (k.sync) {
		k.run->immediate_exit = 1;
		k.run->s.regs.sregs = *s;
		k.run->s.regs.regs = regs;
		k.run->kvm_dirty_regs = KVM_SYNC_X86_REGS |
					KVM_SYNC_X86_SREGS;
		if (ioctl(k.vcpu, KVM_RUN, 0) == 0 || errno == EINTR) {
			return 0;
		}
		k.run->kvm_dirty_regs = 0;
		return -1;
	}
	return ioctl(k.vcpu, KVM_SET_SREGS, s) ||
	       ioctl(k.vcpu, KVM_SET_REGS, &regs);
}

/* ---- random tables and registers --------------------------------------- */

static uint64_t random_entry(bool wide)
{
	uint64_t e = below(FRAMES) << 12 | (below(256) & 0x67) | 1;

	if (below(16) == 0) {
		e &= ~UINT64_C(1);
	}
	if (below(6) == 0) {
		/* A large leaf, sometimes not aligned. */
		e |= 0x80;
		if (below(4)) {
			e = (e & 0xfff) | below(512) << (below(2) ? 30 : 22);
		}
	}
	if (!wide) {
		return e & 0xffffffff;
	}
	if (below(24) == 0) {
		e |= UINT64_C(1) << (30 + below(34));
	}
	if (below(4) == 0) {
		e |= X86_PTE_NX;
	}
	return e;
}

static void fill_ram(bool wide)
{
	for (size_t i = 0; i < RAM; i += wide ? 8 : 4) {
		uint64_t e = random_entry(wide);

		memcpy(k.ram + i, &e, wide ? 8 : 4);
	}
}

static void random_regs(struct gnomon_regs *regs, unsigned f)
{
	bool lma = f == GN_GPT_LONG4 || f == GN_GPT_LONG5;

	*regs = (struct gnomon_regs){
		.cr0 = 0x80000011 | below(2) << 16,
		.cr3 = below(FRAMES) << 12,
		.cr4 = (f == GN_GPT_32BIT ? below(2) << 4 : 0x20) |
		       (f == GN_GPT_LONG5 ? 0x1000u : 0) |
		       (k.features & GNOMON_CAP_SMAP ? below(2) << 21 : 0) |
		       (k.features & GNOMON_CAP_SMEP ? below(2) << 20 : 0),
		.efer = (lma ? 0x500u : 0) |
			(k.features & GNOMON_CAP_NX ? below(2) << 11 : 0),
		.ac = below(2),
	};
}

/* PDPTEs are checked when they are loaded: make these legal. */
static void make_pdptes(struct gnomon_regs *regs)
{
	for (unsigned i = 0; i < 4; i++) {
		uint64_t e = below(FRAMES) << 12 | (below(8) ? 1 : 0);

		regs->pdpte[i] = e;
		memcpy(k.ram + regs->cr3 + 8 * i, &e, 8);
	}
}

static int load_kvm(const struct gnomon_regs *regs)
{
	struct kvm_sregs s = k.sregs;

	s.cr0 = regs->cr0;
	s.cr3 = regs->cr3;
	s.cr4 = regs->cr4;
	s.efer = regs->efer;
	s.cs.l = regs->efer >> 10 & 1;
	s.cs.db = !s.cs.l;
	return set_registers(&s, regs->ac);
}

/* ---- comparison ---- */

static uint64_t random_gva(const struct gn_gpt_ctx *ctx)
{
	unsigned unused = 64u - ctx->format->gva_bits;
	uint64_t gva = test_rng_next(&rng);

	return ctx->format->extend_sign
	       ? (uint64_t)((int64_t)(gva << unused) >> unused)
	       : gva << unused >> unused;
}

static bool compare(const struct gn_gpt_ctx *ctx, const struct gn_mem *mem,
		    const struct gnomon_regs *regs, uint64_t *permitted)
{
	uint64_t gva = random_gva(ctx);
	struct kvm_translation t = { .linear_address = gva };
	struct gn_gpt_walk w;
	/* KVM marks entries as it walks, so ask it last. */
	bool ours = gn_gpt_walk(ctx, mem, gn_gva(gva), GNOMON_READ, 0, &w) ==
		    GNOMON_OK;

	if (ioctl(k.vcpu, KVM_TRANSLATE, &t)) {
		skip("KVM_TRANSLATE");
	}
	*permitted += ours;
	if (ours == !!t.valid && (!ours || w.gpa.v == t.physical_address)) {
		return true;
	}
	fprintf(stderr, "kvm: %s, gva %#" PRIx64 ", cr0 %#" PRIx64 " cr3 %#"
		PRIx64 " cr4 %#" PRIx64 " efer %#" PRIx64 " ac %d\n"
		"  ours: %d level %u gpa %#" PRIx64 ", KVM: %d %#llx\n",
		ctx->format->name, gva, regs->cr0, regs->cr3, regs->cr4,
		regs->efer, regs->ac, ours, w.level, ours ? w.gpa.v : 0,
		t.valid, (unsigned long long)t.physical_address);
	for (unsigned l = ctx->format->levels; l >= w.level && l > 0; l--) {
		fprintf(stderr, "  level %u: %#" PRIx64 "\n", l,
			w.step[l].gpte);
	}
	return false;
}

static bool round_of(unsigned f, unsigned maxphyaddr, uint64_t *permitted)
{
	const struct gnomon_caps caps = { .features = k.features,
		.maxphyaddr = (uint8_t)(f == GN_GPT_32BIT ? 36 : maxphyaddr) };
	static struct gnomon_host host = { .size = sizeof(host) };
	struct gnomon_regs regs;
	struct gn_gpt_ctx ctx;
	struct gn_mem mem;

	fill_ram(f != GN_GPT_32BIT);
	random_regs(&regs, f);
	if (f == GN_GPT_PAE) {
		make_pdptes(&regs);
	}
	gn_mem_init(&mem, &host, NULL);
	gn_mem_add(&mem, &(struct gn_window){
		.bytes = RAM, .hva = k.ram, .writable = true });
	if (gn_gpt_ctx_init(&ctx, &regs, &caps) != GNOMON_OK) {
		fputs("kvm: registers refused by us\n", stderr);
		return false;
	}
	if (load_kvm(&regs)) {
		fprintf(stderr, "kvm: registers refused by KVM: %s\n",
			strerror(errno));
		return false;
	}
	for (unsigned i = 0; i < PER_ROUND; i++) {
		if (!compare(&ctx, &mem, &regs, permitted)) {
			return false;
		}
	}
	return true;
}

/*
 * Does this KVM walk the format at all? Some run long mode only and answer
 * the address itself otherwise. Empty tables must give "not valid".
 */
static bool walks(unsigned f)
{
	struct kvm_translation t = { .linear_address = 0x1000 };
	struct gnomon_regs regs;

	memset(k.ram, 0, RAM);
	random_regs(&regs, f);
	return !load_kvm(&regs) && !ioctl(k.vcpu, KVM_TRANSLATE, &t) &&
	       !t.valid;
}

int main(void)
{
	enum { MAXPHYADDR = 40 };
	uint64_t rounds = test_rounds(25), asked = 0, permitted = 0;
	uint64_t seed = test_seed();

	rng = test_rng_init(seed);
	open_vm();
	set_cpuid(MAXPHYADDR);
	for (unsigned f = GN_GPT_32BIT; f <= GN_GPT_LONG5; f++) {
		uint64_t yes = 0;

		if (!walks(f)) {
			printf("%-8s this KVM does not walk it\n",
			       gn_gpt_formats[f]->name);
			continue;
		}
		for (uint64_t i = 0; i < rounds; i++) {
			if (!round_of(f, MAXPHYADDR, &yes)) {
				test_print_repeat("tests/access/kvm", "", seed);
				return 1;
			}
		}
		printf("%-8s %8" PRIu64 " translations, %" PRIu64 " valid\n",
		       gn_gpt_formats[f]->name, rounds * PER_ROUND, yes);
		asked += rounds * PER_ROUND;
		permitted += yes;
	}
	if (asked == 0) {
		errno = ENOTSUP;
		skip("KVM walks none of the formats");
	}
	printf("all      %8" PRIu64 " translations, %" PRIu64 " valid, "
	       "registers through %s\n", asked, permitted,
	       k.sync ? "KVM_CAP_SYNC_REGS" : "KVM_SET_SREGS");
	return 0;
}

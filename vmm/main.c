/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Start: what the loader left, the engine's vm and vcpu, the guest, then
 * vmm_run() until it is done. Command line:
 *
 *	[mode=nested|shadow|unsync|adaptive] [prefetch=HEX] [opt=HEX]
 *	[walks=HEX]
 *	[switch=HEX] [guest=selftest|hostile|cost] -- guest's own
 *
 * shadow emulates every traced store, unsync leaves leaf tables open between
 * flush points. prefetch is the width, 0 for none, 16 (hexadecimal 10) if it
 * is not there; opt names the engine's options one by one. switch is how many
 * milliseconds pass between changes of mode, nested to shadow and back.
 * adaptive starts nested, and a policy chooses for each address space between
 * that and unsync; walks is how many page walks in a millisecond of nested
 * paging it is to assume. Without guest= the first module is the kernel and the
 * second its initrd.
 */
#include <string.h>

#include "vmm/vmm.h"

#define MULTIBOOT_MAGIC 0x2badb002u
#define RAM_MIN UINT64_C(0x40000000)

enum {
	/* As many pages as Linux maps around a fault in a file. */
	PREFETCH = 16,
	/* Tables stay open long: to compare one costs less than an exit. */
	UNSYNC_QUIET = 16,
};

struct multiboot_info {
	uint32_t flags, mem_lower, mem_upper, boot_device, cmdline;
	uint32_t mods_count, mods_addr, syms[4], mmap_length, mmap_addr;
};

struct multiboot_module {
	uint32_t start, end, string, pad;
};

extern const unsigned char vmm_image_end[];
extern const unsigned char blob_selftest[], blob_selftest_end[];
extern const unsigned char blob_hostile[], blob_hostile_end[];
extern const unsigned char blob_cost[], blob_cost_end[];

static struct vmm the_vmm;
static struct vmcb the_vmcb __attribute__((aligned(4096)));
static unsigned char host_save[4096] __attribute__((aligned(4096)));
static unsigned char iopm[3 * 4096] __attribute__((aligned(4096)));
static unsigned char msrpm[2 * 4096] __attribute__((aligned(4096)));
static struct module modules[2];

/* ---- command line -------------------------------------------------------- */

/* What follows name in our part of the line, or null. */
static const char *option(const char *line, const char *name)
{
	size_t n = 0;

	while (name[n]) {
		n++;
	}
	for (; *line; line++) {
		if (line[0] == '-' && line[1] == '-' && line[2] == ' ') {
			break;
		}
		if (memcmp(line, name, n) == 0) {
			return line + n;
		}
	}
	return NULL;
}

static bool is(const char *value, const char *word)
{
	while (*word && *value == *word) {
		value++;
		word++;
	}
	return *word == 0 && (*value == 0 || *value == ' ');
}

static uint32_t hex(const char *text)
{
	uint32_t v = 0;

	for (;; text++) {
		if (*text >= '0' && *text <= '9') {
			v = v << 4 | (uint32_t)(*text - '0');
		} else if (*text >= 'a' && *text <= 'f') {
			v = v << 4 | (uint32_t)(*text - 'a' + 10);
		} else {
			return v;
		}
	}
}

static const char *guest_cmdline(const char *line)
{
	for (; *line; line++) {
		if (line[0] == '-' && line[1] == '-' && line[2] == ' ') {
			return line + 3;
		}
	}
	return line;
}

/* ---- the CPU ------------------------------------------------------------- */

static void idt_init(void)
{
	static struct { uint64_t low, high; } idt[256];
	struct { uint16_t limit; uint64_t base; } __attribute__((packed))
		idtr = { sizeof(idt) - 1, (uint64_t)idt };

	for (unsigned i = 0; i < 256; i++) {
		uint64_t to = i < 32 ? (uint64_t)traps + 16 * i
				     : (uint64_t)irqs + 16 * (i - 32);

		idt[i].low = (to & 0xffff) | 0x08ull << 16 | 0x8e00ull << 32 |
			     (to >> 16 & 0xffff) << 48;
		idt[i].high = to >> 32;
	}
	__asm__ volatile("lidt %0" : : "m"(idtr));
}

static void msr_intercept(uint32_t msr, unsigned bits)
{
	uint32_t at = msr >= 0xc0010000u ? 0x1000 * 4 + (msr - 0xc0010000u)
		    : msr >= 0xc0000000u ? 0x800 * 4 + (msr - 0xc0000000u)
					 : msr;

	msrpm[at / 4] |= (unsigned char)(bits << (at % 4 * 2));
}

static void io_intercept(uint16_t port)
{
	iopm[port / 8] |= (unsigned char)(1u << (port % 8));
}

static void svm_init(struct vmm *v)
{
	struct vmcb *c = &the_vmcb;

	if (!(cpuid(0x80000001, 0).ecx & 1u << 2)) {
		vmm_die("this CPU has no SVM");
	}
	if (!(cpuid(0x8000000a, 0).edx & 1)) {
		vmm_die("this CPU has no nested paging");
	}
	wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_SVME);
	wrmsr(MSR_VM_HSAVE_PA, (uint64_t)host_save);
	msr_intercept(MSR_EFER, 3);
	msr_intercept(MSR_VM_CR, 3);
	msr_intercept(MSR_VM_HSAVE_PA, 3);
	msr_intercept(MSR_APIC_BASE, 2);
	io_intercept(0xe9);
	io_intercept(0x604);
	io_intercept(0x605);
	v->vmcb = c;
	c->iopm_base = (uint64_t)iopm;
	c->msrpm_base = (uint64_t)msrpm;
	v->asids = cpuid(0x8000000a, 0).ebx;
	c->asid = v->asids;	/* the first flush starts at 1 */
	c->rflags = 2;
	c->dr6 = 0xffff0ff0;
	c->dr7 = 0x400;
	c->g_pat = UINT64_C(0x0007040600070406);
	v->flush = true;
}

/* ---- the engine ---------------------------------------------------------- */

void *pages_for(size_t bytes)
{
	/* Fresh pages come in ascending order: neighbours. */
	unsigned char *first = page_take();

	for (size_t at = GNOMON_PAGE_BYTES; at < bytes;
	     at += GNOMON_PAGE_BYTES) {
		if (page_take() != first + at) {
			vmm_die("no room for the engine");
		}
	}
	return first;
}

static void caps_init(struct vmm *v)
{
	struct cpuid seven = cpuid(7, 0), ext = cpuid(0x80000001, 0);
	uint32_t f = GNOMON_CAP_NX | GNOMON_CAP_PAT | GNOMON_CAP_PSE36;

	f |= ext.edx & 1u << 26 ? GNOMON_CAP_1G : 0;
	f |= seven.ebx & 1u << 7 ? GNOMON_CAP_SMEP : 0;
	f |= seven.ebx & 1u << 20 ? GNOMON_CAP_SMAP : 0;
	f |= seven.ecx & 1u << 16 ? GNOMON_CAP_LA57 : 0;
	v->caps.features = f;
	v->caps.maxphyaddr = (uint8_t)cpuid(0x80000008, 0).eax;
}

static void options(struct vmm *v, const char *line,
		    struct gnomon_config *config)
{
	const char *mode = option(line, "mode="), *opt = option(line, "opt=");
	const char *prefetch = option(line, "prefetch=");

	mode = mode ? mode : "shadow";
	config->options = GNOMON_OPT_ALL;
	if (!is(mode, "unsync") && !is(mode, "adaptive")) {
		config->options &= ~(uint32_t)GNOMON_OPT_UNSYNC;
	}
	if (prefetch && hex(prefetch) == 0) {
		config->options &= ~(uint32_t)GNOMON_OPT_PREFETCH;
	}
	config->prefetch = (uint8_t)(prefetch ? hex(prefetch) : PREFETCH);
	config->unsync_quiet = UNSYNC_QUIET;
	config->options = opt ? hex(opt) : config->options;
	v->mode = is(mode, "nested") || is(mode, "adaptive") ?
		  VMM_NESTED : VMM_SHADOW;
}

static void engine_init(struct vmm *v, const char *line)
{
	const char *ms = option(line, "switch=");
	const char *mode = option(line, "mode=");
	const char *walks = option(line, "walks=");

	v->config = (struct gnomon_config){ .size = sizeof(v->config) };
	options(v, line, &v->config);
	caps_init(v);
	v->config.caps = v->caps;
	v->config.host_maxphyaddr = v->caps.maxphyaddr;
	v->wanted = v->chosen = v->mode;
	v->vm_memory = pages_for(gnomon_vm_bytes());
	v->vcpu_memory = pages_for(gnomon_vcpu_bytes());
	engine_create(v);
	engine_timer(v, ms ? hex(ms) : 0);
	if (mode && is(mode, "adaptive")) {
		v->walks = walks ? hex(walks) : 0;
		adaptive_init(v, measure_tsc_ms());
	}
	vmm_log("vmm: mode=%s opt=%x features=%x maxphyaddr=%u",
		v->policy ? "adaptive" :
		v->mode == VMM_NESTED ? "nested" : "shadow",
		(uint64_t)v->config.options, (uint64_t)v->caps.features,
		(uint64_t)v->caps.maxphyaddr);
}

/* ---- the guest ----------------------------------------------------------- */

static void load_named(struct vmm *v, const char *name, const char *cmdline)
{
	static const struct {
		const char *name;
		const unsigned char *start, *end;
	} blobs[] = {
		{ "selftest", blob_selftest, blob_selftest_end },
		{ "hostile", blob_hostile, blob_hostile_end },
		{ "cost", blob_cost, blob_cost_end },
	};

	for (unsigned i = 0; i < sizeof(blobs) / sizeof(blobs[0]); i++) {
		if (is(name, blobs[i].name)) {
			load_blob(v, &(struct module){
				blobs[i].start,
				(uint64_t)(blobs[i].end - blobs[i].start) },
				cmdline);
			return;
		}
	}
	vmm_die("no guest of that name: selftest, hostile or cost");
}

static void load_guest(struct vmm *v, const struct boot *boot,
		       const char *line)
{
	const char *name = option(line, "guest=");

	if (name) {
		load_named(v, name, boot->cmdline);
	} else if (!boot->kernel) {
		vmm_die("no kernel: give a module, or guest=selftest");
	} else if (!load_linux(v, boot) && !load_elf(v, boot)) {
		vmm_die("the kernel is neither Linux nor multiboot ELF32");
	}
	svm_load(v->vmcb);	/* FS, GS, TR, LDTR and the syscall MSRs */
	if (!set_regs(v, &v->guest, GNOMON_SET_CR3)) {
		vmm_die("the first registers are illegal");
	}
}

/* Our pages start behind the image and the modules that it was given. */
static uint64_t take_modules(const struct multiboot_info *info,
			     struct boot *boot)
{
	const struct multiboot_module *m = (void *)(uint64_t)info->mods_addr;
	uint64_t end = (uint64_t)vmm_image_end;

	for (uint32_t i = 0; (info->flags & 8) && i < info->mods_count; i++) {
		end = m[i].end > end ? m[i].end : end;
		if (i < 2) {
			modules[i] = (struct module){
				(void *)(uint64_t)m[i].start,
				m[i].end - m[i].start };
		}
	}
	boot->kernel = modules[0].bytes ? &modules[0] : NULL;
	boot->initrd = modules[1].bytes ? &modules[1] : NULL;
	boot->mmap = info->mmap_addr;
	boot->mmap_bytes = info->mmap_length;
	return (end + 0xfff) & ~UINT64_C(0xfff);
}

static uint64_t find_ram_end(const struct boot *boot)
{
	struct e820 map[32];
	unsigned n = e820_make(boot, map, 32);
	uint64_t top = 0;

	for (unsigned i = 0; i < n; i++) {
		uint64_t end = map[i].addr + map[i].bytes;

		if (map[i].addr <= RAM_MIN && end < 0xe0000000 && end > top) {
			top = end;
		}
	}
	return top & ~UINT64_C(0x1fffff);
}

_Noreturn void vmm_main(uint32_t magic, uint32_t address)
{
	static char line[1024];
	const struct multiboot_info *info = (void *)(uint64_t)address;
	struct vmm *v = &the_vmm;
	struct boot boot = { 0 };
	uint64_t first;

	idt_init();
	if (magic != MULTIBOOT_MAGIC || !(info->flags & 1u << 6)) {
		vmm_die("not started by a multiboot loader");
	}
	/* The loader's structures lie in what becomes guest memory. */
	for (unsigned i = 0; i < sizeof(line) - 1 && (info->flags & 4); i++) {
		line[i] = ((const char *)(uint64_t)info->cmdline)[i];
		if (!line[i]) {
			break;
		}
	}
	boot.cmdline = guest_cmdline(line);
	first = take_modules(info, &boot);
	v->ram_end = find_ram_end(&boot);
	if (v->ram_end < RAM_MIN || first >= VMM_END) {
		vmm_die("needs 1 GiB of memory");
	}
	page_init(first, VMM_END);
	svm_init(v);
	engine_init(v, line);
	load_guest(v, &boot, line);
	vmm_log("vmm: guest starts at %x", v->vmcb->rip);
	vmm_run(v);
	report(v, "end");
	vmm_log("vmm: %s", audit(v) ? "DONE" : "FAILED: audit");
	vmm_power_off();
}

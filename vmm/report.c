/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the guest can ask by VMMCALL, and what is told on port 0xE9: lines of
 * "vmm: mark NAME key=value ..." that vmm/run turns into tables.
 */
#include "vmm/hypercall.h"
#include "vmm/vmm.h"

static const char *const cause_name[CAUSES] = {
	"cpuid", "cr0", "cr3", "cr4", "cr_read", "msr", "io", "invlpg", "pf",
	"npf", "step", "hypercall", "intr", "other",
};
static const char *const kind_name[GNOMON_KINDS] = {
	"true", "hidden", "trace", "mmio", "host", "nested", "spurious",
	"watch",
};

static void report_engine(const struct vmm *v, const char *mark)
{
	struct gnomon_stats s;

	gnomon_vm_stats(v->vm, &s, sizeof(s));
	vmm_log("vmm: engine %s pf_taken=%u pf_fixed=%u pf_guest=%u "
		"pf_emulate=%u cr3_loads=%u root_hits=%u invlpg=%u "
		"tlb_flush=%u pte_writes=%u", mark, s.pf_taken, s.pf_fixed,
		s.pf_guest, s.pf_emulate, s.cr3_loads, s.root_hits, s.invlpg,
		s.tlb_flush, s.mmu_pte_write);
	vmm_log("vmm: engine %s sptes_set=%u sptes_cleared=%u nptes_set=%u "
		"splits=%u zapped=%u flooded=%u created=%u", mark,
		s.sptes_set, s.sptes_cleared, s.nptes_set, s.splits,
		s.mmu_shadow_zapped, s.mmu_flooded, s.mmu_cache_miss);
	vmm_log("vmm: engine %s shadow_pages=%u shadow_peak=%u "
		"nested_pages=%u meta_pages=%u traced=%u pages_least=%u",
		mark, s.shadow_pages, s.shadow_pages_peak, s.nested_pages,
		s.meta_pages, s.traced_frames, page_least);
}

void report(struct vmm *v, const char *mark)
{
	vmm_log("vmm: mark %s exits=%u emulated=%u strings=%u stepped=%u "
		"reinjected=%u switches=%u", mark, v->count.exits,
		v->count.stores_emulated, v->count.stores_string,
		v->count.stores_stepped, v->count.reinjected,
		v->count.switches);
	for (unsigned i = 0; i < CAUSES; i++) {
		vmm_log("vmm: exits %s %s=%u", mark, cause_name[i],
			v->count.cause[i]);
	}
	for (unsigned i = 0; i < GNOMON_KINDS; i++) {
		vmm_log("vmm: faults %s %s=%u", mark, kind_name[i],
			v->count.kind[i]);
	}
	vmm_log("vmm: regs %s cr0=%x cr3=%x cr4=%x efer=%x", mark,
		v->guest.cr0, v->guest.cr3, v->guest.cr4, v->guest.efer);
	report_engine(v, mark);
}

/*
 * Look at every leaf below the root that the CPU holds, with our own eyes:
 * none may lead into our memory. (The engine's audit asks host->frame();
 * this asks nobody.) Leaves in our tables are 4K, 2M or 1G.
 */
static bool look(uint64_t root, unsigned top)
{
	uint64_t at[6] = { 0 };
	unsigned index[6] = { 0 }, level = top;

	at[top] = root & UINT64_C(0xffffffffff000);
	while (level <= top) {
		if (index[level] == 512) {
			index[level++] = 0;
			continue;
		}
		uint64_t e = ((uint64_t *)at[level])[index[level]++];
		uint64_t to = e & UINT64_C(0xffffffffff000);

		if (!(e & 1)) {
			continue;
		}
		if (level > 1 && !(e & 0x80)) {
			at[--level] = to;
			continue;
		}
		uint64_t bytes = UINT64_C(1) << (3 + 9 * level);

		to &= ~(bytes - 1);
		if (to + bytes > VMM_BASE && to < VMM_END) {
			vmm_log("vmm: leaf %x maps our memory", e);
			return false;
		}
	}
	return true;
}

bool audit(struct vmm *v)
{
	struct gnomon_root root = gnomon_vcpu_root(v->vcpu);
	struct gnomon_audit a;

	if (gnomon_audit(v->vm, GNOMON_AUDIT_FULL, &a) != GNOMON_OK) {
		vmm_log("vmm: audit FAILED %s %x %x", a.rule ? a.rule : "?",
			a.a, a.b);
		return false;
	}
	bool five = (v->guest.cr4 & CR4_LA57) && (v->guest.efer & EFER_LMA);
	bool clean = v->mode == VMM_NESTED ? look(root.ncr3.v, 4)
					   : look(root.cr3.v, five ? 5 : 4);

	if (!clean) {
		return false;
	}
	vmm_log("vmm: audit ok checked=%u", a.checked);
	return true;
}

static void put_guest_char(char c)
{
	static char line[120];
	static unsigned n;

	if (c == '\n' || n == sizeof(line) - 1) {
		line[n] = 0;
		vmm_log("guest: %s", line);
		n = 0;
		return;
	}
	line[n++] = c >= ' ' && c <= '~' ? c : '?';
}

void hypercall(struct vmm *v)
{
	static const char *const marks[] = { "0", "1", "2", "3", "4", "5",
					     "6", "7" };
	uint64_t result = 0;

	if (v->reg[RAX] != HC_MAGIC) {
		inject(v, VEC_UD, false, 0);
		return;
	}
	switch (v->reg[RBX]) {
	case HC_EXIT:
		vmm_log("vmm: guest exit code=%u", v->reg[RCX]);
		v->stop = !is_user(v);
		break;
	case HC_PUT:
		put_guest_char((char)v->reg[RCX]);
		break;
	case HC_MARK:
		report(v, marks[v->reg[RCX] & 7]);
		break;
	case HC_AUDIT:
		result = audit(v);
		break;
	case HC_MODE:
		result = v->mode + (v->period || v->policy ? 2u : 0);
		break;
	case HC_SWITCH:
		if (v->reg[RCX] < VMM_MODES) {
			v->wanted = (enum vmm_mode)v->reg[RCX];
		}
		break;
	default:
		result = UINT64_MAX;
		break;
	}
	v->reg[RAX] = result;
	skip(v, 3);
}

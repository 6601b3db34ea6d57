/* SPDX-License-Identifier: BSD-2-Clause */
#include "sim/guest.h"

#include <string.h>

#include "sim/chooser.h"
#include "sim/mode_agile.h"
#include "sim/mode_paravirt.h"
#include "sim/mode_patched.h"
#include "sim/text.h"
#include "sim/tlb.h"
#include "sim/x86.h"

/* Address space for tables, beside an eighth of RAM; not memory. */
#define TABLE_RANGE ((uint64_t)4 << 30)

enum {
	TRIES_MAX = 64,		/* of one access before we call it a loop */
};

/* What the processor holds while the guest runs. */
void sim_vmm_set_machine(struct sim_guest *guest, unsigned vcpu)
{
	struct sim_vcpu *v = &guest->machine.vcpus[vcpu];
	struct gnomon_regs regs = guest->regs[vcpu];
	enum sim_paging paging = guest->agile ? SIM_PAGING_AGILE :
		guest->root[vcpu].ncr3.v ? SIM_PAGING_2D : SIM_PAGING_1D;
	uint64_t root = regs.cr3;

	if (sim_guest_shadows(guest, vcpu)) {
		root = guest->root[vcpu].cr3.v;
		/* Shadow entries rely on both. */
		regs.cr0 |= CR0_WP;
		regs.efer |= EFER_NXE;
	}
	sim_vcpu_set(v, paging, &regs, root, guest->root[vcpu].ncr3.v);
	v->begins_below = guest->agile && !guest->root[vcpu].agile;
}

void sim_vmm_load_root(struct sim_guest *guest, unsigned vcpu,
		       const struct gnomon_root *root)
{
	struct sim_vcpu *v = &guest->machine.vcpus[vcpu];
	bool nested = root->ncr3.v && !root->agile;
	bool other = root->ncr3.v != guest->root[vcpu].ncr3.v ||
		     root->agile != guest->root[vcpu].agile;
	bool changed = root->cr3.v != guest->root[vcpu].cr3.v;

	guest->root[vcpu] = *root;
	/* On nested tables the guest's own CR3 loads flush by themselves. */
	if (other || (!nested && root->flush && root->flush_global)) {
		sim_tlb_flush_all(v);
		sim_guest_charge(guest, vcpu, SIM_CAT_FLUSH,
				 SIM_P_FLUSH_HOST_ALL);
	} else if (!nested && (root->flush || changed)) {
		sim_tlb_flush_pcid(v);
		sim_guest_charge(guest, vcpu, SIM_CAT_FLUSH,
				 SIM_P_FLUSH_CR3);
	}
	sim_vmm_set_machine(guest, vcpu);
}

bool sim_vmm_tell_regs(struct sim_guest *guest, unsigned vcpu, uint32_t flags)
{
	struct gnomon_root root;
	enum gnomon_status status = gnomon_vcpu_set_regs(guest->vcpu[vcpu],
		&guest->regs[vcpu], flags, &root);

	sim_vmm_leave(guest);
	if (status != GNOMON_OK) {
		sim_fail(guest->error, SIM_ERR_BUG,
			 "registers cr0 %#llx cr3 %#llx cr4 %#llx refused: %s",
			 (unsigned long long)guest->regs[vcpu].cr0,
			 (unsigned long long)guest->regs[vcpu].cr3,
			 (unsigned long long)guest->regs[vcpu].cr4,
			 gnomon_status_text(status));
		return false;
	}
	guest->regs_stale[vcpu] = false;
	sim_vmm_load_root(guest, vcpu, &root);
	return true;
}

bool sim_vmm_sync_regs(struct sim_guest *guest, unsigned vcpu, bool ac)
{
	if (guest->regs[vcpu].ac == ac && !guest->regs_stale[vcpu]) {
		return true;
	}
	guest->regs[vcpu].ac = ac;
	return sim_vmm_tell_regs(guest, vcpu, 0);
}

void *sim_guest_memory(struct sim_guest *guest, uint64_t gpa)
{
	return gpa < guest->mem.ram_bytes ? guest->mem.ram + gpa : NULL;
}

/* ---- life ------------------------------------------------------------ */

/* Thresholds as the preset has them; it has checked that they are sane. */
static void set_knobs(struct gnomon_config *engine, const uint64_t *param)
{
	engine->prefetch = (uint8_t)param[SIM_P_ENGINE_PREFETCH];
	engine->flood_leaf_writes = (uint16_t)param[SIM_P_ENGINE_FLOOD_LEAF];
	engine->flood_upper_writes = (uint16_t)param[SIM_P_ENGINE_FLOOD_UPPER];
	engine->unsync_max = (uint8_t)param[SIM_P_ENGINE_UNSYNC_MAX];
	engine->unsync_quiet = (uint8_t)param[SIM_P_ENGINE_UNSYNC_QUIET];
	engine->table_pages_max = (uint32_t)param[SIM_P_ENGINE_TABLE_PAGES];
	engine->chain_max = (uint32_t)param[SIM_P_ENGINE_CHAIN_MAX];
}

static bool make_vm(struct sim_guest *guest,
		    const struct sim_guest_config *config)
{
	const struct sim_mode_info *info = &sim_modes[config->mode];
	struct gnomon_config engine = {
		.size = sizeof(engine),
		.mode = info->start,
		.modes = info->modes,
		.caps = {
			.features = GNOMON_CAP_NX | GNOMON_CAP_1G |
				GNOMON_CAP_SMEP | GNOMON_CAP_SMAP |
				GNOMON_CAP_PKU | GNOMON_CAP_PCID |
				GNOMON_CAP_PSE36 | GNOMON_CAP_PAT,
			.maxphyaddr = (uint8_t)config->maxphyaddr,
		},
		.host_maxphyaddr = SIM_HPA_BITS,
		.options = GNOMON_OPT_ALL & ~config->engine_off &
			~(info->flags & SIM_MF_UNSYNC ?
			  0u : (uint32_t)GNOMON_OPT_UNSYNC),
		.nested_format = guest->machine.ept ? GNOMON_NESTED_EPT
						    : GNOMON_NESTED_NPT,
		.nested_around = (uint8_t)guest->around,
	};
	struct gnomon_slot slot = {
		.frames = guest->frames, .hva = guest->mem.ram,
	};
	enum gnomon_status status;

	set_knobs(&engine, guest->machine.param);
	sim_vmm_host(guest);
	sim_lock_init(guest);
	guest->vm_memory = sim_arena_zalloc(&guest->arena, gnomon_vm_bytes());
	if (!guest->vm_memory) {
		return false;
	}
	status = gnomon_vm_create(guest->vm_memory, &engine, &guest->host,
				  guest, &guest->vm);
	if (status == GNOMON_OK) {
		status = gnomon_slot_set(guest->vm, &slot);
	}
	if (status != GNOMON_OK) {
		sim_fail(guest->error, SIM_ERR_BUG, "cannot make a vm: %s",
			 gnomon_status_text(status));
	}
	return status == GNOMON_OK && sim_agile_init(guest) &&
	       sim_chooser_init(guest) &&
	       (!(info->flags & SIM_MF_DIRECT) || sim_paravirt_init(guest)) &&
	       (!(info->flags & SIM_MF_PATCHED) || sim_patched_init(guest));
}

static bool make_vcpu(struct sim_guest *guest, unsigned id,
		      const struct gnomon_regs *regs)
{
	guest->regs[id] = *regs;
	if (!guest->vm) {
		sim_vmm_set_machine(guest, id);
		return true;
	}
	guest->vcpu_memory[id] = sim_arena_zalloc(&guest->arena,
						  gnomon_vcpu_bytes());
	if (!guest->vcpu_memory[id] ||
	    gnomon_vcpu_create(guest->vm, id, guest->vcpu_memory[id],
			       &guest->vcpu[id]) != GNOMON_OK) {
		sim_fail(guest->error, SIM_ERR_NOMEM, "cannot make a vcpu");
		return false;
	}
	guest->running = id;
	return sim_vmm_tell_regs(guest, id, GNOMON_SET_CR3);
}

/* Nested entries that a violation fills. */
static unsigned around(const struct sim_guest *guest,
		       const struct sim_guest_config *config)
{
	uint64_t width = guest->machine.param[SIM_P_ENGINE_AROUND];

	if (config->engine_off & GNOMON_OPT_AROUND) {
		return 1;
	}
	return width ? (unsigned)width :
	       sim_mode_is(config->mode, SIM_MF_AROUND) ? SIM_AROUND : 1;
}

static bool make_memory(struct sim_guest *guest,
			const struct sim_guest_config *config)
{
	if (!sim_hostmem_init(&guest->mem, config->ram_bytes,
			      config->ram_bytes / 8 + TABLE_RANGE) ||
	    !sim_arena_init(&guest->arena, NULL, 0) ||
	    !sim_machine_init(&guest->machine, &guest->mem, config->preset,
			      config->vcpus, config->mode == SIM_MODE_NATIVE ?
			      0 : SIM_HPA_BASE, config->seed)) {
		return false;
	}
	guest->machine.ept = guest->machine.param[SIM_P_HOST_EPT];
	guest->machine.maxphyaddr =
		sim_mode_is(config->mode, SIM_MF_SHADOW | SIM_MF_MIXED |
			    SIM_MF_DIRECT) ?
		SIM_HPA_BITS : config->maxphyaddr;
	guest->machine.guest_maxphyaddr = config->maxphyaddr;
	guest->plain = !guest->machine.param[SIM_P_CACHE_DATA];
	guest->around = around(guest, config);
	guest->frames = guest->mem.ram_bytes / GNOMON_PAGE_BYTES;
	guest->frame_state = sim_arena_zalloc(&guest->arena, guest->frames);
	guest->frame_level = sim_arena_zalloc(&guest->arena, guest->frames);
	return guest->frame_state && guest->frame_level;
}

bool sim_guest_init(struct sim_guest *guest,
		    const struct sim_guest_config *config,
		    struct sim_error *error)
{
	bool good;

	memset(guest, 0, sizeof(*guest));
	guest->mode = config->mode;
	guest->error = error;
	good = make_memory(guest, config) &&
	       (config->mode == SIM_MODE_NATIVE || make_vm(guest, config));
	for (unsigned i = 0; good && i < config->vcpus; i++) {
		good = make_vcpu(guest, i, &config->regs);
	}
	if (!good) {
		sim_fail(error, SIM_ERR_NOMEM,
			 "no memory for a guest of %llu MiB",
			 (unsigned long long)(config->ram_bytes >> 20));
		sim_guest_done(guest);
	}
	return good;
}

void sim_guest_done(struct sim_guest *guest)
{
	for (unsigned i = 0; i < GNOMON_VCPUS_MAX; i++) {
		if (guest->vcpu[i]) {
			gnomon_vcpu_destroy(guest->vcpu[i]);
			guest->vcpu[i] = NULL;
		}
	}
	if (guest->vm) {
		enum gnomon_status status;

		do {
			status = gnomon_vm_destroy(guest->vm, NULL);
		} while (status == GNOMON_MORE);
		guest->vm = NULL;
	}
	sim_machine_done(&guest->machine);
	sim_arena_done(&guest->arena);
	sim_hostmem_done(&guest->mem);
}

/* ---- the guest runs -------------------------------------------------- */

static uint64_t word_to_gpa(const struct sim_guest *guest, uint64_t word,
			    uint64_t gva)
{
	unsigned size = word >> SIM_T_SIZE_SHIFT & 3;
	uint64_t mask = ((uint64_t)GNOMON_PAGE_BYTES << (9 * size)) - 1;
	uint64_t address = (word & SIM_T_ADDR & ~mask) | (gva & mask);

	return address - guest->machine.phys_bias;
}

static enum sim_touch_end finish(struct sim_guest *guest,
				 struct sim_touch *touch, uint64_t word)
{
	uint8_t *memory;

	touch->word = word;
	touch->gpa = word_to_gpa(guest, word, touch->gva);
	memory = sim_guest_memory(guest, touch->gpa);
	if (touch->trapped && memory) {
		uint8_t *state = &guest->frame_state[touch->gpa >> 12];

		*state = *state == SIM_FRAME_TRACED ? SIM_FRAME_OPEN : *state;
	}
	if (!memory) {
		guest->counts.mmio++;	/* native: straight to the device */
		return SIM_TOUCH_DONE;
	}
	if (touch->data && (touch->access & GNOMON_WRITE)) {
		memcpy(memory, touch->data, touch->bytes);
	}
	if (!guest->plain) {
		sim_cache_ref(&guest->machine, memory);
	}
	return SIM_TOUCH_DONE;
}

/* The walk stopped: the guest's fault, or the VMM's business. */
static enum sim_touch_end stopped(struct sim_guest *guest, unsigned vcpu,
				  struct sim_touch *touch,
				  const struct sim_walk *walk)
{
	enum sim_touch_end end;

	if (walk->stop == SIM_STOP_BUS) {
		sim_fail(guest->error, SIM_ERR_BUG,
			 "a table on the way to %#llx lies outside of memory",
			 (unsigned long long)touch->gva);
		return SIM_TOUCH_BROKEN;
	}
	if (sim_paravirt_waits(guest)) {
		/* Perhaps it is what has not gone out yet. */
		return sim_paravirt_flush(guest, vcpu) ? SIM_TOUCH_DONE
						       : SIM_TOUCH_BROKEN;
	}
	if (walk->stop == SIM_STOP_FAULT &&
	    (!sim_guest_shadows(guest, vcpu) ||
	     (guest->agile && walk->below))) {
		touch->error_code = walk->error_code;
		end = SIM_TOUCH_FAULT;
	} else {
		end = sim_vmm_fault(guest, vcpu, touch, walk);
	}
	if (end == SIM_TOUCH_FAULT) {
		guest->counts.true_faults++;
		sim_guest_charge(guest, vcpu, SIM_CAT_FAULT,
				 SIM_P_FAULT_NATIVE);
	}
	return end;
}

/* All bytes lie in one page, which no TLB has or not with these rights. */
static enum sim_touch_end walk_page(struct sim_guest *guest, unsigned vcpu,
				    struct sim_touch *touch)
{
	struct sim_vcpu *v = &guest->machine.vcpus[vcpu];
	struct sim_walk walk;
	enum sim_touch_end end;
	uint64_t word;

	for (int tries = 0; tries < TRIES_MAX; tries++) {
		sim_walk(v, touch->gva, touch->access, &walk);
		if (walk.stop == SIM_STOP_NONE) {
			return finish(guest, touch, walk.word);
		}
		sim_overlap_drain(v);
		sim_tlb_flush_fault(v, touch->gva);
		end = stopped(guest, vcpu, touch, &walk);
		if (end != SIM_TOUCH_DONE || touch->emulated) {
			return end;
		}
		word = sim_tlb_find(v, touch->gva, touch->access);
		if (word && sim_allowed(v, word, touch->access)) {
			return finish(guest, touch, word);
		}
		if (word) {
			sim_tlb_flush_fault(v, touch->gva);
		}
	}
	sim_fail(guest->error, SIM_ERR_BUG, "no progress at %#llx",
		 (unsigned long long)touch->gva);
	return SIM_TOUCH_BROKEN;
}

/* The same; word is what the TLB holds for the page, or 0. */
static enum sim_touch_end touch_page(struct sim_guest *guest, unsigned vcpu,
				     struct sim_touch *touch, uint64_t word)
{
	struct sim_vcpu *v = &guest->machine.vcpus[vcpu];

	if (word) {
		if (sim_allowed(v, word, touch->access)) {
			return finish(guest, touch, word);
		}
		sim_tlb_flush_fault(v, touch->gva);
	}
	return walk_page(guest, vcpu, touch);
}

static enum sim_touch_end find_and_touch(struct sim_guest *guest,
					 unsigned vcpu,
					 struct sim_touch *touch)
{
	struct sim_vcpu *v = &guest->machine.vcpus[vcpu];

	return touch_page(guest, vcpu, touch,
			  sim_tlb_find(v, touch->gva, touch->access));
}

enum sim_touch_end sim_guest_missed(struct sim_guest *guest, unsigned vcpu,
				    struct sim_touch *touch)
{
	struct sim_vcpu *v = &guest->machine.vcpus[vcpu];
	uint64_t word = sim_tlb_slow(v, touch->gva, false), gpa;
	uint32_t refs;

	touch->traced = touch->emulated = touch->trapped = false;
	if (!word && v->paging == SIM_PAGING_1D) {
		word = sim_walk_quick(v, touch->gva, touch->access, &refs);
	}
	if (!word || !sim_allowed(v, word, touch->access)) {
		return touch_page(guest, vcpu, touch, word);
	}
	gpa = word_to_gpa(guest, word, touch->gva);
	if (gpa >= guest->mem.ram_bytes) {
		return finish(guest, touch, word);
	}
	touch->word = word;
	touch->gpa = gpa;
	return SIM_TOUCH_DONE;
}

enum sim_touch_end sim_guest_touch(struct sim_guest *guest, unsigned vcpu,
				   struct sim_touch *touch)
{
	uint64_t room = GNOMON_PAGE_BYTES -
			(touch->gva & (GNOMON_PAGE_BYTES - 1));
	struct sim_touch second;
	enum sim_touch_end end;

	touch->traced = touch->emulated = touch->trapped = false;
	if (touch->bytes <= room) {
		return find_and_touch(guest, vcpu, touch);
	}
	/* Hardware translates both pages before it stores anything; the
	 * second half alone can only fault, so it goes first. */
	second = *touch;
	second.gva += room;
	second.bytes = (uint16_t)(touch->bytes - room);
	if (second.data) {
		second.data = (const uint8_t *)touch->data + room;
	}
	end = find_and_touch(guest, vcpu, &second);
	if (end != SIM_TOUCH_DONE) {
		touch->error_code = second.error_code;
		return end;
	}
	second = *touch;
	second.bytes = (uint16_t)room;
	end = find_and_touch(guest, vcpu, &second);
	second.bytes = touch->bytes;
	*touch = second;
	return end;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* Table stores and table images of a recording. */
#include <string.h>

#include "sim/mode_paravirt.h"
#include "sim/mode_patched.h"
#include "sim/replay.h"

/* Some traces do not hold for a vcpu on nested tables. */
static bool may_be_loose(const struct sim_guest *guest, unsigned vcpu)
{
	struct gnomon_stats stats;

	if (sim_guest_shadows(guest, vcpu)) {
		return false;
	}
	gnomon_vm_stats(guest->vm, &stats, sizeof(stats));
	return stats.loose_tables > 0;
}

static bool classify(struct sim_replay *replay, const struct sim_event *ev,
		     const struct sim_touch *touch)
{
	struct sim_guest *guest = replay->guest;
	struct sim_explain *e = &replay->explain;
	uint64_t gfn = ev->gpa >> GNOMON_PAGE_SHIFT;

	e->stores++;
	if (!touch->traced &&
	    !sim_mode_is(guest->mode, SIM_MF_SHADOW | SIM_MF_MIXED)) {
		e->direct_native++;
		return true;
	}
	if (touch->traced) {
		*(ev->level > 1 ? &e->trace_upper : &e->trace_leaf) += 1;
		return true;
	}
	if (touch->trapped) {
		e->trace_open++;
		return true;
	}
	switch ((enum sim_frame_state)guest->frame_state[gfn]) {
	case SIM_FRAME_NEW:
		e->never_traced++;
		return true;
	case SIM_FRAME_ZAPPED:
		e->zapped++;
		return true;
	case SIM_FRAME_FLOODED:
		e->flooded++;
		return true;
	case SIM_FRAME_RECYCLED:
		e->recycled++;
		return true;
	case SIM_FRAME_OPEN:
		if (!gnomon_is_traced(guest->vm, (gnomon_gfn_t){ gfn })) {
			e->open++;
			return true;
		}
		break;
	case SIM_FRAME_TRACED:
		break;
	}
	if (may_be_loose(guest, ev->vcpu)) {
		e->open++;
		return true;
	}
	return sim_replay_fail(replay, SIM_ERR_VERIFY,
			       "a store into the traced frame %#llx went "
			       "through", (unsigned long long)gfn);
}

static bool in_memory(struct sim_replay *replay, const struct sim_event *ev)
{
	return ev->gpa < replay->guest->mem.ram_bytes ||
	       sim_replay_fail(replay, SIM_ERR_INPUT,
			       "a table at %#llx, outside of memory",
			       (unsigned long long)ev->gpa);
}

/*
 * The instruction that stores. Not every recording tells; then one per level
 * that sets and one that clears entries stand for all (assumed: a kernel has
 * few such places, and each traps but once).
 */
static uint64_t site(const struct sim_event *ev)
{
	return ev->flags & SIM_F_IP ? ev->ip
				    : 2u + 2u * ev->level + (ev->value & 1);
}

/* The store of a ported kernel: it asks for what it would have stored. */
static bool request(struct sim_replay *replay, const struct sim_event *ev,
		    bool *asked)
{
	uint64_t gpa = ev->gpa & ~(uint64_t)(SIM_ENTRY_BYTES - 1);
	uint64_t gpte = sim_paravirt_gpte(replay->guest, gpa);
	unsigned offset = (unsigned)(ev->gpa - gpa);

	memcpy((uint8_t *)&gpte + offset, (const uint8_t *)&ev->value + offset,
	       ev->size);
	if (replay->replica && !sim_verify_request(replay, ev)) {
		return false;
	}
	if (sim_paravirt_store(replay->guest, ev->vcpu, gpa, gpte, asked) !=
	    SIM_TOUCH_DONE) {
		return sim_replay_broken(replay);
	}
	if (*asked) {
		replay->explain.stores++;
		replay->explain.requested++;
	}
	return true;
}

bool sim_replay_store(struct sim_replay *replay,
			 const struct sim_event *ev)
{
	unsigned offset = ev->gpa & (SIM_ENTRY_BYTES - 1);
	uint8_t entry[SIM_ENTRY_BYTES];
	struct sim_touch touch = {
		.gva = ev->gva, .bytes = ev->size, .level = ev->level,
		.access = GNOMON_WRITE, .data = entry + offset,
		.rip = sim_replay_rip(replay, ev),
	};
	enum sim_touch_end end;
	bool asked = false;

	if (!in_memory(replay, ev)) {
		return false;
	}
	if (offset + ev->size > SIM_ENTRY_BYTES) {
		return sim_replay_fail(replay, SIM_ERR_INPUT,
				       "a store of %u bytes into one entry",
				       ev->size);
	}
	memcpy(entry, &ev->value, sizeof(entry));
	replay->guest->machine.vcpus[ev->vcpu].counts.accesses++;
	replay->guest->frame_level[ev->gpa >> GNOMON_PAGE_SHIFT] = ev->level;
	if (replay->guest->paravirt && !request(replay, ev, &asked)) {
		return false;
	}
	if (asked) {
		return true;
	}
	touch.patched = sim_patched_is(replay->guest, ev->vcpu, site(ev));
	if (!sim_replay_touch(replay, ev->vcpu, &touch, &end) ||
	    !sim_replay_done_well(replay, &touch, end)) {
		return false;
	}
	if (touch.gpa != ev->gpa) {
		return sim_replay_fail(replay, SIM_ERR_VERIFY,
			"a table store through %#llx reaches %#llx instead of "
			"%#llx", (unsigned long long)ev->gva,
			(unsigned long long)touch.gpa,
			(unsigned long long)ev->gpa);
	}
	if (touch.traced) {
		sim_patched_add(replay->guest, site(ev));
	}
	return classify(replay, ev, &touch) &&
	       (!replay->replica ||
		sim_verify_entry(replay, ev->gpa, ev->value));
}

/* One entry of a table that is being built where the engine still guards. */
static bool store_guarded(struct sim_replay *replay,
			  const struct sim_event *ev, unsigned index,
			  const uint64_t *value)
{
	struct sim_touch touch = {
		.gva = replay->info->direct_map + ev->gpa + index * 8u,
		.bytes = SIM_ENTRY_BYTES, .access = GNOMON_WRITE, .data = value,
		.rip = sim_replay_rip(replay, ev) + index,
	};
	enum sim_touch_end end;

	if (!sim_replay_touch(replay, ev->vcpu, &touch, &end) ||
	    !sim_replay_done_well(replay, &touch, end)) {
		return false;
	}
	replay->explain.trace_image += touch.traced || touch.trapped;
	return true;
}

/* Contents that nobody stored: by the engine, if it guards the frame. */
static bool place(struct sim_replay *replay, const struct sim_event *ev,
		  unsigned index, uint64_t value)
{
	gnomon_gpa_t gpa = { (ev->gpa & ~0xfffull) + index * 8u };

	if (gnomon_write(replay->guest->vm, NULL, gpa, &value,
			 sizeof(value)) == GNOMON_OK) {
		sim_vmm_leave(replay->guest);
		return true;
	}
	return sim_replay_fail(replay, SIM_ERR_BUG,
			       "gnomon_write() of a table image at %#llx",
			       (unsigned long long)gpa.v);
}

/*
 * What a table held before it was linked. The kernel wrote it when nothing
 * could tell it from data, so it is just there; but if the frame was a table
 * before and the engine has not noticed its end, the stores are trapped.
 * Tables from before the recording (no access was made yet) are just there in
 * any case.
 */
bool sim_replay_image(struct sim_replay *replay,
			 const struct sim_event *ev)
{
	uint64_t wanted[GNOMON_PAGE_BYTES / SIM_ENTRY_BYTES] = { 0 };
	struct sim_guest *guest = replay->guest;
	gnomon_gfn_t gfn = { ev->gpa >> GNOMON_PAGE_SHIFT };
	uint64_t gpa = gfn.v << GNOMON_PAGE_SHIFT;
	uint64_t *memory;

	if (!in_memory(replay, ev)) {
		return false;
	}
	if (!sim_paravirt_flush(guest, ev->vcpu)) {
		return sim_replay_broken(replay);
	}
	memory = sim_guest_memory(guest, gpa);
	for (uint32_t i = 0; i < ev->entry_count; i++) {
		wanted[ev->entries[i].index % 512] = ev->entries[i].value;
	}
	for (unsigned i = 0; i < 512; i++) {
		if (sim_guest_gpte(guest, gpa + i * 8u) == wanted[i]) {
			continue;
		}
		if (!guest->vm || !gnomon_is_traced(guest->vm, gfn)) {
			memory[i] = wanted[i];
		} else if (!replay->running ||
			   !replay->info->has_direct_map || guest->paravirt) {
			if (!place(replay, ev, i, wanted[i])) {
				return false;
			}
		} else if (!store_guarded(replay, ev, i, &wanted[i])) {
			return false;
		}
	}
	guest->frame_level[gfn.v] = ev->level;
	replay->explain.images++;
	replay->explain.image_entries += ev->entry_count;
	return true;
}

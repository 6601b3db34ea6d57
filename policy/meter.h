/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Renting or buying, over and over: one number decides between two states.
 *
 * Nested is rent (each walk costs a little more), shadowed is bought (the
 * shadow must be built first, then walks are cheap but changes of the guest's
 * tables are not). The meter is how much more the state that we are in has
 * cost than the other one would have, cut off at 0 and at the price of a
 * change there and back: the work function of the two states. At a stop it
 * pays to be on the other side. docs/adaptive.md has the proof.
 */
#ifndef POLICY_METER_H
#define POLICY_METER_H

#include <stdbool.h>
#include <stdint.h>

/*
 * nested: 0 .. price, switch to shadowed at price.
 * shadowed: price .. 0, switch to nested at 0.
 */
struct gn_meter {
	uint64_t value;
	uint64_t price;		/* above 0 */
	bool shadowed;
};

static inline uint64_t gn_meter_add(uint64_t value, uint64_t more,
				    uint64_t top)
{
	return more >= top - (value < top ? value : top) ? top : value + more;
}

static inline uint64_t gn_meter_sub(uint64_t value, uint64_t less)
{
	return less >= value ? 0 : value - less;
}

/*
 * The same piece of the guest's life would have cost so much in each state.
 * A nested meter may pass its stop: the price may yet prove too low.
 */
static inline void gn_meter_run(struct gn_meter *m, uint64_t nested,
				uint64_t shadowed)
{
	if (nested >= shadowed) {
		m->value = gn_meter_add(m->value, nested - shadowed,
					m->shadowed ? m->price : INT64_MAX);
	} else {
		m->value = gn_meter_sub(m->value, shadowed - nested);
	}
}

/* Does it pay to be in the other state? */
static inline bool gn_meter_stops(const struct gn_meter *m)
{
	return m->shadowed ? m->value == 0 : m->value >= m->price;
}

/* Go over: the meter stands at the far stop of the new state. */
static inline void gn_meter_switch(struct gn_meter *m)
{
	m->shadowed = !m->shadowed;
	m->value = m->shadowed ? m->price : 0;
}

#endif

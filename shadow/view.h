/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From the frames that the guest's tables name to frames of memory
 * (base/slots.h), by the role of the shadow page that they are for.
 */
#ifndef SHADOW_VIEW_H
#define SHADOW_VIEW_H

#include "shadow/shadow.h"

/* The frame of memory that a guest frame shows now. */
static inline uint64_t gn_sh_memory(const struct gn_sh *sh,
				    union gn_sh_role role, uint64_t gfn)
{
	return gn_slots_memory(sh->slots, role.view, gfn);
}

/* The one that it showed when an spte was made of it. */
static inline uint64_t gn_sh_mapped(const struct gn_sh *sh,
				    union gn_sh_role role, uint64_t gfn)
{
	return gn_slots_mapped(sh->slots, role.view, gfn);
}

#endif

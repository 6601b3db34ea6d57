/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The role of a shadow page: everything besides its gfn that its contents
 * depend on. gfn and role together are its key; two uses that differ in
 * anything here never share a page.
 *
 * Kinds of page:
 *   indirect  mirrors (a quadrant of) the primary table in frame gfn
 *   direct    maps the frames from gfn on one to one: below a large leaf of
 *             the guest, or everywhere when paging is off
 *   top       stands above the guest's own top table, one set per vcpu: the
 *             four PDPTEs, or the single CR3 of a 32-bit guest; also an empty
 *             root for a CR3 that names no memory
 */
#ifndef SHADOW_ROLE_H
#define SHADOW_ROLE_H

#include "base/assert.h"
#include "guestpt/walk.h"

union gn_sh_role {
	uint32_t bits;
	struct {
		uint32_t level : 3;	/* 1..5; entries map 4K at 1 */
		uint32_t direct : 1;
		uint32_t top : 1;
		/* X, W, U: AND over the path to the page (direct: and leaf) */
		uint32_t rights : 3;
		uint32_t quadrant : 2;	/* part of a table of 4-byte gptes */
		/* Not part of a gpte's meaning but of what WP=0 may do. */
		uint32_t wp : 1;
		uint32_t smep : 1;	/* kept only without wp */
		uint32_t smap : 1;	/* likewise */
		/* Indirect: how to read a gpte. */
		uint32_t format : 3;	/* enum gn_gpt_format_id */
		uint32_t nxe : 1;
		uint32_t pke : 1;
		uint32_t pse : 1;
		/* Direct: what the large leaf says beside rights. */
		uint32_t pkey : 4;
		uint32_t type : 3;	/* PWT, PCD, PAT */
		uint32_t global : 1;
		/* Whose guest frames entries name (base/slots.h). */
		uint32_t view : 1;
	};
};

GN_STATIC_ASSERT(sizeof(union gn_sh_role) == sizeof(uint32_t),
		 "a role is compared as one integer");

/* X, W and U fit the field as they are; R is implied. */
GN_STATIC_ASSERT((GN_GPT_X | GN_GPT_W | GN_GPT_U) == 7,
		 "rights fit three bits");

/* The part of a role that comes from control registers. */
static inline union gn_sh_role gn_sh_role_of(const struct gn_gpt_ctx *ctx)
{
	uint32_t c = ctx->control;
	bool wp = (c & GN_GPT_WP) != 0;

	return (union gn_sh_role){
		.rights = 7,
		.wp = wp,
		.smep = !wp && (c & GN_GPT_SMEP) != 0,
		.smap = !wp && (c & GN_GPT_SMAP) != 0,
		.format = ctx->format->id & 7u,
		.nxe = (c & GN_GPT_NXE) != 0,
		.pke = (c & GN_GPT_PKE) != 0,
		.pse = (c & GN_GPT_PSE) != 0,
	};
}

static inline bool gn_sh_role_small(union gn_sh_role role)
{
	return role.format == GN_GPT_32BIT;
}

/* Number of the gpte behind entry index of an indirect page, and back. */
static inline unsigned gn_sh_gpte_index(union gn_sh_role role, unsigned index)
{
	if (!gn_sh_role_small(role)) {
		return index;
	}
	unsigned quadrant = role.quadrant;

	return role.level == 1 ? quadrant << 9 | index
			       : quadrant << 8 | index >> 1;
}

#endif

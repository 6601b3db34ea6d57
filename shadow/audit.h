/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The rules of shadow.h checked, all of them, at any time between operations.
 */
#ifndef SHADOW_AUDIT_H
#define SHADOW_AUDIT_H

#include "shadow/shadow.h"

/* See gnomon_audit(). Asks host->frame() with want = 0 at the full level. */
enum gnomon_status gn_sh_audit(struct gn_sh *sh, enum gnomon_audit_level level,
			       struct gnomon_audit *report) GNOMON_MUST_USE;

#endif

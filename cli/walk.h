/* SPDX-License-Identifier: BSD-2-Clause */
/* What `gnomon walk` found, and how it is shown. */
#ifndef CLI_WALK_H
#define CLI_WALK_H

#include <gnomon/gnomon.h>

struct walk_report {
	struct gnomon_regs regs;
	gnomon_gva_t gva;
	uint32_t access;	/* enum gnomon_access */
	enum gnomon_status status;
	struct gnomon_trail trail;
};

void walk_print_text(const struct walk_report *r);
void walk_print_json(const struct walk_report *r);

#endif

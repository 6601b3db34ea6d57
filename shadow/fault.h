/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A page fault of the guest on shadow tables. See struct gnomon_outcome for
 * the answers.
 */
#ifndef SHADOW_FAULT_H
#define SHADOW_FAULT_H

#include "shadow/shadow.h"

/*
 * Fills *outcome wholly. Every page and number that the fill may need is
 * reserved before the first change, so NOMEM leaves all as it was.
 */
void gn_sh_fault(struct gn_sh_vcpu *vcpu, const struct gnomon_fault *fault,
		 struct gnomon_outcome *outcome);
/*
 * The same while other vcpus hold the vm too. False: it takes gn_sh_fault(),
 * by somebody who holds the vm alone; nothing has changed but A and D bits.
 */
bool gn_sh_fault_shared(struct gn_sh_vcpu *vcpu,
			const struct gnomon_fault *fault,
			struct gnomon_outcome *outcome);

#endif

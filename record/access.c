/* SPDX-License-Identifier: BSD-2-Clause */
#include "record/access.h"

#include <string.h>

bool record_read_ram(void *arg, uint64_t gpa, unsigned int bytes,
		     uint64_t *value)
{
	const struct record_ram *ram = arg;

	*value = 0;
	if (gpa > ram->bytes - bytes) {
		return false;
	}
	memcpy(value, ram->data + gpa, bytes);
	return true;
}

static struct sim_oracle_result ask(const struct sim_oracle *vcpu,
				    struct sim_access access, uint64_t gva)
{
	struct sim_oracle_result r;

	access.gva = gva;
	sim_oracle(vcpu, &access, &r);
	return r;
}

static bool fault_is_stale(const struct sim_oracle *vcpu,
			   const struct sim_event *ev)
{
	struct sim_access access = {
		.write = ev->value & SIM_PF_W,
		.fetch = ev->value & SIM_PF_ID,
		.user = ev->value & SIM_PF_U,
	};
	struct sim_oracle_result r = ask(vcpu, access, ev->gva);

	return r.answer == SIM_ORACLE_OK ||
	       (r.answer == SIM_ORACLE_FAULT && r.error != ev->value);
}

bool record_is_stale(const struct record_ram *ram, struct sim_oracle vcpu,
		     const struct sim_event *ev)
{
	struct record_ram copy = *ram;
	uint64_t last = ev->gva + ev->size - 1;
	struct sim_access access = {
		.write = ev->flags & SIM_F_WRITE,
		.fetch = ev->flags & SIM_F_FETCH,
		.user = ev->flags & SIM_F_USER,
		.implicit = ev->flags & SIM_F_IMPLICIT,
	};
	struct sim_oracle_result r;

	vcpu.read = record_read_ram;
	vcpu.arg = &copy;
	vcpu.ac = ev->flags & SIM_F_AC;
	if (ev->type == SIM_EV_FAULT) {
		return fault_is_stale(&vcpu, ev);
	}
	r = ask(&vcpu, access, ev->gva);
	/* Of an access that crosses a page, both. */
	if (r.answer == SIM_ORACLE_OK && (last ^ ev->gva) >> 12) {
		r = ask(&vcpu, access, last & ~0xfffull);
	}
	return r.answer == SIM_ORACLE_FAULT;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* The guest's RAM, by physical and by virtual address. */
#ifndef RECORD_MEMORY_H
#define RECORD_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/oracle.h"

enum {
	RECORD_MAXPHYADDR = 40,	/* bits, of TCG's processors */
};

struct record_ram {
	const uint8_t *data;	/* from gpa 0 on, without a hole */
	uint64_t bytes;
};

/* Maps the file that QEMU keeps the RAM in. */
bool record_map_ram(struct record_ram *ram, const char *path);

/* The registers of a running vcpu that decide its translations; AC is set. */
struct sim_oracle record_registers(unsigned int vcpu);

/* Where `gva` of a running vcpu leads; false if nowhere. */
bool record_translate(const struct record_ram *ram, unsigned int vcpu,
		      uint64_t gva, uint64_t *gpa);

/* The same by registers that were read before. */
bool record_leads_to(const struct record_ram *ram, struct sim_oracle vcpu,
		     uint64_t gva, uint64_t *gpa);

/* Reads up to 8 bytes; those where nothing is mapped are 0. */
uint64_t record_read(const struct record_ram *ram, unsigned int vcpu,
		     uint64_t gva, unsigned int bytes);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
#include "record/memory.h"

#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "record/access.h"
#include "record/regs.h"

bool record_map_ram(struct record_ram *ram, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	void *data = MAP_FAILED;
	struct stat st;

	if (fd >= 0 && fstat(fd, &st) == 0) {
		ram->bytes = (uint64_t)st.st_size;
		data = mmap(NULL, (size_t)ram->bytes, PROT_READ, MAP_SHARED,
			    fd, 0);
	}
	if (fd >= 0) {
		close(fd);
	}
	ram->data = data;
	return data != MAP_FAILED;
}

struct sim_oracle record_registers(unsigned int vcpu)
{
	return (struct sim_oracle){
		.cr0 = regs_read(vcpu, RECORD_CR0),
		.cr3 = regs_read(vcpu, RECORD_CR3),
		.cr4 = regs_read(vcpu, RECORD_CR4),
		.efer = regs_read(vcpu, RECORD_EFER),
		.maxphyaddr = RECORD_MAXPHYADDR,
		.ac = true,
	};
}

bool record_leads_to(const struct record_ram *ram, struct sim_oracle vcpu,
		     uint64_t gva, uint64_t *gpa)
{
	struct record_ram copy = *ram;
	struct sim_access a = { .gva = gva };
	struct sim_oracle_result r;

	vcpu.read = record_read_ram;
	vcpu.arg = &copy;
	vcpu.ac = true;
	sim_oracle(&vcpu, &a, &r);
	*gpa = r.gpa;
	return r.answer == SIM_ORACLE_OK;
}

bool record_translate(const struct record_ram *ram, unsigned int vcpu,
		      uint64_t gva, uint64_t *gpa)
{
	return record_leads_to(ram, record_registers(vcpu), gva, gpa);
}

uint64_t record_read(const struct record_ram *ram, unsigned int vcpu,
		     uint64_t gva, unsigned int bytes)
{
	uint64_t value = 0, gpa = 0;
	bool mapped = false;

	for (unsigned int i = 0; i < bytes; i++, gpa++) {
		if (i == 0 || ((gva + i) & 0xfff) == 0) {
			mapped = record_translate(ram, vcpu, gva + i, &gpa);
		}
		if (mapped && gpa < ram->bytes) {
			value |= (uint64_t)ram->data[gpa] << 8 * i;
		}
	}
	return value;
}

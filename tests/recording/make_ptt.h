/* SPDX-License-Identifier: BSD-2-Clause */
/* Inputs for the importer of the private format, record by record. */
#ifndef TESTS_RECORDING_MAKE_PTT_H
#define TESTS_RECORDING_MAKE_PTT_H

#include <stddef.h>
#include <stdint.h>

enum {
	PTT_FILE_BYTES = 1 << 16,
	PTT_START_TABLES = 5,
	/* The tables of the start: a 1 GiB page of the direct map, and a low
	 * half with one leaf table. */
	PTT_ROOT = 0x1000,
	PTT_KERNEL_L3 = 0x2000,
	PTT_L3 = 0x3000,
	PTT_L2 = 0x4000,
	PTT_L1 = 0x5000,
};

#define PTT_CR0 0x80050033ull
#define PTT_CR4 0x750ef0ull

struct ptt_file {
	size_t bytes;
	uint8_t data[PTT_FILE_BYTES];
};

void ptt_put(struct ptt_file *f, unsigned int type, unsigned int size,
	     unsigned int lv, uint32_t icount, uint64_t a, uint64_t b);
/* Empties the file and puts marker 1, the tables and the registers. */
void ptt_start(struct ptt_file *f);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/recording/make_ptt.h"

#include <stdlib.h>

#include "sim/import_ptt.h"
#include "sim/rec_format.h"

void ptt_put(struct ptt_file *f, unsigned int type, unsigned int size,
	     unsigned int lv, uint32_t icount, uint64_t a, uint64_t b)
{
	uint8_t *p = f->data + f->bytes;

	if (f->bytes + PTT_BYTES > sizeof(f->data)) {
		abort();
	}
	p[0] = (uint8_t)type;
	p[1] = (uint8_t)size;
	p[2] = (uint8_t)lv;
	p[3] = (uint8_t)(lv >> 8);
	sim_set32(p + 4, icount);
	sim_set64(p + 8, a);
	sim_set64(p + 16, b);
	f->bytes += PTT_BYTES;
}

/* Depth first, as the recorder does: the root goes on after its child. */
void ptt_start(struct ptt_file *f)
{
	f->bytes = 0;
	ptt_put(f, PTT_MARKER, 0, 1, 90, 0, 0);
	ptt_put(f, PTT_TABLE, 0, 4, 90, PTT_ROOT, 0);
	ptt_put(f, PTT_ENTRY, 8, 4, 90, PTT_ROOT, PTT_L3 | 0x67);
	ptt_put(f, PTT_TABLE, 0, 3, 90, PTT_L3, 0);
	ptt_put(f, PTT_ENTRY, 8, 3, 90, PTT_L3, PTT_L2 | 0x67);
	ptt_put(f, PTT_TABLE, 0, 2, 90, PTT_L2, 0);
	ptt_put(f, PTT_ENTRY, 8, 2, 90, PTT_L2, PTT_L1 | 0x67);
	ptt_put(f, PTT_TABLE, 0, 1, 90, PTT_L1, 0);
	ptt_put(f, PTT_ENTRY, 8, 1, 90, PTT_L1 + 8, 0x6067);
	ptt_put(f, PTT_ENTRY, 8, 4, 90, PTT_ROOT + 0x888,
		PTT_KERNEL_L3 | 0x67);
	ptt_put(f, PTT_TABLE, 0, 3, 90, PTT_KERNEL_L3, 0);
	ptt_put(f, PTT_ENTRY, 8, 3, 90, PTT_KERNEL_L3, 0xe3);
	ptt_put(f, PTT_CONTROL, 0, 0, 90, PTT_CR0, PTT_CR4);
}

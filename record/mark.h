/* SPDX-License-Identifier: BSD-2-Clause */
/* How a guest program tells the recorder where it is: CPUID with this leaf
 * in EAX and the number of the marker in EBX. */
#ifndef RECORD_MARK_H
#define RECORD_MARK_H

#define GNOMON_MARK_LEAF 0x676e6d6bu	/* "gnmk" */

/* The same, to hand over a piece of /proc/kallsyms: address in RBX, bytes in
 * ECX. */
#define GNOMON_SYMBOLS_LEAF 0x676e7379u	/* "gnsy" */

#endif

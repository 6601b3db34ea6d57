/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * VMMCALL with RAX = HC_MAGIC, RBX = function, RCX = argument; the result is
 * in RAX. From any privilege level, but a user cannot end the guest.
 */
#ifndef VMM_HYPERCALL_H
#define VMM_HYPERCALL_H

#define HC_MAGIC 0x6e6f6d67

#define HC_EXIT 0	/* the guest is done; RCX = its verdict, 0 is good */
#define HC_PUT 1	/* a character for the VMM's log */
#define HC_MARK 2	/* counters as of now, under the number RCX & 7 */
#define HC_AUDIT 3	/* RAX = 1 when every check passed */
/* RAX = 0 nested, 1 shadow; + 2: it may change at any time */
#define HC_MODE 4
#define HC_SWITCH 5	/* be the mode RCX from the next instruction on */

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/access/sections.h"

#define ACCESS " write fetch user implicit"
#define REGS " WP NXE SMEP SMAP AC"
#define KEYS " PKE KEY AD WD"
#define PATH(l) "P" #l " W" #l " U" #l " A" #l " "
#define ALL(l) "P" #l " W" #l " U" #l " N" #l " A" #l " "

const struct section sections[] = {
	/* One leaf and the entry above it against everything else. */
	{ "4-level: 4K leaf and its table", F_LONG4,
	  PATH(4) PATH(3) "1G",
	  ALL(1) "D1 R1 " "P2 W2 U2 N2 A2 R2" ACCESS REGS KEYS },
	{ "4-level: 2M leaf and its table", F_LONG4,
	  PATH(4) "S2 1G",
	  ALL(2) "D2 R2 L2 " "P3 W3 U3 N3 R3" ACCESS REGS KEYS },
	{ "4-level: 1G leaf and the top", F_LONG4,
	  "A4 S3",
	  ALL(3) "D3 R3 L3 " "P4 W4 U4 N4 S4 1G" ACCESS REGS " PKE KEY AD" },
	/* The whole path: presence, reserved bits, large bits, marks. */
	{ "4-level: rights along the path", F_LONG4,
	  "P1 P2 P3 P4 1G",
	  "W1 U1 N1 W2 U2 N2 W3 U3 N3 W4 U4 N4" ACCESS REGS },
	{ "4-level: presence along the path", F_LONG4,
	  "W1 U1 W2 U2 W3 U3 W4 U4 WP",
	  "P1 P2 P3 P4 R1 R2 R3 R4 S2 S3 S4 L2 L3 N3 A1 A2 A3 A4 D1 D2"
	  ACCESS " NXE 1G" },
	{ "5-level: 4K leaf and its table", F_LONG5,
	  PATH(5) PATH(4) PATH(3) "1G",
	  ALL(1) "D1 R1 " "P2 W2 U2 N2 R2" ACCESS REGS " PKE KEY AD" },
	{ "5-level: the top two levels", F_LONG5,
	  PATH(3) PATH(2) PATH(1) "1G",
	  ALL(5) "R5 S5 " "P4 W4 U4 N4 A4 R4 S4" ACCESS REGS },
	{ "5-level: rights along the path", F_LONG5,
	  "P1 P2 P3 P4 P5 1G NXE WP",
	  "W1 U1 N1 W2 U2 N2 W3 U3 N3 W4 U4 N4 W5 U5 N5" ACCESS
	  " SMEP SMAP AC" },
	{ "5-level: presence along the path", F_LONG5,
	  "W1 U1 W2 U2 W3 U3 W4 U4 W5 U5 WP NXE",
	  "P1 P2 P3 P4 P5 R1 R2 R3 R4 R5 S2 S3 S4 S5 A1 A2 A3 A4 A5 D1"
	  ACCESS " 1G" },
	{ "PAE: 4K leaf and its table", F_PAE, "",
	  ALL(1) "D1 R1 " "P2 W2 U2 N2 A2 R2 S2 L2" ACCESS REGS " PKE" },
	{ "PAE: 2M leaf", F_PAE, "",
	  ALL(2) "D2 R2 L2 S2 P1 W1 U1" ACCESS REGS " PKE KEY AD" },
	{ "32-bit: 4K leaf and its table", F_32BIT, "",
	  "P1 W1 U1 A1 D1 P2 W2 U2 A2 D2 S2 L2" ACCESS REGS " PSE PKE KEY AD" },
	{ "Sv39: 4K leaf and its table", F_SV39, "P3",
	  ALL(1) "D1 R1 S1 " "P2 W2 U2 N2 A2 D2 R2 L2 S2" ACCESS
	  " SUM MXR ADUE" },
	{ "Sv39: 2M leaf and its table", F_SV39, "",
	  ALL(2) "D2 R2 S2 L2 " "P3 W3 U3 N3 A3 D3 R3 S3 L3" ACCESS
	  " SUM MXR ADUE" },
	{ "Sv48: 1G leaf and the top", F_SV48, "",
	  ALL(3) "D3 R3 S3 L3 " "P4 W4 U4 N4 A4 D4 R4 S4 L4" ACCESS
	  " SUM MXR ADUE" },
	{ "Sv48: 4K leaf and its table", F_SV48, "P4 P3",
	  ALL(1) "D1 R1 S1 " "P2 W2 U2 A2 D2 R2 S2" ACCESS " SUM MXR ADUE" },
};

const unsigned section_count = sizeof(sections) / sizeof(*sections);

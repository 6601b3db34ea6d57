/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Words to write programs in, and the steps that every dynamically linked
 * program takes: the loader relocates itself, finds libc and maps it. Only
 * sim/program_*.c include this.
 */
#ifndef SIM_PROGRAM_INT_H
#define SIM_PROGRAM_INT_H

#include "sim/program.h"

#define R SIM_PROT_R
#define RW (SIM_PROT_R | SIM_PROT_W)
#define RX (SIM_PROT_R | SIM_PROT_X)
#define UR SIM_F_USER
#define UW (SIM_F_USER | SIM_F_WRITE)
#define UF (SIM_F_USER | SIM_F_FETCH)
#define KW SIM_F_WRITE

#define TOUCH(at, how) { .op = SIM_STEP_TOUCH, .gva = (at), .arg = (how) }
#define MMAP(at, n, rights, f, page) \
	{ .op = SIM_STEP_MMAP, .gva = (at), .pages = (n), .arg = (rights), \
	  .file = (f), .file_page = (page) }
#define MUNMAP(at, n) { .op = SIM_STEP_MUNMAP, .gva = (at), .pages = (n) }
#define MPROTECT(at, n, rights) \
	{ .op = SIM_STEP_MPROTECT, .gva = (at), .pages = (n), .arg = (rights) }

/* Files of every program; its own is F_SELF. */
enum { F_SELF, F_LD, F_LIBC, F_CACHE, F_VDSO, F_COUNT };

/* Pages of the files but F_SELF. */
#define LIBRARY_FILES \
	[F_LD] = 64, [F_LIBC] = 480, [F_CACHE] = 15, [F_VDSO] = 2

#define LIBRARY_MAPS \
	{ 0x7ffff7fc8000, 2, RX, SIM_KERN_SPECIAL, F_VDSO, 0 }, \
	{ 0x7ffff7fca000, 1, R, 0, F_LD, 0 }, \
	{ 0x7ffff7fcb000, 38, RX, 0, F_LD, 1 }, \
	{ 0x7ffff7ff1000, 10, R, 0, F_LD, 39 }, \
	{ 0x7ffff7ffb000, 3, RW, 0, F_LD, 48 }, \
	{ 0x7ffff7ffe000, 1, RW, 0, -1, 0 }

/* The loader relocates itself ... */
#define LOADER_START \
	TOUCH(0x7ffff7fe4b70, UF), TOUCH(0x7ffff7ffde06, UR), \
	TOUCH(0x7ffff7ffde06, UW), TOUCH(0x7ffff7ffca80, UW), \
	TOUCH(0x7ffff7fcad40, UR), TOUCH(0x7ffff7ffb910, UW), \
	TOUCH(0x7ffff7fda4b0, UF), TOUCH(0x7ffff7ff1308, UR)

/* ... finds libc, maps it, relocates it ... */
#define LOADER_LIBC \
	TOUCH(0x7ffff7fc8020, UR), \
	MMAP(0x7ffff7fc2000, 2, RW, -1, 0), TOUCH(0x7ffff7fc2008, UW), \
	TOUCH(0x7ffff7fcc0c0, UF), TOUCH(0x7fffffffdfd8, UW), \
	MMAP(0x7ffff7fb3000, 15, R, F_CACHE, 0), TOUCH(0x7ffff7fb3008, UR), \
	MMAP(0x7ffff7dd1000, 38, R, F_LIBC, 0), \
	MMAP(0x7ffff7df7000, 342, RX, F_LIBC, 38), \
	MMAP(0x7ffff7f4d000, 83, R, F_LIBC, 380), \
	MMAP(0x7ffff7fa0000, 6, RW, F_LIBC, 463), \
	MMAP(0x7ffff7fa6000, 13, RW, -1, 0), \
	TOUCH(0x7ffff7fa5868, UW), TOUCH(0x7ffff7fa3b60, UR), \
	TOUCH(0x7ffff7fa3ba8, UW), TOUCH(0x7ffff7dd1318, UR), \
	TOUCH(0x7ffff7df3603, UR), \
	MMAP(0x7ffff7dce000, 3, RW, -1, 0), TOUCH(0x7ffff7dce740, UW), \
	TOUCH(0x7ffff7dcf078, UW), TOUCH(0x7ffff7fa08d0, UW), \
	TOUCH(0x7ffff7fa1000, UW), TOUCH(0x7ffff7fa2000, UW), \
	TOUCH(0x7ffff7fa4540, UW), TOUCH(0x7ffff7de909c, UR), \
	TOUCH(0x7ffff7e81a60, UF), TOUCH(0x7ffff7fab550, UW), \
	TOUCH(0x7ffff7e70550, UF), TOUCH(0x7ffff7e6e700, UF)

#endif

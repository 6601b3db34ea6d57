/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What our own guests share: 64-bit, ring 0, on the loader's identity map of
 * 4G; tables of their own for everything that is tested.
 */
#ifndef VMM_GUEST_GUEST_H
#define VMM_GUEST_GUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "vmm/cpu.h"
#include "vmm/hypercall.h"

#define PAGE 4096u
/* Free memory from here on, up to the VMM. */
#define POOL UINT64_C(0x1000000)
#define POOL_END UINT64_C(0x10000000)
/* A region that the loader's tables do not map. */
#define WINDOW UINT64_C(0x7000000000)

enum { PTE_P = 1, PTE_W = 2, PTE_U = 4, PTE_A = 0x20, PTE_D = 0x40,
       PTE_PS = 0x80 };
#define PTE_NX (UINT64_C(1) << 63)
#define PTE_FRAME UINT64_C(0x000ffffffffff000)

uint64_t probe_load(uint64_t at);
void probe_store(uint64_t at, uint64_t value);
void probe_exec(uint64_t at);
void probe_write_cr0(uint64_t value);
void probe_write_cr3(uint64_t value);
void probe_write_cr4(uint64_t value);
void probe_write_efer(uint64_t value);
void probe_invlpg(uint64_t at);
void probe_ud_on_stack(uint64_t stack);
typedef void store_fn(uint64_t *at, uint64_t value);
store_fn store_xchg, store_cmpxchg, store_halves, store_bytes, store_stos,
	store_movs, store_movnti, store_movups, store_push, store_btr1,
	store_bts1, store_and, store_or, store_xadd;

extern volatile uint64_t probe_vector, probe_code, probe_cr2, probe_faults,
	probe_armed;
#define NO_FAULT UINT64_C(0xffff)

uint64_t hypercall(uint64_t function, uint64_t argument);
void say(const char *text);	/* a line; the next two: a part of one */
void say_text(const char *text);
void say_number(uint64_t value);
void say_hex(const char *text, uint64_t value);
_Noreturn void guest_panic(void);
/* The verdict: 0 is good. */
uint64_t guest_main(const char *cmdline);
/* The number behind name in the command line. */
uint64_t argument(const char *cmdline, const char *name, uint64_t otherwise);
void traps_init(void);

uint64_t read_cr0(void);
uint64_t read_cr3(void);
uint64_t read_cr4(void);
void write_cr3(uint64_t value);

/* A zeroed page of the pool; its address is its gpa. */
uint64_t page_new(void);
/* A root with the loader's identity map in its first 512G. */
uint64_t root_new(void);
/* The entry for va at the level, tables on the way made. */
uint64_t *entry(uint64_t root, uint64_t va, unsigned level);
void flush_one(uint64_t va);

static inline void *at(uint64_t address)
{
	return (void *)address;
}

#endif

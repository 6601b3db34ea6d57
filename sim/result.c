/* SPDX-License-Identifier: BSD-2-Clause */
#include "sim/run.h"

#define AT(member) offsetof(struct sim_result, member)
#define TEXT(n, h) { #n, h, SIM_COL_TEXT, AT(n), false }
#define UINT(n, h) { #n, h, SIM_COL_UINT, AT(n), false }
#define MORE(n, h) { #n, h, SIM_COL_UINT, AT(n), true }
#define CYCLES(n, cat, h) \
	{ "cycles_" #n, h, SIM_COL_UINT, AT(cycles_by[cat]), false }

const struct sim_column sim_columns[] = {
	TEXT(workload, "what ran"),
	TEXT(mode, "how memory was virtualized"),
	TEXT(preset, "machine and prices"),
	UINT(seed, "of random choices"),
	UINT(accesses, "data accesses and fetches made"),
	UINT(instructions, "of the guest"),
	UINT(cycles, "in all"),
	CYCLES(compute, SIM_CAT_COMPUTE, "instructions themselves"),
	CYCLES(walk, SIM_CAT_WALK, "second-level TLB hits and page walks"),
	CYCLES(exit, SIM_CAT_EXIT, "guest to VMM and back"),
	CYCLES(vmm, SIM_CAT_VMM, "work of the VMM"),
	CYCLES(fault, SIM_CAT_FAULT, "exceptions delivered to the guest"),
	CYCLES(flush, SIM_CAT_FLUSH, "CR3 loads, INVLPG, invalidation"),
	UINT(walks, "page walks"),
	UINT(walk_refs, "table entries read by them"),
	UINT(tlb_hits, "in either level"),
	UINT(tlb_misses, "in both levels"),
	UINT(exits, "guest to VMM"),
	UINT(true_faults, "the guest's own"),
	UINT(hidden_faults, "shadow entries filled on demand"),
	UINT(trace_faults, "stores into guarded tables"),
	UINT(host_faults, "frames the host had to give first"),
	UINT(cr3_exits, "exits for CR3 loads"),
	UINT(invlpg_exits, "exits for INVLPG"),
	UINT(hypercalls, "made by the guest"),
	UINT(sptes_synced, "entries of open tables brought up to date"),
	UINT(shadow_pages_peak, "shadow tables alive at once"),
	UINT(shadow_bytes_peak, "of shadow tables (jemalloc)"),
	UINT(nested_bytes_peak, "of nested tables (jemalloc)"),
	{ "overhead", "cycles / native cycles - 1", SIM_COL_RATIO,
	  AT(overhead), false },
	MORE(l1_hits, "first-level TLB hits"),
	MORE(l2_hits, "second-level TLB hits"),
	MORE(nested_violations, "nested entries filled on demand"),
	MORE(trace_leaf, "trace faults on leaf tables"),
	MORE(trace_upper, "trace faults on higher tables"),
	MORE(trace_open, "trace faults that left a table writable"),
	MORE(tables_synced, "open tables compared at flush points"),
	MORE(spurious_faults, "faults that needed nothing"),
	MORE(tlb_flushes, "whole TLB or tag"),
	MORE(page_flushes, "single pages or ranges"),
	MORE(meta_bytes_peak, "bookkeeping pages of the engine (jemalloc)"),
	MORE(ram_bytes, "guest memory touched"),
	MORE(pages_zapped, "shadow tables dropped"),
	MORE(pages_flooded, "of these, by the write-flood rule"),
	MORE(kicks, "vcpus interrupted to flush their TLBs"),
	MORE(lock_waits, "exits that found the VMM's lock taken"),
	MORE(lock_wait_cycles, "waited for it; in cycles_vmm"),
	MORE(mode_switches, "changes of a policy's mind carried out"),
	MORE(mmio, "accesses outside of memory"),
	MORE(page_faults, "in the input"),
	MORE(audits, "of the engine, all good"),
	MORE(verified, "accesses compared with the oracle"),
	MORE(final_tables, "tables compared with the input's last state"),
};

const size_t sim_column_count = sizeof(sim_columns) / sizeof(sim_columns[0]);

/* SPDX-License-Identifier: BSD-2-Clause */
#include "sim/run.h"

#include <inttypes.h>
#include <string.h>

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
	MORE(mmio, "accesses outside of memory"),
	MORE(page_faults, "in the input"),
	MORE(audits, "of the engine, all good"),
	MORE(verified, "accesses compared with the oracle"),
	MORE(final_tables, "tables compared with the input's last state"),
};

const size_t sim_column_count = sizeof(sim_columns) / sizeof(sim_columns[0]);

struct line {
	const char *what;
	size_t offset;
};

#define LINE(member, what) { what, offsetof(struct sim_explain, member) }

static const struct line store_lines[] = {
	LINE(trace_leaf, "trace fault, leaf table"),
	LINE(trace_upper, "trace fault, higher table"),
	LINE(trace_open, "trace fault, no longer guarded after it"),
	LINE(open, "no trace: table open until a flush point"),
	LINE(never_traced, "no trace: table not met by the engine yet"),
	LINE(zapped, "no trace: dropped with its parent"),
	LINE(flooded, "no trace: dropped after many writes"),
	LINE(recycled, "no trace: dropped for want of pages"),
	LINE(direct_native, "no traces in this mode"),
};

static const struct line other_lines[] = {
	LINE(trace_image, "filling a table that is not linked yet"),
	LINE(trace_data, "data in a frame that was a table before"),
};

static uint64_t value_of(const struct sim_explain *e, const struct line *line)
{
	uint64_t value;

	memcpy(&value, (const char *)e + line->offset, sizeof(value));
	return value;
}

static void print_line(FILE *out, const char *what, uint64_t value,
		       uint64_t divisor)
{
	fprintf(out, "  %-46s %10" PRIu64, what, value);
	if (divisor) {
		fprintf(out, " %10.2f", (double)value / (double)divisor);
	}
	fputc('\n', out);
}

static uint64_t print_lines(FILE *out, const struct sim_explain *e,
			    const struct line *lines, size_t count,
			    uint64_t divisor)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < count; i++) {
		uint64_t value = value_of(e, &lines[i]);

		print_line(out, lines[i].what, value, divisor);
		sum += value;
	}
	return sum;
}

static void print_part(FILE *out, const struct sim_explain *e,
		       uint64_t divisor)
{
	uint64_t sum;

	print_line(out, "table stores in the recording", e->stores, divisor);
	sum = print_lines(out, e, store_lines,
			  sizeof(store_lines) / sizeof(store_lines[0]),
			  divisor);
	print_line(out, sum == e->stores ? "sum (closes)" :
		   "sum (DOES NOT CLOSE)", sum, divisor);
	fputs("  trace faults that are no table stores:\n", out);
	sum = print_lines(out, e, other_lines,
			  sizeof(other_lines) / sizeof(other_lines[0]),
			  divisor);
	print_line(out, "all trace faults",
		   sum + e->trace_leaf + e->trace_upper +
		   e->trace_open, divisor);
}

void sim_explain_print(FILE *out, const struct sim_result *result,
		       uint64_t divisor)
{
	fprintf(out, "%s, mode %s, whole recording:\n", result->workload,
		result->mode);
	print_part(out, &result->explain, 0);
	if (result->window.stores) {
		fprintf(out, "%s, mode %s, between markers 2 and 3:\n",
			result->workload, result->mode);
		print_part(out, &result->window, divisor);
	}
}

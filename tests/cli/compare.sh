#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The comparison on the recording that comes with gnomon: the figures are
# what they were, in every format, whatever the number of threads.
. "${top_srcdir:?}/tests/cli/lib.sh"

columns=workload,mode,preset,seed,accesses,instructions,cycles,\
cycles_compute,cycles_walk,cycles_exit,cycles_vmm,cycles_fault,cycles_flush,\
walks,walk_refs,tlb_hits,tlb_misses,exits,true_faults,hidden_faults,\
trace_faults,host_faults,cr3_exits,invlpg_exits,hypercalls,sptes_synced,\
shadow_pages_peak,shadow_bytes_peak,nested_bytes_peak,overhead

expect 0 compare --format csv
cp "$work/out" "$work/csv"
same "$work/csv" compare.csv
[ "$(head -n 1 "$work/csv")" = "$columns" ] || complain "odd columns"
[ ! -s "$work/err" ] || complain "wrote to standard error"

# Causes add up; overhead is what the columns say.
awk -F, 'NR > 1 {
	sum = $8 + $9 + $10 + $11 + $12 + $13
	if (sum != $7) print $2 ": causes sum to " sum ", not " $7
	if ($2 == "native") native = $7
	o = sprintf("%.6f", $7 / native - 1)
	if (o != $30) print $2 ": overhead is " o ", not " $30
}' "$work/csv" >"$work/said"
[ ! -s "$work/said" ] || complain "$(cat "$work/said")"

for jobs in 1 2 8; do
	expect 0 compare "$recording" --format csv -j "$jobs"
	cmp -s "$work/out" "$work/csv" || complain "-j $jobs differs"
done

expect 0 compare "$recording"
same "$work/out" compare.txt
expect 0 compare "$recording" --explain
same "$work/out" explain.txt
! grep -q "$(printf '\033')" "$work/out" || complain "colour without terminal"

# A run alone has the same figures but for the overhead.
for mode in native shadow nested; do
	expect 0 run "$recording" --mode "$mode" --format csv
	grep ",$mode," "$work/csv" | sed 's/,[^,]*$//' >"$work/row"
	tail -n 1 "$work/out" | sed 's/,[^,]*$//' | cmp -s - "$work/row" ||
		complain "run --mode $mode differs"
done

# The optimum adds its modes and is no worse than any of them.
expect 0 compare forkwait,children=20 -m native --optimal --format csv
awk -F, 'NR > 1 { cycles[$2] = $7; n++
		if ($8 + $9 + $10 + $11 + $12 + $13 != $7) print "sum of " $2 }
	END { split("shadow shadow+unsync nested", modes, " ")
		for (i in modes) if (!(cycles[modes[i]] >= cycles["optimal"]))
			print "better than optimal: " modes[i]
		if (n != 5 || !cycles["optimal"]) print n " rows" }' \
	"$work/out" >"$work/said"
[ ! -s "$work/said" ] || complain "$(cat "$work/said")"

# JSON holds the same and where the parameters are from.
expect 0 compare "$recording" --format json
for word in '"cycles_walk": ' '"source": ' '"version": ' '"overhead": '; do
	grep -q "$word" "$work/out" || complain "JSON lacks $word"
done
if command -v python3 >/dev/null; then
	python3 -m json.tool "$work/out" >/dev/null || complain "no JSON"
fi
finish

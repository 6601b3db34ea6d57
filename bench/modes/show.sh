#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The table and the figures of docs/modes.md: show.sh GNOMON TOP OUT. Runs
# what is missing (run.sh), then writes OUT/modes.md and, for each size of host
# pages of the first machine, OUT/modes-ORDER.{svg,png}.
set -eu
top=$2 out=$3
: "${PRESETS:=clx-8269cy amd-svm kvm-pvm-zen4 nested-l2-skx}" "${AWK:=awk}"
export PRESETS
sh "$top/bench/modes/run.sh" "$@"
here=$top/bench/modes first=${PRESETS%% *}
$AWK -f "$here/table.awk" "$out"/*.csv >"$out/modes.md"
echo "$out/modes.md"
for order in 9 0; do
	data=$out/modes-$order.dat
	size=$([ "$order" = 9 ] && echo 2M || echo 4K)
	$AWK -v plot="$first-$order-1" -f "$here/table.awk" "$out"/*.csv \
		>"$data"
	modes=$(sed -n '1s/^input //p' "$data")
	for type in svg png; do
		gnuplot -d -c "$here/modes.gp" "$data" \
			"$out/modes-$order.$type" "$type" \
			"Overhead of each mode over native" \
			"$first, host memory in $size pages" "$modes"
		echo "$out/modes-$order.$type"
	done
done

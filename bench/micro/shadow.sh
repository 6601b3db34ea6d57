#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Rows of bench.csv about the shadow engine: shadow.sh PROGRAM. Times come from
# the program; instructions of one call are the difference of two callgrind
# runs that differ by some hundred rounds, or few of what is long. BENCH_TABLES
# is how far the scale goes.
set -eu
program=$1

"$program" time
"$program" scale "${BENCH_TABLES:-10000}"
command -v valgrind >/dev/null || {
	echo "shadow: no valgrind here, instructions not counted" >&2
	exit 0
}
"$program" list | while read -r name function few; do
	for rounds in "$few" $((2 * few)); do
		valgrind --tool=callgrind --callgrind-out-file=/dev/null \
			--collect-atstart=no --toggle-collect="$function" \
			"$program" count "$name" "$rounds" 2>&1 </dev/null |
			sed -n 's/.*Collected : \([0-9]*\).*/\1/p'
	done | awk -v n="$few" -v name="$name" \
		'NR == 1 { a = $1 }
		 NR == 2 { printf "%s-ir,%.1f,instructions,,\n", name,
			   ($1 - a) / n }'
done

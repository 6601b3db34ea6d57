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

# The same at any number of tables, wherever they lie in the caches.
scale_ir() { # operation function tables
	for rounds in 512 1024; do
		valgrind --tool=callgrind --callgrind-out-file=/dev/null \
			--collect-atstart=no --toggle-collect="$2" \
			"$program" count "$1" "$rounds" "$3" 2>&1 </dev/null |
			sed -n 's/.*Collected : \([0-9]*\).*/\1/p'
	done | awk -v name="$1-ir-$3-tables" \
		'NR == 1 { a = $1 }
		 NR == 2 { printf "%s,%.1f,instructions,,\n", name,
			   ($1 - a) / 512 }'
}
tables=100
while [ "$tables" -le "${BENCH_TABLES:-10000}" ]; do
	scale_ir shadow-hidden-fault gnomon_fault "$tables"
	scale_ir shadow-zap-all gnomon_zap_all "$tables"
	tables=$((tables * 10))
done
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

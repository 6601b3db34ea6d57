#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Rows of bench.csv about the bare walk: walk.sh PROGRAM. Times come from the
# program; instructions per walk are the difference of two callgrind runs, so
# that setting up drops out. Rows named -fn count the walk alone, the others
# the calling loop too.
set -eu
program=$1 few=1048576 many=2097152

instructions() { # name, then callgrind options
	name=$1
	shift
	for walks in $few $many; do
		valgrind --tool=callgrind --callgrind-out-file=/dev/null "$@" \
			"$program" count "$name" "$walks" 2>&1 |
			sed -n 's/.*Collected : \([0-9]*\).*/\1/p'
	done | awk -v n=$((many - few)) \
		'NR == 1 { a = $1 } NR == 2 { printf "%.1f\n", ($1 - a) / n }'
}

row() { # name value baseline
	awk -v n="$1" -v v="$2" -v b="$3" \
		'BEGIN { printf "%s,%s,instructions,%s,%.3f\n", n, v, b, v/b }'
}

"$program" time
command -v valgrind >/dev/null || {
	echo "walk: no valgrind here, instructions not counted" >&2
	exit 0
}
loads=$(instructions loads)
row walk-cached-loads "$loads" "$loads"
for name in translate walk walk-ad; do
	row "walk-cached-$name" "$(instructions $name)" "$loads"
	case $name in translate) fn=translate_long4 ;; *) fn=walk_long4 ;; esac
	row "walk-cached-$name-fn" "$(instructions $name --collect-atstart=no \
		--toggle-collect=$fn)" "$loads"
done

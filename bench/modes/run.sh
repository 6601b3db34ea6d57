#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Every mode over every shipped recording and built-in workload, on several
# machines, 2M and 4K host pages, all assumed costs as they are, halved and
# doubled. What is there already is kept.
#
#	run.sh GNOMON TOP OUT
# (environment: JOBS, PRESETS, FACTORS, MODES, INPUTS)
# Writes OUT/PRESET-ORDER-FACTOR.csv: the columns of gnomon compare.
set -eu
gnomon=$(realpath "$1") top=$(realpath "$2") out=$3
: "${JOBS:=2}" "${FACTORS:=1 0.5 2}"
: "${PRESETS:=clx-8269cy amd-svm kvm-pvm-zen4 nested-l2-skx}"
: "${MODES:=native,shadow,shadow+unsync,paravirt,patched,nested,\
nested+around,shsp,agile,adaptive,adaptive-hw}"
mkdir -p "$out"
cd "$out"	# where no file is called like a workload

inputs() {
	[ ! "${INPUTS-}" ] || { echo "$INPUTS" | tr ' ' '\n' && return; }
	ls "$top"/bench/recordings/*.gnr
	"$gnomon" workloads | awk 'NR > 1 { print $1 }'
	# Long enough that walks outweigh the start.
	printf '%s\n' gups,updates=4000000 zipf,requests=4000000 \
		chase,steps=4000000
}

# The assumed costs of a machine times FACTOR, as options.
assumed() { # preset factor
	[ "$2" != 1 ] || return 0
	"$gnomon" costs show "$1" --format csv |
		awk -F, -v factor="$2" '$4 ~ /^cycles/ && $5 == "assumed" {
			printf "--set %s.%s=%d ", $1, $2, $3 * factor
		}'
}

one() { # preset order factor
	file=$1-$2-$3.csv
	[ ! -e "$file" ] || return 0
	inputs | while read -r input; do
		name=$(basename "$input" .gnr)
		[ "$name" = "${name%%,*}" ] || name=${name%%,*}-long
		# shellcheck disable=SC2046 # several options
		"$gnomon" compare "$input" -p "$1" -j "$JOBS" -m "$MODES" \
			--optimal --format csv --extra \
			--set host.page_order="$2" $(assumed "$1" "$3") |
			sed "2,\$s/^[^,]*/$name/"
	done | awk 'NR == 1 || !/^workload,/' >"$file.part"
	[ -s "$file.part" ]
	mv "$file.part" "$file"
	echo "$file"
}

for factor in $FACTORS; do
	for preset in $PRESETS; do
		for order in 9 0; do
			one "$preset" "$order" "$factor"
		done
	done
done

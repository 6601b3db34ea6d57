#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# compare --timeline draws what goes on: its sums are those of the results.
. "${top_srcdir:?}/tests/cli/lib.sh"

command -v gnuplot >/dev/null || {
	echo "gnuplot is not there" >&2
	exit 77
}
refuse 2 'needs a folder' compare --timeline
refuse 2 'needs a folder' compare --latex
refuse 2 'do not go together' compare --timeline --no-plot -o "$work/dir"

# Long enough for a policy to buy shadow tables.
input=gups,pages=2048,updates=1500000
expect 0 compare "$input" -m native,nested,adaptive --timeline --latex \
	--set host.page_order=0 --set pwc.nested_tlb_entries=4 \
	--extra -o "$work/dir"
[ ! -s "$work/err" ] || complain "said: $(cat "$work/err")"
no_leftovers "$work/dir"
for name in timeline timeline-native timeline-nested timeline-adaptive; do
	for kind in .dat .svg .pdf .png -tex.tex -tex.pdf; do
		[ -s "$work/dir/$name$kind" ] || complain "no $name$kind"
		grep -qxF "$work/dir/$name$kind" "$work/out" ||
			complain "$name$kind not named"
	done
done

# value MODE COLUMN : of the results.
value() {
	awk -F, -v m="$1" -v c="$2" 'NR == 1 { for (i = 1; i <= NF; i++)
		at[$i] = i } $at["mode"] == m { print $at[c] }' \
		"$work/dir/result.csv"
}
# last MODE : of its block in timeline.dat.
last() {
	awk -v m="$1" '/^#/ { on = $0 == "# " m } on && NF == 2 && !/^#/ {
		v = $2 } END { print v }' "$work/dir/timeline.dat"
}
for mode in nested adaptive; do
	awk -v a="$(last "$mode")" -v b="$(value "$mode" overhead)" \
		'BEGIN { exit (a - 100 * b) ^ 2 > 1e-4 }' ||
		complain "$mode: ends at $(last "$mode") %"
done
# all MODE EVENTS : their number, from the rates.
all() {
	awk -v k="# $2, for" '/^#/ { on = index($0, k) == 1 }
		on && !/^#/ && NF == 2 { width = 2 * ($1 - from)
		from += width; sum += $2 * width }
		END { printf "%d", sum + 0.5 }' \
		"$work/dir/timeline-$1.dat"
}
for mode in native nested adaptive; do
	awk -v a="$(all "$mode" 'TLB misses')" \
		-v b="$(value "$mode" tlb_misses)" \
		'BEGIN { exit (a / b - 1) ^ 2 > 1e-6 }' ||
		complain "$mode: $(all "$mode" 'TLB misses') misses, not $(
			value "$mode" tlb_misses)"
done
# What a policy chose is seen; others have no choice.
[ "$(value adaptive mode_switches)" -ge 1 ] || complain "nothing was chosen"
grep -q '^# adaptive: % of its cycles' "$work/dir/timeline.dat" ||
	complain "no strip of adaptive"
! grep -q '^# nested: %' "$work/dir/timeline.dat" || complain "nested chooses"
awk '/^#/ { on = /^# adaptive: %/ } on && NF == 2 && !/^#/ {
	if (!n++ && $2 > 50) exit 1; v = $2 } END { exit v < 99 }' \
	"$work/dir/timeline.dat" || complain "not from nested to shadow"
awk '/address spaces/ { on = 1 } on && NF == 3 && !/^#/ {
	low += $3 == 0; high += $3 == 1; bad += $3 < 0 || $3 > 1 }
	END { exit !(low && high) || bad }' \
	"$work/dir/timeline-adaptive.dat" || complain "odd address spaces"
! grep -q 'address spaces' "$work/dir/timeline-nested.dat" ||
	complain "address spaces of a fixed mode"

# Without gnuplot there are the data of all figures, one remark, and no figure.
mkdir "$work/bin"
PATH=$work/bin "$gnomon" compare gups,pages=64,updates=2000 --timeline \
	-m native,nested -o "$work/bare" >"$work/out" 2>"$work/err"
[ $? -eq 1 ] || complain "no gnuplot: no failure"
[ "$(grep -c 'gnuplot-nox' "$work/err")" -eq 1 ] ||
	complain "no gnuplot: $(cat "$work/err")"
for name in overhead timeline timeline-native timeline-nested; do
	[ -s "$work/bare/$name.dat" ] || complain "no gnuplot: no $name.dat"
done
[ "$(find "$work/bare" -type f | wc -l)" -eq 6 ] ||
	complain "no gnuplot: $(ls -a "$work/bare")"
finish

#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# validate -o draws what the table says.
. "${top_srcdir:?}/tests/cli/lib.sh"

command -v gnuplot >/dev/null || {
	echo "gnuplot is not there" >&2
	exit 77
}
refuse 2 'do not go together' validate V2 --json -o "$work/dir"
refuse 2 'needs a folder' validate V2 --latex

# kind KIND : how many results of it the data has; as many as the table.
kind() {
	awk -v k="# $1" '/^#/ { on = $0 == k } on && NF > 3 && /^[0-9]/' \
		"$work/dir/validation.dat" | wc -l
}

# V9 has all that is drawn: calibrations, predictions, a miss.
expect 0 validate V9 -o "$work/dir" --latex
[ ! -s "$work/err" ] || complain "said: $(cat "$work/err")"
no_leftovers "$work/dir"
for end in .dat .svg .pdf .png -tex.tex -tex.pdf; do
	[ -s "$work/dir/validation$end" ] || complain "no validation$end"
	grep -qxF "$work/dir/validation$end" "$work/out" ||
		complain "validation$end not named"
done
for what in calibration prediction exact; do
	[ "$(kind "$what")" -eq "$(grep -c "^V9 .* $what  *[pM]" \
		"$work/out")" ] || complain "$what: not as in the table"
done
missed=$(grep -c '^V9 .* MISS ' "$work/out")
[ "$(awk '/^#/ { on = /predictions that miss/ } on && /^[1-9]/' \
	"$work/dir/validation.dat" | wc -l)" -eq "$missed" ] ||
	complain "not $missed misses by name"
[ "$missed" -eq 0 ] || grep -q '1: V9' "$work/dir/validation.svg" ||
	complain "a miss is not named in the figure"

# Exact rows alone have no predictions to show.
expect 0 validate V2 -o "$work/dir"
[ ! -s "$work/err" ] || complain "said: $(cat "$work/err")"
[ "$(kind exact)" -eq 8 ] || complain "V2: not 8 exact results"
[ "$(kind prediction)" -eq 0 ] || complain "V2: predictions"
finish

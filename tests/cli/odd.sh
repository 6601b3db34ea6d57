#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# What people run into: lists without values, sweeps without end, names that
# are not UTF-8, an environment that means something else to gnuplot.
. "${top_srcdir:?}/tests/cli/lib.sh"

# scenario LINE... : of these lines, in s.ini.
scenario() {
	printf '%s\n' '[scenario]' 'name = odd' "$@" >"$work/s.ini"
}
tiny='workloads = forkwait,children=2,pages=2'
scenario "$tiny" 'modes = native' '[vary]' 'exit.round_trip ='
refuse 2 's.ini:6: exit.round_trip: no value' sweep "$work/s.ini" -o "$work/a"
scenario "$tiny" 'modes = native' '[vary]' 'exit.round_trip = , ,'
refuse 2 's.ini:6: exit.round_trip: no value' sweep --list "$work/s.ini"

# 10^7 points and more are refused at once, and 10^17 too.
many=1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25
{
	printf '%s\n' '[scenario]' 'name = odd' "$tiny" 'modes = native' \
		"seeds = $many" '[vary]'
	for key in exit.round_trip vmm.invlpg vmm.trace_leaf vmm.sync_table; do
		echo "$key = $many"
	done
} >"$work/s.ini"
refuse 2 's.ini:7: all combinations: 9,765,625 points, .* 100,000 at most' \
	sweep "$work/s.ini" -o "$work/a"
for key in a b c d e f g h; do
	echo "vmm.$key = $many"
done >>"$work/s.ini"
refuse 2 'all combinations: 1.49e+18 points' sweep "$work/s.ini" -o "$work/a"
[ ! -e "$work/a" ] || complain "a folder was made"

# Begun, but not gathered.
scenario "$tiny" 'modes = native'
expect 0 sweep "$work/s.ini" -o "$work/b"
cp "$work/b/sweep.json" "$work/kept" && rm "$work/b/sweep.json"
for command in plot report 'sweep --check'; do
	# shellcheck disable=SC2086 # two words
	refuse 1 'b: the sweep in it is not complete; run it again' \
		$command "$work/b"
done
cp "$work/kept" "$work/b/sweep.json"

# Native alone has no overhead to print: no word of gnuplot about that; nor
# about a terminal that is not for this gnuplot.
if command -v gnuplot >/dev/null; then
	GNUTERM=nonsense
	export GNUTERM
	expect 0 plot "$work/b"
	[ ! -s "$work/err" ] || complain "said: $(cat "$work/err")"
	[ -s "$work/b/overhead.svg" ] || complain "no figure of native alone"
fi

# Names that are no UTF-8 still give JSON; all lines of CSV have as many fields.
command -v python3 >/dev/null || {
	echo "python3 is not there: CSV and JSON not read again" >&2
	finish
}
json() {
	python3 -c 'import json, sys; json.load(open(sys.argv[1]))' "$1" ||
		complain "$2: no JSON"
}
name=$(printf 'b\377 "c,d')
cp "$top_srcdir/bench/recordings/pipes-perf.gnr" "$work/$name.gnr"
expect 0 run "$work/$name.gnr" -m native --format json
json "$work/out" "run"
expect 0 info --json "$work/$name.gnr"
json "$work/out" "info"
printf '[scenario]\nname = odd\ntitle = t\377\nrecordings = b\377.gnr\n%s\n' \
	'modes = native, nested' >"$work/s.ini"
cp "$work/$name.gnr" "$work/$(printf 'b\377').gnr"
expect 0 sweep "$work/s.ini" -o "$work/c"
json "$work/c/sweep.json" "sweep"
expect 0 sweep "$work/s.ini" -o "$work/c"
grep -q ', 0 to compute' "$work/out" || complain "computed again"
expect 0 sweep --check "$work/c"
for line in "costs show" "costs list" "run $work/$name.gnr -m native" \
	"run gups,pages=64,updates=9 --extra"; do
	# A blank within the name is no blank between words.
	set -f
	# shellcheck disable=SC2086 # several words
	case $line in
	run\ /*) "$gnomon" run "$work/$name.gnr" -m native --format csv ;;
	*) "$gnomon" $line --format csv ;;
	esac >"$work/csv" || complain "$line: failed"
	set +f
	python3 -c 'import csv, sys
rows = list(csv.reader(open(sys.argv[1], errors="replace"), strict=True))
sys.exit(len(set(map(len, rows))) != 1)' "$work/csv" ||
		complain "$line: lines of different length"
done
finish

#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# A sweep gives the same bytes however it is run, goes on after a kill, and
# computes only what a changed scenario adds.
. "${top_srcdir:?}/tests/cli/lib.sh"

# scenario VALUES : so many prices of an exit, two sizes.
scenario() {
	small_scenario "exit.round_trip = $1" 'workload.pages = 4, 16'
}

# sweep TO_COMPUTE DIR [OPTION...] : runs it; so many points were missing.
sweep() {
	missing=$1 dir=$2
	shift 2
	expect 0 sweep "$work/s.ini" -o "$dir" "$@"
	grep -q ", $missing to compute" "$work/out" ||
		complain "not $missing to compute: $(cat "$work/out")"
	no_leftovers "$dir"
}

# same_results DIR : as the first sweep, byte for byte.
same_results() {
	cmp "$work/first.csv" "$1/results.csv" >&2 || complain "$1 differs"
}

scenario 'x1, x2'
sweep 24 "$work/a" -j 1
cp "$work/a/results.csv" "$work/first.csv"
[ "$(find "$work/a/points" -name '*.json' | wc -l)" -eq 24 ] ||
	complain "not 24 files"
[ "$(wc -l <"$work/first.csv")" -eq 25 ] || complain "not 24 rows"
head -n 1 "$work/first.csv" |
	grep -q ',overhead,exit.round_trip,workload.pages,varied,point$' ||
	complain "odd columns"
sweep 24 "$work/b" -j 4
same_results "$work/b"
sweep 0 "$work/a"
same_results "$work/a"

# Lost, cut and foreign files are computed again; litter is removed.
# shellcheck disable=SC2046 # names without blanks
set -- $(find "$work/a/points" -name '*.json' | sort | head -n 4)
rm "$1"
head -c 100 "$2" >"$2.new" && mv "$2.new" "$2"
cp "$4" "$3"
: >"$work/a/points/.part-1-x.json"
sweep 3 "$work/a"
same_results "$work/a"

# Killed at whatever moment.
"$gnomon" sweep "$work/s.ini" -o "$work/k" -j 1 >"$work/out" 2>&1 &
pid=$!
while [ -z "$(ls "$work/k/points" 2>/dev/null)" ] && kill -0 "$pid"; do
	:
done 2>/dev/null
kill -9 "$pid" 2>/dev/null
wait "$pid" 2>/dev/null
expect 0 sweep "$work/s.ini" -o "$work/k"
same_results "$work/k"

# A changed scenario.
scenario 'x1, x2, x4'
sweep 12 "$work/a"
scenario 'x1, x2'
sweep 0 "$work/a"
same_results "$work/a"

# Checking again finds what was changed by hand.
expect 0 sweep --check "$work/a" --sample 0
grep -q '24 of 24 points .*, 24 the same' "$work/out" ||
	complain "odd check: $(cat "$work/out")"
for file in "$work"/a/points/*.json; do
	sed 's/"cycles": [0-9]*/"cycles": 7/' "$file" >"$work/new"
	cp "$work/new" "$file"
done
expect 0 sweep --check "$work/b" --sample 3
expect 1 sweep --check "$work/a" --sample 0
grep -q 'another result' "$work/err" || complain "no reason given"
refuse 1 'sweep.json' sweep --check "$work/none"

# One sweep at a time.
if command -v flock >/dev/null; then
	flock "$work/b" "$gnomon" sweep "$work/s.ini" -o "$work/b" \
		>"$work/out" 2>"$work/err"
	[ $? -eq 1 ] || complain "no lock"
	grep -q 'another sweep' "$work/err" || complain "odd lock"
fi

# A full disk stops it; with room again it goes on.
mkdir "$work/full"
if mount -t tmpfs -o size=60k tmpfs "$work/full" 2>/dev/null; then
	expect 1 sweep "$work/s.ini" -o "$work/full"
	grep -q 'No space left' "$work/err" || complain "full: no reason"
	no_leftovers "$work/full"
	mount -o remount,size=4m "$work/full"
	expect 0 sweep "$work/s.ini" -o "$work/full"
	same_results "$work/full"
	umount "$work/full"
else
	echo "no tmpfs can be mounted: full disk not tested" >&2
fi
finish

#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Presets can be listed and shown; each parameter has a label and, unless it
# is assumed, a source.
. "${top_srcdir:?}/tests/cli/lib.sh"

expect 0 costs
cp "$work/out" "$work/list"
expect 0 costs list
cmp -s "$work/list" "$work/out" || complain "list is not the default"
grep -q '(default)' "$work/out" || complain "no default preset"

expect 0 costs list --format csv
sed 1d "$work/out" >"$work/names"
[ -s "$work/names" ] || complain "no presets"
while read -r name; do
	expect 0 costs show "$name" --format csv
	awk -F, 'NR > 1 && $5 == "" { print $1 "." $2 ": no label" }
		NR > 1 && $5 != "assumed" && $6 == "" {
			print $1 "." $2 ": no source"
		}' "$work/out" >"$work/said"
	[ ! -s "$work/said" ] || complain "$name: $(cat "$work/said")"
	expect 0 costs show "$name"
	expect 0 costs show "$name" --format json
	grep -q '"source"' "$work/out" || complain "$name: no source in JSON"
done <"$work/names"

expect 0 costs show clx-8269cy
cp "$work/out" "$work/long"
expect 0 costs clx-8269cy
cmp -s "$work/long" "$work/out" || complain "the short form differs"
expect 0 costs show
same "$work/out" costs.txt

# What this machine says of itself is a preset that can be used.
expect 0 costs measure -o "$work/here.ini"
expect 0 costs show "$work/here.ini"
grep -q MEASURED "$work/out" || complain "nothing was measured"
expect 0 run "$recording" --preset "$work/here.ini"
expect 1 costs measure -o "$work/no/such/folder.ini"
refuse 2 'output goes with measure' costs list -o "$work/here.ini"
refuse 2 'set goes with show' costs measure --set exit.round_trip=1
finish

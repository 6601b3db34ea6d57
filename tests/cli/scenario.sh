#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# What is wrong in a scenario is named with file, line, key and what is
# allowed; nothing is computed.
. "${top_srcdir:?}/tests/cli/lib.sh"

# wrong STATUS PATTERN LINE... : a scenario with these further lines.
wrong() {
	wanted=$1 pattern=$2
	shift 2
	{
		printf '[scenario]\nname = small\n'
		printf '%s\n' "$@"
	} >"$work/s.ini"
	refuse "$wanted" "$pattern" sweep "$work/s.ini" -o "$work/dir"
	[ ! -e "$work/dir" ] || complain "a folder was made"
}

good='recordings = fork-exec-50'
modes='modes = native, shadow'
wrong 2 "needs the key 'recordings' or 'workloads'" "$modes"
wrong 2 "needs the key 'modes'" "$good"
wrong 2 's.ini:4: modes: no mode .hybrid.; there are: native' "$good" \
	'modes = native, hybrid'
wrong 2 's.ini:4: modes: .native. is named twice' "$good" \
	'modes = native, native'
wrong 2 "s.ini:5: \[scenario\]: no key 'bogus'; there are: name" \
	"$good" "$modes" 'bogus = 1'
wrong 2 's.ini:5: no section .bogus.\|s.ini:6: no section .bogus.' \
	"$good" "$modes" '[bogus]' 'a = 1'
wrong 2 's.ini:5: seeds: a seed is' "$good" "$modes" 'seeds = 1, x'
wrong 2 's.ini:5: presets: .*nada' "$good" "$modes" 'presets = nada'
wrong 2 's.ini:5: presets: /.*/here/mine.ini: cannot be read' "$good" \
	"$modes" 'presets = here/mine.ini'
wrong 2 's.ini:5: verify: .maybe. is neither yes nor no' "$good" "$modes" \
	'verify = maybe'
wrong 2 "s.ini:5: name: 'A B' is not made of" "$good" "$modes" 'name = A B'
wrong 2 's.ini:6: exit.bogus: no such parameter' "$good" "$modes" '[vary]' \
	'exit.bogus = 1'
wrong 2 's.ini:6: exit.round_trip: a value is a number' "$good" "$modes" \
	'[vary]' 'exit.round_trip = often'
wrong 2 's.ini:6: .*outside 0..' "$good" "$modes" '[vary]' \
	'exit.round_trip = x1000000'
wrong 2 's.ini:6: workload.pages: a recording has no such' "$good" \
	"$modes" '[vary]' 'workload.pages = 1'
wrong 2 's.ini:6: workload.bogus: .*has no such parameter' \
	'workloads = forkwait' "$modes" '[vary]' 'workload.bogus = 1'
wrong 2 's.ini:3: workloads: .*no such workload' 'workloads = bogus' \
	"$modes"
wrong 2 's.ini:7: factors: a factor is above 0' "$good" "$modes" \
	'[sensitivity]' 'labels = assumed' 'factors = 0.5, -1'
wrong 2 "labels without the key 'factors'" "$good" "$modes" \
	'[sensitivity]' 'labels = assumed'
wrong 2 's.ini:5: is neither' "$good" "$modes" 'what is this'
wrong 2 's.ini:5: the line is longer' "$good" "$modes" \
	"title = $(printf '%0300d' 1)"
wrong 1 'none.gnr: .*No such file' 'recordings = none.gnr' "$modes"

# A preset's path counts from the scenario, wherever gnomon is called.
mkdir "$work/here" "$work/here/machines" || exit 99
printf '[preset]\nname = mine\n[exit]\nround_trip = 77 | DER | a test\n' \
	>"$work/here/machines/mine.ini"
printf '%s\n' '[scenario]' 'name = small' \
	'workloads = forkwait,children=2,pages=2' "$modes" \
	'presets = machines/mine.ini' >"$work/here/s.ini"
expect 0 sweep "$work/here/s.ini" -o "$work/mine"
grep -q ',mine,' "$work/mine/results.csv" || complain "not with that preset"

refuse 2 "goes alone" sweep --templates fork-rate

# Those that come with gnomon go by their names, wherever it is called.
expect 0 sweep --templates
cp "$work/out" "$work/templates"
for file in "$top_srcdir"/examples/scenarios/*.ini; do
	name=$(basename "$file" .ini)
	grep -q "^$name  *$(sed -n 's/^title = //p' "$file")\$" \
		"$work/templates" || complain "$name is not listed"
	(cd "$work" && "$gnomon" sweep --list "$name" >by-name &&
		"$gnomon" sweep --list "$file" | cmp - by-name) >&2 ||
		complain "$name: not found by its name"
done
[ "$(wc -l <"$work/templates")" -eq "$(($(find \
	"$top_srcdir/examples/scenarios" -name '*.ini' | wc -l) + 1))" ] ||
	complain "odd templates: $(cat "$work/templates")"
refuse 2 'nosuchname: no such file' sweep --list nosuchname
# A file of that name comes first.
printf '[scenario]\nname = mine\nworkloads = forkwait\n%s\n' "$modes" \
	>"$work/fork"
(cd "$work" && "$gnomon" sweep --list fork) >"$work/out"
[ "$(wc -l <"$work/out")" -eq 2 ] || complain "not the file"

# The scenarios that come with gnomon are good.
for file in "$top_srcdir"/examples/scenarios/*.ini; do
	expect 0 sweep --list "$file"
	[ "$(wc -l <"$work/out")" -ge 10 ] || complain "$file: few points"
done
expect 0 sweep --list "$top_srcdir/examples/scenarios/exit-cost.ini"
grep -qx 'fork-exec-50 nested clx-8269cy 1 exit.round_trip=1150' \
	"$work/out" || complain "the preset's own price is not in the list"

refuse 2 'none.ini: No such file' sweep "$work/none.ini" -o "$work/dir"
refuse 2 'is not a file' sweep "$work" -o "$work/dir"
refuse 2 'is no scenario' sweep "$gnomon" -o "$work/dir"
refuse 2 'no scenario file is named' sweep
refuse 2 'need a folder' sweep "$work/s.ini"
for command in plot report; do
	refuse 2 'no folder of a sweep is named' "$command"
	refuse 1 'sweep.json' "$command" "$work"
done
finish

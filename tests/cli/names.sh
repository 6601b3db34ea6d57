#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# A misspelt name is answered with the nearest one and how to list them.
. "${top_srcdir:?}/tests/cli/lib.sh"

cd "$work" || exit 99	# no file of ours has such a name here

# meant STATUS NAME LIST ARGUMENT... : the answer names both.
meant() {
	status=$1 name=$2 list=$3
	shift 3
	refuse "$status" "(did you mean '$name'?).*$list" "$@"
}

meant 2 compare "'gnomon --help'" comapre
meant 2 --version "'gnomon --help'" --verison
meant 2 --verify "'gnomon compare --help'" compare --verfy
meant 2 --preset "'gnomon run --help'" run --prest=x
meant 2 --templates "'gnomon sweep --help'" sweep --tempaltes
meant 2 native 'there are: native, shadow' compare -m naive
meant 2 shadow+unsync 'there are: native' compare -m native,shadow-unsync
meant 2 clx-8269cy 'gnomon costs. lists' compare -p clx-8296cy
meant 2 clx-8269cy 'gnomon costs. lists' costs show clx
meant 2 exit.round_trip 'gnomon costs show. lists' \
	compare --set exit.roundtrip=1
meant 2 large 'there are: root-cache' compare --without=larg
meant 2 json 'there are: table, csv, json' costs --format=jsn
meant 2 show '' costs shwo
meant 2 guest '' record gust -o x -- true
meant 2 shadow 'there are: native, nested' vmm -m native,shdow
meant 2 gups "'gnomon workloads'" workloads gusp
meant 2 updates 'it has pages' run gups,update=3
meant 2 kpti 'it has' run pipes-user,ktpi=1
meant 1 gups "'gnomon workloads'" run gusp
meant 1 fork-cow-30 "'gnomon info --list'" compare fork-cow
meant 1 fork-exec-50 "'gnomon info --list' lists" info fork-exce-50
meant 1 pipes-user "'gnomon info --list' lists" walk pipes-usr 0x1000
meant 2 exit-cost "'gnomon sweep --templates'" sweep exit-cots -o dir
meant 2 exit-cost "'gnomon sweep --templates'" sweep exit-cots.ini -o dir
meant 2 pvm-scaling "'gnomon sweep --templates'" sweep --list pvm-scal

# Nothing is near: no guess.
for word in xyzzy q "$(printf '%0300d' 1)"; do
	for command in compare sweep\ -o\ dir info costs 'compare -m' ''; do
		# shellcheck disable=SC2086 # several words
		"$gnomon" $command "$word" >/dev/null 2>"$work/err" &&
			complain "$command $word: taken"
		grep -q 'did you mean' "$work/err" &&
			complain "$command: $(cat "$work/err")"
	done
done

# In a scenario, with file and line.
# wrong NAME LINE... : a scenario with these lines.
wrong() {
	name=$1
	shift
	printf '%s\n' '[scenario]' 'name = s' "$@" >"$work/s.ini"
	refuse 2 "s.ini:[0-9]*: .*(did you mean '$name'?)" \
		sweep "$work/s.ini" -o dir
}
w='workloads = forkwait,children=2,pages=2' m='modes = native'
wrong native "$w" 'modes = natve'
wrong seeds "$w" "$m" 'seed = 1'
wrong recordings "$m" 'recording = fork-exec-50'
wrong sensitivity "$w" "$m" '[sensitivty]' 'labels = assumed'
wrong factors "$w" "$m" '[sensitivity]' 'labels = assumed' 'factor = 2'
wrong assumed "$w" "$m" '[sensitivity]' 'labels = asumed' 'factors = 2'
wrong exit.round_trip "$w" "$m" '[vary]' 'exit.roundtrip = 1'
wrong pages "$w" "$m" '[vary]' 'workload.page = 1'
wrong forkwait 'workloads = forkwiat' "$m"
wrong clx-8269cy "$w" "$m" 'presets = clx8269cy'
printf '%s\n' '[scenario]' 'name = s' 'recordings = fork-exec' "$m" >s.ini
meant 1 fork-exec-50 "'gnomon info --list' lists" sweep s.ini -o dir
printf '%s\n' '[exit]' 'roundtrip = 1 | DER | x' >mine.ini
refuse 2 "mine.ini:2: .*(did you mean 'exit.round_trip'?)" \
	run -p ./mine.ini
printf '%s\n' '[exit]' 'round_trip = 1 | DIR | x' >mine.ini
refuse 2 "mine.ini:2: .*(did you mean 'DIG'?)" run -p ./mine.ini
[ ! -e dir ] || complain "a folder was made"

# The shipped recordings go by their names.
expect 0 info --list
for file in "$top_srcdir"/bench/recordings/*.gnr; do
	name=$(basename "$file" .gnr)
	grep -q "^$name " "$work/out" || complain "$name is not listed"
	[ -e "$name" ] && complain "$name is a file here"
	"$gnomon" info "$name" >by-name && "$gnomon" info "$file" >by-path
	tail -n +2 by-name >a
	tail -n +2 by-path >b
	cmp a b >&2 ||
		complain "$name is not found by its name"
done
expect 0 run pipes-user --format csv
cp "$work/out" by-name
expect 0 run "$top_srcdir/bench/recordings/pipes-user.gnr" --format csv
cmp by-name "$work/out" >&2 || complain "run: not the same by name"
# A folder of that name, as a sweep leaves it, is in nobody's way.
mkdir pipes-perf exit-cost gups
expect 0 info pipes-perf
expect 0 run gups,pages=64,updates=9
expect 0 sweep --list exit-cost
: >fork-cow-30
refuse 1 'fork-cow-30: ' info fork-cow-30	# a file comes first
finish

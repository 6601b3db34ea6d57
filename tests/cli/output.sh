#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Where output cannot go: one clear line, status 1, nothing partial.
. "${top_srcdir:?}/tests/cli/lib.sh"

one_line() {
	[ "$(wc -l <"$work/err")" -eq 1 ] && grep -q "$1" "$work/err"
}

no_plot() {
	refuse_out 1 "$1" compare "$recording" --no-plot -o "$2"
	no_leftovers "$work"
}

# As refuse, for commands that have printed their table before.
refuse_out() {
	wanted=$1 pattern=$2
	shift 2
	expect "$wanted" "$@"
	one_line "$pattern" || complain "gnomon $*: $(cat "$work/err")"
}

no_plot 'none/dir: cannot be made' "$work/none/dir"
: >"$work/file"
no_plot 'file: cannot be made' "$work/file"
mkdir -p "$work/taken/result.csv"
no_plot 'result.csv: is a folder' "$work/taken"
if [ "$(id -u)" -ne 0 ]; then
	mkdir -m 555 "$work/closed"
	no_plot 'closed: cannot be written' "$work/closed"
fi

# A complete file stays as it was when its successor fails.
mkdir -p "$work/kept/result.json"
echo old >"$work/kept/result.csv"
no_plot 'result.json: is a folder' "$work/kept"

# A full disk.
mkdir "$work/full"
if mount -t tmpfs -o size=4k tmpfs "$work/full" 2>/dev/null; then
	expect 1 compare "$recording" --no-plot -o "$work/full"
	grep -q 'No space left' "$work/err" || complain "full disk: no reason"
	for file in "$work/full/"* "$work/full/".*part*; do
		case $file in *'*'*) continue ;; esac
		[ "$(tail -c 1 "$file" | od -An -tu1 | tr -d ' ')" = 10 ] ||
			complain "full disk: partial $file"
	done
	umount "$work/full"
else
	echo "no tmpfs can be mounted: full disk not tested" >&2
fi

# A recording that an interrupt leaves half done goes, and one that has no name.
"$gnomon" workloads gups,updates=1000000000 -o "$work/big.gnr" &
pid=$!
tries=0
until [ -s "$work/big.gnr.part-$pid" ] || [ "$tries" -eq 300 ]; do
	tries=$((tries + 1))
	sleep .1
done
[ -s "$work/big.gnr.part-$pid" ] || complain "no unfinished recording"
kill -TERM "$pid"
wait "$pid" 2>/dev/null && complain "an interrupt was survived"
no_leftovers "$work"
refuse 1 '-: a recording cannot go to standard output' workloads getpid -o -

# Standard output that takes nothing.
for args in --help --version "compare --help" "costs show" \
	"compare $recording" "compare $recording --format json"; do
	# shellcheck disable=SC2086 # several words
	"$gnomon" $args >/dev/full 2>"$work/err"
	[ $? -eq 1 ] || complain "gnomon $args >/dev/full: status not 1"
	one_line 'standard output: No space' ||
		complain "gnomon $args >/dev/full: $(cat "$work/err")"
done
"$gnomon" costs >&- 2>"$work/err"
[ $? -eq 1 ] || complain "closed standard output: status not 1"

# Without gnuplot everything but the figures is there.
mkdir "$work/bin"
PATH=$work/bin "$gnomon" compare "$recording" -o "$work/bare" \
	>"$work/out" 2>"$work/err"
[ $? -eq 1 ] || complain "no gnuplot: status not 1"
grep -q 'gnuplot-nox' "$work/err" || complain "no gnuplot: no advice"
grep -q '^overhead' "$work/out" || complain "no gnuplot: no table"
for file in result.csv result.json overhead.dat; do
	[ -s "$work/bare/$file" ] || complain "no gnuplot: no $file"
done
[ ! -e "$work/bare/overhead.svg" ] || complain "no gnuplot: a figure"
no_leftovers "$work"
finish

#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The installed command works by itself: the recordings, presets, templates
# and figures that the examples and the cookbook name are found without the
# source tree.
#	installed.sh PREFIX-BIN/gnomon
set -eu

gnomon=$(realpath "$1")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
unset top_srcdir top_builddir GNOMON_DATADIR
cd "$work"

fail() {
	echo "$0: $*" >&2
	exit 1
}

bytes=0
"$gnomon" info --list | sed 1d >list
[ -s list ] || fail "no recordings"
while read -r name level _; do
	"$gnomon" info --json "$name" >info.json || fail "$name: damaged"
	path=$(sed -n 's/.*"file": "\(.*\)".*/\1/p' info.json)
	bytes=$((bytes + $(wc -c <"$path")))
	case $level in MMU | process) ;; *) fail "$name: level $level" ;; esac
done <list
for name in fork-exec-50 fork-cow-30 compile-2 random pipes-user pipes-perf; do
	grep -q "^$name " list || fail "$name is not installed"
done
[ "$bytes" -le 8388608 ] || fail "$bytes bytes of recordings, over 8 MiB"

"$gnomon" compare pipes-user -o out >table
grep -q nested table || fail "compare: no table"
[ -s out/result.csv ] || fail "compare: no result.csv"
if command -v gnuplot >/dev/null; then
	[ -s out/overhead.svg ] || fail "compare: no figure"
fi
"$gnomon" sweep --templates | sed '1d;s/ .*//' >templates
[ -s templates ] || fail "no templates"
while read -r name; do
	"$gnomon" sweep --list "$name" >points || fail "$name: not a scenario"
	[ -s points ] || fail "$name: no points"
done <templates
"$gnomon" costs show >costs-show
echo "installed: $(wc -l <list) recordings of $bytes bytes," \
	"$(wc -l <templates) templates"

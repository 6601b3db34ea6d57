#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# gnomon info and gnomon import with good and bad files: exit status, one
# clear line, and no file that should not be there.
set -u
gnomon=${top_builddir:?}/gnomon
good=${top_srcdir:?}/bench/recordings/fork-exec-50.gnr
ptt=$top_srcdir/tests/fuzz/ptt.corpus/whole.bin
work=$top_builddir/test-recording-cli.$$
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
mkdir "$work" && cd "$work" || exit 1
status=0

# want STATUS TEXT COMMAND...: the status, and a line with the text on stderr
want() {
	expected=$1 text=$2
	shift 2
	"$@" >out 2>err
	got=$?
	lines=$(wc -l <err)
	if [ "$got" != "$expected" ] || ! grep -q -e "$text" err ||
		[ "$lines" != 1 ] || ! grep -q '^gnomon: .*;' err; then
		echo "FAIL: $*: status $got, stderr:"
		cat err
		status=1
	fi
}

works() {
	if ! "$@" >out 2>err || [ -s err ]; then
		echo "FAIL: $*: "
		cat err
		status=1
	fi
}

holds() { # TEXT: the output of the last command has it
	grep -q -e "$1" out || { echo "FAIL: no '$1' in output"; status=1; }
}

works "$gnomon" info "$good"
holds 'table-store *34,206 *1,318 *30,775'
works "$gnomon" info --verify "$good"
holds '^verdict: 0 violations'
works "$gnomon" info --json --verify "$good"
holds '"violations": 0'
works "$gnomon" info --events 5..7 "$good"
[ "$(wc -l <out)" = 3 ] || { echo "FAIL: --events 5..7"; status=1; }

want 1 'names no kernel functions' "$gnomon" info --by-function "$good"
want 2 'needs a recording' "$gnomon" info
want 2 'N..M' "$gnomon" info --events 5 "$good"
want 2 'one recording' "$gnomon" info "$good" "$good"
want 2 'unknown option' "$gnomon" info --nonsense "$good"
want 1 'No such file' "$gnomon" info nothing.gnr
want 1 'not a regular file' "$gnomon" info .
: >empty.gnr
want 1 'is empty' "$gnomon" info empty.gnr
echo 'no recording' >foreign.gnr
want 1 'not a gnomon recording' "$gnomon" info foreign.gnr
head -c 100000 "$good" >cut.gnr
want 1 'was cut at byte 100000' "$gnomon" info cut.gnr
{ head -c 50000 "$good"; printf X; tail -c +50002 "$good"; } >flipped.gnr
want 1 'damaged at byte' "$gnomon" info --verify flipped.gnr

head -c 696 "$ptt" >input # without the byte that is for the fuzzer
works "$gnomon" import input -o new.gnr --meta guest=none --source tests
works "$gnomon" info new.gnr
holds 'guest *none'
works "$gnomon" info --verify new.gnr
works "$gnomon" import input -o again.gnr --meta guest=none --source tests
cmp new.gnr again.gnr || status=1
rm again.gnr

want 2 'needs an input' "$gnomon" import input
want 2 'needs an input' "$gnomon" import -o x.gnr
want 2 'KEY=TEXT' "$gnomon" import input -o x.gnr --meta Guest=1
want 2 'number from 1 to 22' "$gnomon" import input -o x.gnr --level 99
want 1 'already' "$gnomon" import "$good" -o x.gnr
want 1 'can import' "$gnomon" import foreign.gnr -o x.gnr
want 1 'No such file' "$gnomon" import nothing -o x.gnr
want 1 'is empty' "$gnomon" import empty.gnr -o x.gnr
want 1 'No such file' "$gnomon" import input -o nowhere/x.gnr
want 1 'not a regular file' "$gnomon" import input -o .
printf 'PERFILE2xxxxxxxx' >perf.data
want 1 'perf script' "$gnomon" import perf.data -o x.gnr
gzip -c input >packed.gz
want 1 'packed with gzip' "$gnomon" import packed.gz -o x.gnr
head -c 500 input >half
want 1 'ends in the middle' "$gnomon" import half -o x.gnr
if [ "$(id -u)" != 0 ]; then
	mkdir locked && chmod a-w locked
	want 1 'Permission denied' "$gnomon" import input -o locked/x.gnr
fi
for left in x.gnr* nowhere* .part*; do
	[ ! -e "$left" ] || { echo "FAIL: $left is left"; status=1; }
done
exit $status

#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Files that are no good recordings: one clear line, status 1, no output.
. "${top_srcdir:?}/tests/cli/lib.sh"

bytes=$(wc -c <"$recording")

# try NAME PATTERN FILE : compare and run both refuse it, and write nothing.
try() {
	for command in compare run; do
		refuse 1 "$2" "$command" "$3"
	done
	refuse 1 "$2" compare "$3" -o "$work/dir"
	for file in "$work"/dir/*; do
		[ ! -e "$file" ] || complain "$1: $file was written"
	done
	no_leftovers "$work"
}

# flip OFFSET FILE : one bit of the recording turned over.
flip() {
	byte=$(od -An -tu1 -j "$1" -N 1 "$recording" | tr -d ' ')
	cp "$recording" "$2"
	chmod u+w "$2"
	# shellcheck disable=SC2059 # the format is the byte
	printf "\\$(printf %o $((byte ^ 16)))" |
		dd of="$2" bs=1 seek="$1" conv=notrunc 2>/dev/null
}

try missing 'none.gnr: .*No such file' "$work/none.gnr"
: >"$work/empty.gnr"
try empty empty.gnr "$work/empty.gnr"
mkdir "$work/folder.gnr"
try folder folder.gnr "$work/folder.gnr"
cp "$gnomon" "$work/foreign.gnr"
try foreign foreign.gnr "$work/foreign.gnr"
for cut in 1 7 64 $((bytes / 2)) $((bytes - 1)); do
	head -c "$cut" "$recording" >"$work/cut.gnr"
	try "cut at $cut" cut.gnr "$work/cut.gnr"
done
for at in 0 9 40 200 $((bytes / 3)) $((bytes / 2)) $((bytes - 9)); do
	flip "$at" "$work/flipped.gnr"
	try "flipped at $at" flipped.gnr "$work/flipped.gnr"
done
cat "$recording" "$recording" >"$work/twice.gnr"
try twice twice.gnr "$work/twice.gnr"
printf 'a = 1\n[' >"$work/bad.ini"
refuse 2 'bad.ini' compare "$recording" --preset "$work/bad.ini"
refuse 2 'none.ini' compare "$recording" --preset "$work/none.ini"
mkdir "$work/dir.ini"
refuse 2 'dir.ini: cannot be read: Is a dir' costs show "$work/dir.ini"
printf '# nothing\n' >"$work/bare.ini"
refuse 2 'bare.ini: is no preset (has no key)' costs show "$work/bare.ini"
printf '[exit]\nround_trip = 7 | DER | x\n\000' >"$work/binary.ini"
refuse 2 'binary.ini: is no preset (binary)' costs show "$work/binary.ini"
# A device that never ends.
refuse 2 '/dev/zero: is no preset (binary)' costs show /dev/zero

for command in plot report 'sweep --check'; do
	# shellcheck disable=SC2086 # several words
	refuse 1 'dir.ini: is no folder of a sweep' $command "$work/dir.ini"
done
mkdir "$work/odd"
echo '{}' >"$work/odd/sweep.json"
refuse 1 'odd/sweep.json: is not of a sweep' plot "$work/odd"

# What a terminal would obey or cannot show is printed as \xNN.
refuse 1 "^gnomon: '': No such file" info ''
refuse 1 'a\\xff\\xc2\\x9b1mé€😀: cannot open' info \
	"$work/$(printf 'a\377\302\2331mé€😀')"
finish

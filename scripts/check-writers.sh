#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# One file writes shadow entries, one nested ones, one direct ones, each called
# set.c. Elsewhere in these folders: no atomic write but to the head of a
# list and to the mark of a page in use, no assignment through what reaches an
# entry, and nothing that takes an entry's address but a load.
set -u
. "${top_srcdir:-.}/scripts/lib.sh"
atomic='__atomic_(store|exchange|compare|fetch|add|sub|or|and|xor|nand)'
assign='((spt|machine)\[[^]]*\]|\*gn_np_slot\([^)]*\))[ 	]*[-+&|^]?=[^=]'
address='&[a-z_.>-]*(spt|machine)\[|=[ 	]*gn_np_slot\('

cd "$top_srcdir" || exit 1
for folder in shadow nested direct; do
	[ -e "$folder/set.c" ] || continue
	grep -Eq "$atomic" "$folder/set.c" ||
		complain "$folder/set.c does not write: is this check stale?"
	grep -En "$atomic|$assign|$address" "$folder"/*.[ch] |
		grep -v "^$folder/set\.c:" |
		grep -Ev 'refs\.[ch]:.*__atomic[a-z_]*\(list,' |
		grep -Ev '&page->referenced,|_load_n\(&page->spt\[' \
			>"$work/found"
	while read -r line; do
		complain "$line: entries are written in $folder/set.c only"
	done <"$work/found"
done
finish

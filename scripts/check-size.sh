#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Files, functions and lines stay short. scripts/size-allow.txt lists the
# exceptions: file, limit in lines, reason.
set -u
. "${top_srcdir:-.}/scripts/lib.sh"

limit_of() { # file
	allowed=$(awk -v f="$1" '$1 == f { print $2 }' \
		"$top_srcdir/scripts/size-allow.txt")
	case ${allowed:+listed}$1 in
	listed*) echo "$allowed" ;;
	include/*) echo 700 ;;
	*.c) echo 500 ;;
	*.h) echo 250 ;;
	tests/*) echo 120 ;;
	*) echo 60 ;;
	esac
}

for file in $(sources '*.c' '*.h' '*.sh' '*.m4'); do
	lines=$(wc -l <"$top_srcdir/$file") limit=$(limit_of "$file")
	[ "$lines" -le "$limit" ] ||
		complain "$file: $lines lines, the limit is $limit"
	expand "$top_srcdir/$file" | awk -v file="$file" '
		length($0) > 80 && !/https?:\/\// {
			print file ":" NR ": " length($0) " columns"
		}'
	case $file in *.[ch]) ;; *) continue ;; esac
	awk -v file="$file" '
		/^{$/ { start = NR }
		/^}$/ {
			if (start && NR - start + 1 > 60)
				print file ":" start ": function of " \
					NR - start + 1 " lines"
			start = 0
		}' "$top_srcdir/$file"
done >"$work/found"
while read -r line; do complain "$line"; done <"$work/found"
finish

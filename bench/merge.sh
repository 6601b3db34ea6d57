#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Put rows from stdin into a bench CSV in place of those of the same name, and
# show them: merge.sh FILE.
set -eu
file=$1
new=$(mktemp "$file.XXXXXX")
trap 'rm -f "$new"' EXIT
test -f "$file" || echo name,value,unit,baseline,ratio >"$file"
awk -F, 'FNR == NR { row[$1] = $0; order[++n] = $1; next }
	!($1 in row) { print }
	END { for (i = 1; i <= n; i++) print row[order[i]] }' \
	- "$file" >"$new"
mv "$new" "$file"
column -s, -t <"$file" 2>/dev/null || cat "$file"

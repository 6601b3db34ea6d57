#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# What the cookbook prints can be run: its commands, options, scenarios and
# pictures are there.
. "${top_srcdir:?}/tests/cli/lib.sh"

book=$top_srcdir/docs/cookbook.md
# One command a line, continued lines joined; options beyond the command's own
# `--` are another program's.
sed -n '/^    /p' "$book" | sed -e ':a' -e '/\\$/{N;s/\\\n//;ba' -e '}' |
	sed -n -e 's/^ *//' -e 's/ *#.*//' -e 's/ -- .*//' \
	-e '/^gnomon /p' >"$work/commands"
[ "$(wc -l <"$work/commands")" -ge 20 ] || complain "few commands"
while read -r name command rest; do
	expect 0 "$command" --help
	cp "$work/out" "$work/help"
	for option in $(echo "$rest" | grep -oE -- '(^| )--[a-z][a-z-]*'); do
		grep -q -- "$option" "$work/help" ||
			complain "$name $command has no $option"
	done
	case $command in
	sweep)
		scenario=${rest%% *}
		case $scenario in --*) continue ;; esac
		expect 0 sweep --list "$scenario" ;;
	esac
done <"$work/commands"

# Ten questions, each with a command and a picture.
awk '/^## [0-9]/ { n++ } /^## / { at = $2 + 0 }
	at && /^    gnomon/ { c[at] = 1 }
	at && /^!\[/ { p[at] = 1 } END { for (i = 1; i <= 10; i++)
	if (!c[i] || !p[i]) print i; exit n != 10 }' "$book" >"$work/lacking" ||
	complain "not ten questions"
[ ! -s "$work/lacking" ] || complain "lacking: $(cat "$work/lacking")"
grep -oE '\]\([^)]*\)' "$book" | tr -d '])(' | while read -r file; do
	[ -s "$top_srcdir/docs/$file" ] || echo "$file"
done >"$work/missing"
[ ! -s "$work/missing" ] || complain "missing: $(cat "$work/missing")"
finish

#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The help texts are what they were, and each command has its manual page.
. "${top_srcdir:?}/tests/cli/lib.sh"

expect 0 --help
same "$work/out" help.txt
commands=$(sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p' "$work/out")
[ -n "$commands" ] || complain "no commands in the help text"

for command in $commands; do
	expect 0 "$command" --help
	same "$work/out" "help-$command.txt"
	cp "$work/out" "$work/long"
	expect 0 "$command" -h
	cmp -s "$work/out" "$work/long" || complain "$command: -h differs"
	expect 0 "$command" --version
	page=$top_srcdir/man/gnomon-$command.1
	[ -f "$page" ] || complain "gnomon-$command.1 is missing"
	grep -q "^\.Xr gnomon-$command 1" "$top_srcdir/man/gnomon.1" ||
		complain "gnomon.1 does not name gnomon-$command"
	# Each long option is in the page.
	sed -n 's/^  .*--\([a-z][a-z0-9-]*\).*/\1/p' "$work/long" |
		grep -v -e '^help$' -e '^version$' >"$work/options"
	while read -r option; do
		grep -q "Fl -$option\>" "$page" ||
			complain "gnomon-$command.1 lacks --$option"
	done <"$work/options"
done

expect 0 --version
echo "gnomon $(sed -n 's/^Version: //p' "$top_builddir/gnomon.pc")" |
	diff - "$work/out" >&2 || complain "odd version"
finish

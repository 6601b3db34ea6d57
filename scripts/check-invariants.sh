#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# docs/invariants.md: every rule has a line with a test that exists or a
# reason why it cannot arise, and every public call has its worst case.
set -u
. "${top_srcdir:-.}/scripts/lib.sh"
doc=$top_srcdir/docs/invariants.md
rules=52

# suite/test of every test there is.
sources '*.c' | grep '^tests/' | sed "s|^|$top_srcdir/|" | xargs sed -nE \
	's/^(Parameterized)?Test\(([a-z0-9_]+), ([a-z0-9_]+).*/\2\/\3/p' \
	>"$work/tests"
[ -s "$work/tests" ] || complain "no tests found: is this check stale?"

named() { # test rule
	case $1 in
	tests/*) [ -e "$top_srcdir/$1" ] && return ;;
	*) pattern=$(echo "$1" | sed 's/\*/.*/g')
		grep -qx "$pattern" "$work/tests" && return ;;
	esac
	complain "$2: there is no test $1"
}

n=0
while [ $n -lt $rules ]; do
	n=$((n + 1))
	line=$(grep "^| I$n |" "$doc")
	last=$(echo "$line" | sed 's/ |$//; s/.* | //')
	if [ "$(echo "$line" | wc -l)" -ne 1 ] || [ -z "$line" ]; then
		complain "I$n: not one line"
		continue
	fi
	case $last in "cannot arise: "?*) continue ;; esac
	# shellcheck disable=SC2016 # quotes of the text
	echo "$last" | grep -o '`[a-z0-9_]*/[^`]*`' | tr -d '`' >"$work/named"
	[ -s "$work/named" ] || complain "I$n: no test and no reason"
	while read -r test; do named "$test" "I$n"; done <"$work/named"
done

sed '1,/^## Worst cases/d' "$doc" >"$work/bounds"
while read -r call; do
	case $call in gnomon_policy_*) call='gnomon_policy_*' ;; esac
	grep -qF "\`$call\`" "$work/bounds" ||
		complain "$call: no worst case in docs/invariants.md"
done <"$top_srcdir/scripts/symbols.txt"
finish

#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# What quickstart says without doing anything, and the closing line of CI.
set -u
. "${top_srcdir:-.}/scripts/lib.sh"

expect() { # name wanted got
	[ "$2" = "$3" ] || complain "$1: wanted '$2', got '$3'"
}

status_of() {
	"$@" >"$work/out" 2>"$work/err" </dev/null
	echo "$?"
}

expect help 0 "$(cd / && status_of "$top_srcdir/quickstart" --help)"
grep -q '^Usage: ./quickstart' "$work/out" || complain "help: no usage"
expect 'unknown word' 2 "$(status_of "$top_srcdir/quickstart" tset)"
expect 'too many words' 2 "$(status_of "$top_srcdir/quickstart" test test)"
grep -q '^Usage: ./quickstart' "$work/err" || complain "usage: not on stderr"

summary=$top_srcdir/scripts/test-summary.sh
mkdir -p "$work/b/t" "$work/b/asan"
expect 'no results' 1 "$(status_of "$summary" "$work/b")"
expect 'no results' '0 passed, 0 failed, 0 skipped' "$(cat "$work/out")"
printf ':test-result: %s\n' 'PASS a' SKIP XFAIL >"$work/b/t/a.trs"
echo ':test-result: PASS' >"$work/b/b.trs"
echo ':test-result: FAIL' >"$work/b/asan/a.trs"
: >"$work/b/asan/config.status"
expect 'inner build' 0 "$(status_of "$summary" "$work/b")"
expect 'inner build' '3 passed, 0 failed, 1 skipped' "$(cat "$work/out")"
printf ':test-result: %s\n' FAIL ERROR XPASS >"$work/b/c.trs"
expect failures 1 "$(status_of "$summary" "$work/b")"
expect failures '3 passed, 3 failed, 1 skipped' "$(cat "$work/out")"
finish

#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The shared library exports what symbols.txt lists, all of it gnomon_*; the
# static one defines no global name outside gn_* and gnomon_*.
# After a deliberate change: scripts/check-symbols.sh --update
set -u
. "${top_srcdir:-.}/scripts/lib.sh"
[ "${GN_INSTRUMENTED:-no}" = no ] || skip "an instrumented build"
shared=$top_builddir/.libs/libgnomon.so
static=$top_builddir/.libs/libgnomon.a
[ -e "$static" ] || static=$top_builddir/libgnomon.a
list=$top_srcdir/scripts/symbols.txt
[ -e "$shared" ] || [ -e "$static" ] || complain "no library to look at"

if [ -e "$shared" ]; then
	nm -D --defined-only "$shared" | awk '{ print $NF }' |
		sort >"$work/exported"
	if [ "${1:-}" = --update ]; then
		cp "$work/exported" "$list"
	fi
	diff -u "$list" "$work/exported" >&2 ||
		complain "exports differ from scripts/symbols.txt"
	! grep -v '^gnomon_' "$work/exported" >&2 ||
		complain "exported without the prefix gnomon_"
fi
if [ -e "$static" ]; then
	for symbol in $(nm -g --defined-only "$static" |
		awk 'NF == 3 { print $3 }' | grep -Ev '^(gn|gnomon)_'); do
		complain "$symbol is global without the prefix gn_ or gnomon_"
	done
fi
finish

#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Every tracked file is in the release tarball.
set -u
. "${top_srcdir:-.}/scripts/lib.sh"
command -v git >/dev/null 2>&1 || skip "no git"
tracked() { git -C "$top_srcdir" -c safe.directory='*' ls-files; }
[ -e "$top_srcdir/.git" ] || skip "not a checkout"

tracked | grep -v '^\.git' | sort >"$work/tracked"
MAKEFLAGS='' "$MAKE" -s --no-print-directory -C "$top_builddir" \
	print-distfiles |
	sed "s|^$top_srcdir/||; s|^\(\.\./\)*||; s|^\./||" |
	sort -u >"$work/distributed"
[ -s "$work/distributed" ] || complain "make lists no files to distribute"
for file in $(comm -23 "$work/tracked" "$work/distributed"); do
	complain "$file is tracked but not distributed: add it to EXTRA_DIST"
done
finish

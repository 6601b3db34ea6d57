#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# gnomon record perf, from end to end. Skipped where perf is missing or this
# kernel or user may not trace; what it says then is part of the test.
set -u
. "${top_srcdir:?}/tests/record/lib.sh"
work=$top_builddir/test-record-perf.$$
trap 'rm -rf "$work"' EXIT
mkdir "$work" && cd "$work" || exit 1

refused perf 2 'no --filter' --filter 0 -- true
refused perf 1 'is missing' --perf /nonexistent -- true

count_to_five perf --timeout 300
status=$?
if [ $status = 1 ] && grep -q -e 'is missing' -e "are root's" \
	-e 'no tracefs' -e 'no tracepoint' -e 'own words' err; then
	[ ! -e x.gnr ] || fail "x.gnr is left"
	echo "SKIP: $(cat err)"
	exit 77
fi
counted_to_five $status
[ "$(count fault x.gnr)" -gt 200 ] || fail "$(count fault x.gnr) faults"
"$gnomon" run -m shadow --verify x.gnr >out 2>err ||
	fail "cannot be replayed"
exit 0

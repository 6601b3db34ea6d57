#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# test-summary.sh BUILD: sum the results that the test drivers left below
# BUILD, print them as the closing line, fail where a test failed or none ran.
# A build inside this one (check-asan and its like) is one result.
set -eu
results=$(find "$1" -mindepth 1 -type d \
	-exec test -e {}/config.status \; -prune -o \
	-name '*.trs' -exec cat {} + |
	sed -n 's/^:test-result: *\([A-Z]*\).*/\1/p')
count() { printf '%s\n' "$results" | grep -Ecx "$1" || true; }
passed=$(count 'PASS|XFAIL') failed=$(count 'FAIL|XPASS|ERROR')
skipped=$(count SKIP)
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]

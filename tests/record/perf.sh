#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# gnomon record perf, from end to end. Skipped where perf is missing or this
# kernel or user may not trace; what it says then is part of the test.
set -u
gnomon=${top_builddir:?}/gnomon
work=$top_builddir/test-record-perf.$$
trap 'rm -rf "$work"' EXIT
mkdir "$work" && cd "$work" || exit 1

fail() {
	echo "FAIL: $*"
	[ ! -f err ] || cat err
	exit 1
}
count() { # NAME FILE: events of that name
	"$gnomon" info "$2" | awk -v n="$1" '$1 == n { print $2; f = 1 }
		END { if (!f) print 0 }'
}

"$gnomon" record perf --filter 0 -o x.gnr -- true 2>err
[ $? = 2 ] || fail "took --filter"
"$gnomon" record perf --perf /nonexistent -o x.gnr -- true 2>err
[ $? = 1 ] || fail "took a perf that is not there"
grep -q 'is missing' err || fail "missing perf"

# shellcheck disable=SC2016 # the recorded shell expands it
"$gnomon" record perf -o x.gnr --timeout 300 -- sh -c 'i=0
	while [ $i -lt 5 ]; do (j=$i); /bin/true; i=$((i+1)); done
	echo "counted to $i"; exit 3' >out 2>err
status=$?
if [ $status = 1 ] && grep -q -e 'is missing' -e "are root's" \
	-e 'no tracefs' -e 'no tracepoint' -e 'own words' err; then
	[ ! -e x.gnr ] || fail "x.gnr is left"
	echo "SKIP: $(cat err)"
	exit 77
fi
[ $status = 1 ] || fail "status $status"
grep -q 'status 3' err || fail "the command's status"
grep -q '^counted to 5' out || fail "no output"
"$gnomon" info x.gnr | grep -q 'process level, complete' || fail "kind"
forks=$(($(count fork x.gnr) + $(count vfork x.gnr)))
[ $forks = 10 ] || fail "$forks forks"
[ "$(count exec x.gnr)" = 6 ] || fail "$(count exec x.gnr) execs"
[ "$(count exit x.gnr)" = 11 ] || fail "$(count exit x.gnr) exits"
[ "$(count fault x.gnr)" -gt 200 ] || fail "$(count fault x.gnr) faults"
"$gnomon" run -m shadow --verify x.gnr >out 2>err ||
	fail "cannot be replayed"
exit 0

#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# gnomon record user, from end to end: a shell that forks and executes, a
# static program, a script, an empty environment; then signals. Skipped where
# qemu-user is missing.
set -u
. "${top_srcdir:?}/tests/record/lib.sh"
work=$top_builddir/test-record-user.$$
trap 'rm -rf "$work"' EXIT
mkdir "$work" && cd "$work" || exit 1

refused user 2 'needs'
refused user 2 'no --memory' --memory 512 -- true
refused user 2 'no --perf' --perf x -- true
refused user 2 'power of two' --filter 3 -- true
refused user 1 'is missing; \|was not built' --qemu /nonexistent -- true

count_to_five user --timeout 300
status=$?
if grep -q -e 'is missing' -e 'was not built' -e 'recorder needs' err; then
	echo "SKIP: $(cat err)"
	exit 77
fi
counted_to_five $status
for mode in shadow nested; do
	"$gnomon" run -m $mode --verify x.gnr >out 2>err ||
		fail "cannot be replayed under $mode"
done
"$gnomon" run x.gnr,kpti=1,pcid=1 --verify >out 2>err || fail "with keys"
"$gnomon" run x.gnr,cows=1 >out 2>err && fail "took cows=1"
grep -q 'no such parameter' err || fail "cows=1"

# A script, an empty environment, a program that a signal ends.
{
	echo '#!/usr/bin/env sh'
	# shellcheck disable=SC2016 # the script expands it
	echo 'env -i /bin/echo "$1"'
	echo 'sh -c "kill -9 \$\$"'
	echo 'true'
} >script
chmod +x script
"$gnomon" record user -o y.gnr -- ./script hello >out 2>err ||
	fail "script: status $?"
grep -q '^hello' out || fail "script's output"
# env becomes sh; env becomes echo; the second sh.
[ "$(count exec y.gnr)" = 5 ] || fail "script: $(count exec y.gnr) execs"
[ "$(count exit y.gnr)" = 3 ] || fail "script: $(count exit y.gnr) exits"
rm x.gnr
echo data >script.data
chmod +x script.data
refused user 1 'no program or script' -- ./script.data
refused user 1 'no such program' -- ./nothing

# Another user's process runs on, unseen. Only root can become one.
if [ "$(id -u)" = 0 ] && command -v su >/dev/null &&
	su -s /bin/sh -c true nobody 2>/dev/null </dev/null; then
	"$gnomon" record user -o u.gnr -- su -s /bin/sh -c 'echo as nobody' \
		nobody >out 2>err </dev/null || fail "su: status $?"
	grep -q '^as nobody' out || fail "su"
fi

# SIGTERM: complete up to there, nothing left behind.
(exec "$gnomon" record user -o t.gnr -- sh -c 'while :; do :; done' \
	>out 2>err) &
pid=$!
sleep 2
kill -TERM $pid
wait $pid
[ $? = 1 ] || fail "SIGTERM: status"
grep -q 'stopped by signal 15' err || fail "SIGTERM"
"$gnomon" info t.gnr | grep -q 'complete' || fail "SIGTERM: not complete"
"$gnomon" record user --timeout 1 -o l.gnr -- sleep 60 >out 2>err
grep -q 'time limit' err || fail "time limit"

# SIGKILL: readable up to the last frame. The frame is small for that.
(exec "$gnomon" record user -o k.gnr --filter 0 -- \
	sh -c 'while :; do :; done' >out 2>err) &
pid=$!
sleep 3
kill -KILL $pid
wait $pid 2>/dev/null
set -- k.gnr.part-*
[ -f "$1" ] || fail "SIGKILL: no file"
"$gnomon" info "$1" >out 2>err
grep -q 'was cut' err || fail "SIGKILL: not said to be cut"
grep -q 'process level' out || fail "SIGKILL: not readable"
exit 0

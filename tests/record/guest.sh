#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# gnomon record guest, from end to end: a shell that forks and executes, in a
# real kernel; and with two vcpus, one of which takes back what the other uses.
# The recordings must judge themselves right. Skipped where QEMU or a kernel
# cannot be had; GNOMON_KERNEL and GNOMON_MODULES name one.
set -u
. "${top_srcdir:?}/tests/record/lib.sh"
work=$top_builddir/test-record.$$
trap 'rm -rf "$work"' EXIT
mkdir "$work" && cd "$work" || exit 1

refused guest 2 'needs'
refused guest 2 'power of two' --filter 3 -- true
refused guest 2 'number from 128 to 3072' --memory 1 -- true
refused guest 2 'one vcpu' --deterministic --vcpus 2 -- true
refused guest 1 'is missing; \|was not built' --qemu /nonexistent -- true

set -- --timeout 500
[ -z "${GNOMON_KERNEL:-}" ] || set -- "$@" --kernel "$GNOMON_KERNEL"
[ -z "${GNOMON_MODULES:-}" ] || set -- "$@" --modules "$GNOMON_MODULES"
count_to_five guest "$@"
status=$?
if grep -q -e 'is missing' -e 'none that can' -e 'was not built' \
	-e 'recorder needs' err; then
	echo "SKIP: $(cat err)"
	exit 77
fi
cat out err
grep -q '^counted to 5' out || fail "no output"
grep -q '0 violations' out || fail "verdict"
[ $status = 1 ] || fail "status $status"
grep -q 'status 3' err || fail "the command's status"
"$gnomon" info --verify x.gnr >out || fail "verdict of info"
# Five subshells and five programs: at least ten loads of CR3.
awk '$1 == "cr3" { exit !($4 >= 10) }' out || fail "loads of CR3"

# Threads of one program on two vcpus; the replay asks the oracle, too.
# shellcheck disable=SC2086 # more than one word
$CC -std=gnu17 -O1 -o threads "$top_srcdir/tests/record/threads.c" \
	-lpthread || fail "cannot build threads"
"$gnomon" record guest "$@" --vcpus 2 --no-symbols -o y.gnr -- \
	"$PWD/threads" 30 >out 2>err || { cat out; fail "two vcpus"; }
cat out
grep -q '0 violations' out || fail "verdict of two vcpus"
"$gnomon" info y.gnr | grep -q '2 vcpus' || fail "two vcpus in the header"
"$gnomon" run -m shadow --verify y.gnr >out 2>err || fail "replay"

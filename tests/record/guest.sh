#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# gnomon record guest, from end to end: a shell that forks and executes, in a
# real kernel. The recording must judge itself right. Skipped where QEMU, a
# kernel or busybox is missing; GNOMON_KERNEL and GNOMON_MODULES name others.
set -u
gnomon=${top_builddir:?}/gnomon
work=$top_builddir/test-record.$$
trap 'rm -rf "$work"' EXIT
mkdir "$work" && cd "$work" || exit 1

fail() {
	echo "FAIL: $*"
	exit 1
}

refused() { # STATUS TEXT OPTION...
	expected=$1 text=$2
	shift 2
	"$gnomon" record guest -o x.gnr "$@" >out 2>err
	status=$?
	[ $status = "$expected" ] || fail "$*: status $status"
	grep -q "$text" err || fail "$*: $(cat err)"
	[ ! -e x.gnr ] || fail "$*: x.gnr is left"
}

refused 2 'needs'
refused 2 'power of two' --filter 3 -- true
refused 2 'number from 128 to 3072' --memory 1 -- true
refused 1 'is missing; \|was not built' --qemu /nonexistent -- true

set -- --timeout 500
[ -z "${GNOMON_KERNEL:-}" ] || set -- "$@" --kernel "$GNOMON_KERNEL"
[ -z "${GNOMON_MODULES:-}" ] || set -- "$@" --modules "$GNOMON_MODULES"
# shellcheck disable=SC2016 # the guest's shell expands it
"$gnomon" record guest -o x.gnr "$@" -- \
	sh -c 'i=0; while [ $i -lt 5 ]; do (j=$i); /bin/true; i=$((i+1)); done
		echo "counted to $i"; exit 3' >out 2>err
status=$?
if grep -q -e 'is missing' -e 'none that can' -e 'was not built' \
	-e 'needs 7.2' err; then
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

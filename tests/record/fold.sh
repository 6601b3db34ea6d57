#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# One access stands for others of its block: every access of real programs is
# where that says. Skipped where qemu-user 7.2 or a program is missing.
set -u
plugin=${top_builddir:?}/tests/record/.libs/fold_plugin.so
err=$top_builddir/test-fold.$$
trap 'rm -f "$err"' EXIT
qemu=$(command -v qemu-x86_64) || { echo "SKIP: no qemu-x86_64"; exit 77; }
[ -f "$plugin" ] || { echo "SKIP: the plugin was not built"; exit 77; }
case $("$qemu" --version) in
*' version 7.2.'*) ;;
*) echo "SKIP: another version of $qemu"; exit 77 ;;
esac

judge() { # LEAST THREADS COMMAND: at least so many accesses folded, and by
	# later threads; none wrong; groups are known when blocks start
	least=$1 threads=$2
	shift 2
	program=$(command -v "$1") || return 0
	shift
	"$qemu" -plugin "$plugin" "$program" "$@" >/dev/null 2>"$err"
	awk -v least="$least" -v threads="$threads" '/^folding:/ { found = 1
			if ($4 < least || $6 != 0 || $8 == 0 || $10 < threads)
				exit 1 }
		END { exit !found }' "$err" && return 0
	echo "FAIL: $program $*:"
	cat "$err"
	exit 1
}

# shellcheck disable=SC2016 # the program expands it
judge 100000 0 dash -c 'i=0; while [ $i -lt 3000 ]; do i=$((i+1)); done'
judge 500000 0 gzip -c "$plugin"
# shellcheck disable=SC2016
judge 1000000 0 perl -e 'my %h; $h{$_} = $_ * 1.5 for 0..9999;
	my $s = 0; $s += $h{$_} for sort { $a <=> $b } keys %h; print $s'
# shellcheck disable=SC2016
judge 100000 0 bash -c 'for ((i = 0; i < 2000; i++)); do s+=$i; done; echo $s'
judge 100000 0 sed -n 's/\([a-z]*\) \(.*\)/\2 \1/p' \
	"${top_srcdir:?}/docs/recorder.md"
# Threads: each has leaders of its own. Blocks smaller than the input make it
# use two, besides the first.
judge 1000000 1000000 xz -0 -k -c -T2 --block-size=100000 "$plugin"
exit 0

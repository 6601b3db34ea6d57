#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Linux to its /init, 100 times fork+exec, write and hash, power off: in every
# mode the digest of a run without the VMM, a clean audit, and under
# --icount the counters of the baseline. Run by `make check-vmm`; with
# UPDATE=1 it rewrites the baseline (in the source folder).
set -u
: "${top_srcdir:=.}" "${top_builddir:=build}"
image=$top_builddir/vmm/gnomon-vmm
baseline=$top_srcdir/tests/vmm/baseline.txt
[ -f "$image" ] || { echo "skipped: the VMM is not built here"; exit 77; }
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
modes=${MODES:-nested,shadow,unsync,noprefetch,unsync64,switch,adaptive}

"$top_srcdir/vmm/run" --image "$image" --icount --mode "native,$modes" \
	--keep "$work" || exit $?

# Five levels, 1G pages, SMEP and SMAP.
"$top_srcdir/vmm/run" --image "$image" --cpu max,-pku --mode unsync ||
	exit $?

digest() { tr -d '\r' <"$work/$1.console" | sed -n 's/^gnomon: digest //p'; }
failed=0
for mode in $(echo "$modes" | tr , ' '); do
	if [ -z "$(digest native)" ] ||
		[ "$(digest "$mode")" != "$(digest native)" ]; then
		echo "$mode: digest '$(digest "$mode")' instead of" \
			"'$(digest native)'"
		failed=1
	fi
done

# Counters at the marks: the same guest and QEMU count the same.
{
	echo "qemu $(qemu-system-x86_64 --version | sed -n 1p)"
	echo "kernel $(sed -n 's/.*Linux version \([^ ]*\).*/\1/p' \
		"$work/native.console" | sed -n 1p)"
	for mode in $(echo "$modes" | tr , ' '); do
		grep -E '^vmm: (mark|exits|faults) [12] ' "$work/$mode.log" |
			sed "s/^vmm:/$mode/"
	done
} >"$work/now"
if [ -n "${UPDATE:-}" ]; then
	cp "$work/now" "$baseline"
elif ! diff "$baseline" "$work/now" >"$work/diff"; then
	if grep -qE '^[<>] (qemu|kernel) ' "$work/diff"; then
		echo "skipped: the baseline is of another QEMU or kernel:"
		grep -E '^[<>] (qemu|kernel) ' "$work/diff"
		[ "$failed" = 0 ] && exit 77
	else
		echo "counters differ from $baseline:"
		cat "$work/diff"
		failed=1
	fi
fi
exit "$failed"

#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The VMM's own guests in every mode: the one that checks, the one that
# attacks, and a 32-bit one from a file. Seconds.
set -u
: "${top_srcdir:=.}" "${top_builddir:=build}"
image=$top_builddir/vmm/gnomon-vmm
[ -f "$image" ] || { echo "skipped: the VMM is not built here"; exit 77; }
for guest in selftest hostile "$top_builddir/vmm/guest/legacy"; do
	"$top_srcdir/vmm/run" --image "$image" --guest "$guest" --timeout 100 ||
		exit $?
done

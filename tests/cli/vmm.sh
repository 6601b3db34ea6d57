#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# gnomon vmm hands its options to the runner, and refuses nonsense itself.
. "${top_srcdir:?}/tests/cli/lib.sh"

refuse 2 "forks must be a number from 1" vmm --forks 0
refuse 2 "prefetch must be a number from 0 to 64" vmm --prefetch 65
refuse 2 "prefetch must be a power of two, not 24" vmm --prefetch 24
refuse 2 "runs must be a number from 1" vmm --runs 0
refuse 2 "no format 'json'; there are: table, csv" vmm --format json
refuse 2 "unknown option '--nonsense'" vmm --nonsense
refuse 2 "unexpected argument 'x'" vmm x
refuse 2 "no mode 'foo'; there are: native, nested," vmm -m nested,foo
refuse 2 "no mode ''" vmm -m shadow,
[ "$failed" -eq 0 ] || finish
[ -f "$top_builddir/vmm/gnomon-vmm" ] || exit 77
command -v qemu-system-x86_64 >/dev/null || exit 77
expect 0 vmm --guest selftest --mode nested,adaptive
grep -q '^nested .*exit code=0' "$work/out" || complain "nested"
grep -q '^adaptive .*exit code=0' "$work/out" || complain "adaptive"
expect 1 vmm --guest "$work/none" --mode nested
grep -q '/none: no such guest' "$work/err" || complain "no guest, no word"
expect 1 vmm --kernel "$work/none" --mode nested
grep -q '/none: no such file' "$work/err" || complain "no kernel, no word"
expect 1 vmm --guest selftest --mode nested --keep /dev/null/there
grep -q 'exit code=0' "$work/out" || complain "not kept, not run"
expect 0 vmm --guest cost --mode nested
grep -q '^nested *hypercall *best=[0-9]* *median=[0-9]' "$work/out" ||
	complain "no cost"
finish

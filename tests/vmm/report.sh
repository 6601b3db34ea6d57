#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The lines that vmm/run makes of a log and a console, and the best and the
# median of several: what they must say is worked out here by hand.
set -u
: "${top_srcdir:=.}"
vmm=$top_srcdir/vmm
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
failed=0
same() { # what, expected, got
	[ "$2" = "$3" ] && return
	echo "$1: '$3' instead of '$2'"
	failed=1
}
cat >"$work/in" <<'END'
vmm: mark 1 exits=1000 emulated=5
vmm: exits 1 cpuid=100
vmm: exits 1 cr3=50
vmm: faults 1 hidden=10 true=20
vmm: faults 1 trace=30
vmm: mark 2 exits=3500 emulated=6
vmm: exits 2 cpuid=440
vmm: exits 2 cr3=110
vmm: faults 2 hidden=85 true=90
vmm: faults 2 trace=55
vmm: DONE
gnomon: up init 1.50
gnomon: up forked 2.25
gnomon: up done 4.00
END
line() {
	awk -v name=unsync -v run=3 -v forks=10 -v wall=5.31 -v cpu=4.20 "$@" \
		-f "$vmm/report.awk" "$work/in"
}
same csv unsync,5.31,4.20,1.5,0.75,1000,250.0,2.5,7.5,7.0,6.0,34.0,ok,3 \
	"$(line -v csv=1)"
same table \
	'unsync 5.31 4.20 1.5 0.75 1000 250.0 2.5 7.5 7.0 6.0 34.0 ok' \
	"$(line | tr -s ' ')"
heading=$(awk -v head=1 -v csv=1 -f "$vmm/report.awk")
same heading "$(line -v csv=1 | tr -dc ,)" "$(echo "$heading" | tr -dc ,)"
case $heading in
mode,wall_s,cpu_s,init_s,forks_s,*,audit,run) ;;
*) same heading 'mode,wall_s,...,run' "$heading" ;;
esac

# Without the VMM there are no counters, and a guest that died has no times.
grep '^gnomon' "$work/in" >"$work/native"
: >"$work/dead"
same native native,5.31,4.20,1.5,0.75,-,-,-,-,-,-,-,-,1 \
	"$(awk -v name=native -v run=1 -v csv=1 -v wall=5.31 -v cpu=4.20 \
		-v forks=10 -f "$vmm/report.awk" "$work/native")"
same dead dead,5.31,4.20,-,-,-,-,-,-,-,-,-,-,1 \
	"$(awk -v name=dead -v run=1 -v csv=1 -v wall=5.31 -v cpu=4.20 \
		-v forks=10 -f "$vmm/report.awk" "$work/dead")"

# An even and an odd number of runs, each column sorted by itself.
cat >"$work/rows" <<'END'
native 9.0 3.9 1.50 0.40
unsync 12.0 5.4 1.90 1.00
native 10.0 3.5 1.40 0.60
unsync 11.0 5.0 1.80 1.20
native 8.0 3.7 1.60 0.50
unsync 14.0 5.2 2.10 1.10
unsync 13.0 5.6 2.00 1.30
nested 13.0 5.6 2.00 -
nested 14.0 5.5 - -
END
times=$(awk -f "$vmm/times.awk" "$work/rows" | tr -s ' ')
same median 'native 3 8.00 9.00 3.50 3.70 1.40 1.50 0.40 0.50' \
	"$(echo "$times" | grep '^native')"
same 'median of four' 'unsync 4 11.00 12.50 5.00 5.30 1.80 1.95 1.00 1.15' \
	"$(echo "$times" | grep '^unsync')"
same 'one that died' 'nested 2 13.00 13.50 5.50 5.55 2.00 2.00 - -' \
	"$(echo "$times" | grep '^nested')"
exit "$failed"

#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# What the figures of a sweep show is what its results say.
. "${top_srcdir:?}/tests/cli/lib.sh"

command -v gnuplot >/dev/null || {
	echo "gnuplot is not there" >&2
	exit 77
}

# drawn NAME : in all forms, in silence.
drawn() {
	for kind in dat svg pdf png; do
		[ -s "$work/dir/$1.$kind" ] || complain "no $1.$kind"
	done
}

# sweep : of s.ini, and its figures.
sweep() {
	rm -rf "$work/dir"
	expect 0 sweep "$work/s.ini" -o "$work/dir"
	expect 0 plot "$work/dir"
	[ ! -s "$work/err" ] || complain "said: $(cat "$work/err")"
	no_leftovers "$work/dir"
}

# column NAME : its number in results.csv.
column() {
	head -n 1 "$work/dir/results.csv" | tr ',' '\n' | grep -nxF "$1" |
		cut -d : -f 1
}

# Inputs side by side; two seeds.
cat >"$work/s.ini" <<'END'
[scenario]
name = inputs
workloads = forkwait,children=4,pages=4 gups,pages=64,updates=2000
modes = native, shadow, nested
seeds = 1, 2
END
sweep
drawn inputs
drawn slowdown
drawn walks-gups_pages_64_updates_2000
[ "$(grep -c '^"' "$work/dir/inputs.dat")" -eq 6 ] || complain "not 6 bars"
[ "$(grep -c '^"' "$work/dir/slowdown.dat")" -eq 4 ] || complain "not 4 bars"
# Parts make up the total; native has nothing but its walks.
awk '/^"/ { n = NF; if (($(n - 4) + $(n - 3) - $(n - 2)) ^ 2 > 1e-6 ||
	($2 ~ /native/ && $(n - 3) ^ 2 > 1e-6) || $(n - 1) > $(n - 2) ||
	$n < $(n - 2)) print }' "$work/dir/inputs.dat" >"$work/bad"
[ ! -s "$work/bad" ] || complain "odd bars: $(cat "$work/bad")"
mean=$(awk -F, -v c="$(column cycles)" -v m="$(column mode)" \
	-v s="$(column seed)" '/gups/ { v[$m, $s] = $c } END {
	one = v["nested", 1] / v["native", 1]
	two = v["nested", 2] / v["native", 2]
	printf "%.4f", (one + two) / 2 }' "$work/dir/results.csv")
grep -q "\"nested\" $mean " "$work/dir/slowdown.dat" ||
	complain "nested is not $mean times native"

# Walks: the mean of the references, and parts of 100.
walks=$work/dir/walks-gups_pages_64_updates_2000.dat
mean=$(awk -F, -v r="$(column walk_refs)" -v w="$(column walks)" \
	-v m="$(column mode)" '/gups/ && $m == "shadow" {
	sum += $r / $w } END { printf "%.4f", sum / 2 }' \
	"$work/dir/results.csv")
grep -q "^\"shadow\" $mean " "$walks" || complain "not $mean references"
awk '/^"/ { rows++; sum = $5 + $6 + $7 + $8 + $9
	if ((sum - 100) ^ 2 > 1e-4) exit 1 } END { exit rows != 3 }' \
	"$walks" || complain "walks are not 100 %"

# Where nested and shadow cross: exits that cost more and more; and the lock.
cat >"$work/s.ini" <<'END'
[scenario]
name = curves
workloads = gups,pages=2048,updates=40000
modes = native, shadow+unsync, nested

[vary]
host.page_order = 0
vmm.nested_violation = 0, 10000, 20000, 40000
END
sweep
drawn vary-vmm.nested_violation
! ls "$work/dir/lock-"* 2>/dev/null || complain "one vcpu waits for a lock"
data=$work/dir/vary-vmm.nested_violation.dat
at=$(sed -n '/where nested crosses/,$s/^\([0-9.]*\) .* "shadow+unsync"$/\1/p' \
	"$data")
awk -v at="$at" '/^[0-9]/ && NF == 4 { v[b += !$1, $1] = $2 }
	END { low = 0; high = 40000
	for (x = 0; x <= 40000; x += 10000) if ((1, x) in v) {
		if (v[1, x] > v[2, x]) low = x
		else if (x < high) high = x }
	exit !(at > low && at < high && b == 2) }' "$data" ||
	complain "crosses at '$at': $(cat "$data")"

cat >"$work/s.ini" <<'END'
[scenario]
name = scaling
workloads = fork,count=2,procs=0
modes = native, shadow, nested

[vary]
workload.vcpus = 1, 2, 4
END
sweep
drawn lock-workload.vcpus
awk '/^1 / && NF == 4 && $2 != 0 { bad = 1 }
	/^4 / && NF == 4 && !seen++ && $2 < 10 { bad = 1 }
	END { exit bad }' "$work/dir/lock-workload.vcpus.dat" ||
	complain "odd lock: $(cat "$work/dir/lock-workload.vcpus.dat")"
finish

#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Two parameters that vary: a panel for each mode, a curve for each value.
. "${top_srcdir:?}/tests/cli/lib.sh"

command -v gnuplot >/dev/null || {
	echo "gnuplot is not there" >&2
	exit 77
}
cat >"$work/s.ini" <<'END'
[scenario]
name = pairs
workloads = mix,jobs=4,turns=8,pages=64
modes = native, nested, shadow
seeds = 1, 2

[vary]
lock.kind = 2, 0, 1
workload.vcpus = 1, 2, 4, 3
tlb.l2_entries = 1536
END
expect 0 sweep "$work/s.ini" -o "$work/dir"
expect 0 plot "$work/dir" --latex
[ ! -s "$work/err" ] || complain "said: $(cat "$work/err")"
for kind in vary lock; do
	for end in .dat .svg .pdf .png -tex.tex -tex.pdf; do
		file=$work/dir/$kind-workload.vcpus-by-lock.kind$end
		[ -s "$file" ] || complain "no $file"
	done
done
[ "$(find "$work/dir" -name '*-by-*.svg' | wc -l)" -eq 2 ] ||
	complain "more pairs than one"

# Each point of each curve is the mean over the seeds of the results.
head -n 1 "$work/dir/results.csv" | tr ',' '\n' | grep -n . >"$work/columns"
at() {
	grep ":$1\$" "$work/columns" | cut -d : -f 1
}
awk -F, -v k="$(at lock.kind)" -v v="$(at workload.vcpus)" \
	-v o="$(at overhead)" 'NR > 1 && $2 != "native" {
	key = $2 " " $k " " $v; sum[key] += 100 * $o; n[key]++ }
	END { for (key in sum) printf "%s %.2f\n", key, sum[key] / n[key] }' \
	"$work/dir/results.csv" | sort >"$work/wanted"
awk '/^# (nested|shadow), / { sub(",", "", $2); sub(".*=", "", $3)
	mode = $2; by = $3; next } /^# the/ { exit }
	!/^#/ && NF == 4 { printf "%s %s %s %.2f\n", mode, by, $1, $2 }' \
	"$work/dir/vary-workload.vcpus-by-lock.kind.dat" | sort >"$work/got"
[ "$(wc -l <"$work/got")" -eq 24 ] || complain "not 24 points"
cmp "$work/wanted" "$work/got" >&2 || complain "not what the results say"
# In order, and with the words that the preset has for the values.
dat=$work/dir/vary-workload.vcpus-by-lock.kind.dat
awk '/^# nested, lock.kind=0/ { on = 1; next } on && NF == 4 {
	printf "%s ", $1; n++ } n == 4 { exit }' "$dat" |
	grep -qx '1 2 3 4 ' || complain "not in order"
for name in '0 none' '1 one' '2 shared'; do
	grep -qx "\"$name\"" "$work/dir/lock-workload.vcpus-by-lock.kind.dat" ||
		complain "no curve '$name'"
done
# An axis says what it counts.
grep -q '>workload.vcpus: virtual CPUs<' \
	"$work/dir/vary-workload.vcpus.svg" || complain "no unit on the axis"

expect 0 report "$work/dir"
grep -q '<figcaption>lock-workload.vcpus-by-lock.kind' \
	"$work/dir/report.html" || complain "the report has no such figure"

# Two values each are no curve; nothing to compare with is no figure.
sed -i -e 's/2, 0, 1/0, 1/' -e 's/1, 2, 4, 3/1, 2/' "$work/s.ini"
expect 0 sweep "$work/s.ini" -o "$work/few"
expect 0 plot "$work/few"
[ "$(find "$work/few" -name '*-by-*' | wc -l)" -eq 0 ] || complain "two drawn"
sed -i -e 's/1, 2$/1, 2, 4/' -e 's/native, //' "$work/s.ini"
expect 0 sweep "$work/s.ini" -o "$work/bare"
expect 0 plot "$work/bare"
[ ! -e "$work/bare/vary-workload.vcpus-by-lock.kind.dat" ] ||
	complain "an overhead over nothing"
finish

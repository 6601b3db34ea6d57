#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Points that keep what goes on in them: bounded, resumed, checked, drawn.
. "${top_srcdir:?}/tests/cli/lib.sh"

cat >"$work/s.ini" <<'END'
[scenario]
name = kept
workloads = gups,pages=512
modes = native, nested, adaptive
seeds = 2, 3

[vary]
host.page_order = 0
workload.updates = 30000, 60000
END
expect 0 sweep "$work/s.ini" -o "$work/dir"
sed 's/,[^,]*$//' "$work/dir/results.csv" >"$work/a"
refuse 1 "'timeline = yes' in \[scenario\]" plot --timeline 0 "$work/dir"

# A changed scenario: the same results, and what goes on.
sed -i '/^seeds/a timeline = yes' "$work/s.ini"
expect 0 sweep "$work/s.ini" -o "$work/dir"
grep -q '^12 points, 12 to compute' "$work/out" || complain "not all anew"
n=$(grep -l '"timeline"' "$work"/dir/points/*.json | wc -l)
[ "$n" -eq 12 ] || complain "$n points keep a timeline"
sed 's/,[^,]*$//' "$work/dir/results.csv" >"$work/b"
cmp "$work/a" "$work/b" >&2 || complain "keeping it changes the results"
expect 0 sweep --check "$work/dir" --sample 0
grep -q '12 of 12 points .* 12 the same' "$work/out" || complain "differ"

# Cut off, or another series: as good as none; a changed number is noticed.
# shellcheck disable=SC2046 # several names
set -- $(grep -l '"timeline"' "$work"/dir/points/*.json)
head -c 3000 "$1" >"$work/cut" && cp "$work/cut" "$1"
sed -i 's/"columns": [0-9]*/"columns": 9999/' "$2"
sed -i '/"timeline": {/,$ s/"epochs": [0-9]*/"epochs": 0/' "$3"
expect 1 plot "$work/dir"
expect 0 sweep "$work/s.ini" -o "$work/dir"
grep -q ', 3 to compute' "$work/out" || complain "not those three anew"
awk '/"cycles": \[/ && !n++ { print; getline; sub(/[0-9]+/, "7") } { print }' \
	"$4" >"$work/new" && cp "$work/new" "$4"
refuse_check() {
	"$gnomon" sweep --check "$work/dir" --sample 0 >"$work/out" \
		2>"$work/err" && complain "a changed series passes"
	grep -q 'another result, though the code is the same' "$work/err" ||
		complain "not told: $(cat "$work/err")"
}
refuse_check
rm "$4"
expect 0 sweep "$work/s.ini" -o "$work/dir"
grep -q ', 1 to compute' "$work/out" || complain "not that one anew"

# The sums are those of the result, for every point.
for point in "$work"/dir/points/*.json; do
	grep -q '"timeline"' "$point" || continue
	awk '/^ "result"/ { part = "r" } /^ "timeline"/ { part = "t" }
		part == "r" && /"cycles":/ { gsub(/[^0-9]/, ""); want = $0 }
		part == "t" && /^  "cycles": \[/ { on = 1; next }
		on && /\]/ { on = 0 } on { gsub(/[^0-9]/, ""); sum += $0
			columns++ }
		END { exit sum != want || columns > 150 }' "$point" ||
		complain "$point: the columns are not the run"
	[ "$(wc -c <"$point")" -lt 100000 ] || complain "$point: large"
done

command -v gnuplot >/dev/null || {
	echo "gnuplot is not there" >&2
	[ "$failed" -eq 0 ] && exit 77
	finish
}
expect 0 plot "$work/dir"
[ ! -s "$work/err" ] || complain "said: $(cat "$work/err")"
for name in timeline timeline-native timeline-nested timeline-adaptive; do
	for kind in dat svg pdf png; do
		[ -s "$work/dir/$name.$kind" ] || complain "no $name.$kind"
	done
done
same "$work/dir/timeline.dat" sweep-timeline.dat
same "$work/dir/timeline-adaptive.dat" sweep-timeline-adaptive.dat
# The same as compare draws of that run.
expect 0 compare gups,pages=512,updates=30000 -m native,nested,adaptive \
	--seed 2 --set host.page_order=0 --timeline -o "$work/one"
for name in timeline timeline-native timeline-nested timeline-adaptive; do
	cmp "$work/dir/$name.dat" "$work/one/$name.dat" >&2 ||
		complain "$name: not as compare has it"
done

# Another point, by the beginning of its ID.
id=$(awk -F, '/updates=60000/ && $2 == "nested" && $4 == 3 { print $NF }' \
	"$work/dir/results.csv")
short=$(printf '%.8s' "$id")
expect 0 plot --timeline "$short" "$work/dir" -o "$work/other"
grep -q "^$work/other/timeline-adaptive-$short.svg" "$work/out" ||
	complain "not drawn: $(cat "$work/out")"
[ "$(find "$work/other" -name '*.svg' | wc -l)" -eq 4 ] ||
	complain "not 4 figures"
refuse 1 'no point has that ID' plot --timeline xyz "$work/dir"
refuse 2 'needs the ID' plot --timeline= "$work/dir"
expect 0 report "$work/dir"
[ "$(grep -c '<figcaption>timeline' "$work/dir/report.html")" -eq 4 ] ||
	complain "the report has no timelines"

# A run of many epochs has no more than 150 columns, of equal length.
cat >"$work/s.ini" <<'END'
[scenario]
name = long
workloads = gups,pages=64,updates=2000000
modes = native
timeline = yes
END
expect 0 sweep "$work/s.ini" -o "$work/long"
tr -dc '0-9a-z\n' <"$(ls "$work"/long/points/*.json)" | awk '
	sub("^columns", "") { c = $0 } sub("^epochs", "") { e = $0 }
	END { exit e <= 150 || c != int((e + 3) / 4) }' ||
	complain "odd columns"
finish

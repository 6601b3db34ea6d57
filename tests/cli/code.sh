#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Results carry the code that computed them: another code computes a sweep
# again and says so.
. "${top_srcdir:?}/tests/cli/lib.sh"

digest=$(sed -n 's/.*GN_CODE_DIGEST "\(.*\)"/\1/p' \
	"$top_builddir/cli/code_digest.h")
[ "${#digest}" -eq 16 ] || complain "odd digest '$digest'"

# The digest is that of names and contents, in whatever order.
make_digest=$top_srcdir/scripts/code-digest.sh
mkdir "$work/a" "$work/b"
echo one >"$work/a/x.c"
echo two >"$work/a/y.c"
cp "$work"/a/*.c "$work/b"
sh "$make_digest" "$work/a" x.c y.c >"$work/1"
sh "$make_digest" "$work/b" y.c x.c y.c >"$work/2"
cmp "$work/1" "$work/2" || complain "the order matters"
echo three >"$work/b/y.c"
sh "$make_digest" "$work/b" x.c y.c >"$work/2"
! cmp -s "$work/1" "$work/2" || complain "a change does not matter"
mv "$work/a/y.c" "$work/a/z.c"
sh "$make_digest" "$work/a" x.c z.c >"$work/2"
! cmp -s "$work/1" "$work/2" || complain "a name does not matter"

cat >"$work/s.ini" <<END
[scenario]
name = small
workloads = forkwait,children=2,pages=2
modes = native, nested
END
expect 0 sweep "$work/s.ini" -o "$work/dir"
grep -q "\"code\": \"$digest\"" "$work/dir/sweep.json" ||
	complain "sweep.json: no digest"
[ "$(grep -l "\"gnomon .* $digest\"" "$work"/dir/points/*.json |
	wc -l)" -eq 2 ] || complain "points: no digest"

# As if other code had been there before, which had a column less and other
# parameters, so that the names of its files cannot be known from here.
other=0123456789abcdef
cp -r "$work/dir" "$work/old"
n=0
for file in "$work"/dir/points/*.json; do
	id=$(basename "$file" .json) n=$((n + 1))
	was=$(printf '%032d' "$n")
	sed -e "s/$digest/$other/" -e '/"verified":/d' -e '/engine.prefetch/d' \
		"$file" >"$work/old/points/$was.json"
	rm "$work/old/points/$id.json"
	sed "s/$id/$was/" "$work/old/sweep.json" >"$work/new"
	cp "$work/new" "$work/old/sweep.json"
done
sed "s/$digest/$other/" "$work/old/sweep.json" >"$work/new"
cp "$work/new" "$work/old/sweep.json"
expect 0 report "$work/old" # without gnuplot too
grep -q "gnomon [0-9.]* $other" "$work/old/report.html" ||
	complain "report: does not name the code"
expect 1 sweep --check "$work/old"
grep -q "computed by gnomon .* $other, checked by .* $digest" \
	"$work/out" || complain "check: does not say that the code differs"
grep -q "another result: it is of gnomon .* $other, this is .* $digest" \
	"$work/err" || complain "check: does not say why"
expect 0 sweep "$work/s.ini" -o "$work/old"
grep -q "gnomon .* $other, which this one, .* $digest" \
	"$work/out" || complain "sweep: does not say that the code differs"
grep -q '2 points, 2 to compute' "$work/out" || complain "sweep: kept results"
cmp "$work/old/results.csv" "$work/dir/results.csv" >&2 ||
	complain "not the same when computed again"
expect 0 sweep --check "$work/old"
! grep -q 'computed by' "$work/out" || complain "check: says so for nothing"

# Of this very code, a result that lacks a column is damaged.
for file in "$work"/dir/points/*.json; do
	sed '/"verified":/d' "$file" >"$work/new"
	cp "$work/new" "$file"
done
refuse 1 'missing or damaged' report "$work/dir"
finish

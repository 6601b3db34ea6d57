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

# As if other code had been there before.
sed "s/$digest/0123456789abcdef/" "$work/dir/sweep.json" >"$work/new"
cp "$work/new" "$work/dir/sweep.json"
expect 1 sweep --check "$work/dir"
grep -q "computed by gnomon .* 0123456789abcdef, checked by .* $digest" \
	"$work/out" || complain "check: does not say that the code differs"
expect 0 sweep "$work/s.ini" -o "$work/dir"
grep -q "gnomon .* 0123456789abcdef, which this one, .* $digest" \
	"$work/out" || complain "sweep: does not say that the code differs"
expect 0 sweep --check "$work/dir"
! grep -q 'computed by' "$work/out" || complain "check: says so for nothing"
finish

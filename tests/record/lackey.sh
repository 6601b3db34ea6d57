#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Two recorders of one program: what Valgrind's lackey writes, imported, and
# `gnomon record user` see the same pages read, written and executed.
set -u
. "${top_srcdir:?}/tests/record/lib.sh"
work=$top_builddir/test-record-lackey.$$
trap 'rm -rf "$work"' EXIT
[ -x "$top_builddir/tests/record/pages" ] || {
	echo "SKIP: the recorder was not built"
	exit 77
}
command -v valgrind >/dev/null || {
	echo "SKIP: no valgrind"
	exit 77
}
mkdir "$work" && cd "$work" || exit 1
cp "$top_builddir/tests/record/pages" .

# "page kind", without the stack, which each puts elsewhere.
pages() { # RECORDING
	"$gnomon" info --events=0..1000000 "$1" | awk '
	/ access / {
		for (i = 1; i <= NF; i++) {
			split($i, p, "=")
			v[p[1]] = p[2]
		}
		page = substr(v["gva"], 1, length(v["gva"]) - 3)
		kind = "read"
		if (v["flags"] == "0x6") {
			kind = "executed"
		} else if (v["flags"] == "0x5") {
			kind = "written"
		}
		if (length(page) <= length("0x30000")) {
			print page, kind
		}
	}' | sort -u
}

valgrind --tool=lackey --trace-mem=yes --log-file=log ./pages >out 2>err ||
	fail "valgrind: status $?"
"$gnomon" import -o lackey.gnr log >out 2>err || fail "import"
"$gnomon" record user --timeout 300 --filter 0 -o user.gnr -- ./pages \
	>out 2>err
status=$?
if grep -q -e 'is missing' -e 'was not built' -e 'recorder needs' err; then
	echo "SKIP: $(cat err)"
	exit 77
fi
[ $status = 0 ] || fail "status $status"
pages lackey.gnr >lackey
pages user.gnr >user
# 4 + 1 of zero, data twice and once, a constant, 6 mapped, 2 of code; and the
# loads beside the stores.
[ "$(wc -l <lackey)" -ge 18 ] || fail "only $(cat lackey)"
grep -q '0x30003 written' lackey || fail "a mapped page is missing"
diff lackey user || fail "they differ"
"$gnomon" run -m shadow --verify lackey.gnr >out 2>err || fail "replay"

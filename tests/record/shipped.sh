#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The recordings of the process level that gnomon comes with: what they hold,
# and that the guest kernel model plays them right in each mode.
set -u
gnomon=${top_builddir:?}/gnomon
folder=${top_srcdir:?}/bench/recordings
err=$top_builddir/test-shipped.$$
trap 'rm -f "$err"' EXIT

fail() {
	echo "FAIL: $*"
	cat "$err"
	exit 1
}

: >"$err"
for way in user perf; do
	file=$folder/pipes-$way.gnr
	"$gnomon" info "$file" | awk '
		/process level, complete/ { good = 1 }
		$1 ~ /^(fork|vfork|exec|exit)$/ { n[$1] = $2 }
		END { exit !(good && n["fork"] == 11 && n["vfork"] == 1 &&
			n["exec"] == 8 && n["exit"] == 13) }' ||
		fail "$way: what it holds"
	for mode in shadow nested agile; do
		"$gnomon" run -m $mode --verify "$file" >/dev/null 2>"$err" ||
			fail "$way under $mode"
	done
done
exit 0

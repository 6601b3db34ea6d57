#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Every header compiles by itself; the public ones as C++ too.
set -u
. "${top_srcdir:-.}/scripts/lib.sh"
flags="-I$top_srcdir/include -I$top_srcdir -I$top_builddir -D_GNU_SOURCE"

compiles() { # header compiler...
	header=$1
	shift
	printf '#include "%s"\n' "$header" >"$work/in"
	# shellcheck disable=SC2086 # the flags are words
	"$@" $flags -Wall -Wextra -fsyntax-only -Werror "$work/in" \
		>"$work/out" 2>&1 && return
	cat "$work/out" >&2
	complain "$header does not stand by itself: $*"
}

for header in $(sources '*.h'); do
	# shellcheck disable=SC2086 # CC may hold options
	compiles "$top_srcdir/$header" $CC -std=c17 -x c
done
if command -v c++ >/dev/null 2>&1; then
	for header in $(cd "$top_srcdir" && ls include/gnomon/*.h); do
		compiles "$top_srcdir/$header" c++ -std=c++11 -x c++ -pedantic
	done
fi
finish

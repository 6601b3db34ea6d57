#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The engine's objects need nothing from outside but mem*, and hold no
# writable data: they fit into a program without libc.
set -u
. "${top_srcdir:-.}/scripts/lib.sh"
[ "${GN_INSTRUMENTED:-no}" = no ] || skip "an instrumented build"
archive=$top_builddir/.libs/libgnomon-core.a
[ -e "$archive" ] || archive=$top_builddir/libgnomon-core.a
[ -e "$archive" ] || complain "no $archive"

nm --defined-only "$archive" | awk 'NF == 3 { print $3 }' |
	sort -u >"$work/defined"
[ -s "$work/defined" ] || complain "$archive defines nothing"
nm --undefined-only "$archive" | awk 'NF == 2 { print $2 }' |
	sort -u >"$work/undefined"
# The linker makes the offset table; position-independent code names it.
printf '%s\n' memcpy memmove memset memcmp _GLOBAL_OFFSET_TABLE_ |
	sort -u - "$work/defined" >"$work/allowed"
for symbol in $(comm -23 "$work/undefined" "$work/allowed"); do
	complain "the engine needs $symbol from outside:" \
		"$(nm -A --undefined-only "$archive" |
		awk -v s="$symbol" '$NF == s { print $1 }' | tr '\n' ' ')"
done

size -A "$archive" | awk '
	/:$/ || /ex / { object = $1 }
	$1 ~ /^\.(data|bss|tdata|tbss|sdata|sbss)/ &&
	$1 !~ /^\.data\.rel\.ro/ && $2 > 0 {
		print object ": writable data: " $2 " bytes in " $1
	}' >"$work/writable"
while read -r line; do complain "$line"; done <"$work/writable"
finish

#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# configure.ac, the public header, gnomon.pc and NEWS name the same version.
set -u
. "${top_srcdir:-.}/scripts/lib.sh"
version=$(sed -n 's/^AC_INIT(\[gnomon\], \[\([0-9.]*\)\].*/\1/p' \
	"$top_srcdir/configure.ac")
[ -n "$version" ] || complain "configure.ac: no version found"

macro() { # name
	sed -n "s/^#define GNOMON_VERSION_$1[ \t]*\([0-9]*\)$/\1/p" \
		"$top_srcdir/include/gnomon/gnomon.h"
}

same() { # where found
	[ "$2" = "$version" ] ||
		complain "$1 says '$2', configure.ac says $version"
}

same gnomon.h "$(macro MAJOR).$(macro MINOR).$(macro PATCH)"
same gnomon.pc "$(sed -n 's/^Version: //p' "$top_builddir/gnomon.pc")"
same NEWS "$(sed -n 's/^gnomon \([0-9.]*\).*/\1/p' "$top_srcdir/NEWS" |
	head -n 1)"
finish

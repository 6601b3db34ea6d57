#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The library as `make install` puts it into place serves programs that know
# nothing of this tree.
. "${top_srcdir:?}/scripts/lib.sh"

[ "${GN_INSTRUMENTED:-no}" = no ] || skip "the library is instrumented"
command -v pkg-config >/dev/null || skip "no pkg-config"

root=$work/root
unset MAKEFLAGS MFLAGS MAKELEVEL
"$MAKE" -C "${top_builddir:?}" DESTDIR="$root" install-libLTLIBRARIES \
	install-gnomonincludeHEADERS install-pkgconfigDATA \
	>"$work/log" 2>&1 || complain "make install: $(cat "$work/log")"
pc=$(find "$root" -name gnomon.pc)
[ -n "$pc" ] || complain "no gnomon.pc was installed"
# As configure wrote it: libdir may name prefix.
eval "$(sed -n '/^[a-z_]*=/p' "$pc")"
pkgconfigdir=${pc#"$root"}
export DESTDIR="$root" PKG_CONFIG=pkg-config \
	pkgconfigdir="${pkgconfigdir%/gnomon.pc}" libdir CC
cd "$work" || exit 1
sh "$top_srcdir/examples/installcheck.sh" "$top_srcdir/examples/minimal" \
	"$top_srcdir/examples/layer" || complain "an embedder failed"
finish

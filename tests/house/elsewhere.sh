#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# In a build folder that is not below the sources the program finds its data,
# and make distclean leaves nothing there.
set -u
. "${top_srcdir:-.}/scripts/lib.sh"

[ -x "${top_builddir:?}/gnomon" ] || skip "the program is not built"
case $(cd "$work" && pwd -P)/ in
"$(cd "$top_srcdir" && pwd -P)"/*) skip "TMPDIR lies in the source tree" ;;
esac
[ ! -e "$top_srcdir/config.status" ] || skip "built in the source folder"
mkdir "$work/build"
cd "$work/build" || exit 1
"$top_srcdir/configure" CC="$CC" --disable-shared --without-criterion \
	--disable-sim >log 2>&1 || complain "configure: $(tail -n 5 log)"
cp "$top_builddir/gnomon" gnomon
source=$top_srcdir
unset top_srcdir GNOMON_DATADIR
for words in 'costs show' 'sweep --list fork' 'info fork-exec-50'; do
	# shellcheck disable=SC2086 # several words
	./gnomon $words >out 2>err || complain "gnomon $words: $(cat err)"
done
[ "$(cd share/gnomon/presets && pwd -P)" = \
	"$(cd "$source/sim/presets" && pwd -P)" ] || complain "other presets"
rm -f gnomon out err log
"$MAKE" distclean >"$work/log" 2>&1 || complain "distclean: $(cat "$work/log")"
left=$(find . ! -type d)
[ -z "$left" ] || complain "left by make distclean: $left"
finish

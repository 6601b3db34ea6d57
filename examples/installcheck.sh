#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Builds and runs embedders against what `make install` has put into place,
# found by pkg-config: with each compiler that is there, as C and as C++, on
# the shared and on the static library. Their output is the same each time.
#	installcheck.sh FOLDER...
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
export PKG_CONFIG_PATH="$DESTDIR${pkgconfigdir:?}"
export PKG_CONFIG_SYSROOT_DIR="$DESTDIR"
export LD_LIBRARY_PATH="$DESTDIR${libdir:?}"
cflags="-Wall -Wextra -Werror $("$PKG_CONFIG" --cflags gnomon)"
shared=$("$PKG_CONFIG" --libs gnomon)
archive=$LD_LIBRARY_PATH/libgnomon.a
built=0

fail() {
	echo "installcheck: $*" >&2
	exit 1
}

run() { # libraries, folder, compiler and its options
	libs=$1 folder=$2
	shift 2
	# shellcheck disable=SC2086 # several words
	"$@" $cflags "$folder"/*.c -x none -o "$work/program" $libs ||
		fail "$*: $folder does not build"
	"$work/program" >"$work/out" || fail "$*: $(cat "$work/out")"
	[ -s "$work/first" ] || tee "$work/first" <"$work/out"
	cmp -s "$work/first" "$work/out" || fail "$*: $(cat "$work/out")"
	built=$((built + 1))
}

build() { # compiler and its options, up to -x LANGUAGE
	command -v "$1" >/dev/null || return 0
	[ ! -e "$LD_LIBRARY_PATH/libgnomon.so" ] || run "$shared" "$folder" "$@"
	[ ! -e "$archive" ] || run "$archive" "$folder" "$@"
	# The headers alone do without libc, for 32-bit hosts too.
	bits=-m32
	"$@" $bits -E /dev/null >/dev/null 2>&1 || bits=
	printf '#include <gnomon/%s.h>\n' gnomon policy >"$work/headers"
	# shellcheck disable=SC2086 # several words
	"$@" $bits -ffreestanding $cflags -fsyntax-only "$work/headers" ||
		fail "$*: the headers do not compile"
}

# shellcheck disable=SC2086 # CC and CXX may hold options
for folder; do
	: >"$work/first"
	build $CC -std=c11 -x c
	build clang -std=c17 -x c
	build ${CXX:-g++} -std=c++17 -x c++
	build clang++ -std=c++20 -x c++
done
echo "installcheck: $built programs"
[ "$built" -gt 0 ]

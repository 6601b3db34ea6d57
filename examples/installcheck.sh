#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Builds and runs the smallest embedder against what `make install` has put
# into place, found by pkg-config, as C17 and as C++17.
set -eu

source=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export PKG_CONFIG_PATH="$DESTDIR${pkgconfigdir:?}"
export PKG_CONFIG_SYSROOT_DIR="$DESTDIR"
export LD_LIBRARY_PATH="$DESTDIR${libdir:?}"
flags=$("$PKG_CONFIG" --cflags --libs gnomon)

build() { # compiler and its options
	# shellcheck disable=SC2086 # several words
	"$@" -Wall -Werror "$source" -o "$work/minimal" $flags
	"$work/minimal"
}

# shellcheck disable=SC2086 # CC may hold options
build $CC -std=c17
if command -v "${CXX:-g++}" >/dev/null; then
	build "${CXX:-g++}" -std=c++17 -x c++
else
	echo "no C++ compiler: not built as C++"
fi

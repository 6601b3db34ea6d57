#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# check-preset.sh NAME [MAKE-VARIABLE=VALUE]... -- CONFIGURE-ARGUMENT...
# Build in the folder NAME with other options and run `make check` there.
# Run from the build folder by `make check-race` and its like.
set -eu
name=$1
shift
mkdir -p "$name"
cd "$name"
variables=
while [ "$1" != -- ]; do
	variables="$variables '$1'"
	shift
done
shift
if [ ! -e config.status ] || [ ! -e Makefile ]; then
	"${top_srcdir:?}/configure" -q "$@"
fi
# Some kernels randomise addresses more widely than ThreadSanitizer can bear.
norandom=
if setarch -R true 2>/dev/null; then
	norandom='setarch -R'
fi
eval "exec $norandom $MAKE check $variables"

#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The tarball makes Debian packages in which lintian finds no fault.
#	check-deb.sh TARBALL
# Without tests: these run on the tarball elsewhere.
set -eu
tarball=$(realpath "$1")
for tool in dpkg-buildpackage dh lintian; do
	command -v "$tool" >/dev/null || {
		echo "$0: no $tool: install dpkg-dev, debhelper and lintian" >&2
		exit 1
	}
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
tar -xf "$tarball" -C "$work"
cd "$work"/*/
# What make told its commands is not for the package's own make.
unset MAKEFLAGS MFLAGS MAKELEVEL
DEB_BUILD_OPTIONS="nocheck parallel=$(nproc)" dpkg-buildpackage -us -uc -b
cd ..
lintian --allow-root --fail-on none -- *.deb >found
if grep '^[EW]:' found >&2; then
	exit 1
fi
ls -- *.deb

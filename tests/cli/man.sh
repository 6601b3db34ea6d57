#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The manual pages have no warnings.
. "${top_srcdir:?}/tests/cli/lib.sh"

if command -v mandoc >/dev/null; then
	lint() { mandoc -T lint -W warning "$1"; }
elif command -v groff >/dev/null; then
	lint() { groff -mdoc -ww -z -Tutf8 "$1" 2>&1; }
else
	echo "neither mandoc nor groff is there" >&2
	exit 77
fi

for page in "$top_srcdir"/man/*.[1-9]; do
	said=$(lint "$page")
	[ -z "$said" ] || complain "$said"
done
finish

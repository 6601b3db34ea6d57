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

# The environment that gnomon(1) names is the one that the program asks for
# (what record asks for besides is in gnomon-record(1)).
named() { sed -n 's/^\.It Ev //p' "$top_srcdir/man/gnomon.1" | sort -u; }
asked() {
	sed -n 's/.*getenv("\([A-Z_]*\)").*/\1/p' "$top_srcdir"/cli/*.c \
		"$top_srcdir"/sim/*.c | sort -u
}
[ "$(named)" = "$(asked)" ] ||
	complain "gnomon(1) names: $(named); the code asks for: $(asked)"
finish

# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=sh
# Sourced by the checks. `complain` reports a violation; `finish` ends the
# check: 0 when there was none. `skip` is automake's exit status 77.

: "${top_srcdir:=.}" "${top_builddir:=build}" "${NM:=nm}" "${CC:=cc}"
: "${MAKE:=make}"
export LC_ALL=C
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
: >"$work/complaints"

complain() { printf '%s\n' "$*" | tee -a "$work/complaints" >&2; }
skip() { echo "skipped: $*"; exit 77; }
finish() { [ ! -s "$work/complaints" ]; exit $?; }

# shellcheck disable=SC2086 # NM may hold options
nm() { command $NM "$@"; }

# All sources with one of the given name patterns, relative to the top.
sources() { # pattern...
	for pattern; do
		(cd "$top_srcdir" && find include base guestpt tracefault \
			shadow nested direct engine policy sim cli vmm \
			record bench tests scripts examples m4 .ci \
			-name "$pattern" -type f ! -name 'l*.m4') 2>/dev/null
	done | sort
}

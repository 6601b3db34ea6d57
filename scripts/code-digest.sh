#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# A header with a digest of names and contents of sources, in any order:
#	code-digest.sh TOP FILE... (below TOP)
set -eu
LC_ALL=C
export LC_ALL
cd "$1"
shift
digest=$(printf '%s\n' "$@" | sort -u | while read -r file; do
	sha256sum "$file"
done | sha256sum)
printf '/* Made by scripts/code-digest.sh. */\n'
printf '#define GN_CODE_DIGEST "%.16s"\n' "$digest"

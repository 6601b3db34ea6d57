#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Every source file names its licence in its first two lines.
set -u
. "${top_srcdir:-.}/scripts/lib.sh"
cd "$top_srcdir" || exit 1
for file in configure.ac Makefile.am bootstrap quickstart .ci/run \
	$(sources '*.c' '*.h' '*.sh' '*.m4' '*.gp' '*.pml' Makefile.inc); do
	head -n 2 "$file" |
		grep -q 'SPDX-License-Identifier: BSD-2-Clause' ||
		complain "$file: no SPDX-License-Identifier: BSD-2-Clause"
done
finish

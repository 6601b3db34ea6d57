#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Shell scripts are free of what shellcheck warns about.
set -u
. "${top_srcdir:-.}/scripts/lib.sh"
command -v shellcheck >/dev/null 2>&1 || skip "no shellcheck"
cd "$top_srcdir" || exit 1
# shellcheck disable=SC2046 # our file names have no blanks
shellcheck -x bootstrap quickstart .ci/run $(sources '*.sh') ||
	complain "shellcheck has complaints"
finish

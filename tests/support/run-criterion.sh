#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Run a Criterion program as a TAP producer: run-criterion.sh PROGRAM.
# Criterion does not fail a test whose worker leaks or dies in a hook, so
# what the workers say on stderr is scanned too.
set -u
err=$(mktemp) || exit 1
trap 'rm -f "$err"' EXIT
"$@" --tap=- -j1 --always-succeed 2>"$err"
status=$?
cat "$err" >&2
if grep -Eq 'Sanitizer|runtime error:|Warning! The test' "$err"; then
	echo "Bail out! a sanitizer or Criterion complained, see the log"
elif test "$status" -ne 0; then
	echo "Bail out! the program ended with status $status"
fi

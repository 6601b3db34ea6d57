#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# A fatal signal prints a symbolized backtrace, the seed and the command.
. "${top_srcdir:?}/tests/cli/lib.sh"

if [ "${GN_INSTRUMENTED:-no}" != no ]; then
	echo "sanitizers have their own backtrace" >&2
	exit 77
fi

# Long enough to be met at work.
input=gups,updates=1000000000
for signal in SEGV ABRT; do
	(
		# shellcheck disable=SC3045 # every sh of Debian has it
		ulimit -c 0
		exec "$gnomon" run "$input" --mode native --seed 42 \
			>"$work/out" 2>"$work/err"
	) &
	pid=$!
	sleep 1
	kill -"$signal" "$pid"
	wait "$pid" 2>/dev/null
	status=$?
	[ "$status" -gt 128 ] || complain "$signal: status $status"
	for word in 'gnomon: internal error: ' '#[0-9]* .*sim_[a-z_]*+0x' \
		'^seed: 42$' '^version: ' \
		"^repeat: gnomon run $input --mode native --seed 42\$"; do
		grep -q "$word" "$work/err" ||
			complain "$signal: no '$word': $(cat "$work/err")"
	done
done
finish

#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# check-long.sh SECONDS PROGRAM...: run the test programs with ever new seeds,
# from GNOMON_SEED (1) on, until the time is over. Run by `make check-long`, in
# the build folder. An interrupt says from which seed to go on.
set -u
end=$(($(date +%s) + $1))
shift
first=${GNOMON_SEED:-1} failed=0
seed=$first
export GNOMON_SEED
trap 'echo "interrupted; go on: make check-long GNOMON_SEED=$seed"; exit 130' \
	INT TERM
while [ "$(date +%s)" -lt "$end" ]; do
	GNOMON_SEED=$seed
	for program; do
		[ "$(date +%s)" -lt "$end" ] || break 2
		log=check-long.out
		"./$program" >"$log" 2>&1 && continue
		status=$?
		[ "$status" -ne 77 ] || continue
		failed=$((failed + 1))
		cp "$log" "check-long.$failed.log"
		echo "failed: GNOMON_SEED=$seed $program" \
			"(status $status, see check-long.$failed.log)"
	done
	echo "seed $seed: all programs, $failed failures so far"
	seed=$((seed + 1))
done
rm -f check-long.out
echo "check-long: $((seed - first)) seeds done, $failed failures;" \
	"go on: make check-long GNOMON_SEED=$seed"
[ "$failed" -eq 0 ]

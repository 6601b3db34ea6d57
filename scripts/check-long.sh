#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# check-long.sh SECONDS PROGRAM...: run the test programs with ever new seeds
# until the time is over. Run by `make check-long`, in the build folder.
set -u
end=$(($(date +%s) + $1))
shift
seed=0 failed=0
export GNOMON_SEED
while [ "$(date +%s)" -lt "$end" ]; do
	seed=$((seed + 1)) GNOMON_SEED=$seed
	for program; do
		[ "$(date +%s)" -lt "$end" ] || break
		log=check-long.out
		"./$program" >"$log" 2>&1 && continue
		status=$?
		[ "$status" -ne 77 ] || continue
		failed=$((failed + 1))
		cp "$log" "check-long.$failed.log"
		echo "failed: GNOMON_SEED=$seed $program" \
			"(status $status, see check-long.$failed.log)"
	done
done
rm -f check-long.out
echo "check-long: $seed seeds begun, $failed failures"
[ "$failed" -eq 0 ]

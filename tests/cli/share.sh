#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Shares of a sweep, and what is said where there is no Slurm.
. "${top_srcdir:?}/tests/cli/lib.sh"

small_scenario 'exit.round_trip = x1, x2'
expect 0 sweep "$work/s.ini" -o "$work/plain"

# Shares of a sweep add up to it, in any order and beside each other.
for k in 2 0 1; do
	expect 0 sweep "$work/s.ini" -o "$work/shares" --share "$k/3"
done
[ ! -e "$work/shares/results.csv" ] || complain "a share has gathered"
expect 0 sweep "$work/s.ini" -o "$work/shares"
grep -q ', 0 to compute' "$work/out" || complain "shares left points out"
cmp "$work/plain/results.csv" "$work/shares/results.csv" ||
	complain "shares differ"
refuse 2 'is not K/N' sweep "$work/s.ini" -o "$work/x" --share 3
refuse 2 'share' sweep "$work/s.ini" -o "$work/x" --share 3/3
refuse 2 'share goes with -o' sweep --list "$work/s.ini" --share 0/3
refuse 2 'needs --slurm' sweep "$work/s.ini" -o "$work/x" --sbatch=-p
refuse 2 'goes with -o' sweep --slurm --list "$work/s.ini"

# Without Slurm: one line that says what to install.
PATH=$work/nothing "$gnomon" sweep --slurm "$work/s.ini" -o "$work/none" \
	>"$work/out" 2>"$work/err"
status=$?
[ "$status" -eq 1 ] || complain "without sbatch: status $status"
grep -q 'install Slurm' "$work/err" || complain "without sbatch: no advice"
finish

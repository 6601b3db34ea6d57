#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# A Slurm whose squeue fails: asked again, some times; commands in its place
# stand in for the real one.
. "${top_srcdir:?}/tests/cli/lib.sh"

small_scenario 'exit.round_trip = x1, x2'
mkdir "$work/bin"
# The array: its tasks run one by one, in the background.
cat >"$work/bin/sbatch" <<'END'
#!/bin/sh
for last; do :; done
for task in 0 1; do
	SLURM_ARRAY_TASK_ID=$task sh -c "$last" >/dev/null 2>&1 || exit 1
done
echo 77
END
# Fails as often as the file says, then knows of no such job.
cat >"$work/bin/squeue" <<'END'
#!/bin/sh
read -r left <"$FAILURES"
[ "$left" -gt 0 ] || exit 0
echo $((left - 1)) >"$FAILURES"
echo "squeue: cannot reach the controller" >&2
exit 1
END
cat >"$work/bin/scancel" <<'END'
#!/bin/sh
echo "$1" >>"$CANCELLED"
END
chmod 755 "$work/bin/"*
PATH=$work/bin:$PATH FAILURES=$work/failures CANCELLED=$work/cancelled
export PATH FAILURES CANCELLED

# Two failures are lived through; the tasks have left a point out.
sed 's/for task in 0 1/for task in 0/' "$work/bin/sbatch" >"$work/part"
cp "$work/part" "$work/bin/sbatch.part"
mv "$work/bin/sbatch" "$work/bin/sbatch.all"
mv "$work/bin/sbatch.part" "$work/bin/sbatch"
chmod 755 "$work/bin/sbatch"
echo 2 >"$FAILURES"
expect 1 sweep --slurm "$work/s.ini" -o "$work/a" -j 2
grep -q '^gnomon: squeue: failed; trying again, 5 times' "$work/err" ||
	complain "no word of trying again: $(cat "$work/err")"
[ "$(grep -c 'trying again' "$work/err")" -eq 1 ] || complain "said often"
grep -q 'a/slurm: [0-9]* points are missing' "$work/err" ||
	complain "does not say that points are missing"
read -r left <"$FAILURES"
[ "$left" -eq 0 ] || complain "squeue was not asked again"

# All points are there: no need to know what has become of the job.
mv "$work/bin/sbatch.all" "$work/bin/sbatch"
echo 99 >"$FAILURES"
expect 0 sweep --slurm "$work/s.ini" -o "$work/a" -j 2
read -r left <"$FAILURES"
[ "$left" -eq 98 ] || complain "asked $((99 - left)) times, not once"
[ -s "$work/a/results.csv" ] || complain "not gathered"

# A controller that never answers is given up, and the job is named.
cp "$work/part" "$work/bin/sbatch"
chmod 755 "$work/bin/sbatch"
echo 99 >"$FAILURES"
expect 1 sweep --slurm "$work/s.ini" -o "$work/b" -j 2
grep -q "squeue: failed 6 times in a row; job 77 .*'scancel 77'" \
	"$work/err" || complain "not given up: $(cat "$work/err")"
read -r left <"$FAILURES"
[ "$left" -eq 93 ] || complain "asked $((99 - left)) times, not 6"

# An interrupt ends the wait and the job.
echo 99 >"$FAILURES"
timeout -s INT 3 "$gnomon" sweep --slurm "$work/s.ini" -o "$work/b" -j 2 \
	>"$work/out" 2>"$work/err"
grep -q 'cancelled job 77' "$work/err" ||
	complain "not cancelled: $(cat "$work/err")"
grep -qx 77 "$CANCELLED" || complain "scancel was not called"
finish

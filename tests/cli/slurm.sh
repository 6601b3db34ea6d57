#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# A sweep on a Slurm that runs on this machine alone: the same bytes as
# without, and a lost point.
. "${top_srcdir:?}/tests/cli/lib.sh"

small_scenario 'exit.round_trip = x1, x2'
expect 0 sweep "$work/s.ini" -o "$work/plain"

[ "$failed" -eq 0 ] || finish
for tool in munged slurmctld slurmd; do
	PATH=$PATH:/usr/sbin command -v "$tool" >/dev/null || {
		echo "skipped: no $tool (Debian: slurm-wlm, munge)"
		exit 77
	}
done
[ "$(id -u)" -eq 0 ] || {
	echo "skipped: slurmd wants root"
	exit 77
}

# Short, as sockets' names are; munged wants nobody else to write above it.
slurm=$(mktemp -d /tmp/gnomon-slurm.XXXXXX) || exit 1
chmod 755 "$slurm"
# shellcheck disable=SC2317 # the trap calls it
end_slurm() {
	for name in d ctld munge; do
		[ -e "$slurm/$name.pid" ] || continue
		read -r pid <"$slurm/$name.pid"
		kill "$pid"
		# It writes its state before it goes.
		n=0
		while kill -0 "$pid" && [ "$n" -lt 50 ]; do
			n=$((n + 1))
			sleep 0.1
		done
	done 2>/dev/null
	rm -rf "$slurm" "$work"
}
trap end_slurm EXIT
PATH=$PATH:/usr/sbin
host=$(hostname -s)
port=$((20000 + $$ % 20000))
mkdir "$slurm/state" "$slurm/spool" "$slurm/munge"
dd if=/dev/urandom of="$slurm/key" bs=1 count=1024 2>/dev/null
chmod 400 "$slurm/key"
munged --key-file="$slurm/key" --socket="$slurm/munge/socket" \
	--pid-file="$slurm/munge.pid" --log-file="$slurm/munge.log" \
	--seed-file="$slurm/munge.seed" 2>/dev/null || {
	echo "skipped: munged does not start here"
	exit 77
}
cat >"$slurm/slurm.conf" <<END
ClusterName=gnomon
SlurmctldHost=$host(127.0.0.1)
AuthType=auth/munge
AuthInfo=socket=$slurm/munge/socket
CredType=cred/munge
SlurmUser=root
SlurmdUser=root
SlurmctldPort=$port
SlurmdPort=$((port + 1))
SlurmctldPidFile=$slurm/ctld.pid
SlurmdPidFile=$slurm/d.pid
StateSaveLocation=$slurm/state
SlurmdSpoolDir=$slurm/spool
SlurmctldLogFile=$slurm/ctld.log
SlurmdLogFile=$slurm/d.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
ReturnToService=2
SchedulerParameters=sched_interval=2,batch_sched_delay=1
NodeName=$host NodeAddr=127.0.0.1 CPUs=2 State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
END
export SLURM_CONF="$slurm/slurm.conf"
# shellcheck disable=SC2015 # either may fail
slurmctld -c && slurmd -c || {
	echo "skipped: Slurm does not start here"
	exit 77
}
n=0
until sinfo -h -o %t 2>/dev/null | grep -q idle; do
	n=$((n + 1))
	[ "$n" -lt 30 ] || {
		echo "skipped: Slurm's node does not come up"
		exit 77
	}
	sleep 1
done

expect 0 sweep --slurm "$work/s.ini" -o "$work/slurm" -j 3
grep -q 'job array [0-9]* of 3 tasks' "$work/out" || complain "no job array"
cmp "$work/plain/results.csv" "$work/slurm/results.csv" ||
	complain "Slurm's results differ"
[ "$(find "$work/slurm/slurm" -name '*.log' | wc -l)" -eq 3 ] ||
	complain "not 3 logs"

# A lost point is all that a second run computes.
rm "$(find "$work/slurm/points" -name '*.json' | head -n 1)"
expect 0 sweep --slurm "$work/s.ini" -o "$work/slurm" -j 2 --sbatch=--nice=5
grep -q ', 1 to compute' "$work/out" || complain "not one point"
expect 0 sweep --slurm "$work/s.ini" -o "$work/slurm"
grep -q 'job array' "$work/out" && complain "a job for nothing"

# An option that sbatch does not know is its to refuse.
rm "$(find "$work/slurm/points" -name '*.json' | head -n 1)"
expect 1 sweep --slurm "$work/s.ini" -o "$work/slurm" --sbatch=--partition=no
grep -q 'refused the job array' "$work/err" || complain "no refusal told"
finish

# SPDX-License-Identifier: BSD-2-Clause
# One line per run out of the VMM's log and the guest's console. Variables:
# name, run, forks, wall, cpu (QEMU's user time); csv=1 for comma-separated
# values, where the run comes last. With head=1 the heading only.
function field(key,  i, pair) {
	for (i = 1; i <= NF; i++) {
		split($i, pair, "=")
		if (pair[1] == key) {
			return pair[2]
		}
	}
}
BEGIN {
	format = "%-12s %6s %6s %7s %8s %10s %7s %7s %7s %7s %7s %7s  %s\n"
	if (csv) {
		format = "%s,%s,%s,%s,%s,%s,%s,%s,%s,%s,%s,%s,%s," \
			(head ? "run" : run) "\n"
	}
	if (head) {
		printf format, "mode", "wall_s", "cpu_s", "init_s", "forks_s", \
			"init_exits", "exits/f", "trace/f", "hidden/f", \
			"true/f", "cr3/f", "cpuid/f", "audit"
		exit
	}
}
/^vmm: (mark|exits|faults) [0-9]/ {
	for (i = 4; i <= NF; i++) {
		split($i, pair, "=")
		count[$3, $2 "_" pair[1]] = pair[2]
	}
}
/^gnomon: up/ { up[$3] = $4 + 0 }
/^vmm: DONE/ { audit = "ok" }
/FAILED/ { audit = "FAILED" }
function per_fork(key) {
	if (!((1, key) in count)) {
		return "-"
	}
	return sprintf("%.1f", (count[2, key] - count[1, key]) / forks)
}
END {
	if (head) {
		exit
	}
	init = (1, "mark_exits") in count ? count[1, "mark_exits"] : "-"
	printf format, name, wall, cpu, up["init"] ? up["init"] : "-", \
		up["forked"] ? sprintf("%.2f", up["forked"] - up["init"]) \
		: "-", init, per_fork("mark_exits"), \
		per_fork("faults_trace"), per_fork("faults_hidden"), \
		per_fork("faults_true"), per_fork("exits_cr3"), \
		per_fork("exits_cpuid"), audit ? audit : "-"
}

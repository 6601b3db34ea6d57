# SPDX-License-Identifier: BSD-2-Clause
# The lines of report.awk for several runs of each mode: best and median of the
# times. wall_s and cpu_s are QEMU's, from its start to its end; init_s is the
# guest's uptime at /init, forks_s what the forks took by the same clock.
function sort(a, n,  i, k, t) {
	for (i = 2; i <= n; i++) {
		for (k = i; k > 1 && a[k] + 0 < a[k - 1] + 0; k--) {
			t = a[k]
			a[k] = a[k - 1]
			a[k - 1] = t
		}
	}
}
{
	if (!($1 in runs)) {
		mode[++modes] = $1
	}
	runs[$1]++
	for (i = 2; i <= 5; i++) {
		if ($i != "-") {
			value[$1, i, ++count[$1, i]] = $i
		}
	}
}
END {
	split("wall_s cpu_s init_s forks_s", name)
	printf "\n%-12s %4s", "mode", "runs"
	for (i = 1; i <= 4; i++) {
		printf "  %15s", name[i]
	}
	print ""
	for (m = 1; m <= modes; m++) {
		printf "%-12s %4d", mode[m], runs[mode[m]]
		for (i = 2; i <= 5; i++) {
			n = count[mode[m], i]
			if (!n) {
				printf "  %7s %7s", "-", "-"
				continue
			}
			for (k = 1; k <= n; k++) {
				a[k] = value[mode[m], i, k]
			}
			sort(a, n)
			median = n % 2 ? a[(n + 1) / 2] : \
				(a[n / 2] + a[n / 2 + 1]) / 2
			printf "  %7.2f %7.2f", a[1], median
		}
		print ""
	}
	print "each: the best, the median"
}

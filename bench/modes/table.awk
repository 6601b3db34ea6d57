# SPDX-License-Identifier: BSD-2-Clause
# Tables of what run.sh has written, as Markdown:
#	awk -f table.awk OUT/*.csv
# or, with -v plot=PRESET-ORDER-FACTOR, the data of that figure (modes.gp).
# One table of geometric means for each machine, size of host pages and factor
# of the assumed costs; one of every input for each machine and size of host
# pages; then how far adaptive is from the best fixed mode, adaptive-hw from
# agile, and both from the optimum.
BEGIN {
	FS = ","
	modes = split("shadow shadow+unsync paravirt patched nested " \
		"nested+around shsp agile adaptive adaptive-hw optimal", \
		mode, " ")
	# The first three are what others have.
	fixed = split("shadow shadow+unsync nested nested+around", best, " ")
}
FNR == 1 {
	for (i = 1; i <= NF; i++) column[$i] = i
	n = split(FILENAME, part, "/")
	run = part[n]
	sub(/\.csv$/, "", run)
	if (!(run in known)) {
		known[run] = 1
		runs[++run_count] = run
	}
	next
}
{
	w = $1; m = $(column["mode"])
	cycles[run, w, m] = $(column["cycles"])
	if (!((run, w) in seen)) {
		seen[run, w] = 1
		input[run, ++inputs[run]] = w
	}
	there[m] = 1
}
function over(r, w, m) {
	if (!((r, w, m) in cycles)) return 0
	return cycles[r, w, m] / cycles[r, w, "native"]
}
# Modes that were not run are left out.
function cell(x) { return x > 0 ? sprintf(" %.2f |", 100 * (x - 1)) : " - |" }
function head(first,    i, line) {
	line = "| " first " |"
	for (i = 1; i <= modes; i++) if (mode[i] in there) line = line " " mode[i] " |"
	print line
	gsub(/[^|]+/, "---:", line)
	sub(/---:/, "---", line)
	print line
}
function mean(r, m,    i, sum) {
	for (i = 1; i <= inputs[r]; i++) {
		if (!((r, input[r, i], m) in cycles)) return 0
		sum += log(over(r, input[r, i], m))
	}
	return exp(sum / inputs[r])
}
function title(r,    p, n) {
	n = split(r, p, "-")
	return substr(r, 1, length(r) - length(p[n]) - length(p[n - 1]) - 2) \
		", " (p[n - 1] == 9 ? "2M" : "4K") " host pages, assumed costs x" p[n]
}
function put_plot(r,    i, j, w) {
	printf "input"
	for (j = 1; j <= modes; j++) if (mode[j] in there) printf " %s", mode[j]
	print ""
	for (i = 1; i <= inputs[r]; i++) {
		w = input[r, i]
		printf "%s", w
		for (j = 1; j <= modes; j++) if (mode[j] in there)
			printf " %.4f", 100 * (over(r, w, mode[j]) - 1)
		print ""
	}
	printf "mean"
	for (j = 1; j <= modes; j++) if (mode[j] in there)
		printf " %.4f", 100 * (mean(r, mode[j]) - 1)
	print ""
}
# a against b, or where b is a number against the best of so many fixed modes
function worst(r, a, b,    i, w, x, y, j) {
	if (!(a in there) || (b !~ /^[0-9]+$/ && !(b in there))) return " - |"
	if (!mean(r, a) || (b !~ /^[0-9]+$/ && !mean(r, b))) return " - |"
	most = -1; above = 0
	for (i = 1; i <= inputs[r]; i++) {
		w = input[r, i]
		y = cycles[r, w, b]
		if (b ~ /^[0-9]+$/) {
			y = cycles[r, w, best[1]]
			for (j = 2; j <= b; j++)
				if (cycles[r, w, best[j]] < y) y = cycles[r, w, best[j]]
		}
		x = cycles[r, w, a] / y - 1
		if (x > most) { most = x; where = w }
		above += x > 0
	}
	return sprintf(" %+.2f %% (%s), above on %d of %d |", 100 * most, where,
		above, inputs[r])
}
END {
	if (plot) {
		put_plot(plot)
		exit
	}
	print "Overhead over native in per cent, geometric mean of all inputs\n"
	head("machine")
	for (k = 1; k <= run_count; k++) {
		line = "| " title(runs[k]) " |"
		for (i = 1; i <= modes; i++)
			if (mode[i] in there) line = line cell(mean(runs[k], mode[i]))
		print line
	}
	print "\nThe input on which it is worst\n"
	print "| machine | adaptive over the best of shadow, shadow+unsync, nested" \
		" | and of nested+around | adaptive-hw over agile" \
		" | adaptive over optimal |"
	print "|---|---|---|---|---|"
	for (k = 1; k <= run_count; k++) {
		line = "| " title(runs[k]) " |" worst(runs[k], "adaptive", 3)
		line = line worst(runs[k], "adaptive", fixed)
		line = line worst(runs[k], "adaptive-hw", "agile")
		print line worst(runs[k], "adaptive", "optimal")
	}
	for (k = 1; k <= run_count; k++) {
		if (runs[k] !~ /-1$/) continue
		print "\n" title(runs[k]) "\n"
		head("input")
		for (i = 1; i <= inputs[runs[k]]; i++) {
			w = input[runs[k], i]
			line = "| " w " |"
			for (j = 1; j <= modes; j++)
				if (mode[j] in there) line = line cell(over(runs[k], w, mode[j]))
			print line
		}
	}
}

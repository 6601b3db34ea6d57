# SPDX-License-Identifier: BSD-2-Clause
# Stacked bars: cycles by cause, in per cent of the native run. See style.gp
# for the arguments; a data row is "mode" walk exit vmm fault flush overhead
# "preset or nothing"; with presets ARG6 is not empty.

data = ARG1
term = ARG3
title_text = ARG4
subtitle_text = ARG5 . "; on top: overhead over native"

stats data using 2 nooutput
bars = STATS_records
stats data using ($2 + $3 + $4 + $5 + $6) nooutput
top = STATS_max > 0 ? 1.12 * STATS_max : 1

# So far apart that no two names below the bars touch.
pitch = 0.85
before = 0
stats data using (long = strlen(strcol(1)), \
	long = strlen(strcol(8)) > long ? strlen(strcol(8)) : long, \
	pitch = \
	before && 0.046 * (before + long) > pitch ? \
	0.046 * (before + long) : pitch, before = long, 0) nooutput
fig_w = 2.2 + pitch * bars
if (fig_w < 4.6) fig_w = 4.6
load ARG0[1:strlen(ARG0) - strlen("overhead.gp")] . "style.gp"
set output ARG2

array names[5] = ["page walks", "exits", "VMM work", "guest faults", "flushes"]
half = 0.32
set xrange [-0.6 : bars - 0.4]
set yrange [0 : top]
set ylabel tex("non-compute cycles, % of native") textcolor rgb ink
set rmargin 18
if (ARG6 ne "") set bmargin 3.6
set key at graph 1 + 0.09 / (fig_w - 1.7), 0.98 left top Left reverse \
	invert samplen 1.2 spacing 1.25 width -2 textcolor rgb ink
set key autotitle columnhead noautotitle
set style fill solid 1.0 border rgb ink

# The part between two sums of columns, as a box.
upto(n) = sum [i = 2 : n] column(i)
# A part that has room carries its own figure.
room(n) = column(n) > 0.08 * top ? sprintf("%.1f", column(n)) : ""

name(mode, preset) = tex(mode) . (preset eq "" ? "" : \
	(term eq "tex" ? " " : "\n") . tex(preset))

plot for [n = 2 : 6] data \
		using ($0):(upto(n) - column(n) / 2):(half):(column(n) / 2) \
		with boxxyerror linecolor rgb value(sprintf("c%d", n - 1)) \
		linewidth 0.6 \
		title names[n - 1], \
	for [n = 2 : 6] data \
		using ($0):(upto(n) - column(n) / 2):(room(n)) \
		with labels font f_small \
		textcolor rgb (n < 4 ? "white" : "#000000") notitle, \
	data using ($0):(upto(6)):(strcol(7) eq "?" ? "" : \
			sprintf("%+.1f ", $7) . percent):xtic(name(strcol(1), strcol(8))) \
		with labels offset 0, 0.7 textcolor rgb ink notitle

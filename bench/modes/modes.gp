# SPDX-License-Identifier: BSD-2-Clause
# Overhead over native of every mode on every input, a row of points each, on
# a logarithmic scale. See ../plot/style.gp for the arguments; the data are
# table.awk's: a heading, then "input" overhead..., the last row is the mean.

data = ARG1
term = ARG3
title_text = ARG4
subtitle_text = ARG5

stats data using 2 skip 1 nooutput
rows = STATS_records
stats data matrix rowheaders columnheaders nooutput
modes = STATS_size_x

fig_w = 7.2
fig_h = 1.4 + 0.165 * rows
load ARG0[1:strlen(ARG0) - strlen("modes/modes.gp")] . "plot/style.gp"
set label 1001 at screen 0.02, 1 - 0.2 / fig_h
set label 1002 at screen 0.02, 1 - 0.42 / fig_h
set tmargin at screen 1 - 0.62 / fig_h
set bmargin at screen 0.55 / fig_h
set rmargin 21
set output ARG2

least = 0.02
set logscale x
set xrange [least * 0.8 : 2000]
set yrange [rows - 0.4 : -0.6]
set ytics scale 0
unset grid
set grid xtics ytics linetype 1 linewidth 0.4 linecolor rgb "#d8d8d8"
set xtics ("0.02 or less" 0.02, "0.1" 0.1, "1" 1, "10" 10, "100" 100, \
	"1000" 1000)
set xlabel "overhead over native, %" textcolor rgb ink
set key at graph 1.02, 0.99 left top Left reverse samplen 1.2 \
	textcolor rgb ink
set arrow 1 from graph 0, first rows - 1.5 to graph 1, first rows - 1.5 \
	nohead linecolor rgb ink linewidth 0.6

array shade[11] = ["#9a9a9a", c3, "#6b8e23", "#2e8b57", c2, c2, \
	"#4682b4", "#8b5a2b", c1, "#c00000", "#000000"]
array kind[11] = [5, 9, 11, 13, 7, 6, 4, 6, 7, 9, 2]
at_least(x) = x < least ? least : x

plot for [n = 2 : modes + 1] data using (at_least(column(n))):($0) skip 1 \
		with points pointtype kind[(n - 2) % 11 + 1] \
		pointsize term eq "svg" ? 0.8 : 2.2 \
		linecolor rgb shade[(n - 2) % 11 + 1] notitle, \
	data using (least):($0):ytic(tex(strcol(1))) skip 1 with dots \
		linecolor rgb "#ff000000" notitle, \
	for [n = 1 : modes] keyentry with points \
		pointtype kind[(n - 1) % 11 + 1] \
		linecolor rgb shade[(n - 1) % 11 + 1] title word(ARG6, n)

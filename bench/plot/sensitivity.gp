# SPDX-License-Identifier: BSD-2-Clause
# How far the overhead moves when one parameter changes, a group of bars per
# parameter and a bar per mode. See style.gp for the arguments. One block of
# rows per mode: "parameter" least largest "mode", in percentage points.

data = ARG1
term = ARG3
title_text = ARG4
subtitle_text = ARG5

stats data using 2 nooutput
modes = STATS_blocks
rows = STATS_records / modes
stats data using 2:3 nooutput
low = STATS_min_x < 0 ? STATS_min_x : 0
top = STATS_max_y > 0 ? STATS_max_y : 0
span = top > low ? top - low : 1

fig_w = 5.8
fig_h = 1.5 + 0.1 * rows + 0.11 * rows * modes
load ARG0[1:strlen(ARG0) - strlen("sensitivity.gp")] . "style.gp"
set output ARG2

set border 1 linecolor rgb ink linewidth 0.8
unset grid
set grid xtics linetype 1 linewidth 0.4 linecolor rgb "#d8d8d8"
set arrow 1 from 0, graph 0 to 0, graph 1 nohead linecolor rgb ink linewidth 0.8
set yrange [rows - 0.4 : -0.6]
# Room for the values at the ends of the bars.
set xrange [low - (low < 0 ? 0.22 : 0.02) * span : \
	top + (top > 0 ? 0.24 : 0.02) * span]
set ytics scale 0
set xtics autofreq
set xlabel "change of the overhead, percentage points" textcolor rgb ink
set key at graph 1.02, 0.98 left top Left reverse samplen 1.2 textcolor rgb ink
set rmargin 19
set style fill solid 1.0 border rgb ink
array shade[10] = [c3, c1, c2, c4, c5, soft, "#2e8b57", "#4682b4", \
	"#8b5a2b", "#c00000"]
high = 0.8 / modes
# A bar that is too short to be seen would not tell its mode.
seen = 0.004 * span
low_end(a, b) = a > -seen && a < 0 ? -seen : a
high_end(a, b) = b < seen && b > 0 ? seen : b
offset(n) = (n - 0.5) * high - 0.4

plot for [n = 1 : modes] data index n - 1 \
		using ((low_end($2, $3) + high_end($2, $3)) / 2): \
		($0 + offset(n)): \
		((high_end($2, $3) - low_end($2, $3)) / 2):(high / 2) \
		with boxxyerror linecolor rgb shade[(n - 1) % 10 + 1] linewidth 0.5 \
		notitle, \
	for [n = 1 : modes] data index n - 1 \
		using ($3 < 0.05 ? NaN : $3):($0 + offset(n)): \
		(sprintf("%+.1f", $3)) with labels left offset 0.4, 0 \
		font f_small textcolor rgb ink notitle, \
	for [n = 1 : modes] data index n - 1 \
		using ($2 > -0.05 ? NaN : $2):($0 + offset(n)): \
		(sprintf("%+.1f", $2)) with labels right offset -0.4, 0 \
		font f_small textcolor rgb ink notitle, \
	data index 0 using (0):($0):ytic(tex(strcol(1))) with dots \
		linecolor rgb "#ff000000" notitle, \
	for [n = 1 : modes] keyentry with boxes \
		linecolor rgb shade[(n - 1) % 10 + 1] title word(ARG6, n)

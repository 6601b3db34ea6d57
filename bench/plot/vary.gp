# SPDX-License-Identifier: BSD-2-Clause
# Overhead against one parameter, a line per mode with bars from the least to
# the largest over the seeds. See style.gp for the arguments; ARG6 names the
# axis. One block of rows per mode: value mean least largest "name or nothing".

data = ARG1
term = ARG3
title_text = ARG4
subtitle_text = ARG5

stats data using 1 nooutput
lines = STATS_blocks
x_min = STATS_min
x_max = STATS_max
stats data using 3:4 nooutput
y_min = STATS_min_x
y_max = STATS_max_y

load ARG0[1:strlen(ARG0) - strlen("vary.gp")] . "style.gp"
set output ARG2
unset key

# Factors of two read best on a logarithmic axis.
if (x_min > 0 && x_max >= 4 * x_min) {
	set logscale x 2
	set xrange [x_min / 1.1 : x_max * 1.1]
} else {
	set xrange [x_min - 0.05 * (x_max - x_min) : x_max + 0.05 * (x_max - x_min)]
}
set xtics ()	# the values themselves, from the data
set yrange [y_min < 0 ? 1.15 * y_min : 0 : y_max > 0 ? 1.12 * y_max : 1]
set xlabel tex(ARG6) textcolor rgb ink
set ylabel tex("overhead over native, %") textcolor rgb ink
set rmargin 13
array shade[10] = [c3, c1, c2, "#1b7f5c", "#555555", c4, "#4682b4", \
	"#8b5a2b", "#c00000", "#000000"]
array mark[10] = [7, 5, 9, 13, 11, 15, 4, 6, 8, 2]
array dash[10] = [1, 2, 4, 3, 5, 1, 2, 4, 3, 5]
at(n) = (n - 1) % 10 + 1

plot for [n = 1 : lines] data index n - 1 using 1:2:xtic(1) with lines \
		linecolor rgb shade[at(n)] dashtype dash[at(n)] linewidth 1.6, \
	for [n = 1 : lines] data index n - 1 using 1:2:3:4 with yerrorbars \
		linecolor rgb shade[at(n)] pointtype mark[at(n)] \
		pointsize dot linewidth 1, \
	for [n = 1 : lines] data index n - 1 using 1:2:5 with labels left \
		offset 1, 0 textcolor rgb shade[at(n)]

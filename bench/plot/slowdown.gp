# SPDX-License-Identifier: BSD-2-Clause
# Groups of bars, one per input, a bar per mode: cycles over native cycles on
# a logarithmic axis, the value on top. See style.gp for the arguments. A data
# row is "input, or nothing" "mode" mean least largest.

data = ARG1
term = ARG3
title_text = ARG4
subtitle_text = ARG5

array input[200]
array mode[200]
stats data using (strcol(1) eq "" ? 0 : 1) nooutput
bars = STATS_records
groups_all = int(STATS_sum)
per = bars / groups_all
stats data using 4:5 nooutput
bottom = STATS_min_x < 1 ? 0.9 * STATS_min_x : 1
top = STATS_max_y > 1 ? STATS_max_y : 1

stats data using (input[int($0) + 1] = strcol(1), \
	mode[int($0) + 1] = strcol(2), 0) nooutput
commas(s) = strstrt(s, ",") == 0 ? 0 : \
	1 + commas(s[strstrt(s, ",") + 1 : strlen(s)])
longest = 0
stats data using (longest = strlen(strcol(2)) > longest ? \
	strlen(strcol(2)) : longest, 0) nooutput
more = 0	# lines of the inputs' names
do for [n = 1 : bars] {
	more = commas(input[n]) > more ? commas(input[n]) : more
}
fig_w = 1.5 + 0.1 * longest + 0.17 * (bars + groups_all)
if (fig_w < 4.6) fig_w = 4.6
fig_h = 3.2 + 0.15 * more
load ARG0[1:strlen(ARG0) - strlen("slowdown.gp")] . "style.gp"
set output ARG2

x(n) = n + floor(n / per)
set bmargin at screen (0.4 + 0.15 * more) / fig_h
set xrange [-0.9 : x(bars - 1) + 0.9]
set logscale y
# Headroom for the values, which stand upright.
set yrange [bottom : bottom * (1.1 * top / bottom) ** 1.2]
set format y "%g"
if (top < 4 * bottom) {
	set ytics (0.5, 0.6, 0.8, 1, 1.2, 1.4, 1.6, 1.8, 2, 2.5, 3, 4, 5, 6, \
		8, 10)
} else {
	set ytics (0.5, 1, 2, 3, 5, 10, 20, 30, 50, 100, 200, 500, 1000)
}
set ylabel "times the native cycles" textcolor rgb ink
set xtics scale 0
set xtics ("" 0)
set rmargin 9 + longest
set key at graph 1.02, 0.98 left top Left reverse samplen 1.2 \
	spacing 1.25 textcolor rgb ink
do for [g = 0 : groups_all - 1] {
	middle = (x(g * per) + x(g * per + per - 1)) / 2.0
	set label g + 1 tex(lines_of(input[g * per + 1])) at \
		first middle, screen (0.24 + 0.15 * more) / fig_h center textcolor rgb ink
}
set style fill solid 1.0 border rgb ink
half = 0.42
least = bottom
text(v) = v < 10 ? sprintf("%.2f", v) : v < 100 ? sprintf("%.1f", v) : \
	sprintf("%.0f", v)
is_mode(n) = int($0) % per == n - 1

plot for [n = 1 : per] data \
		using (int($0) % per == n - 1 ? x($0) : NaN):(least):(x($0) - half): \
		(x($0) + half):(least):($3 < least ? least : $3) \
		with boxxyerror linecolor rgb bar_shade[(n - 1) % 10 + 1] \
		linewidth 0.6 title tex(mode[n]), \
	data using (x($0)):($5 - $4 <= 0 ? NaN : $4):(0):($5 - $4) \
		with vectors heads size 0.15,90 linecolor rgb ink \
		linewidth 1 notitle, \
	data using (x($0)):($5):(text($3)) with labels rotate by 90 left \
		offset 0, 0.4 font f_small textcolor rgb ink notitle

# SPDX-License-Identifier: BSD-2-Clause
# Stacked bars: of 100 walks, how many have few or many references; the mean
# on top. See style.gp for the arguments; a data row is "mode" mean least
# largest, then the five parts.

data = ARG1
term = ARG3
title_text = ARG4
subtitle_text = ARG5 . "; on top: mean references"

stats data using 2 nooutput
bars = STATS_records
# So far apart that no two names below the bars touch.
pitch = 0.85
before = 0
stats data using (long = strlen(strcol(1)), pitch = \
	before && 0.046 * (before + long) > pitch ? \
	0.046 * (before + long) : pitch, before = long, 0) nooutput
fig_w = 2.2 + pitch * bars
if (fig_w < 4.6) fig_w = 4.6
load ARG0[1:strlen(ARG0) - strlen("walks.gp")] . "style.gp"
set output ARG2

array names[5] = ["1", "2 to 4", "5 to 8", "9 to 15", "16 and more"]
array shade[5] = [c5, c4, c3, c2, c1]
half = 0.32
set xrange [-0.6 : bars - 0.4]
set yrange [0 : 110]
set ytics 0, 20, 100
set ylabel tex("page walks, %") textcolor rgb ink
set rmargin 18
set key at graph 1 + 0.09 / (fig_w - 1.7), 0.98 left top Left reverse \
	invert samplen 1.2 spacing 1.25 width -2 textcolor rgb ink title "references" left
set style fill solid 1.0 border rgb ink

upto(n) = sum [i = 5 : n] column(i)
room(n) = column(n) >= 8 ? sprintf("%.0f", column(n)) : ""
mean(m, a, b) = b - a < 0.005 ? sprintf("%.2f", m) : \
	sprintf("%.2f (%.2f to %.2f)", m, a, b)

plot for [n = 5 : 9] data \
		using ($0):(upto(n) - column(n) / 2):(half):(column(n) / 2) \
		with boxxyerror linecolor rgb shade[n - 4] linewidth 0.6 \
		title names[n - 4], \
	for [n = 5 : 9] data \
		using ($0):(upto(n) - column(n) / 2):(room(n)) \
		with labels font f_small \
		textcolor rgb (n > 7 ? "white" : "#000000") notitle, \
	data using ($0):(100):(mean($2, $3, $4)):xtic(tex(strcol(1))) \
		with labels offset 0, 0.7 textcolor rgb ink notitle

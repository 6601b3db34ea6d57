# SPDX-License-Identifier: BSD-2-Clause
# Published results against ours, both logarithmic, a mark for each kind of
# evidence: all of them, and predictions alone with the misses named. See
# style.gp for the arguments; ARG6 is "LEAST LARGEST LEAST LARGEST MISSES", of
# all and of predictions. Blocks of rows: exact, calibration, direction,
# prediction: published ours passed "row" "unit"; then published ours "row" of
# the misses. The first row of a block is empty.

data = ARG1
term = ARG3
title_text = ARG4
subtitle_text = ARG5
num(n) = real(word(ARG6, n))
rows = int(num(5))
array row[rows + 1]
stats data index 4 using (row[int($0) + 1] = strcol(3), 1) nooutput

fig_w = 8.4
fig_h = 4.3
load ARG0[1:strlen(ARG0) - strlen("validation.gp")] . "style.gp"
set output ARG2

array names[4] = ["exact", "calibration", "direction", "prediction"]
array mark[4] = [1, 4, 8, 7]
array shade[4] = [soft, c2, soft_green, c1]
array size[4] = [1, 1.6, 1.8, 1.8]
set logscale xy
set format x "%g"
set format y "%g"
set grid xtics ytics linetype 1 linewidth 0.4 linecolor rgb "#e4e4e4"
set xlabel "published" textcolor rgb ink
set samples 60
set bmargin at screen 0.52 / fig_h
missed(n) = int(column(3)) == 0 ? column(n) : NaN

set multiplot
low = num(1) / 1.8
high = num(2) * 1.8
set lmargin at screen 0.085
set rmargin at screen 0.495
set xrange [low : high]
set yrange [low : high]
set ylabel "ours" textcolor rgb ink
set key at graph 0.98, 0.03 right bottom Left reverse invert samplen 1.2 \
	spacing 1.2 textcolor rgb ink
plot "+" using 1:(0.75 * $1):(1.25 * $1) with filledcurves \
		linecolor rgb "#e6e6e6" title tex("25 % off at most"), \
	x with lines linecolor rgb soft linewidth 0.8 notitle, \
	for [n = 1 : 4] data index n - 1 using 1:2 with points \
		pointtype mark[n] pointsize size[n] * dot linewidth 1.2 \
		linecolor rgb shade[n] title names[n], \
	for [n = 1 : 4] data index n - 1 using (missed(1)):2 with points \
		pointtype 6 pointsize 3.6 * dot linewidth 1.4 \
		linecolor rgb c3 notitle, \
	keyentry with points pointtype 6 pointsize 3.6 * dot linewidth 1.4 \
		linecolor rgb c3 title "miss"

unset label 1001
unset label 1002
unset key
if (num(4) > 0) {
	low = num(3) / 1.5
	high = num(4) * 1.5
	set lmargin at screen 0.57
	set rmargin at screen 0.985
	set xrange [low : high]
	# Above the points, the names of the misses.
	set yrange [low : high * (high / low) ** (0.07 * (rows + 1))]
	some = rows > 0
	do for [n = 1 : rows] {
		set label 3 + n tex(sprintf("%d: ", n) . row[n + 1]) \
			at graph 0.03, 0.965 - 0.055 * n left font f_small \
			textcolor rgb "#b04a1a"
	}
	set xtics (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
	set ytics (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
	unset ylabel
	set label 3 "predictions alone" at graph 0.03, 0.96 left \
		textcolor rgb ink
	plot "+" using 1:(0.75 * $1):(1.25 * $1) with filledcurves \
			linecolor rgb "#e6e6e6", \
		x with lines linecolor rgb soft linewidth 0.8, \
		data index 3 using 1:2 with points pointtype 7 \
			pointsize 1.8 * dot linecolor rgb c1, \
		for [n = 1 : some] data index 3 using (missed(1)):2 \
			with points pointtype 6 pointsize 3.6 * dot \
			linewidth 1.4 linecolor rgb c3, \
		for [n = 1 : some] data index 4 using ($1 > 0 ? $1 : NaN):2:(sprintf("%.0f", $0)) with labels left \
			offset 1, -0.5 font f_small textcolor rgb "#b04a1a"
}
unset multiplot

# SPDX-License-Identifier: BSD-2-Clause
# A curve per mode against one parameter, with bars from the least to the
# largest over the seeds, and circles where nested crosses. See style.gp for
# the arguments; ARG6 names the parameter, ARG7 is "LOGX LOGY XMIN XMAX YMIN
# YMAX CURVES CROSSINGS", ARG8 names what is drawn, ARG9 says where curves
# cross. Blocks of rows: one per mode, value mean least largest; the names of
# the curves, x y "name" number; the crossings, x y "mode".

data = ARG1
term = ARG3
title_text = ARG4
subtitle_text = ARG5
num(n) = real(word(ARG7, n))
lines = int(num(7))
crossings = int(num(8))

third = ARG9 eq "" || term eq "tex" ? 0 : 0.2
fig_h = 3.2 + third
array cross_x[9]
array cross_y[9]
if (crossings) {
	stats data index lines + 1 using (cross_x[int($0) + 1] = $1, \
		cross_y[int($0) + 1] = $2, 0) nooutput
}
load ARG0[1:strlen(ARG0) - strlen("vary.gp")] . "style.gp"
set output ARG2
unset key
if (third) {
	set label 1003 ARG9 at screen 0.02, 1 - 0.58 / fig_h left \
		font f_small textcolor rgb soft
	set tmargin at screen 1 - (0.64 + third) / fig_h
}

if (num(1)) set logscale x 2
if (num(2)) set logscale y
set xrange [num(3) : num(4)]
set yrange [num(5) : num(6)]
set format y "%g"
set xtics ()	# the values themselves, from the data
set xlabel tex(ARG6) textcolor rgb ink
set ylabel tex(ARG8) textcolor rgb ink
set rmargin 16
array mark[10] = [7, 5, 9, 13, 11, 15, 4, 6, 8, 2]
array dash[10] = [1, 2, 4, 3, 5, 1, 2, 4, 3, 5]
at(n) = (n - 1) % 10 + 1
color(n) = rgb(line_shade[at(int(n))])
rgb(s) = int("0x" . s[2:7])
do for [n = 1 : crossings] {
	set arrow n from cross_x[n], num(5) to cross_x[n], cross_y[n] nohead \
		linecolor rgb soft dashtype 3 linewidth 0.8
	set label n "" at cross_x[n], cross_y[n] point pointtype 6 \
		pointsize 3.2 * dot linecolor rgb ink linewidth 1
}

plot for [n = 1 : lines] data index n - 1 using 1:2:xtic(short($1)) \
		with lines \
		linecolor rgb line_shade[at(n)] dashtype dash[at(n)] linewidth 1.6, \
	for [n = 1 : lines] data index n - 1 using 1:2:3:4 with yerrorbars \
		linecolor rgb line_shade[at(n)] pointtype mark[at(n)] \
		pointsize dot linewidth 1, \
	data index lines using 1:2:3:(color($4)) with labels left \
		offset 1, 0 textcolor rgb variable

# SPDX-License-Identifier: BSD-2-Clause
# A panel per mode, in it a curve per value of one parameter against another
# one, all on the same axes. See style.gp for the arguments; ARG6 names the
# axis, ARG7 is "LOGX LOGY XMIN XMAX YMIN YMAX PANELS CURVES", ARG8 names what
# is drawn, ARG9 the parameter of the curves. Blocks of rows: one per panel and
# curve, value mean least largest; the names of the panels; of the curves.

data = ARG1
term = ARG3
title_text = ARG4
subtitle_text = ARG5
num(n) = real(word(ARG7, n))
panels = int(num(7))
curves = int(num(8))
array panel[20]
array curve[10]
stats data index panels * curves using (panel[int($0) + 1] = strcol(1), 0) \
	nooutput
stats data index panels * curves + 1 using (curve[int($0) + 1] = strcol(1), \
	0) nooutput
longest = strlen(ARG9)
do for [n = 1 : curves] {
	longest = strlen(curve[n]) + 5 > longest ? strlen(curve[n]) + 5 : longest
}

wide = panels < 3 ? panels : 3
rows = ceil(panels / 3.0)
left = 0.85
inch = 1.75		# of a panel's plot
pitch = 1.95
legend = 0.35 + 0.085 * longest
fig_w = left + pitch * wide + legend
high = 1.6
row_pitch = 2.15
fig_h = (term eq "tex" ? 0.3 : 0.9) + row_pitch * rows
load ARG0[1:strlen(ARG0) - strlen("pairs.gp")] . "style.gp"
set output ARG2
array mark[10] = [7, 5, 9, 13, 11, 15, 4, 6, 8, 2]
array dash[10] = [1, 2, 4, 3, 5, 1, 2, 4, 3, 5]

set multiplot
if (num(1)) set logscale x 2
if (num(2)) set logscale y
set xrange [num(3) : num(4)]
set yrange [num(5) : num(6)]
set xtics () font f_small
set ytics font f_small
do for [n = 1 : panels] {
	column_of = (n - 1) % 3
	row_of = (n - 1) / 3
	top = fig_h - (term eq "tex" ? 0.3 : 0.9) - row_pitch * row_of
	x = left + pitch * column_of
	set lmargin at screen x / fig_w
	set rmargin at screen (x + inch) / fig_w
	set tmargin at screen top / fig_h
	set bmargin at screen (top - high) / fig_h
	set label 1 tex(panel[n]) at graph 0.03, 1.06 left textcolor rgb ink
	set format y column_of == 0 ? "%g" : ""
	if (column_of == 0) {
		set ylabel tex(ARG8) textcolor rgb ink
	} else {
		unset ylabel
	}
	set xlabel tex(ARG6) textcolor rgb ink font f_small
	if (n == wide) {
		set key at screen (x + inch + 0.12) / fig_w, \
			(top + 0.05) / fig_h left top Left reverse \
			samplen 2.2 textcolor rgb ink title tex(ARG9) left
	} else {
		unset key
	}
	plot for [k = 1 : curves] data index (n - 1) * curves + k - 1 \
			using 1:2:xtic(short($1)) with linespoints \
			linecolor rgb line_shade[(k - 1) % 10 + 1] \
			dashtype dash[k] linewidth 1.5 pointtype mark[k] \
			pointsize dot title tex(curve[k]), \
		for [k = 1 : curves] data index (n - 1) * curves + k - 1 \
			using ($4 > $3 ? $1 : NaN):2:3:4 with yerrorbars \
			linecolor rgb line_shade[(k - 1) % 10 + 1] \
			pointtype mark[k] pointsize dot linewidth 1 notitle
	unset label 1001
	unset label 1002
}
unset multiplot

# SPDX-License-Identifier: BSD-2-Clause
# The events of one run while its input goes by, and below them, of a mode
# that chooses, which address spaces are in shadow mode when. See style.gp for
# the arguments; ARG6 names the events, with commas between; ARG7 is "COUNTS
# SPACES END WIDTH UNIT". Blocks of rows: "x y" for each kind of event; "x row
# part"; "row name".

data = ARG1
term = ARG3
title_text = ARG4
subtitle_text = ARG5
counts = int(word(ARG7, 1))
spaces = int(word(ARG7, 2))
end = real(word(ARG7, 3))
half = real(word(ARG7, 4)) / 2

fig_w = 6.4
strip = spaces ? 0.55 + 0.17 * spaces : 0
fig_h = 3.4 + strip
load ARG0[1:strlen(ARG0) - strlen("timeline-mode.gp")] . "style.gp"
set output ARG2
array dash[10] = [1, 2, 4, 3, 5, 1, 2, 4, 3, 5]
array mark[10] = [7, 5, 9, 13, 11, 15, 4, 6, 8, 2]
at(n) = (n - 1) % 10 + 1
# Part n of what has commas between.
part(s, n) = n == 1 ? (strstrt(s, ",") ? s[1 : strstrt(s, ",") - 1] : s) : \
	part(s[strstrt(s, ",") + 1 : strlen(s)], n - 1)

set xrange [0 : end]
set lmargin 9
set rmargin 22
set key at graph 1.02, 0.98 left top Left reverse samplen 2.2 \
	textcolor rgb ink
foot = 0.5 / fig_h

set multiplot
set bmargin at screen foot + strip / fig_h
set logscale y
set format y "%g"
set ylabel tex("for each 1000 events") textcolor rgb ink
if (spaces) { set format x "" } else {
	set xlabel tex(word(ARG7, 5) . " of events") textcolor rgb ink
}
plot for [n = 1 : counts] data index n - 1 \
	using 1:($2 > 0 ? $2 : NaN) with linespoints \
	linecolor rgb line_shade[at(n)] dashtype dash[at(n)] linewidth 1.3 \
	pointtype mark[at(n)] pointsize 0.5 * dot \
	title part(ARG6, n)

if (spaces) {
	unset logscale y
	unset label 1001
	unset label 1002
	unset grid
	unset ylabel
	set tmargin at screen foot + (strip - 0.14) / fig_h
	set bmargin at screen foot
	set yrange [spaces - 0.5 : -0.5]
	set ytics scale 0 font f_small
	set format x "%g"
	set xlabel tex(word(ARG7, 5) . " of events") textcolor rgb ink
	set style fill solid 1.0 noborder
	# From nested, light, to shadow, dark.
	mix(a, b, p) = int(a + p * (b - a))
	shade(p) = mix(0xf2, 0x1a, p) * 65536 + mix(0xb5, 0x2a, p) * 256 + \
		mix(0x4a, 0x6c, p)
	set label 3 tex("address spaces by CR3") at graph 1.02, \
		1 - 0.08 / (strip - 0.14) left font f_small \
		textcolor rgb soft
	set key at graph 1.02, 1 - 0.16 / (strip - 0.14) left top Left \
		reverse samplen 1.2 textcolor rgb ink
	plot data index counts using 1:2:(half * 1.05):(0.4):(shade($3)) \
			with boxxyerror linecolor rgb variable notitle, \
		data index counts + 1 using (0):1:ytic(2) with dots \
			linecolor rgb "#ff000000" notitle, \
		keyentry with boxes linecolor rgb shade(1) title "shadow", \
		keyentry with boxes linecolor rgb shade(0) title "nested"
}
unset multiplot

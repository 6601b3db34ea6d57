# SPDX-License-Identifier: BSD-2-Clause
# What each mode has cost so far while the input goes by, and below it, for each policy,
# how much of its time is spent on shadow tables. See style.gp for the
# arguments; ARG6 names the modes, ARG7 the policies, ARG8 the axis, ARG9 is
# "LOG END UNIT". Blocks of rows "x y": one per mode, then one per policy.

data = ARG1
term = ARG3
title_text = ARG4
subtitle_text = ARG5
modes = words(ARG6)
policies = words(ARG7)
end = real(word(ARG9, 2))

fig_w = 6.4
strip = 0.55		# inches for each policy
fig_h = 3.4 + strip * policies + (policies ? 0.15 : 0)
load ARG0[1:strlen(ARG0) - strlen("timeline.gp")] . "style.gp"
set output ARG2
array dash[10] = [1, 2, 4, 3, 5, 1, 2, 4, 3, 5]
at(n) = (n - 1) % 10 + 1

set xrange [0 : end]
set lmargin 9
set rmargin 22
set key at graph 1.02, 0.98 left top Left reverse samplen 2.2 \
	textcolor rgb ink
foot = 0.5 / fig_h
below = foot + (strip * policies + (policies ? 0.15 : 0)) / fig_h

set multiplot
if (word(ARG9, 1) eq "1") { set logscale y }
set bmargin at screen below
set ylabel tex(ARG8) textcolor rgb ink
set format y "%g"
if (policies) { set format x "" } else {
	set xlabel tex(word(ARG9, 3) . " of events") textcolor rgb ink
}
plot for [n = 1 : modes] data index n - 1 using 1:2 with lines \
	linecolor rgb line_shade[at(n)] dashtype dash[at(n)] linewidth 1.3 \
	title tex(word(ARG6, n))

unset logscale y
unset label 1001
unset label 1002
unset ylabel
unset grid
set yrange [0 : 100]
do for [n = 1 : policies] {
	top = below - (0.1 + strip * (n - 1)) / fig_h
	set tmargin at screen top - 0.06 / fig_h
	set bmargin at screen top - (strip - 0.04) / fig_h
	set ytics (0, 100) font f_small
	set label 1 tex(word(ARG7, n) . ":") at graph 1.02, 0.78 left \
		textcolor rgb ink
	set label 2 tex("in shadow mode, %") at graph 1.02, 0.28 left \
		font f_small textcolor rgb soft
	if (n == policies) {
		set format x "%g"
		set xlabel tex(word(ARG9, 3) . " of events") textcolor rgb ink
	}
	set style fill solid 1.0
	plot data index modes + n - 1 using 1:2 with fillsteps \
		linecolor rgb c1 notitle
}
unset multiplot

# SPDX-License-Identifier: BSD-2-Clause
# Groups of bars, one per input, a bar per mode: cycles over an ideal machine,
# those of page walks and all others. See style.gp for the arguments; ARG6 is
# where the axis is cut. A data row is "input, or nothing" "mode" walks rest
# total least largest.

data = ARG1
term = ARG3
title_text = ARG4
subtitle_text = ARG5
cut = real(ARG6)

stats data using (strcol(1) eq "" ? 0 : 1) nooutput
bars = STATS_records
groups_all = int(STATS_sum)
per = bars / groups_all
array input[200]
stats data using (input[int($0) + 1] = strcol(1), 0) nooutput
commas(s) = strstrt(s, ",") == 0 ? 0 : \
	1 + commas(s[strstrt(s, ",") + 1 : strlen(s)])
longest = 0
stats data using (longest = strlen(strcol(2)) > longest ? \
	strlen(strcol(2)) : longest, 0) nooutput
# Inches for the names of the modes; LaTeX has one size of text.
names_high = 0.16 + (term eq "tex" ? 0.088 : 0.072) * longest
# The longest line of a name.
part_of(s) = strstrt(s, ",") == 0 ? strlen(s) : \
	(p = part_of(s[strstrt(s, ",") + 1 : strlen(s)]), \
	 strstrt(s, ",") - 1 > p ? strstrt(s, ",") - 1 : p)
part = 0
more = 0	# lines of the inputs' names
do for [n = 1 : bars] {
	more = commas(input[n]) > more ? commas(input[n]) : more
	part = part_of(input[n]) > part ? part_of(input[n]) : part
}
# Bars so far apart that the names fit below their groups.
pitch = 0.088 * part / (per + 1)
pitch = pitch > 0.135 ? pitch : 0.135
fig_w = 1.3 + pitch * (bars + groups_all)
if (fig_w < 4.6) fig_w = 4.6
fig_h = 3.0 + names_high + 0.15 * more
load ARG0[1:strlen(ARG0) - strlen("inputs.gp")] . "style.gp"
set output ARG2

x(n) = n + floor(n / per)
set xrange [-0.9 : x(bars - 1) + 0.9]
set yrange [0 : 1.18 * cut]
set ylabel tex("over an ideal machine, %") textcolor rgb ink
set bmargin at screen (names_high + 0.34 + 0.15 * more) / fig_h
set lmargin 9
set rmargin 2
set tmargin at screen 1 - (term eq "tex" ? 0.32 : 0.8) / fig_h
set key at screen 0.98, screen 1 - (term eq "tex" ? 0.06 : 0.52) / fig_h right top \
	horizontal Left reverse samplen 1.2 textcolor rgb ink
set xtics rotate by 90 right scale 0 font f_small
do for [g = 0 : groups_all - 1] {
	middle = (x(g * per) + x(g * per + per - 1)) / 2.0
	set label g + 1 tex(lines_of(input[g * per + 1])) at \
		first middle, screen (0.24 + 0.15 * more) / fig_h center \
		textcolor rgb ink
	if (g) {
		set arrow g from first x(g * per) - 1, graph 0 \
			to first x(g * per) - 1, screen 0.1 / fig_h \
			nohead linecolor rgb "#d8d8d8" linewidth 0.6
	}
}
set style fill solid 1.0 border rgb ink
half = 0.42
low(v) = v > cut ? cut : v
is_cut(v) = v > cut

plot data using (x($0)):(low($3) / 2):(half):(low($3) / 2) with boxxyerror \
		linecolor rgb c1 linewidth 0.6 title "page walks", \
	data using (x($0)):((low($3) + low($3 + $4)) / 2):(half): \
		((low($3 + $4) - low($3)) / 2) with boxxyerror \
		linecolor rgb c4 linewidth 0.6 title "VMM, exits and the rest", \
	data using (x($0)):(is_cut($5) || $7 - $6 <= 0 ? NaN : $6):(0): \
		($7 - $6) with vectors heads size 0.15,90 \
		linecolor rgb ink linewidth 1 notitle, \
	data using (x($0)):(0):xtic(tex(strcol(2))) with dots \
		linecolor rgb "#ff000000" notitle, \
	data using (x($0)):(is_cut($5) ? 0.965 * cut : NaN):(half * 1.15): \
		(0.008 * cut) with boxxyerror linecolor rgb "white" \
		fillstyle solid 1.0 noborder notitle, \
	data using (x($0)):(is_cut($5) ? 1.02 * cut : NaN): \
		(sprintf("%.3g", $5)) with labels rotate by 90 left \
		font f_small textcolor rgb ink notitle

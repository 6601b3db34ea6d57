# SPDX-License-Identifier: BSD-2-Clause
# What all figures share. The scripts are called as
#	gnuplot -d -c NAME.gp DATA OUTPUT TERMINAL TITLE SUBTITLE
# with TERMINAL one of svg, pdf, png, tex (text set by LaTeX, no title); size in
# inches is set by the caller in fig_w and fig_h before loading this file.

if (!exists("fig_w")) fig_w = 4.6
if (!exists("fig_h")) fig_h = 3.2

if (term eq "svg") {
	set terminal svg size fig_w * 100, fig_h * 100 dynamic noenhanced \
		font "Helvetica,Arial,sans-serif,11" linewidth 1 background "white"
} else { if (term eq "pdf") {
	set terminal pdfcairo size fig_w, fig_h noenhanced font "Helvetica,9" \
		linewidth 0.8 fontscale 0.72
} else { if (term eq "tex") {
	set terminal cairolatex pdf input size 0.92 * fig_w, 0.92 * fig_h \
		font ",8" linewidth 0.8
} else {
	set terminal pngcairo size fig_w * 300, fig_h * 300 noenhanced \
		font "Helvetica,9" fontscale 3.2 linewidth 3 background "white"
}}}

# Text as LaTeX wants it; other terminals take it as it is.
swap(s, a, b, at) = at == 0 ? s : \
	s[1 : at - 1] . b . \
	swap(s[at + 1 : strlen(s)], a, b, strstrt(s[at + 1 : strlen(s)], a))
tex(s) = term ne "tex" ? s : \
	swap(swap(s, "_", "\\_", strstrt(s, "_")), "%", "\\%", \
	     strstrt(swap(s, "_", "\\_", strstrt(s, "_")), "%"))

# In a label that is plotted, gnuplot takes one backslash away.
percent = term eq "tex" ? "\\\\%" : "%"

# Sizes of text follow the terminal's own: points on paper, pixels on screens.
base = term eq "svg" ? 11 : 9
dot = term eq "png" ? 1.6 : 0.5
f_title = term eq "tex" ? "" : sprintf(",%d", base + 2)
f_small = term eq "tex" ? "" : sprintf(",%d", base - 1)

# Luminance falls in even steps (L* 93, 78, 60, 41, 19), so the order survives
# printing in grey and every kind of colour blindness.
c1 = "#1a2a6c"
c2 = "#9c2f7f"
c3 = "#dd6b35"
c4 = "#f2b54a"
c5 = "#f8efc4"
soft_green = "#1b7f5c"
# Curves differ in dash and mark too.
array line_shade[10] = [c3, c1, c2, "#1b7f5c", "#555555", "#a06a00", \
	"#4682b4", "#8b5a2b", "#c00000", "#000000"]
# Neighbouring bars differ in luminance.
array bar_shade[10] = [c1, c4, c2, c5, c3, soft_green, "#4682b4", "#a9d0c0", \
	"#8b5a2b", "#c0c0c0"]
ink = "#202020"
soft = "#707070"

# A number as short as it can be said on an axis.
short(v) = v >= 1e6 ? sprintf("%.3gM", v / 1e6) : v >= 1e5 || \
	(v >= 1e4 && v == 1000 * floor(v / 1000)) ? \
	sprintf("%.3gk", v / 1000) : sprintf("%.6g", v)

# Names with parameters take a line for each.
lines_of(s) = strstrt(s, ",") == 0 ? s : term eq "tex" ? \
	"\\raisebox{-\\height}[0pt][0pt]{\\shortstack{" . \
	swap(s, ",", "\\\\", strstrt(s, ",")) . "}}" : \
	swap(s, ",", "\n", strstrt(s, ","))

set border 3 linecolor rgb ink linewidth 0.8
set tics nomirror out scale 0.5 textcolor rgb ink
set grid ytics linetype 1 linewidth 0.4 linecolor rgb "#d8d8d8"
set grid noxtics back
set title ""
if (term eq "tex") {
	title_text = ""
	subtitle_text = ""
}
set label 1001 title_text at screen 0.02, 1 - 0.2 / fig_h left \
	font f_title textcolor rgb ink
set label 1002 subtitle_text at screen 0.02, 1 - 0.4 / fig_h left \
	font f_small textcolor rgb soft
set tmargin at screen term eq "tex" ? 0.97 : 1 - 0.64 / fig_h

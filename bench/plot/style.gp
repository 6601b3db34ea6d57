# SPDX-License-Identifier: BSD-2-Clause
# What all figures share. The scripts are called as
#	gnuplot -d -c NAME.gp DATA OUTPUT TERMINAL TITLE SUBTITLE
# with TERMINAL one of svg, pdf, png, tex (text set by LaTeX, no title); size in inches is set by the caller in
# fig_w and fig_h before loading this file.

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
ink = "#202020"
soft = "#707070"

set border 3 linecolor rgb ink linewidth 0.8
set tics nomirror out scale 0.5 textcolor rgb ink
set grid ytics linetype 1 linewidth 0.4 linecolor rgb "#d8d8d8"
set grid noxtics back
set title ""
if (term eq "tex") {
	title_text = ""
	subtitle_text = ""
}
set label 1001 title_text at screen 0.02, 0.935 left \
	font f_title textcolor rgb ink
set label 1002 subtitle_text at screen 0.02, 0.875 left \
	font f_small textcolor rgb soft
set tmargin at screen term eq "tex" ? 0.97 : 0.8

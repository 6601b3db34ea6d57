#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Figures for LaTeX: two files each, and a paper takes them.
. "${top_srcdir:?}/tests/cli/lib.sh"

command -v gnuplot >/dev/null || {
	echo "gnuplot is not there" >&2
	exit 77
}
cat >"$work/s.ini" <<'END'
[scenario]
name = small
workloads = forkwait,children=4,pages=4
modes = native, shadow, nested

[vary]
exit.round_trip = x1, x2

[sensitivity]
labels = assumed
factors = 2
END
expect 0 sweep "$work/s.ini" -o "$work/dir"
expect 0 plot "$work/dir" --latex -o "$work/out.d"
for name in overhead vary-exit.round_trip sensitivity; do
	for kind in tex pdf; do
		file=$work/out.d/$name-tex.$kind
		[ -s "$file" ] || complain "no $file"
		grep -qxF "$file" "$work/out" || complain "$file not named"
	done
	# A figure names its other half as the paper will find it.
	grep -q "{$name-tex}" "$work/out.d/$name-tex.tex" ||
		complain "$name: its pdf is elsewhere"
	[ -s "$work/out.d/$name.pdf" ] || complain "no $name.pdf beside it"
done
no_leftovers "$work"
! grep -Eq '[0-9] %}' "$work"/out.d/*-tex.tex || complain "a bare % sign"

if command -v pdflatex >/dev/null; then
	expect 0 validate V2 --latex -o "$work/out.d"
	cat >"$work/out.d/paper.tex" <<-'END'
		\documentclass{article}
		\usepackage{graphicx}\usepackage{color}
		\begin{document}
		\input{overhead-tex} \input{vary-exit.round_trip-tex}
		\input{sensitivity-tex} \input{validation-tex}
		\input{walks-tex}
		\end{document}
	END
	(cd "$work/out.d" && pdflatex -interaction=nonstopmode \
		-halt-on-error paper.tex >paper.said) ||
		complain "$(grep -A2 '^!' "$work/out.d/paper.said")"
else
	echo "pdflatex is not there: not tried in a paper" >&2
fi
finish

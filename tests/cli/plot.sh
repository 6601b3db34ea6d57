#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# compare -o draws the figures and names each file that it writes.
. "${top_srcdir:?}/tests/cli/lib.sh"

command -v gnuplot >/dev/null || {
	echo "gnuplot is not there" >&2
	exit 77
}

# magic FILE BYTES : the file begins so.
magic() {
	head -c 2000 "$work/dir/$1" | tr -d '\0' | grep -aq "$2" ||
		complain "$1 is not what its name says"
}

# The name of a recording is text, whatever is in it.
name="x\$(id)\`id\`'\"{}_^&<%s.gnr"
cp "$recording" "$work/$name"
expect 0 compare "$work/$name" -o "$work/dir"
[ ! -s "$work/err" ] || complain "said: $(cat "$work/err")"
for file in result.csv result.json overhead.dat overhead.svg overhead.pdf \
	overhead.png; do
	[ -s "$work/dir/$file" ] || complain "no $file"
	grep -qxF "$work/dir/$file" "$work/out" || complain "$file not named"
done
magic overhead.svg '<svg'
magic overhead.pdf '^%PDF-'
magic overhead.png 'PNG'
for word in native shadow nested 'page walks' 'VMM work' clx-8269cy; do
	grep -q "$word" "$work/dir/overhead.svg" || complain "no '$word'"
done
no_leftovers "$work"
first=$(cksum <"$work/dir/result.csv")
expect 0 compare "$work/$name" -o "$work/dir"
[ "$first" = "$(cksum <"$work/dir/result.csv")" ] || complain "not repeatable"

# Two presets share one figure; one mode alone has no overhead.
expect 0 compare "$recording" -p clx-8269cy -p pvm-switcher -o "$work/two"
[ "$(grep -c '"pvm-switcher"$' "$work/two/overhead.dat")" -eq 3 ] ||
	complain "the second preset is not in the figure"
expect 0 compare "$recording" --modes shadow -o "$work/one"
grep -q '? ""$' "$work/one/overhead.dat" ||
	complain "an overhead out of nothing"
finish

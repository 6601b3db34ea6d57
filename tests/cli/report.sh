#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The page of a sweep stands alone, sorts, filters, and fits a phone.
. "${top_srcdir:?}/tests/cli/lib.sh"

cat >"$work/s.ini" <<'END'
[scenario]
name = small
title = A <small> sweep & "more"
workloads = forkwait,children=4,pages=4
modes = native, shadow, nested
seeds = 1, 2

[vary]
exit.round_trip = x1, x2, x4

[sensitivity]
labels = assumed
factors = 2
END
expect 0 sweep "$work/s.ini" -o "$work/dir"
expect 0 report "$work/dir"
page=$work/dir/report.html
[ "$(cat "$work/out")" = "$page" ] || complain "path not printed"
no_leftovers "$work"

# Nothing is fetched, and the scenario's text is text.
! grep -Eq '(src|href)="?(https?:|//|file:)|@import|url\(' "$page" ||
	complain "the page refers to something outside"
grep -q '<h1>A &lt;small&gt; sweep &amp; &quot;more&quot;</h1>' "$page" ||
	complain "odd title"
for word in 'id="summary"' 'id="figures"' 'id="results"' 'id="presets"' \
	'id="repeat"' 'exit.round_trip' 'gnomon sweep --check'; do
	grep -q "$word" "$page" || complain "no $word"
done
if command -v gnuplot >/dev/null; then
	[ "$(grep -c '<figure>' "$page")" -eq 4 ] || complain "not 4 figures"
	expect 0 plot "$work/dir" -o "$work/figures"
	[ "$(find "$work/figures" -type f | wc -l)" -eq 16 ] ||
		complain "not 4 figures in 4 forms"
fi
# The summary has a row for each input and preset, a column for each mode.
row=$(grep -A 1 'forkwait,<wbr>children=4' "$page" | head -n 1)
[ "$(echo "$row" | grep -o '<td' | wc -l)" -eq 5 ] ||
	complain "odd summary: $row"
count='<td class="n">[0-9,]*</td>' over='<td class="n">+'
[ "$(grep -c "<td>clx-8269cy</td>$count$over" "$page")" -eq 1 ] ||
	complain "not one row in the summary"
grep -q '<figcaption>overhead: cycles by cause<' "$page" ||
	complain "no caption"
# Every link within the page has its target.
sed -n 's/.*href="#\([a-z]*\)".*/\1/p' "$page" | while read -r id; do
	grep -q "id=\"$id\"" "$page" || echo "$id"
done >"$work/said"
[ ! -s "$work/said" ] || complain "dead links: $(cat "$work/said")"

# Without gnuplot there is a page without figures.
mkdir "$work/bin"
PATH=$work/bin "$gnomon" report "$work/dir" -o "$work/bare.html" \
	>"$work/out" 2>"$work/err" || complain "no gnuplot: failed"
grep -q 'gnuplot-nox' "$work/err" || complain "no gnuplot: no advice"
grep -q 'gnuplot was not there' "$work/bare.html" || complain "no remark"

browser=$(command -v chromium || command -v chromium-browser ||
	command -v google-chrome) || {
	echo "no chromium: layout, sorting and filter not tested" >&2
	finish
}

# ask SCRIPT WIDTH [FRAGMENT] : what a script in the page says.
ask() {
	{
		cat "$page"
		printf '<script>document.title = "said:" + (%s);</script>' "$1"
	} >"$work/asked.html"
	"$browser" --headless --no-sandbox --disable-gpu \
		--user-data-dir="$work/profile" --window-size="$2",900 \
		--dump-dom "file://$work/asked.html${3-}" 2>/dev/null |
		sed -n 's/.*<title>said:\(.*\)<\/title>.*/\1/p'
}

wide='document.documentElement.scrollWidth <= window.innerWidth'
for width in 500 800 1400; do
	[ "$(ask "$wide" "$width")" = true ] ||
		complain "wider than a screen of $width"
done
sorted='(() => { const c = Array.from(document.querySelectorAll(
	"#results-table tbody td:nth-child(7)")).map(
	(td) => Number(td.dataset.v));
	return c.length > 10 && c.every((v, i) => !i || c[i - 1] SIGN v) &&
		new Set(c).size > 3; })()'
up=$(echo "$sorted" | sed 's/SIGN/<=/')
down=$(echo "$sorted" | sed 's/SIGN/>=/')
[ "$(ask "$up" 800 '#sort=cycles')" = true ] || complain "not sorted"
[ "$(ask "$down" 800 '#sort=-cycles')" = true ] || complain "not descending"
[ "$(ask "$up" 800)" = false ] || complain "sorted without being asked"
click='(() => { const b = document.querySelectorAll(
	"#results-table th button")[6]; b.click(); b.click();
	return b.closest("th").getAttribute("aria-sort"); })()'
[ "$(ask "$click" 800)" = descending ] || complain "clicks do not sort"
filter='(() => { const i = document.getElementById("filter");
	i.value = "nested"; i.dispatchEvent(new Event("input"));
	return Array.from(document.querySelectorAll(
		"#results-table tbody tr")).every((r) =>
		r.hidden !== r.textContent.includes("nested")) &&
		document.querySelectorAll("tr[hidden]").length > 3; })()'
[ "$(ask "$filter" 800)" = true ] || complain "the filter does not filter"
finish

#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Pages name files that exist, links lead somewhere, and README.md names every
# page of docs/.
set -u
. "${top_srcdir:-.}/scripts/lib.sh"
kinds='c|h|S|sh|md|ini|gp|gnr|pml|list|txt|awk|in'
cd "$top_srcdir" || exit 1

# there FILE FOLDER : it exists, seen from the top or from the page's folder.
there() {
	[ -e "$1" ] || [ -e "$2/$1" ] || [ -e "include/$1" ]
}

for page in README.md CONTRIBUTING.md NEWS docs/*.md docs/decisions/*.md \
	bench/recordings/README.md; do
	folder=$(dirname "$page")
	# Words in backticks that are sources; NAME and * stand for something.
	# shellcheck disable=SC2016 # backticks of the text
	grep -o '`[^`]*`' "$page" | tr -d '`' | tr ' ' '\n' |
		grep -E "^[a-z.][a-z0-9_./-]*/[a-z0-9_.-]+\.($kinds)\$" |
		sort -u >"$work/files"
	while read -r file; do
		there "$file" "$folder" ||
			complain "$page: there is no $file"
	done <"$work/files"
	grep -o '](\([^)#]*\)' "$page" | sed 's/^](//' | grep -v '^http' \
		>"$work/links"
	while read -r link; do
		[ -z "$link" ] || [ -e "$folder/$link" ] ||
			complain "$page: a link to $link, which is not there"
	done <"$work/links"
done
for page in docs/*.md; do
	grep -q "($page)" README.md || complain "README.md does not name $page"
done
finish

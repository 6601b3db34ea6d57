#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Every #include goes in a direction that layers.txt allows, and the engine
# uses no system header but those of a freestanding C17, and <string.h> for
# mem* (check-freestanding.sh sees to it that nothing else is called).
set -u
. "${top_srcdir:-.}/scripts/lib.sh"
engine=' base guestpt tracefault shadow nested direct engine policy '
freestanding=' stdint.h stddef.h stdbool.h stdatomic.h limits.h string.h '

# file:header, "local" or <system>, of all #include lines of a folder.
includes_of() { # folder
	grep -rEo --include='*.[ch]' '^[ \t]*#[ \t]*include[ \t]*[<"][^>"]*' \
		"$1" | sed 's/:[ \t]*#[ \t]*include[ \t]*/ /'
}

check_one() { # folder allowed file header
	case $4 in
	*/*) # a project's header: the folder is before the slash
		owner=${4%%/*} owner=${owner#[\"<]}
		case " $2 " in
		*" $owner "*) ;;
		*)
			[ -d "$owner" ] || [ "$owner" = gnomon ] || return 0
			complain "$3: $1 must not include ${4#?}" ;;
		esac ;;
	\"config.h) ;;
	\"*) # an example is built away from the tree: its own header is beside
		case $1:$(ls "${3%/*}/${4#?}" 2>/dev/null) in
		examples:?*) ;;
		*) complain "$3: ${4#?}: write the folder's name too" ;;
		esac ;;
	*) ;;
	esac
	case $engine in *" $1 "*) ;; *) return 0 ;; esac
	case $4 in
	*/*) ;;
	\"config.h) complain "$3: the engine does not read config.h" ;;
	\<*)
		case $freestanding in
		*" ${4#?} "*) ;;
		*) complain "$3: ${4#?} is not freestanding" ;;
		esac ;;
	esac
}

cd "$top_srcdir" || exit 1
grep -v '^#' scripts/layers.txt | while read -r folder allowed; do
	[ -d "$folder" ] || continue
	includes_of "$folder" | while read -r file header; do
		check_one "$folder" "$allowed" "$file" "$header"
	done
done
finish

#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# mutate.sh SRCDIR [NAME...]: break one rule of the engine at a time and see
# whether the tests notice. Faults are in faults.list: one line each,
#	name @ rule @ file @ killer @ sed -E script
# killer is the test that is known to notice: a program and, for Criterion,
# a filter; or -. It runs first, and if it passes so do all others (with QUICK
# set they do not: for whoever looks for a killer). Killers in
# tests/race/ are built with ThreadSanitizer, and run three times at most: what
# threads do differs.
#
# A copy of the sources is changed below the current folder. The tests are
# linked once, to a shared object of the engine: a fault costs the compilation
# of one file. Prints each verdict with what noticed it and `N caught, M
# survived`; exit status 1 when one survived, 2 when a fault no longer applies
# or the unchanged copy fails.
set -u
src=$(cd "$1" && pwd) || exit 2
shift
work=$PWD/mutation.work
list=$work/orig/tests/mutation/faults.list
cc=${CC:-cc}
case $cc in *ccache*) ;; *) ! command -v ccache >/dev/null || cc="ccache $cc" ;;
esac
rm -rf "$work"
mkdir -p "$work/src" || exit 2
(cd "$src" && tar cf - --exclude=./build --exclude='./build-[!a]*' \
	--exclude=./.git .) |
	(cd "$work/src" && tar xf -)
cp -R "$work/src" "$work/orig"
# shellcheck source=tests/mutation/lib.sh
. "$work/orig/tests/mutation/lib.sh"

survives_all() {
	[ "$first" = - ] || passes "$first" "$filter" || return 1
	[ -n "${QUICK:-}" ] || all_pass
}

survives_races() {
	passes "$first" && passes "$first" && passes "$first"
}

# try KIND: every fault whose killer is of that kind, plain or race
try() {
	while IFS='@' read -r name rule file killer script; do
		name=$(echo "$name" | tr -d ' 	')
		file=$(echo "$file" | tr -d ' 	')
		case $name in '' | '#'*) continue ;; esac
		[ -z "$chosen" ] || case " $chosen " in
		*" $name "*) ;;
		*) continue ;;
		esac
		read -r first filter <<-EOF
			$killer
		EOF
		case $1,$first in
		plain,tests/race/* | race,[!t]* | race,tests/[!r]*) continue ;;
		esac
		one "$1"
	done <"$list"
}

one() {
	sed -E "$script" "$work/orig/$file" >"$work/src/$file"
	if cmp -s "$work/orig/$file" "$work/src/$file" ||
		! engine || ! link_killer; then
		echo "STALE     $name: changes nothing or does not compile"
		stale=$((stale + 1))
	elif case $1 in plain) survives_all ;; *) survives_races ;; esac; then
		echo "SURVIVED  $name ($rule)"
		survived=$((survived + 1)) names="$names $name"
	else
		echo "caught    $name ($rule) by $(noticer)"
		caught=$((caught + 1))
	fi
	cp "$work/orig/$file" "$work/src/$file"
	case $file in *.h) engine && link_killer ;; esac
}

chosen=$* caught=0 survived=0 stale=0 names=
setup build ''
# Those that notice most in the shortest time first.
first="tests/shadow/identity.t tests/shadow/trace.t tests/guestpt/walk.t
	tests/diff/machine tests/access/access"
programs="$first $(make -s print-test-programs | tr ' ' '\n' | grep -E \
	'^tests/(fault|shadow|engine|nested|direct|guestpt|policy)/.*\.t$' |
	grep -v -E 'shadow/(identity|trace)\.t|guestpt/walk\.t' | sort -r)"
unchanged
try plain
setup race -g --enable-sanitizers=thread --without-criterion
programs=$(make -s print-test-programs | tr ' ' '\n' | grep '^tests/race/')
unchanged
try race
echo "$caught caught, $survived survived${names:+:$names}"
[ "$stale" -eq 0 ] || exit 2
[ "$survived" -eq 0 ]

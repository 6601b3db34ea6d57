#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# mutate.sh SRCDIR [NAME...]: break one rule of the engine at a time and see
# whether the tests notice. Faults are in faults.list: one line each,
#	name @ rule @ file @ killer @ sed -E script
# killer is the test that is known to notice: a program and, for Criterion,
# a filter; or -. It runs first, and if it passes so do all others.
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
mkdir -p "$work/src" "$work/build" || exit 2
(cd "$src" && tar cf - --exclude=./build --exclude='./build-[!a]*' \
	--exclude=./.git .) |
	(cd "$work/src" && tar xf -)
cp -R "$work/src" "$work/orig"

engine() {
	make -s -j2 libgnomon-core.la >"$work/make.log" 2>&1 &&
		$cc -shared -o libengine.new -Wl,--whole-archive \
			.libs/libgnomon-core.a -Wl,--no-whole-archive \
			>>"$work/make.log" 2>&1 &&
		mv -f libengine.new libengine.so
}

# In place of the archive, a script that makes the linker take the object.
link_tests() { # program...
	echo "INPUT($PWD/libengine.so)" >.libs/libgnomon-core.a
	make -s -j2 "$@" >"$work/make.log" 2>&1
}

# What a header defines is compiled into the tests that use it as well.
link_killer() {
	case $file in
	*.h) [ "$first" = - ] || link_tests "$first" ;;
	esac
}

# passes PROGRAM [FILTER]
passes() {
	program=$1
	case $program in
	*.t) set -- -j1 --tap=- ${2:+--filter "$2"} ;;
	*machine) set -- -n 108 -M 0 -a 31 -o 4000 ;;
	*) set -- ;;
	esac
	top_srcdir=$work/src timeout 300 "./$program" "$@" \
		>"$work/run.log" 2>&1
}

# Who noticed: the program, and of a Criterion program the first test.
noticer() {
	echo "$program" "$(sed -n \
		's/^not ok - \([^:]*\)::\([^ ]*\).*/\1\/\2/p' \
		"$work/run.log" | head -1)"
}

all_pass() {
	for each in $programs; do passes "$each" || return 1; done
}

cd "$work/build" || exit 2
(cd "$work/src" && { [ -x configure ] || ./bootstrap; } &&
	cd "$work/build" && "$work/src/configure" CC="$cc" --enable-audit \
	--disable-shared --disable-sim --with-pic \
	CFLAGS='-O1 -fvisibility=default') >"$work/make.log" 2>&1 ||
	{ tail -20 "$work/make.log"; exit 2; }
# Those that notice most in the shortest time first.
first="tests/shadow/identity.t tests/shadow/trace.t tests/guestpt/walk.t
	tests/diff/machine tests/access/access"
programs="$first $(make -s print-test-programs | tr ' ' '\n' | grep -E \
	'^tests/(fault|shadow|engine|nested|direct|guestpt)/.*\.t$' |
	grep -v -E 'shadow/(identity|trace)\.t|guestpt/walk\.t' | sort -r)"
# shellcheck disable=SC2086 # a list of programs
if ! engine || ! link_tests $programs; then
	tail -20 "$work/make.log"
	exit 2
fi
all_pass || { echo "unchanged, yet $(noticer) fails"; exit 2; }

caught=0 survived=0 stale=0 names=
while IFS='@' read -r name rule file killer script; do
	name=$(echo "$name" | tr -d ' 	')
	file=$(echo "$file" | tr -d ' 	')
	case $name in '' | '#'*) continue ;; esac
	[ $# -eq 0 ] || case " $* " in *" $name "*) ;; *) continue ;; esac
	read -r first filter <<-EOF
		$killer
	EOF
	sed -E "$script" "$work/orig/$file" >"$work/src/$file"
	if cmp -s "$work/orig/$file" "$work/src/$file" ||
		! engine || ! link_killer; then
		echo "STALE     $name: changes nothing or does not compile"
		stale=$((stale + 1))
	elif { [ "$first" = - ] || passes "$first" "$filter"; } && all_pass
	then
		echo "SURVIVED  $name ($rule)"
		survived=$((survived + 1)) names="$names $name"
	else
		echo "caught    $name ($rule) by $(noticer)"
		caught=$((caught + 1))
	fi
	cp "$work/orig/$file" "$work/src/$file"
	case $file in *.h) engine && link_killer ;; esac
done <"$list"
echo "$caught caught, $survived survived${names:+:$names}"
[ "$stale" -eq 0 ] || exit 2
[ "$survived" -eq 0 ]

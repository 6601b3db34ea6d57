#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# For mutate.sh: builds of the copy, with the tests linked once to a shared
# object of the engine, and what runs in them. Wants work, src, cc.
# shellcheck disable=SC2154 # set by mutate.sh

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

# setup NAME CFLAGS OPTION...: a build of the unchanged copy, entered
setup() {
	mkdir -p "$work/$1" && cd "$work/$1" || exit 2
	cflags=$2
	shift 2
	(cd "$work/src" && { [ -x configure ] || ./bootstrap; } && cd - &&
		"$work/src/configure" CC="$cc" --enable-audit \
		--disable-shared --disable-sim --with-pic "$@" \
		CFLAGS="-O1 -fvisibility=default $cflags") \
		>"$work/make.log" 2>&1 || { tail -20 "$work/make.log"; exit 2; }
	engine || { tail -20 "$work/make.log"; exit 2; }
}

# shellcheck disable=SC2086 # a list of programs
unchanged() {
	link_tests $programs || { tail -20 "$work/make.log"; exit 2; }
	[ -n "${QUICK:-}" ] || all_pass ||
		{ echo "unchanged, yet $(noticer) fails"; exit 2; }
}

#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# mutate.sh SRCDIR [NAME...]: break one rule of the engine at a time and see
# whether the tests notice. Faults are in faults.list: one line each,
#	name @ rule @ file @ sed -E script
# A copy of the sources is changed, built and tested below the current folder.
# Prints each verdict and `N caught, M survived`; exit status 1 when one
# survived, 2 when a fault no longer applies or the unchanged copy fails.
set -u
src=$(cd "$1" && pwd) || exit 2
shift
list=$src/tests/mutation/faults.list
work=$PWD/mutation.work
rm -rf "$work"
mkdir -p "$work/src" "$work/build" || exit 2
(cd "$src" && tar cf - --exclude=./build --exclude='./build-[!a]*' \
	--exclude=./.git .) |
	(cd "$work/src" && tar xf -)

build() {
	# shellcheck disable=SC2086 # a list of programs
	make -s -C "$work/build" -j2 $programs >"$work/make.log" 2>&1
}

# Say which program fails first, or nothing and true.
passes() {
	for program in $programs; do
		case $program in
		*.t) set -- -j1 --tap=- ;;
		tests/access/*) set -- ;;
		*) set -- -t "${MUTATION_SECONDS:-20}" -M 0 -a 31 -o 4000 ;;
		esac
		(cd "$work/build" && top_srcdir=$work/src timeout 300 nice \
			"./$program" "$@") >"$work/run.log" 2>&1 && continue
		echo "$program"
		return 1
	done
}

cd "$work/build" || exit 2
(cd "$work/src" && { [ -x configure ] || ./bootstrap; } &&
	cd "$work/build" && "$work/src/configure" --enable-audit \
	--disable-shared CFLAGS=-O1) >"$work/make.log" 2>&1 ||
	{ tail -20 "$work/make.log"; exit 2; }
# The quickest judge first.
all=$(make -s print-test-programs | tr ' ' '\n')
programs="tests/access/access tests/diff/machine $(echo "$all" | grep -E \
	'^tests/(fault|shadow|engine|nested|guestpt)/.*\.t$' | tr '\n' ' ')"
build || { tail -20 "$work/make.log"; exit 2; }
noticed=$(passes) || { echo "unchanged, yet $noticed fails"
	tail "$work/run.log"; exit 2; }

caught=0 survived=0 stale=0 names=
while IFS='@' read -r name rule file script; do
	name=$(echo "$name" | tr -d ' 	')
	file=$(echo "$file" | tr -d ' 	')
	case $name in '' | '#'*) continue ;; esac
	[ $# -eq 0 ] || case " $* " in *" $name "*) ;; *) continue ;; esac
	sed -E "$script" "$src/$file" >"$work/src/$file"
	if cmp -s "$src/$file" "$work/src/$file" || ! build; then
		echo "STALE     $name: changes nothing or does not compile"
		stale=$((stale + 1))
	elif noticed=$(passes); then
		echo "SURVIVED  $name ($rule)"
		survived=$((survived + 1)) names="$names $name"
	else
		echo "caught    $name ($rule) by $noticed"
		caught=$((caught + 1))
	fi
	cp "$src/$file" "$work/src/$file"
done <"$list"
echo "$caught caught, $survived survived${names:+:$names}"
[ "$stale" -eq 0 ] || exit 2
[ "$survived" -eq 0 ]

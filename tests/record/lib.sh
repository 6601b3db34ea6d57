# SPDX-License-Identifier: BSD-2-Clause
# For the tests of gnomon-record(1), from end to end.
# shellcheck shell=sh

gnomon=${top_builddir:?}/gnomon

fail() {
	echo "FAIL: $*"
	[ ! -f err ] || cat err
	exit 1
}

refused() { # MODE STATUS TEXT OPTION...
	mode=$1 expected=$2 text=$3
	shift 3
	"$gnomon" record "$mode" -o x.gnr "$@" >out 2>err
	status=$?
	[ $status = "$expected" ] || fail "$*: status $status"
	grep -q -e "$text" err || fail "$*: no '$text'"
	[ ! -e x.gnr ] || fail "$*: x.gnr is left"
}

count() { # NAME FILE: events of that name
	"$gnomon" info "$2" | awk -v n="$1" '$1 == n { print $2; f = 1 }
		END { if (!f) print 0 }'
}

# A shell with five subshells and five programs, to x.gnr.
count_to_five() { # MODE [OPTION...]
	# shellcheck disable=SC2016 # the recorded shell expands it
	"$gnomon" record "$@" -o x.gnr -- sh -c 'i=0
		while [ $i -lt 5 ]; do (j=$i); /bin/true; i=$((i+1)); done
		echo "counted to $i"; exit 3' >out 2>err
}

# What it said, and its requests; dash executes with vfork.
counted_to_five() { # STATUS
	[ "$1" = 1 ] || fail "status $1"
	grep -q 'status 3' err || fail "the command's status"
	grep -q '^counted to 5' out || fail "no output"
	"$gnomon" info x.gnr | grep -q 'process level, complete' || fail "kind"
	forks=$(($(count fork x.gnr) + $(count vfork x.gnr)))
	[ $forks = 10 ] || fail "$forks forks"
	[ "$(count exec x.gnr)" = 6 ] || fail "$(count exec x.gnr) execs"
	[ "$(count exit x.gnr)" = 11 ] || fail "$(count exit x.gnr) exits"
}

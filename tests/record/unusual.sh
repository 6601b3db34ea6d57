#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# gnomon record user on programs that do unusual things (unusual.c): many
# threads, a runtime of its own, code that changes, exec by descriptor, death.
# The program checks its own results; here its requests are counted, and each
# recording must be one that can be replayed.
set -u
. "${top_srcdir:?}/tests/record/lib.sh"
work=$top_builddir/test-record-unusual.$$
trap 'rm -rf "$work"' EXIT
[ -x "$top_builddir/tests/record/unusual" ] || {
	echo "SKIP: the recorder was not built"
	exit 77
}
mkdir "$work" && cd "$work" || exit 1
cp "$top_builddir/tests/record/unusual" "$top_builddir/tests/record/calls" .

record() { # STATUS TEXT COMMAND...
	status=$1 text=$2
	shift 2
	"$gnomon" record user --timeout 300 -o x.gnr -- "$@" >out 2>err
	got=$?
	if grep -q -e 'is missing' -e 'was not built' -e 'recorder needs' err
	then
		echo "SKIP: $(cat err)"
		exit 77
	fi
	[ $got = "$status" ] || fail "$*: status $got"
	sed '/^x.gnr: /,$d' out >said	# then comes the recorder's summary
	[ "$(cat said)" = "$text" ] || fail "$*: said $(cat said)"
	"$gnomon" run -m shadow --verify x.gnr >replay 2>&1 ||
		fail "$*: no replay: $(cat replay)"
}
has() { # EVENTS NAME...: as many of each
	number=$1
	shift
	for name; do
		n=$(count "$name" x.gnr)
		[ "$n" = "$number" ] || fail "$n events $name, not $number"
	done
}

# More threads than there are filters for.
record 0 '80 threads' ./unusual threads 80
has 80 fork
has 81 exit

# Memory reserved and used by and by, a thread without libc, a handler on a
# stack of its own: 4 faults, each answered with mprotect, and the arena's.
record 0 '4 faults' ./unusual runtime
has 1 fork madvise
has 2 exit
"$gnomon" info --events=0..100000 x.gnr |
	grep -c 'mprotect.*value=0x1000 .*sub=3' >n
[ "$(cat n)" = 4 ] || fail "runtime: $(cat n) pages made usable"

# Code that is written again, by the address it runs at and by another one.
record 0 'sum 110' ./unusual jit

# By a file's descriptor, by a folder's, in a vfork; and four deep.
record 0 'said fexecve
said execveat
said vfork' ./unusual execs
has 4 exec exit
record 0 'end of the chain' ./unusual chain 3
has 4 exec exit
has 3 vfork

# Death by a signal is an exit too, of the command and of a child whose parent
# learns of it by either call.
record 1 'about to die' ./unusual segv
grep -q 'ended by signal 11' err || fail "segv: $(cat err)"
has 1 exit
record 0 'both died' ./unusual waits
has 3 exit
record 0 'daemon left behind' ./unusual daemon
has 2 fork

# Each call of bench/calls.
record 0 '' ./calls
has 10 mremap
has 2 populate
has 7 truncate
[ "$(count madvise x.gnr)" -ge 16 ] || fail "$(count madvise x.gnr) madvise"
"$gnomon" info --events=0..100000 x.gnr |
	sed -n 's/.*truncate.*text=//p' | sort -u >names
[ "$(wc -l <names)" = 5 ] || fail "memfds of one name are one: $(cat names)"

# Job control: a child that is stopped and continued has not ended.
record 0 'stopped, continued, ended' ./unusual jobs
has 2 exit

# An ordinary user: setuid programs run as they are, unseen.
if [ "$(id -u)" = 0 ] && command -v su >/dev/null &&
	su -s /bin/sh -c "test -r '$gnomon'" nobody 2>/dev/null </dev/null; then
	chmod 777 .
	mine() { su -s /bin/sh -c "$1" nobody >out 2>err </dev/null; }
	mine "$gnomon record user -o u.gnr -- sh -c 'su --version; echo \$?'" ||
		fail "setuid"
	grep -q '1 programs ran unseen' out || fail "setuid: seen"
	grep -q '^0' out || fail "setuid: $(cat out)"
	mine "$gnomon record user -o v.gnr -- su" && fail "su as command"
	grep -q "another user's rights" err || fail "su: no such words"
	chmod 755 .
	mine "$gnomon record user -o w.gnr -- true" && fail "may not write"
	[ "$(wc -l <err)" = 1 ] || fail "more than one line"
	grep -q 'w.gnr: cannot create' err || fail "no such words"
fi
exit 0

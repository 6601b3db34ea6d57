# SPDX-License-Identifier: BSD-2-Clause
# For tests of gnomon(1): a scratch folder, counted failures, golden files.
# shellcheck shell=sh

gnomon=${GNOMON:-${top_builddir:?}/gnomon}
golden=${top_srcdir:?}/tests/cli/golden
# shellcheck disable=SC2034 # used by the tests
recording=$top_srcdir/bench/recordings/fork-exec-50.gnr
unset NO_COLOR
failed=0
umask 022

work=$(mktemp -d "$top_builddir/cli-test.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

complain() {
	echo "FAIL: $*" >&2
	failed=1
}

finish() {
	exit "$failed"
}

# expect STATUS ARGUMENT... : runs gnomon; output in $work/out and $work/err.
expect() {
	wanted=$1
	shift
	"$gnomon" "$@" >"$work/out" 2>"$work/err"
	status=$?
	[ "$status" -eq "$wanted" ] || {
		complain "gnomon $*: status $status, not $wanted"
		cat "$work/err" >&2
	}
}

# refuse STATUS PATTERN ARGUMENT... : gnomon says one line, matching PATTERN,
# in the usual form, and nothing on standard output.
refuse() {
	wanted=$1 pattern=$2
	shift 2
	expect "$wanted" "$@"
	[ ! -s "$work/out" ] || complain "gnomon $*: wrote to standard output"
	[ "$(wc -l <"$work/err")" -eq 1 ] ||
		complain "gnomon $*: not one line: $(cat "$work/err")"
	grep -q '^gnomon: ' "$work/err" ||
		complain "gnomon $*: odd form: $(cat "$work/err")"
	grep -q -- "$pattern" "$work/err" ||
		complain "gnomon $*: no '$pattern': $(cat "$work/err")"
}

# same FILE NAME : FILE equals the golden file; UPDATE=1 makes it so.
same() {
	[ -z "${UPDATE-}" ] || [ "$failed" -ne 0 ] || cp "$1" "$golden/$2"
	diff -u "$golden/$2" "$1" >&2 ||
		complain "$2 has changed; if it should: UPDATE=1 make check"
}

# small_scenario LINE... : a sweep of 6 points in $work/s.ini, times those of
# the parameters that the lines vary.
small_scenario() {
	{
		cat <<-END
			[scenario]
			name = small
			workloads = forkwait,children=4,pages=4
			modes = native, shadow,
			  nested
			seeds = 1, 2

			[vary]
		END
		printf '%s\n' "$@"
	} >"$work/s.ini"
}

# no_leftovers DIR : nothing unfinished lies there.
no_leftovers() {
	left=$(find "$1" -name '*part-*')
	[ -z "$left" ] || complain "left behind: $left"
}

#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Completion offers commands, options, modes, presets and files.
. "${top_srcdir:?}/tests/cli/lib.sh"

command -v bash >/dev/null || {
	echo "bash is not there" >&2
	exit 77
}
mkdir "$work/bin"
ln -s "$(cd "$(dirname "$gnomon")" && pwd)/$(basename "$gnomon")" \
	"$work/bin/gnomon"

# offered WORD... : what completing the last word gives, on one line.
offered() {
	PATH=$work/bin:$PATH bash -c '
		source "$1"
		shift
		COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
		_gnomon
		echo "${COMPREPLY[*]}"' - \
		"$top_srcdir/cli/completion/gnomon.bash" "$@"
}

# offers PATTERN WORD... : it matches.
offers() {
	wanted=$1
	shift
	got=$(offered "$@")
	echo "$got" | grep -qE -- "$wanted" ||
		complain "$*: '$got', not '$wanted'"
}

offers '^compare$' gnomon comp
offers 'run.*sweep.*costs.*--version' gnomon ''
offers '^--verify --version$' gnomon compare --ver
offers '^--modes=$' gnomon compare --mo
offers '^native nested nested[+]around$' gnomon compare --modes = n
offers '^native,nested native,nested[+]around$' gnomon compare \
	--modes = native,ne
offers '^shadow shadow.unsync shsp switching$' gnomon run -m s
offers '^csv$' gnomon compare --format = c
offers 'clx-8269cy' gnomon compare -p ''
offers 'clx-8269cy' gnomon costs show clx
offers '^list show measure$' gnomon costs ''
offers '^agile-2m agile-4k$' gnomon sweep ag
offers '^fork-cow-30 fork-exec-50 forkwait fork$' gnomon compare fork
offers '^pipes-perf pipes-user$' gnomon info pip
offers '^guest user perf$' gnomon record ''
offers '^--cr0= --cr3= --cr4=$' gnomon walk --cr
: >"$work/file-here"
offers 'file-here$' gnomon compare "$work/file"

# Both files offer the modes that the program knows.
expect 2 run -m none "$recording"
modes=$(sed 's/.*there are: \(.*\); see .*/\1/; s/,//g' "$work/err")
[ "$(offered gnomon run -m '')" = "$modes" ] ||
	complain "bash: not the modes '$modes'"
tr -s '\n\t' ' ' <"$top_srcdir/cli/completion/_gnomon" |
	grep -qF "modes=($modes)" || complain "zsh: not the modes '$modes'"
for mode in $(offered gnomon vmm --mode = ''); do
	"$gnomon" vmm --help | tr -s ' \n' ' ' |
		grep -qE " of (.*, )?${mode}[ ,].*default: all" ||
		complain "vmm --help has no '$mode'"
done
if command -v zsh >/dev/null; then
	zsh -n "$top_srcdir/cli/completion/_gnomon" || complain "zsh: syntax"
fi
finish

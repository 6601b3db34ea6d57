#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# check.sh MODEL: check the model without and with each BREAK_ rule that it
# knows; a broken rule must be found. Writes below the current folder only.
set -u
model=$1
spin=${SPIN:-spin} cc=${CC:-cc}
command -v "$spin" >/dev/null || { echo "check-model: no spin"; exit 77; }
command -v "${cc%% *}" >/dev/null || { echo "check-model: no $cc"; exit 77; }
case $model in /*) ;; *) model=$PWD/$model ;; esac
work=$(mktemp -d "$PWD/model.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1

# Prints the number of errors pan found, or nothing.
errors() {
	rm -f pan ./*.trail
	"$spin" -a "$@" "$model" >spin.out 2>&1 || { cat spin.out >&2; return; }
	$cc -O2 -DSAFETY -DVECTORSZ=512 -w -o pan pan.c || return
	./pan -m1000000 >pan.out 2>&1
	grep -q 'max search depth too small' pan.out && return
	sed -n 's/.*errors: \([0-9]*\)$/\1/p' pan.out
}

failed=0
rules=$(grep -o 'BREAK_[A-Z_]*' "$model" | sort -u)
found=$(errors)
states=$(sed -n 's/ *\([0-9.e+]*\) states, stored.*/\1/p' pan.out)
if [ "$found" = 0 ]; then
	echo "ok: the protocol holds in all $states states"
else
	echo "FAILED: the protocol: ${found:-no} errors"
	cat pan.out
	failed=1
fi
for rule in $rules; do
	[ "$rule" = BREAK_ ] && continue
	found=$(errors "-D$rule")
	if [ -n "$found" ] && [ "$found" -gt 0 ]; then
		echo "ok: $rule is found"
	else
		echo "FAILED: $rule: ${found:-no} errors"
		failed=1
	fi
done
exit $failed

#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# What makes no sense on the command line is one clear line and status 2.
. "${top_srcdir:?}/tests/cli/lib.sh"

refuse 2 "no command given"
refuse 2 "nonsense: no such command" nonsense
refuse 2 "no such option" --nonsense
refuse 2 "x1b" "$(printf 'a\033[1mb')"

for command in compare run; do
	refuse 2 "unknown option '--nonsense'" "$command" --nonsense
	refuse 2 "unknown option '-Z'" "$command" -Z
	refuse 2 "unexpected argument 'b'" "$command" a b
	refuse 2 "no format 'xml'.*table, csv, json" "$command" --format=xml
	refuse 2 "'--seed' needs a value" "$command" --seed
	refuse 2 "takes no value" "$command" --verify=3
	for seed in '' -1 1x 0x10 18446744073709551616 ' 1' 1.5; do
		refuse 2 "seed must be a number" "$command" "--seed=$seed"
	done
	refuse 2 "audit must be a number" "$command" --audit=0
	refuse 2 "no optimisation 'magic'" "$command" --without=large,magic
	refuse 2 "no-such-preset" "$command" --preset=no-such-preset
	refuse 2 "nonsense" "$command" --set nonsense
	refuse 2 "exit.nonsense" "$command" --set exit.nonsense=1
done
refuse 2 "no mode 'hybrid'; there are: native" compare --modes=native,hybrid
refuse 2 "named twice" compare --modes=native,native
refuse 2 "list of modes is empty" compare --modes=
refuse 2 "list of modes is empty" compare --modes=,
refuse 2 "one mode at a time" run --mode=native,shadow
for jobs in 0 -1 1025 x; do
	refuse 2 "jobs must be a number" compare "--jobs=$jobs"
done
refuse 2 "nonsense" costs nonsense
refuse 2 "no-such-preset" costs show no-such-preset
refuse 2 "unexpected argument" costs list more
finish

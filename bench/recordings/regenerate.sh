#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Records the files of this folder that gnomon recorded itself. Guests repeat
# exactly: the same kernel, programs, QEMU and gnomon give the same files; those
# of the process level do not.
#	regenerate.sh FOLDER [OPTION of gnomon record guest]...
#	regenerate.sh --processes FOLDER
set -eu
[ $# -ge 1 ] || { echo "usage: $0 FOLDER [OPTION]..." >&2; exit 2; }
gnomon=${GNOMON:-gnomon}

# A shell with subshells and pipelines; perf has to be root's.
processes() { # FOLDER
	# shellcheck disable=SC2016 # the recorded shell expands it
	set -- "$1" sh -c 'i=0
		while [ $i -lt 5 ]; do (j=$i); i=$((i+1)); done
		ls /usr/bin | sort -r | head -3
		(cat /etc/passwd; date) | gzip | wc -c'
	folder=$1
	shift
	"$gnomon" record user -o "$folder/pipes-user.gnr" -- "$@"
	"$gnomon" record perf -o "$folder/pipes-perf.gnr" -- "$@"
}
[ "$1" != --processes ] || { processes "${2:?}"; exit; }
folder=$1
shift
libexec=$(dirname "$(gcc -print-prog-name=cc1)")

# A shell with a variable of 2 MiB forks 30 subshells that write to it.
# shellcheck disable=SC2016 # the guest's shell expands it
"$gnomon" record guest -o "$folder/fork-cow-30.gnr" --deterministic "$@" -- \
	sh -c 'x=0123456789abcdef; i=0
		while [ $i -lt 17 ]; do x=$x$x; i=$((i+1)); done
		i=0
		while [ $i -lt 30 ]; do (x=$i$x); i=$((i+1)); done'

# A compiler, with its assembler.
# shellcheck disable=SC2016
"$gnomon" record guest -o "$folder/compile-2.gnr" --deterministic "$@" \
	--with "$(command -v gcc)" --with "$libexec/cc1" \
	--with "$(command -v as)" --with /usr/include/stdc-predef.h -- \
	sh -c 'for i in 1 2; do
			echo "int f$i(int n) { int s = 0, i;
				for (i = 0; i < n; i++) { s += i * $i; }
				return s; }" >/tmp/f$i.c
			gcc -O1 -c /tmp/f$i.c -o /tmp/f$i.o
		done'

# Bytes all over 32 MiB of small pages, more than any TLB covers.
# shellcheck disable=SC2016
"$gnomon" record guest -o "$folder/random.gnr" --deterministic "$@" \
	--append transparent_hugepage=never -- \
	perl -e 'my $s = "x" x (32 << 20); my ($x, $sum) = (1, 0);
		for (1 .. 100000) {
			$x = ($x * 1103515245 + 12345) & 0x7fffffff;
			$sum += vec($s, $x % (32 << 20), 8);
		}
		print "$sum\n"'

processes "$folder"

#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# gnomon walk: from a recording at an event and from a dump, in words and in
# JSON; what it refuses.
. "${top_srcdir:?}/tests/cli/lib.sh"

# put GPA BYTE... : bytes, in hexadecimal, into the dump.
put() {
	at=$(($1))
	shift
	for byte; do
		# shellcheck disable=SC2059 # the escape is what is printed
		printf "\\$(printf %03o "0x$byte")"
	done | dd of="$work/dump" bs=1 seek="$at" conv=notrunc 2>/dev/null
}

# 0x201000 -> 4K page 0xabc000, read-only; 0x400000 -> 2M page, reserved bit.
dd if=/dev/zero of="$work/dump" bs=4096 count=5 2>/dev/null
put 0x1000 67 20
put 0x2000 67 30
put 0x3008 67 40
put 0x3010 e7 20
put 0x4008 25 c0 ab

dump="--memory $work/dump --cr3 0x1000"
# shellcheck disable=SC2086 # options
{
	expect 0 walk $dump --user 0x201234
	same "$work/out" walk-dump.txt
	expect 0 walk $dump --user --json 0x201234
	same "$work/out" walk-dump.json
	expect 0 walk $dump --user --write 0x201234
	grep -q 'error code 0x7 (P W U): not writable, by level 1' \
		"$work/out" || complain "write: $(cat "$work/out")"
	expect 0 walk $dump 0x400000
	grep -q '(P RSVD): reserved bits are set at level 2' "$work/out" ||
		complain "reserved: $(cat "$work/out")"
	expect 0 walk $dump -x --cr4 0x100020 0x201000
	grep -q 'SMEP forbids' "$work/out" ||
		complain "SMEP: $(cat "$work/out")"
	expect 0 walk $dump 0x600000
	grep -q 'error code 0 (none): nothing is mapped at level 2' \
		"$work/out" || complain "hole: $(cat "$work/out")"
	expect 0 walk $dump 0x800000000000
	grep -q 'not canonical' "$work/out" || complain "canonical"
	expect 1 walk --memory "$work/dump" --cr3 0x9000 0
	grep -q 'gpa 0x9000 is not in the input' "$work/out" ||
		complain "absent: $(cat "$work/out")"
	refuse 1 'no CPU holds these' walk $dump --efer 0 --cr4 0x20020 0
	refuse 2 'one address' walk $dump "$recording" 0
	refuse 2 "needs a number" walk $dump 12z
	refuse 2 "needs a number" walk $dump ' -1'
	refuse 2 "needs a number" walk $dump +1
	refuse 2 "pkru has 32 bits" walk $dump --pkru 0x100000000 0
	refuse 2 'not both' walk $dump -w -x 0
}
refuse 2 '--cr3' walk --memory "$work/dump" 0
refuse 2 'an address' walk "$recording"
refuse 1 'No such file' walk --memory "$work/none" --cr3 0 0
refuse 1 'beyond' walk --at 999999999 "$recording" 0

# Recorded accesses translate at their moment, and a fault is a fault.
"$gnomon" info --events 0..200000 "$recording" >"$work/events" 2>/dev/null
expect 0 walk --at 200000 "$recording" 0xffffffff81000000
grep -q '^permitted: gpa 0x1000000, 2M page' "$work/out" ||
	complain "kernel text: $(cat "$work/out")"
finish

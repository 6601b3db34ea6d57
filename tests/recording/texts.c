/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The importers of text. The inputs are written by hand, after what perf 6.1
 * and Valgrind 3.19 print (their manual pages, and runs of both).
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sim/import.h"
#include "tests/recording/make.h"
#include "tests/support/seed.h"

static struct sim_import_result result;
static struct sim_rec_error err;

static enum sim_rec_status import(const char *text, const char *out)
{
	char in[4200];
	enum sim_rec_status status;

	snprintf(in, sizeof(in), "%s.txt", out);
	store_file(in, text, strlen(text));
	status = sim_import(in, out, NULL, &result, &err);
	unlink(in);
	return status;
}

/* What an event is, on one line. */
static void show(const struct sim_event *ev, char *to, size_t room)
{
	size_t n = (size_t)snprintf(to, room, "%lu %s %u/%u",
				    (unsigned long)ev->instr,
				    sim_event_name(ev->type), ev->pid,
				    ev->tid);

	n += (size_t)snprintf(to + n, room - n, " gva=%lx value=%lx",
			      (unsigned long)ev->gva,
			      (unsigned long)ev->value);
	n += (size_t)snprintf(to + n, room - n, " gpa=%lx sub=%u flags=%x",
			      (unsigned long)ev->gpa, ev->sub, ev->flags);
	n += (size_t)snprintf(to + n, room - n, " cpu=%u size=%u %.*s",
			      ev->vcpu, ev->size, (int)ev->text_bytes,
			      ev->text_bytes ? ev->text : "");
	if (ev->type == SIM_EV_MREMAP) {
		snprintf(to + n, room - n, "to=%lx", (unsigned long)ev->to);
	}
}

/* Imports, and compares all events, one a line. */
static void expect(const char *text, const char *const *want, size_t count)
{
	const char *out = make_path("texts.gnr");
	struct sim_rec_reader *r;
	struct sim_event ev;
	char line[512];

	cr_assert(import(text, out) == SIM_REC_OK, "%s", err.text);
	cr_assert(sim_rec_open(&r, out, &err) == SIM_REC_OK, "%s", err.text);
	unlink(out);
	cr_assert_eq(sim_rec_info(r)->kind, SIM_REC_PROCESS);
	for (size_t i = 0; i < count; i++) {
		cr_assert(sim_rec_next(r, &ev) == SIM_REC_OK, "event %zu", i);
		show(&ev, line, sizeof(line));
		cr_assert_str_eq(line, want[i], "event %zu:\n%s\nnot\n%s", i,
				 line, want[i]);
	}
	cr_assert(sim_rec_next(r, &ev) == SIM_REC_END);
	sim_rec_close(r);
}

#define EXPECT(text, ...)						      \
	do {								      \
		static const char *const want[] = { __VA_ARGS__ };	      \
		expect(text, want, sizeof(want) / sizeof(want[0]));	      \
	} while (0)

static void refuse(const char *text, const char *word)
{
	const char *out = make_path("texts.gnr");

	cr_assert(import(text, out) != SIM_REC_OK);
	cr_assert(strstr(err.text, word), "'%s' is not in: %s", word,
		  err.text);
	cr_assert(access(out, F_OK) != 0);
}

/* ---- lackey ------------------------------------------------------------- */

#define VALGRIND "==42== Lackey, an example Valgrind tool\n"		      \
	"==42== Command: /bin/true -x\n==42== \n"

Test(texts, lackey_makes_mappings_of_pages)
{
	EXPECT(VALGRIND
	       "I  04001000,3\n"
	       " S 1fff000ff8,8\n"
	       "I  04001003,5\n"	/* the same page: counted only */
	       " L 04003010,4\n"
	       " M 04100000,8\n"
	       "the program prints this\n"
	       "I  04002000,2\n"
	       "==42== Counted 1 call to main()\n",
	       "0 exec 42/42 gva=0 value=0 gpa=0 sub=0 flags=0 cpu=0 size=0 "
	       "/bin/true -x",
	       "0 mmap 42/42 gva=4001000 value=2000 gpa=0 sub=5 flags=0 "
	       "cpu=0 size=0 /program",
	       "0 mmap 42/42 gva=4003000 value=1000 gpa=2000 sub=1 flags=0 "
	       "cpu=0 size=0 /program",
	       "0 mmap 42/42 gva=4100000 value=1000 gpa=0 sub=3 flags=400 "
	       "cpu=0 size=0 ",
	       "0 mmap 42/42 gva=1fff000000 value=1000 gpa=0 sub=3 flags=1400 "
	       "cpu=0 size=0 ",
	       "0 access 42/42 gva=4001000 value=0 gpa=0 sub=0 flags=6 cpu=0 "
	       "size=3 ",
	       "1 access 42/42 gva=1fff000ff8 value=0 gpa=0 sub=0 flags=5 "
	       "cpu=0 size=8 ",
	       "2 access 42/42 gva=4003010 value=0 gpa=0 sub=0 flags=4 cpu=0 "
	       "size=4 ",
	       "2 access 42/42 gva=4100000 value=0 gpa=0 sub=0 flags=5 cpu=0 "
	       "size=8 ",
	       "2 access 42/42 gva=4002000 value=0 gpa=0 sub=0 flags=6 cpu=0 "
	       "size=2 ",
	       "3 exit 42/42 gva=0 value=0 gpa=0 sub=0 flags=0 cpu=0 size=0 ");
	cr_assert_str_eq(result.format, "lackey");
	cr_assert_eq(result.skipped, 1);	/* the program's own line */
}

Test(texts, lackey_without_accesses_is_refused)
{
	refuse(VALGRIND "==42== Counted 1 call to main()\n",
	       "--trace-mem=yes");
}

Test(texts, lackey_of_several_processes_is_refused)
{
	refuse(VALGRIND "I  04001000,3\n==43== Command: /bin/false\n"
	       "I  04001000,3\n", "several processes");
}

Test(texts, lackey_lines_that_are_none_are_skipped)
{
	EXPECT(VALGRIND
	       " L 04003010,0\n L -4003010,4\n L 4003010,4 \n L 4003010\n"
	       " X 04003010,4\nI 04003010,4\n L 04003010,99999\n"
	       " L ffffffffffffffff,8\n"
	       " L 04003010,4",
	       "0 exec 42/42 gva=0 value=0 gpa=0 sub=0 flags=0 cpu=0 size=0 "
	       "/bin/true -x",
	       "0 mmap 42/42 gva=4003000 value=1000 gpa=0 sub=1 flags=0 "
	       "cpu=0 size=0 /program",
	       "0 access 42/42 gva=4003010 value=0 gpa=0 sub=0 flags=4 cpu=0 "
	       "size=4 ",
	       "0 exit 42/42 gva=0 value=0 gpa=0 sub=0 flags=0 cpu=0 size=0 ");
	cr_assert_eq(result.skipped, 8);
}

/* ---- perf --------------------------------------------------------------- */

#define SH(time, rest) "   sh 70/70 [001] 100." time ": " rest "\n"

Test(texts, perf_life_of_a_shell)
{
	EXPECT("# a comment\n"
	       SH("000000000", "PERF_RECORD_COMM exec: sh:70/70")
	       SH("000000010", "PERF_RECORD_MMAP2 70/70: [0x7ffdb1ecf000"
		  "(0x21000) @ 0x7ffffffde000 00:00 0 0]: rw-p [stack]")
	       SH("000000020", "PERF_RECORD_MMAP2 70/70: [0x55ccd58f9000"
		  "(0x13000) @ 0x4000 fe:00 247230 0]: r-xp /usr/bin/da sh")
	       SH("000000030", "sched:sched_process_exec: filename=/bin/sh "
		  "pid=70 old_pid=70")
	       SH("000000040", "exceptions:page_fault_user: "
		  "address=0x7ffdb1eee509 ip=0x55ccd58f9010 error_code=0x6")
	       SH("000000050", "syscalls:sys_enter_brk: brk: 0x00000000")
	       SH("000000060", "syscalls:sys_exit_brk: 0x55ccd8b3a000")
	       SH("000000070", "syscalls:sys_enter_vfork: ")
	       SH("000000080", "PERF_RECORD_FORK(71:71):(70:70)")
	       SH("000000090", "syscalls:sys_enter_clone: clone_flags: "
		  "0x01200011, newsp: 0x00000000")
	       SH("000000100", "PERF_RECORD_FORK(72:72):(70:70)")
	       SH("000000110", "PERF_RECORD_FORK(70:73):(70:70)")
	       SH("000000120", "sched:sched_switch: prev_comm=sh prev_pid=70 "
		  "prev_prio=120 prev_state=S ==> next_comm=a b next_pid=72 "
		  "next_prio=120")
	       SH("000000130", "sched:sched_switch: prev_comm=sh prev_pid=70 "
		  "==> next_comm=other next_pid=9 next_prio=120")
	       "   a b 72/72 [000] 100.000140: PERF_RECORD_EXIT(72:72):(70:70)"
	       "\n   a b 72/72 [000] 100.000141: PERF_RECORD_EXIT(72:72):"
	       "(70:70)\n",
	       "0 exec 70/70 gva=0 value=0 gpa=0 sub=0 flags=0 cpu=1 size=0 "
	       "sh",
	       "10 mmap 70/70 gva=7ffdb1ecf000 value=21000 gpa=0 sub=3 "
	       "flags=1400 cpu=1 size=0 ",
	       "20 mmap 70/70 gva=55ccd58f9000 value=13000 gpa=4000 sub=5 "
	       "flags=0 cpu=1 size=0 /usr/bin/da sh",
	       "40 fault 70/70 gva=7ffdb1eee509 value=6 gpa=0 sub=0 flags=4 "
	       "cpu=1 size=0 ",
	       "60 brk 70/70 gva=55ccd8b3a000 value=0 gpa=0 sub=0 flags=0 "
	       "cpu=1 size=0 ",
	       "80 vfork 70/70 gva=0 value=47 gpa=0 sub=0 flags=0 cpu=1 "
	       "size=0 ",
	       "100 fork 70/70 gva=0 value=48 gpa=0 sub=0 flags=0 cpu=1 "
	       "size=0 ",
	       "110 fork 70/70 gva=0 value=49 gpa=0 sub=0 flags=100 cpu=1 "
	       "size=0 ",
	       "120 switch 72/72 gva=0 value=0 gpa=0 sub=0 flags=0 cpu=1 "
	       "size=0 ",
	       "140000 exit 72/72 gva=0 value=0 gpa=0 sub=0 flags=0 cpu=0 "
	       "size=0 ");
	cr_assert_str_eq(result.format, "perf script");
}

/* Outside exec the kernel tells of a mapping as it is after it merged with
 * its neighbours; what was asked for counts. */
Test(texts, perf_mappings_are_those_asked_for)
{
	EXPECT(SH("000001000", "syscalls:sys_enter_mmap: addr: 0x00000000, "
		  "len: 0x00002000, prot: 0x00000003, flags: 0x00000022, fd: "
		  "0xffffffff, off: 0x00000000")
	       SH("000001001", "PERF_RECORD_MMAP2 70/70: [0x7f0000000000"
		  "(0x9000) @ 0 00:00 0 0]: rw-p //anon")
	       SH("000001002", "syscalls:sys_exit_mmap: 0x7f0000007000")
	       SH("000001003", "syscalls:sys_enter_mmap: addr: 0x00000000, "
		  "len: 0x00000123, prot: 0x00000001, flags: 0x00000001, fd: "
		  "0x00000003, off: 0x00001000")
	       SH("000001004", "PERF_RECORD_MMAP2 70/70: [0x7f0000010000"
		  "(0x1000) @ 0x1000 fe:00 1 2]: r--s /etc/x")
	       SH("000001005", "syscalls:sys_exit_mmap: 0x7f0000010000")
	       SH("000001006", "syscalls:sys_enter_mmap: addr: 0x00000000, "
		  "len: 0x00001000, prot: 0x00000001, flags: 0x00000002, fd: "
		  "0x00000004, off: 0x00000000")
	       SH("000001007", "syscalls:sys_exit_mmap: 0xfffffffffffffff4")
	       SH("000001008", "syscalls:sys_enter_munmap: addr: "
		  "0x7f0000010000, len: 0x00000123")
	       SH("000001009", "PERF_RECORD_MMAP2 70/70: [0x7f0000000000"
		  "(0x9000) @ 0 00:00 0 0]: r--p //anon")
	       SH("000001010", "syscalls:sys_enter_mprotect: start: "
		  "0x7f0000007000, len: 0x00001000, prot: 0x00000001")
	       SH("000001011", "syscalls:sys_enter_mremap: addr: "
		  "0x7f0000000000, old_len: 0x00002000, new_len: 0x00003000, "
		  "flags: 0x00000001, new_addr: 0x00000000")
	       SH("000001012", "syscalls:sys_exit_mremap: 0x7f0000000000")
	       SH("000001013", "syscalls:sys_enter_mremap: addr: "
		  "0x7f0000000000, old_len: 0x00003000, new_len: 0x00004000, "
		  "flags: 0x00000001, new_addr: 0x00000000")
	       SH("000001014", "syscalls:sys_exit_mremap: 0x7f0000020000"),
	       "0 mmap 70/70 gva=7f0000007000 value=2000 gpa=0 sub=3 "
	       "flags=400 cpu=1 size=0 ",
	       "3 mmap 70/70 gva=7f0000010000 value=123 gpa=1000 sub=1 "
	       "flags=200 cpu=1 size=0 /etc/x",
	       "6 munmap 70/70 gva=7f0000010000 value=123 gpa=0 sub=0 flags=0 "
	       "cpu=1 size=0 ",
	       "8 mprotect 70/70 gva=7f0000007000 value=1000 gpa=0 sub=1 "
	       "flags=0 cpu=1 size=0 ",
	       "10 mremap 70/70 gva=7f0000000000 value=2000 gpa=3000 sub=1 "
	       "flags=0 cpu=1 size=0 to=7f0000000000",
	       "12 mremap 70/70 gva=7f0000000000 value=3000 gpa=4000 sub=1 "
	       "flags=0 cpu=1 size=0 to=7f0000020000");
}

/* What programs say of pages that they have. */
Test(texts, perf_advice)
{
	EXPECT(SH("000001000", "syscalls:sys_enter_madvise: start: "
		  "0x7f0000000000, len_in: 0x00010000, behavior: 0x00000004")
	       SH("000001001", "syscalls:sys_enter_pkey_mprotect: start: "
		  "0x7f0000007000, len: 0x00001000, prot: 0x00000003, "
		  "pkey: 0x00000001")
	       SH("000001002", "syscalls:sys_enter_mlock: start: "
		  "0x7f0000007000, len: 0x00002000")
	       SH("000001003", "syscalls:sys_enter_mlock2: start: "
		  "0x7f0000007000, len: 0x00002000, flags: 0x00000001")
	       SH("000001004", "syscalls:sys_enter_mmap: addr: 0x00000000, "
		  "len: 0x00002000, prot: 0x00000003, flags: 0x00008122, "
		  "fd: 0xffffffff, off: 0x00000000")
	       SH("000001005", "syscalls:sys_exit_mmap: 0x7f0000009000")
	       SH("000001006", "syscalls:sys_enter_shmat: shmid: 0x00000003, "
		  "shmaddr: 0x00000000, shmflg: 0x00000000")
	       SH("000001007", "PERF_RECORD_MMAP2 70/70: [0x7f0000010000"
		  "(0x9000) @ 0 00:01 3 0]: rw-s /SYSV00000000 (deleted)"),
	       "0 madvise 70/70 gva=7f0000000000 value=10000 gpa=0 sub=4 "
	       "flags=0 cpu=1 size=0 ",
	       "1 mprotect 70/70 gva=7f0000007000 value=1000 gpa=0 sub=3 "
	       "flags=0 cpu=1 size=0 ",
	       "2 populate 70/70 gva=7f0000007000 value=2000 gpa=0 sub=0 "
	       "flags=0 cpu=1 size=0 ",
	       "5 mmap 70/70 gva=7f0000009000 value=2000 gpa=0 sub=3 "
	       "flags=1400 cpu=1 size=0 ",
	       "5 populate 70/70 gva=7f0000009000 value=2000 gpa=0 sub=0 "
	       "flags=0 cpu=1 size=0 ",
	       "7 mmap 70/70 gva=7f0000010000 value=9000 gpa=0 sub=3 "
	       "flags=200 cpu=1 size=0 /SYSV00000000 (deleted)");
}

/* Without -F the lines have the tid alone, and microseconds. */
Test(texts, perf_default_fields)
{
	EXPECT("            kworker/0:1 [x]    70 [002]  5.000007:          1 "
	       "exceptions:page_fault_user: address=0x1000 ip=0x2000 "
	       "error_code=0x14\n"
	       "            sh    70 [002]  5.000006: "
	       "exceptions:page_fault_kernel: address=0xffffffff81000000 "
	       "ip=f error_code=0x0\n"
	       "            sh    70 [002]  5.000006: "
	       "exceptions:page_fault_kernel: address=0x3000 ip=f "
	       "error_code=0x2\n"
	       "   swapper     0 [002]  5.000008: "
	       "exceptions:page_fault_kernel: address=0x3000 ip=f "
	       "error_code=0x2\n"
	       "nonsense\n",
	       "0 fault 70/70 gva=1000 value=14 gpa=0 sub=0 flags=4 cpu=2 "
	       "size=0 ",
	       "0 fault 70/70 gva=3000 value=2 gpa=0 sub=0 flags=0 cpu=2 "
	       "size=0 ");
	cr_assert_eq(result.skipped, 2);
}

/* perf says itself that it could not keep up. */
Test(texts, perf_losses_are_told)
{
	EXPECT(SH("000000001", "exceptions:page_fault_user: address=0x1000 "
		  "ip=0x2 error_code=0x6")
	       "   sh 0/0 [001] 100.000000002: PERF_RECORD_LOST lost 40\n"
	       "   sh 0/0 [001] 100.000000003: PERF_RECORD_LOST_SAMPLES lost "
	       "2\n",
	       "0 fault 70/70 gva=1000 value=6 gpa=0 sub=0 flags=4 cpu=1 "
	       "size=0 ",
	       "0 note 0/0 gva=0 value=0 gpa=0 sub=0 flags=0 cpu=0 size=0 "
	       "events-lost=42");
	cr_assert_eq(result.lost, 42);
	cr_assert_eq(result.skipped, 0);
}

Test(texts, perf_without_anything_of_use_is_refused)
{
	refuse(SH("000000000", "cycles:u: 1000 55ccd58f9010 main"),
	       "nothing that a kernel");
	refuse("sh 70/70 [0010 100.0: x:y: z\n", "no format");
}

/* ---- damage ------------------------------------------------------------- */

static const char *const good[] = {
	VALGRIND "I  04000000,3\n S 1fff000ff8,8\n L 04022348,4\n"
	" M 04022344,8\nI  04000fff,2\n",
	SH("000000001", "syscalls:sys_enter_mmap: addr: 0x00000000, "
	   "len: 0x00002000, prot: 0x00000003, flags: 0x00000022, "
	   "fd: 0xffffffff, off: 0x00000000")
	SH("000000002", "syscalls:sys_exit_mmap: 0x7f0000007000")
	SH("000000003", "exceptions:page_fault_user: address=0x7f0000007010 "
	   "ip=0x55ccd58f9010 error_code=0x6")
	"   sh 70/70 [001] 100.000000004: PERF_RECORD_FORK(71:71):(70:70)\n"
	SH("000000005", "syscalls:sys_enter_mremap: addr: 0x7f0000007000, "
	   "old_len: 0x00002000, new_len: 0x00003000, flags: 0x00000001")
	SH("000000006", "syscalls:sys_exit_mremap: 0x7f0000020000"),
};

/* It is taken, or refused in one line that names the file and says what to
 * do; and nothing is left behind then. */
static void try_text(const char *text)
{
	const char *out = make_path("texts.gnr");
	enum sim_rec_status status = import(text, out);

	cr_assert_eq(access(out, F_OK) == 0, status == SIM_REC_OK);
	unlink(out);
	if (status != SIM_REC_OK) {
		cr_assert(strchr(err.text, ';') && !strchr(err.text, '\n'),
			  "%s", err.text);
	}
}

Test(texts, damaged_texts_are_taken_or_refused_in_a_line, .timeout = 120)
{
	struct test_rng rng = test_rng_init(test_seed());
	static char text[1 << 14];

	for (unsigned i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		size_t bytes = strlen(good[i]);

		for (size_t cut = 0; cut <= bytes; cut += 7) {
			memcpy(text, good[i], cut);
			text[cut] = '\0';
			try_text(text);
		}
		for (unsigned n = 0; n < 200; n++) {
			strcpy(text, good[i]);
			for (unsigned f = 0; f <= n % 5; f++) {
				text[test_rng_below(&rng, bytes)] =
					(char)(1 + test_rng_below(&rng, 255));
			}
			try_text(text);
		}
	}
}

/* The same events, whatever else has been done to the lines. */
Test(texts, line_ends_and_strange_lines_change_nothing)
{
	static char text[1 << 16];
	const char *out = make_path("texts.gnr");

	for (unsigned i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		size_t n = 0;

		cr_assert(import(good[i], out) == SIM_REC_OK);
		uint64_t events = result.events, skipped = result.skipped;

		for (const char *at = good[i]; *at; at++) {
			if (*at == '\n') {
				text[n++] = '\r';
			}
			text[n++] = *at;
		}
		memset(text + n, 'a', 20000);	/* longer than any buffer */
		strcpy(text + n + 20000, "\n\xff\xfe\n");
		cr_assert(import(text, out) == SIM_REC_OK, "%s", err.text);
		cr_assert_eq(result.events, events);
		cr_assert_eq(result.skipped, skipped + 2);
		unlink(out);
	}
}

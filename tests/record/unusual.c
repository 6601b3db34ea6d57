/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Programs that do unusual things, for tests/record/unusual.sh: each checks
 * its own results and prints a line.
 *
 * usage: unusual NAME [ARGUMENT...]
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096u
#define RW (PROT_READ | PROT_WRITE)

static void must(int good, const char *what)
{
	if (!good) {
		perror(what);
		exit(9);
	}
}

static char *map(void *at, size_t bytes, int prot, int flags, int fd)
{
	char *got = mmap(at, bytes, prot, flags, fd, 0);

	must(got != MAP_FAILED, "mmap");
	return got;
}

/* ---- threads ------------------------------------------------------------ */

static pthread_barrier_t all_here;

static void *one_thread(void *arg)
{
	volatile char stack[3 * PAGE];

	for (unsigned i = 0; i < sizeof(stack); i += PAGE) {
		stack[i] = (char)i;
	}
	pthread_barrier_wait(&all_here);
	return arg;
}

/* All at the same time. */
static int threads(int argc, char **argv)
{
	unsigned count = argc > 0 ? (unsigned)atoi(argv[0]) : 4;
	pthread_t *id = calloc(count, sizeof(*id));
	pthread_attr_t attr;

	must(id && !pthread_attr_init(&attr) &&
	     !pthread_attr_setstacksize(&attr, 16 * PAGE), "pthread_attr");
	pthread_barrier_init(&all_here, NULL, count);
	for (unsigned i = 0; i < count; i++) {
		must(!pthread_create(&id[i], &attr, one_thread, id), "thread");
	}
	for (unsigned i = 0; i < count; i++) {
		pthread_join(id[i], NULL);
	}
	printf("%u threads\n", count);
	return 0;
}

/* ---- a runtime of its own ----------------------------------------------- */

/* As Go's: address space reserved, used piece by piece; a signal's handler on
 * a stack of its own makes what was touched usable. */
static char *arena;
static volatile sig_atomic_t faults;

static void on_fault(int number, siginfo_t *info, void *context)
{
	uintptr_t at = (uintptr_t)info->si_addr & ~(uintptr_t)(PAGE - 1);

	(void)number;
	(void)context;
	faults++;
	if (mprotect((void *)at, PAGE, RW)) {
		_exit(8);
	}
}

static char thread_stack[64 * PAGE] __attribute__((aligned(4096)));

static volatile int thread_done;

/* Without libc's thread block: it must not ask libc for anything. */
static int in_thread(void *arg)
{
	char *at = arg;

	for (unsigned i = 0; i < 8; i++) {
		at[i * PAGE] = 1;
	}
	thread_done = 1;
	return 0;
}

static int runtime(int argc, char **argv)
{
	static char alternate[16 * PAGE];
	stack_t stack = { .ss_sp = alternate, .ss_size = sizeof(alternate) };
	struct sigaction action = { .sa_sigaction = on_fault,
				    .sa_flags = SA_SIGINFO | SA_ONSTACK };

	(void)argc;
	(void)argv;
	arena = map(NULL, 64u << 20, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS |
		    MAP_NORESERVE, -1);
	must(!mprotect(arena, 16 * PAGE, RW), "mprotect");
	map(arena + 64 * PAGE, 64 * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS |
	    MAP_FIXED, -1);
	for (unsigned i = 0; i < 16; i++) {
		arena[i * PAGE] = 1;
		arena[(64 + i) * PAGE] = 1;
	}
	must(!sigaltstack(&stack, NULL) &&
	     !sigaction(SIGSEGV, &action, NULL), "signal");
	for (unsigned i = 0; i < 4; i++) {
		arena[(256 + i) * PAGE] = 1;
	}
	must(!madvise(arena, 16 * PAGE, MADV_DONTNEED), "madvise");
	must(clone(in_thread, thread_stack + sizeof(thread_stack),
		   CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND |
		   CLONE_THREAD | CLONE_SYSVSEM, arena + 80 * PAGE) > 0,
	     "clone");
	while (!thread_done) {
		sched_yield();
	}
	must(arena[87 * PAGE] == 1, "what the thread wrote");
	printf("%d faults\n", (int)faults);
	return 0;
}

/* ---- code that changes -------------------------------------------------- */

static int jit(int argc, char **argv)
{
	/* mov $N, %eax; ret */
	static const uint8_t code[] = { 0xb8, 1, 0, 0, 0, 0xc3 };
	char *both = map(NULL, PAGE, RW | PROT_EXEC,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1);
	int fd = memfd_create("jit", MFD_CLOEXEC), sum = 0;
	char *write_to, *run;

	(void)argc;
	(void)argv;
	must(fd >= 0 && !ftruncate(fd, PAGE), "memfd");
	write_to = map(NULL, PAGE, RW, MAP_SHARED, fd);
	run = map(NULL, PAGE, PROT_READ | PROT_EXEC, MAP_SHARED, fd);
	memcpy(both, code, sizeof(code));
	memcpy(write_to, code, sizeof(code));
	for (int i = 0; i < 5; i++) {
		both[1] = (char)i;
		write_to[1] = (char)(10 * i);
		/* The emulator sees what is written by another address only
		 * when the page's rights change. */
		must(!mprotect(run, PAGE, PROT_READ) &&
		     !mprotect(run, PAGE, PROT_READ | PROT_EXEC), "mprotect");
		sum += ((int (*)(void))(uintptr_t)both)();
		sum += ((int (*)(void))(uintptr_t)run)();
	}
	printf("sum %d\n", sum);
	return 0;
}

/* ---- exec in other ways ------------------------------------------------- */

static int say(int argc, char **argv)
{
	printf("said %s\n", argc > 0 ? argv[0] : "nothing");
	return 0;
}

/* By a descriptor, by a folder's descriptor, from a vfork. */
static int execs(int argc, char **argv)
{
	char *args[] = { argv[-2], (char *)"say", (char *)"fexecve", NULL };
	int fd = open(argv[-2], O_PATH | O_CLOEXEC), folder;
	char *slash = strrchr(argv[-2], '/');
	pid_t child;

	(void)argc;
	must(fd >= 0 && slash, "open");
	fflush(stdout);
	child = fork();
	if (child == 0) {
		fexecve(fd, args, environ);
		_exit(7);
	}
	must(waitpid(child, NULL, 0) == child, "fexecve");
	*slash = '\0';
	folder = open(argv[-2], O_PATH | O_DIRECTORY);
	*slash = '/';
	must(folder >= 0, "open folder");
	args[2] = (char *)"execveat";
	child = fork();
	if (child == 0) {
		syscall(SYS_execveat, folder, slash + 1, args, environ, 0);
		_exit(7);
	}
	must(waitpid(child, NULL, 0) == child, "execveat");
	args[2] = (char *)"vfork";
	child = vfork();
	if (child == 0) {
		execv(args[0], args);
		_exit(7);
	}
	must(waitpid(child, NULL, 0) == child, "vfork");
	return 0;
}

/* vfork and exec, N deep. */
static int chain(int argc, char **argv)
{
	int depth = argc > 0 ? atoi(argv[0]) : 0;
	char next[16];
	char *args[] = { argv[-2], (char *)"chain", next, NULL };
	int status = 0;
	pid_t child;

	if (depth == 0) {
		puts("end of the chain");
		return 0;
	}
	snprintf(next, sizeof(next), "%d", depth - 1);
	child = vfork();
	if (child == 0) {
		execv(args[0], args);
		_exit(7);
	}
	must(waitpid(child, &status, 0) == child && status == 0, "chain");
	return 0;
}

/* ---- ends --------------------------------------------------------------- */

static int segv(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	puts("about to die");
	fflush(stdout);
	*(volatile int *)(uintptr_t)16 = 1;
	return 0;
}

/* Children that a signal ends, waited for in either way. */
static int waits(int argc, char **argv)
{
	siginfo_t info = { 0 };
	int status = 0;
	pid_t child;

	(void)argc;
	(void)argv;
	for (int i = 0; i < 2; i++) {
		child = fork();
		if (child == 0) {
			raise(SIGKILL);
		}
		if (i == 0) {
			must(waitpid(child, &status, 0) == child &&
			     WIFSIGNALED(status), "waitpid");
		} else {
			must(!waitid(P_PID, (id_t)child, &info, WEXITED) &&
			     info.si_status == SIGKILL, "waitid");
		}
	}
	puts("both died");
	return 0;
}

/* As a shell does with a job. */
static int jobs(int argc, char **argv)
{
	volatile char *page = map(NULL, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS,
				  -1);
	int status;
	pid_t child = fork();

	(void)argc;
	(void)argv;
	if (child == 0) {
		setpgid(0, 0);
		raise(SIGSTOP);
		*page = 1;	/* it lives on */
		_exit(0);
	}
	must(waitpid(child, &status, WUNTRACED) == child &&
	     WIFSTOPPED(status), "stop");
	must(!kill(-child, SIGCONT) &&
	     waitpid(child, &status, WCONTINUED) == child &&
	     WIFCONTINUED(status), "continue");
	must(waitpid(child, &status, 0) == child && WIFEXITED(status), "end");
	puts("stopped, continued, ended");
	return 0;
}

static int daemon_(int argc, char **argv)
{
	pid_t child = fork();

	(void)argc;
	(void)argv;
	if (child == 0) {
		setsid();
		if (fork() == 0) {
			usleep(100000);
			_exit(0);
		}
		_exit(0);
	}
	must(waitpid(child, NULL, 0) == child, "daemon");
	puts("daemon left behind");
	return 0;
}

static const struct {
	const char *name;
	int (*main)(int argc, char **argv);
} programs[] = {
	{ "threads", threads }, { "runtime", runtime }, { "jit", jit },
	{ "say", say }, { "execs", execs }, { "chain", chain },
	{ "segv", segv }, { "waits", waits }, { "jobs", jobs },
	{ "daemon", daemon_ },
};

int main(int argc, char **argv)
{
	for (unsigned i = 0; i < sizeof(programs) / sizeof(programs[0]) &&
	     argc > 1; i++) {
		if (strcmp(argv[1], programs[i].name) == 0) {
			return programs[i].main(argc - 2, argv + 2);
		}
	}
	fprintf(stderr, "usage: unusual NAME [ARGUMENT...]\n");
	return 2;
}

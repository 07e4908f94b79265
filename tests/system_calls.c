/*
 * Which system calls a container can make: seccomp_test.ts.
 *
 *   system_calls ABI FIRST LAST   make each of them in a process of its own,
 * with arguments that make no sense, and say what came of it; ABI is native,
 * x32 or i386 system_calls count NUMBER     make getppid(2) so many times
 *   system_calls socket FAMILY    make a socket, and say what came of it
 *   system_calls mkdir PATH       make a directory, and say what came of it
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define X32_BIT 0x40000000
#define NO_RESULT 1 /* no errno, and no call succeeds with it here */

#if defined(__x86_64__)
static long call_i386(long number)
{
	long result;

	/* -1 in every register, of which the kernel takes the lower half */
	__asm__ volatile("push %%rbp\n\t"
			 "mov $-1, %%rbp\n\t"
			 "int $0x80\n\t"
			 "pop %%rbp"
			 : "=a"(result)
			 : "a"(number), "b"(-1), "c"(-1), "d"(-1), "S"(-1), "D"(-1)
			 : "r8", "r9", "r10", "r11", "memory");
	return (int)result;
}
#endif

static long call_native(long number)
{
	long result = syscall(number, -1L, -1L, -1L, -1L, -1L, -1L);

	return result == -1 ? -errno : result;
}

static long call(const char *abi, long number)
{
#if defined(__x86_64__)
	if (strcmp(abi, "i386") == 0)
		return call_i386(number);
	if (strcmp(abi, "x32") == 0)
		return call_native(number | X32_BIT);
#endif
	return call_native(number);
}

static void try(const char *abi, long number, volatile long *result)
{
	const struct timespec patience = { .tv_sec = 1 };
	sigset_t ends;
	pid_t child;
	pid_t ended;
	int status;

	sigemptyset(&ends);
	sigaddset(&ends, SIGCHLD);
	sigprocmask(SIG_BLOCK, &ends, NULL);
	*result = NO_RESULT;
	child = fork();
	if (child == 0) {
		pid_t self = getpid();
		long got = call(abi, number);

		if (getpid() == self)
			*result = got;
		_exit(0);
	}
	if (child < 0)
		exit(2);
	/* Children of children end here, too, if this is the first process of a container */
	while ((ended = waitpid(child, &status, WNOHANG)) == 0) {
		if (sigtimedwait(&ends, NULL, &patience) < 0)
			kill(child, SIGKILL); /* some wait for ever, and block all else */
	}
	if (ended != child)
		exit(2);
	if (WIFSIGNALED(status))
		printf("%ld signal %d\n", number, WTERMSIG(status));
	else if (*result == NO_RESULT)
		printf("%ld end\n", number);
	else if (*result < 0)
		printf("%ld %s\n", number, strerrorname_np((int)-*result));
	else
		printf("%ld done\n", number);
}

static int say(long result)
{
	puts(result < 0 ? strerrorname_np(errno) : "done");
	return 0;
}

int main(int argc, char **argv)
{
	long *result;

	if (argc == 3 && strcmp(argv[1], "count") == 0) {
		for (long i = atol(argv[2]); i > 0; i--)
			(void)syscall(SYS_getppid);
		return 0;
	}
	if (argc == 3 && strcmp(argv[1], "socket") == 0)
		return say(syscall(SYS_socket, strtoul(argv[2], NULL, 0), 5, 0));
	if (argc == 3 && strcmp(argv[1], "mkdir") == 0)
		return say(syscall(SYS_mkdirat, -100, argv[2], 0755));
	if (argc != 4)
		return 2;
	setvbuf(stdout, NULL, _IONBF, 0);
	result = mmap(NULL, sizeof(*result), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	if (result == MAP_FAILED)
		return 2;
	for (long number = atol(argv[2]); number <= atol(argv[3]); number++)
		try(argv[1], number, result);
	return 0;
}

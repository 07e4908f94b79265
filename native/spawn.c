/* wherry_spawn: start a program from a process that has many threads and much memory. */
#include "sys.h"
#include "text.h"
#include "wherry.h"

#define EXPORT __attribute__((visibility("default")))
#define MAX_FDS 16
#define MAX_STRINGS 65536
#define STACK_SIZE 65536

/* What parent and child share. The child runs in the parent's memory while the parent's thread is
 * held by CLONE_VFORK; the other threads go on, so the child touches nothing but this and its
 * stack. */
struct job {
	int exe_fd;
	char **argv;
	char **envp;
	const int32_t *fds;
	uint32_t nfds;
	int64_t rlimit_nofile;
	int error; /* -errno of the step that failed, or 0 */
};

/* A caller that ignores SIGPIPE, as Deno does, must not pass that on; handlers are reset by execve
 * only after signals could be delivered, in memory that is not the child's. */
static void reset_signals(void)
{
	for (int signal = 1; signal <= SIGNAL_COUNT; signal++)
		if (signal != SIGKILL && signal != SIGSTOP)
			(void)sys_signal_handler(signal, SIG_DFL);
}

/* Sources may be numbered like targets, so all are moved above the targets first. The program
 * itself ends up at number nfds and close-on-exec; CLOSE_RANGE_CLOEXEC would be simpler but needs
 * Linux 5.11. */
static int place_fds(struct job *job)
{
	int moved[MAX_FDS + 1];

	for (uint32_t i = 0; i <= job->nfds; i++) {
		int fd = i < job->nfds ? job->fds[i] : job->exe_fd;

		moved[i] = -1;
		if (fd < 0)
			continue;
		moved[i] = sys_fcntl(fd, F_DUPFD_CLOEXEC, MAX_FDS + 1);
		if (moved[i] < 0)
			return moved[i];
	}
	for (uint32_t i = 0; i <= job->nfds; i++) {
		int result = 0;

		if (moved[i] < 0)
			sys_close((int)i);
		else
			result = sys_dup3(moved[i], (int)i, i < job->nfds ? 0 : O_CLOEXEC);
		if (result < 0)
			return result;
	}
	return sys_close_range(job->nfds + 1, ~0U);
}

static int set_nofile(int64_t soft)
{
	struct rlimit64 limit;
	int result = (int)SYS(prlimit64, 0, RLIMIT_NOFILE, 0, &limit);

	if (result < 0)
		return result;
	limit.rlim_cur = (uint64_t)soft < limit.rlim_max ? (uint64_t)soft : limit.rlim_max;
	return (int)SYS(prlimit64, 0, RLIMIT_NOFILE, &limit, 0);
}

static int prepare(struct job *job)
{
	int result = (int)SYS(setsid, 0);

	if (result >= 0)
		result = place_fds(job);
	if (result >= 0 && job->rlimit_nofile >= 0)
		result = set_nofile(job->rlimit_nofile);
	return result;
}

static int run_child(void *argument)
{
	struct job *job = argument;
	int result;

	reset_signals();
	result = prepare(job);
	(void)sys_signal_mask(0, NULL);
	if (result >= 0)
		result = sys_execveat((int)job->nfds, "", job->argv, job->envp);
	job->error = result;
	return 127;
}

static char **fill_pointers(char **pointers, const char *strings, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		*pointers++ = (char *)(uintptr_t)strings;
		strings += text_length(strings) + 1;
	}
	*pointers++ = NULL;
	return pointers;
}

/* With all signals blocked: a handler of the caller must not run in the child's half of the memory.
 */
static int64_t start(struct job *job, void *stack, int *ret_pidfd)
{
	struct clone_args args = {
		.flags = CLONE_VM | CLONE_VFORK | CLONE_PIDFD,
		.pidfd = (uintptr_t)ret_pidfd,
		.exit_signal = SIGCHLD,
		.stack = (uintptr_t)stack,
		.stack_size = STACK_SIZE,
	};
	uint64_t old_mask;
	int64_t pid;

	(void)sys_signal_mask(~UINT64_C(0), &old_mask);
	pid = arch_clone_call(&args, run_child, job);
	(void)sys_signal_mask(old_mask, NULL);
	return pid;
}

EXPORT int32_t wherry_spawn(int32_t exe_fd, const char *argv, uint32_t argc, const char *envp,
			    uint32_t envc, const int32_t *fds, uint32_t nfds, int64_t rlimit_nofile,
			    int32_t *ret_pidfd)
{
	struct job job = { exe_fd, NULL, NULL, fds, nfds, rlimit_nofile, 0 };
	size_t size = STACK_SIZE + ((size_t)argc + envc + 2) * sizeof(char *);
	cleanup_close int pidfd = -1;
	char *memory;
	int64_t pid;

	if (exe_fd < 0 || argc == 0 || argc > MAX_STRINGS || envc > MAX_STRINGS || nfds > MAX_FDS)
		return -EINVAL;
	memory = sys_allocate(size);
	if (memory == NULL)
		return -ENOMEM;
	job.argv = (char **)(void *)(memory + STACK_SIZE);
	job.envp = fill_pointers(job.argv, argv, argc);
	(void)fill_pointers(job.envp, envp, envc);
	pid = start(&job, memory, &pidfd);
	sys_free(memory, size);
	if (pid < 0)
		return (int32_t)pid;
	if (job.error < 0) {
		(void)sys_wait4((int)pid, NULL, 0);
		return job.error;
	}
	*ret_pidfd = steal_fd(&pidfd);
	return (int32_t)pid;
}

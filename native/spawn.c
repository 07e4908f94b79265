/* wherry_spawn: start a program from a process that has many threads and much memory. */
#include "sys.h"
#include "text.h"
#include "wherry.h"

#define EXPORT __attribute__((visibility("default")))
#define MAX_FDS 16
#define MAX_STRINGS 65536
#define STACK_SIZE 65536

/* What caller, middle process and child share. Each runs in the caller's memory while the one
 * before is held by CLONE_VFORK; the caller's other threads go on, so the two touch nothing but
 * this and their stacks. */
struct job {
	char *stacks; /* two of STACK_SIZE bytes */
	int exe_fd;
	char **argv;
	char **envp;
	const int32_t *fds;
	uint32_t nfds;
	int64_t rlimit_nofile;
	int64_t pid; /* of the child, or -errno */
	int pidfd;
	int error; /* -errno of the child's step that failed, or 0 */
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

/* Make the child and end, so that the child is nobody's in the caller: whoever reaps orphans reaps
 * it, however long the caller lives. */
static int run_middle(void *argument)
{
	struct job *job = argument;
	struct clone_args args = {
		.flags = CLONE_VM | CLONE_VFORK | CLONE_PIDFD,
		.pidfd = (uintptr_t)&job->pidfd,
		.exit_signal = SIGCHLD,
		.stack = (uintptr_t)(job->stacks + STACK_SIZE),
		.stack_size = STACK_SIZE,
	};

	job->pid = arch_clone_call(&args, run_child, job);
	if (job->pid > 0 && job->error < 0)
		(void)sys_wait4((int)job->pid, NULL, 0);
	return 0;
}

/* With all signals blocked: a handler of the caller must not run in the others' part of the memory.
 * The middle process shares the caller's descriptors, so the child's pidfd is the caller's. Its end
 * raises no SIGCHLD, which the caller may count. Returns 0 or -errno. */
static int start(struct job *job)
{
	struct clone_args args = {
		.flags = CLONE_VM | CLONE_VFORK | CLONE_FILES,
		.stack = (uintptr_t)job->stacks,
		.stack_size = STACK_SIZE,
	};
	uint64_t old_mask;
	int64_t pid;

	(void)sys_signal_mask(~UINT64_C(0), &old_mask);
	pid = arch_clone_call(&args, run_middle, job);
	if (pid > 0)
		(void)sys_wait4((int)pid, NULL, __WALL);
	(void)sys_signal_mask(old_mask, NULL);
	return pid < 0 ? (int)pid : 0;
}

EXPORT int32_t wherry_spawn(int32_t exe_fd, const char *argv, uint32_t argc, const char *envp,
			    uint32_t envc, const int32_t *fds, uint32_t nfds, int64_t rlimit_nofile,
			    int32_t *ret_pidfd)
{
	struct job job = {
		.exe_fd = exe_fd,
		.fds = fds,
		.nfds = nfds,
		.rlimit_nofile = rlimit_nofile,
		.pidfd = -1,
	};
	size_t size = 2 * STACK_SIZE + ((size_t)argc + envc + 2) * sizeof(char *);
	cleanup_close int pidfd = -1;
	int result;

	if (exe_fd < 0 || argc == 0 || argc > MAX_STRINGS || envc > MAX_STRINGS || nfds > MAX_FDS)
		return -EINVAL;
	job.stacks = sys_allocate(size);
	if (job.stacks == NULL)
		return -ENOMEM;
	job.argv = (char **)(void *)(job.stacks + 2 * STACK_SIZE);
	job.envp = fill_pointers(job.argv, argv, argc);
	(void)fill_pointers(job.envp, envp, envc);
	result = start(&job);
	sys_free(job.stacks, size);
	pidfd = job.pidfd;
	if (result < 0)
		return result;
	if (job.pid < 0)
		return (int32_t)job.pid;
	if (job.error < 0)
		return job.error;
	*ret_pidfd = steal_fd(&pidfd);
	return (int32_t)job.pid;
}

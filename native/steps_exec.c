/* Steps that end a process's part in the plan: `fork`, `reaper`, `idle`, `exec`. */
#include "steps.h"
#include "text.h"

static const char DEFAULT_PATH[] =
	"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/* clone(2) with CLONE_PARENT: setns(2) puts only the children of a process into the pid namespace
 * it joined. The monitor becomes the parent and is told the pid, which only this side knows as the
 * monitor sees it. */
int step_fork(struct child *child, const struct step *step)
{
	int pidfd = -1;
	struct clone_args args = {
		.flags = CLONE_PARENT | CLONE_PIDFD,
		.pidfd = (uintptr_t)&pidfd,
	};
	int64_t pid = sys_clone3(&args);
	struct report report = { REPORT_FORKED, step->index, (int32_t)pid };

	(void)child;
	if (pid < 0)
		return (int)pid;
	if (pid == 0)
		return (int)SYS(setsid, 0) < 0 ? -EPERM : 0;
	child_report(&report, &pidfd);
	sys_exit(0);
}

#define READY_INTERVAL UINT64_C(100000) /* what PID 1 takes to be ready */
static bool is_null(int fd)
{
	struct statx status;

	return sys_statx(fd, &status) == 0 && (status.stx_mode & S_IFMT) == S_IFCHR &&
	       status.stx_rdev_major == 1 && status.stx_rdev_minor == 3;
}

/* A process without input has the host's /dev/null, a file whose mode and owner root inside could
 * change for everybody on the host. It gets the container's, or where that is missing or something
 * else by now, a pipe that is at its end. What is opened next is 0 again, however low the limit of
 * open files. */
static int replace_host_null(void)
{
	int ends[2];
	int result;

	if (!is_null(0))
		return 0;
	sys_close(0);
	result = sys_openat2(AT_FDCWD, "/dev/null", O_RDWR | O_NOCTTY,
			     RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
	if (result < 0 || !is_null(0)) {
		sys_close(0);
		result = sys_pipe(ends);
		if (result < 0)
			return result;
		sys_close(ends[1]);
	}
	return sys_fcntl(0, F_SETFD, 0);
}

/* Of a PID 1 whose filter of system calls keeps it from its work: it would spin for ever. */
enum { EXIT_FORBIDDEN = 127 };

/* A PID 1 that stays holds nothing of the plan and of the monitor, neither in memory nor in
 * descriptors: then the container may look at it as at any of its processes, but not before it has
 * no more rights than they. */
static void become_init(struct child *child)
{
	struct monitor *monitor = child->monitor;
	int result;

	(void)sys_close_range(REPORT_FD + 1, ~0U);
	if (replace_host_null() < 0)
		sys_exit(EXIT_FORBIDDEN);
	(void)sys_chdir("/");
	sys_free(monitor->plan.data, monitor->plan.size);
	sys_free(monitor, sizeof(*monitor));
	(void)sys_prctl(PR_SET_NAME, (uintptr_t) "wherry-init", 0);
	result = child_take_rights(child);
	if (result < 0)
		child_fail(child->step.index, result);
	(void)sys_prctl(PR_SET_DUMPABLE, 1, 0);
	if (SYS(close, REPORT_FD) < 0)
		sys_exit(EXIT_FORBIDDEN);
}

static int exit_code(int status)
{
	return (status & 0x7f) == 0 ? status >> 8 & 0xff : 128 + (status & 0x7f);
}

/* Reap all that has ended. Returns the exit code of `main_pid`, or -1 while it lives. */
static int reap(int main_pid)
{
	int code = -1;
	int status;
	int pid;

	while ((pid = sys_wait4(-1, &status, WNOHANG)) > 0)
		if (pid == main_pid)
			code = exit_code(status);
	if (pid < 0 && pid != -ECHILD)
		sys_exit(EXIT_FORBIDDEN);
	return code;
}

static int wait_for_signal(void)
{
	int signal = sys_signal_wait();

	if (signal < 0)
		sys_exit(EXIT_FORBIDDEN);
	return signal;
}

static _Noreturn void forward_and_reap(int main_pid)
{
	for (;;) {
		int signal = wait_for_signal();
		int code;

		if (signal != SIGCHLD)
			(void)SYS(kill, main_pid, signal);
		code = reap(main_pid);
		if (code >= 0)
			sys_exit(code);
	}
}

/* Wait until PID 1 has only the rights of its child: a program that runs before could trace it
 * (ptrace(2)) and have the others. Memory is looked at again and again, because PID 1 can write to
 * it whatever its filter of system calls forbids, and a low limit of descriptors is set already. */
static int await_init(const uint32_t *is_ready, int64_t init)
{
	while (__atomic_load_n(is_ready, __ATOMIC_ACQUIRE) == 0) {
		if (SYS(getppid, 0) != init)
			return -ESRCH;
		(void)sys_poll_for(NULL, 0, READY_INTERVAL);
	}
	return 0;
}

/* PID 1 in the manner of tini: go on in a child that leads the terminal's foreground group, hand it
 * every signal, reap orphans, also where it is not PID 1. Signals are still blocked as in the
 * monitor, so none is lost or acted on. */
int step_reaper(struct child *child, const struct step *step)
{
	uint32_t *is_ready = sys_allocate_shared(sizeof(*is_ready));
	int64_t init = SYS(getpid, 0);
	int64_t pid = is_ready == NULL ? -ENOMEM : sys_fork();

	(void)step;
	if (pid < 0)
		return (int)pid;
	if (pid > 0) {
		(void)sys_prctl(PR_SET_CHILD_SUBREAPER, 1, 0);
		become_init(child);
		__atomic_store_n(is_ready, 1, __ATOMIC_RELEASE);
		forward_and_reap((int)pid);
	}
	(void)SYS(setpgid, 0, 0);
	pid = SYS(getpid, 0);
	(void)sys_ioctl(0, TIOCSPGRP, &(int){ (int)pid }); /* not a terminal: nothing to do */
	return await_init(is_ready, init);
}

/* PID 1 that only keeps the namespaces alive. */
int step_idle(struct child *child, const struct step *step)
{
	(void)step;
	become_init(child);
	for (;;) {
		int signal = wait_for_signal();

		(void)reap(0);
		if (signal == SIGTERM || signal == SIGINT)
			sys_exit(0);
	}
}

/* The search path is that of the new environment, as the container's own shell would use. */
static const char *find_path(const char *const *environment)
{
	const size_t prefix = sizeof("PATH=") - 1;

	for (; *environment != NULL; environment++)
		if (text_length(*environment) >= prefix &&
		    memcmp(*environment, "PATH=", prefix) == 0)
			return *environment + prefix;
	return DEFAULT_PATH + prefix;
}

static int execute(const char *file, const char *const *argv, const char *const *environment)
{
	return (int)SYS(execve, file, argv, environment);
}

/* Try every directory of the path. An empty one is skipped: it would mean the working directory,
 * which the image chooses. EACCES is remembered, since it says more than the ENOENT of the
 * directories after it. */
static int search_and_execute(const char *const *argv, const char *const *environment)
{
	const char *dir = find_path(environment);
	int result = -ENOENT;

	while (*dir != '\0') {
		char buffer[PATH_SIZE];
		struct text file = TEXT(buffer);
		size_t length = 0;
		int attempt = -ENOENT;

		while (dir[length] != '\0' && dir[length] != ':')
			length++;
		text_add_bytes(&file, dir, length);
		text_add(&file, "/");
		text_add(&file, argv[0]);
		if (length > 0 && text_end(&file) != NULL)
			attempt = execute(buffer, argv, environment);
		if (attempt == -EACCES)
			result = attempt;
		else if (attempt != -ENOENT && attempt != -ENOTDIR)
			return attempt;
		dir += length + (dir[length] == ':' ? 1 : 0);
	}
	return result;
}

/* execve(2). Returns only when it fails. */
int step_exec(struct child *child, const struct step *step)
{
	uint32_t argc = (uint32_t)step_number(step, 0);
	uint32_t envc = step->count - 1 - argc;
	const char **argv = sys_allocate(((size_t)argc + envc + 2) * sizeof(argv[0]));
	const char **environment = argv + argc + 1;
	const char *rest;
	int result;

	if (argv == NULL)
		return -ENOMEM;
	rest = point_to_strings(argv, step_text(step, 1), argc);
	(void)point_to_strings(environment, rest, envc);
	result = replace_host_null();
	if (result < 0)
		return result;
	(void)sys_close_range(REPORT_FD + 1, ~0U);
	(void)sys_umask(child->umask);
	(void)sys_signal_handler(SIGPIPE, SIG_DFL);
	(void)sys_signal_mask(0, NULL);
	if (*argv[0] == '\0')
		return -ENOENT;
	result = child_take_rights(child);
	if (result < 0)
		return result;
	if (find_byte(argv[0], '/', text_length(argv[0])) != NULL)
		return execute(argv[0], argv, environment);
	return search_and_execute(argv, environment);
}

/* The monitor's own steps, up to the moment when the container runs. */
#include "child.h"
#include "health.h"
#include "message.h"
#include "steps.h"
#include "text.h"

/* A disk may be slow, but what never answers must not keep the monitor from its clients. */
#define SECOND UINT64_C(1000000000)
#define STEPS_TIMEOUT (60 * SECOND)
#define KILL_TIMEOUT (10 * SECOND)
#define NAMESPACE_PATH_SIZE 32 /* "/proc/PID/ns/mnt" */

/* What the child gets as stdin, stdout and stderr. */
int step_stdio(struct monitor *monitor, const struct step *step)
{
	const char *kind = step_text(step, 0);

	monitor->stdio = text_equal(kind, "terminal") ? STDIO_TERMINAL
			 : text_equal(kind, "pipe")   ? STDIO_PIPE
						      : STDIO_NULL;
	return 0;
}

/* A full disk does not stop a container from starting: its records will be counted as lost. */
int step_log(struct monitor *monitor, const struct step *step)
{
	int result;

	monitor->log.path = step_text(step, 0);
	monitor->log.format = text_equal(step_text(step, 1), "json") ? LOG_JSON : LOG_CRI;
	monitor->log.max_bytes = step_number(step, 2);
	monitor->log.max_files = (uint32_t)step_number(step, 3);
	result = log_open(&monitor->log);
	return result == -ENOSPC || result == -EDQUOT ? 0 : result;
}

/* Bound through /proc/self/fd, because sun_path holds only 108 bytes. Mode 0700 by the monitor's
 * umask. */
int step_listen(struct monitor *monitor, const struct step *step)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct text path = TEXT(address.sun_path);
	int dir = sys_openat(AT_FDCWD, step_text(step, 0), O_PATH | O_DIRECTORY, 0);
	int listener;
	int result;

	if (dir < 0)
		return dir;
	monitor->listen_dir = dir;
	listener = (int)SYS(socket, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (listener < 0)
		return listener;
	monitor->listener = listener;
	text_add(&path, "/proc/self/fd/");
	text_add_number(&path, (uint64_t)dir);
	text_add(&path, "/socket");
	(void)sys_unlinkat(dir, "socket");
	result = (int)SYS(bind, listener, &address, sizeof(address));
	return result < 0 ? result : (int)SYS(listen, listener, CLIENT_COUNT);
}

/* The record is replaced by names in its directory, which is opened once and can be synced. */
int step_record(struct monitor *monitor, const struct step *step)
{
	const char *path = step_text(step, 0);
	size_t length = text_length(path);
	char buffer[PATH_SIZE];
	struct text dir = TEXT(buffer);
	int fd;

	while (length > 0 && path[length - 1] != '/')
		length--;
	text_add_bytes(&dir, path, length);
	text_add(&dir, length == 0 ? "." : "");
	fd = text_end(&dir) == NULL ? -ENAMETOOLONG
				    : sys_openat(AT_FDCWD, buffer, O_RDONLY | O_DIRECTORY, 0);
	if (fd < 0)
		return fd;
	monitor->record_dir = fd;
	monitor->record_name = path + length;
	monitor->record_is_durable = text_equal(step_text(step, 1), "durable");
	monitor->record_index = step->index;
	return 0;
}

/* The ends of three pipes: the child's go to child_ends, the monitor's own are kept, non-blocking.
 */
static int make_pipes(struct monitor *monitor, int child_ends[3])
{
	for (int i = 0; i < 3; i++) {
		bool is_input = i == 0;
		int ends[2];
		int result;

		if (monitor->stdio == STDIO_TERMINAL || (is_input && monitor->stdio == STDIO_NULL))
			continue;
		result = sys_pipe(ends);
		if (result < 0)
			return result;
		child_ends[i] = ends[is_input ? 0 : 1];
		*(is_input ? &monitor->input.fd : &monitor->outputs[i - 1].fd) =
			ends[is_input ? 1 : 0];
		(void)sys_fcntl(ends[is_input ? 1 : 0], F_SETFL, O_NONBLOCK);
	}
	return 0;
}

/* One that hangs in the kernel is left to the poll loop, which reaps whatever ends. */
void kill_process(struct process *process)
{
	struct pollfd watch = { .fd = process->pidfd, .events = POLLIN };

	if (process->pid == 0)
		return;
	(void)sys_pidfd_signal(process->pidfd, SIGKILL);
	if (sys_poll_for(&watch, 1, KILL_TIMEOUT) > 0)
		(void)sys_wait4(process->pid, NULL, WNOHANG); /* a tracer may keep its end */
	sys_close(process->pidfd);
	*process = (struct process){ 0 };
}

/* `fork` made a process that goes on in the child's place; the old one has nothing more to say. */
static void follow_fork(struct process *process, const struct report *report, int pidfd)
{
	(void)sys_wait4(process->pid, NULL, 0);
	sys_close(process->pidfd);
	*process = (struct process){ report->value, pidfd };
}

/* Do what a report says. Returns 0 or the error of the child's step. */
static int take_report(struct monitor *monitor, struct process *process,
		       const struct report *report, const int *fd)
{
	if (report->kind == REPORT_FORKED && fd != NULL)
		follow_fork(process, report, *fd);
	else if (report->kind == REPORT_TERMINAL && fd != NULL)
		open_terminal(monitor, *fd);
	else if (report->kind == REPORT_FAILED) {
		monitor->failed_index = report->index;
		return -report->value;
	}
	return 0;
}

/* Wait until there is a report to read. Returns 0 or -errno; -ECANCELED when nobody is left whom a
 * view is for. */
static int await_report(const struct monitor *monitor, int socket, uint64_t deadline)
{
	struct pollfd watches[] = {
		{ .fd = socket, .events = POLLIN },
		{ .fd = monitor->is_view ? CONTROL_FD : -1, .events = POLLIN },
	};
	uint64_t now = sys_clock(CLOCK_STEADY);
	int ready = 0;

	for (; ready == 0 && now < deadline; now = sys_clock(CLOCK_STEADY)) {
		ready = sys_poll_for(watches, sizeof(watches) / sizeof(watches[0]), deadline - now);
		if (ready == -EINTR)
			ready = 0;
	}
	if (ready <= 0)
		return ready < 0 ? ready : -ETIMEDOUT;
	return watches[0].revents != 0 ? 0 : -ECANCELED;
}

/* Read reports until the child has called execve. Returns 0, the error of its step, -ECHILD when
 * it has not said a word, or -ETIMEDOUT: nobody else is served meanwhile. */
static int await_child(struct monitor *monitor, struct process *process, int socket)
{
	uint64_t deadline = sys_clock(CLOCK_STEADY) + STEPS_TIMEOUT;
	bool is_born = false;
	int result = 0;

	while (result == 0) {
		struct report report;
		int32_t fds[MESSAGE_FDS];
		uint32_t count = 0;
		int64_t size;

		result = await_report(monitor, socket, deadline);
		if (result < 0)
			return result;
		size = message_receive(socket, &report, sizeof(report), fds, &count, 0);
		if (size == 0)
			return is_born ? 0 : -ECHILD;
		if (size < 0)
			return (int)size;
		is_born = true;
		result = take_report(monitor, process, &report, count == 1 ? fds : NULL);
	}
	return result;
}

/* The cgroup namespace is the child's own doing: made here its root would be the monitor's cgroup.
 */
static int make_child(struct monitor *monitor, const struct section *section, const int stdio[3],
		      int report, struct process *ret_process)
{
	int pidfd = 0;
	struct clone_args args = {
		.flags = (section->flags & ~(uint64_t)CLONE_NEWCGROUP) | CLONE_PIDFD,
		.pidfd = (uintptr_t)&pidfd,
		.exit_signal = SIGCHLD,
	};
	int64_t pid;

	if (monitor->cgroup.dir > 0 && !monitor->cgroup.is_entered) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (__u64)monitor->cgroup.dir;
	}
	pid = sys_clone3(&args);
	if (pid == 0)
		child_run(monitor, section, stdio, report);
	if (pid < 0)
		return (int)pid;
	*ret_process = (struct process){ (int)pid, pidfd };
	return 0;
}

/* The child learns from the report socket that the monitor lives, and the monitor by its end that
 * execve has succeeded. */
int start_child(struct monitor *monitor, const struct section *section, const int stdio[3],
		struct process *ret_process, int *ret_report)
{
	int report[2];
	int result = (int)SYS(socketpair, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, report);

	if (result < 0)
		return result;
	result = plan_read_rest(PLAN_FD, &section->steps);
	if (result == 0)
		result = make_child(monitor, section, stdio, report[1], ret_process);
	sys_close(report[1]);
	plan_discard_rest(&section->steps);
	if (result < 0)
		sys_close(report[0]);
	else
		*ret_report = report[0];
	return result;
}

/* Keep init's mounts until they are let go of: when it ends, unmounting is otherwise the kernel's
 * part of its end, and an overlay waits for the disk before anybody learns that init has ended. Its
 * pid is its own until it is reaped, so this is no other process's namespace. Without it the end is
 * recorded later, and that is all. */
static void hold_mounts(struct monitor *monitor, const struct section *section, int pid)
{
	char storage[NAMESPACE_PATH_SIZE];
	struct text path = TEXT(storage);
	int fd;

	if ((section->flags & CLONE_NEWNS) == 0)
		return;
	text_add(&path, "/proc/");
	text_add_number(&path, (uint64_t)pid);
	text_add(&path, "/ns/mnt");
	(void)text_end(&path);
	fd = sys_openat(AT_FDCWD, storage, O_RDONLY, 0);
	monitor->mounts = fd < 0 ? 0 : fd;
}

static int try_child(struct monitor *monitor, const struct section *section, const int stdio[3],
		     struct process *ret_process)
{
	struct process process = { 0 };
	int report;
	int result;

	monitor->failed_index = section->steps.index - 1;
	result = start_child(monitor, section, stdio, &process, &report);
	if (result < 0)
		return result;
	hold_mounts(monitor, section, process.pid);
	result = await_child(monitor, &process, report);
	sys_close(report);
	if (result == 0) {
		/* After `fork` the first process may have ended before its mounts were found. */
		if (monitor->mounts == 0)
			hold_mounts(monitor, section, process.pid);
		*ret_process = process;
		return 0;
	}
	kill_process(&process);
	close_stream(&monitor->mounts);
	return result;
}

/* Linux 6.18 kills a child that is cloned into a cgroup in which cgroup.kill was used more or less
 * often than in its parent's, before it does anything. Such a child enters the cgroup by itself,
 * which takes some milliseconds more. */
int run_child(struct monitor *monitor, const struct section *section, const int stdio[3],
	      struct process *ret_process)
{
	int result = try_child(monitor, section, stdio, ret_process);

	if (result != -ECHILD || monitor->cgroup.dir == 0 || monitor->cgroup.is_entered)
		return result;
	monitor->cgroup.is_entered = true;
	return try_child(monitor, section, stdio, ret_process);
}

int run_init(struct monitor *monitor)
{
	int child_ends[3] = { 0, 1, 2 };
	int result = make_pipes(monitor, child_ends);

	if (result == 0)
		result = run_child(monitor, &monitor->init_section, child_ends, &monitor->init);
	for (int i = 0; i < 3; i++)
		if (child_ends[i] >= START_FDS)
			sys_close(child_ends[i]);
	return result;
}

/* The last step of the monitor. */
int step_clone(struct monitor *monitor, const struct step *step)
{
	monitor->init_section = (struct section){
		.steps = monitor->plan,
		.flags = step_number(step, 0),
		.join_fd = INIT_FD,
	};
	return run_init(monitor);
}

/* Ends with `clone`, which plan_check has seen to be there. */
static int run_steps(struct monitor *monitor, uint32_t *ret_index)
{
	struct step step = { 0 };
	int result = 0;

	while (result == 0 && monitor->init.pid == 0) {
		if (plan_next(&monitor->plan, &step) <= 0)
			return -EINVAL;
		monitor->failed_index = step.index;
		result = step.word->in_monitor(monitor, &step);
	}
	if (result == 0) {
		monitor->failed_index = monitor->record_index;
		result = begin_run(monitor);
	}
	*ret_index = monitor->failed_index;
	return result;
}

/* Whether the descriptor that this word joins was not given. */
static bool lacks_descriptor(const struct monitor *monitor, const char *word)
{
	static const struct {
		const char *word;
		int fd;
	} JOINED[] = {
		{ "join-network", NETWORK_FD }, { "join-pid", PID_FD },   { "take-shm", IPC_FD },
		{ "join-ipc", IPC_FD },         { "join-user", USER_FD },
	};

	for (unsigned i = 0; i < sizeof(JOINED) / sizeof(JOINED[0]); i++)
		if (text_equal(JOINED[i].word, word))
			return !is_given(monitor, JOINED[i].fd);
	return false;
}

/* Without a namespace to join the container would come to be in the host's: -EBADF, with the number
 * of the step in plan->index. */
static int check_descriptors(const struct monitor *monitor, struct plan *plan)
{
	struct plan steps = *plan;
	struct step step;

	while (plan_next(&steps, &step) > 0) {
		if (!lacks_descriptor(monitor, step.word->name))
			continue;
		plan->index = step.index;
		return -EBADF;
	}
	return 0;
}

int launch(struct monitor *monitor, uint32_t *ret_index)
{
	int result = plan_load(PLAN_FD, &monitor->plan);

	if (result == 0)
		result = plan_check(&monitor->plan);
	if (result == 0)
		result = check_descriptors(monitor, &monitor->plan);
	*ret_index = monitor->plan.index;
	return result < 0 ? result : run_steps(monitor, ret_index);
}

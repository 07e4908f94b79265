/*
 * wherry-monitor: runs a launch plan, then supervises the container until its end
 * (docs/monitor.md).
 *
 *   main -> launch.c       the monitor's steps; `clone` makes the child
 *        -> child.c        the child's steps, in steps_*.c; the last one is execve
 *        -> supervise.c    one poll loop: streams.c, client.c, request.c, log.c, terminal.c
 *        -> health.c       the health checks
 *        -> record.c       the exit, then the lock is released and clients are told
 *        -> restart.c      or child.c once more, when init is to run again
 *        -> ruleset.c      the host's nf_tables table, if somebody removes it
 *        -> buffers.c      memory that is given back when nothing happens
 *        -> view.c         or only the files of a container that does not run
 *        -> program.c      execve of the program in descriptor 7: from time to time, and in the end
 */
#include "monitor.h"
#include "message.h"
#include "text.h"

int main(int argc, char **argv);

static void add_count(struct text *line, uint32_t count)
{
	text_add(line, " ");
	if (count == ANY_COUNT)
		text_add(line, "-");
	else
		text_add_number(line, count);
}

static void list_steps(void)
{
	for (unsigned i = 0; i < WORD_COUNT; i++) {
		char storage[64];
		struct text line = TEXT(storage);

		text_add(&line, WORDS[i].name);
		add_count(&line, word_minimum(&WORDS[i]));
		add_count(&line, word_maximum(&WORDS[i]));
		text_add(&line, "\n");
		(void)sys_write(1, storage, line.length);
	}
}

/* Every descriptor of the contract exists from here on, so that none of the numbers can come to
 * mean something else, and none but 0, 1 and 2 survives an execve. */
static int settle_fds(void)
{
	for (int fd = 0; fd < START_FDS; fd++) {
		if (sys_fcntl(fd, F_GETFD, 0) < 0 &&
		    sys_openat(AT_FDCWD, "/dev/null", O_RDWR, 0) != fd)
			return -EBADF;
		if (sys_fcntl(fd, F_SETFD, fd < PLAN_FD ? 0 : FD_CLOEXEC) < 0)
			return -EBADF;
	}
	return 0;
}

/* Not dumpable: a process in a namespace that a child joins must not get at the child before it has
 * called execve (CVE-2016-9962). All signals wait for the poll loop; SIGPIPE is an error code here.
 */
static int prepare(struct monitor *monitor)
{
	const uint64_t wanted = UINT64_C(1) << (SIGCHLD - 1) | UINT64_C(1) << (SIGTERM - 1);
	int result;

	for (int fd = NETWORK_FD; fd < START_FDS; fd++)
		monitor->given_fds |= (sys_fcntl(fd, F_GETFD, 0) >= 0 ? 1U : 0U) << fd;
	result = settle_fds();
	if (result < 0)
		return result;
	(void)sys_prctl(PR_SET_NAME, (uintptr_t) "wherry-monitor", 0);
	(void)sys_prctl(PR_SET_DUMPABLE, 0, 0);
	(void)sys_prctl(PR_SET_CHILD_SUBREAPER, 1, 0);
	(void)sys_signal_mask(~UINT64_C(0), NULL);
	(void)sys_signal_handler(SIGPIPE, SIG_IGN);
	(void)sys_umask(077);
	(void)sys_chdir("/");
	buffers_assign(monitor);
	monitor->has_engine = true;
	monitor->clients[0] = (struct client){ .socket = CONTROL_FD, .awaits_exit = true };
	result = sys_signalfd(wanted);
	if (result < 0)
		return result;
	monitor->signals = result;
	return 0;
}

static void send_to_engine(const char *word, uint64_t number, int error)
{
	char storage[64];
	struct text text = TEXT(storage);

	text_add(&text, word);
	text_add(&text, " ");
	text_add_number(&text, number);
	if (error < 0) {
		text_add(&text, " ");
		text_add_number(&text, (uint64_t)-error);
	}
	(void)message_send(CONTROL_FD, storage, text.length, NULL, 0, MSG_DONTWAIT);
}

/* An engine that has been told of the end cleans up itself, and so does one that still takes output
 * before it is told. One that is gone does not, nor one that was told of an earlier run only: when
 * it looked, the container was about to run again. */
static bool is_left_to_engine(const struct monitor *monitor)
{
	for (unsigned i = 0; i < CLIENT_COUNT; i++)
		if (monitor->clients[i].has_exit && is_engine(monitor, &monitor->clients[i]))
			return true;
	return monitor->has_told_engine;
}

/* A client that reads slowly, such as a pager, does not hold up the cleanup: then a copy of the
 * monitor stays with the clients. The network may go: nobody who stays needs it, and the next run
 * may wait for its hardware addresses. */
static void end(struct monitor *monitor)
{
	bool has_cleanup = monitor->cleanup.count > 0 && !monitor->has_told_engine;
	int64_t copy = -1;

	if (has_cleanup && !is_left_to_engine(monitor) && has_pending_clients(monitor))
		copy = sys_fork();
	sys_close(NETWORK_FD);
	if (copy <= 0)
		serve_last_clients(monitor);
	has_cleanup = has_cleanup && !is_left_to_engine(monitor) && copy != 0;
	if (copy <= 0)
		close_clients(monitor);
	if (has_cleanup)
		execute_program(monitor->cleanup.arguments, monitor->cleanup.count);
}

/* Closing the socket with an unread `attach` would make the engine see ECONNRESET and not the
 * message. */
static void fail(struct monitor *monitor, uint32_t index, int error)
{
	if (monitor != NULL) {
		kill_process(&monitor->init);
		(void)cgroup_kill(&monitor->cgroup);
		close_stream(&monitor->mounts);
		cgroup_remove(&monitor->cgroup);
	}
	send_to_engine("failed", index, error);
	if (monitor != NULL)
		close_clients(monitor);
}

int main(int argc, char **argv)
{
	struct monitor *monitor = sys_allocate(sizeof(*monitor));
	uint32_t failed_index = 0;
	int result;

	if (argc == 2 && text_equal(argv[1], "--list-steps")) {
		list_steps();
		return 0;
	}
	if (argc == 4 && text_equal(argv[1], "--namespaces")) {
		make_namespaces(argv[2], argv[3]);
		return 0;
	}
	result = monitor == NULL ? -ENOMEM : prepare(monitor);
	if (result == 0) {
		monitor->is_view = argc == 2 && text_equal(argv[1], "--view");
		result = launch(monitor, &failed_index);
	}
	if (result < 0) {
		fail(monitor, failed_index, result);
		return 1;
	}
	if (monitor->is_view) {
		view_serve(monitor);
		return 0;
	}
	send_to_engine("started", (uint64_t)monitor->init.pid, 0);
	supervise(monitor);
	end(monitor);
	return 0;
}

/* The build for the sanitizers has main() called by the C library, which they need. */
#ifndef WHERRY_SANITIZED
#define ARGUMENTS_MAX 4
#define FRAME_SIZE 256 /* more than start() and the call of begin() take */

/* The kernel puts what a program begins with at a random place between the page of the arguments'
 * text and the first frame. Nobody needs it any more: the memory of a monitor is the same each
 * time. */
__attribute__((noinline)) static _Noreturn void begin(const int64_t *stack)
{
	int argc = (int)stack[0];
	char *arguments[ARGUMENTS_MAX + 1] = { NULL };
	char *page = (char *)(((uintptr_t)stack) & ~(uintptr_t)(PAGE_SIZE - 1));

	for (int i = 0; i < argc && i < ARGUMENTS_MAX; i++)
		arguments[i] = (char *)(uintptr_t)stack[1 + i];
	if (argc > 0)
		discard_pages(page, (size_t)(arguments[0] - page));
	sys_exit(main(argc, arguments));
}

/* All frames but this one are on pages of their own. */
__attribute__((used)) static _Noreturn void start(int64_t *stack)
{
	uintptr_t frame = (uintptr_t)__builtin_frame_address(0);
	volatile char *gap = __builtin_alloca((frame & (PAGE_SIZE - 1)) + FRAME_SIZE);

	gap[0] = 0;
	begin(stack);
}

ARCH_ENTRY(start);
#endif

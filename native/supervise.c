/* One poll loop for all that can happen while the container runs. */
#include "health.h"
#include "monitor.h"
#include "text.h"

/* Places in the array for poll(2). A descriptor of no interest at the moment is -1, which poll
 * skips. */
enum {
	WATCH_SIGNALS,
	WATCH_LISTENER,
	WATCH_INPUT,
	WATCH_OUTPUTS,
	WATCH_CHECK_REPORT = WATCH_OUTPUTS + OUTPUT_COUNT,
	WATCH_CHECK_OUTPUT,
	WATCH_RULESET,
	WATCH_WAKE,
	WATCH_OOM,
	WATCH_INIT,
	WATCH_CLIENTS,
};
enum { CLIENT_REQUESTS, CLIENT_INPUT, CLIENT_OUTPUTS, CLIENT_WATCHES = 4 };
/* When so long nothing has happened memory is given back: it costs time to get it again. */
#define TRIM_PAUSE UINT64_C(1000000000)
#define STAT_SIZE 1024 /* of /proc/PID/stat; a line has 52 fields */
#define EXIT_KILLED (128 + SIGKILL)
#define WATCH_COUNT (WATCH_CLIENTS + CLIENT_COUNT * CLIENT_WATCHES)

static struct pollfd watch_if(bool is_wanted, int fd, int16_t events)
{
	return (struct pollfd){ .fd = is_wanted && fd > 0 ? fd : -1, .events = events };
}

static void watch_client(const struct monitor *monitor, const struct client *client,
			 struct pollfd watches[CLIENT_WATCHES])
{
	const struct input *input = &monitor->input;
	bool can_read = !monitor->has_exited && input->fd > 0 && input->length == 0;

	watches[CLIENT_REQUESTS] = watch_if(true, client->socket, POLLIN);
	watches[CLIENT_INPUT] = watch_if(can_read, client->input.fd, POLLIN);
	for (unsigned i = 0; i < OUTPUT_COUNT; i++) {
		const struct stream *stream = &client->outputs[i];

		watches[CLIENT_OUTPUTS + i] =
			watch_if(stream->taken < stream_end(stream, &monitor->outputs[i]),
				 stream->fd, POLLOUT);
	}
}

/* Returns how many places are in use. */
static uint32_t watch(const struct monitor *monitor, struct pollfd watches[WATCH_COUNT])
{
	uint32_t count = WATCH_CLIENTS;

	for (unsigned i = 0; i < CLIENT_COUNT; i++) {
		const struct client *client = &monitor->clients[i];

		watch_client(monitor, client, watches + WATCH_CLIENTS + i * CLIENT_WATCHES);
		if (client->socket > 0)
			count = WATCH_CLIENTS + (i + 1) * CLIENT_WATCHES;
	}
	watches[WATCH_SIGNALS] = watch_if(true, monitor->signals, POLLIN);
	watches[WATCH_LISTENER] = watch_if(monitor->accepts_at == 0, monitor->listener, POLLIN);
	watches[WATCH_INPUT] = watch_if(monitor->input.length > 0, monitor->input.fd, POLLOUT);
	for (unsigned i = 0; i < OUTPUT_COUNT; i++)
		watches[WATCH_OUTPUTS + i] =
			watch_if(monitor->outputs[i].length == 0, monitor->outputs[i].fd, POLLIN);
	watches[WATCH_CHECK_REPORT] = watch_if(true, monitor->health.report, POLLIN);
	watches[WATCH_CHECK_OUTPUT] = watch_if(true, monitor->health.output, POLLIN);
	watches[WATCH_RULESET] = watch_if(true, monitor->ruleset.socket, POLLIN);
	watches[WATCH_INIT] = watch_if(!monitor->has_exited, monitor->init.pidfd, POLLIN);
	watches[WATCH_WAKE] = watch_if(monitor->wake.pid == 0, monitor->wake.timer, POLLIN);
	watches[WATCH_OOM] = monitor->oom.events > 0
				     ? watch_if(true, monitor->oom.events, POLLPRI)
				     : watch_if(true, monitor->oom.notification, POLLIN);
	return count;
}

static void take_end(struct monitor *monitor, int pid, uint8_t exit_code)
{
	health_reaped(monitor, pid, exit_code);
	wake_reaped(monitor, pid);
	if (pid != monitor->init.pid || monitor->has_exited)
		return;
	monitor->has_exited = true;
	limit_outputs(monitor);
	monitor->finished_at = sys_clock(CLOCK_REAL);
	monitor->exit_code = exit_code;
	close_stream(&monitor->input.fd);
}

/* Reap one child. While the pid of a health check is on its way only those are reaped whose pid is
 * known, for any other might be that one. Returns the pid, or what is not above 0. */
static int reap_one(const struct monitor *monitor, int *ret_status)
{
	int pid = 0;

	if (!health_is_forking(monitor))
		return sys_wait4(-1, ret_status, WNOHANG);
	if (monitor->health.process.pid > 0)
		pid = sys_wait4(monitor->health.process.pid, ret_status, WNOHANG);
	return pid > 0 || monitor->has_exited ? pid
					      : sys_wait4(monitor->init.pid, ret_status, WNOHANG);
}

static uint8_t exit_code_of(int status)
{
	return (uint8_t)((status & 0x7f) == 0 ? status >> 8 & 0xff : 128 + (status & 0x7f));
}

/* Reap everything: orphans of an `exec`, and of a container in the host's pid namespace, end up
 * here. */
static void reap(struct monitor *monitor)
{
	int status;
	int pid;

	health_take_reports(monitor);
	while ((pid = reap_one(monitor, &status)) > 0)
		take_end(monitor, pid, exit_code_of(status));
}

/* The last field of /proc/PID/stat is the status of a process that has ended (proc_pid_stat(5)).
 * Returns -1 when it cannot be read. */
static int read_end(int pid)
{
	char storage[STAT_SIZE];
	struct text path = TEXT(storage);
	cleanup_close int file = -1;
	int64_t size;
	uint64_t status;

	text_add(&path, "/proc/");
	text_add_number(&path, (uint64_t)pid);
	text_add(&path, "/stat");
	(void)text_end(&path);
	file = sys_openat(AT_FDCWD, storage, O_RDONLY, 0);
	size = file < 0 ? file : sys_read(file, storage, sizeof(storage));
	if (size <= 0)
		return -1;
	storage[--size] = '\0'; /* the newline */
	while (size > 0 && storage[size - 1] != ' ')
		size--;
	return parse_number(storage + size, 10, UINT16_MAX, &status) < 0 ? -1 : (int)status;
}

/* Init has ended. If it is still there after reaping, a process outside this container traces it,
 * in a pid namespace that both share: then the end is kept from its parent for as long as that
 * likes, and the container is not to wait for it (ptrace(2)). */
static void take_hidden_end(struct monitor *monitor)
{
	int pid = monitor->init.pid;
	int status;

	reap(monitor);
	if (monitor->has_exited)
		return;
	status = read_end(pid);
	take_end(monitor, pid, status < 0 ? EXIT_KILLED : exit_code_of(status));
}

/* The host is going down, most likely: what runs is told, and nothing is started any more. */
static void take_termination(struct monitor *monitor)
{
	(void)shut_down_init(monitor, SIGTERM, NO_TIMEOUT);
}

static void take_signals(struct monitor *monitor)
{
	struct signalfd_siginfo signal;

	while (sys_read(monitor->signals, &signal, sizeof(signal)) == (int64_t)sizeof(signal))
		if (signal.ssi_signo == SIGTERM)
			take_termination(monitor);
	reap(monitor);
}

/* The answer to another client's request may have closed the socket meanwhile. */
static void serve_client(struct monitor *monitor, struct client *client,
			 const struct pollfd watches[CLIENT_WATCHES])
{
	if (client->socket == 0)
		return;
	if (watches[CLIENT_REQUESTS].revents != 0)
		client_serve(monitor, client);
	if (watches[CLIENT_INPUT].revents != 0)
		pump_client_input(monitor, client);
	for (unsigned i = 0; i < OUTPUT_COUNT; i++)
		if (watches[CLIENT_OUTPUTS + i].revents != 0)
			pump_client_output(monitor, client, i);
}

/* The next time at which something is to be done; 0: none. */
static uint64_t next_deadline(const struct monitor *monitor)
{
	const uint64_t deadlines[] = {
		monitor->kill_at,         monitor->restart.due_at, monitor->accepts_at,
		health_deadline(monitor), monitor->ruleset.try_at, monitor->oom.check_at,
	};
	uint64_t next = 0;

	for (unsigned i = 0; i < sizeof(deadlines) / sizeof(deadlines[0]); i++)
		if (deadlines[i] != 0 && (next == 0 || deadlines[i] < next))
			next = deadlines[i];
	return next;
}

static void run_timers(struct monitor *monitor)
{
	uint64_t now = sys_clock(CLOCK_STEADY);

	health_run_timers(monitor);
	ruleset_run_timer(&monitor->ruleset);
	oom_run_timer(monitor);
	if (now >= monitor->accepts_at)
		monitor->accepts_at = 0;
	if (monitor->kill_at == 0 || now < monitor->kill_at)
		return;
	monitor->kill_at = 0;
	if (!monitor->has_exited)
		end_by_force(monitor);
}

/* Wait until something happens or is to be done. Returns false when nothing happened. */
static bool await_events(struct monitor *monitor, struct pollfd *watches, uint32_t count)
{
	uint64_t deadline = next_deadline(monitor);
	uint64_t now = deadline == 0 ? 0 : sys_clock(CLOCK_STEADY);
	uint64_t time = deadline == 0 ? NO_TIMEOUT : deadline > now ? deadline - now : 0;
	int ready;

	if (monitor->has_used_buffers && time > TRIM_PAUSE)
		time = TRIM_PAUSE;
	ready = time == NO_TIMEOUT ? sys_poll(watches, count, NULL)
				   : sys_poll_for(watches, count, time);
	if (ready == 0 && monitor->has_used_buffers)
		buffers_trim(monitor);
	return ready > 0;
}

/* Requests come before output, so that an `attach` sent before `started` misses nothing. */
void serve_once(struct monitor *monitor)
{
	struct pollfd watches[WATCH_COUNT];
	uint32_t count = watch(monitor, watches);

	if (!await_events(monitor, watches, count)) {
		run_timers(monitor);
		return;
	}
	for (uint32_t i = 0; WATCH_CLIENTS + i * CLIENT_WATCHES < count; i++)
		serve_client(monitor, &monitor->clients[i],
			     watches + WATCH_CLIENTS + i * CLIENT_WATCHES);
	if (watches[WATCH_LISTENER].revents != 0)
		client_accept(monitor);
	if (watches[WATCH_INPUT].revents != 0)
		pump_input(monitor);
	for (unsigned i = 0; i < OUTPUT_COUNT; i++)
		if (watches[WATCH_OUTPUTS + i].revents != 0)
			pump_output(monitor, i);
	if (watches[WATCH_CHECK_OUTPUT].revents != 0)
		health_read_output(monitor);
	if (watches[WATCH_RULESET].revents != 0)
		ruleset_read_changes(monitor);
	if (watches[WATCH_WAKE].revents != 0)
		wake_run(monitor);
	if (watches[WATCH_OOM].revents != 0)
		oom_take_event(monitor);
	if (watches[WATCH_SIGNALS].revents != 0)
		take_signals(monitor);
	if (watches[WATCH_CHECK_REPORT].revents != 0)
		reap(monitor);
	if (watches[WATCH_INIT].revents != 0 && !monitor->has_exited)
		take_hidden_end(monitor);
	run_timers(monitor);
	tell_exit(monitor);
}

/* After init's end, read what it left. Returns whether all of it has been read and logged. */
static bool drain_outputs(struct monitor *monitor)
{
	bool is_drained = true;

	for (unsigned i = 0; i < OUTPUT_COUNT; i++) {
		struct output *output = &monitor->outputs[i];

		while (output->fd > 0 && output->length < OUTPUT_SIZE)
			pump_output(monitor, i);
		is_drained = is_drained && output->fd == 0;
	}
	return is_drained;
}

/* The end of the last run is recorded already, unless a next one was called off. The lock is
 * released explicitly: the engine may still have a descriptor of the same open file. An `exec` that
 * was about to enter the cgroup when the run ended may have done so since. */
static void finish(struct monitor *monitor)
{
	if (monitor->status != STATUS_EXITED) {
		monitor->status = STATUS_EXITED;
		(void)record_write(monitor);
	}
	wake_end(monitor);
	ruleset_end(&monitor->ruleset);
	oom_end(&monitor->oom);
	close_stream(&monitor->log.fd);
	(void)cgroup_kill(&monitor->cgroup);
	cgroup_remove(&monitor->cgroup);
	(void)sys_unlock(LOCK_FD);
	close_stream(&monitor->listener);
	if (monitor->listen_dir > 0)
		(void)sys_unlinkat(monitor->listen_dir, "socket");
	monitor->is_finished = true;
}

/* After the last run nothing else can be waited for. */
void tell_exit(struct monitor *monitor)
{
	for (unsigned i = 0; i < CLIENT_COUNT; i++) {
		if (monitor->is_finished)
			client_end_run(monitor, &monitor->clients[i]);
		client_tell_exit(monitor, &monitor->clients[i]);
	}
}

void supervise(struct monitor *monitor)
{
	do {
		stack_trim();
		do
			serve_once(monitor);
		while (!monitor->has_exited || !drain_outputs(monitor));
		end_run(monitor);
	} while (run_again(monitor));
	finish(monitor);
	tell_exit(monitor);
}

bool has_pending_clients(const struct monitor *monitor)
{
	for (unsigned i = 0; i < CLIENT_COUNT; i++)
		if (client_is_pending(monitor, &monitor->clients[i]))
			return true;
	return false;
}

void serve_last_clients(struct monitor *monitor)
{
	while (has_pending_clients(monitor))
		serve_once(monitor);
}

void close_clients(struct monitor *monitor)
{
	for (unsigned i = 0; i < CLIENT_COUNT; i++)
		if (monitor->clients[i].socket > 0)
			client_close(monitor, &monitor->clients[i]);
}

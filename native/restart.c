/* The runs of init: how one begins and ends, and whether there is another. */
#include "health.h"
#include "steps.h"
#include "text.h"

#define MILLISECOND UINT64_C(1000000)
#define SECOND (1000 * MILLISECOND)
#define FIRST_DELAY (100 * MILLISECOND)
#define MAX_DELAY (60 * SECOND)
#define STABLE_RUN (10 * SECOND) /* after one as long the next delay is the first again */
#define ATTRIBUTES_SIZE 80

/* What a shell says of a command that it cannot run, and docker of everything else. */
enum { EXIT_FAILED_STEP = 128, EXIT_CANNOT_INVOKE = 126, EXIT_NOT_FOUND = 127 };

int parse_policy(const char *text, enum restart_policy *ret_policy)
{
	static const char *const NAMES[] = { "no", "on-failure", "always", "unless-stopped" };

	for (unsigned i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
		if (!text_equal(text, NAMES[i]))
			continue;
		*ret_policy = (enum restart_policy)i;
		return 0;
	}
	return -EINVAL;
}

int step_restart(struct monitor *monitor, const struct step *step)
{
	monitor->restart.maximum = (uint32_t)step_number(step, 1);
	monitor->restart.stop_signal = step_number(step, 2);
	return parse_policy(step_text(step, 0), &monitor->restart.policy);
}

int begin_run(struct monitor *monitor)
{
	int result;

	monitor->started_at = sys_clock(CLOCK_REAL);
	monitor->running_since = sys_clock(CLOCK_STEADY);
	monitor->exit_code = 0;
	monitor->has_exited = false;
	monitor->oom.has_killed = false;
	monitor->status = STATUS_RUNNING;
	health_begin(monitor);
	result = record_write(monitor);
	if (result == 0 && !monitor->is_exec)
		event_write(monitor, "start", "");
	return result;
}

static uint64_t run_time(const struct monitor *monitor)
{
	return monitor->running_since == 0 ? 0 : sys_clock(CLOCK_STEADY) - monitor->running_since;
}

/* Docker tells of the signal that a stop comes to in the end as of any other. */
void end_by_force(const struct monitor *monitor)
{
	event_write(monitor, "kill", ",\"signal\":\"9\"");
	(void)sys_pidfd_signal(monitor->init.pidfd, SIGKILL);
}

/* A restart that is asked for is a stop and a start, as with docker. */
static void tell_end(const struct monitor *monitor)
{
	char storage[ATTRIBUTES_SIZE];
	struct text attributes = TEXT(storage);

	text_add(&attributes, ",\"exitCode\":\"");
	text_add_number(&attributes, monitor->exit_code);
	if (!monitor->is_exec) {
		text_add(&attributes, "\",\"execDuration\":\"");
		text_add_number(&attributes, run_time(monitor) / SECOND);
	}
	text_add(&attributes, "\"");
	(void)text_end(&attributes);
	event_write(monitor, monitor->is_exec ? "exec_die" : "die", storage);
	if (monitor->restart.is_requested)
		event_write(monitor, "stop", "");
}

/* What a slow client still has to take stays in the outputs. */
static void close_streams(struct monitor *monitor)
{
	close_stream(&monitor->input.fd);
	monitor->input.is_ending = false;
	monitor->input.length = 0;
	monitor->input.taken = 0;
	for (unsigned i = 0; i < OUTPUT_COUNT; i++)
		close_stream(&monitor->outputs[i].fd);
	close_stream(&monitor->slave);
}

static bool policy_applies(const struct monitor *monitor)
{
	const struct restart *restart = &monitor->restart;

	switch (restart->policy) {
	case RESTART_NO:
		return false;
	case RESTART_ON_FAILURE:
		return monitor->exit_code != 0 &&
		       (restart->maximum == 0 || restart->count < restart->maximum);
	default:
		return true;
	}
}

static bool is_wanted(const struct monitor *monitor)
{
	const struct restart *restart = &monitor->restart;

	return restart->is_requested || (!restart->is_over && policy_applies(monitor));
}

/* The next run that somebody waits for is recorded itself, in a moment. */
static void record_end(struct monitor *monitor)
{
	monitor->status = is_wanted(monitor) ? STATUS_RESTARTING : STATUS_EXITED;
	if (!monitor->restart.is_requested)
		(void)record_write(monitor);
}

static bool is_held(const struct monitor *monitor)
{
	for (unsigned i = 0; i < CLIENT_COUNT; i++)
		if (monitor->clients[i].holds_pause)
			return true;
	return false;
}

/* Init goes on, or has ended: nobody may end a pause that somebody else begins later. */
static void end_holds(struct monitor *monitor)
{
	for (unsigned i = 0; i < CLIENT_COUNT; i++)
		monitor->clients[i].holds_pause = false;
}

/* What outlives init, possible without a pid namespace, would be in the way of the next one; and
 * nobody looks for it any more once the end is recorded. So would its mounts, but to unmount them
 * takes as long as the disk does: that comes last, before anybody is told. */
void end_run(struct monitor *monitor)
{
	bool was_paused = monitor->status == STATUS_PAUSED;

	health_end(monitor);
	log_finish(&monitor->log);
	oom_check(monitor);
	(void)cgroup_kill(&monitor->cgroup);
	if (was_paused)
		(void)cgroup_thaw(&monitor->cgroup);
	end_holds(monitor);
	monitor->kill_at = 0;
	close_streams(monitor);
	close_stream(&monitor->init.pidfd);
	monitor->init.pid = 0;
	record_end(monitor);
	tell_end(monitor);
	close_stream(&monitor->mounts);
	for (unsigned i = 0; i < CLIENT_COUNT; i++)
		client_end_run(monitor, &monitor->clients[i]);
}

static void plan_delay(struct monitor *monitor)
{
	struct restart *restart = &monitor->restart;

	if (run_time(monitor) >= STABLE_RUN)
		restart->delay = 0;
	restart->delay = restart->delay == 0              ? FIRST_DELAY
			 : restart->delay < MAX_DELAY / 2 ? restart->delay * 2
							  : MAX_DELAY;
	restart->due_at = sys_clock(CLOCK_STEADY) + restart->delay;
}

/* Serve the clients until it is time, or init is not to run again after all. */
static void wait_for_turn(struct monitor *monitor)
{
	plan_delay(monitor);
	tell_exit(monitor);
	while (!monitor->restart.is_requested && is_wanted(monitor) &&
	       sys_clock(CLOCK_STEADY) < monitor->restart.due_at)
		serve_once(monitor);
	monitor->restart.due_at = 0;
}

static uint8_t failure_code(const struct monitor *monitor, int error)
{
	const char *word = find_step_word(&monitor->init_section.steps, monitor->failed_index);

	if (text_equal(word, "exec"))
		return error == -ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_INVOKE;
	return text_equal(word, "chdir") ? EXIT_CANNOT_INVOKE : EXIT_FAILED_STEP;
}

/* A run that did not come to execve counts as one that ended at once. */
static void fail_run(struct monitor *monitor, int error)
{
	monitor->exit_code = failure_code(monitor, error);
	monitor->finished_at = sys_clock(CLOCK_REAL);
	monitor->running_since = 0;
	end_run(monitor);
}

static bool try_run(struct monitor *monitor)
{
	struct restart *restart = &monitor->restart;
	int result;

	if (restart->is_requested)
		restart->delay = 0;
	restart->count = restart->is_requested ? 0 : restart->count + 1;
	restart->is_requested = false;
	result = run_init(monitor);
	if (result < 0) {
		fail_run(monitor, result);
	} else {
		(void)begin_run(monitor);
		pump_input(monitor); /* it may have come to its end meanwhile */
	}
	for (unsigned i = 0; i < CLIENT_COUNT; i++)
		client_answer_restart(monitor, &monitor->clients[i], result);
	return result == 0;
}

bool run_again(struct monitor *monitor)
{
	while (is_wanted(monitor)) {
		if (monitor->restart.is_requested)
			tell_exit(monitor);
		else
			wait_for_turn(monitor);
		if (is_wanted(monitor) && try_run(monitor))
			return true;
	}
	return false;
}

/* No restarts from now on, without it being remembered. */
static void end_restarts(struct monitor *monitor)
{
	monitor->restart.is_over = true;
	monitor->restart.is_requested = false;
	for (unsigned i = 0; i < CLIENT_COUNT; i++)
		client_refuse_restart(monitor, &monitor->clients[i]);
}

/* Recorded at once: whoever looks after a crash must know that somebody wanted it to end. */
static void stop_restarts(struct monitor *monitor)
{
	monitor->restart.is_stopped = true;
	end_restarts(monitor);
	if (monitor->restart.policy != RESTART_NO)
		(void)record_write(monitor);
}

/* There is no init to signal; that there will be none is all that can be done. */
static int stop_waiting(struct monitor *monitor)
{
	if (monitor->is_finished || !is_wanted(monitor))
		return -ESRCH;
	stop_restarts(monitor);
	return 0;
}

static void resume(struct monitor *monitor)
{
	if (monitor->status != STATUS_PAUSED)
		return;
	(void)cgroup_thaw(&monitor->cgroup);
	monitor->status = STATUS_RUNNING;
	end_holds(monitor);
	health_resume(monitor);
	(void)record_write(monitor);
}

int signal_init(struct monitor *monitor, uint64_t signal)
{
	bool is_end = signal == SIGKILL || (signal != 0 && signal == monitor->restart.stop_signal);
	int result;

	if (monitor->has_exited)
		return is_end ? stop_waiting(monitor) : -ESRCH;
	result = sys_pidfd_signal(monitor->init.pidfd, (int)signal);
	if (result == 0 && is_end) {
		stop_restarts(monitor);
		resume(monitor);
	}
	return result;
}

/* The nearest of several deadlines counts. */
static int ask_to_end(struct monitor *monitor, uint64_t signal, uint64_t timeout)
{
	uint64_t kill_at = sys_clock(CLOCK_STEADY) + timeout;
	int result = sys_pidfd_signal(monitor->init.pidfd, (int)signal);

	if (timeout != NO_TIMEOUT && (monitor->kill_at == 0 || kill_at < monitor->kill_at))
		monitor->kill_at = kill_at;
	resume(monitor);
	return result;
}

int stop_init(struct monitor *monitor, uint64_t signal, uint64_t timeout)
{
	if (monitor->has_exited)
		return stop_waiting(monitor);
	stop_restarts(monitor);
	return ask_to_end(monitor, signal, timeout);
}

int shut_down_init(struct monitor *monitor, uint64_t signal, uint64_t timeout)
{
	end_restarts(monitor);
	return monitor->has_exited ? 0 : ask_to_end(monitor, signal, timeout);
}

int restart_init(struct monitor *monitor, uint64_t signal, uint64_t timeout)
{
	struct restart *restart = &monitor->restart;

	if (monitor->is_finished)
		return -ESRCH;
	restart->is_requested = true;
	restart->is_over = false;
	restart->is_stopped = false;
	return monitor->has_exited ? 0 : ask_to_end(monitor, signal, timeout);
}

int pause_init(struct monitor *monitor)
{
	int result;

	if (monitor->has_exited)
		return -ESRCH;
	if (monitor->status == STATUS_PAUSED)
		return -EBUSY;
	result = cgroup_freeze(&monitor->cgroup);
	if (result < 0)
		return result;
	monitor->status = STATUS_PAUSED;
	health_suspend(monitor);
	(void)record_write(monitor);
	return 0;
}

int unpause_init(struct monitor *monitor)
{
	if (monitor->status != STATUS_PAUSED)
		return monitor->has_exited ? -ESRCH : -EINVAL;
	resume(monitor);
	return 0;
}

int hold_init(struct monitor *monitor, struct client *client)
{
	int result = is_held(monitor) ? 0 : pause_init(monitor);

	if (result == 0)
		client->holds_pause = true;
	return result;
}

int release_init(struct monitor *monitor, struct client *client)
{
	if (!client->holds_pause)
		return -EINVAL;
	client->holds_pause = false;
	return is_held(monitor) ? 0 : unpause_init(monitor);
}

/*
 * Health checks: when one is due, its process, and what its end says of the container.
 *
 *   health_begin -> due_at -> start_check -> process runs -> conclude -> due_at -> ...
 *
 * Nothing here waits: starting a process is followed step by step from the poll loop, since what is
 * inside the container can make any step of it slow.
 */
#include "health.h"
#include "message.h"
#include "steps.h"
#include "text.h"

#define MILLISECOND UINT64_C(1000000)
#define SCRATCH_SIZE 4096
/* Read at most after the end: a process that it left behind may write for ever. */
#define LAST_READS (PIPE_SIZE / SCRATCH_SIZE + 1)

#define EXIT_KILLED (128 + SIGKILL)
#define SETTLE_TIME (2000 * MILLISECOND)

static const char CUT_MARK[] = "..."; /* as docker marks an output that was too long */

static int parse_action(const char *text, enum health_action *ret_action)
{
	static const char *const NAMES[] = { "none", "restart", "stop", "kill" };

	for (unsigned i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
		if (!text_equal(text, NAMES[i]))
			continue;
		*ret_action = (enum health_action)i;
		return 0;
	}
	return -EINVAL;
}

/* The steps of the check stand behind those of init. */
static int find_section(const struct monitor *monitor, struct section *ret_section)
{
	struct plan plan = monitor->plan;
	struct step step;

	while (plan_next(&plan, &step) > 0) {
		if (!text_equal(step.word->name, "check"))
			continue;
		*ret_section = (struct section){ .steps = plan, .flags = step_number(&step, 0) };
		return 0;
	}
	return -EINVAL;
}

/* Only marks where the steps of the check begin; plan_check() keeps it out of the monitor's part.
 */
int step_check(struct monitor *monitor, const struct step *step)
{
	(void)monitor;
	(void)step;
	return -EINVAL;
}

int step_health(struct monitor *monitor, const struct step *step)
{
	struct health *health = &monitor->health;
	uint64_t stop_timeout = step_number(step, 7);

	health->interval = step_number(step, 0) * MILLISECOND;
	health->timeout = step_number(step, 1) * MILLISECOND;
	health->start_period = step_number(step, 2) * MILLISECOND;
	health->start_interval = step_number(step, 3) * MILLISECOND;
	health->retries = (uint32_t)step_number(step, 4);
	health->stop_signal = step_number(step, 6);
	health->stop_timeout = stop_timeout > UINT32_MAX ? NO_TIMEOUT : stop_timeout * MILLISECOND;
	health->path = step_text(step, 8);
	if (health->interval == 0 || health->timeout == 0 || health->start_interval == 0 ||
	    health->retries == 0 || parse_action(step_text(step, 5), &health->on_failure) < 0)
		return -EINVAL;
	return find_section(monitor, &health->section);
}

static void plan_check_run(struct monitor *monitor)
{
	struct health *health = &monitor->health;
	uint64_t now = sys_clock(CLOCK_STEADY);
	bool is_starting = health->status == HEALTH_STARTING &&
			   now - monitor->running_since < health->start_period;

	health->due_at = now + (is_starting ? health->start_interval : health->interval);
}

/* Its whole process group: it leads one of its own. */
static void kill_check(const struct health *health)
{
	if (health->process.pid == 0)
		return;
	(void)SYS(kill, -health->process.pid, SIGKILL);
	(void)sys_pidfd_signal(health->process.pidfd, SIGKILL);
}

/* Without the report socket a process that is still on its steps ends at `parent-death`. */
static void forget_check(struct health *health)
{
	close_stream(&health->report);
	close_stream(&health->output);
	close_stream(&health->process.pidfd);
	health->process.pid = 0;
	health->has_forked = false;
	health->expires_at = 0;
	health->has_expired = false;
	health->was_killed = false;
	health->length = 0;
	health->is_cut = false;
}

static void keep_output(struct health *health, const char *data, size_t size)
{
	size_t room = HEALTH_OUTPUT_SIZE - health->length;
	size_t kept = size < room ? size : room;

	memcpy(health->data + health->length, data, kept);
	health->length += (uint32_t)kept;
	if (kept == size || health->is_cut)
		return;
	memcpy(health->data + HEALTH_OUTPUT_SIZE, CUT_MARK, sizeof(CUT_MARK) - 1);
	health->is_cut = true;
}

/* Read once; what is too much is read too, so that it does not hold up the check. Returns whether
 * there may be more. */
static bool read_output(struct health *health)
{
	char scratch[SCRATCH_SIZE];
	int64_t got;

	if (health->output == 0)
		return false;
	got = sys_read(health->output, scratch, sizeof(scratch));
	if (got > 0)
		keep_output(health, scratch, (size_t)got);
	else if (got != -EAGAIN)
		close_stream(&health->output);
	return got > 0;
}

static void set_status(struct monitor *monitor, enum health_status status)
{
	static const char *const ACTIONS[] = {
		[HEALTH_STARTING] = "health_status: starting",
		[HEALTH_HEALTHY] = "health_status: healthy",
		[HEALTH_UNHEALTHY] = "health_status: unhealthy",
	};

	monitor->health.status = status;
	event_write(monitor, ACTIONS[status], "");
}

/* Who has asked the container to end or to restart wants nothing else of it. */
static void act_on_failure(struct monitor *monitor)
{
	const struct health *health = &monitor->health;

	if (monitor->kill_at != 0 || monitor->restart.is_over || monitor->restart.is_requested)
		return;
	switch (health->on_failure) {
	case HEALTH_DO_NOTHING:
		break;
	case HEALTH_RESTART:
		(void)restart_init(monitor, health->stop_signal, health->stop_timeout);
		break;
	case HEALTH_STOP:
		(void)stop_init(monitor, health->stop_signal, health->stop_timeout);
		break;
	case HEALTH_KILL:
		(void)signal_init(monitor, SIGKILL);
		break;
	}
}

/* Failures while it starts up do not count. */
static bool is_excused(const struct monitor *monitor)
{
	const struct health *health = &monitor->health;

	return health->status == HEALTH_STARTING &&
	       health->began_steadily_at - monitor->running_since < health->start_period;
}

static void take_success(struct monitor *monitor)
{
	struct health *health = &monitor->health;
	bool is_news = health->status != HEALTH_HEALTHY || health->failing_streak > 0;

	health->failing_streak = 0;
	if (health->status != HEALTH_HEALTHY)
		set_status(monitor, HEALTH_HEALTHY);
	if (is_news)
		(void)record_write(monitor);
}

static void take_failure(struct monitor *monitor)
{
	struct health *health = &monitor->health;
	bool is_worse;

	if (is_excused(monitor))
		return;
	health->failing_streak++;
	is_worse = health->failing_streak >= health->retries && health->status != HEALTH_UNHEALTHY;
	if (is_worse)
		set_status(monitor, HEALTH_UNHEALTHY);
	(void)record_write(monitor);
	if (is_worse)
		act_on_failure(monitor);
}

/* The check has ended, with `code` as the last but one word of its line in the file. */
static void conclude(struct monitor *monitor, const char *code)
{
	struct health *health = &monitor->health;
	bool is_success = text_equal(code, "0");

	for (unsigned i = 0; i < LAST_READS && read_output(health); i++)
		continue;
	health_log_add(health, code);
	forget_check(health);
	if (is_success)
		take_success(monitor);
	else
		take_failure(monitor);
	plan_check_run(monitor);
}

/* The check could not be started: `word` is the step that failed. */
static void conclude_failure(struct monitor *monitor, const char *word, int error)
{
	char storage[HEALTH_CODE_SIZE];
	struct text code = TEXT(storage);

	text_add(&code, word);
	text_add(&code, ":");
	text_add_number(&code, (uint64_t)-error);
	(void)text_end(&code); /* words are short */
	kill_check(&monitor->health);
	conclude(monitor, storage);
}

/* Make the process with its output in a pipe. */
static int make_check(struct monitor *monitor)
{
	struct health *health = &monitor->health;
	int stdio[3] = { 0 };
	int ends[2];
	int result = sys_pipe(ends);

	if (result < 0)
		return result;
	health->output = ends[0];
	(void)sys_fcntl(ends[0], F_SETFL, O_NONBLOCK);
	stdio[1] = ends[1];
	stdio[2] = ends[1];
	health->section.join_fd = monitor->init.pidfd;
	result = start_child(monitor, &health->section, stdio, &health->process, &health->report);
	sys_close(ends[1]);
	return result;
}

static void start_check(struct monitor *monitor)
{
	struct health *health = &monitor->health;
	int result;

	health->due_at = 0;
	health->began_at = sys_clock(CLOCK_REAL);
	health->began_steadily_at = sys_clock(CLOCK_STEADY);
	health->expires_at = health->began_steadily_at + health->timeout;
	result = make_check(monitor);
	if (result < 0)
		conclude_failure(monitor, "clone", result);
}

void health_begin(struct monitor *monitor)
{
	struct health *health = &monitor->health;

	if (health->interval == 0)
		return;
	health->status = HEALTH_STARTING;
	health->failing_streak = 0;
	plan_check_run(monitor);
}

void health_suspend(struct monitor *monitor)
{
	struct health *health = &monitor->health;

	kill_check(health);
	forget_check(health);
	health->due_at = 0;
}

void health_resume(struct monitor *monitor)
{
	if (monitor->health.interval != 0 && !monitor->has_exited)
		plan_check_run(monitor);
}

/* What does not run is not healthy. */
void health_end(struct monitor *monitor)
{
	health_suspend(monitor);
	if (monitor->health.interval != 0)
		monitor->health.status = HEALTH_UNHEALTHY;
}

/* `fork` made the process that goes on; the old one is reaped like any other. */
static void follow_fork(struct health *health, int pid, int pidfd)
{
	close_stream(&health->process.pidfd);
	health->process = (struct process){ pid, pidfd };
	health->has_forked = true;
}

void health_take_reports(struct monitor *monitor)
{
	struct health *health = &monitor->health;

	while (health->report > 0) {
		struct report report;
		int32_t fds[MESSAGE_FDS];
		uint32_t count = 0;
		int64_t size = message_receive(health->report, &report, sizeof(report), fds, &count,
					       MSG_DONTWAIT);

		if (size == -EAGAIN)
			return;
		if (size <= 0) {
			close_stream(&health->report);
		} else if (report.kind == REPORT_FAILED) {
			conclude_failure(monitor,
					 find_step_word(&health->section.steps, report.index),
					 -report.value);
		} else if (report.kind == REPORT_FORKED && count == 1) {
			follow_fork(health, report.value, fds[0]);
		} else {
			for (uint32_t i = 0; i < count; i++)
				sys_close(fds[i]);
		}
	}
}

void health_read_output(struct monitor *monitor)
{
	(void)read_output(&monitor->health);
}

bool health_is_forking(const struct monitor *monitor)
{
	return monitor->health.report > 0 && !monitor->health.has_forked;
}

static void conclude_exit(struct monitor *monitor, uint8_t exit_code)
{
	char storage[HEALTH_CODE_SIZE];
	struct text code = TEXT(storage);

	text_add_number(&code, exit_code);
	(void)text_end(&code);
	conclude(monitor, storage);
}

/* When init ends the kernel kills what else is in its pid namespace, and init's end is told only
 * when all of that is reaped: so a check that was killed says nothing before init has had the time
 * to end. */
void health_reaped(struct monitor *monitor, int pid, uint8_t exit_code)
{
	struct health *health = &monitor->health;

	if (pid == 0 || pid != health->process.pid)
		return;
	health->process.pid = 0;
	if (health->has_expired) {
		conclude(monitor, "timeout");
	} else if (exit_code == EXIT_KILLED) {
		health->was_killed = true;
		health->expires_at = sys_clock(CLOCK_STEADY) + SETTLE_TIME;
	} else {
		conclude_exit(monitor, exit_code);
	}
}

uint64_t health_deadline(const struct monitor *monitor)
{
	const struct health *health = &monitor->health;

	if (monitor->has_exited)
		return 0;
	return health->due_at != 0 ? health->due_at : health->expires_at;
}

/* What is killed is waited for, so that no two checks run at once. */
static void expire_check(struct monitor *monitor)
{
	struct health *health = &monitor->health;

	health->expires_at = 0;
	if (health->was_killed) {
		conclude_exit(monitor, EXIT_KILLED);
		return;
	}
	health->has_expired = true;
	close_stream(&health->report);
	kill_check(health);
}

void health_run_timers(struct monitor *monitor)
{
	const struct health *health = &monitor->health;
	uint64_t deadline = health_deadline(monitor);

	if (deadline == 0 || sys_clock(CLOCK_STEADY) < deadline)
		return;
	if (health->due_at != 0)
		start_check(monitor);
	else
		expire_check(monitor);
}

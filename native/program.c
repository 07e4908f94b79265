/* The program in PROGRAM_FD, which the engine has left behind: run in the end, and from time to
 * time before. docs/monitor.md, "Cleanup" and "Wake". */
#include "steps.h"

#define MILLISECOND UINT64_C(1000000)
#define SECOND (1000 * MILLISECOND)

enum { EXIT_NOT_EXECUTED = 127 };

int step_cleanup(struct monitor *monitor, const struct step *step)
{
	monitor->cleanup = *step;
	return 0;
}

int step_wake(struct monitor *monitor, const struct step *step)
{
	uint64_t delay = step_number(step, 0);

	if (delay != NO_TIMEOUT && delay > UINT32_MAX)
		return -EINVAL;
	monitor->wake.step = *step;
	return wake_set(monitor, delay == NO_TIMEOUT ? delay : delay * MILLISECOND);
}

void execute_program(const struct monitor *monitor, const char *arguments, uint32_t count)
{
	const char **argv = sys_allocate((count + 1) * sizeof(argv[0]));
	char *environment[] = { NULL };

	if (argv == NULL)
		return;
	(void)point_to_strings(argv, arguments, count);
	if (monitor->has_network)
		(void)sys_fcntl(NETWORK_FD, F_SETFD, 0);
	(void)sys_signal_handler(SIGPIPE, SIG_DFL);
	(void)sys_signal_mask(0, NULL);
	(void)sys_execveat(PROGRAM_FD, "", (char *const *)(uintptr_t)argv, environment);
}

int wake_set(struct monitor *monitor, uint64_t delay)
{
	struct wake *wake = &monitor->wake;

	if (wake->step.count == 0)
		return -EINVAL;
	if (monitor->is_finished)
		return -ESRCH;
	wake->due_at = delay == NO_TIMEOUT ? 0 : sys_clock(CLOCK_STEADY) + delay;
	return 0;
}

void wake_end(struct monitor *monitor)
{
	monitor->wake.due_at = 0;
}

void wake_reaped(struct monitor *monitor, int pid)
{
	if (pid == monitor->wake.pid)
		monitor->wake.pid = 0;
}

/* One that still runs is waited for. */
uint64_t wake_deadline(const struct monitor *monitor)
{
	return monitor->wake.pid > 0 ? 0 : monitor->wake.due_at;
}

/* Without resources for one more process it is tried again. */
void wake_run_timer(struct monitor *monitor)
{
	struct wake *wake = &monitor->wake;
	uint64_t deadline = wake_deadline(monitor);
	int64_t pid;

	if (deadline == 0 || sys_clock(CLOCK_STEADY) < deadline)
		return;
	pid = sys_fork();
	if (pid == 0) {
		execute_program(monitor, step_text(&wake->step, 1), wake->step.count - 1);
		sys_exit(EXIT_NOT_EXECUTED);
	}
	wake->pid = pid < 0 ? 0 : (int)pid;
	wake->due_at = pid < 0 ? sys_clock(CLOCK_STEADY) + SECOND : 0;
}

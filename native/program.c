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
	int timer;

	if (delay != NO_TIMEOUT && delay > UINT32_MAX)
		return -EINVAL;
	timer = sys_timer();
	if (timer < 0)
		return timer;
	monitor->wake.timer = timer;
	monitor->wake.step = *step;
	return wake_set(monitor, delay == NO_TIMEOUT ? delay : delay * MILLISECOND);
}

void execute_program(const char *arguments, uint32_t count)
{
	const char **argv = sys_allocate((count + 1) * sizeof(argv[0]));
	char *environment[] = { NULL };

	if (argv == NULL)
		return;
	(void)point_to_strings(argv, arguments, count);
	(void)sys_signal_handler(SIGPIPE, SIG_DFL);
	(void)sys_signal_mask(0, NULL);
	(void)sys_execveat(PROGRAM_FD, "", (char *const *)(uintptr_t)argv, environment);
}

/* A lease runs on while the host is suspended, and so does the timer; it takes 0 for never. */
int wake_set(struct monitor *monitor, uint64_t delay)
{
	const struct wake *wake = &monitor->wake;

	if (wake->step.count == 0)
		return -EINVAL;
	if (monitor->is_finished)
		return -ESRCH;
	return sys_timer_set(wake->timer, delay == NO_TIMEOUT ? 0 : delay + 1);
}

void wake_end(struct monitor *monitor)
{
	close_stream(&monitor->wake.timer);
}

void wake_reaped(struct monitor *monitor, int pid)
{
	if (pid == monitor->wake.pid)
		monitor->wake.pid = 0;
}

/* The time may be another one since poll(2) has returned. What is started would keep the mounts of
 * a container that ends before it has closed the monitor's descriptors: so that is waited for, and
 * not left to execve, which lets the monitor go on first. Without resources for one more process it
 * is tried again. */
void wake_run(struct monitor *monitor)
{
	struct wake *wake = &monitor->wake;
	uint64_t expirations;
	int64_t pid;

	if (sys_read(wake->timer, &expirations, sizeof(expirations)) < 0)
		return;
	pid = sys_fork_until_execve();
	if (pid == 0) {
		(void)sys_close_range(NETWORK_FD + 1, ~0U);
		if (is_given(monitor, NETWORK_FD))
			(void)sys_fcntl(NETWORK_FD, F_SETFD, 0);
		execute_program(step_text(&wake->step, 1), wake->step.count - 1);
		sys_exit(EXIT_NOT_EXECUTED);
	}
	if (pid > 0)
		wake->pid = (int)pid;
	else
		(void)wake_set(monitor, SECOND);
}

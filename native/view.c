/*
 * `wherry-monitor --view`: shows the files of a container that does not run, with what is mounted
 * in it, in a mount namespace of their own, for as long as the caller is there (docs/monitor.md,
 * "Views").
 *
 * The caller is told of a process in that namespace and looks at the files through /proc/PID/root.
 * Nothing of the container runs. Two processes, since the kernel lets go of a process's lock before
 * it unmounts what only that process has: this one holds the lock until the other one is gone.
 */
#include "message.h"
#include "steps.h"

/* The last step of a view. It holds no descriptor, opens nothing, and takes no signal but SIGKILL.
 * Unlike `idle`: here /dev is the image's, and its /dev/null may be any device of the host's, of
 * which some act as soon as they are opened. */
int step_show(struct child *child, const struct step *step)
{
	(void)child;
	(void)step;
	(void)sys_close_range(0, REPORT_FD - 1);
	(void)sys_close_range(REPORT_FD + 1, ~0U);
	sys_close(REPORT_FD);
	for (;;)
		(void)sys_poll(NULL, 0, NULL);
}

/* A caller that says anything, or nothing any more because it was killed, is done. So is the view
 * when its process has ended (SIGCHLD), or somebody wants this one to end (SIGTERM). */
void view_serve(struct monitor *monitor)
{
	static const char WORD[] = "pidfd";
	struct pollfd watches[] = {
		{ .fd = CONTROL_FD, .events = POLLIN },
		{ .fd = monitor->signals, .events = POLLIN },
	};
	const int32_t pidfd = monitor->init.pidfd;

	(void)message_send(CONTROL_FD, WORD, sizeof(WORD) - 1, &pidfd, 1, MSG_DONTWAIT);
	while (sys_poll(watches, sizeof(watches) / sizeof(watches[0]), NULL) == -EINTR)
		continue;
	kill_process(&monitor->init);
	close_stream(&monitor->mounts);
	sys_close(LOCK_FD);
}

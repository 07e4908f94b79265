#include "child.h"
#include "message.h"
#include "steps.h"
#include "text.h"
#include <linux/keyctl.h>

void child_report(const struct report *report, const int *fd)
{
	(void)message_send(REPORT_FD, report, sizeof(*report), fd, fd == NULL ? 0 : 1, 0);
}

/* Sources are never below START_FDS, so no dup3 overwrites the source of a later one. */
static int place_fds(const int stdio[3], int join_fd)
{
	int result = join_fd == JOIN_FD ? 0 : sys_dup3(join_fd, JOIN_FD, O_CLOEXEC);

	for (int i = 0; i < 3 && result >= 0; i++)
		if (stdio[i] >= START_FDS)
			result = sys_dup3(stdio[i], i, 0);
	if (result >= 0)
		result = sys_close_range(REPORT_FD + 1, JOIN_FD - 1);
	if (result >= 0)
		result = sys_close_range(JOIN_FD + 1, NETWORK_FD - 1);
	if (result >= 0)
		result = sys_close_range(USER_FD + 1, ~0U);
	return result;
}

_Noreturn void child_fail(uint32_t index, int error)
{
	struct report report = { REPORT_FAILED, index, -error };

	child_report(&report, NULL);
	sys_exit(127);
}

/* keyctl(2): a session keyring of its own. The caller's may hold keys of the host's, and it is
 * inherited through every namespace. Where there are no keys, or a filter of system calls denies
 * them to all that is started here, nothing has to be hidden. */
static int leave_keyring(void)
{
	int result = (int)SYS(keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL);

	return result == -ENOSYS || result == -EPERM || result > 0 ? 0 : result;
}

_Noreturn void child_run(struct monitor *monitor, const struct section *section, const int stdio[3],
			 int report)
{
	struct child child = { .monitor = monitor, .root = -1, .umask = 022 };
	uint32_t clone_index = section->steps.index - 1;
	int result = sys_dup3(report, REPORT_FD, O_CLOEXEC);

	child_report(&(struct report){ .kind = REPORT_BORN }, NULL);
	monitor->plan = section->steps;
	if (result >= 0 && monitor->cgroup.is_entered)
		result = cgroup_enter(&monitor->cgroup);
	if (result >= 0)
		result = controllers_enter(&monitor->cgroup);
	if (result >= 0)
		result = place_fds(stdio, section->join_fd);
	if (result == 0 && (section->flags & CLONE_NEWCGROUP) != 0)
		result = (int)SYS(unshare, CLONE_NEWCGROUP);
	if (result == 0)
		result = leave_keyring();
	if (result < 0)
		child_fail(clone_index, result);
	(void)SYS(setsid, 0);
	(void)sys_umask(0); /* modes in the plan are exact */
	while (plan_next(&monitor->plan, &child.step) > 0) {
		result = child.step.word->in_child(&child, &child.step);
		if (result < 0)
			child_fail(child.step.index, result);
	}
	child_fail(monitor->plan.index, -EINVAL);
}

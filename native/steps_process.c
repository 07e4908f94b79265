/* Steps that change what the process is: its names, limits, user and capabilities. */
#include "inside.h"
#include "steps.h"
#include "text.h"
#include <linux/sockios.h>

/* struct ifreq of netdevice(7); <linux/if.h> would include libc's headers. */
struct interface_request {
	char name[16];
	int16_t flags;
	char unused[22];
};
#define INTERFACE_UP 1

/* sethostname(2) */
int step_sethostname(struct child *child, const struct step *step)
{
	(void)child;
	return (int)SYS(sethostname, step_text(step, 0), text_length(step_text(step, 0)));
}

/* setdomainname(2) */
int step_setdomainname(struct child *child, const struct step *step)
{
	(void)child;
	return (int)SYS(setdomainname, step_text(step, 0), text_length(step_text(step, 0)));
}

/* netdevice(7) */
int step_loopback_up(struct child *child, const struct step *step)
{
	struct interface_request request = { .name = "lo" };
	cleanup_close int socket = (int)SYS(socket, AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int result = socket < 0 ? socket : sys_ioctl(socket, SIOCGIFFLAGS, &request);

	(void)child;
	(void)step;
	if (result < 0)
		return result;
	request.flags |= INTERFACE_UP;
	return sys_ioctl(socket, SIOCSIFFLAGS, &request);
}

/* prlimit(2). RLIM64_INFINITY is the -1 of the plan. */
int step_rlimit(struct child *child, const struct step *step)
{
	struct rlimit64 limit = { step_number(step, 1), step_number(step, 2) };

	(void)child;
	return (int)SYS(prlimit64, 0, step_number(step, 0), &limit, 0);
}

/* Takes effect at `exec`: until then modes in the plan are exact. */
int step_umask(struct child *child, const struct step *step)
{
	child->umask = (uint32_t)step_number(step, 0);
	return 0;
}

/* proc_pid_oom_score_adj(5) */
int step_oom_score_adj(struct child *child, const struct step *step)
{
	cleanup_close int file = sys_openat(AT_FDCWD, "/proc/self/oom_score_adj", O_WRONLY, 0);

	(void)child;
	return write_proc(file, step_text(step, 0));
}

/* The AppArmor profile of the program that is executed in the end; fork(2) hands it on. Needs Linux
 * 5.8, the first with a directory of AppArmor's own. See
 * https://docs.kernel.org/admin-guide/LSM/apparmor.html */
int step_apparmor(struct child *child, const struct step *step)
{
	cleanup_close int file = sys_openat(AT_FDCWD, "/proc/self/attr/apparmor/exec", O_WRONLY, 0);
	char buffer[PATH_SIZE];
	struct text command = TEXT(buffer);

	(void)child;
	text_add(&command, "exec ");
	text_add(&command, step_text(step, 0));
	return text_end(&command) == NULL ? -ENAMETOOLONG : write_proc(file, buffer);
}

/* capabilities(7): what is not in the bounding set can never be gained by execve. */
int step_bounding(struct child *child, const struct step *step)
{
	uint64_t kept = step_number(step, 0);

	(void)child;
	for (uint32_t cap = 0; sys_prctl(PR_CAPBSET_READ, cap, 0) >= 0; cap++) {
		bool is_kept = cap < 64 && (kept >> cap & 1) != 0;
		int result = is_kept ? 0 : sys_prctl(PR_CAPBSET_DROP, cap, 0);

		if (result < 0)
			return result;
	}
	return 0;
}

/* Pipes and the pty were made by root. Give them to the user, who could not open /dev/stdout
 * otherwise. That it fails on a file system or in a user namespace without such an owner harms
 * nothing else. */
static void give_stdio(uint32_t uid)
{
	struct statx status;

	for (int fd = 0; fd <= 2; fd++) {
		bool is_pipe = sys_statx(fd, &status) == 0 && (status.stx_mode & S_IFMT) == S_IFIFO;

		if (is_pipe || sys_ioctl(fd, TIOCGPGRP, &(int){ 0 }) == 0)
			(void)sys_fchown(fd, uid, ~0U);
	}
}

/* setgroups(2), setresgid(2), setresuid(2), in this order: each needs what the next gives up.
 * Permitted capabilities are kept for `capset`. */
int step_user(struct child *child, const struct step *step)
{
	uint32_t uid = (uint32_t)step_number(step, 0);
	uint32_t gid = (uint32_t)step_number(step, 1);
	uint32_t count = step->count - 2;
	uint32_t *groups = sys_allocate((size_t)(count + 1) * sizeof(groups[0]));
	int result;

	(void)child;
	if (groups == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < count; i++)
		groups[i] = (uint32_t)step_number(step, i + 2);
	give_stdio(uid);
	result = sys_prctl(PR_SET_KEEPCAPS, 1, 0);
	if (result == 0)
		result = (int)SYS(setgroups, count, groups);
	if (result == 0)
		result = (int)SYS(setresgid, gid, gid, gid);
	if (result == 0)
		result = (int)SYS(setresuid, uid, uid, uid);
	return result;
}

/* prctl(2). The monitor may have died before: then the other end of the report socket is closed.
 * getppid() cannot tell, it is always 0 in a new pid namespace. */
int step_parent_death(struct child *child, const struct step *step)
{
	struct pollfd report = { .fd = REPORT_FD };
	struct __kernel_timespec now = { 0 };
	int result = sys_prctl(PR_SET_PDEATHSIG, step_number(step, 0), 0);

	(void)child;
	if (result < 0)
		return result;
	return sys_poll(&report, 1, &now) > 0 ? -ESRCH : 0;
}

/* setns(2): enter the namespaces of the container's init, all in one step. */
int step_join(struct child *child, const struct step *step)
{
	child->has_joined = true;
	return (int)SYS(setns, JOIN_FD, step_number(step, 0));
}

/* setns(2): enter the network that was made before there was a container. */
int step_join_network(struct child *child, const struct step *step)
{
	int result = (int)SYS(setns, NETWORK_FD, CLONE_NEWNET);

	(void)child;
	(void)step;
	sys_close(NETWORK_FD);
	return result;
}

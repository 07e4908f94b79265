/* Steps of a container that has ids of its own. */
#include "steps.h"

/* In a user namespace that was entered the old ids mean nothing: be its root. */
static int become_root(void)
{
	int result = (int)SYS(setgroups, 0, NULL);

	if (result == 0)
		result = (int)SYS(setresgid, 0, 0, 0);
	return result == 0 ? (int)SYS(setresuid, 0, 0, 0) : result;
}

/* setns(2), unshare(2): from here on there are the rights of a container's root only. USER_FD is
 * the namespace or the pidfd of a process in it. The copies of namespaces belong to the user
 * namespace; in that of the mounts nothing that is there can be undone, because mount_namespaces(7)
 * has what comes from another owner locked. */
int step_join_user(struct child *child, const struct step *step)
{
	int result = (int)SYS(setns, USER_FD, CLONE_NEWUSER);

	sys_close(USER_FD);
	if (result == 0)
		result = become_root();
	if (result == 0)
		result = (int)SYS(unshare, step_number(step, 0));
	if (child->root >= 0)
		sys_close(child->root); /* it is in the mount namespace that was left */
	child->root = -1;
	return result;
}

/* capset(2): all that is permitted takes effect. */
static int raise_capabilities(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct halves[2];
	int result = (int)SYS(capget, &header, halves);

	for (unsigned i = 0; i < 2; i++)
		halves[i].effective = halves[i].permitted;
	return result == 0 ? (int)SYS(capset, &header, halves) : result;
}

/* setfsuid(2), setfsgid(2): what is made from here on belongs to these ids of the host, which are
 * those of a container's root: on a file system that shows others' ids as its own nothing can be
 * made by the host's root. That the file capabilities go with it is undone. */
int step_owner(struct child *child, const struct step *step)
{
	uint32_t uid = (uint32_t)step_number(step, 0);
	uint32_t gid = (uint32_t)step_number(step, 1);

	(void)child;
	give_stdio(uid, gid);
	(void)SYS(setfsgid, gid);
	(void)SYS(setfsuid, uid);
	if ((uint32_t)SYS(setfsgid, ~0U) != gid || (uint32_t)SYS(setfsuid, ~0U) != uid)
		return -EPERM;
	return raise_capabilities();
}

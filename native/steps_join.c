/* Steps that enter namespaces of others. A pidfd says whose they are, so that no pid that is used
 * again can be meant (setns(2), since Linux 5.8). */
#include "steps.h"
#include <linux/magic.h>

/* setns(2): enter the namespaces of the container's init, all in one step. From here on processes
 * of the container see this one, which keeps nothing that leads elsewhere; `join-user` closes the
 * last. */
int step_join(struct child *child, const struct step *step)
{
	int result = (int)SYS(setns, JOIN_FD, step_number(step, 0));

	child->has_joined = true;
	(void)sys_close_range(JOIN_FD, USER_FD - 1);
	(void)sys_close_range(USER_FD + 1, ~0U);
	return result;
}

/* Enter the network that was made before there was a container. */
int step_join_network(struct child *child, const struct step *step)
{
	int result = (int)SYS(setns, NETWORK_FD, CLONE_NEWNET);

	(void)child;
	(void)step;
	sys_close(NETWORK_FD);
	return result;
}

/* Share the System V and POSIX objects of another container. */
int step_join_ipc(struct child *child, const struct step *step)
{
	(void)child;
	(void)step;
	return (int)SYS(setns, IPC_FD, CLONE_NEWIPC);
}

/* What is made from here on is in the other container's pid namespace: `fork` comes next. */
int step_join_pid(struct child *child, const struct step *step)
{
	int result = (int)SYS(setns, PID_FD, CLONE_NEWPID);

	(void)child;
	(void)step;
	sys_close(PID_FD);
	return result;
}

/* In a process that shares the descriptors of the child, and ends: IPC_FD becomes a copy of the
 * mount at /dev/shm in the other container. Its processes may have put something else there: what
 * is no tmpfs is refused, such as a file system that a process serves, and no link is followed. */
static int copy_shm(void)
{
	int result = (int)SYS(setns, IPC_FD, CLONE_NEWNS);
	cleanup_close int dir = -1;
	cleanup_close int tree = -1;
	struct file_system file_system;

	if (result < 0)
		return result;
	dir = sys_openat2(AT_FDCWD, "/dev/shm", O_PATH | O_DIRECTORY, RESOLVE_NO_SYMLINKS);
	result = dir < 0 ? dir : sys_fstatfs(dir, &file_system);
	if (result < 0)
		return result;
	if (file_system.type != TMPFS_MAGIC)
		return -EXDEV;
	tree = sys_open_tree(dir, "", OPEN_TREE_CLONE | AT_EMPTY_PATH);
	result = tree < 0 ? tree : sys_dup3(tree, IPC_FD, O_CLOEXEC);
	return result < 0 ? result : 0;
}

/* open_tree(2) copies mounts of the caller's own mount namespace alone. The child itself stays
 * where it is: the monitor is about to look which mounts are its own. */
int step_take_shm(struct child *child, const struct step *step)
{
	struct clone_args args = { .flags = CLONE_FILES, .exit_signal = SIGCHLD };
	int64_t pid = sys_clone3(&args);
	int status = 0;
	int result;

	(void)child;
	(void)step;
	if (pid < 0)
		return (int)pid;
	if (pid == 0)
		sys_exit(-copy_shm());
	result = sys_wait4((int)pid, &status, 0);
	if (result < 0)
		return result;
	return (status & 0x7f) != 0 ? -ECHILD : -(status >> 8 & 0xff);
}

/* The container's cgroup in the unified hierarchy: cgroups(7), and the kernel's
 * Documentation/admin-guide/cgroup-v2.rst. */
#pragma once

#include <stdbool.h>

struct cgroup {
	const char *path; /* NULL: none */
	int dir;          /* O_PATH of it; 0: none */
	bool is_owned;    /* made here, and removed in the end */
	bool is_entered;  /* by the child itself, because the kernel kills who is cloned into it */
};

/* Make the cgroup and its missing parents. What still runs in one that a crash left behind is
 * killed first. Returns 0 or -errno. */
int cgroup_make(struct cgroup *cgroup, const char *path);

/* Take a cgroup that exists, of somebody else. Returns 0 or -errno. */
int cgroup_join(struct cgroup *cgroup, const char *path);

/* Move the calling process into it. Returns 0 or -errno. */
int cgroup_enter(const struct cgroup *cgroup);

/* Kill all that runs in it and below, and wait until nothing does. Nothing to do for a cgroup of
 * somebody else, or none. Returns 0, or -EBUSY when a process hangs in the kernel. */
int cgroup_kill(const struct cgroup *cgroup);

/* Remove it after cgroup_kill(), and its parent if nothing is in that. What the kernel still holds
 * is left to the next one that makes or removes it. */
void cgroup_remove(struct cgroup *cgroup);

/* Stop all processes, or let them go on; SIGKILL ends them in either state. Returns 0, -EOPNOTSUPP
 * without a cgroup of its own, or -ETIMEDOUT when a process hangs in the kernel: then they go on.
 */
int cgroup_freeze(const struct cgroup *cgroup);
int cgroup_thaw(const struct cgroup *cgroup);

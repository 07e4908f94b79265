/* The container's cgroup in the unified hierarchy, and those in hierarchies of version 1:
 * cgroups(7), and the kernel's Documentation/admin-guide/cgroup-v2.rst and cgroup-v1. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define CONTROLLER_COUNT 12 /* a hierarchy of version 1 has one controller or more */
#define CGROUP_DEPTH 32     /* of cgroups that the container has made in its own */
#define CGROUP_KILL_TIMEOUT UINT64_C(10000000000)
#define CGROUP_KILL_INTERVAL UINT64_C(10000000)
#define CGROUP_FREEZE_TIMEOUT UINT64_C(2000000000)

/* A cgroup of a hierarchy of version 1. */
struct controller {
	const char *path;
	bool is_owned;     /* removed in the end */
	bool keeps_parent; /* as that of struct cgroup */
	bool is_optional;  /* one that is missing is none to enter: somebody may make it later */
};

struct cgroup {
	const char *path;  /* NULL: none */
	int dir;           /* O_PATH of it; 0: none */
	bool is_owned;     /* made here, and removed in the end */
	bool keeps_parent; /* which is somebody else's, and stays when it is empty */
	bool is_entered;   /* by the child itself, because the kernel kills who is cloned into it */
	struct controller *controllers; /* room for CONTROLLER_COUNT */
	unsigned controller_count;
};

/* Make the cgroup and its missing parents. What still runs in one that a crash left behind is
 * killed first. Returns 0 or -errno. */
int cgroup_make(struct cgroup *cgroup, const char *path);

/* Take a cgroup that exists, of somebody else. Returns 0 or -errno. */
int cgroup_join(struct cgroup *cgroup, const char *path);

/* Move the calling process into it, but into none of version 1. Returns 0 or -errno. */
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

/* What cgroup.c and controllers.c share. */

/* Write `value` to the file `name`. Returns 0 or -errno. */
int write_control(int dir, const char *name, const char *value);

/* Make a cgroup's directory, after its parents where they are missing. Returns 0, or -EEXIST. */
int make_cgroup_dir(const char *path);

/* Do `visit` to each cgroup below, the deepest first, and then to this one. Returns what is above 0
 * if any visit did, or the last one's result. */
int walk_cgroups(int parent, const char *name, unsigned depth,
		 int (*visit)(int parent, const char *name, int dir));

/* Kill the processes that the first page of cgroup.procs names; the caller comes again for the
 * others. Returns 1 if there were any, 0, or -errno. */
int kill_cgroup_processes(int parent, const char *name, int dir);

/* Remove a cgroup with those below it, and its parent unless that is kept or has others. */
void remove_cgroup_dir(const char *path, bool keeps_parent);

/* controllers.c: the same as cgroup_enter() and the others for what is of version 1. */
int controllers_enter(const struct cgroup *cgroup);
int controllers_kill(const struct cgroup *cgroup);
void controllers_remove(struct cgroup *cgroup);
int controllers_freeze(const struct cgroup *cgroup);
int controllers_thaw(const struct cgroup *cgroup);

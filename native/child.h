/* The process that becomes the container's init, or the process of an `exec`. */
#pragma once

#include "monitor.h"
#include "plan.h"
#include <linux/filter.h>

/* The only descriptors a child keeps besides 0, 1 and 2, and those from NETWORK_FD to USER_FD: all
 * close-on-exec. */
enum { REPORT_FD = 3, JOIN_FD = 6 };

/* The effective, permitted, inheritable and ambient one. */
#define CAPABILITY_SETS 4

/* What the program may do, see child_take_rights; the steps are known by their numbers. */
struct program_rights {
	bool has_capabilities;
	bool has_no_new_privs;
	uint32_t capset_index;
	uint64_t capabilities[CAPABILITY_SETS];
	uint32_t seccomp_index;
	uint64_t filter_flags;
	struct sock_fprog filter; /* of no instructions: none */
};

struct child {
	struct monitor *monitor; /* a copy: of use for the plan only */
	struct step step;        /* being run */
	int root;                /* O_PATH of what paths are resolved in; -1: "/" */
	bool has_joined;
	uint32_t umask;
	struct program_rights rights;
};

/* Run the steps of `section`, with these three as 0, 1 and 2. */
_Noreturn void child_run(struct monitor *monitor, const struct section *section, const int stdio[3],
			 int report);

/* Take the rights that the steps before have asked for, at the last moment: what the filter
 * forbids, later steps could not do either, nor the making of a PID 1. Returns 0, or -errno with
 * the step that is to blame in child->step.index. */
int child_take_rights(struct child *child);

/* Have the pipes and the pty that are 0, 1 and 2 belong to these ids. */
void give_stdio(uint32_t uid, uint32_t gid);
#define KEEP_GROUP (~0U)

void child_report(const struct report *report, const int *fd);

/* Tell that the step has failed, and end. */
_Noreturn void child_fail(uint32_t index, int error);

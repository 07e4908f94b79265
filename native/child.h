/* The process that becomes the container's init, or the process of an `exec`. */
#pragma once

#include "monitor.h"
#include "plan.h"

/* The only descriptors a child keeps besides 0, 1 and 2, and those from NETWORK_FD to USER_FD: all
 * close-on-exec. */
enum { REPORT_FD = 3, JOIN_FD = 6 };

struct child {
	struct monitor *monitor; /* a copy: of use for the plan only */
	struct step step;        /* being run */
	int root;                /* O_PATH of what paths are resolved in; -1: "/" */
	bool has_joined;
	uint32_t umask;
};

/* Run the steps of `section`, with these three as 0, 1 and 2. */
_Noreturn void child_run(struct monitor *monitor, const struct section *section, const int stdio[3],
			 int report);

/* Have the pipes and the pty that are 0, 1 and 2 belong to these ids. */
void give_stdio(uint32_t uid, uint32_t gid);
#define KEEP_GROUP (~0U)

void child_report(const struct report *report, const int *fd);

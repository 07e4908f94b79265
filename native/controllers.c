/* The cgroups of a container in hierarchies of version 1, and the files that set limits, in either
 * version. */
#include "cgroup.h"
#include "steps.h"
#include "text.h"

#define VALUE_SIZE 4096 /* of the list of processors that a cgroup takes over from its parent */
#define FREEZER_FILE "freezer.state"

static int open_dir(const char *path)
{
	return sys_openat(AT_FDCWD, path, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0);
}

int controllers_enter(const struct cgroup *cgroup)
{
	for (unsigned i = 0; i < cgroup->controller_count; i++) {
		const struct controller *controller = &cgroup->controllers[i];
		cleanup_close int dir = open_dir(controller->path);
		int result = dir < 0 ? dir : write_control(dir, "cgroup.procs", "0");

		if (result < 0 && !(result == -ENOENT && controller->is_optional))
			return result;
	}
	return 0;
}

/* What is frozen does not end before it goes on. */
static int kill_and_wait(const char *path)
{
	cleanup_close int dir = open_dir(path);
	uint64_t deadline = sys_clock(CLOCK_STEADY) + CGROUP_KILL_TIMEOUT;
	int result = dir;

	while (result >= 0) {
		result = walk_cgroups(dir, ".", CGROUP_DEPTH, kill_cgroup_processes);
		if (result <= 0)
			break;
		if (sys_clock(CLOCK_STEADY) >= deadline)
			return -EBUSY;
		(void)write_control(dir, FREEZER_FILE, "THAWED");
		(void)sys_poll_for(NULL, 0, CGROUP_KILL_INTERVAL);
	}
	return result == -ENOENT ? 0 : result;
}

/* Kill what a crash has left behind. If that was frozen so would the child be. */
static int empty(const char *path)
{
	int result = kill_and_wait(path);
	cleanup_close int dir = open_dir(path);
	int thawed = dir < 0 ? dir : write_control(dir, FREEZER_FILE, "THAWED");

	if (result < 0)
		return result;
	return thawed == -ENOENT ? 0 : thawed; /* another controller's */
}

int controllers_kill(const struct cgroup *cgroup)
{
	int result = 0;

	for (unsigned i = 0; i < cgroup->controller_count && result == 0; i++)
		if (cgroup->controllers[i].is_owned)
			result = kill_and_wait(cgroup->controllers[i].path);
	return result;
}

void controllers_remove(struct cgroup *cgroup)
{
	for (unsigned i = 0; i < cgroup->controller_count; i++)
		if (cgroup->controllers[i].is_owned)
			remove_cgroup_dir(cgroup->controllers[i].path,
					  cgroup->controllers[i].keeps_parent);
	cgroup->controller_count = 0;
}

/* The directory of the freezer, or -EOPNOTSUPP. */
static int open_freezer(const struct cgroup *cgroup)
{
	for (unsigned i = 0; i < cgroup->controller_count; i++) {
		cleanup_close int dir = open_dir(cgroup->controllers[i].path);
		cleanup_close int file = dir < 0 ? -1 : sys_openat(dir, FREEZER_FILE, O_RDONLY, 0);

		if (file >= 0 && cgroup->controllers[i].is_owned)
			return steal_fd(&dir);
	}
	return -EOPNOTSUPP;
}

static bool is_frozen(int dir)
{
	static const char FROZEN[] = "FROZEN\n";
	cleanup_close int file = sys_openat(dir, FREEZER_FILE, O_RDONLY, 0);
	char state[sizeof(FROZEN)];
	int64_t size = file < 0 ? file : sys_read(file, state, sizeof(state));

	return size == (int64_t)sizeof(FROZEN) - 1 && memcmp(state, FROZEN, (size_t)size) == 0;
}

int controllers_thaw(const struct cgroup *cgroup)
{
	cleanup_close int dir = open_freezer(cgroup);

	return dir < 0 ? dir : write_control(dir, FREEZER_FILE, "THAWED");
}

/* Nothing tells when the state changes. */
int controllers_freeze(const struct cgroup *cgroup)
{
	cleanup_close int dir = open_freezer(cgroup);
	uint64_t deadline = sys_clock(CLOCK_STEADY) + CGROUP_FREEZE_TIMEOUT;
	int result = dir < 0 ? dir : write_control(dir, FREEZER_FILE, "FROZEN");

	while (result == 0 && !is_frozen(dir)) {
		if (sys_clock(CLOCK_STEADY) >= deadline) {
			(void)write_control(dir, FREEZER_FILE, "THAWED");
			return -ETIMEDOUT;
		}
		(void)sys_poll_for(NULL, 0, CGROUP_KILL_INTERVAL);
	}
	return result;
}

static int add_controller(struct cgroup *cgroup, const struct controller *controller)
{
	if (cgroup->controller_count == CONTROLLER_COUNT)
		return -EINVAL;
	cgroup->controllers[cgroup->controller_count++] = *controller;
	return 0;
}

int step_controller(struct monitor *monitor, const struct step *step)
{
	const char *path = step_text(step, 0);
	bool is_optional = text_equal(step_text(step, 1), "later");
	int result = is_optional ? 0 : make_cgroup_dir(path);

	if (result == -EEXIST)
		result = empty(path);
	if (result < 0)
		return result;
	return add_controller(&monitor->cgroup, &(struct controller){
							.path = path,
							.is_owned = true,
							.keeps_parent = step->count > 2,
							.is_optional = is_optional,
						});
}

int step_join_controller(struct monitor *monitor, const struct step *step)
{
	return add_controller(&monitor->cgroup, &(struct controller){ .path = step_text(step, 0) });
}

/* What "wanted" controllers do not give can be done without. */
int step_delegate(struct monitor *monitor, const struct step *step)
{
	bool is_required = text_equal(step_text(step, 0), "required");

	(void)monitor;
	for (uint32_t i = 2; i < step->count; i++) {
		cleanup_close int dir = open_dir(step_text(step, i));
		int result =
			dir < 0 ? dir
				: write_control(dir, "cgroup.subtree_control", step_text(step, 1));

		if (result < 0)
			return is_required ? result : 0;
	}
	return 0;
}

/* cpuset of version 1: a new cgroup has no processor, and takes no process before it has one. */
int step_inherit(struct monitor *monitor, const struct step *step)
{
	const char *name = step_text(step, 1);
	cleanup_close int dir = open_dir(step_text(step, 0));
	cleanup_close int parent = dir < 0 ? dir : sys_openat(dir, "..", O_PATH | O_DIRECTORY, 0);
	cleanup_close int file = parent < 0 ? parent : sys_openat(dir, name, O_RDWR, 0);
	cleanup_close int source = file < 0 ? file : sys_openat(parent, name, O_RDONLY, 0);
	char value[VALUE_SIZE];
	int64_t size = source < 0 ? source : sys_read(file, value, sizeof(value));

	(void)monitor;
	if (size < 0 || (size > 0 && value[0] != '\n'))
		return size < 0 ? (int)size : 0;
	size = sys_read(source, value, sizeof(value));
	if (size == (int64_t)sizeof(value))
		return -E2BIG;
	if (size > 0)
		size = sys_write(file, value, (size_t)size);
	return size < 0 ? (int)size : 0;
}

/* The first of the files that this kernel has, and that it can use: a device may have a scheduler
 * which another file is for. */
int step_control(struct monitor *monitor, const struct step *step)
{
	int result = -EINVAL;

	(void)monitor;
	for (uint32_t i = 0; i + 1 < step->count; i += 2) {
		result = write_control(AT_FDCWD, step_text(step, i), step_text(step, i + 1));
		if (result != -ENOENT && result != -EOPNOTSUPP)
			break;
	}
	return result;
}

int step_control_if_present(struct monitor *monitor, const struct step *step)
{
	int result = step_control(monitor, step);

	return result == -ENOENT ? 0 : result;
}

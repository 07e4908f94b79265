#include "cgroup.h"
#include "steps.h"
#include "text.h"

/* Another monitor may remove the common parent between the making of it and of what is in it. */
#define MAKE_TRIES 1000
#define EVENTS_SIZE 128
#define ENTRIES_SIZE 2048
#define DIRECTORY_TYPE 4 /* DT_DIR of readdir(3) */

struct directory_entry { /* struct linux_dirent64 of getdents64(2) */
	uint64_t inode;
	int64_t offset;
	uint16_t size;
	uint8_t type;
	char name[];
};

/* Whether cgroup.events has this line, "populated 0" for example. */
static bool has_event(int file, const char *line)
{
	char events[EVENTS_SIZE];
	int64_t size = sys_pread(file, events, sizeof(events), 0);
	size_t length = text_length(line);

	for (const char *at = events; size > 0 && (size_t)(events + size - at) >= length;) {
		const char *newline = find_byte(at, '\n', (size_t)(events + size - at));

		if (memcmp(at, line, length) == 0)
			return true;
		if (newline == NULL)
			return false;
		at = newline + 1;
	}
	return false;
}

/* Wait for this line; the kernel tells of changes by POLLPRI. */
static int await_event(int dir, const char *line, uint64_t timeout)
{
	cleanup_close int file = sys_openat(dir, "cgroup.events", O_RDONLY, 0);
	uint64_t deadline = sys_clock(CLOCK_STEADY) + timeout;

	if (file < 0)
		return file;
	for (;;) {
		struct pollfd watch = { .fd = file, .events = POLLPRI };
		uint64_t now;

		if (has_event(file, line))
			return 0;
		now = sys_clock(CLOCK_STEADY);
		if (now >= deadline)
			return -ETIMEDOUT;
		(void)sys_poll_for(&watch, 1, deadline - now);
	}
}

int write_control(int dir, const char *name, const char *value)
{
	cleanup_close int file = sys_openat(dir, name, O_WRONLY, 0);
	int64_t written = file < 0 ? file : sys_write(file, value, text_length(value));

	return written < 0 ? (int)written : 0;
}

int walk_cgroups(int parent, const char *name, unsigned depth,
		 int (*visit)(int parent, const char *name, int dir))
{
	_Alignas(struct directory_entry) char entries[ENTRIES_SIZE];
	cleanup_close int dir = sys_openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
	int64_t size;
	int found = 0;
	int result;

	if (dir < 0)
		return dir;
	while (depth > 0 && (size = SYS(getdents64, dir, entries, sizeof(entries))) > 0) {
		for (int64_t at = 0; at < size;) {
			const struct directory_entry *entry = (const void *)(entries + at);

			at += entry->size;
			if (entry->type == DIRECTORY_TYPE && entry->name[0] != '.' &&
			    walk_cgroups(dir, entry->name, depth - 1, visit) > 0)
				found = 1;
		}
	}
	result = visit(parent, name, dir);
	return found > 0 ? found : result;
}

/* A process outside this pid namespace is 0. */
int kill_cgroup_processes(int parent, const char *name, int dir)
{
	char pids[4096];
	cleanup_close int file = sys_openat(dir, "cgroup.procs", O_RDONLY, 0);
	int64_t size = file < 0 ? file : sys_read(file, pids, sizeof(pids));
	char *at = pids;
	char *newline;
	uint64_t pid;

	(void)parent;
	(void)name;
	while (size > 0 && (newline = find_byte(at, '\n', (size_t)(pids + size - at))) != NULL) {
		*newline = '\0';
		if (parse_number(at, 10, INT32_MAX, &pid) == 0 && pid > 0)
			(void)SYS(kill, pid, SIGKILL);
		at = newline + 1;
	}
	return size < 0 ? (int)size : at != pids;
}

/* cgroup.kill is there since Linux 5.14. */
static void kill_all(int dir)
{
	if (write_control(dir, "cgroup.kill", "1") == -ENOENT)
		(void)walk_cgroups(dir, ".", CGROUP_DEPTH, kill_cgroup_processes);
}

static int kill_and_wait(int dir)
{
	uint64_t deadline = sys_clock(CLOCK_STEADY) + CGROUP_KILL_TIMEOUT;
	int result = await_event(dir, "populated 0", 0);

	while (result == -ETIMEDOUT && sys_clock(CLOCK_STEADY) < deadline) {
		kill_all(dir);
		result = await_event(dir, "populated 0", CGROUP_KILL_INTERVAL);
	}
	return result == -ETIMEDOUT ? -EBUSY : result;
}

int cgroup_enter(const struct cgroup *cgroup)
{
	return write_control(cgroup->dir, "cgroup.procs", "0");
}

int cgroup_kill(const struct cgroup *cgroup)
{
	int result = cgroup->is_owned ? kill_and_wait(cgroup->dir) : 0;
	int others = controllers_kill(cgroup);

	return result < 0 ? result : others;
}

static int remove_one(int parent, const char *name, int dir)
{
	(void)dir;
	return (int)SYS(unlinkat, parent, name, AT_REMOVEDIR);
}

/* Cut `path` at its last slash. Returns false when nothing is left. */
static bool cut_last(char *path)
{
	size_t length = text_length(path);

	while (length > 0 && path[length - 1] != '/')
		length--;
	if (length <= 1)
		return false;
	path[length - 1] = '\0';
	return true;
}

void remove_cgroup_dir(const char *path, bool keeps_parent)
{
	char parent[PATH_SIZE];

	if (remove_one(AT_FDCWD, path, -1) == -EBUSY)
		(void)walk_cgroups(AT_FDCWD, path, CGROUP_DEPTH, remove_one);
	memcpy(parent, path, text_length(path) + 1);
	if (!keeps_parent && cut_last(parent))
		(void)remove_one(AT_FDCWD, parent, -1);
}

void cgroup_remove(struct cgroup *cgroup)
{
	controllers_remove(cgroup);
	if (!cgroup->is_owned)
		return;
	remove_cgroup_dir(cgroup->path, cgroup->keeps_parent);
	close_stream(&cgroup->dir);
	cgroup->is_owned = false;
}

static int make_dir(const char *path)
{
	int result = sys_mkdirat(AT_FDCWD, path, 0755);
	char parent[PATH_SIZE];

	for (unsigned tries = 0; result == -ENOENT && tries < MAKE_TRIES; tries++) {
		memcpy(parent, path, text_length(path) + 1);
		if (!cut_last(parent))
			return result;
		result = make_dir(parent);
		if (result == 0 || result == -EEXIST)
			result = sys_mkdirat(AT_FDCWD, path, 0755);
	}
	return result;
}

int cgroup_join(struct cgroup *cgroup, const char *path)
{
	int dir = sys_openat(AT_FDCWD, path, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0);

	if (dir < 0)
		return dir;
	cgroup->path = path;
	cgroup->dir = dir;
	return 0;
}

int make_cgroup_dir(const char *path)
{
	uint32_t mask = sys_umask(022);
	int result = make_dir(path);

	(void)sys_umask(mask);
	return result;
}

int cgroup_make(struct cgroup *cgroup, const char *path)
{
	int made = make_cgroup_dir(path);
	int result;

	if (made < 0 && made != -EEXIST)
		return made;
	result = cgroup_join(cgroup, path);
	if (result < 0)
		return result;
	cgroup->is_owned = true;
	if (made == -EEXIST)
		result = cgroup_kill(cgroup);
	return result == 0 && made == -EEXIST ? cgroup_thaw(cgroup) : result;
}

int cgroup_thaw(const struct cgroup *cgroup)
{
	int result;

	if (!cgroup->is_owned)
		return controllers_thaw(cgroup);
	result = write_control(cgroup->dir, "cgroup.freeze", "0");
	return result == -ENOENT ? -EOPNOTSUPP : result;
}

int cgroup_freeze(const struct cgroup *cgroup)
{
	int result;

	if (!cgroup->is_owned)
		return controllers_freeze(cgroup);
	result = write_control(cgroup->dir, "cgroup.freeze", "1");
	if (result == 0)
		result = await_event(cgroup->dir, "frozen 1", CGROUP_FREEZE_TIMEOUT);
	if (result == -ETIMEDOUT)
		(void)cgroup_thaw(cgroup);
	return result == -ENOENT ? -EOPNOTSUPP : result;
}

int step_cgroup(struct monitor *monitor, const struct step *step)
{
	monitor->cgroup.keeps_parent = step->count > 1;
	return cgroup_make(&monitor->cgroup, step_text(step, 0));
}

int step_join_cgroup(struct monitor *monitor, const struct step *step)
{
	return cgroup_join(&monitor->cgroup, step_text(step, 0));
}

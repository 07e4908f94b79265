/* Processes that the kernel ends because the container has used up its memory. */
#include "steps.h"
#include "text.h"

#define EVENTS_SIZE 512
#define LINE "oom_kill "
/* A cgroup of version 1 tells of it before it is done. */
#define SETTLE_TIME UINT64_C(50000000)

/* The number behind "oom_kill " in memory.events or memory.oom_control; 0 when there is none.
 * Returns 0, or -ENODEV when the cgroup has gone. */
static int read_count(int file, uint64_t *ret_count)
{
	char events[EVENTS_SIZE];
	int64_t size = sys_pread(file, events, sizeof(events), 0);
	const size_t length = sizeof(LINE) - 1;
	uint64_t count = 0;
	char *newline;

	if (size < 0)
		return (int)size;
	for (char *at = events; size > 0 && at < events + size; at = newline + 1) {
		newline = find_byte(at, '\n', (size_t)(events + size - at));
		if (newline == NULL)
			break;
		*newline = '\0';
		if ((size_t)(newline - at) > length && memcmp(at, LINE, length) == 0)
			(void)parse_number(at + length, 10, UINT64_MAX, &count);
	}
	*ret_count = count;
	return 0;
}

/* Version 1: ask for a notification by an eventfd, see cgroup-v1/memory.rst, section 9. Without one
 * the end of the container tells. */
static int open_notification(const char *path, int file)
{
	char storage[PATH_SIZE];
	struct text control = TEXT(storage);
	cleanup_close int event = (int)SYS(eventfd2, 0, O_CLOEXEC | O_NONBLOCK);
	cleanup_close int dir = -1;
	size_t length = text_length(path);
	int result;

	while (length > 0 && path[length - 1] != '/')
		length--;
	text_add_bytes(&control, path, length);
	if (event < 0 || text_end(&control) == NULL)
		return 0;
	dir = sys_openat(AT_FDCWD, storage, O_PATH | O_DIRECTORY, 0);
	control = (struct text)TEXT(storage);
	text_add_number(&control, (uint64_t)event);
	text_add(&control, " ");
	text_add_number(&control, (uint64_t)file);
	(void)text_end(&control);
	result = dir < 0 ? dir : write_control(dir, "cgroup.event_control", storage);
	return result < 0 ? 0 : steal_fd(&event);
}

int step_oom(struct monitor *monitor, const struct step *step)
{
	struct oom *oom = &monitor->oom;
	int file;

	oom->path = step_text(step, 0);
	file = sys_openat(AT_FDCWD, oom->path, O_RDONLY, 0);
	if (file < 0)
		return file == -ENOENT ? 0 : file;
	(void)read_count(file, &oom->count);
	if (text_equal(step_text(step, 1), "unified")) {
		oom->events = file;
		return 0;
	}
	oom->notification = open_notification(oom->path, file);
	sys_close(file);
	return 0;
}

void oom_check(struct monitor *monitor)
{
	struct oom *oom = &monitor->oom;
	cleanup_close int file =
		oom->path == NULL ? -1 : sys_openat(AT_FDCWD, oom->path, O_RDONLY, 0);
	uint64_t count = 0;

	if (file < 0 || read_count(file, &count) < 0 || count <= oom->count)
		return;
	oom->count = count;
	oom->has_killed = true;
	event_write(monitor, "oom", "");
}

void oom_take_event(struct monitor *monitor)
{
	struct oom *oom = &monitor->oom;
	uint64_t ignored;

	if (oom->notification > 0)
		(void)sys_read(oom->notification, &ignored, sizeof(ignored));
	else if (read_count(oom->events, &ignored) < 0) /* or poll waits for the next change */
		close_stream(&oom->events);
	oom->check_at = sys_clock(CLOCK_STEADY) + (oom->notification > 0 ? SETTLE_TIME : 0);
}

void oom_run_timer(struct monitor *monitor)
{
	struct oom *oom = &monitor->oom;
	bool had_killed = oom->has_killed;

	if (oom->check_at == 0 || sys_clock(CLOCK_STEADY) < oom->check_at)
		return;
	oom->check_at = 0;
	oom_check(monitor);
	if (oom->has_killed != had_killed)
		(void)record_write(monitor);
}

void oom_end(struct oom *oom)
{
	close_stream(&oom->events);
	close_stream(&oom->notification);
	oom->check_at = 0;
}

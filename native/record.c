/* The state record: one line of JSON, replaced as a whole. */
#include "record.h"
#include "monitor.h"
#include "text.h"

#define RECORD_SIZE 416

static void add_number(struct text *record, const char *name, uint64_t number)
{
	text_add(record, ",\"");
	text_add(record, name);
	text_add(record, "\":");
	text_add_number(record, number);
}

/* In quotes: nanoseconds do not fit into a JavaScript number. */
static void add_time(struct text *record, const char *name, uint64_t nanoseconds)
{
	text_add(record, ",\"");
	text_add(record, name);
	text_add(record, "\":\"");
	text_add_number(record, nanoseconds);
	text_add(record, "\"");
}

static void add_health(struct text *record, const struct health *health)
{
	static const char *const STATUSES[] = {
		[HEALTH_STARTING] = "starting",
		[HEALTH_HEALTHY] = "healthy",
		[HEALTH_UNHEALTHY] = "unhealthy",
	};

	if (health->status == HEALTH_NONE)
		return;
	text_add(record, ",\"health\":\"");
	text_add(record, STATUSES[health->status]);
	text_add(record, "\"");
	add_number(record, "failingStreak", health->failing_streak);
}

static void add_state(struct text *record, const struct monitor *monitor)
{
	static const char *const STATUSES[] = {
		[STATUS_RUNNING] = "\"running\"",
		[STATUS_PAUSED] = "\"paused\"",
		[STATUS_RESTARTING] = "\"restarting\"",
		[STATUS_EXITED] = "\"exited\"",
	};
	bool has_init = monitor->status == STATUS_RUNNING || monitor->status == STATUS_PAUSED;

	text_add(record, "{\"status\":");
	text_add(record, STATUSES[monitor->status]);
	add_number(record, "pid", has_init ? (uint64_t)monitor->init.pid : 0);
	add_number(record, "monitorPid", (uint64_t)SYS(getpid, 0));
	add_time(record, "startedAt", monitor->started_at);
	add_time(record, "finishedAt", monitor->finished_at);
	add_number(record, "exitCode", monitor->exit_code);
	add_number(record, "restartCount", monitor->restart.count);
	text_add(record, ",\"isStopped\":");
	text_add(record, monitor->restart.is_stopped ? "true" : "false");
	text_add(record, ",\"isOomKilled\":");
	text_add(record, monitor->oom.has_killed ? "true" : "false");
	add_health(record, &monitor->health);
	text_add(record, "}\n");
}

static int write_file(int dir, const char *name, const struct text *content, bool is_durable)
{
	cleanup_close int file =
		sys_openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0640);
	int64_t written = file < 0 ? file : sys_write(file, content->data, content->length);

	if (written < 0)
		return (int)written;
	if ((size_t)written != content->length)
		return -ENOSPC;
	return is_durable ? sys_fsync(file) : 0;
}

/* On a full disk there is no room for a second file, but there is in the block of the first: better
 * a record that a power loss could tear than the exit code of the run before. */
static int overwrite(int dir, const char *name, const struct text *content, bool is_durable)
{
	cleanup_close int file = sys_openat(dir, name, O_WRONLY | O_NOFOLLOW, 0);
	int64_t written = file < 0 ? file : sys_write(file, content->data, content->length);

	if (written < 0)
		return (int)written;
	if ((size_t)written != content->length)
		return -ENOSPC;
	written = sys_ftruncate(file, content->length);
	return written == 0 && is_durable ? sys_fsync(file) : (int)written;
}

/* A rename is on disk only when the directory is; that is the caller's to see to. */
int replace_file(int dir, const char *name, const struct text *content, bool is_durable)
{
	char buffer[PATH_SIZE];
	struct text temporary = TEXT(buffer);
	int result;

	text_add(&temporary, name);
	text_add(&temporary, ".tmp");
	if (text_end(&temporary) == NULL)
		return -ENAMETOOLONG;
	result = write_file(dir, buffer, content, is_durable);
	if (result == 0)
		return sys_renameat(dir, buffer, dir, name);
	(void)sys_unlinkat(dir, buffer);
	if (result != -ENOSPC && result != -EDQUOT)
		return result;
	return overwrite(dir, name, content, is_durable) == 0 ? 0 : result;
}

int record_write(const struct monitor *monitor)
{
	int dir = monitor->record_dir;
	char buffer[RECORD_SIZE];
	struct text record = TEXT(buffer);
	int result;

	if (dir == 0)
		return 0;
	add_state(&record, monitor);
	result = replace_file(dir, monitor->record_name, &record, monitor->record_is_durable);
	if (result == 0 && monitor->record_is_durable)
		result = sys_fsync(dir);
	return result;
}

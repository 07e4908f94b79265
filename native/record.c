/* The state record: one line of JSON, replaced as a whole. */
#include "monitor.h"
#include "text.h"

#define RECORD_SIZE 256

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

static void add_state(struct text *record, const struct monitor *monitor)
{
	text_add(record, "{\"status\":");
	text_add(record, monitor->has_exited ? "\"exited\"" : "\"running\"");
	add_number(record, "pid", (uint64_t)monitor->pid);
	add_number(record, "monitorPid", (uint64_t)SYS(getpid, 0));
	add_time(record, "startedAt", monitor->started_at);
	add_time(record, "finishedAt", monitor->finished_at);
	add_number(record, "exitCode", monitor->exit_code);
	text_add(record, "}\n");
}

static int write_file(const char *path, const struct text *content, bool is_durable)
{
	cleanup_close int file =
		sys_openat(AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0640);
	int64_t written = file < 0 ? file : sys_write(file, content->data, content->length);

	if (written < 0)
		return (int)written;
	if ((size_t)written != content->length)
		return -ENOSPC;
	return is_durable ? sys_fsync(file) : 0;
}

/* rename(2) is on disk only when the directory is. */
static int sync_directory(const char *path)
{
	char buffer[PATH_SIZE];
	struct text dir = TEXT(buffer);
	size_t length = text_length(path);
	cleanup_close int fd = -1;

	while (length > 1 && path[length - 1] != '/')
		length--;
	text_add_bytes(&dir, path, length);
	if (text_end(&dir) == NULL)
		return -ENAMETOOLONG;
	fd = sys_openat(AT_FDCWD, buffer, O_RDONLY | O_DIRECTORY, 0);
	return fd < 0 ? fd : sys_fsync(fd);
}

int record_write(const struct monitor *monitor)
{
	char path_buffer[PATH_SIZE];
	char record_buffer[RECORD_SIZE];
	struct text path = TEXT(path_buffer);
	struct text record = TEXT(record_buffer);
	int result;

	if (monitor->record_path == NULL)
		return 0;
	text_add(&path, monitor->record_path);
	text_add(&path, ".tmp");
	if (text_end(&path) == NULL)
		return -ENAMETOOLONG;
	add_state(&record, monitor);
	result = write_file(path_buffer, &record, monitor->record_is_durable);
	if (result == 0)
		result = sys_rename(path_buffer, monitor->record_path);
	if (result == 0 && monitor->record_is_durable)
		result = sync_directory(monitor->record_path);
	return result;
}

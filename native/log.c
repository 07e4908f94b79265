/* The container's log: CRI format, one file and its rotated predecessors. */
#include "monitor.h"
#include "text.h"

#define PREFIX_SIZE 64 /* "2026-11-20T23:29:20.123456789Z stdout F " and room to spare */

static const char *const STREAM_NAMES[] = { "stdout", "stderr" };

/* A monitor that was killed may have left half a record: end it, so that the next one begins a
 * line. */
static uint64_t end_torn_record(int fd, uint64_t size)
{
	char last = '\n';

	if (size > 0)
		(void)sys_pread(fd, &last, 1, size - 1);
	return last != '\n' && sys_write(fd, "\n", 1) == 1 ? size + 1 : size;
}

int log_open(struct log *log)
{
	int fd = sys_openat(AT_FDCWD, log->path, O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW, 0640);
	int64_t size;

	if (fd < 0)
		return fd;
	size = sys_seek_end(fd);
	log->fd = fd;
	log->size = end_torn_record(fd, size < 0 ? 0 : (uint64_t)size);
	return 0;
}

/* PATH.number, or PATH itself for 0. Returns NULL when it is too long. */
static const char *rotated_path(const struct log *log, uint32_t number, char buffer[PATH_SIZE])
{
	struct text path = { .data = buffer, .size = PATH_SIZE };

	text_add(&path, log->path);
	if (number > 0) {
		text_add(&path, ".");
		text_add_number(&path, number);
	}
	return text_end(&path);
}

/* Shift every file by one; the oldest is replaced. When a rename fails the log grows on: no record
 * is lost. */
static void rotate(struct log *log)
{
	char from_buffer[PATH_SIZE];
	char to_buffer[PATH_SIZE];

	if (log->max_files <= 1) {
		if (sys_ftruncate(log->fd, 0) == 0)
			log->size = 0;
		return;
	}
	for (uint32_t number = log->max_files - 1; number > 0; number--) {
		const char *from = rotated_path(log, number - 1, from_buffer);
		const char *to = rotated_path(log, number, to_buffer);

		if (from != NULL && to != NULL)
			(void)sys_renameat(AT_FDCWD, from, AT_FDCWD, to);
	}
	close_stream(&log->fd);
	(void)log_open(log);
}

static bool write_all(int fd, const char *data, size_t size)
{
	while (size > 0) {
		int64_t written = sys_write(fd, data, size);

		if (written <= 0)
			return false;
		data += written;
		size -= (size_t)written;
	}
	return true;
}

/* Write the waiting records, all or none: what a full disk took of them is cut off again. */
static void flush(struct log *log)
{
	if (log->waiting == 0)
		return;
	if (log->fd > 0 && write_all(log->fd, log->buffer, log->used)) {
		log->size += log->used;
	} else {
		log->lost += log->waiting;
		if (log->fd > 0)
			(void)sys_ftruncate(log->fd, log->size);
	}
	log->used = 0;
	log->waiting = 0;
}

static void rotate_before(struct log *log, size_t record_size)
{
	uint64_t size = log->size + log->used;

	if (log->max_bytes == 0 || size == 0 || size + record_size <= log->max_bytes)
		return;
	flush(log);
	if (log->fd > 0 && log->size > 0)
		rotate(log);
}

static void add_record(struct log *log, const char *prefix, size_t prefix_size, const char *data,
		       size_t size)
{
	struct text buffer = { .data = log->buffer, .size = LOG_BUFFER_SIZE };
	size_t record_size = prefix_size + size + 1;

	rotate_before(log, record_size);
	if (log->used + record_size > LOG_BUFFER_SIZE)
		flush(log);
	buffer.length = log->used;
	text_add_bytes(&buffer, prefix, prefix_size);
	text_add_bytes(&buffer, data, size);
	text_add(&buffer, "\n");
	log->used = buffer.length;
	log->waiting++;
}

/* One record for each line. All that came in one read has one time stamp. */
static void add_records(struct log *log, unsigned which, const char *data, size_t size)
{
	char storage[PREFIX_SIZE];
	struct text prefix = TEXT(storage);
	char *tag;

	text_add_time(&prefix, sys_clock(CLOCK_REAL));
	text_add(&prefix, " ");
	text_add(&prefix, STREAM_NAMES[which]);
	text_add(&prefix, " F ");
	tag = storage + prefix.length - 2;
	while (size > 0) {
		const char *newline = find_byte(data, '\n', size);
		size_t length = newline != NULL ? (size_t)(newline - data) : size;

		*tag = newline != NULL ? 'F' : 'P';
		add_record(log, storage, prefix.length, data, length);
		length += newline != NULL ? 1 : 0;
		data += length;
		size -= length;
	}
	flush(log);
}

static void report_lost(struct log *log)
{
	char storage[PREFIX_SIZE];
	struct text line = TEXT(storage);
	uint64_t lost = log->lost;

	text_add(&line, "wherry: ");
	text_add_number(&line, lost);
	text_add(&line, " log records lost\n");
	log->lost = 0;
	add_records(log, OUTPUT_STDERR, storage, line.length);
	if (log->lost > 0) /* the report itself could not be written */
		log->lost = lost;
}

void log_append(struct log *log, unsigned which, const char *data, size_t size)
{
	if (log->path == NULL)
		return;
	if (log->fd == 0) /* a rotation could not open the new file */
		(void)log_open(log);
	if (log->lost > 0)
		report_lost(log);
	add_records(log, which, data, size);
}

void log_finish(struct log *log)
{
	if (log->lost > 0)
		report_lost(log);
	close_stream(&log->fd);
}

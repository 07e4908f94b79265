/* The container's log: one file and its rotated predecessors. */
#include "log_format.h"

#define KEPT_SIZE (3 * PAGE_SIZE) /* of the buffer; a long record may need more for a moment */
#define REPORT_SIZE 64

/* A monitor that was killed may have left half a record: end it, so that the next one begins a
 * line. */
static uint64_t end_torn_record(int fd, uint64_t size)
{
	char last = '\n';

	if (size > 0)
		(void)sys_pread(fd, &last, 1, size - 1);
	return last != '\n' && sys_write(fd, "\n", 1) == 1 ? size + 1 : size;
}

/* What is no file, such as a FIFO that somebody has put there, could block the monitor. */
int log_open(struct log *log)
{
	int fd = sys_openat(AT_FDCWD, log->path,
			    O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0640);
	int64_t size;

	if (fd < 0)
		return fd;
	size = sys_seek_end(fd);
	if (size < 0) {
		sys_close(fd);
		return (int)size;
	}
	log->fd = fd;
	log->size = end_torn_record(fd, (uint64_t)size);
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

/* Hand back the memory that a long record took. */
static void shrink(const struct log *log)
{
	if (log->used > KEPT_SIZE)
		discard_pages(log->buffer + KEPT_SIZE, log->used - KEPT_SIZE);
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
	shrink(log);
	log->used = 0;
	log->waiting = 0;
}

/* The record stands behind the used bytes of the buffer. After a rotation it is at the start. */
static void rotate_before(struct log *log, size_t record_size)
{
	const char *record = log->buffer + log->used;
	uint64_t size = log->size + log->used;

	if (log->max_bytes == 0 || size == 0 || size + record_size <= log->max_bytes)
		return;
	flush(log);
	if (log->fd > 0 && log->size > 0)
		rotate(log);
	memmove(log->buffer, record, record_size);
}

static void add_record(struct log *log, const struct stamp *stamp, const char *data, size_t size,
		       bool ends_line)
{
	struct text buffer = { .data = log->buffer, .size = LOG_BUFFER_SIZE };
	size_t record_size;

	if (log->used + record_room(stamp, size) > KEPT_SIZE)
		flush(log);
	buffer.length = log->used;
	record_add(&buffer, stamp, data, size, ends_line);
	record_size = buffer.length - log->used;
	rotate_before(log, record_size);
	log->used += record_size;
	log->waiting++;
}

/* CRI: one record for each line, or for the part of one that was read. */
static void add_parts(struct log *log, unsigned which, const char *data, size_t size)
{
	struct stamp stamp;

	stamp_make(&stamp, log->format, which, sys_clock(CLOCK_REAL));
	while (size > 0) {
		const char *newline = find_byte(data, '\n', size);
		size_t length = newline != NULL ? (size_t)(newline - data) : size;

		add_record(log, &stamp, data, length, newline != NULL);
		length += newline != NULL ? 1 : 0;
		data += length;
		size -= length;
	}
}

/* All records of a long line have the time of the first. */
static void add_line(struct log *log, const struct stamp *now, const char *data, size_t size,
		     bool ends_line)
{
	struct line *line = &log->lines[now->which];
	struct stamp first = { .time = line->began_at };

	if (first.time != 0)
		stamp_make(&first, log->format, now->which, first.time);
	add_record(log, first.time != 0 ? &first : now, data, size, ends_line);
	line->began_at = ends_line ? 0 : first.time != 0 ? first.time : now->time;
	line->length = 0;
}

/* JSON: one record for each line, or for CHUNK_SIZE bytes of it, as docker's copier splits them.
 * What is less waits for the rest. */
static void add_lines(struct log *log, unsigned which, const char *data, size_t size)
{
	struct line *line = &log->lines[which];
	struct stamp now;

	stamp_make(&now, log->format, which, sys_clock(CLOCK_REAL));
	while (size > 0) {
		size_t room = CHUNK_SIZE - line->length;
		size_t length = size < room ? size : room;
		const char *newline = find_byte(data, '\n', length);
		bool is_whole = newline != NULL || length == room;

		if (newline != NULL)
			length = (size_t)(newline - data);
		if (is_whole && line->length == 0) {
			add_line(log, &now, data, length, newline != NULL);
		} else {
			memcpy(line->data + line->length, data, length);
			line->length += (uint32_t)length;
			if (is_whole)
				add_line(log, &now, line->data, line->length, newline != NULL);
		}
		length += newline != NULL ? 1 : 0;
		data += length;
		size -= length;
	}
}

static void end_line(struct log *log, unsigned which)
{
	const struct line *line = &log->lines[which];
	struct stamp now;

	if (line->length == 0)
		return;
	stamp_make(&now, log->format, which, sys_clock(CLOCK_REAL));
	add_line(log, &now, line->data, line->length, false);
}

static void report_lost(struct log *log)
{
	char storage[REPORT_SIZE];
	struct text line = TEXT(storage);
	uint64_t lost = log->lost;
	struct stamp stamp;

	text_add(&line, "wherry: ");
	text_add_number(&line, lost);
	text_add(&line, " log records lost");
	stamp_make(&stamp, log->format, OUTPUT_STDERR, sys_clock(CLOCK_REAL));
	log->lost = 0;
	add_record(log, &stamp, storage, line.length, true);
	flush(log);
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
	if (log->format == LOG_JSON)
		add_lines(log, which, data, size);
	else
		add_parts(log, which, data, size);
	flush(log);
}

void log_finish(struct log *log)
{
	for (unsigned i = 0; i < OUTPUT_COUNT; i++) {
		end_line(log, i);
		log->lines[i].began_at = 0;
	}
	flush(log);
	if (log->lost > 0)
		report_lost(log);
}

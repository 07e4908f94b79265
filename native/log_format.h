/* The records of a log: docs/monitor.md, "Log". */
#pragma once

#include "monitor.h"
#include "text.h"

#define STAMP_SIZE 128 /* more than all that surrounds the text of a record */

/* What all records of one stream and time have in common. */
struct stamp {
	enum log_format format;
	unsigned which;
	uint64_t time; /* nanoseconds since the epoch */
	size_t length;
	char bytes[STAMP_SIZE];
};

void stamp_make(struct stamp *ret_stamp, enum log_format format, unsigned which,
		uint64_t nanoseconds);

/* Most bytes that a record of `size` bytes takes. */
size_t record_room(const struct stamp *stamp, size_t size);

/* Add one record; `ends_line` says that its text was followed by a newline. */
void record_add(struct text *text, const struct stamp *stamp, const char *data, size_t size,
		bool ends_line);

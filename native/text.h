/* Strings, numbers and time stamps without libc. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The compiler may call these four by itself; memory.c has them for the freestanding build. */
void *memcpy(void *restrict target, const void *restrict source, size_t size);
void *memmove(void *target, const void *source, size_t size);
void *memset(void *target, int byte, size_t size);
int memcmp(const void *a, const void *b, size_t size);

size_t text_length(const char *text);
bool text_equal(const char *a, const char *b);
bool text_begins(const char *text, const char *prefix);

/* The first `byte` in data, or NULL. */
char *find_byte(const char *data, char byte, size_t size);

/* Parse all of `text` as a number without sign, not above `maximum`. Returns 0 or -EINVAL. */
int parse_number(const char *text, unsigned base, uint64_t maximum, uint64_t *ret_number);

/* The bytes that the first 2 * `size` hexadecimal digits of `text` stand for. Returns 0, or -EINVAL
 * when they are not there. */
int parse_bytes(const char *text, size_t size, void *ret_bytes);

/* Text that is being written into fixed memory; what does not fit is cut off and remembered. */
struct text {
	char *data;
	size_t size;
	size_t length;
	bool is_cut;
};

#define TEXT(buffer)                                                                               \
	{                                                                                          \
		.data = (buffer), .size = sizeof(buffer)                                           \
	}

void text_add_bytes(struct text *text, const char *bytes, size_t size);
void text_add(struct text *text, const char *string);
void text_add_number(struct text *text, uint64_t number);

/* RFC 3339 with nanoseconds and Z: always 30 bytes until the year 9999. */
void text_add_time(struct text *text, uint64_t nanoseconds);

/* The NUL-terminated text, or NULL when it was cut. */
const char *text_end(struct text *text);

/* The file of the last health checks: one line each. */
#include "health.h"
#include "record.h"
#include "text.h"

#define LINE_COUNT 5
#define LINE_SIZE (2 * (HEALTH_OUTPUT_SIZE + HEALTH_MARK_SIZE) + 128)
#define FILE_SIZE (LINE_COUNT * LINE_SIZE)

static void add_hex(struct text *text, const char *data, size_t size)
{
	static const char DIGITS[] = "0123456789abcdef";

	for (size_t i = 0; i < size; i++) {
		uint8_t byte = (uint8_t)data[i];

		text_add_bytes(text, (char[]){ DIGITS[byte >> 4], DIGITS[byte & 15] }, 2);
	}
}

/* Where the last LINE_COUNT - 1 lines begin. */
static const char *find_kept(const char *data, size_t size)
{
	unsigned count = 0;

	for (const char *at = data + size; at > data; at--)
		if (at[-1] == '\n' && count++ == LINE_COUNT - 1)
			return at;
	return data;
}

static void add_line(struct text *text, const struct health *health, const char *code)
{
	size_t size = health->length + (health->is_cut ? HEALTH_MARK_SIZE : 0);

	text_add_number(text, health->began_at);
	text_add(text, " ");
	text_add_number(text, sys_clock(CLOCK_REAL));
	text_add(text, " ");
	text_add(text, code);
	text_add(text, " ");
	add_hex(text, health->data, size);
	text_add(text, "\n");
}

/* The lines of the file that are kept, moved to the front of `memory`. A damaged file is begun
 * anew.
 */
static size_t read_kept(const char *path, char *memory)
{
	cleanup_close int file = sys_openat(AT_FDCWD, path, O_RDONLY | O_NOFOLLOW, 0);
	int64_t size = file < 0 ? 0 : sys_read(file, memory, FILE_SIZE);
	const char *kept;
	size_t length;

	if (size <= 0 || memory[size - 1] != '\n')
		return 0;
	kept = find_kept(memory, (size_t)size);
	length = (size_t)(memory + size - kept);
	memmove(memory, kept, length);
	return length;
}

/* When it cannot be written it stays as it is. */
void health_log_add(const struct health *health, const char *code)
{
	char *memory = sys_allocate(FILE_SIZE + LINE_SIZE);
	struct text lines = { .data = memory, .size = FILE_SIZE + LINE_SIZE };

	if (memory == NULL)
		return;
	lines.length = read_kept(health->path, memory);
	add_line(&lines, health, code);
	(void)replace_file(AT_FDCWD, health->path, &lines, false);
	sys_free(memory, FILE_SIZE + LINE_SIZE);
}

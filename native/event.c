/* What happens to the container, for `wherry events`: docs/monitor.md. */
#include "steps.h"
#include "text.h"

#define MAX_PARTS 20
#define TIME_SIZE 80

int step_events(struct monitor *monitor, const struct step *step)
{
	monitor->events = *step;
	monitor->event_name = step_text(step, 4);
	monitor->is_exec = text_equal(step_text(step, 5), "exec");
	return 0;
}

void event_rename(struct monitor *monitor, const char *name)
{
	struct text copy = TEXT(monitor->buffers.event_name);

	text_add(&copy, name);
	(void)text_end(&copy); /* shorter than a message */
	monitor->event_name = copy.data;
}

static void add_time(struct text *text, uint64_t now)
{
	text_add(text, "\"time\":");
	text_add_number(text, now / 1000000000U);
	text_add(text, ",\"timeNano\":");
	text_add_number(text, now);
	text_add(text, "}\n");
	(void)text_end(text);
}

/* A FIFO without a reader cannot be opened so; what else is no file must not be written to. */
static int open_log(const char *path)
{
	int file = sys_openat(AT_FDCWD, path,
			      O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0600);
	struct statx status;

	if (file < 0)
		return file;
	if (sys_statx(file, &status) == 0 && (status.stx_mode & S_IFMT) == S_IFREG)
		return file;
	sys_close(file);
	return -EINVAL;
}

/* One writev, so that the lines of several writers never mix. */
static void append_line(const char *path, const char *const *parts)
{
	cleanup_close int file = open_log(path);
	struct iovec line[MAX_PARTS];
	size_t count = 0;

	if (file < 0)
		return;
	for (; parts[count] != NULL; count++)
		line[count] = (struct iovec){ (void *)(uintptr_t)parts[count],
					      text_length(parts[count]) };
	(void)sys_writev(file, line, count);
}

void event_write(const struct monitor *monitor, const char *action, const char *attributes)
{
	const struct step *step = &monitor->events;
	char time_storage[TIME_SIZE];
	struct text time = TEXT(time_storage);
	const char *id;

	if (step->count == 0)
		return;
	id = step_text(step, 1);
	add_time(&time, sys_clock(CLOCK_REAL));
	append_line(step_text(step, 0), (const char *const[MAX_PARTS]){
						"{\"status\":\"",
						action,
						"\",\"id\":",
						id,
						",\"from\":",
						step_text(step, 2),
						",\"Type\":\"container\",\"Action\":\"",
						action,
						"\",\"Actor\":{\"ID\":",
						id,
						",\"Attributes\":",
						step_text(step, 3),
						",\"name\":\"",
						monitor->event_name,
						"\"",
						attributes,
						"}},\"scope\":\"local\",",
						time_storage,
					});
}

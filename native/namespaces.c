/*
 * `wherry-monitor --namespaces FIRST COUNT`: make a user namespace in which the ids 0, 1, 2 ... are
 * the host's FIRST, FIRST + 1 ..., and a network namespace that belongs to it, and send both to
 * CONTROL_FD (docs/monitor.md, "Namespaces of mapped containers").
 *
 * The engine cannot: only a process with a single thread may make a user namespace, and only who is
 * outside may write its maps. So a child of this program makes both, and waits until they are sent.
 */
#include "message.h"
#include "monitor.h"
#include "text.h"

#define PROC_PATH_SIZE 32 /* "/proc/PID/ns/user" */

/* Lives until nobody has the other end of the pipe any more: also when this program is killed. */
static _Noreturn void stay(const int ends[2])
{
	char byte;

	sys_close(ends[1]);
	sys_close(CONTROL_FD);
	(void)sys_read(ends[0], &byte, sizeof(byte));
	sys_exit(0);
}

static int open_of(int64_t pid, const char *name, int access)
{
	char storage[PROC_PATH_SIZE];
	struct text path = TEXT(storage);

	text_add(&path, "/proc/");
	text_add_number(&path, (uint64_t)pid);
	text_add(&path, name);
	return text_end(&path) == NULL ? -ENAMETOOLONG : sys_openat(AT_FDCWD, storage, access, 0);
}

/* user_namespaces(7): both maps are written once, and as a whole. */
static int write_map(int64_t pid, const char *name, const char *first, const char *count)
{
	cleanup_close int file = open_of(pid, name, O_WRONLY);
	char storage[64];
	struct text map = TEXT(storage);

	text_add(&map, "0 ");
	text_add(&map, first);
	text_add(&map, " ");
	text_add(&map, count);
	text_add(&map, "\n");
	if (text_end(&map) == NULL)
		return -EINVAL;
	return file < 0 ? file : (int)sys_write(file, storage, map.length);
}

static int send_namespaces(int64_t pid)
{
	cleanup_close int user = open_of(pid, "/ns/user", O_RDONLY);
	cleanup_close int network = open_of(pid, "/ns/net", O_RDONLY);
	const int32_t fds[] = { user, network };
	static const char WORD[] = "namespaces";

	if (user < 0 || network < 0)
		return user < 0 ? user : network;
	return (int)message_send(CONTROL_FD, WORD, sizeof(WORD) - 1, fds, 2, 0);
}

static int make(const char *first, const char *count)
{
	struct clone_args args = { .flags = CLONE_NEWUSER | CLONE_NEWNET, .exit_signal = SIGCHLD };
	int ends[2];
	int result = sys_pipe(ends);
	int64_t pid;

	if (result < 0)
		return result;
	pid = sys_clone3(&args);
	if (pid == 0)
		stay(ends);
	if (pid < 0)
		return (int)pid;
	result = write_map(pid, "/uid_map", first, count);
	if (result >= 0)
		result = write_map(pid, "/gid_map", first, count);
	return result < 0 ? result : send_namespaces(pid);
}

void make_namespaces(const char *first, const char *count)
{
	char storage[32];
	struct text text = TEXT(storage);
	int result = make(first, count);

	if (result >= 0)
		return;
	text_add(&text, "failed 0 ");
	text_add_number(&text, (uint64_t)-result);
	(void)message_send(CONTROL_FD, storage, text.length, NULL, 0, 0);
}

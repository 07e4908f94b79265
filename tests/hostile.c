/*
 * What a hostile process in a container tries: hostile_container_test.ts.
 *
 *   hostile trace           stop every process in sight by ptrace(2), again and again
 *   hostile listen NAME     listen on an abstract unix socket, until stdin ends
 *   hostile connect NAME    connect to one, and say what came of it
 */
#include <dirent.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define PAUSE_MICROSECONDS 1000

static void stop_each(DIR *processes)
{
	struct dirent *entry;

	while ((entry = readdir(processes)) != NULL) {
		pid_t pid = atoi(entry->d_name);

		if (pid > 0 && pid != getpid() && ptrace(PTRACE_SEIZE, pid, NULL, NULL) == 0) {
			(void)ptrace(PTRACE_INTERRUPT, pid, NULL, NULL);
			printf("traced %d\n", pid);
			fflush(stdout);
		}
	}
}

static _Noreturn void trace(void)
{
	for (;;) {
		DIR *processes = opendir("/proc");

		if (processes != NULL) {
			stop_each(processes);
			closedir(processes);
		}
		usleep(PAUSE_MICROSECONDS);
	}
}

/* A name in the abstract namespace begins with a zero byte and has no end but its length. */
static socklen_t make_address(struct sockaddr_un *ret_address, const char *name)
{
	size_t length = strlen(name);

	if (length >= sizeof(ret_address->sun_path))
		exit(2);
	*ret_address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	memcpy(ret_address->sun_path + 1, name, length);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + length);
}

static int meet(const char *name, int (*act)(int, const struct sockaddr *, socklen_t))
{
	int descriptor = socket(AF_UNIX, SOCK_STREAM, 0);
	struct sockaddr_un address;
	socklen_t length = make_address(&address, name);
	char byte;

	if (act(descriptor, (const struct sockaddr *)&address, length) < 0) {
		puts(strerror(errno));
		return 1;
	}
	if (act == bind && listen(descriptor, 1) < 0)
		return 1;
	puts(act == bind ? "listening" : "connected");
	fflush(stdout);
	while (act == bind && read(0, &byte, 1) > 0)
		continue;
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "trace") == 0)
		trace();
	if (argc == 3 && strcmp(argv[1], "listen") == 0)
		return meet(argv[2], bind);
	if (argc == 3 && strcmp(argv[1], "connect") == 0)
		return meet(argv[2], connect);
	return 2;
}

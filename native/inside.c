#include "inside.h"
#include "text.h"
#include <linux/magic.h>

#define RESOLVE_TRIES 128

int inside_root(struct child *child)
{
	if (child->root < 0)
		child->root = sys_openat(AT_FDCWD, "/", O_PATH | O_DIRECTORY, 0);
	return child->root;
}

/* EAGAIN: something on the host was renamed or mounted while the kernel followed a "..", which
 * might have led out of the root then. One of the next tries finds out. */
int open_resolved(int dir, const char *path, uint64_t flags, uint64_t resolve)
{
	int result = -EAGAIN;

	for (unsigned tries = 0; result == -EAGAIN && tries < RESOLVE_TRIES; tries++)
		result = sys_openat2(dir, path, flags, resolve | RESOLVE_NO_MAGICLINKS);
	return result;
}

int inside_open(struct child *child, const char *path, uint64_t flags, uint64_t resolve)
{
	int root = inside_root(child);

	return root < 0 ? root : open_resolved(root, path, flags, resolve | RESOLVE_IN_ROOT);
}

int inside_link_target(int parent, const char *path, size_t start, char ret_target[PATH_SIZE])
{
	struct text target = { .data = ret_target, .size = PATH_SIZE };
	char content[PATH_SIZE];
	int64_t size = SYS(readlinkat, parent, path + start, content, sizeof(content));

	if (size < 0)
		return (int)size;
	if (size > 0 && content[0] != '/')
		text_add_bytes(&target, path, start);
	text_add_bytes(&target, content, (size_t)size);
	return text_end(&target) == NULL ? -ENAMETOOLONG : 0;
}

static int open_dir(struct child *child, const char *path, int links);

/* Make the component of `path` that begins at `start`: a directory, or the one that a link there
 * means. */
static int make_component(struct child *child, int parent, const char *path, size_t start,
			  int links)
{
	int result = sys_mkdirat(parent, path + start, 0755);
	char target[PATH_SIZE];

	if (result != -EEXIST)
		return result;
	if (links == 0)
		return -ELOOP;
	result = inside_link_target(parent, path, start, target);
	if (result == 0)
		result = open_dir(child, target, links - 1);
	if (result >= 0)
		sys_close(result);
	return result;
}

/* Make the directory whose path is the first `end` bytes of `path`, after its parents. Every prefix
 * is looked up from the root again, so that links and ".." mean what they mean to the container. */
static int open_prefix(struct child *child, char *path, size_t end, int links)
{
	cleanup_close int parent = inside_open(child, "/", O_PATH | O_DIRECTORY, 0);
	size_t start = 0;

	while (start < end && parent >= 0) {
		size_t stop = start;
		char after;
		int next;

		while (stop < end && path[stop] != '/')
			stop++;
		after = path[stop];
		path[stop] = '\0';
		next = inside_open(child, path, O_PATH | O_DIRECTORY, 0);
		if (next == -ENOENT) {
			next = make_component(child, parent, path, start, links);
			if (next >= 0)
				next = inside_open(child, path, O_PATH | O_DIRECTORY, 0);
		}
		path[stop] = after;
		sys_close(steal_fd(&parent));
		parent = next;
		start = stop + 1;
		while (start < end && path[start] == '/')
			start++;
	}
	return steal_fd(&parent);
}

/* Copy `path` without slashes at its ends. */
static size_t copy_path(const char *path, char *buffer)
{
	size_t length;

	while (*path == '/')
		path++;
	length = text_length(path);
	while (length > 0 && path[length - 1] == '/')
		length--;
	memcpy(buffer, path, length);
	buffer[length] = '\0';
	return length;
}

int inside_open_parent(struct child *child, const char *path, const char **ret_name, char *buffer)
{
	size_t end = copy_path(path, buffer);
	const char *name;

	while (end > 0 && buffer[end - 1] != '/')
		end--;
	name = buffer + end;
	if (*name == '\0' || text_equal(name, ".") || text_equal(name, ".."))
		return -EINVAL;
	*ret_name = name;
	return open_prefix(child, buffer, end, MAX_DANGLING_LINKS);
}

static int open_dir(struct child *child, const char *path, int links)
{
	int dir = inside_open(child, path, O_PATH | O_DIRECTORY, 0);
	char buffer[PATH_SIZE];

	return dir != -ENOENT ? dir : open_prefix(child, buffer, copy_path(path, buffer), links);
}

int inside_open_dir(struct child *child, const char *path)
{
	return open_dir(child, path, MAX_DANGLING_LINKS);
}

static int require_file_system(int fd, int64_t type)
{
	struct file_system file_system;
	int result = sys_fstatfs(fd, &file_system);

	if (result < 0)
		return result;
	return file_system.type == type ? 0 : -EXDEV;
}

int fd_path(int fd, char ret_path[FD_PATH_SIZE])
{
	struct text path = { .data = ret_path, .size = FD_PATH_SIZE };
	cleanup_close int dir = sys_openat(AT_FDCWD, "/proc/self/fd", O_PATH | O_DIRECTORY, 0);
	int result = dir < 0 ? dir : require_file_system(dir, PROC_SUPER_MAGIC);

	text_add(&path, "/proc/self/fd/");
	text_add_number(&path, (uint64_t)fd);
	(void)text_end(&path);
	return result;
}

int write_proc(int fd, const char *value)
{
	int result = fd < 0 ? fd : require_file_system(fd, PROC_SUPER_MAGIC);

	if (result == 0)
		result = (int)sys_write(fd, value, text_length(value));
	return result < 0 ? result : 0;
}

/* Removing a directory tree that a container may have built to resist. */
#include "message.h"
#include "text.h"
#include "wherry.h"

#define EXPORT __attribute__((visibility("default")))
#define BUFFER_SIZE 16384

struct directory_entry {
	uint64_t inode;
	int64_t offset;
	uint16_t size;
	uint8_t type;
	char name[];
};

/* What is done with each entry of a directory. */
struct sweep {
	int top;
	uint64_t next_name;
	int (*remove)(struct sweep *sweep, int directory, const char *name);
};

/* A mount point below is somebody else's data: EBUSY, as rmdir(2) says it too. */
static int open_directory(int parent, const char *name)
{
	int fd = sys_openat2(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW,
			     RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS);

	return fd == -EXDEV ? -EBUSY : fd;
}

/* A file, a link or an empty directory; -ENOTEMPTY for any other directory. */
static int remove_entry(int parent, const char *name)
{
	int result = sys_unlinkat(parent, name);

	if (result == -EISDIR)
		result = (int)SYS(unlinkat, parent, name, AT_REMOVEDIR);
	return result == -ENOENT ? 0 : result;
}

static bool is_dot(const char *name)
{
	return text_equal(name, ".") || text_equal(name, "..");
}

/* One pass over `directory`. Returns how many entries there were, or -errno. */
static int sweep_once(struct sweep *sweep, int directory)
{
	_Alignas(struct directory_entry) char buffer[BUFFER_SIZE];
	int count = 0;
	int64_t size;

	(void)SYS(lseek, directory, 0, 0); /* SEEK_SET */
	while ((size = SYS(getdents64, directory, buffer, sizeof(buffer))) > 0) {
		for (int64_t at = 0; at < size;) {
			const struct directory_entry *entry = (const void *)(buffer + at);
			int result = 0;

			at += entry->size;
			if (is_dot(entry->name))
				continue;
			count++;
			result = sweep->remove(sweep, directory, entry->name);
			if (result < 0)
				return result;
		}
	}
	return size < 0 ? (int)size : count;
}

static int sweep_all(struct sweep *sweep, int directory)
{
	int count;

	do
		count = sweep_once(sweep, directory);
	while (count > 0);
	return count;
}

/* Move a directory that is not empty up into the top one, under a name nobody has there. */
static int hoist(struct sweep *sweep, int directory, const char *name)
{
	int result;

	do {
		char storage[32];
		struct text unique = TEXT(storage);

		text_add(&unique, "~");
		text_add_number(&unique, sweep->next_name++);
		(void)text_end(&unique);
		result =
			(int)SYS(renameat2, directory, name, sweep->top, storage, RENAME_NOREPLACE);
	} while (result == -EEXIST);
	return result;
}

static int remove_or_hoist(struct sweep *sweep, int directory, const char *name)
{
	int result = remove_entry(directory, name);

	return result == -ENOTEMPTY ? hoist(sweep, directory, name) : result;
}

static int remove_from_top(struct sweep *sweep, int top, const char *name)
{
	struct sweep below = { .top = top,
			       .next_name = sweep->next_name,
			       .remove = remove_or_hoist };
	int result = remove_entry(top, name);
	cleanup_close int directory = -1;

	if (result != -ENOTEMPTY)
		return result;
	directory = open_directory(top, name);
	if (directory < 0)
		return directory;
	result = sweep_all(&below, directory);
	sweep->next_name = below.next_name;
	return result < 0 ? result : remove_entry(top, name);
}

/* However deep the tree is, two of its directories are open at a time and nothing recurses: what is
 * nested deeper is first renamed into the top directory. */
EXPORT int32_t wherry_remove_tree(int32_t parent, const char *name)
{
	struct sweep sweep = { .remove = remove_from_top };
	int result = remove_entry(parent, name);
	cleanup_close int top = -1;

	if (result != -ENOTEMPTY)
		return result;
	top = open_directory(parent, name);
	if (top < 0)
		return top;
	result = sweep_all(&sweep, top);
	return result < 0 ? result : remove_entry(parent, name);
}

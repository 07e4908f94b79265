/* Steps that change the mount table. Mounts are put on descriptors, never on paths that could be
 * swapped. */
#include "inside.h"
#include "steps.h"
#include "text.h"
#include "tree.h"

static const char *or_null(const char *text)
{
	return *text == '\0' ? NULL : text;
}

/* mount(2) on host paths: the propagation of "/", the overlay, a bind of the root on itself. */
int step_mount(struct child *child, const struct step *step)
{
	(void)child;
	return sys_mount(or_null(step_text(step, 0)), step_text(step, 1),
			 or_null(step_text(step, 2)), step_number(step, 3),
			 or_null(step_text(step, 4)));
}

/* Directories of an overlay: OVL_MAX_STACK lower ones, the upper and the work one. */
enum { MAX_DIRECTORIES = 500 + 2 };

struct directories {
	int fds[MAX_DIRECTORIES];
	uint32_t count;
};

static void close_directories(struct directories *directories)
{
	while (directories->count > 0)
		sys_close(directories->fds[--directories->count]);
}

/* Open `*path`, go on to the string behind it, and add a name of few bytes for it to `data`. */
static int add_directory(struct directories *directories, const char **path, struct text *data)
{
	int fd;

	if (directories->count == MAX_DIRECTORIES)
		return -E2BIG;
	fd = sys_openat(AT_FDCWD, *path, O_PATH | O_DIRECTORY, 0);
	if (fd < 0)
		return fd;
	directories->fds[directories->count++] = fd;
	*path += text_length(*path) + 1;
	text_add_number(data, (uint64_t)fd);
	return 0;
}

/* The options of an overlay of `count` lower directories, behind those that are there already.
 * `path` is that of the upper one, empty when nothing is to be written; those of the work and the
 * lower ones stand behind it. */
static int describe_overlay(struct directories *directories, const char *path, uint32_t count,
			    struct text *data)
{
	static const char *const NAMES[] = { ",upperdir=", ",workdir=" };
	int result = 0;

	for (unsigned i = 0; i < 2 && result == 0; i++) {
		if (*path == '\0') {
			path++;
			continue;
		}
		text_add(data, NAMES[i]);
		result = add_directory(directories, &path, data);
	}
	text_add(data, ",lowerdir=");
	for (uint32_t i = 0; result == 0 && i < count; i++) {
		if (i > 0)
			text_add(data, ":");
		result = add_directory(directories, &path, data);
	}
	return result == 0 && text_end(data) == NULL ? -E2BIG : result;
}

/* mount(2) where descriptors are names: in /proc/self/fd, having checked that it is procfs. */
static int mount_among_descriptors(const char *target, uint64_t flags, const char *data)
{
	cleanup_close int back = sys_openat(AT_FDCWD, ".", O_PATH | O_DIRECTORY, 0);
	char path[FD_PATH_SIZE];
	int result = back < 0 ? back : fd_path(back, path);
	int returned;

	if (result == 0)
		result = sys_chdir("/proc/self/fd");
	if (result < 0)
		return result;
	result = sys_mount("overlay", target, "overlay", flags, data);
	returned = sys_fchdir(back);
	return result < 0 ? result : returned;
}

/* An overlay of more layers than a page has room for the paths of, which is all that mount(2)
 * takes: so each is opened, and its descriptor's number is its name. Works with every kernel,
 * unlike the "lowerdir+" of fsconfig(2), which is new in Linux 6.7. */
int step_overlay(struct child *child, const struct step *step)
{
	struct directories directories = { .count = 0 };
	char buffer[PATH_SIZE];
	struct text data = TEXT(buffer);
	int result;

	(void)child;
	text_add(&data, step_text(step, 2));
	result = describe_overlay(&directories, step_text(step, 3), step->count - 5, &data);
	if (result == 0)
		result = mount_among_descriptors(step_text(step, 0), step_number(step, 1), buffer);
	close_directories(&directories);
	return result;
}

/* A new file system in the root. The last component must not be a link: an image with /proc ->
 * /elsewhere would keep the real /proc from being mounted (CVE-2019-16884, CVE-2023-28642). */
int step_mount_in(struct child *child, const struct step *step)
{
	cleanup_close int parent = -1;
	cleanup_close int target = -1;
	char path[FD_PATH_SIZE];
	char buffer[PATH_SIZE];
	const char *name;
	int result;

	parent = inside_open_parent(child, step_text(step, 1), &name, buffer);
	if (parent < 0)
		return parent;
	result = sys_mkdirat(parent, name, 0755);
	if (result < 0 && result != -EEXIST)
		return result;
	target = sys_openat2(parent, name, O_PATH | O_DIRECTORY, RESOLVE_NO_SYMLINKS);
	if (target < 0)
		return target;
	result = fd_path(target, path);
	if (result < 0)
		return result;
	return sys_mount(or_null(step_text(step, 0)), path, or_null(step_text(step, 2)),
			 step_number(step, 3), or_null(step_text(step, 4)));
}

/* The options of a new file system: `data`, behind the mode of the directory that it covers. */
static int describe_mode(uint32_t covered, const char *data, struct text *options)
{
	if (covered != 0) {
		text_add(options, "mode=");
		for (int shift = 9; shift >= 0; shift -= 3)
			text_add_number(options, covered >> shift & 7);
		text_add(options, ",");
	}
	text_add(options, data);
	return text_end(options) == NULL ? -E2BIG : 0;
}

/* A new file system that somebody asked for: links to where it goes are followed, as those of a
 * bind mount, and a directory that was there keeps its mode if DATA names none. */
int step_mount_at(struct child *child, const struct step *step)
{
	uint32_t covered;
	cleanup_close int target = tree_open_target(child, step_text(step, 1), true, &covered);
	char path[FD_PATH_SIZE];
	char buffer[PATH_SIZE];
	struct text options = TEXT(buffer);
	int result = target;

	if (result >= 0)
		result = describe_mode(covered, step_text(step, 4), &options);
	if (result >= 0)
		result = fd_path(target, path);
	if (result < 0)
		return result;
	return sys_mount(or_null(step_text(step, 0)), path, or_null(step_text(step, 2)),
			 step_number(step, 3), buffer);
}

/* Open what is to be hidden or made read-only. No link on the way is followed: these paths are the
 * kernel's own in procfs and sysfs (CVE-2025-52881). */
static int open_existing(struct child *child, const char *path)
{
	int target = inside_open(child, path, O_PATH, RESOLVE_NO_SYMLINKS);

	return target == -ENOTDIR ? -ENOENT : target;
}

/* The container's /dev/null, having checked that it is device 1:3 (CVE-2025-31133). */
static int open_null_tree(struct child *child)
{
	cleanup_close int null = inside_open(child, "/dev/null", O_PATH, RESOLVE_NO_SYMLINKS);
	struct statx status;
	int result = null < 0 ? null : sys_statx(null, &status);

	if (result < 0)
		return result;
	if ((status.stx_mode & S_IFMT) != S_IFCHR || status.stx_rdev_major != 1 ||
	    status.stx_rdev_minor != 3)
		return -ENODEV;
	return sys_open_tree(null, "", OPEN_TREE_CLONE | AT_EMPTY_PATH);
}

/* fsopen(2): an empty file system that nobody can write to. */
static int open_empty_tree(void)
{
	cleanup_close int context = (int)SYS(fsopen, "tmpfs", FSOPEN_CLOEXEC);
	int result = context;

	if (result >= 0)
		result = (int)SYS(fsconfig, context, FSCONFIG_CMD_CREATE, 0, 0, 0);
	if (result < 0)
		return result;
	return (int)SYS(fsmount, context, FSMOUNT_CLOEXEC,
			MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
				MOUNT_ATTR_NOEXEC);
}

/* Hide a path: /dev/null over a file, an empty file system over a directory. */
int step_mask(struct child *child, const struct step *step)
{
	cleanup_close int target = open_existing(child, step_text(step, 0));
	cleanup_close int tree = -1;
	struct statx status;
	int result;

	if (target < 0)
		return target == -ENOENT ? 0 : target;
	result = sys_statx(target, &status);
	if (result < 0)
		return result;
	tree = (status.stx_mode & S_IFMT) == S_IFDIR ? open_empty_tree() : open_null_tree(child);
	return tree < 0 ? tree : sys_move_mount(tree, target);
}

/* Bind a path over itself, read-only with all that is mounted below it. */
int step_readonly(struct child *child, const struct step *step)
{
	const struct tree_attributes attributes = { .all = MOUNT_ATTR_RDONLY };
	cleanup_close int target = open_existing(child, step_text(step, 0));
	cleanup_close int tree = -1;

	if (target < 0)
		return target == -ENOENT ? 0 : target;
	tree = sys_open_tree(target, "", OPEN_TREE_CLONE | AT_EMPTY_PATH | AT_RECURSIVE);
	return tree < 0 ? tree : tree_attach(tree, target, &attributes);
}

/* pivot_root(2), "pivot_root(".", ".")": old and new root are stacked on one directory, so the
 * image need not have a place for the old one. Its mounts become slaves first, or their removal
 * would reach the host. */
int step_pivot_root(struct child *child, const struct step *step)
{
	cleanup_close int old_root = sys_openat(AT_FDCWD, "/", O_PATH | O_DIRECTORY, 0);
	int result = old_root < 0 ? old_root : sys_fchdir(inside_root(child));

	(void)step;
	if (result == 0)
		result = (int)SYS(pivot_root, ".", ".");
	if (result == 0)
		result = sys_fchdir(old_root);
	if (result == 0)
		result = sys_mount(NULL, ".", NULL, MS_SLAVE | MS_REC, NULL);
	if (result == 0)
		result = (int)SYS(umount2, ".", MNT_DETACH);
	if (result < 0)
		return result;
	sys_close(steal_fd(&child->root));
	return sys_chdir("/");
}

/* mount(2) with MS_REMOUNT | MS_BIND. */
int step_remount_root_readonly(struct child *child, const struct step *step)
{
	int fd = inside_root(child);
	uint64_t flags = 0;
	int result = fd < 0 ? fd : tree_kept_flags(fd, &flags);

	(void)step;
	if (result < 0)
		return result;
	return sys_mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | flags, NULL);
}

#include "tree.h"
#include <linux/magic.h>

/* They have the same bits in statfs and mount(2). */
int tree_kept_flags(int mount, uint64_t *ret_flags)
{
	const int64_t kept =
		MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME | MS_NODIRATIME;
	struct file_system file_system;
	int result = sys_fstatfs(mount, &file_system);

	if (result == 0)
		*ret_flags = (uint64_t)(file_system.flags & kept);
	return result;
}

/* Before Linux 5.12 there is no mount_setattr: the four oldest attributes have the same values as
 * the MS_* flags, and can be set by a remount of a single mount once it is attached. */
static int set_by_remount(int tree, uint32_t attributes)
{
	const uint32_t known =
		MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
	char path[FD_PATH_SIZE];
	uint64_t flags = 0;
	int result;

	if ((attributes & ~known) != 0)
		return -ENOSYS;
	result = fd_path(tree, path);
	if (result == 0)
		result = tree_kept_flags(tree, &flags);
	if (result < 0)
		return result;
	return sys_mount(NULL, path, NULL, MS_REMOUNT | MS_BIND | flags | attributes, NULL);
}

static int set_attributes(int tree, uint32_t attributes, uint32_t recursive)
{
	struct mount_attr change = { .attr_set = attributes };

	if (attributes == 0)
		return 0;
	if ((attributes & MOUNT_ATTR__ATIME) != 0)
		change.attr_clr = MOUNT_ATTR__ATIME;
	return sys_mount_setattr(tree, recursive, &change);
}

int tree_attach(int tree, int target, const struct tree_attributes *attributes)
{
	int set = set_attributes(tree, attributes->all, AT_RECURSIVE);
	int result;

	if (set == 0)
		set = set_attributes(tree, attributes->top, 0);
	if (set < 0 && (set != -ENOSYS || attributes->is_strict))
		return set;
	result = sys_move_mount(tree, target);
	if (result == 0 && set == -ENOSYS)
		result = set_by_remount(tree, attributes->all | attributes->top);
	return result;
}

/* Make an empty file, or the one that a link in its place means. */
static int make_file(struct child *child, const char *path, int links)
{
	char buffer[PATH_SIZE];
	char target[PATH_SIZE];
	const char *name;
	cleanup_close int parent = inside_open_parent(child, path, &name, buffer);
	int result = parent < 0 ? parent : sys_mknodat(parent, name, S_IFREG | 0644, 0);

	if (result != -EEXIST)
		return result;
	if (links == 0)
		return -ELOOP;
	result = inside_link_target(parent, buffer, (size_t)(name - buffer), target);
	return result < 0 ? result : make_file(child, target, links - 1);
}

/* Make what is missing, and open it. */
static int make_target(struct child *child, const char *path, bool is_dir)
{
	int result;

	if (is_dir)
		return inside_open_dir(child, path);
	result = make_file(child, path, MAX_DANGLING_LINKS);
	return result < 0 ? result : inside_open(child, path, O_PATH, 0);
}

/* Whether it is 1 or 0, or -errno. */
static int is_of_kernel(int fd)
{
	struct file_system file_system;
	int result = sys_fstatfs(fd, &file_system);

	if (result < 0)
		return result;
	return file_system.type == PROC_SUPER_MAGIC || file_system.type == SYSFS_MAGIC ||
	       file_system.type == CGROUP_SUPER_MAGIC || file_system.type == CGROUP2_SUPER_MAGIC;
}

/* What goes over the root itself would not be seen by its path: -EBUSY. */
static int refuse_root(struct child *child, int target)
{
	struct statx root;
	struct statx status;
	int result = sys_statx(inside_root(child), &root);

	if (result == 0)
		result = sys_statx(target, &status);
	if (result < 0)
		return result;
	return root.stx_ino == status.stx_ino && root.stx_dev_major == status.stx_dev_major &&
			       root.stx_dev_minor == status.stx_dev_minor
		       ? -EBUSY
		       : 0;
}

/* What is in procfs or sysfs is mounted over only if the path itself says so: a link of an image,
 * or of a volume that another container changes, must not have wherry or the container write to a
 * file that does nothing (CVE-2019-16884, CVE-2025-52881). */
static int check_links(struct child *child, const char *path, int target)
{
	int result = is_of_kernel(target);

	if (result <= 0)
		return result < 0 ? result : target;
	result = inside_open(child, path, O_PATH, RESOLVE_NO_SYMLINKS);
	return result == -ELOOP ? -EXDEV : result;
}

static int check_kind(int target, bool is_dir, uint32_t *ret_mode)
{
	struct statx status;
	int result = sys_statx(target, &status);

	if (result < 0)
		return result;
	*ret_mode = status.stx_mode;
	if (((status.stx_mode & S_IFMT) == S_IFDIR) == is_dir)
		return 0;
	return is_dir ? -EEXIST : -EISDIR;
}

int tree_open_target(struct child *child, const char *path, bool is_dir, uint32_t *ret_mode)
{
	cleanup_close int found = inside_open(child, path, O_PATH, 0);
	bool is_made = found == -ENOENT;
	cleanup_close int target = -1;
	int result;

	if (is_made)
		found = make_target(child, path, is_dir);
	result = found < 0 ? found : refuse_root(child, found);
	if (result < 0)
		return result;
	target = check_links(child, path, found);
	if (target == found)
		(void)steal_fd(&found);
	result = target < 0 ? target : check_kind(target, is_dir, ret_mode);
	if (result < 0)
		return result;
	if (is_made)
		*ret_mode = 0;
	return steal_fd(&target);
}

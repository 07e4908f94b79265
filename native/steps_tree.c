/* Steps that attach what open_tree(2) has copied: bind mounts above all. Mounts are put on
 * descriptors, never on paths that could be swapped. */
#include "steps.h"
#include "tree.h"

/* FLAGS of `attach-tree` and `take-tree`. */
enum {
	TREE_RECURSIVE = 1,
	TREE_MAKE_SOURCE = 2,
	TREE_ID_MAPPED = 4,
	TREE_LINKS_IN_ROOT = 8,
	TREE_TOP_IN_GROUP = 16,
};

/* FLAGS of `attach-taken`. */
enum { TREE_IS_STRICT = 1 };

/* The child has none so high of its own while trees are taken. */
#define TREE_FDS 32

/* mount_setattr(2), "ID-mapped mounts": what belongs to 0, 1, 2 ... in the file system belongs in
 * `tree` to the ids that the user namespace has for them. */
static int map_ids(int tree)
{
	struct mount_attr change = { .attr_set = MOUNT_ATTR_IDMAP, .userns_fd = USER_FD };

	return sys_mount_setattr(tree, AT_RECURSIVE, &change);
}

static uint32_t recursive_flag(uint32_t flags)
{
	return (flags & TREE_RECURSIVE) != 0 ? AT_RECURSIVE : 0;
}

/* Copy what `subpath` is below a directory. Containers change what is there: it is looked up by
 * the kernel in one go, and never out of the directory (CVE-2021-25741). */
static int copy_below(const char *path, const char *subpath, uint32_t flags)
{
	uint64_t resolve = (flags & TREE_LINKS_IN_ROOT) != 0 ? RESOLVE_IN_ROOT : RESOLVE_BENEATH;
	cleanup_close int dir = sys_openat(AT_FDCWD, path, O_PATH | O_DIRECTORY, 0);
	cleanup_close int source = dir < 0 ? dir : open_resolved(dir, subpath, O_PATH, resolve);

	if (source < 0)
		return source;
	return sys_open_tree(source, "", OPEN_TREE_CLONE | AT_EMPTY_PATH | recursive_flag(flags));
}

/* Copy the topmost mount as one of the group that the source is in, and those below it as mounts
 * of their own: move_mount(2), MOVE_MOUNT_SET_GROUP, since Linux 5.15. */
static int copy_with_group(const char *path, uint32_t flags)
{
	struct mount_attr change = { .propagation = MS_PRIVATE };
	cleanup_close int source = sys_openat(AT_FDCWD, path, O_PATH, 0);
	const uint32_t copied = OPEN_TREE_CLONE | AT_EMPTY_PATH;
	cleanup_close int top = source < 0 ? source : sys_open_tree(source, "", copied);
	cleanup_close int tree =
		top < 0 ? top : sys_open_tree(source, "", copied | recursive_flag(flags));
	int result = tree < 0 ? tree : sys_mount_setattr(tree, AT_RECURSIVE, &change);

	if (result == 0)
		result = (int)SYS(move_mount, top, "", tree, "",
				  MOVE_MOUNT_SET_GROUP | MOVE_MOUNT_F_EMPTY_PATH |
					  MOVE_MOUNT_T_EMPTY_PATH);
	return result < 0 ? result : steal_fd(&tree);
}

static int copy_tree(const char *path, const char *subpath, uint32_t flags)
{
	if (*subpath != '\0')
		return copy_below(path, subpath, flags);
	if ((flags & TREE_TOP_IN_GROUP) != 0)
		return copy_with_group(path, flags);
	return sys_open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | recursive_flag(flags));
}

static int make_source(const char *path)
{
	struct child host = { .root = -1 };
	int made = inside_open_dir(&host, path);

	if (host.root >= 0)
		sys_close(host.root);
	if (made >= 0)
		sys_close(made);
	return made < 0 ? made : 0;
}

/* Returns a detached tree, or -errno. */
static int take_tree(const char *path, const char *subpath, uint32_t flags)
{
	cleanup_close int tree = copy_tree(path, subpath, flags);
	int result = tree;

	if (tree == -ENOENT && (flags & TREE_MAKE_SOURCE) != 0) {
		result = make_source(path);
		if (result == 0)
			result = tree = copy_tree(path, subpath, flags);
	}
	if (result >= 0 && (flags & TREE_ID_MAPPED) != 0)
		result = map_ids(tree);
	return result < 0 ? result : steal_fd(&tree);
}

/* What a mount is a copy of. Until "/" becomes a slave it stays in the same group. */
int step_take_tree(struct child *child, const struct step *step)
{
	cleanup_close int tree =
		take_tree(step_text(step, 1), step_text(step, 2), (uint32_t)step_number(step, 3));
	int result = tree;

	(void)child;
	if (result >= 0)
		result = sys_dup3(tree, TREE_FDS + (int)step_number(step, 0), O_CLOEXEC);
	return result < 0 ? result : 0;
}

/* What is shared is mounted on nothing that is: a link of the image could lead there, and the host
 * would see it there and keep it. -EREMOTE. Only /proc/self/mountinfo tells what is in a peer
 * group, by a seventh field "shared:N"; "master:N", "propagate_from:N", "unbindable" and "-", which
 * it may be else, have no h. Before Linux 5.8 nothing is refused: the mount's number is not known.
 */
static int refuse_group(int target)
{
	cleanup_close int mounts = sys_openat(AT_FDCWD, "/proc/self/mountinfo", O_RDONLY, 0);
	struct statx status;
	uint32_t number = 0;
	unsigned spaces = 0;
	char bytes[512];
	int64_t size = sys_statx(target, &status);

	while (size >= 0 && (size = sys_read(mounts, bytes, sizeof(bytes))) > 0) {
		for (const char *byte = bytes; byte < bytes + size; byte++) {
			if (*byte == '\n')
				spaces = number = 0;
			else if (*byte == ' ')
				spaces++;
			else if (spaces == 0)
				number = number * 10 + (uint32_t)(*byte - '0');
			else if (spaces == 6 && *byte == 'h' && number == status.stx_mnt_id)
				return -EREMOTE;
		}
	}
	return (int)size;
}

/* Attach `tree` at `path`, and have it propagate from then on as `propagation`, MS_* or 0, says. */
static int attach_at(struct child *child, int tree, const char *path,
		     const struct tree_attributes *attributes, uint64_t propagation)
{
	cleanup_close int target = -1;
	char fd_name[FD_PATH_SIZE];
	struct statx status;
	uint32_t covered;
	int result = sys_statx(tree, &status);

	if (result < 0)
		return result;
	target = tree_open_target(child, path, (status.stx_mode & S_IFMT) == S_IFDIR, &covered);
	if (target < 0)
		return target;
	if ((propagation & MS_SHARED) != 0)
		result = refuse_group(target);
	if (result == 0)
		result = tree_attach(tree, target, attributes);
	if (result < 0 || propagation == 0)
		return result;
	result = fd_path(tree, fd_name);
	return result < 0 ? result : sys_mount(NULL, fd_name, NULL, propagation, NULL);
}

/* A bind mount: open_tree(2), mount_setattr(2), move_mount(2). */
int step_attach_tree(struct child *child, const struct step *step)
{
	const struct tree_attributes attributes = { .all = (uint32_t)step_number(step, 3) };
	cleanup_close int tree = take_tree(step_text(step, 0), "", (uint32_t)step_number(step, 2));

	if (tree < 0)
		return tree;
	return attach_at(child, tree, step_text(step, 1), &attributes, step_number(step, 4));
}

/* What `take-tree` has copied. */
int step_attach_taken(struct child *child, const struct step *step)
{
	const struct tree_attributes attributes = {
		.is_strict = (step_number(step, 2) & TREE_IS_STRICT) != 0,
		.all = (uint32_t)step_number(step, 3),
		.top = (uint32_t)step_number(step, 4),
	};
	cleanup_close int tree = TREE_FDS + (int)step_number(step, 0);

	return attach_at(child, tree, step_text(step, 1), &attributes, step_number(step, 5));
}

/* The /dev/shm of another container, which `take-shm` has copied. Mounts that are made there later
 * are not followed. */
int step_attach_shm(struct child *child, const struct step *step)
{
	const struct tree_attributes attributes = { .all = (uint32_t)step_number(step, 1) };
	cleanup_close int tree = IPC_FD;

	return attach_at(child, tree, step_text(step, 0), &attributes, MS_PRIVATE);
}

/* Steps that make files inside the root. The child's umask is 0, so modes are exact. */
#include "inside.h"
#include "steps.h"
#include "text.h"

/* Open the new root; paths of later steps are inside it. */
int step_root(struct child *child, const struct step *step)
{
	int root = sys_openat(AT_FDCWD, step_text(step, 0), O_PATH | O_DIRECTORY, 0);

	if (root < 0)
		return root;
	if (child->root >= 0)
		sys_close(child->root);
	child->root = root;
	return 0;
}

/* mkdir(2). Owner and mode are set through a descriptor of the new directory and not by its name:
 * the parent may be a volume in which another container puts a link in its place. */
int step_mkdir(struct child *child, const struct step *step)
{
	cleanup_close int existing =
		inside_open(child, step_text(step, 0), O_PATH | O_DIRECTORY, 0);
	cleanup_close int parent = -1;
	cleanup_close int dir = -1;
	char buffer[PATH_SIZE];
	const char *name;
	int result;

	if (existing != -ENOENT)
		return existing < 0 ? existing : 0;
	parent = inside_open_parent(child, step_text(step, 0), &name, buffer);
	if (parent < 0)
		return parent;
	result = sys_mkdirat(parent, name, 0700);
	if (result < 0)
		return result;
	dir = sys_openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
	if (dir < 0)
		return dir;
	result = sys_fchown(dir, (uint32_t)step_number(step, 2), (uint32_t)step_number(step, 3));
	return result < 0 ? result : sys_fchmod(dir, (uint32_t)step_number(step, 1));
}

/* mknod(2). The number is put together as in makedev(3): 12 bits of major, 20 of minor. */
int step_mknod(struct child *child, const struct step *step)
{
	uint64_t major = step_number(step, 2);
	uint64_t minor = step_number(step, 3);
	uint64_t device = (minor & 0xff) | (major & 0xfff) << 8 | (minor & 0xfff00) << 12;
	char buffer[PATH_SIZE];
	const char *name;
	cleanup_close int parent = inside_open_parent(child, step_text(step, 0), &name, buffer);

	if (parent < 0)
		return parent;
	return sys_mknodat(parent, name, (uint32_t)step_number(step, 1), device);
}

/* fchownat(2) of what is there, be it a link. */
int step_chown(struct child *child, const struct step *step)
{
	cleanup_close int file = inside_open(child, step_text(step, 0), O_PATH | O_NOFOLLOW, 0);

	return file < 0 ? file
			: (int)SYS(fchownat, file, "", step_number(step, 1), step_number(step, 2),
				   AT_EMPTY_PATH);
}

/* symlink(2) */
int step_symlink(struct child *child, const struct step *step)
{
	char buffer[PATH_SIZE];
	const char *name;
	cleanup_close int parent = inside_open_parent(child, step_text(step, 1), &name, buffer);
	int result = parent < 0 ? parent : sys_symlinkat(step_text(step, 0), parent, name);

	return result == -EEXIST ? 0 : result;
}

/* proc_sys(5): the container's own /proc must be mounted. */
int step_sysctl(struct child *child, const struct step *step)
{
	char buffer[PATH_SIZE];
	struct text path = TEXT(buffer);
	cleanup_close int file = -1;

	text_add(&path, "/proc/sys/");
	text_add(&path, step_text(step, 0));
	if (text_end(&path) == NULL)
		return -ENAMETOOLONG;
	file = inside_open(child, buffer, O_WRONLY, RESOLVE_NO_SYMLINKS);
	return write_proc(file, step_text(step, 1));
}

/* chdir(2), looked up like every path: "/proc/self/fd/N" as working directory must not lead out of
 * the container (CVE-2024-21626). */
int step_chdir(struct child *child, const struct step *step)
{
	cleanup_close int dir = inside_open(child, step_text(step, 0), O_PATH | O_DIRECTORY, 0);

	return dir < 0 ? dir : sys_fchdir(dir);
}

/* Paths inside the container's root. No link of an image leads out of it, and none of procfs's
 * magic links is followed: openat2(2) with RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS. */
#pragma once

#include "child.h"

/* Room for "/proc/self/fd/" and a number. */
#define FD_PATH_SIZE 32

/* Links that lead nowhere yet are followed to what has to be made there, so many in a row: Debian
 * has /etc/resolv.conf -> ../run/systemd/resolve/stub-resolv.conf, for example. */
#define MAX_DANGLING_LINKS 16

/* The descriptor of "/" as the container sees it. */
int inside_root(struct child *child);

/* Open `path` in `dir` as openat2(2) does with these RESOLVE_* flags, following none of procfs's
 * magic links. */
int open_resolved(int dir, const char *path, uint64_t flags, uint64_t resolve);

/* Open `path`; `resolve` adds to the flags above. */
int inside_open(struct child *child, const char *path, uint64_t flags, uint64_t resolve);

/* Open the directory that holds the last component of `path`, making it and its missing parents
 * (0755, root), and point *ret_name to that component. A path that ends in "..", "." or is "/" has
 * none: -EINVAL. */
int inside_open_parent(struct child *child, const char *path, const char **ret_name, char *buffer);

/* The path, below the root, that the link at path[start...] in the directory `parent` means. */
int inside_link_target(int parent, const char *path, size_t start, char ret_target[PATH_SIZE]);

/* Open a directory, making it and its missing parents. */
int inside_open_dir(struct child *child, const char *path);

/* Write "/proc/self/fd/FD" for mount(2), having checked that it really is procfs (CVE-2019-19921).
 */
int fd_path(int fd, char ret_path[FD_PATH_SIZE]);

/* Write `value` to a file of procfs: nothing that an image put in its place. */
int write_proc(int fd, const char *value);

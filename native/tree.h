/* Trees: copies of mounts that open_tree(2) has made, and what they are attached to. */
#pragma once

#include "inside.h"

/* MOUNT_ATTR_* that a tree gets when it is attached. */
struct tree_attributes {
	uint32_t all;   /* of each mount in it */
	uint32_t top;   /* of the topmost one, besides */
	bool is_strict; /* fail where the kernel can set `all` of the topmost one only */
};

/* Attach a detached tree to what `target`, an O_PATH descriptor, stands for. It is never visible
 * without its attributes where the kernel has mount_setattr (Linux 5.12). Returns 0 or -errno:
 * -ENOSYS when it has not, and the attributes take it. */
int tree_attach(int tree, int target, const struct tree_attributes *attributes);

/* Options of a mount that a remount would otherwise take away, as MS_*. */
int tree_kept_flags(int mount, uint64_t *ret_flags);

/* Open what is mounted over, making it when it is missing: a directory, or an empty file. The mode
 * and type that it had before go to *ret_mode, 0 if it was made. Returns a descriptor, or -errno:
 * -EISDIR or -EEXIST when there is a directory where a file is wanted, or the reverse, -EXDEV when
 * links lead to a file system of the kernel's. */
int tree_open_target(struct child *child, const char *path, bool is_dir, uint32_t *ret_mode);

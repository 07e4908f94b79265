/* Making a whole file in one call: a layer has tens of thousands, and each call from TypeScript
 * costs as much as the system call in it. */
#include "sys.h"
#include "wherry.h"

#define EXPORT __attribute__((visibility("default")))

static int write_all(int fd, const char *data, size_t size)
{
	while (size > 0) {
		int64_t written = sys_write(fd, data, size);

		if (written < 0)
			return (int)written;
		data += written;
		size -= (size_t)written;
	}
	return 0;
}

static int set_times(int fd, const struct wherry_new_file *file)
{
	struct __kernel_timespec times[2] = {
		{ file->seconds, file->nanoseconds },
		{ file->seconds, file->nanoseconds },
	};

	return (int)SYS(utimensat, fd, 0, times, 0);
}

EXPORT int32_t wherry_create_file(int32_t dir, const char *name, const void *data, uint32_t size,
				  const struct wherry_new_file *file, int32_t *ret_failed_call)
{
	const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW;
	cleanup_close int fd = sys_openat(dir, name, flags, file->mode);
	int32_t call = __NR_openat;
	int result = fd;

	if (result >= 0) {
		call = __NR_write;
		result = write_all(fd, data, size);
	}
	if (result >= 0 && (file->uid != WHERRY_KEEP || file->gid != WHERRY_KEEP)) {
		call = __NR_fchown;
		result = sys_fchown(fd, file->uid, file->gid);
	}
	/* After the owner, since a change of owner takes setuid and setgid away */
	if (result >= 0 && file->exact_mode != WHERRY_KEEP) {
		call = __NR_fchmod;
		result = sys_fchmod(fd, file->exact_mode);
	}
	if (result >= 0) {
		call = __NR_utimensat;
		result = set_times(fd, file);
	}
	if (result >= 0)
		return 0;
	*ret_failed_call = call;
	return result;
}

/*
 * A process in a file. snapshot.c, in libwherry.so, writes one of the deno that it is loaded into,
 * when the program is loaded and has not begun; resume.c, in the launcher, makes processes of it.
 *
 *   struct snapshot | struct snapshot_piece ... | memory, at multiples of SNAPSHOT_ALIGNMENT
 *
 * It holds for one build of wherry, one kernel and one processor. Integers are the machine's own.
 */
#pragma once

#include "sys.h"

#define SNAPSHOT_MAGIC "wherry#1"
#define SNAPSHOT_NAME "snapshot"         /* in the build's cache directory */
#define SNAPSHOT_NEW_NAME "snapshot.new" /* until a process has been made of it */
#define SNAPSHOT_PIECES 8192
#define SNAPSHOT_FIRST_DESCRIPTOR 100 /* those below may be the callers' */
#define SNAPSHOT_DESCRIPTORS 32
#define SNAPSHOT_THREADS 64
#define SNAPSHOT_LIBRARIES 16
#define SNAPSHOT_PATH_SIZE 120
#define SNAPSHOT_VARIABLES 8 /* most variables that tell of descriptors */

/* What stands behind a piece of memory. */
enum snapshot_source {
	SNAPSHOT_ZEROES = 0, /* nothing yet */
	SNAPSHOT_PROGRAM,    /* wherry's own file */
	SNAPSHOT_FILE,       /* this file */
	SNAPSHOT_LIBRARY,    /* the first of `libraries`, and so on */
};

/* A file that the process has mapped besides wherry's own: a part of the host's C library. */
struct snapshot_library {
	char path[SNAPSHOT_PATH_SIZE]; /* NUL-terminated */
	uint64_t inode;
	uint64_t size;
	int64_t modified; /* in nanoseconds since 1970 */
	uint32_t device_major, device_minor;
};

struct snapshot_piece {
	uint64_t start;
	uint64_t size;
	uint64_t offset; /* in its source */
	uint8_t source;
	uint8_t protection;
	uint8_t key; /* protection key, 0: none */
	uint8_t is_unreserved; /* MAP_NORESERVE */
	uint32_t unused;
};

/* What an open file is made again from. */
enum snapshot_kind {
	SNAPSHOT_COPY = 1, /* dup(2) of `other` */
	SNAPSHOT_SELF,     /* wherry's own file */
	SNAPSHOT_MONITOR,  /* wherry-monitor in a memfd */
	SNAPSHOT_NULL,     /* /dev/null */
	SNAPSHOT_EVENT,    /* eventfd(2) with the count `value` */
	SNAPSHOT_PAIR,     /* socketpair(2) with `other` */
	SNAPSHOT_POLL,     /* epoll_create1(2) */
	SNAPSHOT_WATCH,    /* no file: the epoll `number` watches `other` for `value` */
};

struct snapshot_descriptor {
	int32_t kind;
	int32_t number;
	int32_t other;
	int32_t flags; /* as open(2) has them */
	uint64_t value;
	uint64_t data; /* of a SNAPSHOT_WATCH */
};

struct snapshot {
	char magic[8];
	char build[24];
	uint64_t processor;    /* arch_identity() */
	uint64_t kernel;       /* snapshot_kernel() */
	uint64_t size;         /* of the whole file */
	uint64_t program_size; /* of wherry's own file */
	uint64_t monotonic;    /* when it was written, by CLOCK_MONOTONIC, in nanoseconds */
	uint32_t piece_count;
	uint32_t key_count; /* protection keys that are in use, from 1 on */
	uint32_t descriptor_count;
	uint32_t library_count;
	struct snapshot_library libraries[SNAPSHOT_LIBRARIES];
	struct snapshot_descriptor descriptors[SNAPSHOT_DESCRIPTORS];
	struct arch_context context; /* where the first thread goes on */
};

/* What the launcher hands to the process that it resumes: the value that arch_save returns. */
struct snapshot_caller {
	const char **environment;   /* has room for SNAPSHOT_VARIABLES more */
	uint64_t environment_count; /* without the NULL */
	int program; /* descriptor of wherry's own file */
	int monitor; /* of a memfd */
};

struct new_utsname { /* of uname(2) */
	char system[65], node[65], release[65], version[65], machine[65];
	char domain[65];
};

/* A number for the running kernel: its release and version, which no namespace changes. */
static inline uint64_t snapshot_kernel(void)
{
	uint64_t identity = UINT64_C(0xcbf29ce484222325);
	struct new_utsname name = { 0 };

	(void)arch_syscall(__NR_uname, (int64_t)&name, 0, 0, 0, 0, 0);
	for (size_t i = offsetof(struct new_utsname, release);
	     i < offsetof(struct new_utsname, machine); i++)
		identity = (identity ^ ((const uint8_t *)&name)[i]) * UINT64_C(0x100000001b3);
	return identity;
}

/* Write down which file `status` is of. */
static inline void snapshot_describe(const struct statx *status, struct snapshot_library *ret_library)
{
	ret_library->inode = status->stx_ino;
	ret_library->size = status->stx_size;
	ret_library->modified =
		status->stx_mtime.tv_sec * 1000000000 + (int64_t)status->stx_mtime.tv_nsec;
	ret_library->device_major = status->stx_dev_major;
	ret_library->device_minor = status->stx_dev_minor;
}

/* snapshot_memory.c: write this process's memory to `fd`, behind a copy of `header`, of which build,
 * descriptors and context are filled in. No other thread may run. Returns 0 or -errno. */
int snapshot_write(int fd, const struct snapshot *header);

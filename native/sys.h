/*
 * The system calls that wherry makes: thin wrappers that return >= 0 or -errno, so nothing is read
 * twice. EINTR is retried here and nowhere else. Structures that only libc's headers define are
 * defined here.
 */
#pragma once

#include "arch.h"
#include <asm/fcntl.h>
#include <asm/ioctls.h>
#include <asm/signal.h>
#include <asm/socket.h>
#include <asm/termbits.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/futex.h>
#include <linux/mman.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <linux/poll.h>
#include <linux/prctl.h>
#include <linux/resource.h>
#include <linux/sched.h>
#include <linux/signalfd.h>
#include <linux/stat.h>
#include <linux/time_types.h>
#include <linux/timerfd.h>
#include <linux/un.h>
#include <linux/wait.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAGE_SIZE 4096 /* or more */
#define PATH_SIZE 4096 /* PATH_MAX of <linux/limits.h>, the NUL included */
#define MESSAGE_FDS 4  /* most descriptors in one packet */

/* Not in the kernel's exported headers, the same on every architecture wherry runs on. */
#define AF_UNIX 1
#define AF_INET 2
#define AF_NETLINK 16
#define SOCK_DGRAM 2
#define SOCK_RAW 3
#define SOCK_SEQPACKET 5
#define SOCK_CLOEXEC O_CLOEXEC
#define SOCK_NONBLOCK O_NONBLOCK
#define SCM_RIGHTS 1
#define MSG_CTRUNC 0x8
#define MSG_TRUNC 0x20
#define MSG_DONTWAIT 0x40
#define MSG_NOSIGNAL 0x4000
#define MSG_CMSG_CLOEXEC 0x40000000
#define SHUT_RD 0
#define MNT_DETACH 2
#define SIGNAL_COUNT 64
#define LOWER_CAPS 32
#define RENAME_NOREPLACE 1

struct iovec {
	void *base;
	size_t length;
};

struct message_header { /* struct msghdr of sendmsg(2) */
	void *name;
	int32_t name_length;
	struct iovec *parts;
	size_t part_count;
	void *control;
	size_t control_length;
	uint32_t flags;
};

struct rights { /* one control message of type SCM_RIGHTS, see cmsg(3) and unix(7) */
	size_t length;
	int32_t level;
	int32_t type;
	int32_t fds[MESSAGE_FDS];
};

struct file_system { /* struct statfs of statfs(2) on 64-bit machines */
	int64_t type;
	int64_t block_size;
	uint64_t blocks, free_blocks, available_blocks, files, free_files;
	int32_t id[2];
	int64_t name_length, fragment_size, flags, spare[4];
};

struct signal_action { /* what rt_sigaction(2) really takes */
	void (*handler)(int);
	uint64_t flags;
	void (*restorer)(void);
	uint64_t mask;
};

static inline int64_t sys_retry(int64_t number, int64_t a, int64_t b, int64_t c, int64_t d,
				int64_t e, int64_t f)
{
	int64_t result;

	do
		result = arch_syscall(number, a, b, c, d, e, f);
	while (result == -EINTR);
	return result;
}

#define SYS_ARGUMENTS(a, b, c, d, e, f, ...)                                                       \
	(int64_t)(a), (int64_t)(b), (int64_t)(c), (int64_t)(d), (int64_t)(e), (int64_t)(f)
#define SYS_PADDED(number, ...) sys_retry(number, SYS_ARGUMENTS(__VA_ARGS__))
#define SYS(name, ...) SYS_PADDED(__NR_##name, __VA_ARGS__, 0, 0, 0, 0, 0, 0)

static inline int64_t sys_read(int fd, void *data, size_t size)
{
	return SYS(read, fd, data, size);
}

static inline int64_t sys_pread(int fd, void *data, size_t size, uint64_t offset)
{
	return SYS(pread64, fd, data, size, offset);
}

static inline int64_t sys_write(int fd, const void *data, size_t size)
{
	return SYS(write, fd, data, size);
}

static inline int64_t sys_writev(int fd, const struct iovec *parts, size_t count)
{
	return SYS(writev, fd, parts, count);
}

static inline int sys_openat(int dir, const char *path, int flags, uint32_t mode)
{
	return (int)SYS(openat, dir, path, flags | O_CLOEXEC, mode);
}

static inline int sys_openat2(int dir, const char *path, uint64_t flags, uint64_t resolve)
{
	struct open_how how = { .flags = flags | O_CLOEXEC, .resolve = resolve };

	return (int)SYS(openat2, dir, path, &how, sizeof(how));
}

/* Not retried: Linux has released the descriptor even when it answers EINTR. */
static inline void sys_close(int fd)
{
	(void)arch_syscall(__NR_close, fd, 0, 0, 0, 0, 0);
}

static inline int sys_close_range(uint32_t first, uint32_t last)
{
	return (int)SYS(close_range, first, last, 0);
}

static inline int sys_dup3(int fd, int target, int flags)
{
	return (int)SYS(dup3, fd, target, flags);
}

static inline int sys_fcntl(int fd, int command, int64_t argument)
{
	return (int)SYS(fcntl, fd, command, argument);
}

static inline int sys_ioctl(int fd, uint32_t request, const void *argument)
{
	return (int)SYS(ioctl, fd, request, argument);
}

static inline int sys_pipe(int ret_fds[2])
{
	return (int)SYS(pipe2, ret_fds, O_CLOEXEC);
}

static inline int sys_ftruncate(int fd, uint64_t size)
{
	return (int)SYS(ftruncate, fd, size);
}

/* Sleep while *word is `value`, until sys_futex_wake with one of `bits`. */
static inline int sys_futex_wait(const uint32_t *word, uint32_t value, uint32_t bits)
{
	return (int)SYS(futex, word, FUTEX_WAIT_BITSET_PRIVATE, value, 0, 0, bits);
}

static inline int sys_futex_wake(const uint32_t *word, uint32_t bits)
{
	return (int)SYS(futex, word, FUTEX_WAKE_BITSET_PRIVATE, INT32_MAX, 0, 0, bits);
}

static inline int sys_fsync(int fd)
{
	return (int)SYS(fsync, fd);
}

static inline int64_t sys_seek_end(int fd)
{
	return SYS(lseek, fd, 0, 2 /* SEEK_END */);
}

/* Release a lock of the whole file that belongs to the open file description, see fcntl(2). */
static inline int sys_unlock(int fd)
{
	const struct flock lock = { .l_type = F_UNLCK };

	return (int)SYS(fcntl, fd, F_OFD_SETLK, &lock);
}

static inline int sys_statx(int fd, struct statx *ret_status)
{
	return (int)SYS(statx, fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_MNT_ID, ret_status);
}

static inline int sys_fstatfs(int fd, struct file_system *ret_file_system)
{
	return (int)SYS(fstatfs, fd, ret_file_system);
}

static inline int sys_mkdirat(int dir, const char *name, uint32_t mode)
{
	return (int)SYS(mkdirat, dir, name, mode);
}

static inline int sys_mknodat(int dir, const char *name, uint32_t mode, uint64_t device)
{
	return (int)SYS(mknodat, dir, name, mode, device);
}

static inline int sys_symlinkat(const char *content, int dir, const char *name)
{
	return (int)SYS(symlinkat, content, dir, name);
}

static inline int sys_unlinkat(int dir, const char *name)
{
	return (int)SYS(unlinkat, dir, name, 0);
}

static inline int sys_renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	return (int)SYS(renameat2, from_dir, from, to_dir, to, 0);
}

static inline int sys_fchown(int fd, uint32_t uid, uint32_t gid)
{
	return (int)SYS(fchown, fd, uid, gid);
}

static inline int sys_fchmod(int fd, uint32_t mode)
{
	return (int)SYS(fchmod, fd, mode);
}

static inline uint32_t sys_umask(uint32_t mask)
{
	return (uint32_t)SYS(umask, mask);
}

static inline int sys_fchdir(int fd)
{
	return (int)SYS(fchdir, fd);
}

static inline int sys_chdir(const char *path)
{
	return (int)SYS(chdir, path);
}

/* Anonymous zeroed memory, no page of which exists before it is touched. Returns the address or
 * NULL. */
static inline void *sys_allocate(size_t size)
{
	int64_t address =
		SYS(mmap, 0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return address < 0 && address > -4096 ? NULL : (void *)address;
}

/* The same, but of both after a fork. */
static inline void *sys_allocate_shared(size_t size)
{
	int64_t address =
		SYS(mmap, 0, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return address < 0 && address > -4096 ? NULL : (void *)address;
}

/* A file for reading. Returns the address, to be given to sys_free, or NULL. */
static inline void *sys_map(int fd, size_t size)
{
	int64_t address = SYS(mmap, 0, size, PROT_READ, MAP_PRIVATE, fd);

	return address < 0 && address > -4096 ? NULL : (void *)address;
}

static inline void sys_free(void *memory, size_t size)
{
	(void)SYS(munmap, memory, size);
}

static inline void sys_discard(void *memory, size_t size)
{
	(void)SYS(madvise, memory, size, MADV_DONTNEED);
}

static inline int sys_mount(const char *source, const char *target, const char *type,
			    uint64_t flags, const void *data)
{
	return (int)SYS(mount, source, target, type, flags, data);
}

static inline int sys_open_tree(int dir, const char *path, uint32_t flags)
{
	return (int)SYS(open_tree, dir, path, flags | OPEN_TREE_CLOEXEC);
}

static inline int sys_mount_setattr(int fd, uint32_t flags, struct mount_attr *attributes)
{
	return (int)SYS(mount_setattr, fd, "", flags | AT_EMPTY_PATH, attributes,
			sizeof(*attributes));
}

/* Put the detached mount `tree` over what `target`, an O_PATH descriptor, stands for: no path is
 * looked up. */
static inline int sys_move_mount(int tree, int target)
{
	return (int)SYS(move_mount, tree, "", target, "",
			MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
}

static inline int sys_prctl(int option, uint64_t a, uint64_t b)
{
	return (int)SYS(prctl, option, a, b, 0, 0);
}

static inline int64_t sys_clone3(struct clone_args *args)
{
	return SYS(clone3, args, sizeof(*args));
}

static inline _Noreturn void sys_exit(int status)
{
	for (;;)
		(void)SYS(exit_group, status);
}

/* A plain fork: a copy of this process that sends SIGCHLD when it ends. */
static inline int64_t sys_fork(void)
{
	struct clone_args args = { .exit_signal = SIGCHLD };

	return sys_clone3(&args);
}

/* The same, but returns only when the copy has called execve or ended. It has a memory of its own.
 */
static inline int64_t sys_fork_until_execve(void)
{
	struct clone_args args = { .flags = CLONE_VFORK, .exit_signal = SIGCHLD };

	return sys_clone3(&args);
}

static inline int sys_wait4(int pid, int *ret_status, int options)
{
	return (int)SYS(wait4, pid, ret_status, options, 0);
}

static inline int sys_pidfd_signal(int pidfd, int signal)
{
	return (int)SYS(pidfd_send_signal, pidfd, signal, 0, 0);
}

static inline int sys_execveat(int fd, const char *path, char *const *argv, char *const *envp)
{
	return (int)SYS(execveat, fd, path, argv, envp, path[0] == '\0' ? AT_EMPTY_PATH : 0);
}

static inline int sys_signal_mask(uint64_t mask, uint64_t *ret_old)
{
	return (int)SYS(rt_sigprocmask, SIG_SETMASK, &mask, ret_old, sizeof(mask));
}

static inline int sys_signal_handler(int signal, void (*handler)(int))
{
	struct signal_action action = { .handler = handler };

	return (int)SYS(rt_sigaction, signal, &action, 0, sizeof(action.mask));
}

/* Wait for any signal, all of them being blocked. Returns its number. */
static inline int sys_signal_wait(void)
{
	uint64_t all = ~UINT64_C(0);

	return (int)SYS(rt_sigtimedwait, &all, 0, 0, sizeof(all));
}

static inline int sys_signalfd(uint64_t mask)
{
	return (int)SYS(signalfd4, -1, &mask, sizeof(mask), O_CLOEXEC | O_NONBLOCK);
}

/* A timer of CLOCK_BOOTTIME that poll(2) waits for, see timerfd_create(2). */
static inline int sys_timer(void)
{
	return (int)SYS(timerfd_create, 7 /* CLOCK_BOOTTIME */, O_CLOEXEC | O_NONBLOCK);
}

/* Once after so many nanoseconds; 0: never. */
static inline int sys_timer_set(int timer, uint64_t nanoseconds)
{
	const struct __kernel_itimerspec time = {
		.it_value = { (int64_t)(nanoseconds / 1000000000U),
			      (int64_t)(nanoseconds % 1000000000U) },
	};

	return (int)SYS(timerfd_settime, timer, 0, &time, NULL);
}

/* Not retried: callers poll again with a new timeout. NULL waits for ever. */
static inline int sys_poll(struct pollfd *fds, uint32_t count,
			   const struct __kernel_timespec *timeout)
{
	struct __kernel_timespec left = { 0 };

	if (timeout != NULL)
		left = *timeout;
	return (int)arch_syscall(__NR_ppoll, (int64_t)fds, count,
				 timeout == NULL ? 0 : (int64_t)&left, 0, 0, 0);
}

/* The same, with a time in nanoseconds. */
static inline int sys_poll_for(struct pollfd *fds, uint32_t count, uint64_t nanoseconds)
{
	const struct __kernel_timespec timeout = { (int64_t)(nanoseconds / 1000000000U),
						   (int64_t)(nanoseconds % 1000000000U) };

	return sys_poll(fds, count, &timeout);
}

static inline int64_t sys_send(int socket, const struct message_header *message, uint32_t flags)
{
	return SYS(sendmsg, socket, message, flags | MSG_NOSIGNAL);
}

static inline int64_t sys_receive(int socket, struct message_header *message, uint32_t flags)
{
	return SYS(recvmsg, socket, message, flags | MSG_CMSG_CLOEXEC);
}

/* The clock in nanoseconds: CLOCK_REALTIME (0) since the epoch or CLOCK_MONOTONIC (1). */
static inline uint64_t sys_clock(int clock)
{
	struct __kernel_timespec now = { 0 };

	(void)SYS(clock_gettime, clock, &now);
	return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}
#define CLOCK_REAL 0
#define CLOCK_STEADY 1

static inline void close_automatically(const int *fd)
{
	if (*fd >= 0)
		sys_close(*fd);
}

/* A descriptor that is closed when the variable goes out of scope. */
#define cleanup_close __attribute__((cleanup(close_automatically)))

/* Hand a cleanup_close descriptor on, so that it stays open. */
static inline int steal_fd(int *fd)
{
	int stolen = *fd;

	*fd = -1;
	return stolen;
}

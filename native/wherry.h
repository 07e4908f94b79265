/* What libwherry.so exports to TypeScript (ffi/symbols.ts). Every function returns >= 0 or -errno.
 */
#pragma once

#include <stdint.h>

#define WHERRY_ABI 1

/* The number that ffi/library.ts must find, so that a stale library is noticed. */
int32_t wherry_abi(void);

/* Any system call, as the kernel answers it: >= 0 or -errno. */
int64_t wherry_syscall(int64_t number, int64_t a, int64_t b, int64_t c, int64_t d, int64_t e,
		       int64_t f);

/*
 * Start the program in `exe_fd` (a memfd) in a new process that shares nothing with the caller but
 * the descriptors listed, without copying the caller's page tables: clone3(CLONE_VM | CLONE_VFORK |
 * CLONE_PIDFD), called by a process in between that ends at once. So the program is no child of the
 * caller but an orphan, which init or the nearest child subreaper adopts and reaps.
 *
 * argv, envp: NUL-terminated strings one after the other, argc and envc of them.
 * fds[i] becomes descriptor i in the new process; -1 leaves i closed; all others are closed.
 * rlimit_nofile: soft limit of RLIMIT_NOFILE for the new process, or -1 to keep the caller's.
 * Signal handlers, the signal mask and SIGPIPE are reset in the new process, and it is in a session
 * of its own.
 *
 * Returns the new pid and stores its pidfd (O_CLOEXEC) in *ret_pidfd.
 */
int32_t wherry_spawn(int32_t exe_fd, const char *argv, uint32_t argc, const char *envp,
		     uint32_t envc, const int32_t *fds, uint32_t nfds, int64_t rlimit_nofile,
		     int32_t *ret_pidfd);

/* sendmsg of one packet with nfds descriptors (at most 4) by SCM_RIGHTS. Returns the bytes sent. */
int32_t wherry_send(int32_t socket, const void *data, uint32_t size, const int32_t *fds,
		    uint32_t nfds);

/* recvmsg of one packet; descriptors that came along (at most 4, O_CLOEXEC) go to ret_fds, their
 * number to *ret_nfds. Blocks. Returns the bytes received, 0 at the end of the connection. */
int32_t wherry_receive(int32_t socket, void *ret_data, uint32_t size, int32_t *ret_fds,
		       uint32_t *ret_nfds);

/*
 * Remove `name` in the directory `parent` and, if it is a directory, all that is in it. A missing
 * one is fine. Never follows a link and never goes into a mount point: -EBUSY then. Constant memory
 * and two descriptors, however deep the tree is.
 */
int32_t wherry_remove_tree(int32_t parent, const char *name);

#define WHERRY_KEEP UINT32_MAX

/* What wherry_create_file gives a file besides its bytes. */
struct wherry_new_file {
	int64_t seconds; /* access and modification time since the epoch */
	int64_t nanoseconds;
	uint32_t mode;       /* for open(2): the umask applies */
	uint32_t uid;        /* WHERRY_KEEP: the caller's */
	uint32_t gid;        /* WHERRY_KEEP: as the kernel chooses it */
	uint32_t exact_mode; /* for fchmod(2); WHERRY_KEEP: as `mode` made it */
};

/*
 * Make the regular file `name` in the directory `dir`, with all its bytes. It must not exist, as a
 * link neither. Returns 0, or -errno and the number of the system call that failed in
 * *ret_failed_call; after any but openat the file is there, in part.
 */
int32_t wherry_create_file(int32_t dir, const char *name, const void *data, uint32_t size,
			   const struct wherry_new_file *file, int32_t *ret_failed_call);

#define WHERRY_ALWAYS UINT32_MAX

/*
 * Make the regular files at the start of `data`, whole members of a tar archive, in the directory
 * `dir`: for as long as the name of a member is `prefix` and one component more that does not begin
 * with a dot, nothing has the name yet, and there is no more to the member than a usual header and
 * bytes that are all there. Owner and mode are set when they are not root's or have one of
 * `special_bits`, which open(2) does not give a file; WHERRY_ALWAYS: in any case.
 *
 * Returns the bytes of the members that were made, and their number in *ret_count. What comes next
 * is the caller's, also when it failed: a part of that file may be there then.
 */
int32_t wherry_create_members(int32_t dir, const char *prefix, uint32_t prefix_size,
			      const void *data, uint32_t size, uint32_t special_bits,
			      uint32_t *ret_count);

/* Bytes of memory, aligned to 8, that a stream's hash needs between calls. */
#define WHERRY_SHA256_CONTEXT 1280

/*
 * SHA-256 of a stream: begin once, update any number of times, end once. Calls for one context come
 * one after the other, on any thread. All return 0; ret_digest takes 32 bytes.
 */
int32_t wherry_sha256_begin(void *context);
int32_t wherry_sha256_update(void *context, const void *data, uint32_t size);
int32_t wherry_sha256_end(void *context, uint8_t *ret_digest);

/*
 * The same with one thread that hashes what another one gives: handing each piece to a thread of
 * its own costs milliseconds whenever the kernel puts that one behind the thread that gives.
 *
 * give notes a piece, of which the bytes must stay until it is hashed, and sleeps while too many
 * wait. It returns 1 if a thread must be sent to work, otherwise 0. work hashes until no piece is
 * left, and wait sleeps until the piece with this number is hashed; they count from 0. Both return
 * 0.
 *
 * One thread gives, any may wait. While a call of work or wait has not returned the context must
 * stay, and nothing of the paragraph above may be called.
 */
int32_t wherry_sha256_give(void *context, const void *data, uint32_t size);
int32_t wherry_sha256_work(void *context);
int32_t wherry_sha256_wait(void *context, uint32_t number);

struct snapshot_descriptor; /* snapshot.h */

/*
 * Write this process, all of its memory and threads, into `directory`, for the launcher to make
 * processes of. `descriptors` is what it has open besides 0 to 2: files first, then what refers to
 * others. `build` has 24 bytes.
 *
 * Returns 0 when the file is written; and 1, in each process that is made of it.
 */
int32_t wherry_snapshot(const char *directory, const char *build,
			const struct snapshot_descriptor *descriptors, uint32_t count);

/* The launcher's short way: a process made of a snapshot (snapshot.h) in place of a start of deno. */
#include "launcher.h"
#include "snapshot.h"
#include <linux/personality.h>
#include <linux/time.h>

#if defined(ARCH_HAS_SNAPSHOT)

ARCH_CONTEXT_FUNCTIONS;

/* Says that somebody is writing a snapshot, or has failed to. */
#define ATTEMPT "snapshot.attempt"

/* When the next one may try. */
#define ATTEMPT_SECONDS 600

/* Stack of the writer: what is usual. */
#define STACK_BYTES (8 * 1024 * 1024)

/* Longest time that writing one may take, on the slowest of machines. */
#define WRITER_SECONDS 60

extern const char __executable_start[];
extern const char _end[];

/* Not on the stack: it would have to grow. */
static struct snapshot header;
static struct snapshot_piece pieces[SNAPSHOT_PIECES];
static struct snapshot_caller caller;
static int libraries[SNAPSHOT_LIBRARIES];

/* Whether a file was made by this build, on this kernel and processor since it started, and is whole. */
static bool is_usable(int fd, const struct trailer *trailer)
{
	struct statx status;

	return sys_pread(fd, &header, sizeof(header), 0) == sizeof(header) &&
	       memcmp(header.magic, SNAPSHOT_MAGIC, sizeof(header.magic)) == 0 &&
	       memcmp(header.build, trailer->build, sizeof(header.build)) == 0 &&
	       sys_statx(fd, &status) == 0 && status.stx_uid == 0 &&
	       header.program_size == trailer->file_size && status.stx_size == header.size &&
	       header.piece_count <= SNAPSHOT_PIECES &&
	       header.descriptor_count <= SNAPSHOT_DESCRIPTORS &&
	       header.library_count <= SNAPSHOT_LIBRARIES &&
	       header.monotonic <= sys_clock(CLOCK_STEADY) &&
	       header.kernel == snapshot_kernel() && header.processor == arch_identity();
}

static void close_libraries(void)
{
	while (header.library_count > 0)
		sys_close(libraries[--header.library_count]);
}

/* Open the C library's files. False when one is not the same any more. */
static bool open_libraries(void)
{
	uint32_t count = header.library_count;

	for (header.library_count = 0; header.library_count < count; header.library_count++) {
		struct snapshot_library *old = &header.libraries[header.library_count];
		struct snapshot_library now = *old;
		struct statx status;
		int fd = sys_openat(AT_FDCWD, old->path, O_RDONLY | O_NOFOLLOW, 0);

		libraries[header.library_count] = fd;
		if (fd < 0 || sys_statx(fd, &status) < 0)
			break;
		snapshot_describe(&status, &now);
		if (memcmp(&now, old, sizeof(now)) != 0) {
			sys_close(fd);
			break;
		}
	}
	if (header.library_count == count)
		return true;
	close_libraries();
	return false;
}

/* Whether all descriptors that it needs are free. */
static bool are_free(void)
{
	struct rlimit64 limit = { 0 };

	(void)SYS(prlimit64, 0, RLIMIT_NOFILE, NULL, &limit);
	for (uint32_t i = 0; i < header.descriptor_count; i++) {
		const struct snapshot_descriptor *descriptor = &header.descriptors[i];

		if (descriptor->kind == SNAPSHOT_WATCH)
			continue;
		if ((uint64_t)descriptor->number >= limit.rlim_max ||
		    sys_fcntl(descriptor->number, F_GETFD, 0) >= 0)
			return false;
	}
	return true;
}

/* Whether mmap returned an error and no address. */
static bool is_error(int64_t result)
{
	return result < 0 && result > -4096;
}

/* A file in /run cannot be mapped for execution where that is mounted noexec: it is read, then. */
static int64_t read_piece(const struct snapshot_piece *piece, int fd)
{
	int64_t result = SYS(mmap, piece->start, piece->size, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	if (is_error(result))
		return result;
	result = sys_pread(fd, (void *)piece->start, piece->size, piece->offset);
	if (result == (int64_t)piece->size)
		result = SYS(mprotect, piece->start, piece->size, piece->protection);
	else
		result = -EIO;
	if (result < 0)
		(void)SYS(munmap, piece->start, piece->size);
	return result;
}

static int64_t map_piece(const struct snapshot_piece *piece, int file, int fd)
{
	int flags = MAP_PRIVATE | MAP_FIXED_NOREPLACE | (piece->is_unreserved ? MAP_NORESERVE : 0);
	int source = -1;
	int64_t result;

	if (piece->source == SNAPSHOT_ZEROES)
		flags |= MAP_ANONYMOUS;
	else if (piece->source == SNAPSHOT_PROGRAM)
		source = file;
	else if (piece->source == SNAPSHOT_FILE)
		source = fd;
	else
		source = libraries[piece->source - SNAPSHOT_LIBRARY];
	result = SYS(mmap, piece->start, piece->size, piece->protection, flags, source,
		     piece->offset);
	if (result == -EPERM && source == fd)
		result = read_piece(piece, fd);
	if (is_error(result))
		return result;
	if (piece->key == 0)
		return 0;
	result = SYS(pkey_mprotect, piece->start, piece->size, piece->protection, piece->key);
	if (result < 0)
		(void)SYS(munmap, piece->start, piece->size);
	return result;
}

/* The launcher's own memory is where it was, in both processes. */
static bool is_own(const struct snapshot_piece *piece)
{
	return piece->start < (uint64_t)_end &&
	       piece->start + piece->size > (uint64_t)__executable_start;
}

static bool is_sane(const struct snapshot_piece *piece)
{
	return piece->source < SNAPSHOT_LIBRARY + header.library_count;
}

static bool map_pieces(int file, int fd)
{
	for (uint32_t i = 0; i < header.piece_count; i++) {
		if (is_own(&pieces[i]) ||
		    (is_sane(&pieces[i]) && map_piece(&pieces[i], file, fd) == 0))
			continue;
		while (i-- > 0)
			if (!is_own(&pieces[i]))
				(void)SYS(munmap, pieces[i].start, pieces[i].size);
		return false;
	}
	return true;
}

static void free_keys(void)
{
	for (uint32_t i = 1; i <= header.key_count; i++)
		(void)SYS(pkey_free, i);
}

static bool allocate_keys(void)
{
	for (uint32_t i = 1; i <= header.key_count; i++)
		if (SYS(pkey_alloc, 0, 0) != (int64_t)i) {
			free_keys();
			return false;
		}
	return true;
}

/* What came of an attempt. */
enum outcome {
	MISSING, /* there is no usable file */
	BLOCKED, /* this process has something where the other one had something else */
};

/* Become the process that the open file holds. Returns only if that cannot be done. */
static enum outcome resume_file(int fd, int file, const struct trailer *trailer)
{
	size_t size = header.piece_count * sizeof(pieces[0]);

	if (sys_pread(fd, pieces, size, sizeof(header)) != (int64_t)size || !open_libraries())
		return MISSING;
	if (are_free() && allocate_keys()) {
		caller.program = file;
		caller.monitor = (int)launcher_section(file, &trailer->monitor, "wherry-monitor");
		if (map_pieces(file, fd)) {
			close_libraries();
			sys_close(fd);
			arch_resume(&header.context, (uint64_t)&caller);
		}
		sys_close(caller.monitor);
		free_keys();
	}
	close_libraries();
	return BLOCKED;
}

static enum outcome resume(int directory, const char *name, int file, const struct trailer *trailer)
{
	cleanup_close int fd = sys_openat(directory, name, O_RDONLY | O_NOFOLLOW, 0);

	if (fd < 0)
		return fd == -ENOENT || fd == -ELOOP ? MISSING : BLOCKED;
	return is_usable(fd, trailer) ? resume_file(fd, file, trailer) : MISSING;
}

/* Raise a soft limit up to `wanted`, as far as the hard one allows. */
static void raise_limit(int resource, uint64_t wanted)
{
	struct rlimit64 limit = { 0 };

	(void)SYS(prlimit64, 0, resource, NULL, &limit);
	if (limit.rlim_cur < wanted)
		limit.rlim_cur = wanted < limit.rlim_max ? wanted : limit.rlim_max;
	(void)SYS(prlimit64, 0, resource, &limit, NULL);
}

/* In a child of nobody: start wherry for a snapshot of it, as if from nowhere. */
static _Noreturn void start_writer(int file)
{
	static char *const arguments[] = { "wherry", SNAPSHOT_COMMAND, NULL };
	static char *const none[] = { NULL };
	const struct __kernel_old_itimerval timeout = { .it_value = { .tv_sec = WRITER_SECONDS } };
	int victim = sys_openat(AT_FDCWD, "/proc/self/oom_score_adj", O_WRONLY, 0);

	for (int signal = 1; signal <= SIGNAL_COUNT; signal++)
		(void)sys_signal_handler(signal, NULL);
	(void)sys_signal_mask(0, NULL);
	(void)SYS(setsid, 0);
	(void)SYS(setitimer, 0 /* ITIMER_REAL */, &timeout, 0);
	/* The caller's others: whoever waits for their end must not wait for this process */
	(void)SYS(close_range, 3, ~0U, CLOSE_RANGE_CLOEXEC);
	raise_limit(RLIMIT_NOFILE, RLIM64_INFINITY);
	raise_limit(RLIMIT_STACK, STACK_BYTES);
	(void)sys_umask(077);
	/* It is the first to go where memory is short, and the last to run */
	(void)SYS(setpriority, 0 /* PRIO_PROCESS */, 0, 10);
	if (victim >= 0)
		(void)sys_write(victim, "1000", 4);
	/* Opened one by one: copies of them are told apart */
	for (int fd = 0; fd <= 2; fd++) {
		sys_close(fd);
		(void)sys_openat(AT_FDCWD, "/dev/null", O_RDWR, 0);
		(void)sys_fcntl(fd, F_SETFD, 0);
	}
	(void)sys_chdir("/");
	/* Libraries and the like far from where later starts have their own by chance */
	(void)SYS(personality, ADDR_COMPAT_LAYOUT);
	(void)sys_execveat(file, "", arguments, none);
	sys_exit(1);
}

static bool make_attempt(int directory)
{
	int fd = sys_openat(directory, ATTEMPT, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);

	if (fd >= 0)
		sys_close(fd);
	return fd >= 0;
}

/* Whether nobody has tried yet, or not for a while; from now on somebody has. */
static bool is_first_attempt(int directory)
{
	int64_t now = (int64_t)(sys_clock(CLOCK_REAL) / 1000000000U);
	struct statx status;

	if (make_attempt(directory))
		return true;
	if (SYS(statx, directory, ATTEMPT, AT_SYMLINK_NOFOLLOW, STATX_MTIME, &status) < 0 ||
	    (status.stx_mtime.tv_sec <= now && status.stx_mtime.tv_sec + ATTEMPT_SECONDS > now))
		return false;
	(void)sys_unlinkat(directory, ATTEMPT);
	return make_attempt(directory);
}

/* Have a snapshot written for those who come later, by a process that nobody waits for. */
static void begin_snapshot(int directory, int file)
{
	int64_t child;

	if (!is_first_attempt(directory))
		return;
	(void)sys_unlinkat(directory, SNAPSHOT_NAME);
	(void)sys_unlinkat(directory, SNAPSHOT_NEW_NAME);
	child = sys_fork();
	if (child == 0) {
		if (sys_fork() == 0)
			start_writer(file);
		sys_exit(0);
	}
	if (child > 0)
		(void)sys_wait4((int)child, NULL, 0);
}

void launcher_resume(const struct initial_stack *stack, struct launch *launch, int directory,
		     int file, const struct trailer *trailer)
{
	caller.environment_count = launcher_environment(stack, launch, &caller.environment);
	if (launch->is_trial) {
		(void)resume(directory, SNAPSHOT_NEW_NAME, file, trailer);
		launcher_fail("the new snapshot cannot be used", 0);
	}
	if (resume(directory, SNAPSHOT_NAME, file, trailer) == MISSING)
		begin_snapshot(directory, file);
}

#else

void launcher_resume(const struct initial_stack *stack, struct launch *launch, int directory,
		     int file, const struct trailer *trailer)
{
	(void)stack;
	(void)launch;
	(void)directory;
	(void)file;
	(void)trailer;
}

#endif

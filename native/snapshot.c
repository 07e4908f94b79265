/*
 * Writes this process into a file and wakes up in the processes that the launcher makes of it; see
 * snapshot.h.
 *
 * The other threads are stopped by a signal whose handler saves where it is and waits. A new thread
 * that goes on at that place returns from the handler, and the kernel puts back what the thread
 * did: mostly waiting for work.
 */
#include "snapshot.h"
#include "sys.h"
#include "text.h"
#include "wherry.h"

#if defined(ARCH_HAS_SNAPSHOT)

#include <asm/sigcontext.h>
#include <asm/ucontext.h>
#include <linux/rseq.h>

ARCH_CONTEXT_FUNCTIONS;
ARCH_SIGNAL_RETURN(return_from_park);
void return_from_park(void);

#define EXPORT __attribute__((visibility("default")))

/* The last real-time signal: nobody has a use for it. */
#define SIGPARK 64
#define PARK_TIMEOUT_NS 2000000000U

#define RSEQ_SIGNATURE 0x53053053U
#define RSEQ_SIZE 32
#define RSEQ_FAILED (-2) /* RSEQ_CPU_ID_REGISTRATION_FAILED */

/* Bytes that the maps of a process may take as text; deno has 140 of them. */
#define MAPS_SIZE (1024 * 1024)

/* Pages between two runs of pages for which a system call more is not worth it. */
#define WIDEST_GAP 15

#define PAGE_EXISTS (UINT64_C(3) << 62) /* in memory or in swap, see pagemap(5) */
#define PAGE_IS_OF_FILE (UINT64_C(1) << 61)

/* What the C library tells about its restartable sequences since 2.35, see its <sys/rseq.h>. */
extern const ptrdiff_t __rseq_offset __attribute__((weak));
extern const unsigned __rseq_size __attribute__((weak));
extern const char **environ __attribute__((weak));
extern int malloc_trim(size_t) __attribute__((weak));
extern void *__curbrk __attribute__((weak)); /* what brk(2) said last */

struct thread {
	struct arch_context context;
	int32_t *id;              /* where the C library keeps the thread's number */
	void *robust;             /* its list of robust futexes */
	struct ucontext *ucontext; /* what it goes back to from the signal handler */
};

/* What the C library has on a stack for signals. */
struct signal_stack {
	void *start;
	int32_t flags;
	size_t size;
};

struct linux_robust_list { /* the part of glibc's struct pthread that the kernel knows, too */
	int32_t id;
	int32_t unused;
	void *previous;
	uint8_t head[24];
};

/* One line of /proc/self/smaps with what follows it. */
struct mapping {
	uint64_t start, end, offset;
	uint64_t inode;
	const char *path; /* "" for none; ends at `path_size` */
	size_t path_size;
	uint8_t protection;
	uint8_t key;
	bool is_shared; /* or is not to be copied for another reason */
	bool is_unreserved;
};

/* What is remembered in the file by being part of this memory. */
static struct {
	struct thread first;
	struct thread threads[SNAPSHOT_THREADS];
	uint32_t thread_count;
	uint32_t parked_count; /* threads that wait */
	uint32_t is_over;      /* they may go on */
	struct signal_action actions[SIGNAL_COUNT];
	struct signal_stack signal_stack;
	bool has_raised_files; /* deno raises the limit of open files */
	bool has_keys;
	uint64_t signal_mask; /* the caller's */
	struct snapshot_descriptor descriptors[SNAPSHOT_DESCRIPTORS];
	uint32_t descriptor_count;
} state;

/* Memory that is no part of the file. */
struct scratch {
	struct snapshot header;
	struct snapshot_piece pieces[SNAPSHOT_PIECES];
	uint64_t pages[512];
	char program[PATH_SIZE];
	char maps[MAPS_SIZE];
	size_t maps_size;
	int fd;
	int pagemap;
	uint64_t end; /* of what has been written */
};

/* ---- threads ---- */

/* Fill in what the kernel knows of the calling thread. */
static int describe_thread(struct thread *thread)
{
	struct linux_robust_list *list = NULL;
	size_t size = 0;
	void *head = NULL;
	int result = (int)SYS(get_robust_list, 0, &head, &size);

	if (result < 0)
		return result;
	list = (struct linux_robust_list *)((char *)head -
					    offsetof(struct linux_robust_list, head));
	if (size != sizeof(list->head) || list->id != (int32_t)SYS(gettid, 0))
		return -EOPNOTSUPP;
	thread->id = &list->id;
	thread->robust = head;
	thread->context.thread_pointer = arch_thread_pointer();
	return 0;
}

/* Tell the kernel again what it knew of the calling thread. */
static void adopt_thread(const struct thread *thread)
{
	struct rseq *area;

	(void)SYS(set_robust_list, thread->robust, sizeof(((struct linux_robust_list *)0)->head));
	if (&__rseq_size == NULL || __rseq_size == 0)
		return;
	area = (struct rseq *)(thread->context.thread_pointer + (uint64_t)__rseq_offset);
	if (SYS(rseq, area, __rseq_size > RSEQ_SIZE ? __rseq_size : RSEQ_SIZE, 0, RSEQ_SIGNATURE) <
	    0)
		area->cpu_id = (uint32_t)RSEQ_FAILED;
}

static void park(int signal, void *information, void *ucontext)
{
	struct thread *thread = &state.threads[__atomic_fetch_add(&state.thread_count, 1,
								  __ATOMIC_SEQ_CST)];

	(void)signal;
	(void)information;
	thread->ucontext = ucontext;
	if (describe_thread(thread) < 0)
		thread->id = NULL;
	if (arch_save(&thread->context) != 0) {
		adopt_thread(thread);
		memcpy(&thread->ucontext->uc_sigmask, &state.signal_mask,
		       sizeof(state.signal_mask));
		return;
	}
	(void)__atomic_add_fetch(&state.parked_count, 1, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&state.is_over, __ATOMIC_SEQ_CST) == 0)
		(void)sys_futex_wait(&state.is_over, 0, FUTEX_BITSET_MATCH_ANY);
}

struct directory_entry { /* of getdents64(2) */
	uint64_t inode;
	int64_t offset;
	uint16_t size;
	uint8_t type;
	char name[];
};

/* Send SIGPARK to all other threads. Returns their number or -errno. */
static int signal_threads(void)
{
	cleanup_close int directory = sys_openat(AT_FDCWD, "/proc/self/task",
						 O_RDONLY | O_DIRECTORY, 0);
	int self = (int)SYS(gettid, 0);
	int process = (int)SYS(getpid, 0);
	char buffer[4096] __attribute__((aligned(8)));
	int64_t size = directory;
	int count = 0;

	while (size >= 0 && (size = SYS(getdents64, directory, buffer, sizeof(buffer))) > 0)
		for (int64_t at = 0; at < size;) {
			struct directory_entry *entry = (struct directory_entry *)(buffer + at);
			uint64_t id;

			at += entry->size;
			if (parse_number(entry->name, 10, INT32_MAX, &id) < 0 || (int)id == self)
				continue;
			if (++count > SNAPSHOT_THREADS)
				return -E2BIG;
			if (SYS(tgkill, process, id, SIGPARK) < 0)
				return -EAGAIN;
		}
	return size < 0 ? (int)size : count;
}

static __attribute__((noinline)) int park_threads(void)
{
	struct signal_action action = {
		.handler = (void (*)(int))(uintptr_t)park,
		.flags = SA_SIGINFO | SA_RESTORER | SA_RESTART,
		.restorer = return_from_park,
		.mask = ~UINT64_C(0),
	};
	uint64_t deadline = sys_clock(CLOCK_STEADY) + PARK_TIMEOUT_NS;
	int count;

	(void)SYS(rt_sigaction, SIGPARK, &action, 0, sizeof(action.mask));
	count = signal_threads();
	while (count >= 0 &&
	       __atomic_load_n(&state.parked_count, __ATOMIC_SEQ_CST) < (uint32_t)count) {
		if (sys_clock(CLOCK_STEADY) > deadline)
			return -ETIMEDOUT;
		(void)SYS(sched_yield, 0);
	}
	for (int i = 0; i < count; i++)
		if (state.threads[i].id == NULL)
			return -EOPNOTSUPP;
	return count < 0 ? count : 0;
}

static void release_threads(void)
{
	__atomic_store_n(&state.is_over, 1, __ATOMIC_SEQ_CST);
	(void)sys_futex_wake(&state.is_over, FUTEX_BITSET_MATCH_ANY);
}

/* ---- memory ---- */

static const char *skip_number(const char *text, unsigned base, uint64_t *ret_number)
{
	uint64_t number = 0;

	for (;; text++) {
		if (*text >= '0' && *text <= '9')
			number = number * base + (uint64_t)(*text - '0');
		else if (base == 16 && *text >= 'a' && *text <= 'f')
			number = number * base + (uint64_t)(*text - 'a') + 10;
		else
			break;
	}
	*ret_number = number;
	return text;
}

/* The next line of the maps, or NULL. */
static const char *next_line(const struct scratch *scratch, const char *line)
{
	const char *end = scratch->maps + scratch->maps_size;
	const char *newline = find_byte(line, '\n', (size_t)(end - line));

	return newline == NULL || newline + 1 == end ? NULL : newline + 1;
}

static bool begins_with(const char *text, const char *prefix)
{
	return memcmp(text, prefix, text_length(prefix)) == 0;
}

/* Parse "start-end rwxp offset device inode   path" and the lines below it. Returns the next
 * mapping's line, or NULL. */
static const char *parse_mapping(const struct scratch *scratch, const char *line,
				 struct mapping *ret_mapping)
{
	struct mapping mapping = { 0 };
	uint64_t number;
	const char *at = skip_number(line, 16, &mapping.start);

	at = skip_number(at + 1, 16, &mapping.end);
	mapping.protection = (uint8_t)((at[1] == 'r' ? PROT_READ : 0) |
				       (at[2] == 'w' ? PROT_WRITE : 0) |
				       (at[3] == 'x' ? PROT_EXEC : 0));
	mapping.is_shared = at[4] == 's';
	at = skip_number(at + 6, 16, &mapping.offset);
	at = skip_number(at + 1, 16, &number);
	at = skip_number(at + 1, 16, &number);
	at = skip_number(at + 1, 10, &mapping.inode);
	while (*at == ' ')
		at++;
	mapping.path = at;
	while (*at != '\n')
		at++;
	mapping.path_size = (size_t)(at - mapping.path);
	while ((line = next_line(scratch, line)) != NULL && *line >= 'A' && *line <= 'Z') {
		if (begins_with(line, "ProtectionKey:")) {
			for (at = line + 14; *at == ' '; at++)
				;
			(void)skip_number(at, 10, &number);
			mapping.key = (uint8_t)number;
		}
		if (begins_with(line, "VmFlags:"))
			for (at = line + 8; *at == ' ' && at[1] != '\n'; at += 3) {
				mapping.is_unreserved |= at[1] == 'n' && at[2] == 'r';
				/* MADV_WIPEONFORK: its owner wants to know of copies */
				mapping.is_shared |= at[1] == 'w' && at[2] == 'f';
			}
	}
	*ret_mapping = mapping;
	return line;
}

/* Append a piece, or make the last one longer. */
static int add_piece(struct scratch *scratch, const struct mapping *mapping, uint64_t start,
		     uint64_t end, unsigned source, uint64_t offset)
{
	struct snapshot *header = &scratch->header;
	struct snapshot_piece *piece = &scratch->pieces[header->piece_count];

	if (start == end)
		return 0;
	if (header->piece_count == SNAPSHOT_PIECES)
		return -E2BIG;
	*piece = (struct snapshot_piece){
		.start = start,
		.size = end - start,
		.offset = offset,
		.source = (uint8_t)source,
		.protection = mapping->protection,
		.key = mapping->key,
		.is_unreserved = mapping->is_unreserved,
	};
	header->piece_count++;
	if (mapping->key > header->key_count)
		header->key_count = mapping->key;
	return 0;
}

static bool is_zero(const uint64_t *page)
{
	for (size_t i = 0; i < PAGE_SIZE / sizeof(*page); i++)
		if (page[i] != 0)
			return false;
	return true;
}

static int write_all(int fd, uint64_t start, uint64_t size, uint64_t offset)
{
	while (size > 0) {
		int64_t written = SYS(pwrite64, fd, start, size, offset);

		if (written <= 0)
			return written < 0 ? (int)written : -EIO;
		start += (uint64_t)written;
		size -= (uint64_t)written;
		offset += (uint64_t)written;
	}
	return 0;
}

/* Read what the kernel knows of `count` pages from `start` on into scratch->pages. */
static int read_pages(struct scratch *scratch, uint64_t start, uint64_t count)
{
	int64_t size = sys_pread(scratch->pagemap, scratch->pages, count * sizeof(uint64_t),
				 start / PAGE_SIZE * sizeof(uint64_t));

	if (size != (int64_t)(count * sizeof(uint64_t)))
		return size < 0 ? (int)size : -EIO;
	return 0;
}

/* Whether a page must be written down. Of a file that cannot be found again (SNAPSHOT_FILE) all are;
 * of others, those that were written to; and of anonymous memory, those that are not zero. */
static bool is_kept(unsigned backing, uint64_t page, uint64_t address)
{
	if (backing == SNAPSHOT_FILE)
		return true;
	if ((page & PAGE_EXISTS) == 0)
		return false;
	if (backing != SNAPSHOT_ZEROES)
		return (page & PAGE_IS_OF_FILE) == 0;
	return !is_zero((const uint64_t *)address);
}

/* Write the pages from `start` to `end`, of which `mapping` has content, to the file. */
static int write_run(struct scratch *scratch, const struct mapping *mapping, uint64_t start,
		     uint64_t end)
{
	uint64_t offset = scratch->end;
	int result = write_all(scratch->fd, start, end - start, offset);

	scratch->end += end - start;
	return result < 0 ? result
			  : add_piece(scratch, mapping, start, end, SNAPSHOT_FILE, offset);
}

static int add_untouched(struct scratch *scratch, const struct mapping *mapping,
			 unsigned backing, uint64_t start, uint64_t end)
{
	uint64_t offset = mapping->offset + (start - mapping->start);

	return add_piece(scratch, mapping, start, end, backing,
			 backing == SNAPSHOT_ZEROES ? 0 : offset);
}

/* Write a readable mapping: runs of pages that must be kept, and what is between them. */
static int write_mapping(struct scratch *scratch, const struct mapping *mapping, unsigned backing)
{
	uint64_t done = mapping->start; /* what has become pieces */
	uint64_t run = 0;               /* start of the run, 0: none */
	uint64_t run_end = 0;
	int result = 0;

	for (uint64_t at = mapping->start; at < mapping->end && result == 0; at += PAGE_SIZE) {
		uint64_t index = (at - mapping->start) / PAGE_SIZE % 512;
		uint64_t left = (mapping->end - at) / PAGE_SIZE;

		if (index == 0)
			result = read_pages(scratch, at, left < 512 ? left : 512);
		if (result < 0 || !is_kept(backing, scratch->pages[index], at))
			continue;
		if (run != 0 && at - run_end > (uint64_t)WIDEST_GAP * PAGE_SIZE) {
			result = add_untouched(scratch, mapping, backing, done, run);
			if (result == 0)
				result = write_run(scratch, mapping, run, run_end);
			done = run_end;
			run = 0;
		}
		if (run == 0)
			run = at;
		run_end = at + PAGE_SIZE;
	}
	if (result == 0 && run != 0) {
		result = add_untouched(scratch, mapping, backing, done, run);
		if (result == 0)
			result = write_run(scratch, mapping, run, run_end);
		done = run_end;
	}
	return result < 0 ? result
			  : add_untouched(scratch, mapping, backing, done, mapping->end);
}

static bool is_kernels(const struct mapping *mapping)
{
	return mapping->path_size > 2 && begins_with(mapping->path, "[v");
}

static bool is_path(const struct mapping *mapping, const char *path)
{
	return mapping->path_size == text_length(path) &&
	       memcmp(mapping->path, path, mapping->path_size) == 0;
}

/* Remember the file that is mapped, if it is there by its name. Returns whether it is. */
static bool add_library(struct snapshot *header, const struct mapping *mapping)
{
	struct snapshot_library *library = &header->libraries[header->library_count];
	struct statx status;

	if (header->library_count == SNAPSHOT_LIBRARIES || mapping->path[0] != '/' ||
	    mapping->path_size >= sizeof(library->path))
		return false;
	memcpy(library->path, mapping->path, mapping->path_size);
	library->path[mapping->path_size] = '\0';
	if (SYS(statx, AT_FDCWD, library->path, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &status) <
		    0 ||
	    status.stx_ino != mapping->inode)
		return false;
	snapshot_describe(&status, library);
	header->library_count++;
	return true;
}

/* What the pages of a mapping that nobody wrote to come from: an enum snapshot_source, or
 * SNAPSHOT_FILE for nothing that could be found again. */
static unsigned backing_of(struct scratch *scratch, const struct mapping *mapping)
{
	struct snapshot *header = &scratch->header;

	if (mapping->path_size == 0 || mapping->path[0] == '[')
		return SNAPSHOT_ZEROES;
	if (is_path(mapping, scratch->program))
		return SNAPSHOT_PROGRAM;
	for (uint32_t i = 0; i < header->library_count; i++)
		if (is_path(mapping, header->libraries[i].path))
			return SNAPSHOT_LIBRARY + i;
	if (add_library(header, mapping))
		return SNAPSHOT_LIBRARY + header->library_count - 1;
	return SNAPSHOT_FILE;
}

static int write_memory(struct scratch *scratch)
{
	const char *line = scratch->maps;
	int result = 0;

	while (line != NULL && result == 0) {
		struct mapping mapping;

		line = parse_mapping(scratch, line, &mapping);
		if (is_kernels(&mapping) || mapping.start == (uint64_t)scratch)
			continue;
		if (mapping.is_shared)
			return -EOPNOTSUPP;
		if (mapping.protection & PROT_READ)
			result = write_mapping(scratch, &mapping, backing_of(scratch, &mapping));
		else
			result = add_piece(scratch, &mapping, mapping.start, mapping.end,
					   SNAPSHOT_ZEROES, 0);
	}
	return result;
}

static int read_maps(struct scratch *scratch)
{
	cleanup_close int fd = sys_openat(AT_FDCWD, "/proc/self/smaps", O_RDONLY, 0);
	int64_t size = fd;

	while (size >= 0 && scratch->maps_size < MAPS_SIZE) {
		size = sys_read(fd, scratch->maps + scratch->maps_size,
				MAPS_SIZE - scratch->maps_size);
		if (size == 0)
			return 0;
		scratch->maps_size += size > 0 ? (size_t)size : 0;
	}
	return size < 0 ? (int)size : -E2BIG;
}

static int write_file(struct scratch *scratch, const char *build)
{
	struct snapshot *header = &scratch->header;
	cleanup_close int pagemap = sys_openat(AT_FDCWD, "/proc/self/pagemap", O_RDONLY, 0);
	uint64_t pieces_end = sizeof(*header) + sizeof(scratch->pieces);
	int64_t result = SYS(readlinkat, AT_FDCWD, "/proc/self/exe", scratch->program,
			     sizeof(scratch->program) - 1);
	struct statx program;

	if (result < 0 || pagemap < 0)
		return result < 0 ? (int)result : pagemap;
	/* The maps would spell it in another way */
	if (find_byte(scratch->program, '\n', (size_t)result) != NULL)
		return -EOPNOTSUPP;
	result = SYS(statx, AT_FDCWD, "/proc/self/exe", 0, STATX_SIZE, &program);
	if (result < 0)
		return (int)result;
	header->program_size = program.stx_size;
	scratch->pagemap = pagemap;
	scratch->end = (pieces_end + PAGE_SIZE - 1) / PAGE_SIZE * PAGE_SIZE;
	result = read_maps(scratch);
	if (result == 0)
		result = write_memory(scratch);
	if (result < 0)
		return (int)result;
	memcpy(header->magic, SNAPSHOT_MAGIC, sizeof(header->magic));
	memcpy(header->build, build, sizeof(header->build));
	header->processor = arch_identity();
	header->kernel = snapshot_kernel();
	header->monotonic = sys_clock(CLOCK_STEADY);
	header->size = scratch->end;
	header->descriptor_count = state.descriptor_count;
	memcpy(header->descriptors, state.descriptors, sizeof(state.descriptors));
	header->context = state.first.context;
	result = sys_ftruncate(scratch->fd, scratch->end);
	if (result == 0)
		result = write_all(scratch->fd, (uint64_t)header,
				   sizeof(*header) + header->piece_count * sizeof(scratch->pieces[0]),
				   0);
	return (int)result;
}

/* ---- the process that was made of the file ---- */

static _Noreturn void fail(const char *what)
{
	(void)sys_write(2, what, text_length(what));
	sys_exit(125);
}

/* Make `descriptor` again; its number is free. Returns -errno on failure. */
static int open_again(const struct snapshot_descriptor *descriptor,
		      const struct snapshot_caller *caller)
{
	int number = descriptor->number;
	int cloexec = descriptor->flags & O_CLOEXEC;
	int fds[2] = { -1, -1 };
	int fd = -EINVAL;

	switch ((enum snapshot_kind)descriptor->kind) {
	case SNAPSHOT_COPY:
		return sys_dup3(descriptor->other, number, cloexec);
	case SNAPSHOT_SELF:
		return sys_dup3(caller->program, number, cloexec);
	case SNAPSHOT_MONITOR:
		return sys_dup3(caller->monitor, number, cloexec);
	case SNAPSHOT_WATCH: {
		struct {
			uint32_t events;
			uint64_t data;
		} __attribute__((packed)) event = { (uint32_t)descriptor->value, descriptor->data };

		return (int)SYS(epoll_ctl, number, 1 /* EPOLL_CTL_ADD */, descriptor->other, &event);
	}
	case SNAPSHOT_NULL:
		fd = sys_openat(AT_FDCWD, "/dev/null", descriptor->flags, 0);
		break;
	case SNAPSHOT_EVENT:
		fd = (int)SYS(eventfd2, descriptor->value, descriptor->flags & (O_CLOEXEC | O_NONBLOCK));
		break;
	case SNAPSHOT_POLL:
		fd = (int)SYS(epoll_create1, cloexec);
		break;
	case SNAPSHOT_PAIR:
		fd = (int)SYS(socketpair, AF_UNIX,
			      1 /* SOCK_STREAM */ | (descriptor->flags & (O_CLOEXEC | O_NONBLOCK)), 0,
			      fds);
		if (fd < 0)
			return fd;
		fd = sys_dup3(fds[1], descriptor->other, cloexec);
		sys_close(fds[1]);
		if (fd < 0)
			return fd;
		fd = fds[0];
		break;
	}
	if (fd < 0 || fd == number)
		return fd;
	int result = sys_dup3(fd, number, cloexec);
	sys_close(fd);
	return result;
}

static void open_descriptors(const struct snapshot_caller *caller)
{
	struct rlimit64 limit = { 0 };

	(void)SYS(prlimit64, 0, RLIMIT_NOFILE, NULL, &limit);
	limit.rlim_cur = limit.rlim_max;
	if (state.has_raised_files)
		(void)SYS(prlimit64, 0, RLIMIT_NOFILE, &limit, NULL);
	for (uint32_t i = 0; i < state.descriptor_count; i++)
		if (open_again(&state.descriptors[i], caller) < 0)
			fail("wherry: Cannot start wherry: it cannot open what it needs\n");
	sys_close(caller->program);
	sys_close(caller->monitor);
}

static void restore_signals(void)
{
	for (int i = 0; i < SIGNAL_COUNT; i++)
		if (state.actions[i].handler != NULL)
			(void)SYS(rt_sigaction, i + 1, &state.actions[i], 0,
				  sizeof(state.actions[i].mask));
	(void)SYS(sigaltstack, &state.signal_stack, 0);
}

/* The caller's variables, and those of ours that tell where descriptors are. */
static void replace_environment(const struct snapshot_caller *caller)
{
	const char **end = caller->environment + caller->environment_count;
	const char **own = environ;
	unsigned added = 0;

	for (; *own != NULL && added < SNAPSHOT_VARIABLES; own++)
		if (begins_with(*own, "WHERRY_BUNDLE_") || begins_with(*own, "WHERRY_LIBRARY_FD=") ||
		    begins_with(*own, "WHERRY_MONITOR_FD=")) {
			*end++ = *own;
			added++;
		}
	*end = NULL;
	environ = caller->environment;
}

static void start_threads(void)
{
	const uint64_t flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD |
			       CLONE_SYSVSEM | CLONE_SETTLS | CLONE_PARENT_SETTID |
			       CLONE_CHILD_CLEARTID;

	for (uint32_t i = 0; i < state.thread_count; i++)
		if (arch_clone_at(flags, &state.threads[i].context, state.threads[i].id) < 0)
			fail("wherry: Cannot start wherry: it cannot start a thread\n");
}

static __attribute__((noinline)) void wake_up(const struct snapshot_caller *caller)
{
	if (state.has_keys)
		arch_write_keys(state.first.context.keys);
	(void)arch_set_thread_pointer(state.first.context.thread_pointer);
	*state.first.id = (int32_t)SYS(set_tid_address, state.first.id);
	adopt_thread(&state.first);
	(void)SYS(rt_sigprocmask, SIG_BLOCK, NULL, &state.signal_mask, sizeof(state.signal_mask));
	restore_signals();
	open_descriptors(caller);
	replace_environment(caller);
	__curbrk = (void *)SYS(brk, 0);
	start_threads();
}

/* ---- the process that writes the file ---- */

static __attribute__((noinline)) int prepare(const struct snapshot_descriptor *descriptors, uint32_t count)
{
	struct rlimit64 limit = { 0 };

	if (&malloc_trim != NULL)
		(void)malloc_trim(0);
	(void)sys_close_range(3, SNAPSHOT_FIRST_DESCRIPTOR - 1);
	if (&environ == NULL || &__curbrk == NULL)
		return -EOPNOTSUPP;
	if (count > SNAPSHOT_DESCRIPTORS)
		return -E2BIG;
	memcpy(state.descriptors, descriptors, count * sizeof(*descriptors));
	state.descriptor_count = count;
	for (int i = 0; i < SIGNAL_COUNT; i++)
		(void)SYS(rt_sigaction, i + 1, 0, &state.actions[i], sizeof(state.actions[i].mask));
	(void)SYS(sigaltstack, 0, &state.signal_stack);
	(void)SYS(prlimit64, 0, RLIMIT_NOFILE, NULL, &limit);
	state.has_raised_files = limit.rlim_cur == limit.rlim_max;
	state.has_keys = arch_has_keys();
	return describe_thread(&state.first);
}

/* Give the file its name. */
static int name_file(int fd, int directory)
{
	char buffer[32];
	struct text path = TEXT(buffer);

	text_add(&path, "/proc/self/fd/");
	text_add_number(&path, (uint64_t)fd);
	return (int)SYS(linkat, AT_FDCWD, text_end(&path), directory, SNAPSHOT_NEW_NAME,
			AT_SYMLINK_FOLLOW);
}

/* Write the file. The threads are parked. */
static __attribute__((noinline)) int save(const char *directory, const char *build)
{
	/* Shared, or the kernel would join it with what lies beside it */
	struct scratch *scratch = sys_allocate_shared(sizeof(*scratch));
	cleanup_close int parent = sys_openat(AT_FDCWD, directory, O_PATH | O_DIRECTORY, 0);
	cleanup_close int fd = sys_openat(parent, ".", O_TMPFILE | O_WRONLY, 0600);
	int result = fd;

	if (scratch == NULL || parent < 0)
		return scratch == NULL ? -ENOMEM : parent;
	if (state.has_keys)
		arch_write_keys(0);
	scratch->fd = fd;
	if (result >= 0)
		result = write_file(scratch, build);
	if (result >= 0)
		result = name_file(fd, parent);
	if (state.has_keys)
		arch_write_keys(state.first.context.keys);
	sys_free(scratch, sizeof(*scratch));
	return result;
}

/* What this function has in memory when save() writes it is what it finds when it returns once more. */
EXPORT int32_t wherry_snapshot(const char *directory, const char *build,
			       const struct snapshot_descriptor *descriptors, uint32_t count)
{
	uint64_t caller;
	int result = prepare(descriptors, count);

	if (result == 0)
		result = park_threads();
	if (state.has_keys)
		state.first.context.keys = arch_read_keys();
	caller = arch_save(&state.first.context);
	if (caller != 0) {
		wake_up((const struct snapshot_caller *)caller);
		return 1;
	}
	if (result == 0)
		result = save(directory, build);
	release_threads();
	return result;
}

#endif

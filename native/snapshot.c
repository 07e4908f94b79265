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
		if (text_begins(*own, "WHERRY_BUNDLE_") || text_begins(*own, "WHERRY_LIBRARY_FD=") ||
		    text_begins(*own, "WHERRY_MONITOR_FD=")) {
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
	struct snapshot header = { .descriptor_count = state.descriptor_count,
				   .context = state.first.context };
	cleanup_close int parent = sys_openat(AT_FDCWD, directory, O_PATH | O_DIRECTORY, 0);
	cleanup_close int fd = sys_openat(parent, ".", O_TMPFILE | O_WRONLY, 0600);
	int result = fd;

	memcpy(header.magic, SNAPSHOT_MAGIC, sizeof(header.magic));
	memcpy(header.build, build, sizeof(header.build));
	memcpy(header.descriptors, state.descriptors, sizeof(state.descriptors));
	if (state.has_keys)
		arch_write_keys(0);
	if (result >= 0)
		result = snapshot_write(fd, &header);
	if (result >= 0)
		result = name_file(fd, parent);
	if (state.has_keys)
		arch_write_keys(state.first.context.keys);
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

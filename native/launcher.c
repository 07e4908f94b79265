/*
 * First part of the executable file `dist/wherry`: starts the deno that the same file carries,
 * without extracting anything ("userland exec"), so that one file runs from any directory and file
 * system.
 *
 *   kernel -> launcher: map deno and the loader of the C library (launcher_image.c), put three
 *             sections into memfds, build the stack that the kernel would have built for deno and
 *             jump (launcher_stack.c)
 *          -> ld.so -> deno -> main module -> bundle
 *
 * The file, which scripts/packed_file.ts writes:
 *
 *   this program | deno | main module | bundle | libwherry.so | wherry-monitor |
 *   ld.so | up to six libraries | code cache | struct trailer
 *
 * The trailer is its last 280 bytes: numbers of 64 bits, little endian. Sections begin at multiples
 * of 64 KiB, the largest page of any architecture. Nothing is compressed: pages that are not needed
 * are never read.
 *
 * deno is position-independent and has 160,000 relative relocations. scripts/prelink.ts applies
 * them for one address, derived from the build, because doing it at every start costs 2 ms and 2.5
 * MB of private memory. Should that address be taken, relocate() does it. So deno's code has the
 * same address at every start, as in any program that is not position-independent; its heap, stack
 * and libraries do not.
 *
 * The host's C library is used when it is glibc 2.35 or newer, otherwise the carried one.
 */
#include "launcher.h"
#include "snapshot.h"
#include <linux/personality.h>

/* Exit status for "wherry itself failed", as in mod/cli/base/exit_code.ts. */
#define EXIT_FAILED 125

#define SECTION_ALIGNMENT 65536

/* F_OK of faccessat(2), which the kernel's headers do not name. */
#define EXISTS 0

/* File of deno's that V8's code cache is in; scripts/code_cache.ts makes one. */
#define CODE_CACHE "v8_code_cache_v2"

static const char MAGIC[8] = { 'w', 'h', 'e', 'r', 'r', 'y', '-', '3' };

/* Report why wherry cannot start and end. `error` is -errno, or 0 when the text says it all. */
_Noreturn void launcher_fail(const char *state, int64_t error)
{
	char buffer[256];
	struct text message = TEXT(buffer);

	text_add(&message, "wherry: Cannot start wherry: ");
	text_add(&message, state);
	if (error != 0) {
		text_add(&message, " (errno ");
		text_add_number(&message, (uint64_t)-error);
		text_add(&message, ")");
	}
	text_add(&message, "\n");
	(void)sys_write(2, message.data, message.length);
	sys_exit(EXIT_FAILED);
}

uint64_t launcher_check(int64_t result, const char *state)
{
	if (result < 0 && result > -4096)
		launcher_fail(state, result);
	return (uint64_t)result;
}

/* Make the string of `prefix` and `value`. It stays as long as the process. */
const char *launcher_string(struct text *strings, const char *prefix, const char *value)
{
	const char *start = strings->data + strings->length;

	text_add(strings, prefix);
	text_add(strings, value);
	text_add_bytes(strings, "", 1);
	return start;
}

const char *launcher_number_string(struct text *strings, const char *prefix, uint64_t number)
{
	const char *start = strings->data + strings->length;

	text_add(strings, prefix);
	text_add_number(strings, number);
	text_add_bytes(strings, "", 1);
	return start;
}

void launcher_add_variable(struct launch *launch, const char *variable)
{
	if (launch->environment_count == ADDED_VARIABLES)
		launcher_fail("it has more variables to set than it has places for", 0);
	launch->environment[launch->environment_count++] = variable;
}

uint64_t launcher_soft_limit(int resource)
{
	struct rlimit64 limit = { 0 };

	(void)SYS(prlimit64, 0, resource, NULL, &limit);
	return limit.rlim_cur;
}

/* Fill descriptors 0 to 2 where the caller closed them, or what is opened next becomes stdout. */
static void fill_standard_descriptors(void)
{
	for (int fd = 0; fd <= 2; fd++)
		if (sys_fcntl(fd, F_GETFD, 0) < 0 &&
		    SYS(openat, AT_FDCWD, "/dev/null", O_RDWR, 0) < 0)
			launcher_fail("a standard stream is closed and /dev/null cannot be opened",
				      0);
}

static int open_own_file(void)
{
	int fd = sys_openat(AT_FDCWD, "/proc/self/exe", O_RDONLY, 0);

	if (fd < 0 && sys_openat(AT_FDCWD, "/proc/self/stat", O_PATH, 0) == -ENOENT)
		launcher_fail("/proc is not mounted (mount -t proc proc /proc)", 0);
	return (int)launcher_check(fd, "its own file /proc/self/exe cannot be read");
}

void launcher_read(int fd, void *ret_data, size_t size, uint64_t offset)
{
	if (sys_pread(fd, ret_data, size, offset) != (int64_t)size)
		launcher_fail("its file is damaged: it ends too early", 0);
}

static void check_section(const struct section *section, uint64_t end)
{
	if (section->offset > end || section->size > end - section->offset ||
	    section->offset % SECTION_ALIGNMENT != 0)
		launcher_fail("its file is damaged: a section is not inside it", 0);
}

static void read_trailer(int fd, struct trailer *ret_trailer)
{
	struct trailer trailer;
	uint64_t size = launcher_check(sys_seek_end(fd), "its own file cannot be read");
	uint64_t end = size - sizeof(trailer);

	if (size < sizeof(trailer))
		launcher_fail("its file is damaged: it is too short", 0);
	launcher_read(fd, &trailer, sizeof(trailer), end);
	if (memcmp(trailer.magic, MAGIC, sizeof(MAGIC)) != 0)
		launcher_fail("its file is damaged: the trailer at its end is missing", 0);
	if (trailer.file_size != size || trailer.build[sizeof(trailer.build) - 1] != '\0')
		launcher_fail("its file is damaged: its size is not the one in its trailer", 0);
	check_section(&trailer.deno, end);
	check_section(&trailer.main_module, end);
	check_section(&trailer.bundle, end);
	check_section(&trailer.library, end);
	check_section(&trailer.monitor, end);
	check_section(&trailer.loader, end);
	for (int i = 0; i < CARRIED_LIBRARIES; i++)
		check_section(&trailer.libraries[i], end);
	check_section(&trailer.code_cache, end);
	*ret_trailer = trailer;
}

/* Whether `directory` belongs to root and has none of the `forbidden` permissions. */
static bool is_trusted(int directory, unsigned forbidden)
{
	struct statx status;

	return sys_statx(directory, &status) == 0 && status.stx_uid == 0 &&
	       (status.stx_mode & forbidden) == 0;
}

/* Open a directory below `parent`, making it if it is missing, if nobody else can write to it. */
static int open_trusted(int parent, const char *name, unsigned forbidden)
{
	int directory;

	(void)sys_mkdirat(parent, name, 0700);
	directory = sys_openat(parent, name, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0);
	if (directory >= 0 && !is_trusted(directory, forbidden)) {
		sys_close(directory);
		return -EPERM;
	}
	return directory;
}

/* Put the code cache that the file carries into `directory`, unless there is one. A failure only
 * means that deno begins with an empty one. */
static void seed_cache(int directory, int file, const struct section *cache)
{
	char buffer[32];
	struct text path = TEXT(buffer);
	cleanup_close int copy = -1;

	if (cache->size == 0 || SYS(faccessat, directory, CODE_CACHE, EXISTS) == 0)
		return;
	/* Without a name until it is whole; where another start was faster, its copy stays */
	copy = sys_openat(directory, ".", O_TMPFILE | O_WRONLY, 0600);
	if (copy < 0 || launcher_copy_section(copy, file, cache) != 0)
		return;
	text_add(&path, "/proc/self/fd/");
	text_add_number(&path, (uint64_t)copy);
	text_add_bytes(&path, "", 1);
	(void)SYS(linkat, AT_FDCWD, path.data, directory, CODE_CACHE, AT_SYMLINK_FOLLOW);
}

/*
 * Open the directory for a snapshot and for V8's code cache: one for each build, below a directory
 * that only root can enter, in the run directory that mod/store has made. Returns -errno when it
 * cannot be trusted or made: deno is then started, and the bundle compiled, at each start.
 */
static int open_cache(const struct trailer *trailer)
{
	cleanup_close int parent = -1;
	cleanup_close int caches = -1;

	if (SYS(geteuid, 0) != 0)
		return -EPERM;
	parent = sys_openat(AT_FDCWD, "/run/wherry", O_PATH | O_DIRECTORY | O_NOFOLLOW, 0);
	if (parent < 0 || !is_trusted(parent, 0022))
		return -EPERM;
	caches = open_trusted(parent, "cache", 0077);
	if (caches < 0)
		return caches;
	return open_trusted(caches, trailer->build, 0077);
}

/* Deno does not start in a directory that has been deleted. In its place comes one in which no
 * relative path can mean anything. */
static void leave_deleted_directory(void)
{
	char path[PATH_SIZE];

	if (SYS(getcwd, path, sizeof(path)) == -ENOENT)
		(void)sys_chdir("/proc/self/fdinfo");
}

/* Put what deno opens by name into memfds and tell TypeScript their numbers. The bundle is read from
 * the file itself, which stays open. */
static void open_sections(struct launch *launch, int file, const struct trailer *trailer)
{
	struct text *strings = &launch->strings;

	launch->main_module = launcher_number_string(
		strings, "/proc/self/fd/",
		launcher_section(file, &trailer->main_module, "wherry-main.js"));
	launcher_add_variable(launch, launcher_number_string(strings, "WHERRY_BUNDLE_FD=",
							     (uint64_t)file));
	launcher_add_variable(launch, launcher_number_string(strings, "WHERRY_BUNDLE_OFFSET=",
							     trailer->bundle.offset));
	launcher_add_variable(
		launch,
		launcher_number_string(strings, "WHERRY_LIBRARY_FD=",
				       launcher_section(file, &trailer->library, "libwherry.so")));
	launcher_add_variable(launch,
			      launcher_number_string(
				      strings, "WHERRY_MONITOR_FD=",
				      launcher_section(file, &trailer->monitor, "wherry-monitor")));
}

/* Keep the numbers free that callers may use for descriptors of theirs: deno gets higher ones. */
static void fill_low_descriptors(void)
{
	for (int fd = 3; fd < SNAPSHOT_FIRST_DESCRIPTOR; fd++)
		if (sys_fcntl(fd, F_GETFD, 0) < 0)
			(void)sys_dup3(0, fd, O_CLOEXEC);
}

/* Keep malloc from brk(2), whose memory is elsewhere in each process. */
static void block_break(void)
{
	uint64_t end = ((uint64_t)SYS(brk, 0) + PAGE_SIZE - 1) / PAGE_SIZE * PAGE_SIZE;

	(void)SYS(mmap, end, PAGE_SIZE, PROT_NONE,
		  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
}

/* Variables that tell TypeScript and deno about this start. */
static void add_variables(struct launch *launch, const struct trailer *trailer)
{
	struct text *strings = &launch->strings;

	launcher_add_variable(launch, launch->has_cache
					      ? launcher_string(strings, "DENO_DIR=/run/wherry/cache/",
								trailer->build)
					      : "DENO_DIR=" NO_DIRECTORY);
	launcher_add_variable(launch, launcher_string(strings, "WHERRY_BUILD=", trailer->build));
	launcher_add_variable(launch, launcher_number_string(strings, "WHERRY_OPEN_FILES=",
							     launcher_soft_limit(RLIMIT_NOFILE)));
}

/* Start deno, from the beginning. */
static _Noreturn void start_deno(const struct initial_stack *stack, struct launch *launch, int file,
				 const struct trailer *trailer)
{
	if (launch->is_snapshot)
		block_break();
	launcher_map(launch, file, trailer, launcher_auxiliary_value(stack, AT_PAGESZ));
	open_sections(launch, file, trailer);
	launcher_enter(stack, launch);
}

__attribute__((used)) static _Noreturn void start(uint64_t *words)
{
	struct initial_stack stack = launcher_initial_stack(words);
	struct launch launch = { 0 };
	struct trailer trailer;
	int directory = -ENOENT;
	int file;

	if (launcher_auxiliary_value(&stack, AT_SECURE) != 0)
		launcher_fail("its file must not be set-user-ID and have no capabilities", 0);
	fill_standard_descriptors();
	launch.is_snapshot = stack.argc == 2 && text_equal(stack.argv[1], SNAPSHOT_COMMAND);
	launch.is_trial = stack.argc == 2 && text_equal(stack.argv[1], TRIAL_COMMAND);
	if (launch.is_snapshot) {
		/* What start_writer() chose is for this process alone */
		(void)SYS(personality, PER_LINUX);
		fill_low_descriptors();
	}
	file = open_own_file();
	read_trailer(file, &trailer);
	if (!launch.is_snapshot)
		directory = open_cache(&trailer);
	launch.has_cache = directory >= 0;
	launch.strings = launcher_allocate_strings(&stack);
	add_variables(&launch, &trailer);
	leave_deleted_directory();
	if (launch.has_cache) {
		if (trailer.has_snapshots != 0 && !launcher_has(&stack, NO_SNAPSHOT))
			launcher_resume(&stack, &launch, directory, file, &trailer);
		seed_cache(directory, file, &trailer.code_cache);
		sys_close(directory);
	}
	start_deno(&stack, &launch, file, &trailer);
}

ARCH_ENTRY(start);

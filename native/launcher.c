/*
 * First part of the executable file `dist/wherry`: starts the deno that the same file carries,
 * without extracting anything ("userland exec"), so that one file runs from any directory and file
 * system.
 *
 *   kernel -> launcher: map deno and the loader of the C library, put four sections into memfds,
 *             build the stack that the kernel would have built for deno, jump
 *          -> ld.so -> deno -> main module -> bundle
 *
 * The file, which scripts/packed_file.ts writes:
 *
 *   this program | deno | main module | bundle | libwherry.so | wherry-monitor |
 *   ld.so | up to six libraries | struct trailer
 *
 * The trailer is its last 256 bytes: numbers of 64 bits, little endian. Sections begin at multiples
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
#include "sys.h"
#include "text.h"
#include <elf.h>
#include <linux/memfd.h>

/* Exit status for "wherry itself failed", as in mod/cli/exit_code.ts. */
#define EXIT_FAILED 125

#define SECTION_ALIGNMENT 65536
#define MAX_SEGMENTS 32
#define MAX_INTERPRETER 256
#define CARRIED_LIBRARIES 6

/* A directory that cannot exist: there deno finds nothing and writes nothing. */
#define NO_DIRECTORY "/proc/none"

/* Most words that the new vectors need besides the caller's, and bytes of their strings. */
#define ADDED_WORDS 64
#define ADDED_BYTES 4096

/* For V8, which uses 1 MiB, and the vectors: execve(2) allows a quarter of the limit for them. */
#define NEEDED_STACK_BYTES (4 * 1024 * 1024)

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif

struct section {
	uint64_t offset;
	uint64_t size;
};

/* The end of the file. */
struct trailer {
	struct section deno;
	struct section main_module;
	struct section bundle;
	struct section library;
	struct section monitor;
	struct section loader;
	struct section libraries[CARRIED_LIBRARIES]; /* size 0: none */

	uint64_t base;             /* address for which deno has been relocated */
	uint64_t relocations;      /* distance of its relative relocations from that address */
	uint64_t relocation_count; /* their number */
	uint64_t file_size;        /* trailer included */
	char build[24];            /* build id in hexadecimal, NUL-terminated */
	char magic[8];
};

_Static_assert(sizeof(struct trailer) == 256, "scripts/packed_file.ts writes 256 bytes");

static const char MAGIC[8] = { 'w', 'h', 'e', 'r', 'r', 'y', '-', '1' };

/* A program or loader in memory. */
struct image {
	uint64_t base; /* added to the file's addresses */
	uint64_t entry;
	uint64_t headers;
	uint64_t header_count;
	uint64_t readable_size; /* bytes from `base` that the first segment has */
	char interpreter[MAX_INTERPRETER];
};

/* What the kernel puts on the stack of a new program. */
struct initial_stack {
	uint64_t argc;
	char **argv;
	char **envp;
	uint64_t envc;
	Elf64_auxv_t *auxv;
	uint64_t auxc; /* the closing AT_NULL included */
};

/* What the new program's vectors are made of. */
struct launch {
	struct image deno;
	struct image loader;
	struct text strings; /* every string that is made */
	const char *main_module;
	const char *cache_directory; /* NULL: none can be used */
	const char *environment[8];  /* made variables, in no order */
	unsigned environment_count;
};

static bool has_prefix(const char *text, const char *prefix)
{
	while (*prefix != '\0')
		if (*text++ != *prefix++)
			return false;
	return true;
}

/* Report why wherry cannot start and end. `error` is -errno, or 0 when the text says it all. */
static _Noreturn void fail(const char *state, int64_t error)
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

static uint64_t checked(int64_t result, const char *state)
{
	if (result < 0 && result > -4096)
		fail(state, result);
	return (uint64_t)result;
}

/* Make the string of `prefix` and `value`. It stays as long as the process. */
static const char *make_string(struct text *strings, const char *prefix, const char *value)
{
	const char *start = strings->data + strings->length;

	text_add(strings, prefix);
	text_add(strings, value);
	text_add_bytes(strings, "", 1);
	return start;
}

static const char *make_number_string(struct text *strings, const char *prefix, uint64_t number)
{
	const char *start = strings->data + strings->length;

	text_add(strings, prefix);
	text_add_number(strings, number);
	text_add_bytes(strings, "", 1);
	return start;
}

static void add_variable(struct launch *launch, const char *variable)
{
	launch->environment[launch->environment_count++] = variable;
}

static struct initial_stack read_initial_stack(uint64_t *words)
{
	struct initial_stack stack = { .argc = words[0], .argv = (char **)(words + 1) };

	stack.envp = stack.argv + stack.argc + 1;
	while (stack.envp[stack.envc] != NULL)
		stack.envc++;
	stack.auxv = (Elf64_auxv_t *)(stack.envp + stack.envc + 1);
	while (stack.auxv[stack.auxc++].a_type != AT_NULL)
		;
	return stack;
}

static uint64_t auxiliary_value(const struct initial_stack *stack, uint64_t type)
{
	for (uint64_t i = 0; i < stack->auxc; i++)
		if (stack->auxv[i].a_type == type)
			return stack->auxv[i].a_un.a_val;
	return 0;
}

/* Fill descriptors 0 to 2 where the caller closed them, or what is opened next becomes stdout. */
static void fill_standard_descriptors(void)
{
	for (int fd = 0; fd <= 2; fd++)
		if (sys_fcntl(fd, F_GETFD, 0) < 0 &&
		    SYS(openat, AT_FDCWD, "/dev/null", O_RDWR, 0) < 0)
			fail("a standard stream is closed and /dev/null cannot be opened", 0);
}

static int open_own_file(void)
{
	int fd = sys_openat(AT_FDCWD, "/proc/self/exe", O_RDONLY, 0);

	if (fd < 0 && sys_openat(AT_FDCWD, "/proc/self/stat", O_PATH, 0) == -ENOENT)
		fail("/proc is not mounted (mount -t proc proc /proc)", 0);
	return (int)checked(fd, "its own file /proc/self/exe cannot be read");
}

static void read_exactly(int fd, void *ret_data, size_t size, uint64_t offset)
{
	if (sys_pread(fd, ret_data, size, offset) != (int64_t)size)
		fail("its file is damaged: it ends too early", 0);
}

static void check_section(const struct section *section, uint64_t end)
{
	if (section->offset > end || section->size > end - section->offset ||
	    section->offset % SECTION_ALIGNMENT != 0)
		fail("its file is damaged: a section is not inside it", 0);
}

static void read_trailer(int fd, struct trailer *ret_trailer)
{
	struct trailer trailer;
	uint64_t size = checked(sys_seek_end(fd), "its own file cannot be read");
	uint64_t end = size - sizeof(trailer);

	if (size < sizeof(trailer))
		fail("its file is damaged: it is too short", 0);
	read_exactly(fd, &trailer, sizeof(trailer), end);
	if (memcmp(trailer.magic, MAGIC, sizeof(MAGIC)) != 0)
		fail("its file is damaged: the trailer at its end is missing", 0);
	if (trailer.file_size != size || trailer.build[sizeof(trailer.build) - 1] != '\0')
		fail("its file is damaged: its size is not the one in its trailer", 0);
	check_section(&trailer.deno, end);
	check_section(&trailer.main_module, end);
	check_section(&trailer.bundle, end);
	check_section(&trailer.library, end);
	check_section(&trailer.monitor, end);
	check_section(&trailer.loader, end);
	for (int i = 0; i < CARRIED_LIBRARIES; i++)
		check_section(&trailer.libraries[i], end);
	*ret_trailer = trailer;
}

static int segment_protection(const Elf64_Phdr *segment)
{
	return (segment->p_flags & PF_R ? PROT_READ : 0) |
	       (segment->p_flags & PF_W ? PROT_WRITE : 0) |
	       (segment->p_flags & PF_X ? PROT_EXEC : 0);
}

/* Map one PT_LOAD segment. The rest of its last page is zeroed: ld.so takes its first memory from
 * there. */
static void map_segment(int fd, uint64_t file_offset, uint64_t base, const Elf64_Phdr *segment,
			uint64_t page)
{
	uint64_t skew = segment->p_vaddr & (page - 1);
	uint64_t start = base + segment->p_vaddr - skew;
	uint64_t file_end = base + segment->p_vaddr + segment->p_filesz;
	uint64_t memory_end = base + segment->p_vaddr + segment->p_memsz;
	uint64_t mapped_end = (file_end + page - 1) & ~(page - 1);
	int protection = segment_protection(segment);

	if (((segment->p_offset ^ segment->p_vaddr) & (page - 1)) != 0)
		fail("a program in its file is damaged: a segment is misaligned", 0);
	(void)checked(SYS(mmap, start, file_end - start, protection, MAP_PRIVATE | MAP_FIXED, fd,
			  file_offset + segment->p_offset - skew),
		      "a part of its file cannot be mapped");
	if (memory_end <= file_end)
		return;
	if (protection & PROT_WRITE)
		memset((void *)file_end, 0, mapped_end - file_end);
	if (memory_end > mapped_end)
		(void)checked(SYS(mmap, mapped_end, memory_end - mapped_end, protection,
				  MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS, -1, 0),
			      "there is no memory for deno");
}

static bool is_program_for_this_machine(const Elf64_Ehdr *file)
{
	return memcmp(file->e_ident, ELFMAG, SELFMAG) == 0 && file->e_machine == ARCH_ELF_MACHINE &&
	       file->e_phentsize == sizeof(Elf64_Phdr) && file->e_phnum <= MAX_SEGMENTS;
}

/*
 * Reserve the address space of an image, at `wanted` when that is not 0 and the place is free.
 * Returns the difference between the addresses in the file and those in memory.
 */
static uint64_t reserve(const Elf64_Phdr *segments, int count, uint64_t wanted, uint64_t page)
{
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
	uint64_t low = UINT64_MAX;
	uint64_t high = 0;
	int64_t start = -EEXIST;

	for (int i = 0; i < count; i++) {
		if (segments[i].p_type != PT_LOAD)
			continue;
		if (segments[i].p_vaddr < low)
			low = segments[i].p_vaddr & ~(page - 1);
		if (segments[i].p_vaddr + segments[i].p_memsz > high)
			high = segments[i].p_vaddr + segments[i].p_memsz;
	}
	if (wanted != 0)
		start = SYS(mmap, wanted + low, high - low, PROT_NONE, flags | MAP_FIXED_NOREPLACE,
			    -1, 0);
	if (start < 0)
		start = SYS(mmap, 0, high - low, PROT_NONE, flags, -1, 0);
	return checked(start, "there is no address space for deno") - low;
}

/* Map the ELF file that begins at `file_offset`, as execve(2) does. */
static void map_image(int fd, uint64_t file_offset, uint64_t wanted, uint64_t page,
		      struct image *ret_image)
{
	struct image image = { 0 };
	Elf64_Phdr segments[MAX_SEGMENTS];
	Elf64_Ehdr file;

	read_exactly(fd, &file, sizeof(file), file_offset);
	if (!is_program_for_this_machine(&file))
		fail("a program in its file is not one for this machine", 0);
	read_exactly(fd, segments, file.e_phnum * sizeof(segments[0]), file_offset + file.e_phoff);
	image.base = reserve(segments, file.e_phnum, wanted, page);
	image.entry = image.base + file.e_entry;
	image.headers = image.base + file.e_phoff;
	image.header_count = file.e_phnum;
	for (int i = 0; i < file.e_phnum; i++) {
		const Elf64_Phdr *segment = &segments[i];

		if (segment->p_type == PT_LOAD)
			map_segment(fd, file_offset, image.base, segment, page);
		if (segment->p_type == PT_LOAD && segment->p_vaddr == 0)
			image.readable_size = segment->p_filesz;
		if (segment->p_type == PT_INTERP && segment->p_filesz < MAX_INTERPRETER)
			read_exactly(fd, image.interpreter, segment->p_filesz,
				     file_offset + segment->p_offset);
	}
	*ret_image = image;
}

/* Apply deno's relative relocations, because it could not be mapped at the address that they are
 * made for. */
static void relocate(const struct trailer *trailer, const struct image *deno)
{
	const Elf64_Rela *entry = (const Elf64_Rela *)(deno->base + trailer->relocations);

	if (trailer->relocations > deno->readable_size ||
	    trailer->relocation_count >
		    (deno->readable_size - trailer->relocations) / sizeof(*entry))
		fail("its file is damaged: the relocations are not inside deno", 0);
	for (uint64_t i = 0; i < trailer->relocation_count; i++, entry++)
		*(uint64_t *)(deno->base + entry->r_offset) =
			deno->base + (uint64_t)entry->r_addend;
}

/* memfd_create(2). Where vm.memfd_noexec is set, only MFD_EXEC makes one that can be executed;
 * Linux before 6.3 does not know that flag and needs none. */
static int make_memfd(const char *name)
{
	int64_t fd = SYS(memfd_create, name, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);

	if (fd == -EINVAL)
		fd = SYS(memfd_create, name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	return (int)checked(fd, "memory for a part of its file cannot be had");
}

/* Copy a section of `file` into a memfd that nobody can change any more. */
static uint64_t section_memfd(int file, const struct section *section, const char *name)
{
	int memfd = make_memfd(name);
	int64_t offset = (int64_t)section->offset;
	uint64_t left = section->size;

	while (left > 0) {
		int64_t sent = SYS(sendfile, memfd, file, &offset, left);

		if (sent <= 0)
			fail("a part of its file cannot be copied to memory", sent);
		left -= (uint64_t)sent;
	}
	(void)checked(sys_fcntl(memfd, F_ADD_SEALS,
				F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE),
		      "memory cannot be sealed");
	return (uint64_t)memfd;
}

/* Whether the mapped loader is that of glibc 2.35 or newer, the first to define a version of this
 * name. musl's, and the stand-ins that some distributions put at its path, do not. */
static bool is_recent_glibc(const struct image *loader)
{
	static const char version[] = "GLIBC_2.35";
	const char *bytes = (const char *)loader->base;

	for (uint64_t i = 0; i + sizeof(version) <= loader->readable_size; i++)
		if (bytes[i] == version[0] && memcmp(bytes + i, version, sizeof(version)) == 0)
			return true;
	return false;
}

/* glibc does not bring libgcc_s, which deno needs too. */
static bool has_libgcc(void)
{
	static const char paths[][48] = {
		"/lib/" ARCH_MULTIARCH "/libgcc_s.so.1",
		"/usr/lib/" ARCH_MULTIARCH "/libgcc_s.so.1",
		"/lib64/libgcc_s.so.1",
		"/usr/lib64/libgcc_s.so.1",
		"/lib/libgcc_s.so.1",
		"/usr/lib/libgcc_s.so.1",
	};

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		if (SYS(faccessat, AT_FDCWD, paths[i], 4 /* R_OK */) == 0)
			return true;
	return false;
}

/* Map the loader of the host's C library. Returns false when there is none that deno can use. */
static bool map_host_loader(const char *path, uint64_t page, struct image *ret_loader)
{
	cleanup_close int fd = sys_openat(AT_FDCWD, path, O_RDONLY, 0);
	Elf64_Ehdr file;

	if (fd < 0 || !has_libgcc() || sys_pread(fd, &file, sizeof(file), 0) != sizeof(file) ||
	    !is_program_for_this_machine(&file))
		return false;
	map_image(fd, 0, 0, page, ret_loader);
	return is_recent_glibc(ret_loader);
}

/* Put the carried libraries into memfds. Loaded by path before deno's own, they satisfy what it
 * needs by name. Returns the variable that makes ld.so load them. */
static const char *preload_libraries(struct text *strings, int file, const struct trailer *trailer)
{
	const char *variable = strings->data + strings->length;
	const char *separator = "LD_PRELOAD=";

	for (int i = 0; i < CARRIED_LIBRARIES && trailer->libraries[i].size > 0; i++) {
		text_add(strings, separator);
		text_add(strings, "/proc/self/fd/");
		text_add_number(strings, section_memfd(file, &trailer->libraries[i], "library"));
		separator = ":";
	}
	text_add_bytes(strings, "", 1);
	return variable;
}

static void map_programs(struct launch *launch, int file, const struct trailer *trailer,
			 uint64_t page)
{
	map_image(file, trailer->deno.offset, trailer->base, page, &launch->deno);
	if (launch->deno.base != trailer->base)
		relocate(trailer, &launch->deno);
	if (map_host_loader(launch->deno.interpreter, page, &launch->loader))
		return;
	map_image(file, trailer->loader.offset, 0, page, &launch->loader);
	add_variable(launch, preload_libraries(&launch->strings, file, trailer));
}

/* Whether `directory` belongs to root and has none of the `forbidden` permissions. */
static bool is_trusted(int directory, unsigned forbidden)
{
	struct statx status;

	return sys_statx(directory, &status) == 0 && status.stx_uid == 0 &&
	       (status.stx_mode & forbidden) == 0;
}

/*
 * Where deno may keep V8's code cache: a directory that only root can enter, in the run directory
 * that mod/store has made. All builds share it: deno keeps one entry and a hash of its bundle. NULL
 * when it cannot be trusted or made; the bundle is then compiled at each start.
 */
static const char *find_cache_directory(void)
{
	int flags = O_PATH | O_DIRECTORY | O_NOFOLLOW;
	cleanup_close int parent = -1;
	cleanup_close int directory = -1;

	if (SYS(geteuid, 0) != 0)
		return NULL;
	parent = sys_openat(AT_FDCWD, "/run/wherry", flags, 0);
	if (parent < 0 || !is_trusted(parent, 0022))
		return NULL;
	(void)sys_mkdirat(parent, "cache", 0700);
	directory = sys_openat(parent, "cache", flags, 0);
	return directory >= 0 && is_trusted(directory, 0077) ? "/run/wherry/cache" : NULL;
}

static uint64_t soft_limit(int resource)
{
	struct rlimit64 limit = { 0 };

	(void)SYS(prlimit64, 0, resource, NULL, &limit);
	return limit.rlim_cur;
}

/* Variables that change how deno, its libraries or ld.so behave (HOME: because of ~/.npmrc). They
 * are handed on as WHERRY_CALLER_<NAME>. */
static bool is_taken(const char *variable)
{
	static const char prefixes[][20] = {
		"COMPLETE=", "DENO_",   "GLIBC_TUNABLES=", "HOME=",          "JSR_URL=",
		"LD_",       "MALLOC_", "NODE_",           "NPM_CONFIG_",    "OTEL_",
		"RAYON_",    "RUST_",   "SQLITE_",         "SSLKEYLOGFILE=", "TOKIO_",
		"UV_",       "V8_",     "npm_config_",
	};

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		if (has_prefix(variable, prefixes[i]))
			return true;
	return false;
}

/* Variables that only this program sets. */
static bool is_own(const char *variable)
{
	static const char prefixes[][20] = {
		"WHERRY_BUILD=",      "WHERRY_BUNDLE_FD=",  "WHERRY_CALLER_", "WHERRY_LIBRARY_FD=",
		"WHERRY_MONITOR_FD=", "WHERRY_OPEN_FILES=", "WHERRY_PACKED=",
	};

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		if (has_prefix(variable, prefixes[i]))
			return true;
	return false;
}

/* Write the argument vector and its NULL. Returns its end. */
static const char **write_arguments(const char **to, const struct initial_stack *stack,
				    const struct launch *launch)
{
	static const char flags[][16] = { "wherry",      "run",       "-A",
					  "--no-config", "--no-lock", "--no-remote",
					  "--no-prompt", "--quiet",   "--ext=js" };

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		*to++ = flags[i];
	/* With a cache all functions are compiled at once, so that it holds them all: "run" then
	 * starts 9 ms sooner than with a cache of the few that V8 compiles before it runs anything.
	 */
	*to++ = launch->cache_directory != NULL ? "--v8-flags=--no-lazy" : "--no-code-cache";
	*to++ = launch->main_module;
	for (uint64_t i = 1; i < stack->argc; i++)
		*to++ = stack->argv[i];
	*to++ = NULL;
	return to;
}

/* Write the environment vector and its NULL. Returns its end. */
static const char **write_environment(const char **to, const struct initial_stack *stack,
				      struct launch *launch)
{
	for (uint64_t i = 0; i < stack->envc; i++) {
		const char *variable = stack->envp[i];

		if (is_taken(variable))
			*to++ = make_string(&launch->strings, "WHERRY_CALLER_", variable);
		else if (!is_own(variable))
			*to++ = variable;
	}
	for (unsigned i = 0; i < launch->environment_count; i++)
		*to++ = launch->environment[i];
	*to++ = "DENO_NO_UPDATE_CHECK=1";
	*to++ = "DENO_NO_PACKAGE_JSON=1";
	*to++ = "DENO_DISABLE_NODE_SHIM=1";
	*to++ = "DENO_LOG=off"; /* without a cache directory it would complain on a terminal */
	*to++ = "HOME=" NO_DIRECTORY;
	*to++ = "WHERRY_PACKED=launcher";
	*to++ = NULL;
	return to;
}

/* Write the auxiliary vector: the kernel's, with deno and its loader in place of this program.
 * Returns its end. */
static const char **write_auxiliary_vector(const char **to, const struct initial_stack *stack,
					   const struct launch *launch)
{
	Elf64_auxv_t *entry = (Elf64_auxv_t *)to;

	for (uint64_t i = 0; i < stack->auxc; i++, entry++) {
		*entry = stack->auxv[i];
		if (entry->a_type == AT_PHDR)
			entry->a_un.a_val = launch->deno.headers;
		else if (entry->a_type == AT_PHNUM)
			entry->a_un.a_val = launch->deno.header_count;
		else if (entry->a_type == AT_BASE)
			entry->a_un.a_val = launch->loader.base;
		else if (entry->a_type == AT_ENTRY)
			entry->a_un.a_val = launch->deno.entry;
	}
	return (const char **)entry;
}

/* Deno does not start in a directory that has been deleted. In its place comes one in which no
 * relative path can mean anything. */
static void leave_deleted_directory(void)
{
	char path[PATH_SIZE];

	if (SYS(getcwd, path, sizeof(path)) == -ENOENT)
		(void)sys_chdir("/proc/self/fdinfo");
}

static void *allocate(size_t size)
{
	void *memory = sys_allocate(size);

	if (memory == NULL)
		fail("there is no memory for its arguments", 0);
	return memory;
}

/* Memory for all strings that may have to be made. */
static struct text allocate_strings(const struct initial_stack *stack)
{
	struct text strings = { .size = ADDED_BYTES };

	for (uint64_t i = 0; i < stack->envc; i++)
		if (is_taken(stack->envp[i]))
			strings.size += sizeof("WHERRY_CALLER_") + text_length(stack->envp[i]);
	strings.data = allocate(strings.size);
	return strings;
}

/* Where the new stack ends: where the kernel's ended, or in memory of its own when the kernel's may
 * not grow as far as deno needs. */
static uint64_t stack_end(const struct initial_stack *stack)
{
	if (soft_limit(RLIMIT_STACK) >= NEEDED_STACK_BYTES)
		return (uint64_t)(stack->auxv + stack->auxc);
	return (uint64_t)allocate(NEEDED_STACK_BYTES) + NEEDED_STACK_BYTES;
}

/* Make the stack that the kernel would have made for deno, and go. */
static _Noreturn void enter(const struct initial_stack *stack, struct launch *launch)
{
	uint64_t most_words = stack->argc + stack->envc + 2 * stack->auxc + ADDED_WORDS;
	const char **start = allocate(most_words * sizeof(uint64_t));
	const char **end = write_arguments(start + 1, stack, launch);
	uint64_t size;

	*(uint64_t *)start = (uint64_t)(end - start) - 2;
	end = write_environment(end, stack, launch);
	end = write_auxiliary_vector(end, stack, launch);
	if (launch->strings.is_cut)
		fail("its arguments are too long", 0);
	size = (uint64_t)(end - start) * sizeof(uint64_t);
	arch_enter((stack_end(stack) - size) & ~UINT64_C(15), (const uint64_t *)start,
		   size / sizeof(uint64_t), launch->loader.entry);
}

/* Put what TypeScript needs from the file into memfds and tell it their numbers. */
static void open_sections(struct launch *launch, int file, const struct trailer *trailer)
{
	struct text *strings = &launch->strings;

	launch->main_module =
		make_number_string(strings, "/proc/self/fd/",
				   section_memfd(file, &trailer->main_module, "wherry-main.js"));
	add_variable(launch,
		     make_number_string(strings, "WHERRY_BUNDLE_FD=",
					section_memfd(file, &trailer->bundle, "wherry.js")));
	add_variable(launch,
		     make_number_string(strings, "WHERRY_LIBRARY_FD=",
					section_memfd(file, &trailer->library, "libwherry.so")));
	add_variable(launch,
		     make_number_string(strings, "WHERRY_MONITOR_FD=",
					section_memfd(file, &trailer->monitor, "wherry-monitor")));
}

__attribute__((used)) static _Noreturn void start(uint64_t *words)
{
	struct initial_stack stack = read_initial_stack(words);
	struct launch launch = { 0 };
	struct trailer trailer;
	int file;

	if (auxiliary_value(&stack, AT_SECURE) != 0)
		fail("its file must not be set-user-ID and have no capabilities", 0);
	fill_standard_descriptors();
	file = open_own_file();
	read_trailer(file, &trailer);
	launch.strings = allocate_strings(&stack);
	map_programs(&launch, file, &trailer, auxiliary_value(&stack, AT_PAGESZ));
	open_sections(&launch, file, &trailer);
	sys_close(file);
	launch.cache_directory = find_cache_directory();
	add_variable(&launch, make_string(&launch.strings, "DENO_DIR=",
					  launch.cache_directory == NULL ? NO_DIRECTORY
									 : launch.cache_directory));
	add_variable(&launch, make_string(&launch.strings, "WHERRY_BUILD=", trailer.build));
	add_variable(&launch, make_number_string(&launch.strings,
						 "WHERRY_OPEN_FILES=", soft_limit(RLIMIT_NOFILE)));
	leave_deleted_directory();
	enter(&stack, &launch);
}

ARCH_ENTRY(start);

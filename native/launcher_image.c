/* The launcher's loader: maps ELF files as execve(2) does. */
#include "launcher.h"
#include <linux/memfd.h>

#define MAX_SEGMENTS 32

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif

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
		launcher_fail("a program in its file is damaged: a segment is misaligned", 0);
	(void)launcher_check(SYS(mmap, start, file_end - start, protection, MAP_PRIVATE | MAP_FIXED,
				 fd, file_offset + segment->p_offset - skew),
			     "a part of its file cannot be mapped");
	if (memory_end <= file_end)
		return;
	if (protection & PROT_WRITE)
		memset((void *)file_end, 0, mapped_end - file_end);
	if (memory_end > mapped_end)
		(void)launcher_check(SYS(mmap, mapped_end, memory_end - mapped_end, protection,
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
	return launcher_check(start, "there is no address space for deno") - low;
}

/* Map the ELF file that begins at `file_offset`, as execve(2) does. */
static void map_image(int fd, uint64_t file_offset, uint64_t wanted, uint64_t page,
		      struct image *ret_image)
{
	struct image image = { 0 };
	Elf64_Phdr segments[MAX_SEGMENTS];
	Elf64_Ehdr file;

	launcher_read(fd, &file, sizeof(file), file_offset);
	if (!is_program_for_this_machine(&file))
		launcher_fail("a program in its file is not one for this machine", 0);
	launcher_read(fd, segments, file.e_phnum * sizeof(segments[0]), file_offset + file.e_phoff);
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
			launcher_read(fd, image.interpreter, segment->p_filesz,
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
		launcher_fail("its file is damaged: the relocations are not inside deno", 0);
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
	return (int)launcher_check(fd, "memory for a part of its file cannot be had");
}

int64_t launcher_copy_section(int to, int file, const struct section *section)
{
	int64_t offset = (int64_t)section->offset;
	uint64_t left = section->size;

	while (left > 0) {
		int64_t sent = SYS(sendfile, to, file, &offset, left);

		if (sent <= 0)
			return sent < 0 ? sent : -EIO;
		left -= (uint64_t)sent;
	}
	return 0;
}

uint64_t launcher_section(int file, const struct section *section, const char *name)
{
	int memfd = make_memfd(name);

	(void)launcher_check(launcher_copy_section(memfd, file, section),
			     "a part of its file cannot be copied to memory");
	(void)launcher_check(sys_fcntl(memfd, F_ADD_SEALS,
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
		text_add_number(strings, launcher_section(file, &trailer->libraries[i], "library"));
		separator = ":";
	}
	text_add_bytes(strings, "", 1);
	return variable;
}

void launcher_map(struct launch *launch, int file, const struct trailer *trailer, uint64_t page)
{
	map_image(file, trailer->deno.offset, trailer->base, page, &launch->deno);
	if (launch->deno.base != trailer->base)
		relocate(trailer, &launch->deno);
	if (map_host_loader(launch->deno.interpreter, page, &launch->loader))
		return;
	map_image(file, trailer->loader.offset, 0, page, &launch->loader);
	launcher_add_variable(launch, preload_libraries(&launch->strings, file, trailer));
}

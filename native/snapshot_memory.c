/* The memory of this process as pieces of a snapshot: what /proc/self/smaps and pagemap tell of it,
 * and the pages that it has of its own. */
#include "snapshot.h"
#include "text.h"

#if defined(ARCH_HAS_SNAPSHOT)

/* Bytes that the maps of a process may take as text; deno has 140 of them. */
#define MAPS_SIZE (1024 * 1024)

/* Pages between two runs of pages for which a system call more is not worth it. */
#define WIDEST_GAP 15

#define PAGE_EXISTS (UINT64_C(3) << 62) /* in memory or in swap, see pagemap(5) */
#define PAGE_IS_OF_FILE (UINT64_C(1) << 61)

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
		if (text_begins(line, "ProtectionKey:")) {
			for (at = line + 14; *at == ' '; at++)
				;
			(void)skip_number(at, 10, &number);
			mapping.key = (uint8_t)number;
		}
		if (text_begins(line, "VmFlags:"))
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
	return mapping->path_size > 2 && text_begins(mapping->path, "[v");
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

/* Read what is to be known of this process besides its memory. */
static int describe_process(struct scratch *scratch)
{
	int64_t size = SYS(readlinkat, AT_FDCWD, "/proc/self/exe", scratch->program,
			   sizeof(scratch->program) - 1);
	struct statx program;
	int result;

	if (size < 0)
		return (int)size;
	/* The maps would spell it in another way */
	if (find_byte(scratch->program, '\n', (size_t)size) != NULL)
		return -EOPNOTSUPP;
	result = (int)SYS(statx, AT_FDCWD, "/proc/self/exe", 0, STATX_SIZE, &program);
	if (result < 0)
		return result;
	scratch->header.program_size = program.stx_size;
	scratch->header.processor = arch_identity();
	scratch->header.kernel = snapshot_kernel();
	scratch->header.monotonic = sys_clock(CLOCK_STEADY);
	return read_maps(scratch);
}

static int write_file(struct scratch *scratch)
{
	struct snapshot *header = &scratch->header;
	uint64_t start = sizeof(*header) + sizeof(scratch->pieces);
	int result;

	scratch->end = (start + PAGE_SIZE - 1) / PAGE_SIZE * PAGE_SIZE;
	result = write_memory(scratch);
	if (result < 0)
		return result;
	header->size = scratch->end;
	result = sys_ftruncate(scratch->fd, scratch->end);
	if (result < 0)
		return result;
	return write_all(scratch->fd, (uint64_t)header,
			 sizeof(*header) + header->piece_count * sizeof(scratch->pieces[0]), 0);
}

int snapshot_write(int fd, const struct snapshot *header)
{
	/* Shared, or the kernel would join it with what lies beside it */
	struct scratch *scratch = sys_allocate_shared(sizeof(*scratch));
	cleanup_close int pagemap = sys_openat(AT_FDCWD, "/proc/self/pagemap", O_RDONLY, 0);
	int result = pagemap;

	if (scratch == NULL)
		return -ENOMEM;
	scratch->header = *header;
	scratch->fd = fd;
	scratch->pagemap = pagemap;
	if (result >= 0)
		result = describe_process(scratch);
	if (result == 0)
		result = write_file(scratch);
	sys_free(scratch, sizeof(*scratch));
	return result;
}

#endif

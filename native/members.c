/* Unpacking the plainest members of a tar archive, many in one call: in a large image nearly all
 * are small files, and reading the header of one in TypeScript costs as much as making the file. */
#include "sys.h"
#include "text.h"
#include "wherry.h"

#define EXPORT __attribute__((visibility("default")))

enum { BLOCK = 512, MODE_BITS = 07777, PERMISSIONS = 0777 };

struct header { /* see tar(5) */
	char name[100];
	char mode[8], uid[8], gid[8], size[12], time[12], checksum[8];
	char type;
	char link[100];
	char magic[6], version[2], user[32], group[32], major[8], minor[8];
	char prefix[155], padding[12];
};

struct destination {
	int32_t dir;
	const char *prefix; /* what the names of members for it begin with */
	size_t prefix_size;
	uint32_t special_bits;
};

_Static_assert(sizeof(struct header) == BLOCK, "it is one block");

/* Digits that a NUL ends, or a space and then a NUL or the field's end: as most programs write
 * them. */
static bool read_octal(const char *field, size_t size, uint64_t *ret_number)
{
	uint64_t number = 0;
	size_t at = 0;

	for (; at < size && field[at] >= '0' && field[at] <= '7'; at++)
		number = number * 8 + (uint64_t)(field[at] - '0');
	if (at == 0 || at == size)
		return false;
	if (field[at] == ' ')
		at++;
	if (at < size && field[at] != '\0')
		return false;
	*ret_number = number;
	return true;
}

static bool is_checksum_right(const struct header *header)
{
	const uint8_t *bytes = (const uint8_t *)header;
	uint64_t stored;
	uint64_t sum = sizeof(header->checksum) * ' ';

	for (size_t at = 0; at < BLOCK; at++)
		sum += bytes[at];
	for (size_t at = 0; at < sizeof(header->checksum); at++)
		sum -= (uint8_t)header->checksum[at];
	return read_octal(header->checksum, sizeof(header->checksum), &stored) && stored == sum;
}

/* Whether the name is all in one field, and not continued elsewhere. */
static bool has_short_name(const struct header *header)
{
	if (memcmp(header->magic, "ustar", sizeof(header->magic)) == 0)
		return header->prefix[0] == '\0';
	return memcmp(header->magic, "ustar ", sizeof(header->magic)) == 0;
}

/* The size of a name without `prefix`, which must be of one component that does not begin with a
 * dot; 0 if it is anything else. */
static size_t find_name(const struct header *header, const struct destination *where)
{
	const char *end = find_byte(header->name, '\0', sizeof(header->name));
	size_t size = end == NULL ? sizeof(header->name) : (size_t)(end - header->name);

	if (!has_short_name(header) || size <= where->prefix_size ||
	    memcmp(header->name, where->prefix, where->prefix_size) != 0)
		return 0;
	const char *name = header->name + where->prefix_size;
	size -= where->prefix_size;
	return *name == '.' || find_byte(name, '/', size) != NULL ? 0 : size;
}

static bool read_description(const struct header *header, uint32_t special_bits,
			     struct wherry_new_file *ret_file, uint64_t *ret_size)
{
	const bool is_always = special_bits == WHERRY_ALWAYS;
	uint64_t mode, uid, gid, time;

	if (!read_octal(header->mode, sizeof(header->mode), &mode) ||
	    !read_octal(header->uid, sizeof(header->uid), &uid) ||
	    !read_octal(header->gid, sizeof(header->gid), &gid) ||
	    !read_octal(header->time, sizeof(header->time), &time) ||
	    !read_octal(header->size, sizeof(header->size), ret_size))
		return false;
	mode &= MODE_BITS;
	*ret_file = (struct wherry_new_file){
		.seconds = (int64_t)time,
		.mode = (uint32_t)mode & PERMISSIONS,
		.uid = WHERRY_KEEP,
		.gid = WHERRY_KEEP,
		.exact_mode =
			is_always || (mode & special_bits) != 0 ? (uint32_t)mode : WHERRY_KEEP,
	};
	if (is_always || uid != 0 || gid != 0) {
		ret_file->uid = (uint32_t)uid;
		ret_file->gid = (uint32_t)gid;
	}
	return true;
}

/* Returns the bytes of the member that `data` begins with, or 0 when it is not one to make here, or
 * could not be made. */
static size_t create_member(const struct destination *where, const uint8_t *data, size_t size)
{
	const struct header *header = (const struct header *)data;
	char name[sizeof(header->name) + 1] = { 0 };
	struct wherry_new_file file;
	uint64_t file_size;
	int32_t failed_call;
	size_t name_size;

	if (size < BLOCK || (header->type != '0' && header->type != '\0') ||
	    !is_checksum_right(header))
		return 0;
	name_size = find_name(header, where);
	if (name_size == 0 || !read_description(header, where->special_bits, &file, &file_size))
		return 0;
	size_t padded = (file_size + BLOCK - 1) / BLOCK * BLOCK;
	if (padded > size - BLOCK)
		return 0;
	memcpy(name, header->name + where->prefix_size, name_size);
	if (wherry_create_file(where->dir, name, data + BLOCK, (uint32_t)file_size, &file,
			       &failed_call) < 0)
		return 0;
	return BLOCK + padded;
}

EXPORT int32_t wherry_create_members(int32_t dir, const char *prefix, uint32_t prefix_size,
				     const void *data, uint32_t size, uint32_t special_bits,
				     uint32_t *ret_count)
{
	const struct destination where = { dir, prefix, prefix_size, special_bits };
	size_t taken = 0;
	uint32_t count = 0;

	for (;;) {
		size_t member = create_member(&where, (const uint8_t *)data + taken, size - taken);

		if (member == 0)
			break;
		taken += member;
		count++;
	}
	*ret_count = count;
	return (int32_t)taken;
}

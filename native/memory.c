/*
 * The four functions that gcc may call on its own in freestanding code. Compiled with
 * -fno-tree-loop-distribute-patterns, or gcc would turn each loop into a call of itself.
 */
#include "text.h"

/* Eight bytes at any address; the log's speed depends on this copy. */
struct word {
	uint64_t value;
} __attribute__((packed, may_alias));

void *memcpy(void *restrict target, const void *restrict source, size_t size)
{
	char *to = target;
	const char *from = source;

	for (; size >= sizeof(struct word); size -= sizeof(struct word)) {
		*(struct word *)to = *(const struct word *)from;
		to += sizeof(struct word);
		from += sizeof(struct word);
	}
	while (size-- > 0)
		*to++ = *from++;
	return target;
}

void *memmove(void *target, const void *source, size_t size)
{
	char *to = target;
	const char *from = source;

	if (to <= from)
		while (size-- > 0)
			*to++ = *from++;
	else
		while (size-- > 0)
			to[size] = from[size];
	return target;
}

void *memset(void *target, int byte, size_t size)
{
	char *to = target;

	while (size-- > 0)
		*to++ = (char)byte;
	return target;
}

int memcmp(const void *a, const void *b, size_t size)
{
	const unsigned char *left = a;
	const unsigned char *right = b;

	for (size_t i = 0; i < size; i++)
		if (left[i] != right[i])
			return left[i] - right[i];
	return 0;
}

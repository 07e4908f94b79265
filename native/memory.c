/*
 * The four functions that gcc may call on its own in freestanding code. Compiled with
 * -fno-tree-loop-distribute-patterns, or gcc would turn each loop into a call of itself.
 */
#include "text.h"

void *memcpy(void *restrict target, const void *restrict source, size_t size)
{
	char *to = target;
	const char *from = source;

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

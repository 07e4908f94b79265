#include "text.h"
#include <linux/errno.h>

size_t text_length(const char *text)
{
	size_t length = 0;

	while (text[length] != '\0')
		length++;
	return length;
}

bool text_equal(const char *a, const char *b)
{
	while (*a != '\0' && *a == *b) {
		a++;
		b++;
	}
	return *a == *b;
}

bool text_begins(const char *text, const char *prefix)
{
	while (*prefix != '\0')
		if (*text++ != *prefix++)
			return false;
	return true;
}

char *find_byte(const char *data, char byte, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (data[i] == byte)
			return (char *)(uintptr_t)(data + i);
	return NULL;
}

static unsigned digit_value(char digit)
{
	if (digit >= '0' && digit <= '9')
		return (unsigned)(digit - '0');
	if (digit >= 'a' && digit <= 'f')
		return (unsigned)(digit - 'a') + 10;
	return 99;
}

int parse_number(const char *text, unsigned base, uint64_t maximum, uint64_t *ret_number)
{
	uint64_t number = 0;

	if (*text == '\0')
		return -EINVAL;
	for (; *text != '\0'; text++) {
		unsigned digit = digit_value(*text);

		if (digit >= base || __builtin_mul_overflow(number, base, &number) ||
		    __builtin_add_overflow(number, digit, &number))
			return -EINVAL;
	}
	if (number > maximum)
		return -EINVAL;
	*ret_number = number;
	return 0;
}

int parse_bytes(const char *text, size_t size, void *ret_bytes)
{
	uint8_t *bytes = ret_bytes;

	for (size_t i = 0; i < size; i++, text += 2) {
		unsigned high = digit_value(text[0]);
		unsigned low = high < 16 ? digit_value(text[1]) : high;

		if (low >= 16)
			return -EINVAL;
		bytes[i] = (uint8_t)(high << 4 | low);
	}
	return 0;
}

void text_add_bytes(struct text *text, const char *bytes, size_t size)
{
	size_t room = text->size - text->length;

	if (size > room) {
		size = room;
		text->is_cut = true;
	}
	memcpy(text->data + text->length, bytes, size);
	text->length += size;
}

void text_add(struct text *text, const char *string)
{
	text_add_bytes(text, string, text_length(string));
}

static void add_digits(struct text *text, uint64_t number, unsigned width)
{
	char digits[20];

	for (unsigned i = width; i > 0; i--) {
		digits[i - 1] = (char)('0' + number % 10);
		number /= 10;
	}
	text_add_bytes(text, digits, width);
}

void text_add_number(struct text *text, uint64_t number)
{
	unsigned width = 1;

	for (uint64_t rest = number; rest >= 10; rest /= 10)
		width++;
	add_digits(text, number, width);
}

/* Proleptic Gregorian date of a day count since 1970, by Howard Hinnant's civil_from_days: years
 * start in March, so that the leap day comes last. */
static void add_date(struct text *text, uint64_t days)
{
	uint64_t shifted = days + 719468;
	uint64_t era = shifted / 146097;
	uint64_t day_of_era = shifted % 146097;
	uint64_t year_of_era =
		(day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	uint64_t day_of_year =
		day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	uint64_t shifted_month = (5 * day_of_year + 2) / 153;
	uint64_t month = shifted_month < 10 ? shifted_month + 3 : shifted_month - 9;

	add_digits(text, era * 400 + year_of_era + (month <= 2 ? 1 : 0), 4);
	text_add(text, "-");
	add_digits(text, month, 2);
	text_add(text, "-");
	add_digits(text, day_of_year - (153 * shifted_month + 2) / 5 + 1, 2);
}

void text_add_time(struct text *text, uint64_t nanoseconds)
{
	uint64_t seconds = nanoseconds / 1000000000U;

	add_date(text, seconds / 86400);
	text_add(text, "T");
	add_digits(text, seconds / 3600 % 24, 2);
	text_add(text, ":");
	add_digits(text, seconds / 60 % 60, 2);
	text_add(text, ":");
	add_digits(text, seconds % 60, 2);
	text_add(text, ".");
	add_digits(text, nanoseconds % 1000000000U, 9);
	text_add(text, "Z");
}

const char *text_end(struct text *text)
{
	text_add_bytes(text, "", 1);
	return text->is_cut ? NULL : text->data;
}

/* What a record of the log looks like, in the CRI format and in docker's. */
#include "log_format.h"

static const char JSON_HEAD[] = "{\"log\":\"";

/* Characters of ASCII that stand for themselves in a JSON string of docker's, which has `<`, `>`
 * and
 * `&` escaped like all of Go's: one bit each. */
static const uint64_t PLAIN[4] = {
	~UINT64_C(0) << 0x20 & ~(UINT64_C(1) << '"' | UINT64_C(1) << '&' | UINT64_C(1) << '<' |
				 UINT64_C(1) << '>'),
	~(UINT64_C(1) << ('\\' - 64)),
};

/* RFC 3339 without the zeros at the end of the fraction, as Go's RFC3339Nano. */
static void add_short_time(struct text *text, uint64_t nanoseconds)
{
	text_add_time(text, nanoseconds);
	text->length--; /* the Z */
	while (text->data[text->length - 1] == '0')
		text->length--;
	if (text->data[text->length - 1] == '.')
		text->length--;
	text_add(text, "Z");
}

void stamp_make(struct stamp *ret_stamp, enum log_format format, unsigned which,
		uint64_t nanoseconds)
{
	struct text text = TEXT(ret_stamp->bytes);
	const char *stream = which == OUTPUT_STDOUT ? "stdout" : "stderr";

	if (format == LOG_JSON) {
		text_add(&text, "\",\"stream\":\"");
		text_add(&text, stream);
		text_add(&text, "\",\"time\":\"");
		add_short_time(&text, nanoseconds);
		text_add(&text, "\"}\n");
	} else {
		text_add_time(&text, nanoseconds);
		text_add(&text, " ");
		text_add(&text, stream);
		text_add(&text, " P ");
	}
	ret_stamp->format = format;
	ret_stamp->which = which;
	ret_stamp->time = nanoseconds;
	ret_stamp->length = text.length;
}

/* The length of the UTF-8 sequence that begins with a byte above 127, or 0 when it is malformed:
 * table 3-7 of the Unicode Standard, which Go decodes by too. */
static size_t sequence_length(const uint8_t *bytes, size_t size)
{
	uint8_t first = bytes[0];
	uint8_t low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
	uint8_t high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
	size_t length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;

	if (first < 0xc2 || first > 0xf4 || size < length || bytes[1] < low || bytes[1] > high)
		return 0;
	for (size_t i = 2; i < length; i++)
		if ((bytes[i] & 0xc0) != 0x80)
			return 0;
	return length;
}

static void add_escape(struct text *text, uint8_t byte)
{
	static const char HEX[] = "0123456789abcdef";

	switch (byte) {
	case '\n':
		text_add(text, "\\n");
		break;
	case '\r':
		text_add(text, "\\r");
		break;
	case '"':
	case '\\':
		text_add_bytes(text, (char[]){ '\\', (char)byte }, 2);
		break;
	default:
		text_add(text, "\\u00");
		text_add_bytes(text, (char[]){ HEX[byte >> 4], HEX[byte & 15] }, 2);
	}
}

/* One character that does not stand for itself, or is not ASCII. Returns how many bytes it had. */
static size_t add_special(struct text *text, const uint8_t *bytes, size_t size)
{
	size_t length = bytes[0] < 0x80 ? 1 : sequence_length(bytes, size);

	if (bytes[0] < 0x80)
		add_escape(text, bytes[0]);
	else if (length == 0)
		text_add(text, "\\ufffd");
	else if (length == 3 && bytes[0] == 0xe2 && bytes[1] == 0x80 && (bytes[2] & 0xfe) == 0xa8)
		text_add(text, bytes[2] == 0xa8 ? "\\u2028" : "\\u2029");
	else
		text_add_bytes(text, (const char *)bytes, length);
	return length == 0 ? 1 : length;
}

/* The inside of a JSON string, as `ffjsonWriteJSONBytesAsString` of moby's jsonlog writes it: bytes
 * that are not UTF-8 are lost. */
static void add_json(struct text *text, const char *data, size_t size)
{
	const uint8_t *bytes = (const uint8_t *)data;

	for (size_t start = 0; start < size;) {
		size_t end = start;

		while (end < size && (PLAIN[bytes[end] >> 6] >> (bytes[end] & 63) & 1) != 0)
			end++;
		text_add_bytes(text, data + start, end - start);
		start = end < size ? end + add_special(text, bytes + end, size - end) : end;
	}
}

size_t record_room(const struct stamp *stamp, size_t size)
{
	return (stamp->format == LOG_JSON ? size * 6 : size) + STAMP_SIZE;
}

void record_add(struct text *text, const struct stamp *stamp, const char *data, size_t size,
		bool ends_line)
{
	if (stamp->format == LOG_JSON) {
		text_add_bytes(text, JSON_HEAD, sizeof(JSON_HEAD) - 1);
		add_json(text, data, size);
		text_add_bytes(text, "\\n", ends_line ? 2 : 0);
		text_add_bytes(text, stamp->bytes, stamp->length);
	} else {
		text_add_bytes(text, stamp->bytes, stamp->length);
		text->data[text->length - 2] = ends_line ? 'F' : 'P';
		text_add_bytes(text, data, size);
		text_add_bytes(text, "\n", 1);
	}
}

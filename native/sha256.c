/*
 * SHA-256 of streams (FIPS 180-4, section 6.2): with the processor's own instructions; with vectors
 * that expand the schedules of eight blocks at a time, by AVX2 or AVX-512, which does the rounds in
 * vectors, too; and the same compiled for any processor.
 */
#include "sys.h"
#include "text.h"
#include "wherry.h"

/* The library is compiled for size; a hash is worth its kilobytes. */
#pragma GCC optimize("O3")

#define EXPORT __attribute__((visibility("default")))
#define INLINE static inline __attribute__((always_inline))
#define BLOCK 64
#define LANES 8
#define PIECES 64 /* that wait at most */

typedef uint32_t lanes __attribute__((vector_size(LANES * 4)));

/* What the caller keeps between calls. */
struct stream {
	uint32_t state[8];
	uint64_t size;
	uint8_t block[BLOCK]; /* its first size % BLOCK bytes wait for the rest */
	uint32_t way;
	uint32_t is_busy; /* whether a thread is hashing pieces, or about to */
	uint32_t given;   /* pieces so far */
	uint32_t done;    /* those that have been hashed: a futex */
	struct {
		const void *data;
		uint32_t size;
	} pieces[PIECES];
};

_Static_assert(sizeof(struct stream) <= WHERRY_SHA256_CONTEXT, "the caller has room for it");

enum way { ANY_PROCESSOR, WITH_AVX2, WITH_AVX512, WITH_SHA };

static const uint32_t round_constants[64] __attribute__((aligned(16))) = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4,
	0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe,
	0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f,
	0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7,
	0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc,
	0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
	0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116,
	0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
	0xc67178f2,
};

INLINE uint32_t rotate(uint32_t x, int bits)
{
	return x >> bits | x << (32 - bits);
}

INLINE uint32_t load_word(const uint8_t *data)
{
	uint32_t word;

	__builtin_memcpy(&word, data, sizeof(word));
	return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? __builtin_bswap32(word) : word;
}

/* One round; the caller renames the variables in place of moving their values. `b_c` is b ^ c, and
 * becomes that of the next round. */
#define ROUND(a, b, c, d, e, f, g, h, word)                                                        \
	do {                                                                                       \
		uint32_t first = (h) + (word) + (((e) & (f)) + (~(e) & (g))) +                     \
				 (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25));                   \
		uint32_t a_b = (a) ^ (b);                                                          \
		uint32_t majority = (b) ^ (a_b & b_c);                                             \
		(d) += first;                                                                      \
		(h) = first + majority + (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22));           \
		b_c = a_b;                                                                         \
	} while (0)

/* The 64 rounds of the block in one lane. */
INLINE void run_rounds(uint32_t state[8], const uint32_t (*words)[LANES], int lane)
{
	uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
	uint32_t e = state[4], f = state[5], g = state[6], h = state[7];
	uint32_t b_c = b ^ c;

	for (int t = 0; t < 64; t += 8) {
		ROUND(a, b, c, d, e, f, g, h, words[t][lane]);
		ROUND(h, a, b, c, d, e, f, g, words[t + 1][lane]);
		ROUND(g, h, a, b, c, d, e, f, words[t + 2][lane]);
		ROUND(f, g, h, a, b, c, d, e, words[t + 3][lane]);
		ROUND(e, f, g, h, a, b, c, d, words[t + 4][lane]);
		ROUND(d, e, f, g, h, a, b, c, words[t + 5][lane]);
		ROUND(c, d, e, f, g, h, a, b, words[t + 6][lane]);
		ROUND(b, c, d, e, f, g, h, a, words[t + 7][lane]);
	}
	state[0] += a, state[1] += b, state[2] += c, state[3] += d;
	state[4] += e, state[5] += f, state[6] += g, state[7] += h;
}

/* The schedules of LANES blocks side by side, round constants added. */
union schedule {
	lanes vectors[64 + 1]; /* one more, since a load may take words behind the last */
	uint32_t words[64 + 1][LANES];
};

/* Expand `count` blocks, 1 to LANES. */
INLINE void expand(union schedule *schedule, const uint8_t *data, int count)
{
	lanes *w = schedule->vectors;

	for (int t = 0; t < 16; t++) {
		for (int lane = 0; lane < LANES; lane++) {
			int block = lane < count ? lane : 0;
			schedule->words[t][lane] = load_word(data + block * BLOCK + t * 4);
		}
	}
	for (int t = 16; t < 64; t++) {
		lanes x = w[t - 15];
		lanes y = w[t - 2];
		lanes s0 = (x >> 7 | x << 25) ^ (x >> 18 | x << 14) ^ x >> 3;
		lanes s1 = (y >> 17 | y << 15) ^ (y >> 19 | y << 13) ^ y >> 10;
		w[t] = w[t - 16] + s0 + w[t - 7] + s1;
	}
	for (int t = 0; t < 64; t++)
		w[t] += round_constants[t];
	w[64] = (lanes){ 0 };
}

/* Up to LANES blocks: their schedules, then the rounds of one after the other. */
INLINE void hash_group(uint32_t state[8], const uint8_t *data, int count)
{
	union schedule schedule;

	expand(&schedule, data, count);
	for (int lane = 0; lane < count; lane++)
		run_rounds(state, (const uint32_t(*)[LANES])schedule.words, lane);
}

INLINE void hash_groups(uint32_t state[8], const uint8_t *data, size_t count)
{
	for (; count >= LANES; count -= LANES, data += LANES * BLOCK)
		hash_group(state, data, LANES);
	if (count > 0)
		hash_group(state, data, (int)count);
}

static void hash_anywhere(uint32_t state[8], const uint8_t *data, size_t count)
{
	hash_groups(state, data, count);
}

#if defined(__x86_64__)
#include <cpuid.h>

__attribute__((target("avx2,bmi,bmi2"))) static void
hash_with_avx2(uint32_t state[8], const uint8_t *data, size_t count)
{
	hash_groups(state, data, count);
}

typedef uint32_t quad __attribute__((vector_size(16), may_alias));
typedef uint32_t unaligned_quad __attribute__((vector_size(16), may_alias, aligned(4)));
typedef int32_t signed_quad __attribute__((vector_size(16)));
typedef long long pair __attribute__((vector_size(16)));

/* Of each bit of three vectors, as the table `how` says. */
#define COMBINED(x, y, z, how)                                                                     \
	((quad)__builtin_ia32_pternlogd128_mask((signed_quad)(x), (signed_quad)(y),                \
						(signed_quad)(z), how, 0xff))
/* Each lane by as many bits as `bits` has there. */
#define ROTATED(x, bits)                                                                           \
	((quad)__builtin_ia32_prorvd128_mask((signed_quad)(x), (signed_quad)(bits),                \
					     (signed_quad)(x), 0xff))
/* Lanes 2 and 3 of x, 0 and 1 of y. */
#define CROSSED(x, y) ((quad)__builtin_ia32_palignr128((pair)(y), (pair)(x), 64))

enum {
	SUM = 0x96,    /* x ^ y ^ z */
	CHOICE = 0xca, /* x ? y : z */
	FIRST = 0x36,  /* x ? ~y : y ^ z */
};

/*
 * One round with half of the instructions: a vector has e in lane 0 and a in lane 2, so that each
 * instruction does both halves' part. Lanes 1 and 3 are of no use. The choice and the majority are
 * one: e ? f : g is ~e ? g : f, and the majority is a ^ b ? c : b.
 */
#define PACKED_ROUND(a_e, b_f, c_g, d_h, words)                                                    \
	do {                                                                                       \
		quad sums = COMBINED(ROTATED(a_e, rotation1), ROTATED(a_e, rotation2),             \
				     ROTATED(a_e, rotation3), SUM);                                \
		quad bits = COMBINED(COMBINED(of_e, a_e, b_f, FIRST), c_g, b_f, CHOICE);           \
		quad both = sums + bits;                                                           \
		quad crossed = CROSSED(d_h, both);                                                 \
		quad h = (d_h) + *(const unaligned_quad *)(words);                                 \
		quad total = __builtin_shuffle(h, (quad){ 0 }) + both;                             \
		/* The next round waits for these sums: in this order they take the least time */  \
		__asm__("" : "+v"(total));                                                         \
		(d_h) = total + crossed;                                                           \
	} while (0)

/* The 64 rounds of the block whose schedule begins at `words`, one lane of it. */
__attribute__((target("avx512f,avx512vl"))) INLINE void run_packed_rounds(quad state[4],
									  const uint32_t *words)
{
	const quad rotation1 = { 6, 6, 2, 2 };
	const quad rotation2 = { 11, 11, 13, 13 };
	const quad rotation3 = { 25, 25, 22, 22 };
	const quad of_e = { UINT32_MAX, UINT32_MAX, 0, 0 };
	quad a = state[0], b = state[1], c = state[2], d = state[3];

	for (int t = 0; t < 64; t += 8, words += 8 * LANES) {
		PACKED_ROUND(a, b, c, d, words);
		PACKED_ROUND(d, a, b, c, words + LANES);
		PACKED_ROUND(c, d, a, b, words + 2 * LANES);
		PACKED_ROUND(b, c, d, a, words + 3 * LANES);
		PACKED_ROUND(a, b, c, d, words + 4 * LANES);
		PACKED_ROUND(d, a, b, c, words + 5 * LANES);
		PACKED_ROUND(c, d, a, b, words + 6 * LANES);
		PACKED_ROUND(b, c, d, a, words + 7 * LANES);
	}
	state[0] += a, state[1] += b, state[2] += c, state[3] += d;
}

/* With AVX-512's rotations and combinations, but vectors no longer than with AVX2, so that the
 * processor does not slow down for them. */
__attribute__((target("avx2,bmi,bmi2,avx512f,avx512vl"))) static void
hash_with_avx512(uint32_t state[8], const uint8_t *data, size_t count)
{
	union schedule schedule;
	quad packed[4];

	for (int i = 0; i < 4; i++)
		packed[i] = (quad){ state[i + 4], 0, state[i], 0 };
	while (count > 0) {
		int blocks = count < LANES ? (int)count : LANES;

		expand(&schedule, data, blocks);
		for (int lane = 0; lane < blocks; lane++)
			run_packed_rounds(packed, &schedule.words[0][lane]);
		data += blocks * BLOCK;
		count -= (size_t)blocks;
	}
	for (int i = 0; i < 4; i++)
		state[i] = packed[i][2], state[i + 4] = packed[i][0];
}

#define SHA(name, ...) ((quad)__builtin_ia32_sha256##name(__VA_ARGS__))

/* Intel's SHA extensions: state as the instructions want it, four rounds in each turn. */
__attribute__((target("sha,sse4.1"))) static void hash_with_sha(uint32_t state[8],
								const uint8_t *data, size_t count)
{
	uint32_t *s = state;
	quad abef = { s[5], s[4], s[1], s[0] };
	quad cdgh = { s[7], s[6], s[3], s[2] };

	for (; count > 0; count--, data += BLOCK) {
		quad old_abef = abef;
		quad old_cdgh = cdgh;
		quad w[4];

		for (int turn = 0; turn < 16; turn++) {
			quad *now = &w[turn % 4];
			const quad *k = (const quad *)round_constants + turn;

			if (turn < 4) {
				for (int i = 0; i < 4; i++)
					(*now)[i] = load_word(data + turn * 16 + i * 4);
			} else {
				quad last = w[(turn + 3) % 4];
				quad seven_back = __builtin_shuffle(w[(turn + 2) % 4], last,
								    (quad){ 1, 2, 3, 4 });
				quad sum = SHA(msg1, (signed_quad)*now,
					       (signed_quad)w[(turn + 1) % 4]);
				*now = SHA(msg2, (signed_quad)(sum + seven_back),
					   (signed_quad)last);
			}
			quad words = *now + *k;
			cdgh = SHA(rnds2, (signed_quad)cdgh, (signed_quad)abef, (signed_quad)words);
			words = __builtin_shuffle(words, (quad){ 2, 3, 0, 0 });
			abef = SHA(rnds2, (signed_quad)abef, (signed_quad)cdgh, (signed_quad)words);
		}
		abef += old_abef;
		cdgh += old_cdgh;
	}
	s[0] = abef[3], s[1] = abef[2], s[4] = abef[1], s[5] = abef[0];
	s[2] = cdgh[3], s[3] = cdgh[2], s[6] = cdgh[1], s[7] = cdgh[0];
}

enum { AVX_STATE = 0x6, AVX512_STATE = 0xe6 };

/* Whether the system keeps these parts of the vector registers (XCR0). */
static bool keeps_state(uint32_t parts)
{
	uint32_t low;
	uint32_t high;

	__asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
	return (low & parts) == parts;
}

static enum way fastest_way(void)
{
	const uint32_t avx2 = bit_AVX2 | bit_BMI | bit_BMI2;
	const uint32_t avx512 = avx2 | bit_AVX512F | bit_AVX512VL;
	uint32_t a, b, c, d, basic;

	if (__get_cpuid(1, &a, &b, &basic, &d) == 0 || __get_cpuid_count(7, 0, &a, &b, &c, &d) == 0)
		return ANY_PROCESSOR;
	if ((b & bit_SHA) != 0 && (basic & bit_SSE4_1) != 0)
		return WITH_SHA;
	if ((basic & bit_OSXSAVE) == 0)
		return ANY_PROCESSOR;
	if ((b & avx512) == avx512 && keeps_state(AVX512_STATE))
		return WITH_AVX512;
	if ((b & avx2) == avx2 && keeps_state(AVX_STATE))
		return WITH_AVX2;
	return ANY_PROCESSOR;
}

static void hash_blocks(struct stream *stream, const uint8_t *data, size_t count)
{
	if (stream->way == WITH_SHA)
		hash_with_sha(stream->state, data, count);
	else if (stream->way == WITH_AVX512)
		hash_with_avx512(stream->state, data, count);
	else if (stream->way == WITH_AVX2)
		hash_with_avx2(stream->state, data, count);
	else
		hash_anywhere(stream->state, data, count);
}

#else

static enum way fastest_way(void)
{
	return ANY_PROCESSOR;
}

static void hash_blocks(struct stream *stream, const uint8_t *data, size_t count)
{
	hash_anywhere(stream->state, data, count);
}

#endif

EXPORT int32_t wherry_sha256_begin(void *context)
{
	*(struct stream *)context = (struct stream){
		.state = { 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c,
			   0x1f83d9ab, 0x5be0cd19 },
		.way = fastest_way(),
	};
	return 0;
}

EXPORT int32_t wherry_sha256_update(void *context, const void *data, uint32_t size)
{
	struct stream *stream = context;
	const uint8_t *from = data;
	size_t waiting = stream->size % BLOCK;

	stream->size += size;
	if (waiting + size >= BLOCK && waiting > 0) {
		memcpy(stream->block + waiting, from, BLOCK - waiting);
		hash_blocks(stream, stream->block, 1);
		from += BLOCK - waiting;
		size -= (uint32_t)(BLOCK - waiting);
		waiting = 0;
	}
	if (size >= BLOCK)
		hash_blocks(stream, from, size / BLOCK);
	from += waiting > 0 ? 0 : size - size % BLOCK;
	memcpy(stream->block + waiting, from, waiting > 0 ? size : size % BLOCK);
	return 0;
}

/* The bit of the one thread that waits for a piece, so that the others sleep on. */
static uint32_t bit_of_piece(uint32_t number)
{
	return 1U << number % 32;
}

static void wait_for_piece(struct stream *stream, uint32_t number)
{
	uint32_t done;

	/* By the difference, since the numbers may wrap around */
	while (done = __atomic_load_n(&stream->done, __ATOMIC_ACQUIRE),
	       (int32_t)(done - number) <= 0)
		(void)sys_futex_wait(&stream->done, done, bit_of_piece(number));
}

EXPORT int32_t wherry_sha256_give(void *context, const void *data, uint32_t size)
{
	struct stream *stream = context;
	uint32_t number = stream->given;

	if (number - __atomic_load_n(&stream->done, __ATOMIC_ACQUIRE) >= PIECES)
		wait_for_piece(stream, number - PIECES);
	stream->pieces[number % PIECES].data = data;
	stream->pieces[number % PIECES].size = size;
	__atomic_store_n(&stream->given, number + 1, __ATOMIC_SEQ_CST);
	return __atomic_exchange_n(&stream->is_busy, 1, __ATOMIC_SEQ_CST) == 0;
}

EXPORT int32_t wherry_sha256_work(void *context)
{
	struct stream *stream = context;
	uint32_t number = stream->done;

	do {
		while (number != __atomic_load_n(&stream->given, __ATOMIC_ACQUIRE)) {
			(void)wherry_sha256_update(stream, stream->pieces[number % PIECES].data,
						   stream->pieces[number % PIECES].size);
			__atomic_store_n(&stream->done, number + 1, __ATOMIC_RELEASE);
			(void)sys_futex_wake(&stream->done, bit_of_piece(number));
			number++;
		}
		__atomic_store_n(&stream->is_busy, 0, __ATOMIC_SEQ_CST);
		/* A piece that was given before that has no thread yet */
	} while (number != __atomic_load_n(&stream->given, __ATOMIC_SEQ_CST) &&
		 __atomic_exchange_n(&stream->is_busy, 1, __ATOMIC_SEQ_CST) == 0);
	return 0;
}

EXPORT int32_t wherry_sha256_wait(void *context, uint32_t number)
{
	wait_for_piece(context, number);
	return 0;
}

EXPORT int32_t wherry_sha256_end(void *context, uint8_t *ret_digest)
{
	static const uint8_t padding[BLOCK] = { 0x80 };
	struct stream *stream = context;
	uint64_t bits = stream->size * 8;
	uint8_t length[8];

	for (int i = 0; i < 8; i++)
		length[i] = (uint8_t)(bits >> (56 - 8 * i));
	(void)wherry_sha256_update(stream, padding, (uint32_t)(BLOCK - (stream->size + 8) % BLOCK));
	(void)wherry_sha256_update(stream, length, sizeof(length));
	for (int i = 0; i < 32; i++)
		ret_digest[i] = (uint8_t)(stream->state[i / 4] >> (24 - 8 * (i % 4)));
	return 0;
}

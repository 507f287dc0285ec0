/*
 * CRC-16/ARC. The portable way takes eight bytes per step from eight tables
 * ("slicing by 8"). On x86-64 with PCLMULQDQ sixteen bytes are folded per step by
 * carry-less multiplication; the processor is asked at run time.
 *
 * The tables are linear: the entry for a byte is the xor of the entries of its
 * bits. So only those eight are written down for each table.
 */
#include "proto/crc16.h"

#define LINEAR(i, b0, b1, b2, b3, b4, b5, b6, b7) \
	(((i)&1 ? b0 : 0) ^ ((i)&2 ? b1 : 0) ^ ((i)&4 ? b2 : 0) ^ ((i)&8 ? b3 : 0) ^ \
	    ((i)&16 ? b4 : 0) ^ ((i)&32 ? b5 : 0) ^ ((i)&64 ? b6 : 0) ^ ((i)&128 ? b7 : 0))
#define LINEAR4(i, ...) \
	LINEAR((i), __VA_ARGS__), LINEAR((i) + 1, __VA_ARGS__), LINEAR((i) + 2, __VA_ARGS__), \
	    LINEAR((i) + 3, __VA_ARGS__)
#define LINEAR16(i, ...) \
	LINEAR4((i), __VA_ARGS__), LINEAR4((i) + 4, __VA_ARGS__), LINEAR4((i) + 8, __VA_ARGS__), \
	    LINEAR4((i) + 12, __VA_ARGS__)
#define LINEAR64(i, ...) \
	LINEAR16((i), __VA_ARGS__), LINEAR16((i) + 16, __VA_ARGS__), \
	    LINEAR16((i) + 32, __VA_ARGS__), LINEAR16((i) + 48, __VA_ARGS__)
#define TABLE(...) \
	{ \
		LINEAR64(0, __VA_ARGS__), LINEAR64(64, __VA_ARGS__), LINEAR64(128, __VA_ARGS__), \
		    LINEAR64(192, __VA_ARGS__) \
	}

/* table[k][b]: the CRC of the byte b followed by k zero bytes. */
static const uint16_t table[8][256] = {
    TABLE(0xc0c1, 0xc181, 0xc301, 0xc601, 0xcc01, 0xd801, 0xf001, 0xa001),
    TABLE(0x9001, 0x6001, 0xc002, 0xc007, 0xc00d, 0xc019, 0xc031, 0xc061),
    TABLE(0xc051, 0xc0a1, 0xc141, 0xc281, 0xc501, 0xca01, 0xd401, 0xe801),
    TABLE(0xfc01, 0xb801, 0x3001, 0x6002, 0xc004, 0xc00b, 0xc015, 0xc029),
    TABLE(0xc03d, 0xc079, 0xc0f1, 0xc1e1, 0xc3c1, 0xc781, 0xcf01, 0xde01),
    TABLE(0xd101, 0xe201, 0x8401, 0x4801, 0x9002, 0x6007, 0xc00e, 0xc01f),
    TABLE(0xc010, 0xc023, 0xc045, 0xc089, 0xc111, 0xc221, 0xc441, 0xc881),
    TABLE(0xccc1, 0xd981, 0xf301, 0xa601, 0x0c01, 0x1802, 0x3004, 0x6008),
};

uint16_t
crc16_arc_portable(const uint8_t *p, size_t n)
{
	unsigned crc = 0;

	for (; n >= 8; n -= 8, p += 8)
		crc = (unsigned)table[7][(crc & 0xff) ^ p[0]] ^ table[6][(crc >> 8) ^ p[1]] ^
		      table[5][p[2]] ^ table[4][p[3]] ^ table[3][p[4]] ^ table[2][p[5]] ^
		      table[1][p[6]] ^ table[0][p[7]];
	for (; n > 0; n--, p++)
		crc = crc >> 8 ^ table[0][(crc & 0xff) ^ p[0]];
	return (uint16_t)crc;
}

#if defined(__x86_64__) && defined(__GNUC__)

#include <immintrin.h>
#include <string.h>

#define CLMUL __attribute__((target("pclmul,ssse3")))

/*
 * Polynomials stand reflected, as the bytes come: in a 64-bit word bit i is the
 * coefficient of x^(63-i), in a 128-bit register (whose low word came first) bit
 * i that of x^(127-i). A product of two words so reads one power too high, which
 * the constants make up for: FOLD(n) is x^(n-1) mod P and multiplies by x^n.
 */
#define FOLD_64 UINT64_C(0xd101000000000000)
#define FOLD_128 UINT64_C(0xc100000000000000)
#define FOLD_192 UINT64_C(0xccd0000000000000)
#define FOLD_512 UINT64_C(0x8101000000000000)
#define FOLD_576 UINT64_C(0xc450000000000000)
/* P and 1/P as power series in 1/x, without the factor x^16. */
#define POLY UINT64_C(0x14003)
#define POLY_INVERSE UINT64_C(0xf0ffebffcfffbfff)

/*
 * pshufb masks: 16 bytes from offset r move the first r bytes of a block to its end, zeros before.
 */
static const uint8_t head_masks[32] = {0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80,
    0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

CLMUL static inline __m128i
load(const uint8_t *p)
{
	__m128i v;

	memcpy(&v, p, sizeof(v));
	return v;
}

CLMUL static inline __m128i
constants(uint64_t low, uint64_t high)
{
	return _mm_set_epi64x((long long)high, (long long)low);
}

/* acc moved up by the bits that `by` is for, and the bytes found there. */
CLMUL static inline __m128i
fold(__m128i acc, __m128i by, __m128i bytes)
{
	return _mm_xor_si128(bytes, _mm_xor_si128(_mm_clmulepi64_si128(acc, by, 0x00),
					_mm_clmulepi64_si128(acc, by, 0x11)));
}

/* The CRC of the 16 bytes in acc: down to 64 bits by two products, then Barrett's way. */
CLMUL static inline uint16_t
reduce(__m128i acc)
{
	const __m128i k = constants(FOLD_64, 0);
	const __m128i poly = constants(POLY_INVERSE, POLY);
	__m128i high = _mm_xor_si128(
	    _mm_slli_si128(_mm_srli_si128(acc, 8), 8), _mm_clmulepi64_si128(acc, k, 0x00));
	__m128i word = _mm_srli_si128(_mm_xor_si128(high, _mm_clmulepi64_si128(high, k, 0x00)), 8);
	__m128i quotient = _mm_clmulepi64_si128(word, poly, 0x00);

	return (uint16_t)_mm_extract_epi16(_mm_clmulepi64_si128(quotient, poly, 0x10), 4);
}

/*
 * n >= 16. Zero bytes in front change nothing, as the initial value is 0: so the
 * odd bytes go first, in a block of their own.
 */
CLMUL static uint16_t
crc16_arc_clmul(const uint8_t *p, size_t n)
{
	const __m128i by128 = constants(FOLD_192, FOLD_128);
	size_t head = n % 16;
	__m128i acc = _mm_shuffle_epi8(load(p), load(head_masks + head));

	p += head;
	n -= head;
	if (n >= 128) {
		const __m128i by512 = constants(FOLD_576, FOLD_512);
		__m128i b = load(p), c = load(p + 16), d = load(p + 32);

		for (p += 48, n -= 48; n >= 64; p += 64, n -= 64) {
			acc = fold(acc, by512, load(p));
			b = fold(b, by512, load(p + 16));
			c = fold(c, by512, load(p + 32));
			d = fold(d, by512, load(p + 48));
		}
		acc = fold(acc, by128, b);
		acc = fold(acc, by128, c);
		acc = fold(acc, by128, d);
	}
	for (; n > 0; p += 16, n -= 16)
		acc = fold(acc, by128, load(p));
	return reduce(acc);
}

uint16_t
crc16_arc(const uint8_t *p, size_t n)
{
	if (n >= 16 && __builtin_cpu_supports("pclmul") && __builtin_cpu_supports("ssse3"))
		return crc16_arc_clmul(p, n);
	return crc16_arc_portable(p, n);
}

#else

uint16_t
crc16_arc(const uint8_t *p, size_t n)
{
	return crc16_arc_portable(p, n);
}

#endif

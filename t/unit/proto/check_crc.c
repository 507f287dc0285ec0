/* CRC-16/ARC: its check value, and all lengths and alignments against the definition by bits. */
#include "t/unit/proto/check_proto.h"

#include <stdlib.h>
#include <string.h>

#include "proto/crc16.h"
#include "t/vectors/vectors.h"

static uint16_t
by_bits(const uint8_t *p, size_t n)
{
	unsigned crc = 0;
	size_t i;
	int k;

	for (i = 0; i < n; i++) {
		crc ^= p[i];
		for (k = 0; k < 8; k++)
			crc = crc & 1 ? crc >> 1 ^ 0xa001 : crc >> 1;
	}
	return (uint16_t)crc;
}

START_TEST(check_value)
{
	const uint8_t digits[] = "123456789";

	ck_assert_uint_eq(crc16_arc(digits, 9), 0xbb3d);
	ck_assert_uint_eq(crc16_arc_portable(digits, 9), 0xbb3d);
	ck_assert_uint_eq(crc16_arc(digits, 0), 0);
	ck_assert_uint_eq(crc16_arc(NULL, 0), 0);
}
END_TEST

static void
compare(const uint8_t *p, size_t n)
{
	uint8_t *exact = vectors_exact(p, n);
	uint16_t expected = by_bits(exact, n);

	ck_assert_msg(crc16_arc(exact, n) == expected, "%zu bytes", n);
	ck_assert_msg(crc16_arc_portable(exact, n) == expected, "%zu bytes, portable", n);
	free(exact);
}

/* Every length around the steps of 8, 16, 64 and 128, and the longest frames. */
START_TEST(all_lengths)
{
	static const size_t lengths[] = {1268, 4095, 16384, 65535, 65536};
	static uint8_t noise[65536];
	uint32_t x = 1;
	size_t i;

	for (i = 0; i < sizeof(noise); i++) {
		x = x * 1664525 + 1013904223;
		noise[i] = (uint8_t)(x >> 24);
	}
	for (i = 0; i < 600; i++)
		compare(noise + i % 17, i);
	for (i = 0; i < sizeof(lengths) / sizeof(*lengths); i++)
		compare(noise, lengths[i]);
}
END_TEST

/* One bit alone, anywhere: each constant of the folding counts. */
START_TEST(single_bits)
{
	uint8_t zeros[300] = {0};
	size_t at;

	for (at = 0; at < sizeof(zeros); at++) {
		zeros[at] = (uint8_t)(1 << at % 8);
		ck_assert_uint_eq(crc16_arc(zeros, sizeof(zeros)), by_bits(zeros, sizeof(zeros)));
		ck_assert_uint_ne(crc16_arc(zeros, sizeof(zeros)), 0);
		zeros[at] = 0;
	}
}
END_TEST

Suite *
suite_crc(void)
{
	Suite *s = suite_create("crc");
	TCase *t = tcase_create("arc");

	tcase_add_test(t, check_value);
	tcase_add_test(t, all_lengths);
	tcase_add_test(t, single_bits);
	suite_add_tcase(s, t);
	return s;
}

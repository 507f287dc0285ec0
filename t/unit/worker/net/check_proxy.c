/*
 * The PROXY header (worker/net/proxy.h): both versions as HAProxy's doc/proxy-protocol.txt has them,
 * in pieces of any size, and whatever else may stand there.
 */
#include "worker/net/proxy.h"

#include <arpa/inet.h>
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"

static struct proxy_header h;

/* The header stands alone in memory, so that a sanitizer sees whoever reads on. */
static enum proxy_result
next(const void *p, size_t n)
{
	uint8_t *exact = malloc(n > 0 ? n : 1);
	enum proxy_result result;

	ck_assert_ptr_nonnull(exact);
	memcpy(exact, p, n);
	result = proxy_next(exact, n, &h);
	free(exact);
	return result;
}

/* Whole at its last byte and not before, whatever follows. */
static void
whole(const void *p, size_t n, enum proxy_result want)
{
	uint8_t more[PROXY_MAX + 100];

	for (size_t i = 0; i < n; i++)
		ck_assert_msg(next(p, i) == PROXY_MORE, "after %zu of %zu bytes", i, n);
	ck_assert_int_eq(next(p, n), want);
	ck_assert_uint_eq(h.len, n);
	memset(more, 'x', sizeof(more));
	memcpy(more, p, n);
	ck_assert_int_eq(next(more, sizeof(more)), want);
	ck_assert_uint_eq(h.len, n);
}

static void
is_from(int family, const char *address, uint16_t port)
{
	char text[INET6_ADDRSTRLEN] = "";

	ck_assert_int_eq(h.family, family);
	ck_assert_ptr_nonnull(inet_ntop(family, h.addr, text, sizeof(text)));
	ck_assert_str_eq(text, address);
	ck_assert_uint_eq(h.port, port);
}

static void
line(const char *text, enum proxy_result want)
{
	whole(text, strlen(text), want);
}

START_TEST(v1_addresses)
{
	line("PROXY TCP4 203.0.113.7 192.0.2.1 40000 5027\r\n", PROXY_ADDRESS);
	is_from(AF_INET, "203.0.113.7", 40000);
	line("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n", PROXY_ADDRESS);
	is_from(AF_INET, "255.255.255.255", 65535);
	line("PROXY TCP4 0.0.0.0 0.0.0.0 0 0\r\n", PROXY_ADDRESS);
	is_from(AF_INET, "0.0.0.0", 0);
	line("PROXY TCP6 2001:db8::7 2001:DB8::1 1 2\r\n", PROXY_ADDRESS);
	is_from(AF_INET6, "2001:db8::7", 1);
	line("PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
	     "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n",
	    PROXY_ADDRESS);
}
END_TEST

START_TEST(v1_unknown)
{
	line("PROXY UNKNOWN\r\n", PROXY_LOCAL);
	line("PROXY UNKNOWN \r\n", PROXY_LOCAL);
	line("PROXY UNKNOWN anything at all\r\n", PROXY_LOCAL);
	/* The longest line of all. */
	line("PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
	     "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n",
	    PROXY_LOCAL);
	ck_assert_uint_eq(h.len, PROXY_V1_MAX);
}
END_TEST

START_TEST(v1_bad)
{
	static const char *const bad[] = {"PROXY \r\n", "PROXY TCP4\r\n", "PROXY TCP4 \r\n",
	    "PROXY TCP 1.2.3.4 1.2.3.4 1 2\r\n", "PROXY UDP4 1.2.3.4 1.2.3.4 1 2\r\n",
	    "PROXY UNKNOWNS\r\n", "PROXY unknown\r\n", "PROXY  TCP4 1.2.3.4 1.2.3.4 1 2\r\n",
	    "PROXY TCP4  1.2.3.4 1.2.3.4 1 2\r\n", "PROXY TCP4 1.2.3.4 1.2.3.4 1 \r\n",
	    "PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n", "PROXY TCP4 1.2.3.4 1.2.3.4\r\n",
	    "PROXY TCP4 1.2.3.4\r\n", "PROXY TCP4 1.2.3.4 1.2.3.4 1 2 \r\n",
	    "PROXY TCP4 1.2.3.4 1.2.3.4 1 2 3\r\n", "PROXY TCP4 1.2.3.4 1.2.3.4 65536 2\r\n",
	    "PROXY TCP4 1.2.3.4 1.2.3.4 1 65536\r\n", "PROXY TCP4 1.2.3.4 1.2.3.4 999999 2\r\n",
	    "PROXY TCP4 1.2.3.4 1.2.3.4 01 2\r\n", "PROXY TCP4 1.2.3.4 1.2.3.4 -1 2\r\n",
	    "PROXY TCP4 1.2.3.4 1.2.3.4 1 0x2\r\n", "PROXY TCP4 01.2.3.4 1.2.3.4 1 2\r\n",
	    "PROXY TCP4 1.2.3 1.2.3.4 1 2\r\n", "PROXY TCP4 1.2.3.4 1.2.3.400 1 2\r\n",
	    "PROXY TCP4 ::1 ::1 1 2\r\n", "PROXY TCP6 1.2.3.4 1.2.3.4 1 2\r\n",
	    "PROXY TCP6 ::1 ::g 1 2\r\n", "PROXY TCP4 1.2.3.4 1.2.3.4 1 2\n",
	    "PROXY TCP4 1.2.3.4 1.2.3.4 1 2\rx", "PROXY\tTCP4 1.2.3.4 1.2.3.4 1 2\r\n",
	    "PROXY TCP4 1.2.3.4111111111111111111111111111111111111111111111111 1.2.3.4 1 2\r\n",
	    "proxy TCP4 1.2.3.4 1.2.3.4 1 2\r\n"};
	static const char nul[] = "PROXY TCP4 1.2.3.4\0 1.2.3.4 1 2\r\n";
	char longest[PROXY_V1_MAX + 1];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(next(bad[i], strlen(bad[i])) == PROXY_BAD, "%s", bad[i]);
	ck_assert_int_eq(next(nul, sizeof(nul) - 1), PROXY_BAD);
	/* No end within 107 bytes. */
	memset(longest, 'x', sizeof(longest));
	memcpy(longest, "PROXY UNKNOWN ", 14);
	ck_assert_int_eq(next(longest, PROXY_V1_MAX - 1), PROXY_MORE);
	ck_assert_int_eq(next(longest, PROXY_V1_MAX), PROXY_BAD);
	longest[PROXY_V1_MAX - 1] = '\r';
	longest[PROXY_V1_MAX] = '\n';
	ck_assert_int_eq(next(longest, PROXY_V1_MAX), PROXY_BAD);
	ck_assert_int_eq(next(longest, PROXY_V1_MAX + 1), PROXY_BAD);
}
END_TEST

/* A header of version 2 with `len` bytes behind the fixed part, of which the first are 1, 2, 3 ...
 */
static uint8_t v2[PROXY_MAX + 1];

static size_t
make_v2(uint8_t command, uint8_t family, size_t len)
{
	memcpy(v2, SIGNATURE, 12);
	v2[12] = command;
	v2[13] = family;
	v2[14] = (uint8_t)(len >> 8);
	v2[15] = (uint8_t)len;
	for (size_t i = 16; i < sizeof(v2); i++)
		v2[i] = (uint8_t)(i - 15);
	return 16 + len;
}

START_TEST(v2_addresses)
{
	whole(v2, make_v2(0x21, 0x11, 12), PROXY_ADDRESS);
	is_from(AF_INET, "1.2.3.4", 0x090a);
	whole(v2, make_v2(0x21, 0x21, 36), PROXY_ADDRESS);
	is_from(AF_INET6, "102:304:506:708:90a:b0c:d0e:f10", 0x2122);
	/* What stands behind the address is skipped. */
	whole(v2, make_v2(0x21, 0x11, 12 + 7), PROXY_ADDRESS);
	is_from(AF_INET, "1.2.3.4", 0x090a);
	whole(v2, make_v2(0x21, 0x21, PROXY_MAX - 16), PROXY_ADDRESS);
	is_from(AF_INET6, "102:304:506:708:90a:b0c:d0e:f10", 0x2122);
}
END_TEST

START_TEST(v2_without_address)
{
	/* The balancer's own connection, whatever it says besides. */
	whole(v2, make_v2(0x20, 0x00, 0), PROXY_LOCAL);
	whole(v2, make_v2(0x20, 0x11, 12), PROXY_LOCAL);
	whole(v2, make_v2(0x20, 0xff, 3), PROXY_LOCAL);
	/* Of no known family or transport; from a Unix socket. */
	whole(v2, make_v2(0x21, 0x00, 0), PROXY_LOCAL);
	whole(v2, make_v2(0x21, 0x01, 5), PROXY_LOCAL);
	whole(v2, make_v2(0x21, 0x10, 12), PROXY_LOCAL);
	whole(v2, make_v2(0x21, 0x31, 216), PROXY_LOCAL);
}
END_TEST

START_TEST(v2_bad)
{
	static const uint8_t bad[][3] = {/* version and command, family, length */
	    {0x11, 0x11, 12}, {0x22, 0x11, 12}, {0x2f, 0x11, 12}, {0x31, 0x11, 12},
	    {0x01, 0x11, 12}, {0x21, 0x41, 36}, {0x21, 0xf1, 36}, {0x21, 0x13, 12},
	    {0x21, 0x12, 12}, {0x21, 0x22, 36}, {0x21, 0x11, 11}, {0x21, 0x11, 0}, {0x21, 0x21, 35},
	    {0x21, 0x21, 12}};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(next(v2, make_v2(bad[i][0], bad[i][1], bad[i][2])) == PROXY_BAD,
		    "%02x %02x %u", bad[i][0], bad[i][1], bad[i][2]);
	/* Judged as soon as it is there: the version, the length. */
	make_v2(0x11, 0x11, 12);
	ck_assert_int_eq(next(v2, 12), PROXY_MORE);
	ck_assert_int_eq(next(v2, 13), PROXY_BAD);
	make_v2(0x21, 0x11, PROXY_MAX - 16 + 1);
	ck_assert_int_eq(next(v2, 15), PROXY_MORE);
	ck_assert_int_eq(next(v2, 16), PROXY_BAD);
	make_v2(0x20, 0x00, 0xffff);
	ck_assert_int_eq(next(v2, 16), PROXY_BAD);
}
END_TEST

START_TEST(no_header)
{
	static const char *const other[] = {
	    "\xff", "GET / HTTP/1.1\r\n", "PROXX", "P ", "\r\n\r\n\r\n", "\n", " PROXY"};

	ck_assert_int_eq(next("\0\017123456789012345", 17), PROXY_BAD);
	ck_assert_int_eq(next("\0", 1), PROXY_BAD);
	for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++)
		ck_assert_msg(next(other[i], strlen(other[i])) == PROXY_BAD, "%s", other[i]);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("proxy");
	TCase *t = tcase_create("proxy");
	SRunner *r;
	int failed;

	tcase_add_test(t, v1_addresses);
	tcase_add_test(t, v1_unknown);
	tcase_add_test(t, v1_bad);
	tcase_add_test(t, v2_addresses);
	tcase_add_test(t, v2_without_address);
	tcase_add_test(t, v2_bad);
	tcase_add_test(t, no_header);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/*
 * Lists of networks (common/cidr.h): what is read, what is refused, and who matches.
 */
#include "common/cidr.h"

#include <arpa/inet.h>
#include <check.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static struct cidr_list list;
static char err[256];

static bool
match(const char *address)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};

	if (inet_pton(AF_INET, address, &v4.sin_addr) == 1)
		return cidr_list_match(&list, (struct sockaddr *)&v4);
	ck_assert_int_eq(inet_pton(AF_INET6, address, &v6.sin6_addr), 1);
	return cidr_list_match(&list, (struct sockaddr *)&v6);
}

static void
parse(const char *text)
{
	ck_assert_msg(cidr_list_parse(&list, text, err, sizeof(err)), "%s: %s", text, err);
	ck_assert_str_eq(list.text, text);
}

static void
refused(const char *text)
{
	ck_assert_msg(!cidr_list_parse(&list, text, err, sizeof(err)), "accepted: %s", text);
	ck_assert_uint_gt(strlen(err), 0);
	ck_assert_uint_eq(list.n, 0);
}

START_TEST(empty_is_all)
{
	struct sockaddr unix_socket = {.sa_family = AF_UNIX};

	parse("");
	ck_assert(match("192.0.2.1"));
	ck_assert(match("2001:db8::1"));
	ck_assert(cidr_list_match(&list, &unix_socket));
	parse("0.0.0.0/0,::/0");
	ck_assert(!cidr_list_match(&list, &unix_socket));
}
END_TEST

START_TEST(v4)
{
	parse("10.0.0.0/8, 192.0.2.7 ,198.51.100.128/25,203.0.113.4/31");
	ck_assert_uint_eq(list.n, 4);
	ck_assert(match("10.255.255.255"));
	ck_assert(!match("11.0.0.0"));
	ck_assert(!match("9.255.255.255"));
	ck_assert(match("192.0.2.7"));
	ck_assert(!match("192.0.2.6"));
	ck_assert(match("198.51.100.128"));
	ck_assert(match("198.51.100.255"));
	ck_assert(!match("198.51.100.127"));
	ck_assert(match("203.0.113.5"));
	ck_assert(!match("203.0.113.6"));
	ck_assert(match("::ffff:10.1.2.3"));
	ck_assert(!match("::ffff:11.1.2.3"));
	ck_assert(!match("::10.1.2.3"));
	ck_assert(!match("0a00::"));
}
END_TEST

START_TEST(v6)
{
	parse("2001:db8::/33,fe80::1");
	ck_assert(match("2001:db8:7fff::1"));
	ck_assert(!match("2001:db8:8000::1"));
	ck_assert(match("fe80::1"));
	ck_assert(!match("fe80::2"));
	ck_assert(!match("32.1.13.184"));
}
END_TEST

/* One family's "all" is not the other's. */
START_TEST(all_of_one_family)
{
	parse("0.0.0.0/0");
	ck_assert(match("192.0.2.1"));
	ck_assert(match("::ffff:192.0.2.1"));
	ck_assert(!match("2001:db8::1"));
	parse("::/0");
	ck_assert(match("2001:db8::1"));
	ck_assert(!match("192.0.2.1"));
	ck_assert(!match("::ffff:192.0.2.1"));
	parse("::ffff:10.0.0.0/104");
	ck_assert(match("10.9.9.9"));
	ck_assert(match("::ffff:10.9.9.9"));
	ck_assert(!match("11.9.9.9"));
}
END_TEST

START_TEST(bad_lists)
{
	static const char *const bad[] = {",", "10.0.0.0/8,", ",10.0.0.0/8", " ", "10.0.0.0/",
	    "10.0.0.0/33", "::/129", "10.0.0.0/08", "10.0.0.0/+8", "10.0.0.0/-1", "10.0.0.0/8/8",
	    "10.0.0.1/8", "2001:db8::1/32", "10.0.0", "10.0.0.256", "example.com", "10.0.0.0 /8",
	    "10.0.0.0/8;10.0.0.0/8", "/8", "fe80::1%lo", "10.0.0.0/9999999999999999999"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		refused(bad[i]);
}
END_TEST

START_TEST(limits)
{
	char text[CIDR_TEXT + 1] = "";
	size_t len = 0;

	for (int i = 0; i < CIDR_MAX; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len,
		    "%s2001:db8:%d:ffff:ffff:ffff:ffff:"
		    "ffff/128",
		    i > 0 ? "," : "", 1000 + i);
	parse(text);
	ck_assert_uint_eq(list.n, CIDR_MAX);
	ck_assert(match("2001:db8:1063:ffff:ffff:ffff:ffff:ffff"));
	(void)snprintf(text + len, sizeof(text) - len, ",::1");
	refused(text);
	memset(text, ' ', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	refused(text);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("cidr");
	TCase *t = tcase_create("cidr");
	SRunner *r;
	int failed;

	tcase_add_test(t, empty_is_all);
	tcase_add_test(t, v4);
	tcase_add_test(t, v6);
	tcase_add_test(t, all_of_one_family);
	tcase_add_test(t, bad_lists);
	tcase_add_test(t, limits);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

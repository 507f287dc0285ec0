/*
 * The limits of the open port (worker/net/admission.h): what each of them refuses and counts, alone and
 * over two workers, and that all are off until they are asked for.
 */
#include "worker/net/admission.h"

#include <arpa/inet.h>
#include <check.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/clock.h"

static struct shm shm;
static struct conf conf;
static struct admission *one, *two; /* of two workers */

static struct stats *
stats_of(int slot)
{
	return &shm.slots[slot].block[0].stats;
}

static void
networks(struct cidr_list *list, const char *text)
{
	char err[CONF_ERR];

	ck_assert_msg(cidr_list_parse(list, text, err, sizeof(err)), "%s", err);
}

static void
setup(void)
{
	ck_assert(log_open("t", NULL, LOG_TEXT, LOG_ERROR_));
	memset(&conf, 0, sizeof(conf));
	ck_assert(shm_create(&shm, 2, 1000) && shm_map_addresses(&shm));
	one = admission_new(&conf, &shm, stats_of(0), shm_owner(0, 0));
	two = admission_new(&conf, &shm, stats_of(1), shm_owner(1, 0));
	ck_assert(one != NULL && two != NULL);
}

static void
teardown(void)
{
	admission_free(one);
	admission_free(two);
	shm_destroy(&shm);
}

static struct sockaddr *
from(const char *text)
{
	static struct sockaddr_in v4;
	static struct sockaddr_in6 v6;

	v4.sin_family = AF_INET;
	v6.sin6_family = AF_INET6;
	if (inet_pton(AF_INET, text, &v4.sin_addr) == 1)
		return (struct sockaddr *)&v4;
	ck_assert_int_eq(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
	return (struct sockaddr *)&v6;
}

static const uint8_t *
bytes(const char *text)
{
	static uint8_t addr[16];

	ck_assert_int_eq(inet_pton(AF_INET, text, addr), 1);
	return addr;
}

START_TEST(all_off)
{
	bool tell = true;

	admission_round(one);
	for (int i = 0; i < 1000; i++) {
		ck_assert_int_eq(admission_accepted(one, from("192.0.2.1")), ADMISSION_YES);
		ck_assert(!admission_came(one, AF_INET, bytes("192.0.2.1")));
		admission_note_unknown(one, AF_INET, bytes("192.0.2.1"));
		ck_assert(admission_may_ask(one, AF_INET, bytes("192.0.2.1"), &tell));
		ck_assert(!tell);
	}
}
END_TEST

START_TEST(outside)
{
	networks(&conf.allow_cidr, "10.0.0.0/8");
	ck_assert_int_eq(admission_accepted(one, from("10.1.1.1")), ADMISSION_YES);
	ck_assert_int_eq(admission_accepted(one, from("::ffff:10.1.1.1")), ADMISSION_YES);
	ck_assert_int_eq(admission_accepted(one, from("192.0.2.1")), ADMISSION_OUTSIDE);
	ck_assert_int_eq(admission_accepted(one, from("2001:db8::1")), ADMISSION_OUTSIDE);
	ck_assert_uint_eq(stats_get(&stats_of(0)->refused_cidr), 2);
}
END_TEST

/* A balancer may come whatever its address; it is the tracker's that is checked. */
START_TEST(balancer)
{
	networks(&conf.allow_cidr, "10.0.0.0/8");
	networks(&conf.proxy_from, "192.0.2.1");
	conf.max_connections_per_address = 1;
	ck_assert_int_eq(admission_accepted(one, from("192.0.2.1")), ADMISSION_HEADER);
	ck_assert_int_eq(admission_accepted(one, from("192.0.2.1")), ADMISSION_HEADER);
	ck_assert_int_eq(admission_accepted(one, from("192.0.2.2")), ADMISSION_OUTSIDE);
	ck_assert_int_eq(admission_accepted(one, from("10.0.0.1")), ADMISSION_YES);
	ck_assert_int_eq(admission_behind(one, from("10.0.0.1")), ADMISSION_YES);
	ck_assert(admission_came(one, AF_INET, bytes("10.0.0.1")));
	ck_assert_int_eq(admission_behind(one, from("10.0.0.1")), ADMISSION_ADDRESS_FULL);
	ck_assert_int_eq(admission_behind(one, from("2001:db8::1")), ADMISSION_OUTSIDE);
	ck_assert_uint_eq(stats_get(&stats_of(0)->refused_cidr), 2);
	ck_assert_uint_eq(stats_get(&stats_of(0)->refused_address), 1);
}
END_TEST

START_TEST(in_all)
{
	conf.max_connections = 10;
	networks(&conf.proxy_from, "192.0.2.9");
	stats_set(&stats_of(1)->conn_active, 4);
	stats_set(&stats_of(1)->conn_handshake, 2);
	stats_set(&stats_of(0)->conn_closing, 1);
	stats_set(&shm.slots[0].block[1].stats.conn_active, 1);
	admission_round(one);
	ck_assert_int_eq(admission_accepted(one, from("192.0.2.1")), ADMISSION_YES);
	ck_assert_int_eq(admission_accepted(one, from("192.0.2.9")), ADMISSION_HEADER);
	ck_assert_int_eq(admission_accepted(one, from("192.0.2.1")), ADMISSION_FULL);
	ck_assert_int_eq(admission_accepted(one, from("192.0.2.9")), ADMISSION_FULL);
	ck_assert_uint_eq(stats_get(&stats_of(0)->refused_max), 2);
	stats_set(&stats_of(1)->conn_active, 0);
	admission_round(one);
	ck_assert_int_eq(admission_accepted(one, from("192.0.2.1")), ADMISSION_YES);
}
END_TEST

/* Over both workers; another address isn't concerned; who leaves makes room. */
START_TEST(per_address)
{
	conf.max_connections_per_address = 2;
	ck_assert_int_eq(admission_accepted(one, from("192.0.2.1")), ADMISSION_YES);
	ck_assert(admission_came(one, AF_INET, bytes("192.0.2.1")));
	ck_assert_int_eq(admission_accepted(two, from("192.0.2.1")), ADMISSION_YES);
	ck_assert(admission_came(two, AF_INET, bytes("192.0.2.1")));
	ck_assert_int_eq(admission_accepted(one, from("192.0.2.1")), ADMISSION_ADDRESS_FULL);
	ck_assert_int_eq(admission_accepted(two, from("::ffff:192.0.2.1")), ADMISSION_ADDRESS_FULL);
	ck_assert_int_eq(admission_accepted(one, from("192.0.2.2")), ADMISSION_YES);
	admission_left(one, AF_INET, bytes("192.0.2.1"));
	ck_assert_int_eq(admission_accepted(two, from("192.0.2.1")), ADMISSION_YES);
	ck_assert_uint_eq(stats_get(&stats_of(0)->refused_address), 1);
	ck_assert_uint_eq(stats_get(&stats_of(1)->refused_address), 1);
}
END_TEST

static void
exceed(const char *address)
{
	bool tell;

	ck_assert(admission_may_ask(one, AF_INET, bytes(address), &tell));
	for (int i = 0; i < 2; i++)
		admission_note_unknown(i == 0 ? one : two, AF_INET, bytes(address));
	ck_assert(admission_may_ask(one, AF_INET, bytes(address), &tell));
	admission_note_unknown(one, AF_INET, bytes(address));
	ck_assert(!admission_may_ask(one, AF_INET, bytes(address), &tell));
	ck_assert(tell);
	ck_assert(!admission_may_ask(one, AF_INET, bytes(address), &tell));
	ck_assert(!tell);
	ck_assert(!admission_may_ask(two, AF_INET, bytes(address), &tell));
	ck_assert(tell);
	ck_assert(admission_may_ask(one, AF_INET, bytes("198.51.100.1"), &tell));
}

START_TEST(unknown_rate)
{
	int64_t in_minute = clock_mono_ms() % 60000;

	/* Not over the change of a minute, where the count begins anew. */
	while (in_minute > 58000)
		in_minute = clock_mono_ms() % 60000;
	conf.unknown_imei_rate = 3;
	exceed("192.0.2.1");
	exceed("192.0.2.2");
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("admission");
	TCase *t = tcase_create("admission");
	SRunner *r;
	int failed;

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, all_off);
	tcase_add_test(t, outside);
	tcase_add_test(t, balancer);
	tcase_add_test(t, in_all);
	tcase_add_test(t, per_address);
	tcase_add_test(t, unknown_rate);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* Connections that never say an IMEI; and pings, which say nothing else. */
#include <arpa/inet.h>
#include <unistd.h>

#include "t/unit/worker/tracker/rig.h"
#include "worker/tracker/trackers_impl.h"

/* A ping moves the live row: the first of a connection at once, then when the row is 30 s old. */
START_TEST(pings_are_signs_of_life)
{
	int fd = rig_connect();

	rig_send(fd, "\xff", 1);
	ck_assert_uint_eq(r.seen, 0);
	rig_say_imei(fd, IMEI);
	rig_send(fd, "\xff", 1);
	ck_assert_uint_eq(r.seen, 1);
	rig_pass(29000);
	rig_send(fd, "\xff\xff", 2);
	ck_assert_uint_eq(r.seen, 1);
	rig_pass(1000);
	rig_send(fd, "\xff\xff", 2);
	ck_assert_uint_eq(r.seen, 2);
}
END_TEST

/* What a connection said that never said an IMEI, however it ends; a knock without a byte is nobody. */
START_TEST(strangers_are_noted)
{
	int fd = rig_connect();

	rig_send(fd, "\x16\x03\x01\x02\x00\x01\x00", 7);
	HEARS(fd, ".");
	ck_assert_str_eq(r.stranger, "tls");
	ck_assert_mem_eq(r.stranger_bytes, "\x16\x03\x01\x02\x00\x01\x00", 7);
	ck_assert_uint_eq(STAT(stranger_tls), 1);
	fd = rig_connect();
	rig_send(fd,
	    "\xff\0\x0f"
	    "3500",
	    7);
	rig_pass(61000);
	HEARS(fd, ".");
	ck_assert_str_eq(r.stranger, "incomplete");
	ck_assert_mem_eq(r.stranger_bytes,
	    "\0\x0f"
	    "3500",
	    6);
	ck_assert_uint_eq(r.stranger_len, 6);
	fd = rig_connect();
	rig_send(fd,
	    "\0\x0f"
	    "35",
	    4);
	close(fd);
	rig_turn();
	ck_assert_uint_eq(r.strangers, 3);
	fd = rig_connect();
	close(fd);
	rig_turn();
	ck_assert_uint_eq(r.strangers, 3);
	ck_assert_uint_eq(STAT(stranger_nothing), 1);
	fd = rig_connect_from("10.9.9.9", true);
	rig_say_imei(fd, IMEI);
	ck_assert_str_eq(r.stranger, "no_proxy_header");
	ck_assert_mem_eq(r.stranger_bytes,
	    "\0\x0f"
	    "35000000000000",
	    16);
	fd = rig_open_session(IMEI);
	rig_send(fd, "junk", 4);
	ck_assert_uint_eq(r.strangers, 4);
	ck_assert_str_eq(r.ended_for, "out_of_step");
}
END_TEST

/* Refused before there was a connection: noted with its address. */
START_TEST(who_is_not_admitted)
{
	static const struct {
		enum admission_verdict verdict;
		const char *what;
	} cases[] = {{ADMISSION_OUTSIDE, "outside_networks"}, {ADMISSION_FULL, "too_many"},
	    {ADMISSION_ADDRESS_FULL, "too_many_of_address"}};
	struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0xc0000201)};

	for (unsigned i = 0; i < 3; i++) {
		trackers_refused(r.t, (struct sockaddr *)&sa, cases[i].verdict);
		ck_assert_str_eq(r.stranger, cases[i].what);
		ck_assert_uint_eq(r.stranger_len, 0);
		ck_assert_uint_eq(r.strangers, i + 1);
	}
	/* A local one has no address to note. */
	sa.sin_family = AF_UNIX;
	trackers_refused(r.t, (struct sockaddr *)&sa, ADMISSION_FULL);
	ck_assert_uint_eq(r.strangers, 3);
	ck_assert_uint_eq(trackers_count(r.t), 0);
}
END_TEST

TCase *
stranger_tests(void)
{
	TCase *t = tcase_create("strangers");

	tcase_add_test(t, pings_are_signs_of_life);
	tcase_add_test(t, strangers_are_noted);
	tcase_add_test(t, who_is_not_admitted);
	return t;
}

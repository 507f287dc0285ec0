/*
 * Following a device, in the worker: events to those who follow it alone, bytes in pieces, a slow
 * reader that is told what it missed, and the ends of a trace. Over socket pairs, with times that
 * the test makes up.
 */
#include <check.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/ipc.h"
#include "worker/tracker/followers.h"

#define IMEI UINT64_C(350000000000001)

static struct followers followers;
static const struct follower *only; /* whom the next events are for; NULL: all */

static void
setup(void)
{
	followers = (struct followers){.worker = 3};
	only = NULL;
}

static void
teardown(void)
{
	followers_free(&followers);
	ck_assert_uint_eq(followers.n, 0);
}

/* Follows; returns the reader's end. */
static int
follow(uint64_t imei, bool bytes, int64_t until_ms)
{
	int fd[2];

	ck_assert(ipc_pair(fd));
	ck_assert_ptr_nonnull(followers_add(
	    &followers, &(struct trace_request){.imei = imei, .bytes = bytes}, until_ms, fd[1]));
	return fd[0];
}

/* The next event, or NULL if none waits. */
static json_t *
next(int fd)
{
	char packet[TRACE_EVENT_TEXT];
	ssize_t n = read(fd, packet, sizeof(packet));
	json_t *event;

	if (n <= 0)
		return NULL;
	event = json_loadb(packet, (size_t)n, 0, NULL);
	ck_assert_msg(event != NULL, "no JSON: %.*s", (int)n, packet);
	return event;
}

static const char *
name_of(json_t *event)
{
	static char name[64];
	const char *text = json_string_value(json_object_get(event, "event"));

	snprintf(name, sizeof(name), "%s", text != NULL ? text : "(none)");
	json_decref(event);
	return name;
}

static void __attribute__((format(printf, 3, 4)))
tell(const struct followed *peer, const char *event, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	followers_tell(&followers, only, peer, event, fmt, ap);
	va_end(ap);
}

static const struct followed whole = {.imei = IMEI, .conn = 7, .text = "192.0.2.1:99"};

START_TEST(an_event_has_its_members)
{
	int fd = follow(IMEI, false, 1000);
	json_t *e;

	ck_assert(followers_any(&followers));
	tell(&whole, "ack", "\"count\":%d,\"after_us\":%" PRId64, 5, INT64_C(1234));
	e = next(fd);
	ck_assert_ptr_nonnull(e);
	ck_assert_str_eq(json_string_value(json_object_get(e, "event")), "ack");
	ck_assert_str_eq(json_string_value(json_object_get(e, "peer")), "192.0.2.1:99");
	ck_assert_int_eq(json_integer_value(json_object_get(e, "conn")), 7);
	ck_assert_int_eq(json_integer_value(json_object_get(e, "worker")), 3);
	ck_assert_int_eq(json_integer_value(json_object_get(e, "pid")), getpid());
	ck_assert_int_eq(json_integer_value(json_object_get(e, "count")), 5);
	ck_assert_int_eq(json_integer_value(json_object_get(e, "after_us")), 1234);
	ck_assert_int_gt(json_integer_value(json_object_get(e, "at")), 0);
	json_decref(e);
	tell(&(struct followed){.imei = IMEI}, "ping", NULL);
	e = next(fd);
	ck_assert_ptr_null(json_object_get(e, "conn"));
	ck_assert_ptr_null(json_object_get(e, "peer"));
	json_decref(e);
	close(fd);
}
END_TEST

START_TEST(only_who_follows_it_hears)
{
	int first = follow(IMEI, false, 1000), other = follow(IMEI + 1, true, 1000),
	    bytes = follow(IMEI, true, 1000);
	const uint8_t sent[] = {0x00, 0x0f, 0xff};
	json_t *e;

	tell(&whole, "ping", NULL);
	ck_assert_str_eq(name_of(next(first)), "ping");
	ck_assert_str_eq(name_of(next(bytes)), "ping");
	ck_assert_ptr_null(next(other));
	followers_tell_bytes(&followers, NULL, &whole, "in", sent, sizeof(sent));
	ck_assert_ptr_null(next(first));
	ck_assert_ptr_null(next(other));
	e = next(bytes);
	ck_assert_str_eq(json_string_value(json_object_get(e, "hex")), "000fff");
	ck_assert_int_eq(json_integer_value(json_object_get(e, "bytes")), 3);
	ck_assert_str_eq(name_of(e), "in");
	/* One of them alone. */
	only = &followers.at[2];
	tell(&whole, "present", NULL);
	followers_tell_bytes(&followers, &followers.at[0], &whole, "in", sent, sizeof(sent));
	ck_assert_ptr_null(next(first));
	ck_assert_str_eq(name_of(next(bytes)), "present");
	ck_assert_ptr_null(next(bytes));
	followers_tell_bytes(&followers, NULL, &whole, "in", sent, 0);
	ck_assert_ptr_null(next(bytes));
	close(first);
	close(other);
	close(bytes);
}
END_TEST

START_TEST(many_bytes_come_in_pieces)
{
	static uint8_t sent[2 * FOLLOWERS_CHUNK + 1];
	size_t got = 0, pieces = 0;
	int fd = follow(IMEI, true, 1000);
	json_t *e;

	for (size_t i = 0; i < sizeof(sent); i++)
		sent[i] = (uint8_t)(i * 7);
	followers_tell_bytes(&followers, NULL, &whole, "out", sent, sizeof(sent));
	while ((e = next(fd)) != NULL) {
		const char *hex = json_string_value(json_object_get(e, "hex"));

		for (; *hex != '\0'; hex += 2, got++) {
			unsigned byte;

			ck_assert_int_eq(sscanf(hex, "%2x", &byte), 1);
			ck_assert_uint_eq(byte, sent[got]);
		}
		pieces++;
		json_decref(e);
	}
	ck_assert_uint_eq(got, sizeof(sent));
	ck_assert_uint_eq(pieces, 3);
	close(fd);
}
END_TEST

START_TEST(a_slow_reader_is_told_what_it_missed)
{
	static const uint8_t sent[FOLLOWERS_CHUNK];
	int slow = follow(IMEI, true, 1000), fast = follow(IMEI, true, 1000);
	uint64_t told = 0, heard = 0, lost = 0;
	json_t *e;

	while (followers.at[0].lost < 3) {
		ck_assert_uint_lt(told, 100000);
		followers_tell_bytes(&followers, NULL, &whole, "in", sent, sizeof(sent));
		told++;
		json_decref(next(fast));
	}
	while ((e = next(slow)) != NULL) {
		ck_assert_str_eq(name_of(e), "in");
		heard++;
	}
	tell(&whole, "ping", NULL);
	e = next(slow);
	lost = (uint64_t)json_integer_value(json_object_get(e, "events"));
	ck_assert_str_eq(name_of(e), "lost");
	ck_assert_uint_eq(heard + lost, told);
	ck_assert_str_eq(name_of(next(slow)), "ping");
	ck_assert_str_eq(name_of(next(fast)), "ping");
	ck_assert_ptr_null(next(slow));
	close(slow);
	close(fast);
}
END_TEST

START_TEST(a_trace_ends)
{
	int first = follow(IMEI, false, 1000), second = follow(IMEI, false, 2000),
	    third = follow(IMEI, false, 3000);
	char byte;

	followers_tick(&followers, 999);
	ck_assert_uint_eq(followers.n, 3);
	followers_tick(&followers, 1000);
	ck_assert_uint_eq(followers.n, 2);
	ck_assert_int_eq(read(first, &byte, 1), 0);
	/* It has hung up: also found if an event was lost on it in between. */
	close(second);
	tell(&whole, "ping", NULL);
	followers_tick(&followers, 1001);
	ck_assert_uint_eq(followers.n, 1);
	ck_assert_str_eq(name_of(next(third)), "ping");
	close(third);
	followers_tick(&followers, 1002);
	ck_assert(!followers_any(&followers));
	close(first);
}
END_TEST

START_TEST(there_are_not_too_many)
{
	int fd[TRACE_MAX_CLIENTS], more[2];
	char byte;

	for (int i = 0; i < TRACE_MAX_CLIENTS; i++)
		fd[i] = follow(IMEI, false, 1000);
	ck_assert(ipc_pair(more));
	ck_assert_ptr_null(
	    followers_add(&followers, &(struct trace_request){.imei = IMEI}, 1000, more[1]));
	ck_assert_int_eq(read(more[0], &byte, 1), 0);
	close(more[0]);
	for (int i = 0; i < TRACE_MAX_CLIENTS; i++)
		close(fd[i]);
}
END_TEST

START_TEST(a_long_event_is_cut)
{
	static char text[TRACE_EVENT_TEXT * 2];
	char packet[TRACE_EVENT_TEXT + 1];
	int fd = follow(IMEI, false, 1000);

	memset(text, 'x', sizeof(text) - 1);
	tell(&whole, "note", "\"text\":\"%s\"", text);
	ck_assert_int_eq(read(fd, packet, sizeof(packet)), TRACE_EVENT_TEXT - 1);
	close(fd);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("followers");
	TCase *tc = tcase_create("trace");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, an_event_has_its_members);
	tcase_add_test(tc, only_who_follows_it_hears);
	tcase_add_test(tc, many_bytes_come_in_pieces);
	tcase_add_test(tc, a_slow_reader_is_told_what_it_missed);
	tcase_add_test(tc, a_trace_ends);
	tcase_add_test(tc, there_are_not_too_many);
	tcase_add_test(tc, a_long_event_is_cut);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

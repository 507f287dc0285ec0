/* The words of the control socket: what is a request, and how it reaches a worker. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "common/trace_request.h"

START_TEST(a_request_survives_the_way)
{
	static const struct trace_request all[] = {
	    {.imei = 350000000000001, .seconds = 1},
	    {.imei = 1, .seconds = TRACE_MAX_SECONDS, .bytes = true},
	    {.imei = 999999999999999, .seconds = 86400, .bytes = true},
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		struct trace_request got;
		struct ipc_msg msg;
		char text[TRACE_REQUEST_TEXT];
		const char *why;
		int64_t until;

		trace_request_format(&all[i], text);
		ck_assert(trace_request_parse(text, strlen(text), &got, &why));
		ck_assert_uint_eq(got.imei, all[i].imei);
		ck_assert_int_eq(got.seconds, all[i].seconds);
		ck_assert(got.bytes == all[i].bytes);
		strcat(text, "\n");
		ck_assert(trace_request_parse(text, strlen(text), &got, &why));
		trace_request_to_ipc(&got, INT64_C(123456789012345), &msg);
		ck_assert_uint_eq(msg.type, IPC_TRACE);
		ck_assert(trace_request_from_ipc(&msg, &got, &until));
		ck_assert_uint_eq(got.imei, all[i].imei);
		ck_assert(got.bytes == all[i].bytes);
		ck_assert_int_eq(until, INT64_C(123456789012345));
	}
}
END_TEST

START_TEST(what_is_no_request)
{
	static const struct {
		const char *text, *why;
	} wrong[] = {
	    {"", "the only request"},
	    {"trace", "the only request"},
	    {"trace 350000000000001", "the only request"},
	    {"follow 350000000000001 60", "the only request"},
	    {"trace 350000000000001 60 hex", "the only request"},
	    {"trace 350000000000001 60 bytes more", "the only request"},
	    {"trace 35000000000000 60", "15 digits"},
	    {"trace 35000000000000x 60", "15 digits"},
	    {"trace 000000000000000 60", "15 digits"},
	    {"trace 350000000000001 0", "1 to 86400"},
	    {"trace 350000000000001 ", "1 to 86400"},
	    {"trace 350000000000001 86401", "1 to 86400"},
	    {"trace 350000000000001 -1", "1 to 86400"},
	    {"trace 350000000000001 600000000000", "1 to 86400"},
	    {"trace  350000000000001 60", "the only request"},
	};
	char longest[TRACE_REQUEST_TEXT];
	struct trace_request r;
	const char *why;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		ck_assert_msg(!trace_request_parse(wrong[i].text, strlen(wrong[i].text), &r, &why),
		    "case %zu", i);
		ck_assert_msg(strstr(why, wrong[i].why) != NULL, "case %zu: %s", i, why);
	}
	memset(longest, 'x', sizeof(longest));
	ck_assert(!trace_request_parse(longest, sizeof(longest), &r, &why));
	ck_assert_ptr_nonnull(strstr(why, "too long"));
	/* A NUL ends the line, whatever comes behind it. */
	ck_assert(!trace_request_parse("trace\0 350000000000001 60", 25, &r, &why));
}
END_TEST

START_TEST(what_is_no_message)
{
	struct ipc_msg msg = {.type = IPC_TRACE, .value = 1};
	struct trace_request r;
	int64_t until;

	ck_assert(!trace_request_from_ipc(&msg, &r, &until));
	strcpy(msg.text, "12 byte");
	ck_assert(!trace_request_from_ipc(&msg, &r, &until));
	strcpy(msg.text, "12");
	ck_assert(trace_request_from_ipc(&msg, &r, &until));
	ck_assert_int_eq(until, 12);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("trace_request");
	TCase *tc = tcase_create("trace_request");
	SRunner *runner;
	int failed;

	tcase_add_test(tc, a_request_survives_the_way);
	tcase_add_test(tc, what_is_no_request);
	tcase_add_test(tc, what_is_no_message);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

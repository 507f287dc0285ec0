/*
 * What tgctl makes of the events of a followed device: words for the terminal, and a capture,
 * which must be what tgctl decode reads: whole items, in order, whatever the pieces they came in,
 * whatever was missed.
 */
#include <check.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tool/capture.h"
#include "tool/hex_text.h"
#include "tool/input.h"
#include "tool/trace_text.h"

#define IMEI UINT64_C(350000000000001)
#define IMEI_HEX "000f333530303030303030303030303031"
/* A frame of codec 12, the documented answer to getinfo, cut short in its text. */
#define FRAME_HEX \
	"00000000000000130c0106000000" \
	"0b48656c6c6f20776f726c6401000089b7"

static char *text;
static size_t text_len;
static FILE *out;
static struct capture *capture;

static void
setup(void)
{
	out = open_memstream(&text, &text_len);
	ck_assert_ptr_nonnull(out);
	capture = capture_new(out, IMEI, 60);
	ck_assert_ptr_nonnull(capture);
}

static void
teardown(void)
{
	capture_free(capture);
	fclose(out);
	free(text);
}

/* Members of a JSON object, with ' for ". */
static json_t *
object(const char *members)
{
	char line[8192];
	json_t *o;

	snprintf(line, sizeof(line), "{'at':1772366400123,'worker':1,'pid':9,%s}", members);
	for (char *p = line; *p != '\0'; p++)
		if (*p == '\'')
			*p = '"';
	o = json_loads(line, 0, NULL);
	ck_assert_msg(o != NULL, "%s", line);
	return o;
}

static void __attribute__((format(printf, 1, 2))) event(const char *fmt, ...)
{
	char members[8000];
	va_list ap;
	json_t *o;

	va_start(ap, fmt);
	vsnprintf(members, sizeof(members), fmt, ap);
	va_end(ap);
	o = object(members);
	ck_assert_msg(capture_event(capture, o), "%s", members);
	json_decref(o);
}

static void
in(int conn, const char *hex)
{
	event("'event':'in','conn':%d,'peer':'192.0.2.1:9','hex':'%s'", conn, hex);
}

/* The bytes of the file, as tgctl decode would read them, are these; its comments hold `words`. */
static void
holds(const char *hex, const char *words)
{
	uint8_t *got, want[1024];
	size_t len, want_len = strlen(hex);

	ck_assert(capture_end(capture));
	got = (uint8_t *)strdup(text);
	len = strlen(text);
	memcpy(want, hex, want_len);
	ck_assert(hex_text(want, &want_len));
	ck_assert_msg(hex_text(got, &len), "no hex: %s", text);
	ck_assert_msg(len == want_len && memcmp(got, want, len) == 0, "%s", text);
	ck_assert_msg(strstr(text, words) != NULL, "\"%s\" is not in %s", words, text);
	free(got);
}

START_TEST(pieces_become_items)
{
	event("'event':'connected','conn':1,'peer':'192.0.2.1:9','imei_after_ms':3");
	in(1, IMEI_HEX);
	event("'event':'out','conn':1,'peer':'192.0.2.1:9','hex':'01'");
	in(1, "ff0000000000");
	in(1, "00001d0c");
	in(1, "");
	event("'event':'closed','conn':1,'why':'closed by the tracker'");
	holds(IMEI_HEX "ff", "9 bytes left out, an item that was never whole");
	ck_assert_uint_eq(capture_totals(capture)->items, 2);
	ck_assert_uint_eq(capture_totals(capture)->bytes, 18);
	ck_assert_uint_eq(capture_totals(capture)->connections, 1);
	ck_assert_ptr_nonnull(strstr(text, "192.0.2.1:9 < the gateway:\n#   01\n"));
	ck_assert_ptr_nonnull(strstr(text, "closed by the tracker"));
}
END_TEST

START_TEST(two_connections_do_not_mix)
{
	event("'event':'connected','conn':1");
	in(1, IMEI_HEX);
	event("'event':'connected','conn':2");
	in(1, "0000");
	in(2, "000f33353030303030303030303030");
	in(1, "000000000013" /* the rest of preamble and length */);
	in(2, "3031");
	in(1, FRAME_HEX + 16);
	holds(IMEI_HEX IMEI_HEX FRAME_HEX, "end of the capture");
	ck_assert_uint_eq(capture_totals(capture)->connections, 2);
}
END_TEST

START_TEST(what_was_there_begins_with_its_imei)
{
	event("'event':'present','conn':1,'in_flight':0,'paused':false");
	in(1, "00000000");
	in(1, FRAME_HEX + 8);
	in(1, "ff");
	holds(IMEI_HEX FRAME_HEX "ff", "added here");
	ck_assert_uint_eq(capture_totals(capture)->items, 2);
}
END_TEST

START_TEST(out_of_step_is_for_the_eye)
{
	event("'event':'connected','conn':1");
	in(1, IMEI_HEX "474554202f");
	in(1, "ffff");
	event("'event':'closed','conn':1,'why':'stream out of step: no zero preamble'");
	event("'event':'connected','conn':1");
	in(1, IMEI_HEX);
	holds(IMEI_HEX IMEI_HEX, "5 bytes left out, as they are out of step:\n#   474554202f");
}
END_TEST

START_TEST(what_was_missed_is_told)
{
	event("'event':'connected','conn':1");
	in(1, IMEI_HEX "00000000");
	event("'event':'lost','events':3");
	in(1, "ff");
	holds(IMEI_HEX, "4 bytes left out, as events are missing here");
	ck_assert_uint_eq(capture_totals(capture)->lost, 3);
	/* Its beginning is missing. */
	in(5, "ff");
	ck_assert_uint_eq(capture_totals(capture)->items, 1);
}
END_TEST

START_TEST(many_connections_make_room)
{
	for (int i = 1; i <= 20; i++) {
		event("'event':'connected','conn':%d", i);
		in(i, "000f33");
	}
	in(20, IMEI_HEX + 6);
	in(13, IMEI_HEX + 6);
	in(1, IMEI_HEX + 6);
	holds(IMEI_HEX IMEI_HEX, "3 bytes left out");
	ck_assert_uint_eq(capture_totals(capture)->connections, 21);
}
END_TEST

START_TEST(nonsense_is_refused)
{
	json_t *o = object("'event':'in','conn':1,'hex':'0g'");
	static char longest[6200];

	ck_assert(!capture_event(capture, o));
	json_decref(o);
	o = object("'event':'in','conn':1");
	ck_assert(!capture_event(capture, o));
	json_decref(o);
	o = object("'event':'out','conn':1");
	ck_assert(!capture_event(capture, o));
	json_decref(o);
	o = object("'conn':1");
	ck_assert(!capture_event(capture, o));
	json_decref(o);
	/* A long frame in pieces. */
	memset(longest, '0', sizeof(longest) - 1);
	longest[6144] = '\0';
	event("'event':'present','conn':2,'in_flight':0,'paused':false");
	in(2, "0000000000010000"
	      "0c");
	for (int i = 0; i < 21; i++)
		in(2, longest);
	holds(IMEI_HEX, "left out");
}
END_TEST

START_TEST(events_in_words)
{
	static const struct {
		const char *members, *words;
	} all[] = {
	    {"'event':'tracing','imei':'350000000000001','seconds':60,'workers':2,"
	     "'workers_missed':0",
		"worker 1 following 350000000000001 for 60 s, in 2 workers"},
	    {"'event':'tracing','imei':'1','seconds':60,'workers':1,'workers_missed':1",
		"in 1 worker; 1 more could not be asked"},
	    {"'event':'present','in_flight':1,'paused':true",
		"is already connected, 1 frame not yet stored, not read further"},
	    {"'event':'connected','peer':'192.0.2.1:9','imei_after_ms':12",
		"192.0.2.1:9 connected, sent its IMEI after 12 ms"},
	    {"'event':'accepted','device_id':5", "handshake accepted (device 5)"},
	    {"'event':'refused','why':'device is disabled'",
		"handshake refused: device is disabled"},
	    {"'event':'takes_over'", "takes over"},
	    {"'event':'flaps','changes':5", "changed 5 times within a minute"},
	    {"'event':'ping'", "worker 1 ping"},
	    {"'event':'frame','codec':142,'records':1,'bytes':50,'crc_ok':true,'verdict':'store',"
	     "'reason':null",
		"frame: codec 8E, 1 record, 50 bytes, CRC ok"},
	    {"'event':'frame','codec':8,'records':2,'bytes':50,'crc_ok':false,'verdict':'close',"
	     "'reason':'crc'",
		"2 records, 50 bytes, CRC wrong; not acknowledged: its CRC is wrong"},
	    {"'event':'frame','codec':85,'count':2,'bytes':50,'crc_ok':true,"
	     "'verdict':'quarantine','reason':'unknown_codec'",
		"codec 55, 50 bytes, CRC ok; it goes to quarantine: the gateway does not know this codec"},
	    {"'event':'frame','codec':12,'count':1,'bytes':50,'crc_ok':true,'verdict':'message',"
	     "'reason':null",
		"; a message"},
	    {"'event':'frame_again','bytes':5", "they share it"},
	    {"'event':'paused'", "not read further"},
	    {"'event':'stored','stored':3,'duplicate':0,'quarantined':0", "stored: 3 new"},
	    {"'event':'stored','stored':1,'duplicate':2,'quarantined':3",
		"1 new, 2 stored before, 3 quarantined: the database refuses"},
	    {"'event':'quarantined','records':2,'reason':'codec'",
		"in quarantine: the device's model may not use this codec"},
	    {"'event':'message_stored','bytes':9", "the message is stored"},
	    {"'event':'copied','reason':'raw'", "a copy of the frame is kept: raw"},
	    {"'event':'ack','count':5,'after_us':1234", "ACK 5, 1.2 ms after the frame"},
	    {"'event':'in','hex':'00ff'", "> 00ff"},
	    {"'event':'out','hex':'01'", "< 01"},
	    {"'event':'closed','why':'silent for too long'", "closed: silent for too long"},
	    {"'event':'lost','events':1", "1 event is missing"},
	    {"'event':'lost','events':2", "2 events are missing"},
	    {"'event':'end','why':'the time is over'", "end: the time is over"},
	    {"'event':'command_sent','id':7,'attempt':2,'codec':12,'bytes':22",
		"command 7 sent, attempt 2: codec 12, 22 bytes"},
	    {"'event':'command_answered','id':7,'attempt':2,'nack':false", "command 7 answered"},
	    {"'event':'command_answered','id':7,'attempt':2,'nack':true", "answered: not for"},
	    {"'event':'command_failed','id':7,'attempt':2,'why':'no answer in time'",
		"command 7, attempt 2: no answer in time"},
	    {"'event':'new_thing','id':7,'text':'a\\u001bb','peer':'192.0.2.1:9'",
		"192.0.2.1:9 new_thing id=7 text=a?b"},
	};
	char line[512];

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		json_t *o = object(all[i].members);

		trace_text(o, line, sizeof(line));
		ck_assert_msg(strncmp(line, "2026-03-01T12:00:00.123Z ", 25) == 0, "%s", line);
		ck_assert_msg(strstr(line, all[i].words) != NULL, "%s", line);
		trace_text(o, line, 20);
		ck_assert_uint_lt(strlen(line), 20);
		json_decref(o);
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("capture");
	TCase *tc = tcase_create("capture");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, pieces_become_items);
	tcase_add_test(tc, two_connections_do_not_mix);
	tcase_add_test(tc, what_was_there_begins_with_its_imei);
	tcase_add_test(tc, out_of_step_is_for_the_eye);
	tcase_add_test(tc, what_was_missed_is_told);
	tcase_add_test(tc, many_connections_make_room);
	tcase_add_test(tc, nonsense_is_refused);
	tcase_add_test(tc, events_in_words);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

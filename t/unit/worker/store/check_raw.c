/* What a batch holds beside positions: raw frames and messages, refused ones among them. */
#include <string.h>

#include "t/unit/worker/store/check_store.h"
#include "t/unit/worker/store/rig.h"

static struct rig r;

static void
open_rig(void)
{
	rig_open(&r, 1000, false);
}

START_TEST(unreadable_frames_are_kept)
{
	rig_unreadable(&r, 1, 7);
	rig_unreadable(&r, 2, 3);
	rig_unreadable(&r, 3, 1);
	rig_debug_copy(&r, 4);
	rig_run(&r);
	ck_assert_uint_eq(r.raws, 1);
	ck_assert_uint_eq(r.nraw, 4);
	ck_assert_uint_eq(r.stats->quarantined, 11);
	ck_assert_uint_eq(r.stats->quarantined_frames, 3);
	ck_assert(r.raw[0].has_device && r.raw[0].has_addr);
	ck_assert(!r.raw[1].has_addr);
	ck_assert(r.raw[2].has_addr);
	ck_assert(!r.raw[3].has_device);
	rig_close(&r);
}
END_TEST

START_TEST(many_frames_go_in_several_statements)
{
	for (int i = 0; i < 150; i++)
		rig_unreadable(&r, 1 + i % 60, 1);
	rig_run(&r);
	ck_assert_uint_eq(r.raws, 3);
	ck_assert_uint_eq(r.done, 150);
	rig_close(&r);
}
END_TEST

/* Not even the quarantine takes it: no answer, and nobody else waits. */
START_TEST(a_frame_that_nothing_takes)
{
	for (int i = 1; i < 60; i++)
		rig_unreadable(&r, i, 2);
	r.refused_raw = RIG_IMEI(33);
	rig_run(&r);
	ck_assert_uint_eq(r.unstorable, 1);
	ck_assert_uint_eq(r.done, 58);
	ck_assert_uint_eq(r.stats->quarantined, 116);
	ck_assert_uint_eq(r.stats->refused, 2);
	ck_assert_uint_le(r.raws, 1 + 2 * 6);
	rig_close(&r);
}
END_TEST

START_TEST(a_poisoned_frame_that_nothing_takes)
{
	rig_records(&r, 7, 0, 10);
	rig_refuse_ms(&r, 3);
	rig_refuse_ms(&r, 4);
	r.refused_raw = RIG_IMEI(7);
	rig_run(&r);
	ck_assert_uint_eq(r.nrows, 8);
	ck_assert_uint_eq(r.unstorable, 1);
	ck_assert_uint_eq(r.done, 0);
	ck_assert_uint_eq(r.stats->refused, 2);
	rig_close(&r);
}
END_TEST

START_TEST(lost_while_raw_frames_are_stored)
{
	rig_unreadable(&r, 1, 1);
	rig_unreadable(&r, 2, 1);
	rig_fault(&r, LOST_BEFORE_COMMIT);
	rig_fault(&r, LOST_AFTER_COMMIT);
	rig_fault(&r, DISK_FULL);
	rig_fault(&r, DEADLOCK);
	rig_run(&r);
	ck_assert_uint_eq(r.raws, 5);
	ck_assert_uint_eq(r.nraw, 2);
	ck_assert_uint_eq(r.stats->quarantined, 2);
	ck_assert_uint_eq(r.stats->batch_failures, 4);
	rig_close(&r);
}
END_TEST

START_TEST(messages_are_kept)
{
	rig_message(&r, 1, "hello", 0);
	rig_message(&r, 2, "\x01\x02", 0);
	rig_message(&r, 3, "third", 0);
	rig_run(&r);
	ck_assert_uint_eq(r.message_statements, 1);
	ck_assert_uint_eq(r.nmessages, 3);
	ck_assert_uint_eq(r.stats->messages, 3);
	ck_assert(r.messages[0].has_text && !r.messages[1].has_text);
	ck_assert(!r.messages[0].has_time);
	ck_assert(r.messages[0].has_addr && !r.messages[1].has_addr && r.messages[2].has_addr);
	ck_assert_int_eq(r.messages[0].command, 0);
	ck_assert_uint_eq(r.stats->commands_acked, 0);
	rig_close(&r);
}
END_TEST

START_TEST(a_frame_that_is_no_message_stores_none)
{
	struct frame_source from = {.imei = RIG_IMEI(1), .device_id = 1, .entry = r.entry[1]};
	uint8_t raw[20] = {0};

	ck_assert_uint_ne(
	    batch_add_raw(store_filling(r.store), &from, FRAME_MESSAGE, NULL, raw, sizeof(raw), 0),
	    BATCH_NONE);
	rig_message(&r, 2, "hello", 0);
	rig_run(&r);
	ck_assert_uint_eq(r.nmessages, 1);
	rig_close(&r);
}
END_TEST

START_TEST(an_answer_is_counted_once)
{
	r.open_command = 4711;
	rig_message(&r, 1, "done", 4711);
	rig_message(&r, 2, "other", 0);
	rig_run(&r);
	ck_assert_int_eq(r.messages[0].command, 4711);
	ck_assert_int_eq(r.messages[0].attempt, 2);
	ck_assert_int_eq(r.messages[1].command, 0);
	ck_assert_uint_eq(r.stats->commands_acked, 1);
	rig_close(&r);
}
END_TEST

/* Its rows come before the COMMIT is sure. */
START_TEST(an_answer_is_not_counted_before_its_commit)
{
	r.open_command = 4711;
	rig_message(&r, 1, "done", 4711);
	rig_message(&r, 2, "refused", 0);
	r.refused_message = RIG_IMEI(2);
	rig_turn(&r);
	rig_serve(&r);
	ck_assert_uint_eq(r.stats->commands_acked, 0);
	rig_run(&r);
	ck_assert_uint_eq(r.stats->commands_acked, 1);
	rig_close(&r);
}
END_TEST

START_TEST(an_answer_of_unknown_outcome)
{
	r.open_command = 4711;
	rig_message(&r, 1, "done", 4711);
	rig_fault(&r, LOST_AFTER_COMMIT);
	rig_turn(&r);
	rig_serve(&r);
	ck_assert_uint_eq(r.stats->commands_acked, 0);
	rig_run(&r);
	/* It was booked by the first one, and the second one can't tell. */
	ck_assert_uint_eq(r.stats->commands_acked, 0);
	ck_assert_uint_eq(r.nmessages, 1);
	rig_close(&r);
}
END_TEST

START_TEST(a_refused_message_goes_to_quarantine)
{
	for (int i = 1; i <= 32; i++)
		rig_message(&r, i, "hello", 0);
	r.refused_message = RIG_IMEI(20);
	rig_run(&r);
	ck_assert_uint_eq(r.nmessages, 31);
	ck_assert_uint_le(r.message_statements, 1 + 2 * 5);
	ck_assert_uint_eq(rig_raw_rows(&r, 20, "content"), 1);
	ck_assert_uint_eq(r.nraw, 1);
	rig_close(&r);
}
END_TEST

/* Each try waits a second for the lock: there must be few. */
START_TEST(lost_while_messages_are_stored)
{
	rig_message(&r, 1, "hello", 0);
	rig_fault(&r, LOST_BEFORE_COMMIT);
	rig_fault(&r, LOST_AFTER_COMMIT);
	rig_fault(&r, DISK_FULL);
	rig_fault(&r, DEADLOCK);
	rig_run(&r);
	ck_assert_uint_eq(r.nmessages, 1);
	ck_assert_uint_eq(r.stats->messages, 1);
	ck_assert_uint_eq(r.message_statements, 5);
	rig_close(&r);
}
END_TEST

START_TEST(steps_come_in_their_order)
{
	static const char *const order[] = {
	    "positions_insert", "positions_copy", "messages_insert", "raw_insert"};

	rig_unreadable(&r, 1, 1);
	rig_message(&r, 2, "hello", 0);
	rig_records(&r, 3, 0, 100);
	rig_careful(&r, 4, 0, 10);
	rig_turn(&r);
	for (size_t i = 0; i < 4; i++) {
		ck_assert_str_eq(scripted_sent(), order[i]);
		/* Records are answered when COPY is over, raw frames at the end. */
		ck_assert_uint_eq(r.stored, i >= 2);
		rig_serve(&r);
	}
	ck_assert_uint_eq(r.stored, 2);
	rig_run(&r);
	rig_close(&r);
}
END_TEST

START_TEST(copies_of_all_frames)
{
	struct frame *f;

	rig_records(&r, 1, 0, 5);
	f = rig_records(&r, 2, 0, 5);
	f->forgotten = true;
	stats_add(&r.stats->refused, 5);
	stats_sub(&r.stats->in_flight, 5);
	rig_records(&r, 3, 1000, 5);
	rig_refuse_ms(&r, 1001);
	rig_run(&r);
	ck_assert_uint_eq(rig_raw_rows(&r, 1, "raw"), 1);
	ck_assert_uint_eq(rig_raw_rows(&r, 2, "raw"), 0);
	ck_assert_uint_eq(rig_raw_rows(&r, 3, "content"), 1);
	ck_assert_uint_eq(r.stats->quarantined_frames, 1);
	ck_assert_uint_eq(r.stats->quarantined, 1);
	rig_close(&r);
}
END_TEST

static void
open_rig_with_copies(void)
{
	rig_open(&r, 1000, true);
}

TCase *
raw_case(void)
{
	TCase *t = tcase_create("raw frames and messages");

	tcase_add_checked_fixture(t, open_rig, NULL);
	tcase_add_test(t, unreadable_frames_are_kept);
	tcase_add_test(t, many_frames_go_in_several_statements);
	tcase_add_test(t, a_frame_that_nothing_takes);
	tcase_add_test(t, a_poisoned_frame_that_nothing_takes);
	tcase_add_test(t, lost_while_raw_frames_are_stored);
	tcase_add_test(t, messages_are_kept);
	tcase_add_test(t, a_frame_that_is_no_message_stores_none);
	tcase_add_test(t, an_answer_is_counted_once);
	tcase_add_test(t, an_answer_is_not_counted_before_its_commit);
	tcase_add_test(t, an_answer_of_unknown_outcome);
	tcase_add_test(t, a_refused_message_goes_to_quarantine);
	tcase_add_test(t, lost_while_messages_are_stored);
	tcase_add_test(t, steps_come_in_their_order);
	return t;
}

TCase *
copies_case(void)
{
	TCase *t = tcase_create("copies of all frames");

	tcase_add_checked_fixture(t, open_rig_with_copies, NULL);
	tcase_add_test(t, copies_of_all_frames);
	return t;
}

/* What somebody holds locked is put aside, all else is stored, and it is stored when it is free. */
#include "t/unit/worker/store/check_store.h"
#include "t/unit/worker/store/rig.h"

static struct rig r;

static void
open_rig(void)
{
	rig_open(&r, 2000, false);
}

/* Frames whose connection is open. */
static void
records(int device, uint64_t at, int n, bool careful)
{
	struct frame *f = careful ? rig_careful(&r, device, at, n) : rig_records(&r, device, at, n);

	f->from.conn = 1 + (uint64_t)device;
}

/* Of the last run nothing is left but what is aside. */
static void
free_again(void)
{
	r.locked_devices = 0;
	r.locked_message = r.locked_raw = 0;
	r.locked_table = NULL;
	r.locked_day = 0;
	rig_due(&r);
	rig_run(&r);
	ck_assert(store_is_idle(r.store));
	/* The next batch is the first that nobody delays. */
	rig_due(&r);
	rig_run(&r);
	ck_assert(aside_is_empty(&r.store->aside));
	ck_assert_uint_eq(r.stats->blocked_devices + r.stats->blocked_days +
			      r.stats->blocked_steps + r.stats->blocked_commands +
			      r.stats->blocked_raw_frames,
	    0);
}

START_TEST(devices_by_insert)
{
	for (int i = 1; i <= 60; i++)
		records(i, 0, 3, true);
	r.locked_devices = 50;
	rig_run(&r);
	ck_assert_uint_eq(r.nrows, 30);
	ck_assert_uint_eq(r.done, 10);
	ck_assert_uint_eq(r.stats->blocked_devices, 50);
	/* One time-out for all of them. */
	ck_assert_uint_eq(r.inserts, 2);
	ck_assert_uint_eq(r.hasty, 1);

	/* Still locked, and what comes meanwhile isn't even sent. */
	records(7, 100, 1, true);
	records(55, 100, 1, true);
	rig_run(&r);
	ck_assert_uint_eq(r.nrows, 31);
	ck_assert_uint_eq(r.inserts, 3);
	rig_due(&r);
	rig_run(&r);
	ck_assert_uint_eq(r.stats->blocked_devices, 50);
	ck_assert_uint_eq(r.inserts, 4);

	free_again();
	ck_assert_uint_eq(r.nrows, 180 + 2);
	rig_close(&r);
}
END_TEST

/* One of two comes back before the other, which closes up among those that are kept. */
START_TEST(one_device_is_free_first)
{
	records(2, 0, 3, true);
	records(1, 0, 5, true);
	r.locked_devices = 2;
	rig_run(&r);
	ck_assert_uint_eq(r.nrows, 0);
	ck_assert_uint_eq(r.moved, 2);
	r.locked_devices = 1;
	for (uint32_t i = 0; i < r.store->aside.n; i++)
		if (r.store->aside.entries[i].key ==
		    store_batch(r.store, STORE_KEPT)->frames[0].from.device_id)
			r.store->aside.entries[i].due_ms = 0;
	event_active(r.store->aside_ev, EV_TIMEOUT, 1);
	rig_run(&r);
	ck_assert_uint_eq(r.nrows, 3);
	/* Back, and up. */
	ck_assert_uint_eq(r.moved, 4);
	ck_assert_uint_eq(store_batch(r.store, STORE_KEPT)->nframes, 1);
	free_again();
	ck_assert_uint_eq(r.nrows, 8);
	rig_close(&r);
}
END_TEST

START_TEST(devices_by_copy)
{
	for (int i = 1; i <= 60; i++)
		records(i, 0, 3, false);
	r.locked_devices = 3;
	rig_run(&r);
	ck_assert_uint_eq(r.nrows, 171);
	ck_assert_uint_eq(r.copies, 2);
	free_again();
	ck_assert_uint_eq(r.nrows, 180);
	rig_close(&r);
}
END_TEST

START_TEST(a_lock_that_cannot_be_asked_for_is_found_by_halving)
{
	for (int i = 1; i <= 40; i++)
		records(i, 0, 2, i % 2 == 0);
	/* A twin of what will be put aside. */
	records(1, 0, 1, false);
	r.locked_devices = 1;
	r.locked_unseen = true;
	rig_run(&r);
	ck_assert_uint_eq(r.nrows, 78);
	ck_assert_uint_eq(r.stats->blocked_devices, 1);
	free_again();
	ck_assert_uint_eq(r.nrows, 80);
	rig_close(&r);
}
END_TEST

START_TEST(a_frame_that_is_half_stored_is_booked_once)
{
	/* Halving stores some of its rows before the lock comes. */
	records(1, 0, 40, true);
	records(2, 0, 40, true);
	r.locked_devices = 1;
	r.locked_unseen = true;
	rig_run(&r);
	ck_assert_uint_eq(r.nrows, 40);
	records(1, 20, 10, true);
	free_again();
	ck_assert_uint_eq(r.nrows, 80);
	rig_close(&r);
}
END_TEST

START_TEST(a_day)
{
	const int64_t day = RIG_MS / 86400000;

	records(1, 0, 2, true);
	records(2, 86400000, 2, true);
	r.locked_devices = 1;
	r.locked_day = (int64_t)day;
	rig_run(&r);
	ck_assert_uint_eq(r.nrows, 2);
	ck_assert_uint_eq(r.stats->blocked_days, 1);
	free_again();
	ck_assert_uint_eq(r.nrows, 4);
	rig_close(&r);
}
END_TEST

START_TEST(the_whole_table_is_everybodys_business)
{
	records(1, 0, 2, true);
	r.locked_table = "device_positions";
	r.locked_day = INT64_MIN;
	rig_turn(&r);
	rig_serve(&r); /* 55P03 */
	rig_serve(&r); /* the question */
	ck_assert_uint_eq(r.down, 1);
	ck_assert(!store_is_up(r.store));
	r.locked_table = NULL;
	rig_run(&r);
	ck_assert_uint_eq(r.nrows, 2);
	ck_assert(store_is_up(r.store));
	rig_close(&r);
}
END_TEST

START_TEST(messages)
{
	records(1, 0, 2, true);
	rig_message(&r, 2, "hello", 0);
	rig_message(&r, 3, "hello", 0);
	r.locked_table = "device_messages";
	rig_run(&r);
	ck_assert_uint_eq(r.nrows, 2);
	ck_assert_uint_eq(r.nmessages, 0);
	ck_assert_uint_eq(r.stats->blocked_steps, 1);
	rig_message(&r, 4, "hello", 0);
	rig_run(&r);
	ck_assert_uint_eq(r.message_statements, 1);
	free_again();
	ck_assert_uint_eq(r.nmessages, 3);
	ck_assert_uint_eq(r.stats->messages, 3);
	rig_close(&r);
}
END_TEST

START_TEST(an_answer)
{
	for (int i = 1; i <= 32; i++)
		rig_message(&r, i, "hello", 0);
	r.locked_message = RIG_IMEI(20);
	rig_run(&r);
	ck_assert_uint_eq(r.nmessages, 31);
	ck_assert_uint_eq(r.message_statements, 1);
	ck_assert_uint_eq(r.stats->messages, 31);
	ck_assert_uint_eq(r.stats->blocked_commands, 1);
	ck_assert_uint_eq(rig_raw_rows(&r, 20, "content"), 0);
	free_again();
	ck_assert_uint_eq(r.nmessages, 32);
	ck_assert_uint_eq(r.stats->messages, 32);
	rig_close(&r);
}
END_TEST

START_TEST(a_raw_row_and_the_table)
{
	rig_unreadable(&r, 1, 3);
	rig_unreadable(&r, 2, 4);
	r.locked_raw = RIG_IMEI(1);
	rig_run(&r);
	ck_assert_uint_eq(r.nraw, 1);
	ck_assert_uint_eq(r.stats->quarantined, 4);
	ck_assert_uint_eq(r.stats->blocked_raw_frames, 1);
	free_again();
	ck_assert_uint_eq(r.nraw, 2);

	/* A frame of records one of which is refused: the others are booked already. */
	records(5, 0, 3, true);
	rig_refuse_ms(&r, 1);
	r.locked_table = "device_ingest_raw";
	rig_run(&r);
	ck_assert_uint_eq(r.stats->blocked_steps, 1);
	free_again();
	ck_assert_uint_eq(rig_raw_rows(&r, 5, "content"), 1);
	rig_close(&r);
}
END_TEST

/* A frame whose raw row is locked, and behind it, on the same connection, one that is stored at once. */
static void
stored_behind_a_locked_one(void)
{
	rig_unreadable(&r, 1, 4)->from.conn = 2;
	records(1, 0, 3, true);
	r.locked_raw = RIG_IMEI(1);
	r.waits = 2;
	rig_run(&r);
	ck_assert_uint_eq(r.nrows, 3);
	ck_assert_uint_eq(r.answered, 0);
}

/* Answers go in order: what is stored stays, however many batches come, until the one before it is answered. */
START_TEST(what_waits_for_an_earlier_answer_stays)
{
	const struct batch *kept = store_batch(r.store, STORE_KEPT);

	stored_behind_a_locked_one();
	ck_assert_uint_eq(kept->nframes, 2);
	for (int i = 0; i < 4; i++) {
		records(5 + i, 0, 7, true);
		rig_run(&r);
		rig_due(&r);
		rig_run(&r);
		ck_assert_uint_eq(kept->nframes, 2);
		for (uint32_t k = 0; k < 2; k++)
			ck_assert_uint_eq(kept->frames[k].from.conn, 2);
		ck_assert_uint_eq(kept->frames[0].done + kept->frames[1].done, 1);
	}
	ck_assert_uint_eq(r.answered, 4);
	r.waits = 0;
	free_again();
	ck_assert_uint_eq(r.answered, 6);
	ck_assert_uint_eq(r.nraw, 1);
	/* Nothing was stored a second time. */
	ck_assert_uint_eq(r.nrows, 3 + 4 * 7);
	ck_assert_uint_eq(r.stats->stored, 3 + 4 * 7);
	rig_close(&r);
}
END_TEST

/* Its connection goes, and so must its place; it is booked as it was. */
START_TEST(who_has_gone_waits_for_no_answer)
{
	struct batch *kept = store_batch(r.store, STORE_KEPT);

	stored_behind_a_locked_one();
	for (uint32_t k = 0; k < 2; k++) {
		kept->frames[k].from.conn = 0;
		ck_assert(!store_forget(r.store, STORE_KEPT, k));
	}
	free_again();
	ck_assert_uint_eq(r.stats->stored, 3);
	ck_assert_uint_eq(r.stats->quarantined, 4);
	rig_close(&r);
}
END_TEST

/* Where there is no room to wait in, the connection is closed: its tracker sends it again. */
START_TEST(no_room_to_wait_for_an_earlier_answer)
{
	ck_assert(batch_init(
	    store_batch(r.store, STORE_KEPT), &(struct batch_limits){.records = 1, .bytes = 1024}));
	stored_behind_a_locked_one();
	ck_assert_uint_eq(r.unstorable, 1);
	ck_assert_uint_eq(store_batch(r.store, STORE_KEPT)->nframes, 1);
	ck_assert_uint_eq(r.stats->refused, 0);
	r.waits = 0;
	free_again();
	ck_assert_uint_eq(r.stats->stored, 3);
	rig_close(&r);
}
END_TEST

START_TEST(who_has_gone_is_forgotten)
{
	struct frame *f = rig_careful(&r, 1, 0, 3);

	f->from.conn = 0;
	records(2, 0, 3, true);
	records(3, 0, 3, true);
	r.locked_devices = 2;
	rig_run(&r);
	/* The first had no connection any more, the second loses it now. */
	ck_assert_uint_eq(r.unstorable, 1);
	ck_assert_uint_eq(r.stats->refused, 3);
	ck_assert_uint_eq(store_batch(r.store, STORE_KEPT)->nframes, 1);
	ck_assert(store_forget(r.store, STORE_KEPT, 0));
	stats_add(&r.stats->refused, 3);
	stats_sub(&r.stats->in_flight, 3);
	free_again();
	ck_assert_uint_eq(r.nrows, 3);
	rig_close(&r);
}
END_TEST

TCase *
blocked_case(void)
{
	TCase *t = tcase_create("what is locked");

	tcase_add_checked_fixture(t, open_rig, NULL);
	tcase_add_test(t, devices_by_insert);
	tcase_add_test(t, one_device_is_free_first);
	tcase_add_test(t, devices_by_copy);
	tcase_add_test(t, a_lock_that_cannot_be_asked_for_is_found_by_halving);
	tcase_add_test(t, a_frame_that_is_half_stored_is_booked_once);
	tcase_add_test(t, a_day);
	tcase_add_test(t, the_whole_table_is_everybodys_business);
	tcase_add_test(t, messages);
	tcase_add_test(t, an_answer);
	tcase_add_test(t, a_raw_row_and_the_table);
	tcase_add_test(t, what_waits_for_an_earlier_answer_stays);
	tcase_add_test(t, who_has_gone_waits_for_no_answer);
	tcase_add_test(t, no_room_to_wait_for_an_earlier_answer);
	tcase_add_test(t, who_has_gone_is_forgotten);
	return t;
}

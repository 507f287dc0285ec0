/* Rows of positions: COPY, INSERT ... ON CONFLICT, and the refused ones among them. */
#include <stdlib.h>
#include <string.h>

#include "proto/stream.h"
#include "t/unit/worker/store/check_store.h"
#include "t/unit/worker/store/rig.h"

static struct rig r;

static void
open_rig(void)
{
	rig_open(&r, 5000, false);
}

START_TEST(new_rows_go_by_copy)
{
	rig_records(&r, 1, 0, 10);
	rig_records(&r, 2, 0, 10);
	rig_run(&r);
	ck_assert_uint_eq(r.copies, 1);
	ck_assert_uint_eq(r.inserts, 0);
	ck_assert_uint_eq(r.nrows, 20);
	ck_assert_uint_eq(r.done, 2);
	ck_assert_uint_eq(r.room, 1);
	ck_assert_uint_eq(r.finished, 1);
	ck_assert_uint_eq(r.stats->batches_copy, 1);
	rig_close(&r);
}
END_TEST

START_TEST(a_few_rows_are_not_worth_a_copy)
{
	rig_records(&r, 1, 0, 3);
	rig_run(&r);
	ck_assert_uint_eq(r.copies, 0);
	ck_assert_uint_eq(r.inserts, 1);
	ck_assert_uint_eq(r.proofs, 0);
	ck_assert_uint_eq(r.stats->batches_insert, 1);
	rig_close(&r);
}
END_TEST

START_TEST(careful_devices_go_by_insert)
{
	rig_careful(&r, 1, 0, 10);
	rig_records(&r, 1, 100, 100);
	rig_records(&r, 2, 0, 100);
	rig_run(&r);
	/* Careful is the device, not the frame. */
	ck_assert_uint_eq(r.inserts, 1);
	ck_assert_uint_eq(r.copies, 1);
	ck_assert_uint_eq(r.stats->stored, 210);
	rig_close(&r);
}
END_TEST

START_TEST(beside_an_insert_a_small_copy_is_not_worth_it)
{
	rig_careful(&r, 1, 0, 10);
	rig_records(&r, 2, 0, 63);
	rig_run(&r);
	ck_assert_uint_eq(r.inserts, 1);
	ck_assert_uint_eq(r.copies, 0);
	rig_close(&r);
}
END_TEST

START_TEST(a_conflict_sends_the_rows_by_insert)
{
	rig_records(&r, 1, 0, 10);
	rig_run(&r);
	struct frame *f = rig_records(&r, 1, 5, 10);
	rig_run(&r);
	ck_assert_uint_eq(r.copies, 2);
	ck_assert_uint_eq(r.inserts, 1);
	ck_assert_uint_eq(r.stats->copy_conflicts, 1);
	ck_assert_uint_eq(r.stats->stored, 15);
	ck_assert_uint_eq(r.stats->duplicate, 5);
	ck_assert_uint_eq(f->again, 5);

	/* Such a device is trusted with a COPY again after a minute. */
	ck_assert_int_gt(registry_duplicate_ms(r.shm.registry, r.entry[1]), 0);
	rig_records(&r, 1, 100, 10);
	rig_run(&r);
	ck_assert_uint_eq(r.copies, 2);
	registry_set_duplicate_ms(r.shm.registry, r.entry[1], clock_mono_ms() - 60001);
	rig_records(&r, 1, 200, 10);
	rig_run(&r);
	ck_assert_uint_eq(r.copies, 3);
	rig_close(&r);
}
END_TEST

START_TEST(nothing_but_duplicates_is_proved)
{
	rig_careful(&r, 1, 0, 5);
	rig_run(&r);
	ck_assert_uint_eq(r.proofs, 0);
	rig_careful(&r, 1, 0, 5);
	rig_turn(&r);
	rig_serve(&r);
	/* The rows are there, but whether they are durable is not known: no answer yet. */
	ck_assert_str_eq(scripted_sent(), "positions_prove");
	ck_assert_uint_eq(r.stored, 1);
	rig_run(&r);
	ck_assert_uint_eq(r.proofs, 1);
	ck_assert_uint_eq(r.done, 2);
	ck_assert_uint_eq(r.stats->duplicate, 5);
	rig_close(&r);
}
END_TEST

START_TEST(a_proof_that_fails_is_asked_for_again)
{
	static const enum rig_fault faults[] = {LOST_BEFORE_COMMIT, DISK_FULL, DEADLOCK};

	rig_careful(&r, 1, 0, 5);
	rig_run(&r);
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		rig_careful(&r, 1, 0, 5);
		rig_turn(&r);
		rig_serve(&r);
		ck_assert_str_eq(scripted_sent(), "positions_prove");
		rig_fault(&r, faults[i]);
		rig_serve(&r);
		ck_assert_uint_eq(r.stored, 1 + i);
		rig_run(&r);
		ck_assert_uint_eq(r.proofs, 2 * (i + 1));
		ck_assert_uint_eq(r.stats->duplicate, 5 * (i + 1));
	}
	rig_close(&r);
}
END_TEST

START_TEST(a_refused_row_is_found)
{
	for (int i = 1; i <= 8; i++)
		rig_records(&r, i, 0, 50);
	struct frame *f = rig_records(&r, 9, 1000, 50);
	rig_refuse_ms(&r, 1017);
	rig_run(&r);
	ck_assert_uint_eq(r.copies, 1);
	ck_assert_uint_le(r.inserts, 1 + 2 * 9);
	ck_assert_uint_eq(r.nrows, 449);
	ck_assert(f->poisoned);
	ck_assert_uint_eq(rig_raw_rows(&r, 9, "content"), 1);
	ck_assert_uint_eq(r.nraw, 1);
	ck_assert_uint_eq(r.stats->quarantined, 1);
	ck_assert_uint_eq(r.stats->quarantined_frames, 1);
	ck_assert_uint_eq(r.done, 9);
	rig_close(&r);
}
END_TEST

START_TEST(several_refused_rows_are_found)
{
	for (int i = 1; i <= 8; i++)
		rig_records(&r, i, (uint64_t)i * 1000, 50);
	rig_refuse_ms(&r, 1000);
	rig_refuse_ms(&r, 1049);
	rig_refuse_ms(&r, 4020);
	rig_refuse_ms(&r, 8049);
	rig_run(&r);
	ck_assert_uint_eq(r.nrows, 396);
	ck_assert_uint_eq(r.nraw, 3);
	ck_assert_uint_eq(r.stats->quarantined, 4);
	rig_close(&r);
}
END_TEST

/* A twin in the same batch would be acknowledged for a record that is not stored. */
START_TEST(twins_of_a_refused_row_go_with_it)
{
	rig_careful(&r, 1, 0, 10);
	rig_careful(&r, 1, 5, 10);
	rig_careful(&r, 1, 5, 3);
	rig_careful(&r, 1, 20, 3);
	rig_refuse_ms(&r, 7);
	rig_run(&r);
	ck_assert_uint_eq(r.nrows, 17);
	ck_assert_uint_eq(rig_raw_rows(&r, 1, "content"), 3);
	ck_assert_uint_eq(r.stats->quarantined, 3);
	ck_assert_uint_eq(r.stats->duplicate, 6);
	ck_assert_uint_eq(r.done, 4);
	rig_close(&r);
}
END_TEST

START_TEST(a_time_that_no_column_holds)
{
	struct avl_record rec = {.timestamp_ms = UINT64_MAX, .codec = CODEC_8};
	struct frame_source from = {.imei = RIG_IMEI(3), .device_id = 3, .entry = r.entry[3]};

	ck_assert_uint_ne(
	    batch_add_records(store_filling(r.store), &from, (const uint8_t *)"x", 1, &rec, 1),
	    BATCH_NONE);
	r.booked_before++;
	stats_add(&r.stats->in_flight, 1);
	store_kick(r.store);
	rig_run(&r);
	ck_assert_uint_eq(rig_raw_rows(&r, 3, "content"), 1);
	ck_assert_uint_eq(r.inserts + r.copies, 0);
	rig_close(&r);
}
END_TEST

/* Many pieces of COPY, with one header. */
START_TEST(a_large_copy_goes_in_pieces)
{
	for (int i = 0; i < 19; i++)
		rig_records(&r, 1 + i, 0, 250);
	rig_run(&r);
	ck_assert_uint_eq(r.copies, 1);
	ck_assert_uint_gt(scripted_copy_calls(), 2);
	ck_assert_uint_eq(r.nrows, 4750);
	rig_close(&r);
}
END_TEST

/* A frame whose record makes a row larger than a piece. */
static void
add_huge(int device, uint64_t at)
{
	static uint8_t io[40000 * 3];
	struct avl_record rec = {.timestamp_ms = RIG_MS + at, .codec = CODEC_8E};
	struct frame_source from = {
	    .imei = RIG_IMEI(device), .device_id = device, .entry = r.entry[device]};

	for (unsigned i = 0; i < 40000; i++) {
		io[i * 3] = (uint8_t)((20000 + i) >> 8);
		io[i * 3 + 1] = (uint8_t)(20000 + i);
		io[i * 3 + 2] = 255;
	}
	rec.io_count = rec.count[AVL_1] = 40000;
	rec.section[AVL_1] = io;
	uint32_t frame =
	    batch_add_records(store_filling(r.store), &from, (const uint8_t *)"x", 1, &rec, 1);
	ck_assert_uint_ne(frame, BATCH_NONE);
	const struct batch *b = store_filling(r.store);
	ck_assert_uint_gt(b->rows[b->frames[frame].first_row].len, 256 * 1024);
	r.booked_before++;
	stats_add(&r.stats->in_flight, 1);
	store_kick(r.store);
}

/* The header went twice when the first row was such a one, and the COPY was refused. */
START_TEST(rows_larger_than_a_piece)
{
	add_huge(1, 0);
	add_huge(1, 1);
	rig_records(&r, 2, 0, 10);
	add_huge(3, 0);
	rig_run(&r);
	ck_assert_uint_eq(r.copies, 1);
	ck_assert_uint_eq(r.nrows, 13);
	ck_assert_uint_eq(r.inserts, 0);
	rig_close(&r);
}
END_TEST

START_TEST(forgotten_frames_are_not_stored)
{
	struct frame *f = rig_records(&r, 1, 0, 10);

	rig_records(&r, 2, 0, 10);
	f->forgotten = true;
	/* As frames_forget() books it. */
	stats_add(&r.stats->refused, 10);
	stats_sub(&r.stats->in_flight, 10);
	rig_run(&r);
	ck_assert_uint_eq(r.nrows, 10);
	ck_assert(!rig_has(&r, 1, 0));

	f = rig_records(&r, 1, 0, 10);
	f->forgotten = true;
	stats_add(&r.stats->refused, 10);
	stats_sub(&r.stats->in_flight, 10);
	rig_run(&r);
	ck_assert_uint_eq(r.nrows, 10);
	ck_assert_uint_eq(r.finished, 2);
	rig_close(&r);
}
END_TEST

/* Group commit: what arrives while a statement is under way is the next batch. */
START_TEST(one_batch_fills_while_the_other_is_stored)
{
	rig_records(&r, 1, 0, 10);
	ck_assert(!store_is_idle(r.store));
	rig_turn(&r);
	ck_assert_str_eq(scripted_sent(), "positions_copy");
	ck_assert_int_eq(store_which(r.store, store_filling(r.store)), 1);
	ck_assert_ptr_eq(store_batch(r.store, 0), r.store->storing);
	for (int i = 0; i < 5; i++) {
		rig_records(&r, 2, (uint64_t)i * 10, 10);
		rig_turn(&r);
	}
	ck_assert_uint_eq(r.copies, 0);
	rig_serve(&r);
	ck_assert(scripted_sent() == NULL);
	ck_assert(!store_is_idle(r.store));
	rig_run(&r);
	ck_assert_uint_eq(r.copies, 2);
	ck_assert_uint_eq(r.nrows, 60);
	ck_assert_uint_eq(r.room, 2);
	rig_close(&r);
}
END_TEST

START_TEST(live_rows_are_told_once_a_device)
{
	struct frame *last;

	rig_records(&r, 1, 100, 10);
	rig_records(&r, 1, 0, 10);
	rig_records(&r, 2, 0, 10);
	last = rig_records(&r, 3, 0, 10);
	int64_t seen_ms = last->from.received_wall_us / 1000;
	rig_refuse_ms(&r, 109);
	rig_unreadable(&r, 4, 1);
	rig_message(&r, 5, "hello", 0);
	rig_debug_copy(&r, 6);
	rig_run(&r);
	ck_assert_uint_eq(rig_nlive, 3);
	ck_assert_uint_eq(rig_nseen, 2);
	ck_assert_int_eq(rig_live[0].device, 1);
	/* The newest was refused. */
	ck_assert_int_eq(
	    rig_live[0].newest, ((int64_t)(RIG_MS + 108) - INT64_C(946684800000)) * 1000);
	ck_assert_int_eq(rig_live[2].seen_ms, seen_ms);
	rig_close(&r);
}
END_TEST

TCase *
positions_case(void)
{
	TCase *t = tcase_create("positions");

	tcase_add_checked_fixture(t, open_rig, NULL);
	tcase_add_test(t, new_rows_go_by_copy);
	tcase_add_test(t, a_few_rows_are_not_worth_a_copy);
	tcase_add_test(t, careful_devices_go_by_insert);
	tcase_add_test(t, beside_an_insert_a_small_copy_is_not_worth_it);
	tcase_add_test(t, a_conflict_sends_the_rows_by_insert);
	tcase_add_test(t, nothing_but_duplicates_is_proved);
	tcase_add_test(t, a_proof_that_fails_is_asked_for_again);
	tcase_add_test(t, a_refused_row_is_found);
	tcase_add_test(t, several_refused_rows_are_found);
	tcase_add_test(t, twins_of_a_refused_row_go_with_it);
	tcase_add_test(t, a_time_that_no_column_holds);
	tcase_add_test(t, a_large_copy_goes_in_pieces);
	tcase_add_test(t, rows_larger_than_a_piece);
	tcase_add_test(t, forgotten_frames_are_not_stored);
	tcase_add_test(t, one_batch_fills_while_the_other_is_stored);
	tcase_add_test(t, live_rows_are_told_once_a_device);
	return t;
}

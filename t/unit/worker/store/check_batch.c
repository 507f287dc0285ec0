/* Batches: rows come out in key order, each key once, forgotten frames left out, bounds kept. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/stream.h"
#include "worker/store/batch.h"
#include "pg/row.h"

static const struct batch_limits limits = {.records = 1000, .bytes = 1024 * 1024};
static const uint8_t raw[] = "a frame's bytes";

static struct avl_record
record(uint64_t timestamp_ms, int32_t longitude)
{
	return (struct avl_record){.timestamp_ms = timestamp_ms,
	    .longitude = longitude,
	    .codec = CODEC_8,
	    .satellites = 5};
}

static uint32_t
add(struct batch *b, int64_t device, const struct avl_record *records, uint16_t n)
{
	struct frame_source from = {.conn = 1,
	    .imei = 350000000000001,
	    .device_id = device,
	    .received_wall_us = INT64_C(1700000000000000)};

	return batch_add_records(b, &from, raw, sizeof(raw), records, n);
}

static void
assert_sorted(const struct batch *b)
{
	for (uint32_t i = 1; i < b->norder; i++) {
		const struct row *x = &b->rows[b->order[i - 1]], *y = &b->rows[b->order[i]];
		bool less = x->device_id != y->device_id       ? x->device_id < y->device_id
			    : x->recorded_at != y->recorded_at ? x->recorded_at < y->recorded_at
							       : x->hash < y->hash;

		ck_assert_msg(less, "rows %u and %u", i - 1, i);
	}
}

START_TEST(rows_come_out_in_key_order)
{
	struct batch b;
	struct avl_record up[] = {record(5000, 1), record(6000, 2), record(7000, 3)};
	struct avl_record down[] = {record(4000, 4), record(3000, 5), record(2000, 6)};
	struct avl_record mixed[] = {record(4500, 7), record(9000, 8), record(100, 9)};

	ck_assert(batch_init(&b, &limits));
	add(&b, 9, up, 3);
	add(&b, 2, down, 3);
	add(&b, 9, mixed, 3);
	add(&b, -1, up, 3);
	batch_seal(&b);
	ck_assert_uint_eq(b.norder, 12);
	assert_sorted(&b);
	ck_assert_int_eq(b.rows[b.order[0]].device_id, -1);
	batch_free(&b);
}
END_TEST

/* So many overlapping frames of one device that insertion gives way to qsort. */
START_TEST(overlapping_frames_are_sorted_too)
{
	struct batch b;
	uint64_t seed = 12345;

	ck_assert(batch_init(&b, &limits));
	for (int f = 0; f < 100; f++) {
		struct avl_record records[10];

		for (int i = 0; i < 10; i++) {
			seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
			records[i] = record(1000 + (seed >> 40), f * 10 + i);
		}
		add(&b, 1, records, 10);
	}
	batch_seal(&b);
	ck_assert_uint_eq(b.norder, 1000);
	assert_sorted(&b);
	batch_free(&b);
}
END_TEST

START_TEST(a_key_stands_once)
{
	struct batch b;
	struct avl_record records[] = {record(5000, 1), record(6000, 2)};
	uint32_t duplicates = 0;

	ck_assert(batch_init(&b, &limits));
	add(&b, 1, records, 2);
	add(&b, 1, records, 2);
	add(&b, 2, records, 2);
	batch_seal(&b);
	ck_assert_uint_eq(b.norder, 4);
	for (uint32_t i = 0; i < b.nrows; i++)
		duplicates += b.rows[i].state == ROW_DUPLICATE;
	ck_assert_uint_eq(duplicates, 2);
	batch_free(&b);
}
END_TEST

START_TEST(forgotten_frames_are_left_out)
{
	struct batch b;
	struct avl_record one = record(5000, 1), other = record(6000, 2);

	ck_assert(batch_init(&b, &limits));
	uint32_t gone = add(&b, 1, &one, 1);
	uint32_t kept = add(&b, 1, &other, 1);
	b.frames[gone].forgotten = true;
	batch_seal(&b);
	ck_assert_uint_eq(b.norder, 1);
	ck_assert_uint_eq(b.rows[b.order[0]].frame, kept);
	batch_reset(&b);
	ck_assert(batch_is_empty(&b));
	batch_free(&b);
}
END_TEST

/* What batch_compact() told: "2>1 3>2 ". */
static char moves[64];

static void
note_move(void *ctx, uint32_t from, uint32_t to)
{
	char *text = ctx;
	size_t n = strlen(text);

	snprintf(text + n, sizeof(moves) - n, "%u>%u ", from, to);
}

static void
assert_frame(const struct batch *b, uint32_t frame, int64_t device, uint32_t nrows)
{
	const struct frame *f = &b->frames[frame];

	ck_assert_mem_eq(batch_raw(b, f), raw, sizeof(raw));
	ck_assert_int_eq(f->from.device_id, device);
	ck_assert_uint_eq(f->nrows, nrows);
	for (uint32_t i = f->first_row; i < f->first_row + f->nrows; i++) {
		ck_assert_uint_eq(b->rows[i].frame, frame);
		ck_assert_int_eq(b->rows[i].device_id, device);
		ck_assert_int_eq(row_i64(b->bytes + b->rows[i].off, ROW_DEVICE_ID), device);
	}
}

/* Frames move down into the place of forgotten ones, with their bytes and rows. */
START_TEST(the_rest_closes_up)
{
	struct avl_record r[] = {record(5000, 1), record(6000, 2), record(7000, 3)};
	struct batch b;

	ck_assert(batch_init(&b, &limits));
	for (uint16_t i = 0; i < 4; i++)
		ck_assert_uint_eq(add(&b, 10 + i, r, i == 0 ? 3 : i), i);
	size_t used = b.used;
	batch_compact(&b, note_move, moves);
	ck_assert_str_eq(moves, "");
	ck_assert_uint_eq(b.used, used);
	b.frames[1].forgotten = true;
	batch_compact(&b, note_move, moves);
	ck_assert_str_eq(moves, "2>1 3>2 ");
	ck_assert_uint_eq(b.nframes, 3);
	ck_assert_uint_eq(b.nrows, 3 + 2 + 3);
	ck_assert_uint_lt(b.used, used);
	assert_frame(&b, 0, 10, 3);
	assert_frame(&b, 1, 12, 2);
	assert_frame(&b, 2, 13, 3);
	for (int i = 0; i < 3; i++)
		b.frames[i].forgotten = true;
	batch_compact(&b, note_move, moves);
	ck_assert(batch_is_empty(&b) && b.nrows == 0 && b.used == 0);
	batch_free(&b);
}
END_TEST

/* A copy goes where there is room for it; an empty batch has room for any. */
START_TEST(copies_are_bounded)
{
	const struct batch_limits narrow = {.records = 4, .bytes = 1024 * 1024},
				  small = {.records = 1000, .bytes = 200};
	struct avl_record r[] = {record(5000, 1), record(6000, 2), record(7000, 3)};
	struct batch from, to, tight;

	ck_assert(
	    batch_init(&from, &limits) && batch_init(&to, &narrow) && batch_init(&tight, &small));
	add(&from, 1, r, 3);
	add(&from, 2, r, 2);
	add(&from, 3, r, 1);
	from.rows[0].state = ROW_STORED;
	from.rows[1].state = ROW_DUPLICATE;
	ck_assert_uint_eq(batch_copy(&to, &from, 0), 0);
	assert_frame(&to, 0, 1, 3);
	ck_assert_int_eq(to.rows[0].state, ROW_STORED);
	ck_assert_int_eq(to.rows[1].state, ROW_WAITING); /* its twin stays behind */
	ck_assert_uint_eq(batch_copy(&to, &from, 1), BATCH_NONE);
	ck_assert_uint_eq(batch_copy(&to, &from, 2), 1);
	assert_frame(&to, 1, 3, 1);
	ck_assert_uint_eq(batch_copy(&tight, &from, 0), 0);
	ck_assert_uint_eq(batch_copy(&tight, &from, 2), BATCH_NONE);
	batch_free(&to);
	batch_free(&tight);
	/* To the byte: all of it, and one byte less. */
	for (size_t less = 0; less < 2; less++) {
		const struct batch_limits exact = {.records = 1000, .bytes = from.used - less};

		ck_assert(batch_init(&to, &exact));
		ck_assert_uint_eq(batch_copy(&to, &from, 0), 0);
		ck_assert_uint_eq(batch_copy(&to, &from, 1), 1);
		ck_assert_uint_eq(batch_copy(&to, &from, 2), less == 0 ? 2 : BATCH_NONE);
		batch_free(&to);
	}
	batch_free(&from);
}
END_TEST

START_TEST(timestamps_no_column_can_hold_are_refused_alone)
{
	struct batch b;
	struct avl_record records[] = {
	    record(5000, 1), record(UINT64_MAX, 2), record(ROW_MAX_TIMESTAMP_MS, 3)};

	ck_assert(batch_init(&b, &limits));
	uint32_t f = add(&b, 1, records, 3);
	ck_assert(b.frames[f].poisoned);
	batch_seal(&b);
	ck_assert_uint_eq(b.norder, 2);
	ck_assert_int_eq(b.rows[1].state, ROW_REFUSED);
	batch_free(&b);
}
END_TEST

/* A row that has no bytes, wherever it stands in its frame: its neighbours come out, in order, also of a copy. */
START_TEST(a_refused_row_takes_nothing_from_its_neighbours)
{
	const struct avl_record bad = record(ROW_MAX_TIMESTAMP_MS + 1, 9);
	const struct avl_record up[] = {record(5000, 1), record(6000, 2), record(7000, 3)};
	struct avl_record with[4], after[] = {record(5500, 4), record(6500, 5)};
	struct batch b, copy;

	ck_assert(batch_init(&b, &limits) && batch_init(&copy, &limits));
	for (uint16_t at = 0, up_at = 0; at < 4; at++)
		with[at] = at == _i ? bad : up[up_at++];
	uint32_t f = add(&b, 1, with, 4);
	assert_frame(&b, add(&b, 1, after, 2), 1, 2);
	ck_assert(b.frames[f].poisoned && !b.frames[f + 1].poisoned);
	ck_assert_uint_eq(b.frames[f].nrows, 4);
	ck_assert_uint_eq(batch_copy(&copy, &b, f), 0);
	ck_assert_uint_eq(batch_copy(&copy, &b, f + 1), 1);
	ck_assert_uint_eq(copy.used, b.used);
	for (struct batch *x = &b; x != NULL; x = x == &b ? &copy : NULL) {
		for (int i = 0; i < 4; i++) {
			ck_assert_int_eq(x->rows[i].state, i == _i ? ROW_REFUSED : ROW_WAITING);
			ck_assert((x->rows[i].len == 0) == (i == _i));
		}
		assert_frame(x, 1, 1, 2);
		batch_seal(x);
		ck_assert_uint_eq(x->norder, 5);
		assert_sorted(x);
		for (uint32_t i = 0; i < x->norder; i++)
			ck_assert_int_eq(
			    row_i64(x->bytes + x->rows[x->order[i]].off, ROW_RECORDED_AT),
			    x->rows[x->order[i]].recorded_at);
		batch_free(x);
	}
}
END_TEST

/* Nothing is left to store; the next frame is as it would be without it. */
START_TEST(a_frame_of_refused_rows_alone)
{
	const struct avl_record bad[] = {record(UINT64_MAX, 1), record(UINT64_MAX - 1, 2)};
	const struct avl_record good = record(5000, 1);
	struct batch b;

	ck_assert(batch_init(&b, &limits));
	ck_assert_uint_eq(add(&b, 1, bad, 2), 0);
	ck_assert_uint_eq(b.used, sizeof(raw));
	assert_frame(&b, add(&b, 1, &good, 1), 1, 1);
	batch_seal(&b);
	ck_assert_uint_eq(b.norder, 1);
	ck_assert_uint_eq(b.rows[b.order[0]].frame, 1);
	batch_free(&b);
}
END_TEST

START_TEST(room_is_bounded_but_one_frame_always_fits)
{
	const struct batch_limits small = {.records = 10, .bytes = 4096};
	struct batch b;
	struct avl_record records[6];

	for (int i = 0; i < 6; i++)
		records[i] = record(1000 + (uint64_t)i, i);
	ck_assert(batch_init(&b, &small));
	ck_assert(batch_has_room(&b, 1 << 20, records, 6));
	add(&b, 1, records, 6);
	ck_assert(batch_has_room(&b, 10, records, 4));
	ck_assert(!batch_has_room(&b, 10, records, 5));
	ck_assert(!batch_has_room(&b, 4096, records, 1));
	/* Frames without records are bounded as well. */
	while (batch_has_room(&b, 1, NULL, 0))
		ck_assert_uint_ne(
		    batch_add_raw(&b, &(struct frame_source){0}, FRAME_MESSAGE, NULL, raw, 1, 0),
		    BATCH_NONE);
	ck_assert_uint_eq(b.nframes, 10);
	batch_free(&b);
}
END_TEST

START_TEST(raw_bytes_are_kept)
{
	struct batch b;
	struct avl_record one = record(5000, 1);

	ck_assert(batch_init(&b, &limits));
	uint32_t q = batch_add_raw(
	    &b, &(struct frame_source){.imei = 7}, FRAME_QUARANTINE, "count", raw, sizeof(raw), 3);
	uint32_t f = add(&b, 1, &one, 1);
	ck_assert_mem_eq(batch_raw(&b, &b.frames[q]), raw, sizeof(raw));
	ck_assert_mem_eq(batch_raw(&b, &b.frames[f]), raw, sizeof(raw));
	ck_assert_uint_eq(b.frames[q].count, 3);
	ck_assert_str_eq(b.frames[q].reason, "count");
	batch_free(&b);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("batch");
	TCase *tc = tcase_create("batch");
	SRunner *runner = srunner_create(suite);

	tcase_add_test(tc, rows_come_out_in_key_order);
	tcase_add_test(tc, overlapping_frames_are_sorted_too);
	tcase_add_test(tc, a_key_stands_once);
	tcase_add_test(tc, forgotten_frames_are_left_out);
	tcase_add_test(tc, the_rest_closes_up);
	tcase_add_test(tc, copies_are_bounded);
	tcase_add_test(tc, timestamps_no_column_can_hold_are_refused_alone);
	tcase_add_loop_test(tc, a_refused_row_takes_nothing_from_its_neighbours, 0, 4);
	tcase_add_test(tc, a_frame_of_refused_rows_alone);
	tcase_add_test(tc, room_is_bounded_but_one_frame_always_fits);
	tcase_add_test(tc, raw_bytes_are_kept);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* Devices that change while their frames wait: nothing is stored under an id that is over. */
#include <string.h>

#include "t/unit/worker/store/check_store.h"
#include "t/unit/worker/store/rig.h"

static struct rig r;

static void
open_rig(void)
{
	rig_open(&r, 5000, false);
}

/* The device's row has another id now, or is gone (0). */
static void
becomes(int device, int64_t id)
{
	const struct device_row row = {.imei = RIG_IMEI(device),
	    .id = id,
	    .present = id != 0,
	    .enabled = true,
	    .codecs = CODEC_MAY_ALL};

	ck_assert_int_eq(
	    registry_apply(r.shm.registry, &row, registry_seq(r.shm.registry), NULL), REGISTRY_OK);
}

START_TEST(before_its_batch_is_sent)
{
	struct frame *gone, *other;

	rig_records(&r, 1, 0, 10);
	rig_records(&r, 2, 0, 10);
	rig_records(&r, 3, 0, 10);
	gone = &store_filling(r.store)->frames[0];
	other = &store_filling(r.store)->frames[1];
	becomes(1, 0);
	becomes(3, 7);
	rig_turn(&r);
	ck_assert(gone->forgotten && !other->forgotten);
	rig_run(&r);
	ck_assert_uint_eq(r.nrows, 10);
	ck_assert(rig_has(&r, 2, 0) && !rig_has(&r, 1, 0) && !rig_has(&r, 3, 0));
	ck_assert_uint_eq(r.stats->refused, 20);
	ck_assert_uint_eq(r.stats->stored, 10);
	rig_close(&r);
}
END_TEST

/* A careful device's rows go by INSERT, the others by COPY: both lists are looked at. */
START_TEST(before_it_is_sent_again)
{
	rig_careful(&r, 1, 0, 100);
	rig_careful(&r, 2, 0, 10);
	rig_records(&r, 3, 0, 100);
	rig_records(&r, 4, 0, 100);
	rig_fault(&r, DEADLOCK);
	rig_turn(&r);
	becomes(1, 70);
	becomes(3, 0);
	rig_run(&r);
	ck_assert_uint_eq(r.nrows, 110);
	ck_assert(rig_has(&r, 2, 0) && rig_has(&r, 4, 0));
	ck_assert_uint_eq(r.stats->refused, 200);
	rig_close(&r);
}
END_TEST

/* The database knows it first: nothing is stored, and the registry is to be read again. */
START_TEST(before_the_registry_knows)
{
	rig_records(&r, 1, 0, 10);
	rig_records(&r, 2, 0, 10);
	rig_turn(&r);
	ck_assert_str_eq(scripted_sent(), "positions_copy");
	scripted_refuse("TG001", "the table devices was truncated");
	ck_assert(scripted_sent() == NULL);
	ck_assert_int_eq(r.store->state, STORE_PAUSED);
	ck_assert(store_is_up(r.store));
	ck_assert_uint_eq(r.down, 0);
	ck_assert(registry_take_reload_request(r.shm.registry));
	becomes(1, 9);
	rig_run(&r);
	ck_assert_uint_eq(r.nrows, 10);
	ck_assert_uint_eq(r.stats->refused, 10);
	rig_close(&r);
}
END_TEST

/* A frame in quarantine belongs to its IMEI, whatever device that is. */
START_TEST(quarantine_and_messages_follow)
{
	rig_unreadable(&r, 1, 5);
	rig_message(&r, 2, "hello", 0);
	becomes(1, 0);
	becomes(2, 0);
	rig_run(&r);
	ck_assert_uint_eq(r.nraw, 1);
	ck_assert(!r.raw[0].has_device);
	ck_assert_uint_eq(r.nmessages, 1);
	ck_assert_uint_eq(r.stats->quarantined, 5);
	rig_close(&r);
}
END_TEST

/* A frame of which a record is refused goes to quarantine whole, and is acknowledged for that. */
START_TEST(poisoned_ones_are_kept_raw)
{
	rig_refuse_ms(&r, 5);
	rig_records(&r, 1, 0, 10);
	rig_turn(&r);
	rig_serve(&r);
	while (r.inserts < 3)
		rig_serve(&r);
	becomes(1, 9);
	rig_run(&r);
	ck_assert_uint_eq(r.stats->stored + r.stats->quarantined + r.stats->refused, 10);
	rig_close(&r);
}
END_TEST

/* What came before the first contact has the database's time. */
START_TEST(provisional_times)
{
	struct db_clock clock = {0};
	const int64_t at = INT64_C(1800000000000000);
	struct frame *f = rig_records(&r, 1, 0, 10);
	const struct batch *b = store_filling(r.store);
	const struct row *row = &b->rows[3];

	db_clock_share(&clock);
	f->from.received_wall_us = 5000000;
	db_clock_measured(0, at, 0);
	rig_turn(&r);
	ck_assert_int_eq(f->from.received_wall_us, at + 5000000);
	ck_assert_int_eq(
	    row_i64(b->bytes + row->off, ROW_RECEIVED_AT), at + 5000000 - DB_CLOCK_FIRST_US);
	rig_run(&r);
	rig_close(&r);
	db_clock_share(NULL);
}
END_TEST

TCase *
devices_case(void)
{
	TCase *tc = tcase_create("devices");

	tcase_add_checked_fixture(tc, open_rig, NULL);
	tcase_add_test(tc, before_its_batch_is_sent);
	tcase_add_test(tc, before_it_is_sent_again);
	tcase_add_test(tc, before_the_registry_knows);
	tcase_add_test(tc, quarantine_and_messages_follow);
	tcase_add_test(tc, poisoned_ones_are_kept_raw);
	tcase_add_test(tc, provisional_times);
	return tc;
}

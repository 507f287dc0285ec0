/* Live rows at their limits: memory, rows that are refused, errors of the database. */
#include <stdlib.h>
#include <string.h>

#include "pg/row.h"
#include "proto/stream.h"
#include "t/unit/worker/task/live_rig.h"

#define MAX_FOLDS 262144 /* as live_folds.c has it */

static struct live *
new_live(struct shm *shm, uint32_t devices)
{
	struct live *l;

	ck_assert(shm_create(shm, 1, devices));
	l = live_new(&(struct live_config){.registry = shm->registry,
	    .stats = &shm->slots[0].block[0].stats,
	    .owner = OWNER,
	    .gateway_id = "gw"});
	ck_assert_ptr_nonnull(l);
	return l;
}

START_TEST(devices_that_wait_are_bounded)
{
	struct shm shm;
	struct live *l = new_live(&shm, MAX_FOLDS + 2);
	const struct live_session session = {.session_id = 1, .connected_at = T0};

	for (uint32_t e = 0; e <= MAX_FOLDS; e++)
		live_seen(l, e, e + 1, T0);
	/* Nothing of these is kept, and those that are held go on. */
	live_connected(l, MAX_FOLDS + 1, MAX_FOLDS + 2, &session);
	disconnected(l, MAX_FOLDS + 1, MAX_FOLDS + 2, 1, T0, "peer");
	position(l, MAX_FOLDS + 1, MAX_FOLDS + 2, T0, 1, true);
	live_connected(l, 5, 6, &session);
	ck_assert(live_pending(l));
	/* Of none of them the registry knows a device: there is nothing to write. */
	while (live_pending(l))
		ck_assert(!live_job(l)->due(l, clock_mono_ms()));
	live_free(l);
	shm_destroy(&shm);
}
END_TEST

/* A tuple whose io is `size` bytes long, or nearly. */
static size_t
large_row(uint8_t *out, size_t room, size_t size)
{
	static uint8_t io[65536];
	size_t n = size / 14; /* "65535": 255, */
	const struct avl_record record = {.timestamp_ms = (uint64_t)T0,
	    .latitude = 100000000,
	    .longitude = 250000000,
	    .satellites = 9,
	    .codec = CODEC_8E,
	    .io_total = (uint16_t)n,
	    .io_count = (uint16_t)n,
	    .count = {[AVL_1] = (uint16_t)n},
	    .section = {[AVL_1] = io}};

	for (size_t i = 0; i < n; i++)
		memcpy(io + 3 * i, (const uint8_t[]){(uint8_t)(0x80 | i >> 8), (uint8_t)i, 255}, 3);
	ck_assert_uint_le(row_bound(&record), room);
	return row_write(&record, 1, 1, T0 * 1000, out);
}

START_TEST(bytes_that_wait_are_bounded)
{
	static uint8_t row[1 << 20];
	struct shm shm;
	struct live *l = new_live(&shm, 10000);

	ck_assert_uint_gt(large_row(row, sizeof(row), 28000), 0);
	for (uint32_t e = 0; e < 8000; e++) {
		struct live_device d = {.entry = e, .device_id = e + 1, .seen_ms = T0};

		ck_assert(live_look(&d, row, T0));
		live_stored(l, &d);
	}
	live_free(l);
	shm_destroy(&shm);
}
END_TEST

START_TEST(clocks_that_are_not_trusted_move_nothing)
{
	uint8_t row[ROW_ROOM];
	struct live_device d = {0};

	make_row(row, 1, T0, 10, true);
	ck_assert(!live_look(&d, row, T0 - INT64_C(2) * 86400 * 1000)); /* two days ahead */
	ck_assert_ptr_null(d.trusted);
	make_row(row, 1, 1000, 10, true);
	ck_assert(!live_look(&d, row, T0)); /* 1970 */
	ck_assert_ptr_null(d.trusted);
}
END_TEST

/* The job's own end(), watched: an error that it deals with costs no pause (check_jobs.c). */
static struct {
	struct job *job;
	void (*end)(void *, enum pg_outcome, const struct pg_error *);
	int errors;
} watched;

static void
watched_end(void *ctx, enum pg_outcome outcome, const struct pg_error *error)
{
	watched.end(ctx, outcome, error);
	if (outcome != PG_ERROR)
		return;
	watched.errors++;
	ck_assert(watched.job->handled);
}

START_TEST(several_refused_rows_are_found)
{
	struct rig r;
	struct live *l;
	uint32_t e[301];

	rig_open(&r);
	l = add_live(&r);
	SQL(&r, "BEGIN");
	for (int i = 1; i <= 300; i++)
		e[i] = rig_device(&r, i);
	SQL(&r, "COMMIT");
	SQL(&r, "ALTER TABLE device_online ADD CHECK (device_id NOT IN (1, 2, 77, 300))");
	SQL(&r, "ALTER TABLE devices ADD CHECK (id <> 78 OR last_ping IS NULL)");
	for (int i = 1; i <= 300; i++)
		position(l, e[i], i, T0, 10, true);
	watched.job = live_job(l);
	watched.end = watched.job->turn.end;
	watched.job->turn.end = watched_end;
	rig_start(&r);
	settled(&r, l);
	ck_assert_int_gt(watched.errors, 5);
	ck_assert_str_eq(VALUE(&r, "SELECT count(*) FROM device_online"), "296");
	ck_assert_str_eq(
	    VALUE(&r, "SELECT count(*) FROM devices WHERE last_ping IS NOT NULL"), "295");
	ck_assert_uint_eq(stats_get(&r.stats->live_updates), 296);
	done(&r, l);
}
END_TEST

START_TEST(an_error_of_the_database_is_outlasted)
{
	struct rig r;
	struct live *l;

	rig_open(&r);
	l = add_live(&r);
	uint32_t e = rig_device(&r, 1);
	SQL(&r, "CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
		" RAISE disk_full; END $$; CREATE TRIGGER no BEFORE INSERT ON device_online"
		" FOR EACH ROW EXECUTE FUNCTION no(); CREATE SEQUENCE tried");
	rig_start(&r);
	connected(l, e, 1, 1000);
	position(l, e, 1, T0, 10, true);
	jobs_kick(live_job(l));
	rig_turn(&r);
	UNTIL(&r, live_pending(l));
	/*
	 * What comes meanwhile is folded into what waits: older records, and older ends of
	 * sessions.
	 */
	for (int i = 0; i < 20; i++) {
		position(l, e, 1, T0 - 1000 + i, 20 + i, true);
		disconnected(l, e, 1, 900, T0, "peer");
		rig_turn(&r);
	}
	position(l, e, 1, T0 + 1, 11, false);
	rig_turn(&r);
	SQL(&r, "DROP TRIGGER no ON device_online");
	settled(&r, l);
	ck_assert_str_eq(
	    VALUE(&r,
		"SELECT latitude || ' ' || io || ' ' || online || ' ' || (session_id - " SESSION_0
		")"
		" FROM device_online"),
	    "10 {\"239\": 11} true 1000");
	done(&r, l);
}
END_TEST

START_TEST(a_device_under_two_entries_is_written_once_at_a_time)
{
	struct rig r;
	struct live *l;

	rig_open(&r);
	l = add_live(&r);
	uint32_t e1 = rig_device(&r, 1), e2 = rig_device(&r, 2);
	/*
	 * Its IMEI was changed: the new entry has the id of the old one, which was forgotten by
	 * nobody.
	 */
	const struct device_row moved = {
	    .imei = IMEI(2), .id = 1, .present = true, .enabled = true, .codecs = CODEC_MAY_ALL};
	ck_assert_int_eq(
	    registry_apply(r.registry, &moved, registry_seq(r.registry), NULL), REGISTRY_OK);
	position(l, e1, 1, T0, 10, true);
	position(l, e2, 1, T0 + 1, 11, true);
	rig_start(&r);
	settled(&r, l);
	ck_assert_str_eq(VALUE(&r, "SELECT latitude FROM device_online"), "11");
	done(&r, l);
}
END_TEST

START_TEST(memory_of_a_storm_goes_back)
{
	struct rig r;
	struct live *l;
	static uint32_t e[5001];

	rig_open(&r);
	l = add_live(&r);
	SQL(&r, "BEGIN");
	for (int i = 1; i <= 5000; i++)
		e[i] = rig_device(&r, i);
	SQL(&r, "COMMIT");
	/* Some were written a moment ago, so they stay behind in an array that is much smaller. */
	for (int i = 1; i <= 5000; i++) {
		registry_set_flushed_ms(r.registry, e[i], i > 4900 ? clock_mono_ms() : 0);
		live_seen(l, e[i], i, T0);
	}
	rig_start(&r);
	settled(&r, l);
	ck_assert_str_eq(VALUE(&r, "SELECT count(*) FROM device_online"), "5000");
	done(&r, l);
}
END_TEST

START_TEST(a_goodbye_alone_may_be_refused)
{
	struct rig r;
	struct live *l;
	struct device_row gone = {.imei = IMEI(1)};

	rig_open(&r);
	l = add_live(&r);
	uint32_t e = rig_device(&r, 1);
	rig_start(&r);
	connected(l, e, 1, 1000);
	settled(&r, l);
	SQL(&r, "ALTER TABLE device_online ADD CHECK (online) NOT VALID");
	ck_assert_int_eq(
	    registry_apply(r.registry, &gone, registry_seq(r.registry), NULL), REGISTRY_OK);
	disconnected(l, e, 1, 1000, T0, "peer");
	settled(&r, l);
	ck_assert_str_eq(VALUE(&r, "SELECT online FROM device_online"), "t");
	done(&r, l);
}
END_TEST

/* The device of an entry was deleted and made anew: it has another id. */
static void
made_anew(struct rig *r, int n, int64_t id)
{
	const struct device_row row = {
	    .imei = IMEI(n), .id = id, .present = true, .enabled = true, .codecs = CODEC_MAY_ALL};

	ck_assert_int_eq(
	    registry_apply(r->registry, &row, registry_seq(r->registry), NULL), REGISTRY_OK);
}

START_TEST(a_device_that_was_made_anew_begins_anew)
{
	struct rig r;
	struct live *l;

	rig_open(&r);
	l = add_live(&r);
	uint32_t e1 = rig_device(&r, 1), e2 = rig_device(&r, 2);
	SQL(&r,
	    "INSERT INTO devices (id, imei) VALUES (10, '360000000000010'), (20, '360000000000020')");
	/* While it waits; and while it is being written. */
	position(l, e1, 1, T0, 10, true);
	made_anew(&r, 1, 10);
	position(l, e1, 10, T0 - 1, 11, true);
	rig_start(&r);
	settled(&r, l);
	ck_assert_str_eq(
	    VALUE(&r, "SELECT string_agg(device_id || ' ' || latitude, ',') FROM device_online"),
	    "10 11");
	SQL(&r, "BEGIN; LOCK TABLE device_online");
	position(l, e2, 2, T0, 10, true);
	rig_blocked(&r);
	made_anew(&r, 2, 20);
	position(l, e2, 20, T0 - 1, 11, true);
	UNTIL(&r,
	    SAYS(&r, "0", "SELECT count(*) FROM pg_locks WHERE NOT granted")); /* lock_timeout */
	SQL(&r, "COMMIT");
	settled(&r, l);
	ck_assert_str_eq(
	    VALUE(&r, "SELECT string_agg(device_id || ' ' || latitude, ',' ORDER BY device_id)"
		      " FROM device_online"),
	    "10 11,20 11");
	done(&r, l);
}
END_TEST

START_TEST(what_happens_during_a_write_that_fails_is_kept)
{
	struct rig r;
	struct live *l;

	rig_open(&r);
	l = add_live(&r);
	uint32_t e[6];
	for (int i = 1; i <= 5; i++)
		e[i] = rig_device(&r, i);
	rig_start(&r);
	SQL(&r, "BEGIN; LOCK TABLE device_online");
	for (int i = 1; i <= 5; i++)
		connected(l, e[i], i, 1000);
	position(l, e[2], 2, T0 + 5, 15, true);
	disconnected(l, e[5], 5, 1000, T0, "peer");
	rig_blocked(&r);
	/*
	 * 1: a newer session; 2: an older record and the end; 3: only a sign of life; 4: nothing.
	 */
	connected(l, e[1], 1, 2000);
	position(l, e[2], 2, T0, 10, true);
	disconnected(l, e[2], 2, 1000, T0 + 9, "peer");
	live_seen(l, e[3], 3, T0 + 7);
	disconnected(l, e[1], 1, 1000, T0, "peer");
	connected(l, e[5], 5, 3000);
	UNTIL(&r,
	    SAYS(&r, "0", "SELECT count(*) FROM pg_locks WHERE NOT granted")); /* lock_timeout */
	SQL(&r, "COMMIT");
	settled(&r, l);
	ck_assert_str_eq(
	    VALUE(&r, "SELECT string_agg(concat_ws(' ', device_id, session_id - " SESSION_0
		      ", online, latitude), ','"
		      " ORDER BY device_id) FROM device_online"),
	    "1 2000 t,2 1000 f 15,3 1000 t,4 1000 t,5 3000 t");
	/* A worker that is stopped in the middle of it holds nothing back. */
	SQL(&r, "BEGIN; LOCK TABLE device_online");
	position(l, e[1], 1, T0 + 20, 20, true);
	rig_blocked(&r);
	rig_stop(&r);
	live_free(l);
	SQL(&r, "ROLLBACK");
	rig_close(&r);
}
END_TEST

START_TEST(goodbyes_and_rows_in_one_turn)
{
	struct rig r;
	struct live *l;
	struct device_row gone = {.imei = IMEI(1)};

	rig_open(&r);
	l = add_live(&r);
	uint32_t e1 = rig_device(&r, 1), e2 = rig_device(&r, 2);
	rig_start(&r);
	connected(l, e1, 1, 1000);
	settled(&r, l);
	rig_stop(&r);
	ck_assert_int_eq(
	    registry_apply(r.registry, &gone, registry_seq(r.registry), NULL), REGISTRY_OK);
	disconnected(l, e1, 1, 1000, T0, "peer");
	connected(l, e2, 2, 2000);
	rig_start(&r);
	settled(&r, l);
	ck_assert_str_eq(
	    VALUE(&r, "SELECT string_agg(concat_ws(' ', device_id, online), ',' ORDER BY device_id)"
		      " FROM device_online"),
	    "1 f,2 t");
	ck_assert_uint_eq(stats_get(&r.stats->live_updates), 2);
	done(&r, l);
}
END_TEST

/* The test's connection holds the row of device 2, for ever; a deleted device says goodbye beside it. */
START_TEST(rows_that_somebody_holds_locked_are_left_out)
{
	struct rig r;
	struct live *l;
	uint32_t e[6];

	rig_open(&r);
	l = add_live(&r);
	for (int i = 1; i <= 5; i++)
		e[i] = rig_device(&r, i);
	rig_start(&r);
	for (int i = 1; i <= 5; i++)
		connected(l, e[i], i, 1000);
	settled(&r, l);
	SQL(&r, "BEGIN; SELECT FROM device_online WHERE device_id = 2 FOR UPDATE;"
		" SAVEPOINT pings; SELECT FROM devices FOR UPDATE");
	for (int i = 1; i <= 5; i++)
		position(l, e[i], i, T0, 10 + i, true);
	/* The lock of `devices` is another statement's, which skips them as well. */
	UNTIL(
	    &r, SAYS(&r, "1 3 4 5",
		    "SELECT string_agg(device_id::text, ' ' ORDER BY device_id) FROM device_online"
		    " WHERE latitude IS NOT NULL"));
	UNTIL(&r, stats_get(&r.stats->blocked_live_rows) == 1);
	ck_assert(live_pending(l));
	SQL(&r, "ROLLBACK TO pings");
	UNTIL(&r, SAYS(&r, "5", "SELECT count(last_ping) FROM devices"));
	/* The others go on beside it; that it is locked is not forgotten over batches that it isn't in. */
	for (int i = 1; i <= 4; i++) {
		registry_set_flushed_ms(r.registry, e[3], 0);
		position(l, e[3], 3, T0 + i, 20 + i, true);
		UNTIL(&r, atoi(VALUE(&r,
			      "SELECT latitude FROM device_online WHERE device_id = 3")) == 20 + i);
		rig_settle(&r, 0);
		ck_assert_uint_eq(stats_get(&r.stats->blocked_live_rows), 1);
	}
	SQL(&r, "ROLLBACK");
	settled(&r, l);
	ck_assert_str_eq(VALUE(&r, "SELECT latitude FROM device_online WHERE device_id = 2"), "12");
	UNTIL(&r, stats_get(&r.stats->blocked_live_rows) == 0);
	done(&r, l);
}
END_TEST

TCase *
live_limits_tests(void)
{
	TCase *t = tcase_create("live rows at their limits");

	tcase_add_test(t, devices_that_wait_are_bounded);
	tcase_add_test(t, bytes_that_wait_are_bounded);
	tcase_add_test(t, clocks_that_are_not_trusted_move_nothing);
	tcase_add_test(t, several_refused_rows_are_found);
	tcase_add_test(t, an_error_of_the_database_is_outlasted);
	tcase_add_test(t, a_device_under_two_entries_is_written_once_at_a_time);
	tcase_add_test(t, memory_of_a_storm_goes_back);
	tcase_add_test(t, a_goodbye_alone_may_be_refused);
	tcase_add_test(t, a_device_that_was_made_anew_begins_anew);
	tcase_add_test(t, what_happens_during_a_write_that_fails_is_kept);
	tcase_add_test(t, goodbyes_and_rows_in_one_turn);
	tcase_add_test(t, rows_that_somebody_holds_locked_are_left_out);
	return t;
}

/* The ledger of refused devices, orphans and upkeep against a real PostgreSQL. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "t/unit/worker/task/check_tasks.h"
#include "worker/task/dead_workers.h"
#include "worker/task/rejected.h"
#include "worker/task/partitions.h"

#define T0 INT64_C(1700000000000)
#define OWNER_BITS SHM_OWNER_BITS

/* ---- rejected_devices ---- */

static void
ledger_settled(struct rig *r, struct rejected *ledger)
{
	UNTIL(r, !tasks_is_busy(r->tasks, clock_mono_ms() + 600));
	(void)ledger;
}

START_TEST(refusals_are_folded)
{
	struct rig r;
	struct rejected *ledger;
	static const char sql[] =
	    "SELECT reason || ' ' || attempts || ' ' || host(last_remote_addr)"
	    " || ' ' || extract(epoch FROM first_seen_at - to_timestamp(1700000000)) || ' ' ||"
	    " extract(epoch FROM last_seen_at - to_timestamp(1700000000))"
	    " FROM rejected_devices WHERE imei = '350000000000001'";

	rig_open(&r);
	ledger = rejected_new(r.stats);
	rig_add(&r, rejected_task(ledger));
	rejected_note(ledger, IMEI(1), "unknown", "192.0.2.1", T0);
	rejected_note(ledger, IMEI(1), "unknown", "192.0.2.2", T0 + 1000);
	rejected_note(ledger, IMEI(2), "unknown", "fe80::1%eth0", T0);
	rejected_note(ledger, IMEI(3), "unknown", "no address", T0);
	rejected_note(ledger, UINT64_C(1), "unknown", NULL, T0);
	rig_start(&r);
	ledger_settled(&r, ledger);
	ck_assert_str_eq(VALUE(&r, sql), "unknown 2 192.0.2.2 0.000000 1.000000");
	ck_assert_str_eq(
	    VALUE(&r, "SELECT string_agg(imei || coalesce(host(last_remote_addr), '-'), ' '"
		      " ORDER BY imei) FROM rejected_devices"),
	    "000000000000001- 350000000000001192.0.2.2 350000000000002fe80::1 350000000000003-");
	/* The next time it is known, but disabled. */
	rejected_note(ledger, IMEI(1), "disabled", "192.0.2.3", T0 + 2000);
	ledger_settled(&r, ledger);
	ck_assert_str_eq(VALUE(&r, sql), "disabled 3 192.0.2.3 0.000000 2.000000");
	rig_stop(&r);
	rejected_free(ledger);
	rig_close(&r);
}
END_TEST

START_TEST(a_scanner_fills_neither_memory_nor_table)
{
	struct rig r;
	struct rejected *ledger;

	rig_open(&r);
	SQL(&r, "INSERT INTO rejected_devices SELECT (360000000000000 + i)::text, 'unknown',"
		" '2001-01-01', '2001-01-01'::timestamptz + make_interval(secs => i),"
		" CASE WHEN i <= 10 THEN 5 ELSE 1 END FROM generate_series(1, 12000) i");
	ledger = rejected_new(r.stats);
	rig_add(&r, rejected_task(ledger));
	for (int i = 0; i < 3000; i++)
		rejected_note(ledger, IMEI(i), "unknown", "192.0.2.1", T0);
	ck_assert_uint_eq(stats_get(&r.stats->rejected_dropped), 3000 - 2048);
	rejected_note(ledger, IMEI(1), "unknown", "192.0.2.1", T0); /* one that is held counts on */
	ck_assert_uint_eq(stats_get(&r.stats->rejected_dropped), 3000 - 2048);
	rig_start(&r);
	UNTIL(&r, SAYS(&r, "10000", "SELECT count(*) FROM rejected_devices"));
	/* Gone are the oldest of those that came once. */
	ck_assert_str_eq(
	    VALUE(&r, "SELECT count(*) FROM rejected_devices WHERE attempts = 5"), "10");
	ck_assert_str_eq(
	    VALUE(&r, "SELECT count(*) FROM rejected_devices WHERE imei LIKE '35%%'"), "2048");
	ck_assert_str_eq(VALUE(&r, "SELECT min(imei) FROM rejected_devices WHERE attempts = 1"
				   " AND imei LIKE '36%%'"),
	    "360000000004059");
	rig_stop(&r);
	rejected_free(ledger);
	rig_close(&r);
}
END_TEST

START_TEST(refusals_survive_a_lost_connection)
{
	struct rig r;
	struct rejected *ledger;

	rig_open(&r);
	ledger = rejected_new(r.stats);
	rig_add(&r, rejected_task(ledger));
	rig_start(&r);
	SQL(&r, "BEGIN; LOCK TABLE rejected_devices IN SHARE MODE");
	rejected_note(ledger, IMEI(1), "unknown", "192.0.2.1", T0);
	while (!SAYS(&r, "1", "SELECT count(*) FROM pg_locks WHERE NOT granted"))
		rig_turn(&r);
	rejected_note(ledger, IMEI(1), "unknown", "192.0.2.1", T0 + 1);
	SQL(&r, RIG_CUT);
	UNTIL(&r, !tasks_is_up(r.tasks));
	SQL(&r, "ROLLBACK");
	UNTIL(&r, SAYS(&r, "2", "SELECT sum(attempts) FROM rejected_devices"));
	rig_stop(&r);
	rejected_free(ledger);
	rig_close(&r);
}
END_TEST

/* ---- Orphans ---- */

static struct orphans *
add_orphans(struct rig *r, int worker)
{
	struct orphans *o = orphans_new(&(struct orphans_config){.registry = r->registry,
	    .gateway_id = "gw",
	    .worker = worker,
	    .nworkers = 2,
	    .born_session = registry_new_session(r->registry, 0, clock_wall_us())});

	ck_assert_ptr_nonnull(o);
	rig_add(r, orphans_task(o));
	return o;
}

/* A record in the history: `ago` seconds old, latitude and speed tell which one. */
static void
history(struct rig *r, int device, int ago, int degrees, bool valid)
{
	SQL(r,
	    "INSERT INTO device_positions (device_id, recorded_at, record_hash, received_at,"
	    " latitude, longitude, altitude, heading, satellites, speed, valid, priority,"
	    " event_io_id, codec, io) VALUES (%d, date_trunc('second', now()) - interval '1 second'"
	    " * %d, %d, now(), %d, 25, 1, 2, 3, %d, %s, 0, 0, 8, '{\"239\": %d}')",
	    device, ago, degrees, degrees, degrees, valid ? "true" : "false", degrees);
}

static int64_t
new_session(struct rig *r, uint32_t owner)
{
	return registry_new_session(r->registry, owner, clock_wall_us());
}

static void
orphans_settled(struct rig *r)
{
	UNTIL(r, !tasks_is_busy(r->tasks, clock_mono_ms()));
}

START_TEST(what_the_directory_knows)
{
	struct rig r;
	struct orphans *o;
	uint32_t dead = shm_owner(1, 0), alive = shm_owner(0, 0), e[6];
	int64_t session[6];

	rig_open(&r);
	for (int i = 1; i <= 5; i++) {
		e[i] = rig_device(&r, i);
		session[i] = new_session(&r, i == 5 ? alive : dead);
	}
	/* 1: its row lags behind; 2: never had a row; 3: only a mark, session closed; 4:
	 * reconnected to a living worker, with its old position unmoved; 5: not the dead one's. */
	SQL(&r,
	    "INSERT INTO device_online (device_id, recorded_at, latitude, last_record_at, io,"
	    " online, session_id, gateway, worker) SELECT i, now() - interval '1 hour', 1,"
	    " now() - interval '1 hour', '{}', true, s, 'gw', 1 FROM unnest(ARRAY[1, 3, 4, 5],"
	    " ARRAY[%lld, %lld, %lld, %lld]) AS t (i, s)",
	    (long long)session[1], (long long)session[3], (long long)session[4],
	    (long long)session[5]);
	SQL(&r, "UPDATE device_online SET online = false WHERE device_id = 3");
	for (int i = 1; i <= 5; i++) {
		history(&r, i, 100, 10, true);
		history(&r, i, 50, 11, true);
		history(&r, i, 20, 12, false);
		history(&r, i, -100000, 13, true);    /* a clock that is ahead by more than a day */
		history(&r, i, 1000000000, 14, true); /* and one in the nineties */
	}
	ck_assert_int_eq(registry_session_open(r.registry, e[1], session[1]), 0);
	ck_assert_int_eq(registry_session_open(r.registry, e[2], session[2]), 0);
	registry_set_dirty(r.registry, e[3], dead);
	ck_assert_int_eq(registry_session_open(r.registry, e[4], session[4]), 0);
	registry_set_dirty(r.registry, e[4], dead);
	session[0] = new_session(&r, alive);
	ck_assert_int_eq(registry_session_open(r.registry, e[4], session[0]), session[4]);
	registry_set_dirty(r.registry, e[4], alive);
	SQL(&r, "UPDATE device_online SET session_id = %lld WHERE device_id = 4",
	    (long long)session[0]);
	ck_assert_int_eq(registry_session_open(r.registry, e[5], session[5]), 0);

	o = add_orphans(&r, 1);
	orphans_add(o, dead);
	/* At once in the directory: the number is in use again. */
	ck_assert_int_eq(registry_session(r.registry, e[1]), 0);
	ck_assert_int_eq(registry_session(r.registry, e[5]), session[5]);
	rig_start(&r);
	orphans_settled(&r);
	ck_assert_str_eq(
	    VALUE(&r, "SELECT string_agg(device_id || ':' || latitude || ',' || speed || ',' ||"
		      " (io->>'239') || ',' || online, ' ' ORDER BY device_id) FROM device_online"
		      " WHERE device_id <= 4"),
	    "1:11,11,12,false 2:11,11,12,false 3:11,11,12,false 4:11,11,12,true");
	ck_assert_str_eq(VALUE(&r, "SELECT latitude || ' ' || online FROM device_online"
				   " WHERE device_id = 5"),
	    "1 true");
	ck_assert(SAYS(&r, "t",
	    "SELECT session_id = %lld AND gateway = 'gw' AND worker = 1 AND"
	    " connected_at BETWEEN now() - interval '1 minute' AND now() AND"
	    " disconnected_at BETWEEN now() - interval '1 minute' AND now()"
	    " FROM device_online WHERE device_id = 2",
	    (long long)session[2]));
	ck_assert_str_eq(
	    VALUE(&r, "SELECT count(*) FROM devices WHERE last_ping IS NOT NULL"), "4");
	rig_stop(&r);
	orphans_free(o);
	rig_close(&r);
}
END_TEST

START_TEST(what_only_the_table_knows)
{
	struct rig r;
	struct orphans *o;
	int64_t old[4], later;

	rig_open(&r);
	for (int i = 0; i < 4; i++)
		old[i] = new_session(&r, (uint32_t)i);
	/* A gateway that was killed as a whole: its directory is gone. Owner 2 is slot 1. */
	SQL(&r,
	    "INSERT INTO device_online (device_id, online, session_id, gateway, worker) VALUES"
	    " (1, true, %lld, 'gw', 1), (2, true, %lld, 'other', 1), (3, true, %lld, 'gw', 0),"
	    " (4, false, %lld, 'gw', 1)",
	    (long long)old[2], (long long)old[2], (long long)old[0], (long long)old[2]);
	SQL(&r,
	    "INSERT INTO device_online (device_id, online, session_id, gateway, worker)"
	    " SELECT i, true, %lld, 'gw', 1 FROM generate_series(1001, 1600) i",
	    (long long)old[2]);
	history(&r, 1, 10, 10, true);
	o = add_orphans(&r, 1);
	orphans_add(o, 2);
	/* Its successor's sessions are younger. */
	later = new_session(&r, 2);
	SQL(&r,
	    "INSERT INTO device_online (device_id, online, session_id, gateway, worker) VALUES"
	    " (5, true, %lld, 'gw', 1)",
	    (long long)later);
	rig_start(&r);
	orphans_settled(&r);
	ck_assert_str_eq(
	    VALUE(&r, "SELECT string_agg(device_id || ' ' || online, ', ' ORDER BY device_id)"
		      " FROM device_online WHERE device_id < 1000"),
	    "1 false, 2 true, 3 true, 4 false, 5 true");
	ck_assert_str_eq(VALUE(&r, "SELECT latitude FROM device_online WHERE device_id = 1"), "10");
	ck_assert_str_eq(VALUE(&r, "SELECT count(*) FROM device_online WHERE device_id > 1000"
				   " AND NOT online AND disconnected_at IS NOT NULL"),
	    "600");
	ck_assert_str_eq(
	    VALUE(&r, "SELECT disconnected_at FROM device_online WHERE device_id = 4"), "");
	rig_stop(&r);
	orphans_free(o);
	rig_close(&r);
}
END_TEST

START_TEST(slots_that_are_no_more)
{
	struct rig r;
	struct orphans *o;
	int64_t old = 0;

	rig_open(&r);
	old = new_session(&r, shm_owner(7, 1));
	SQL(&r,
	    "INSERT INTO device_online (device_id, online, session_id, gateway, worker) VALUES"
	    " (1, true, %lld, 'gw', 7), (2, true, %lld, 'gw', 1), (3, true, %lld, 'other', 7)",
	    (long long)old, (long long)old, (long long)old);
	o = add_orphans(&r, 0); /* two workers now */
	rig_start(&r);
	orphans_settled(&r);
	ck_assert_str_eq(
	    VALUE(&r, "SELECT string_agg(device_id || ' ' || online, ', ' ORDER BY device_id)"
		      " FROM device_online"),
	    "1 false, 2 true, 3 true");
	rig_stop(&r);
	orphans_free(o);
	rig_close(&r);
}
END_TEST

START_TEST(orphans_survive_a_lost_connection)
{
	struct rig r;
	struct orphans *o;
	uint32_t dead = shm_owner(1, 0);

	rig_open(&r);
	for (int i = 1; i <= 600; i++) {
		uint32_t e = rig_device(&r, i);

		ck_assert_int_eq(registry_session_open(r.registry, e, new_session(&r, dead)), 0);
	}
	o = add_orphans(&r, 1);
	rig_start(&r);
	SQL(&r, "BEGIN; LOCK TABLE device_online IN SHARE MODE");
	orphans_add(o, dead);
	while (!SAYS(&r, "1", "SELECT count(*) FROM pg_locks WHERE NOT granted"))
		rig_turn(&r);
	SQL(&r, RIG_CUT);
	UNTIL(&r, !tasks_is_up(r.tasks));
	SQL(&r, "ROLLBACK");
	UNTIL(&r, tasks_is_up(r.tasks));
	orphans_settled(&r);
	ck_assert_str_eq(VALUE(&r, "SELECT count(*) FROM device_online WHERE NOT online"), "600");
	rig_stop(&r);
	orphans_free(o);
	rig_close(&r);
}
END_TEST

/* ---- Upkeep ---- */

START_TEST(upkeep_goes_on_until_all_is_done)
{
	struct rig r;
	struct upkeep *u;

	rig_open(&r);
	u = upkeep_new(0, 30);
	rig_add(&r, upkeep_task(u));
	rig_start(&r);
	ck_assert(!tasks_is_busy(r.tasks, clock_mono_ms() + 60000)); /* no drain waits for it */
	UNTIL(&r, SAYS(&r, "43",
		      "SELECT count(*) FROM pg_class WHERE relkind = 'r'"
		      " AND relname ~ '^device_positions_[0-9]{8}$'"));
	rig_stop(&r);
	upkeep_free(u);
	rig_close(&r);
}
END_TEST

TCase *
rest_tests(void)
{
	TCase *t = tcase_create("ledger, orphans, upkeep");

	tcase_add_test(t, refusals_are_folded);
	tcase_add_test(t, a_scanner_fills_neither_memory_nor_table);
	tcase_add_test(t, refusals_survive_a_lost_connection);
	tcase_add_test(t, what_the_directory_knows);
	tcase_add_test(t, what_only_the_table_knows);
	tcase_add_test(t, slots_that_are_no_more);
	tcase_add_test(t, orphans_survive_a_lost_connection);
	tcase_add_test(t, upkeep_goes_on_until_all_is_done);
	return t;
}

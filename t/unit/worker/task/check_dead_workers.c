/* What dead workers left, against a real PostgreSQL. */
#include <string.h>

#include "t/unit/worker/task/rig.h"
#include "worker/task/dead_workers.h"

static struct dead_workers *
add_dead_workers(struct rig *r, int worker)
{
	struct dead_workers *d =
	    dead_workers_new(&(struct dead_workers_config){.registry = r->registry,
		.gateway_id = "gw",
		.worker = worker,
		.nworkers = 2,
		.born_session = registry_new_session(r->registry, 0, db_clock_us())});

	ck_assert_ptr_nonnull(d);
	rig_add(r, dead_workers_job(d));
	return d;
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
	return registry_new_session(r->registry, owner, db_clock_us());
}

START_TEST(what_the_directory_knows)
{
	struct rig r;
	struct dead_workers *d;
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
		history(&r, i, -660, 15, true);	      /* ... by eleven minutes */
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

	d = add_dead_workers(&r, 1);
	dead_workers_add(d, dead);
	/* At once in the directory: the number is in use again. */
	ck_assert_int_eq(registry_session(r.registry, e[1]), 0);
	ck_assert_int_eq(registry_session(r.registry, e[5]), session[5]);
	rig_start(&r);
	rig_settle(&r, 0);
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
	dead_workers_free(d);
	rig_close(&r);
}
END_TEST

START_TEST(what_only_the_table_knows)
{
	struct rig r;
	struct dead_workers *d;
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
	d = add_dead_workers(&r, 1);
	dead_workers_add(d, 2);
	/* Its successor's sessions are younger. */
	later = new_session(&r, 2);
	SQL(&r,
	    "INSERT INTO device_online (device_id, online, session_id, gateway, worker) VALUES"
	    " (5, true, %lld, 'gw', 1)",
	    (long long)later);
	rig_start(&r);
	rig_settle(&r, 0);
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
	dead_workers_free(d);
	rig_close(&r);
}
END_TEST

START_TEST(slots_that_are_no_more)
{
	struct rig r;
	struct dead_workers *d;
	int64_t old = 0;

	rig_open(&r);
	old = new_session(&r, shm_owner(7, 1));
	SQL(&r,
	    "INSERT INTO device_online (device_id, online, session_id, gateway, worker) VALUES"
	    " (1, true, %lld, 'gw', 7), (2, true, %lld, 'gw', 1), (3, true, %lld, 'other', 7)",
	    (long long)old, (long long)old, (long long)old);
	d = add_dead_workers(&r, 0); /* two workers now */
	rig_start(&r);
	rig_settle(&r, 0);
	ck_assert_str_eq(
	    VALUE(&r, "SELECT string_agg(device_id || ' ' || online, ', ' ORDER BY device_id)"
		      " FROM device_online"),
	    "1 false, 2 true, 3 true");
	rig_stop(&r);
	dead_workers_free(d);
	rig_close(&r);
}
END_TEST

START_TEST(they_survive_a_lost_connection)
{
	struct rig r;
	struct dead_workers *d;
	uint32_t dead = shm_owner(1, 0);

	rig_open(&r);
	for (int i = 1; i <= 600; i++) {
		uint32_t e = rig_device(&r, i);

		ck_assert_int_eq(registry_session_open(r.registry, e, new_session(&r, dead)), 0);
	}
	d = add_dead_workers(&r, 1);
	rig_start(&r);
	SQL(&r, "BEGIN; LOCK TABLE device_online IN SHARE MODE");
	dead_workers_add(d, dead);
	rig_blocked(&r);
	SQL(&r, RIG_CUT);
	UNTIL(&r, !jobs_is_up(r.jobs));
	SQL(&r, "ROLLBACK");
	UNTIL(&r, jobs_is_up(r.jobs));
	rig_settle(&r, 0);
	ck_assert_str_eq(VALUE(&r, "SELECT count(*) FROM device_online WHERE NOT online"), "600");
	rig_stop(&r);
	dead_workers_free(d);
	rig_close(&r);
}
END_TEST

START_TEST(refused_rows_hold_up_no_other)
{
	struct rig r;
	struct dead_workers *d;
	uint32_t dead = shm_owner(1, 0);

	rig_open(&r);
	SQL(&r, "ALTER TABLE device_online ADD CHECK (device_id NOT IN (2, 9))");
	for (int i = 1; i <= 10; i++)
		ck_assert_int_eq(
		    registry_session_open(r.registry, rig_device(&r, i), new_session(&r, dead)), 0);
	d = add_dead_workers(&r, 1);
	dead_workers_add(d, dead);
	rig_start(&r);
	rig_settle(&r, 0);
	ck_assert_str_eq(VALUE(&r, "SELECT string_agg(device_id::text, ' ' ORDER BY device_id)"
				   " FROM device_online"),
	    "1 3 4 5 6 7 8 10");
	rig_stop(&r);
	dead_workers_free(d);
	rig_close(&r);
}
END_TEST

/* Somebody holds a live row: the others go, and that one goes when it is free. */
START_TEST(locked_rows_come_later)
{
	struct rig r;
	struct dead_workers *d;
	PGconn *other;

	rig_open(&r);
	for (int i = 1; i <= 3; i++) {
		uint32_t e = rig_device(&r, i);
		int64_t session = new_session(&r, shm_owner(1, 0));

		ck_assert_int_eq(registry_session_open(r.registry, e, session), 0);
		SQL(&r,
		    "INSERT INTO device_online (device_id, online, session_id, gateway, worker)"
		    " VALUES (%d, true, %lld, 'gw', 1)",
		    i, (long long)session);
	}
	other = pg_fixture_connect(r.url);
	pg_fixture_exec(other, "BEGIN; SELECT FROM device_online WHERE device_id = 2 FOR UPDATE");
	d = add_dead_workers(&r, 1);
	dead_workers_add(d, shm_owner(1, 0));
	rig_start(&r);
	UNTIL(&r, SAYS(&r, "1 3",
		      "SELECT string_agg(device_id::text, ' ' ORDER BY device_id)"
		      " FROM device_online WHERE NOT online"));
	rig_settle(&r, 0);
	ck_assert_str_eq(VALUE(&r, "SELECT online FROM device_online WHERE device_id = 2"), "t");
	pg_fixture_exec(other, "ROLLBACK");
	UNTIL(&r, SAYS(&r, "0", "SELECT count(*) FROM device_online WHERE online"));
	PQfinish(other);
	rig_stop(&r);
	dead_workers_free(d);
	rig_close(&r);
}
END_TEST

START_TEST(two_dead_workers_of_one_device)
{
	struct rig r;
	struct dead_workers *d;
	uint32_t first = shm_owner(1, 0), second = shm_owner(1, 1);

	rig_open(&r);
	uint32_t e = rig_device(&r, 1);
	history(&r, 1, 10, 10, true);
	int64_t session = new_session(&r, second);
	ck_assert_int_eq(registry_session_open(r.registry, e, session), 0);
	registry_set_dirty(r.registry, e, first);
	d = add_dead_workers(&r, 1);
	dead_workers_add(d, second);
	dead_workers_add(d, first);
	dead_workers_add(d, 1 << SHM_OWNER_BITS); /* nobody's number */
	rig_start(&r);
	rig_settle(&r, 0);
	ck_assert(SAYS(&r, "t",
	    "SELECT latitude = 10 AND NOT online AND session_id = %lld"
	    " FROM device_online",
	    (long long)session));
	rig_stop(&r);
	dead_workers_free(d);
	rig_close(&r);
}
END_TEST

START_TEST(a_second_death_during_the_scan)
{
	struct rig r;
	struct dead_workers *d;
	uint32_t dead = shm_owner(1, 0);

	rig_open(&r);
	d = add_dead_workers(&r, 1);
	rig_start(&r);
	SQL(&r, "BEGIN; LOCK TABLE device_online");
	dead_workers_add(d, dead);
	rig_blocked(&r);
	/* The successor died as well: the scan that waits would not find what it left. */
	int64_t session = new_session(&r, dead);
	dead_workers_add(d, dead);
	SQL(&r,
	    "INSERT INTO device_online (device_id, online, session_id, gateway, worker) VALUES"
	    " (1, true, %lld, 'gw', 1)",
	    (long long)session);
	SQL(&r, "COMMIT");
	rig_settle(&r, 0);
	ck_assert_str_eq(VALUE(&r, "SELECT online FROM device_online"), "f");
	rig_stop(&r);
	dead_workers_free(d);
	rig_close(&r);
}
END_TEST

TCase *
dead_workers_tests(void)
{
	TCase *t = tcase_create("dead workers");

	tcase_add_test(t, what_the_directory_knows);
	tcase_add_test(t, what_only_the_table_knows);
	tcase_add_test(t, slots_that_are_no_more);
	tcase_add_test(t, they_survive_a_lost_connection);
	tcase_add_test(t, refused_rows_hold_up_no_other);
	tcase_add_test(t, locked_rows_come_later);
	tcase_add_test(t, two_dead_workers_of_one_device);
	tcase_add_test(t, a_second_death_during_the_scan);
	return t;
}

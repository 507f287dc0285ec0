/* Live rows against a real PostgreSQL: what is folded, what may move, what is fenced. */
#include <stdlib.h>
#include <string.h>

#include "t/unit/worker/task/live_rig.h"

START_TEST(a_whole_session_in_one_fold)
{
	struct rig r;
	struct live *l;

	rig_open(&r);
	l = add_live(&r);
	uint32_t e = rig_device(&r, 1);
	connected(l, e, 1, 1000);
	position(l, e, 1, T0 + 1000, 10, true);
	position(l, e, 1, T0 + 3000, 12, false);
	position(l, e, 1, T0 + 2000, 11, true);
	disconnected(l, e, 1, 1000, T0 + 5000, "peer");
	ck_assert(live_pending(l));
	rig_start(&r);
	settled(&r, l);
	ck_assert_str_eq(
	    VALUE(&r,
		"SELECT latitude || ' ' || longitude || ' ' || speed || ' ' ||"
		" satellites || ' ' || valid || ' ' || record_hash || ' ' || codec || ' ' ||"
		" priority || ' ' || event_io_id || ' ' || altitude || ' ' || heading || ' ' ||"
		" (generation_type IS NULL) FROM device_online WHERE device_id = 1"),
	    "11 25 11 9 true 11 8 0 0 0 0 true");
	ck_assert_str_eq(
	    VALUE(&r,
		"SELECT extract(epoch FROM recorded_at - to_timestamp(1700000000))"
		" || ' ' || extract(epoch FROM received_at - recorded_at) FROM device_online"),
	    "2.000000 0.000000");
	/* The newest record has no fix: its elements and its time, not its place. */
	ck_assert_str_eq(VALUE(&r, "SELECT io FROM device_online"), "{\"239\": 12}");
	ck_assert_str_eq(VALUE(&r, "SELECT extract(epoch FROM last_record_at - recorded_at)"
				   " FROM device_online"),
	    "1.000000");
	ck_assert_str_eq(
	    VALUE(&r,
		"SELECT online || ' ' || (session_id - " SESSION_0
		") || ' ' || host(remote_addr) ||"
		" ' ' || gateway || ' ' || worker || ' ' || extract(epoch FROM disconnected_at -"
		" connected_at) || ' ' || extract(epoch FROM last_seen_at - connected_at)"
		" FROM device_online"),
	    "false 1000 192.0.2.7 gw 0 5.000000 3.000000");
	ck_assert_str_eq(VALUE(&r, "SELECT extract(epoch FROM last_ping - to_timestamp(1700000000))"
				   " FROM devices"),
	    "3.000000");
	ck_assert_uint_eq(stats_get(&r.stats->live_updates), 1);
	done(&r, l);
}
END_TEST

START_TEST(moves_only_forward)
{
	struct rig r;
	struct live *l;

	rig_open(&r);
	l = add_live(&r);
	uint32_t e = rig_device(&r, 1);
	rig_start(&r);
	position(l, e, 1, T0 + 10000, 20, true);
	settled(&r, l);
	position(l, e, 1, T0 + 5000, 15, true);	 /* an old one from the tracker's memory */
	position(l, e, 1, T0 + 10000, 30, true); /* as old: the first one stays */
	settled(&r, l);
	ck_assert_str_eq(
	    VALUE(&r, "SELECT latitude || ' ' || io FROM device_online"), "20 {\"239\": 20}");
	ck_assert_str_eq(VALUE(&r, "SELECT extract(epoch FROM last_ping - to_timestamp(1700000000))"
				   " FROM devices"),
	    "10.000000");
	SQL(&r, "UPDATE devices SET last_ping = '2024-01-01Z'");
	position(l, e, 1, T0 + 11000, 21, true);
	settled(&r, l);
	ck_assert_str_eq(
	    VALUE(&r, "SELECT latitude || ' ' || io FROM device_online"), "21 {\"239\": 21}");
	ck_assert_str_eq(VALUE(&r, "SELECT last_ping = '2024-01-01Z' FROM devices"), "t");
	done(&r, l);
}
END_TEST

/* Why sessions ended, in a row, over folds and writes; also of one that a newer one has replaced. */
START_TEST(ends_are_counted)
{
	static const char reason[] = "idle", other[] = "takeover";
	static const char sql[] =
	    "SELECT concat_ws(' ', disconnect_reason, disconnects_in_row, online,"
	    " disconnects_since IS NOT NULL) FROM device_online";
	struct rig r;
	struct live *l;

	rig_open(&r);
	l = add_live(&r);
	uint32_t e = rig_device(&r, 1);
	rig_start(&r);
	connected(l, e, 1, 1000);
	settled(&r, l);
	ck_assert_str_eq(VALUE(&r, sql), "t f");
	disconnected(l, e, 1, 1000, T0 + 9, reason);
	connected(l, e, 1, 2000);
	disconnected(l, e, 1, 2000, T0 + 10, reason);
	settled(&r, l);
	ck_assert_str_eq(VALUE(&r, sql), "idle 2 f t");
	SQL(&r, "UPDATE device_online SET disconnects_since = '2020-01-01Z'");
	connected(l, e, 1, 3000);
	disconnected(l, e, 1, 3000, T0 + 11, reason);
	settled(&r, l);
	ck_assert_str_eq(VALUE(&r, sql), "idle 3 f t");
	ck_assert_str_eq(
	    VALUE(&r, "SELECT disconnects_since = '2020-01-01Z' FROM device_online"), "t");
	/* Another reason begins anew. */
	connected(l, e, 1, 4000);
	connected(l, e, 1, 5000);
	disconnected(l, e, 1, 4000, T0 + 12, other);
	settled(&r, l);
	ck_assert_str_eq(VALUE(&r, sql), "takeover 1 t t");
	ck_assert_str_eq(
	    VALUE(&r, "SELECT disconnects_since > '2020-01-01Z' FROM device_online"), "t");
	/* What can't be written waits, and what ends meanwhile is counted behind it. */
	SQL(&r, "BEGIN; LOCK TABLE device_online IN SHARE MODE");
	disconnected(l, e, 1, 4500, T0 + 13, other);
	rig_blocked(&r);
	disconnected(l, e, 1, 4600, T0 + 14, other);
	SQL(&r, RIG_CUT);
	UNTIL(&r, !jobs_is_up(r.jobs));
	disconnected(l, e, 1, 5000, T0 + 15, other);
	SQL(&r, "ROLLBACK");
	settled(&r, l);
	ck_assert_str_eq(VALUE(&r, sql), "takeover 4 f t");
	done(&r, l);
}
END_TEST

START_TEST(sessions_are_fenced)
{
	struct rig r;
	struct live *l;
	static const char sql[] =
	    "SELECT online || ' ' || (session_id - " SESSION_0 ") FROM device_online";

	rig_open(&r);
	l = add_live(&r);
	uint32_t e = rig_device(&r, 1);
	rig_start(&r);
	connected(l, e, 1, 1000);
	settled(&r, l);
	ck_assert_str_eq(VALUE(&r, sql), "true 1000");
	/* The newer one comes first, then the late goodbye of the older, in one fold or in two. */
	connected(l, e, 1, 2000);
	disconnected(l, e, 1, 1000, T0 + 9, "peer");
	settled(&r, l);
	ck_assert_str_eq(VALUE(&r, sql), "true 2000");
	disconnected(l, e, 1, 1000, T0 + 10, "peer");
	settled(&r, l);
	ck_assert_str_eq(VALUE(&r, sql), "true 2000");
	ck_assert_str_eq(VALUE(&r, "SELECT disconnected_at FROM device_online"), "");
	/* Another gateway has a newer session: neither our start nor our end touches it. */
	SQL(&r, "UPDATE device_online SET session_id = " SESSION_0 " + 5000, gateway = 'other'");
	disconnected(l, e, 1, 2000, T0 + 11, "peer");
	settled(&r, l);
	connected(l, e, 1, 3000);
	settled(&r, l);
	ck_assert_str_eq(VALUE(&r, sql), "true 5000");
	ck_assert_str_eq(VALUE(&r, "SELECT gateway FROM device_online"), "other");
	/* Ended and begun anew, in one fold. */
	connected(l, e, 1, 6000);
	settled(&r, l);
	disconnected(l, e, 1, 6000, T0 + 12, "peer");
	connected(l, e, 1, 7000);
	settled(&r, l);
	ck_assert_str_eq(VALUE(&r, sql), "true 7000");
	disconnected(l, e, 1, 7000, T0 + 13, "peer");
	settled(&r, l);
	ck_assert_str_eq(VALUE(&r, sql), "false 7000");
	/* A goodbye whose beginning was never written. */
	uint32_t e2 = rig_device(&r, 2);
	disconnected(l, e2, 2, 100, T0, "peer");
	settled(&r, l);
	ck_assert_str_eq(VALUE(&r, "SELECT online FROM device_online WHERE device_id = 2"), "f");
	done(&r, l);
}
END_TEST

START_TEST(once_a_second_and_soon)
{
	struct rig r;
	struct live *l;
	int64_t begin, last, now;
	int degrees = 0;

	rig_open(&r);
	l = add_live(&r);
	uint32_t e = rig_device(&r, 1);
	rig_start(&r);
	begin = last = clock_mono_ms();
	do {
		now = clock_mono_ms();
		if (now - last >= 50 && degrees < 80) {
			position(l, e, 1, T0 + now - begin, ++degrees, true);
			last = now;
		}
		rig_turn(&r);
	} while (now - begin < 2500);
	settled(&r, l);
	now = clock_mono_ms();
	uint64_t updates = stats_get(&r.stats->live_updates);
	ck_assert_uint_ge(updates, 2);
	ck_assert_uint_le(updates, 1 + (uint64_t)(now - begin) / 950);
	ck_assert(SAYS(&r, "t", "SELECT latitude = %d FROM device_online", degrees));
	done(&r, l);
}
END_TEST

START_TEST(locked_rows_are_tried_again)
{
	struct rig r;
	struct live *l;
	PGconn *web;

	rig_open(&r);
	l = add_live(&r);
	uint32_t e1 = rig_device(&r, 1), e2 = rig_device(&r, 2);
	web = pg_fixture_connect(r.url);
	pg_fixture_exec(web, "BEGIN; UPDATE devices SET name = 'van' WHERE id = 1");
	rig_start(&r);
	position(l, e1, 1, T0, 10, true);
	position(l, e2, 2, T0, 10, true);
	UNTIL(&r, SAYS(&r, "1", "SELECT count(*) FROM devices WHERE last_ping IS NOT NULL"));
	ck_assert_str_eq(VALUE(&r, "SELECT id FROM devices WHERE last_ping IS NOT NULL"), "2");
	ck_assert_str_eq(VALUE(&r, "SELECT count(*) FROM device_online"), "2");
	ck_assert(live_pending(l));
	pg_fixture_exec(web, "COMMIT");
	settled(&r, l);
	ck_assert_str_eq(
	    VALUE(&r, "SELECT count(*) FROM devices WHERE last_ping IS NOT NULL"), "2");
	ck_assert_str_eq(VALUE(&r, "SELECT name FROM devices WHERE id = 1"), "van");
	PQfinish(web);
	done(&r, l);
}
END_TEST

/*
 * Somebody holds the device's row, so its last_ping is tried again; but then another worker has written it, and of all
 * whose turn it is nobody has anything to send.
 */
START_TEST(a_turn_without_anything_to_send)
{
	struct rig r;
	struct live *l;
	struct job *job;
	PGconn *web;
	int64_t now;

	rig_open(&r);
	l = add_live(&r);
	job = live_job(l);
	uint32_t e = rig_device(&r, 1);
	web = pg_fixture_connect(r.url);
	pg_fixture_exec(web, "BEGIN; UPDATE devices SET name = 'van' WHERE id = 1");
	rig_start(&r);
	position(l, e, 1, T0, 10, true);
	UNTIL(&r, SAYS(&r, "1", "SELECT count(*) FROM device_online"));
	UNTIL(&r, !job->due(l, clock_mono_ms()));
	now = clock_mono_ms();
	registry_set_pinged_ms(r.registry, e, now + 60000);
	ck_assert(!job->due(l, now + 5000));
	/* It waits, and is there when the interval is over. */
	ck_assert(live_pending(l));
	now = registry_pinged_ms(r.registry, e);
	ck_assert(!job->due(l, now - 1));
	ck_assert(job->due(l, now));
	pg_fixture_exec(web, "COMMIT");
	UNTIL(&r, SAYS(&r, "1", "SELECT count(*) FROM devices WHERE last_ping IS NOT NULL"));
	PQfinish(web);
	settled(&r, l);
	done(&r, l);
}
END_TEST

START_TEST(nothing_is_lost_with_the_connection)
{
	struct rig r;
	struct live *l;

	rig_open(&r);
	l = add_live(&r);
	uint32_t e = rig_device(&r, 1);
	rig_start(&r);
	SQL(&r, "BEGIN; LOCK TABLE device_online IN SHARE MODE");
	connected(l, e, 1, 1000);
	position(l, e, 1, T0, 10, true);
	rig_blocked(&r);
	/* Written to while it is under way: both must come out. */
	position(l, e, 1, T0 + 1, 11, false);
	disconnected(l, e, 1, 1000, T0 + 2, "peer");
	SQL(&r, RIG_CUT);
	UNTIL(&r, !jobs_is_up(r.jobs));
	ck_assert(live_pending(l));
	SQL(&r, "ROLLBACK");
	UNTIL(&r, jobs_is_up(r.jobs));
	settled(&r, l);
	ck_assert_str_eq(
	    VALUE(&r,
		"SELECT latitude || ' ' || io || ' ' || online || ' ' || (session_id - " SESSION_0
		")"
		" || ' ' || host(remote_addr) FROM device_online"),
	    "10 {\"239\": 11} false 1000 192.0.2.7");
	done(&r, l);
}
END_TEST

START_TEST(large_fleets_and_hot_updates)
{
	struct rig r;
	struct live *l;
	static uint32_t entries[5001];

	rig_open(&r);
	l = add_live(&r);
	SQL(&r, "BEGIN");
	for (int i = 1; i <= 5000; i++)
		entries[i] = rig_device(&r, i);
	SQL(&r, "COMMIT");
	rig_start(&r);
	for (int round = 0; round < 3; round++) {
		for (int i = 5000; i >= 1; i--)
			position(l, entries[i], i, T0 + round, 10 + round, true);
		settled(&r, l);
	}
	ck_assert_str_eq(
	    VALUE(&r, "SELECT count(*) FROM device_online WHERE latitude = 12"), "5000");
	ck_assert_str_eq(
	    VALUE(&r, "SELECT count(*) FROM devices WHERE last_ping IS NOT NULL"), "5000");
	ck_assert_uint_eq(stats_get(&r.stats->live_updates), 15000);
	/* The next worker finds nothing left to do. */
	uint32_t cursor = 0;
	int64_t session;
	ck_assert_uint_eq(
	    registry_next_of_dead(r.registry, OWNER, &cursor, &session), REGISTRY_NONE);
	rig_stop(&r); /* the server counts when the connection has gone */
	UNTIL(&r, SAYS(&r, "t",
		      "SELECT n_tup_upd = 10000 AND n_tup_hot_upd >= 9000"
		      " FROM pg_stat_user_tables WHERE relname = 'device_online'"));
	done(&r, l);
}
END_TEST

START_TEST(deleted_devices_get_no_row)
{
	struct rig r;
	struct live *l;
	struct device_row gone = {.imei = IMEI(2)};

	rig_open(&r);
	l = add_live(&r);
	uint32_t e1 = rig_device(&r, 1), e2 = rig_device(&r, 2), e3 = rig_device(&r, 3);
	rig_start(&r);
	connected(l, e1, 1, 1000);
	settled(&r, l);
	/* One that had a row and one that never had; and one whose row was made anew with a new id.
	 */
	gone.imei = IMEI(1);
	ck_assert_int_eq(
	    registry_apply(r.registry, &gone, registry_seq(r.registry), NULL), REGISTRY_OK);
	gone.imei = IMEI(2);
	ck_assert_int_eq(
	    registry_apply(r.registry, &gone, registry_seq(r.registry), NULL), REGISTRY_OK);
	disconnected(l, e1, 1, 1000, T0, "peer");
	connected(l, e2, 2, 2000);
	disconnected(l, e2, 2, 2000, T0, "peer");
	position(l, e3, 30, T0, 10, true);
	settled(&r, l);
	ck_assert_str_eq(VALUE(&r, "SELECT string_agg(device_id || ' ' || online, ',')"
				   " FROM device_online"),
	    "1 false");
	done(&r, l);
}
END_TEST

START_TEST(one_refused_row_holds_up_nobody)
{
	struct rig r;
	struct live *l;

	rig_open(&r);
	l = add_live(&r);
	SQL(&r, "ALTER TABLE device_online ADD CHECK (device_id <> 3)");
	for (int i = 1; i <= 5; i++)
		position(l, rig_device(&r, i), i, T0, 10, true);
	rig_start(&r);
	settled(&r, l);
	ck_assert_str_eq(VALUE(&r, "SELECT string_agg(device_id::text, ',' ORDER BY device_id)"
				   " FROM device_online"),
	    "1,2,4,5");
	done(&r, l);
}
END_TEST

TCase *
live_tests(void)
{
	TCase *t = tcase_create("live rows");

	tcase_add_test(t, a_whole_session_in_one_fold);
	tcase_add_test(t, moves_only_forward);
	tcase_add_test(t, sessions_are_fenced);
	tcase_add_test(t, ends_are_counted);
	tcase_add_test(t, once_a_second_and_soon);
	tcase_add_test(t, locked_rows_are_tried_again);
	tcase_add_test(t, a_turn_without_anything_to_send);
	tcase_add_test(t, nothing_is_lost_with_the_connection);
	tcase_add_test(t, large_fleets_and_hot_updates);
	tcase_add_test(t, deleted_devices_get_no_row);
	tcase_add_test(t, one_refused_row_holds_up_nobody);
	return t;
}

int
main(void)
{
	TCase *cases[] = {live_tests(), live_limits_tests(), live_ahead_tests()};

	return rig_main("worker/task: live", cases, 3);
}

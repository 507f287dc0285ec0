/* Gateways on one database: who lives, who is refused, whose sessions are over; and sessions that moved. */
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "t/unit/worker/task/rig.h"
#include "worker/task/gateways.h"
#include "worker/task/sessions.h"

static struct rig r;
static struct gateways *g;
static struct sessions *s;

static void
open_rig(void)
{
	rig_open(&r);
	db_clock_share(&r.shm.header->clock);
}

static void
begin(void)
{
	g = gateways_new(r.registry, r.shm.header, "one");
	s = sessions_new(r.registry, r.shm.header, "one");
	ck_assert(g != NULL && s != NULL);
	rig_add(&r, gateways_job(g));
	rig_add(&r, sessions_job(s));
	rig_start(&r);
	rig_settle(&r, 0);
}

static void
end(void)
{
	rig_stop(&r);
	gateways_free(g);
	sessions_free(s);
	rig_close(&r);
	db_clock_share(NULL);
}

/* It comes up anew, and so says at once that it lives. */
static void
beat(void)
{
	rig_cut(&r);
	rig_settle(&r, 0);
}

START_TEST(says_that_it_lives)
{
	int64_t ahead;

	begin();
	ck_assert_str_eq(VALUE(&r,
			     "SELECT id || ' ' || (instance = %lld) || ' ' || (sweep_at IS NULL) ||"
			     " ' ' || (abs(extract(epoch FROM clock_ahead)) < 60) FROM gateways",
			     (long long)r.shm.header->instance),
	    "one true true true");
	ck_assert_uint_eq(r.shm.header->gateways, 1);
	ck_assert(db_clock_ahead_us(&ahead));
	ck_assert(llabs(ahead) < 60000000);
	SQL(&r, "UPDATE gateways SET seen_at = now() - interval '1 hour', clock_ahead = NULL;"
		" INSERT INTO gateways (id, instance, seen_at) VALUES ('two', 5, now())");
	beat();
	ck_assert_str_eq(
	    VALUE(&r, "SELECT seen_at > now() - interval '1 minute' AND clock_ahead IS NOT NULL"
		      " FROM gateways WHERE id = 'one'"),
	    "t");
	ck_assert_uint_eq(r.shm.header->gateways, 2);
	ck_assert_uint_eq(r.shm.header->announcements, 0);
	end();
}
END_TEST

START_TEST(a_silent_one_has_nobody_online)
{
	SQL(&r,
	    "INSERT INTO gateways (id, instance, seen_at) VALUES ('two', 5, now() - interval '61 s'),"
	    " ('three', 6, now() - interval '30 s'), ('old', 7, now() - interval '40 days');"
	    " UPDATE gateways SET sweep_at = 'infinity' WHERE id = 'old'");
	SQL(&r,
	    "INSERT INTO device_online (device_id, online, gateway, session_id, connected_at)"
	    " SELECT i, true, CASE WHEN i %% 10 = 0 THEN 'three' ELSE 'two' END, i, now() - interval '1 hour'"
	    " FROM generate_series(1, 30000) AS i");
	begin();
	ck_assert_str_eq(
	    VALUE(&r, "SELECT count(*) || ' ' || count(*) FILTER (WHERE online) || ' ' ||"
		      " bool_and(online = (disconnected_at IS NULL)) FROM device_online"),
	    "30000 3000 true");
	ck_assert_str_eq(
	    VALUE(&r,
		"SELECT string_agg(id || ' ' || coalesce(sweep_at::text, '-'), ', ' ORDER BY id)"
		" FROM gateways"),
	    "one -, three -, two infinity");
	end();
}
END_TEST

START_TEST(one_that_comes_back_in_between_keeps_them)
{
	PGconn *other = pg_fixture_connect(r.url);

	SQL(&r,
	    "INSERT INTO gateways (id, instance, seen_at) VALUES ('two', 5, now() - interval '61 s')");
	SQL(&r, "INSERT INTO device_online (device_id, online, gateway) VALUES (1, true, 'two')");
	/* Another gateway is about to take it; then it says that it lives. */
	pg_fixture_exec(other, "BEGIN; SELECT FROM gateways WHERE id = 'two' FOR UPDATE");
	begin();
	ck_assert_str_eq(VALUE(&r, "SELECT online FROM device_online"), "t");
	pg_fixture_exec(other, "UPDATE gateways SET seen_at = now() WHERE id = 'two'; COMMIT");
	beat();
	ck_assert_str_eq(VALUE(&r, "SELECT online FROM device_online"), "t");
	PQfinish(other);
	end();
}
END_TEST

START_TEST(taken_for_dead)
{
	begin();
	SQL(&r, "UPDATE gateways SET seen_at = now() - interval '61 s', sweep_at = 'infinity'");
	beat();
	ck_assert_uint_eq(r.shm.header->announcements, 1);
	ck_assert_str_eq(VALUE(&r, "SELECT sweep_at IS NULL FROM gateways"), "t");
	end();
}
END_TEST

/* An id that another instance has: refused while that lives, with a sentence. */
START_TEST(one_instance_per_id)
{
	static const char odd[] = "o'ne \\ \"x\"";
	PGconn *twin = pg_fixture_connect(r.url);
	PGresult *res;

	r.shm.header->instance = 1;
	g = gateways_new(r.registry, r.shm.header, odd);
	pg_fixture_exec(twin, "%s", gateways_job(g)->setup_sql);
	gateways_free(g);
	r.shm.header->instance = 2;
	g = gateways_new(r.registry, r.shm.header, odd);
	res = PQexec(r.sql, gateways_enter_sql(g));
	ck_assert_str_eq(PQresultErrorField(res, PG_DIAG_SQLSTATE), "TG002");
	ck_assert_ptr_nonnull(strstr(
	    PQresultErrorMessage(res), "another gateway is running as \"o'ne \\ \"x\"\", seen "));
	ck_assert_ptr_nonnull(
	    strstr(PQresultErrorMessage(res), " s ago: each needs a TELEM_GATEWAY_ID of its own"));
	PQclear(res);
	/* Silent for a minute; or all of its workers are gone. */
	SQL(&r, "BEGIN; UPDATE gateways SET seen_at = now() - interval '61 s'");
	SQL(&r, "%s; ROLLBACK", gateways_enter_sql(g));
	PQfinish(twin);
	UNTIL(&r, SAYS(&r, "0", "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"));
	SQL(&r, "%s", gateways_enter_sql(g));
	ck_assert_str_eq(VALUE(&r, "SELECT instance FROM gateways"), "2");
	gateways_free(g);
	rig_close(&r);
	db_clock_share(NULL);
}
END_TEST

/* Who has locked the row may wait for a standby; a connection's first statement doesn't wait for either. */
START_TEST(enters_without_waiting)
{
	PGconn *holder = pg_fixture_connect(r.url);

	r.shm.header->instance = 1;
	g = gateways_new(r.registry, r.shm.header, "one");
	SQL(&r, "BEGIN; %s", gateways_enter_sql(g));
	ck_assert_str_eq(VALUE(&r, "SHOW synchronous_commit"), "local");
	SQL(&r, "COMMIT");
	ck_assert_str_eq(VALUE(&r, "SHOW synchronous_commit"), "on");
	pg_fixture_exec(holder, "BEGIN; UPDATE gateways SET seen_at = now()");
	SQL(&r, "SET lock_timeout = 100; BEGIN; %s; %s", gateways_enter_sql(g),
	    gateways_job(g)->setup_sql);
	ck_assert_str_eq(VALUE(&r, "SELECT pg_current_xact_id_if_assigned() IS NULL"), "t");
	SQL(&r, "COMMIT");
	PQfinish(holder);
	gateways_free(g);
	rig_close(&r);
	db_clock_share(NULL);
}
END_TEST

static bool (*real_due)(void *, int64_t);

static bool
due_soon(void *ctx, int64_t now)
{
	return real_due(ctx, now + 10000);
}

/* It was cut off for long, and another one has the id: it finds that out, and stays away until that is gone. */
START_TEST(displaced)
{
	PGconn *twin = pg_fixture_connect(r.url);
	char instance[24];

	UNTIL(&r, SAYS(&r, "t", "SELECT pg_postmaster_start_time() < now() - interval '6 s'"));
	begin();
	pg_fixture_exec(twin,
	    "UPDATE gateways SET instance = 1; SELECT pg_advisory_lock_shared(1952803942, 1)");
	/* A connection that is not a second old is not given up. */
	int64_t later = clock_mono_ms() + 1500;
	UNTIL(&r, clock_mono_ms() > later);
	real_due = gateways_job(g)->due;
	gateways_job(g)->due = due_soon;
	UNTIL(&r, !jobs_is_up(r.jobs));
	later = clock_mono_ms() + 1000;
	UNTIL(&r, clock_mono_ms() > later);
	ck_assert(!jobs_is_up(r.jobs));
	PQfinish(twin);
	UNTIL(&r, jobs_is_up(r.jobs));
	snprintf(instance, sizeof(instance), "%lld", (long long)r.shm.header->instance);
	ck_assert_str_eq(VALUE(&r, "SELECT instance FROM gateways"), instance);
	end();
}
END_TEST

START_TEST(draining_lets_go)
{
	begin();
	ck_assert_str_eq(
	    VALUE(&r, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"), "1");
	gateways_drain(g);
	UNTIL(&r, SAYS(&r, "0", "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"));
	beat();
	UNTIL(&r, SAYS(&r, "0", "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"));
	end();
}
END_TEST

/* ---- Sessions ---- */

#define PLACE(device) \
	"INSERT INTO device_online AS o (device_id, online, gateway, session_id) VALUES (" #device \
	", true, '%s', %lld)" \
	" ON CONFLICT (device_id) DO UPDATE SET online = true, gateway = excluded.gateway, session_id = excluded.session_id"

static int64_t
open_session(uint32_t entry, const char *gateway)
{
	int64_t id = registry_new_session(r.registry, 0, db_clock_us());

	ck_assert_int_eq(registry_session_open(r.registry, entry, id), 0);
	SQL(&r, PLACE(1), gateway, (long long)id);
	return id;
}

START_TEST(the_older_gateway_is_told)
{
	uint32_t e = rig_device(&r, 1);

	begin();
	int64_t id = open_session(e, "one");
	/* The same gateway again, and one that is offline, tell nobody. */
	SQL(&r, PLACE(1), "one", (long long)id + 2048);
	SQL(&r, "UPDATE device_online SET online = false");
	SQL(&r, PLACE(1), "two", (long long)id + 4096);
	SQL(&r, PLACE(1), "one", (long long)id);
	rig_settle(&r, 0);
	ck_assert_int_eq(registry_session(r.registry, e), id);
	SQL(&r, PLACE(1), "two", (long long)id + 8192);
	UNTIL(&r, registry_session(r.registry, e) == 0);
	end();
}
END_TEST

/* It wasn't told, or its own row came last. */
START_TEST(what_was_missed_is_asked_for)
{
	uint32_t e = rig_device(&r, 1);

	SQL(&r, "INSERT INTO gateways (id, instance, seen_at) VALUES ('two', 5, now())");
	begin();
	SQL(&r, "ALTER TABLE device_online DISABLE TRIGGER USER");
	int64_t id = open_session(e, "one");
	SQL(&r, PLACE(1), "two", (long long)id + 8192);
	rig_settle(&r, 0);
	ck_assert_int_eq(registry_session(r.registry, e), id);
	sessions_written(s, e, id);
	UNTIL(&r, registry_session(r.registry, e) == 0);
	/* A newer one of ours is none of that. */
	int64_t next = registry_new_session(r.registry, 0, db_clock_us() + 1000000);
	ck_assert_int_eq(registry_session_open(r.registry, e, next), 0);
	beat();
	ck_assert_int_eq(registry_session(r.registry, e), next);
	SQL(&r, PLACE(1), "two", (long long)next + 8192);
	beat();
	ck_assert_int_eq(registry_session(r.registry, e), 0);
	/* One that began ahead of the clock does not count. */
	ck_assert_int_eq(registry_session_open(r.registry, e, next), 0);
	SQL(&r,
	    "UPDATE device_online SET session_id = session_id + (7200 * 1000000::bigint << 11)");
	beat();
	ck_assert_int_eq(registry_session(r.registry, e), next);
	end();
}
END_TEST

/* Many, of which one is lost; a table that is locked in between. */
START_TEST(pages_of_sessions)
{
	uint32_t e[2500];
	int64_t id[2500];

	SQL(&r, "INSERT INTO gateways (id, instance, seen_at) VALUES ('two', 5, now())");
	begin();
	for (int i = 0; i < 2500; i++) {
		e[i] = rig_device(&r, i + 1);
		id[i] = registry_new_session(r.registry, 0, db_clock_us());
		ck_assert_int_eq(registry_session_open(r.registry, e[i], id[i]), 0);
	}
	SQL(&r, "INSERT INTO device_online (device_id, online, gateway, session_id)"
		" SELECT id, true, 'one', 1 FROM devices;"
		" ALTER TABLE device_online DISABLE TRIGGER USER");
	SQL(&r,
	    "UPDATE device_online SET gateway = 'two', session_id = %lld WHERE device_id IN (7, 2499)",
	    (long long)id[2499] + 2048);
	SQL(&r, "BEGIN; LOCK TABLE device_online");
	for (int i = 0; i < 2500; i++)
		sessions_written(s, e[i], id[i]);
	rig_blocked(&r);
	SQL(&r, "COMMIT");
	UNTIL(&r,
	    registry_session(r.registry, e[6]) == 0 && registry_session(r.registry, e[2498]) == 0);
	rig_settle(&r, 0);
	for (int i = 0; i < 2500; i++)
		ck_assert_int_eq(
		    registry_session(r.registry, e[i]), i == 6 || i == 2498 ? 0 : id[i]);
	end();
}
END_TEST

int
main(void)
{
	TCase *gateways = tcase_create("gateways"), *sessions = tcase_create("sessions");
	TCase *const cases[] = {gateways, sessions};

	tcase_add_checked_fixture(gateways, open_rig, NULL);
	tcase_add_test(gateways, says_that_it_lives);
	tcase_add_test(gateways, a_silent_one_has_nobody_online);
	tcase_add_test(gateways, one_that_comes_back_in_between_keeps_them);
	tcase_add_test(gateways, taken_for_dead);
	tcase_add_test(gateways, one_instance_per_id);
	tcase_add_test(gateways, enters_without_waiting);
	tcase_add_test(gateways, displaced);
	tcase_add_test(gateways, draining_lets_go);
	tcase_add_checked_fixture(sessions, open_rig, NULL);
	tcase_add_test(sessions, the_older_gateway_is_told);
	tcase_add_test(sessions, what_was_missed_is_asked_for);
	tcase_add_test(sessions, pages_of_sessions);
	return rig_main("worker/task: gateways", cases, 2);
}

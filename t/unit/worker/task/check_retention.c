/*
 * Old rows of the three ledgers go, page by page; what is open, young or locked stays. The clock is the test's: it goes
 * on by an hour when a test says so.
 */
#include <string.h>
#include <time.h>

#include "t/unit/worker/task/rig.h"
#include "worker/task/retention.h"

#define MINUTE_MS 60000
#define HOUR_MS (60 * MINUTE_MS)

/* ---- The functions of common/clock.h ---- */

static int64_t later_ms;

static int64_t
read_us(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * INT64_C(1000000) + ts.tv_nsec / 1000 + later_ms * 1000;
}

int64_t
clock_wall_us(void)
{
	return read_us(CLOCK_REALTIME);
}

int64_t
clock_wall_ms(void)
{
	return clock_wall_us() / 1000;
}

int64_t
clock_mono_us(void)
{
	return read_us(CLOCK_MONOTONIC);
}

int64_t
clock_mono_ms(void)
{
	return clock_mono_us() / 1000;
}

int64_t
clock_boot_us(void)
{
	return read_us(CLOCK_BOOTTIME);
}

/* ---- The rig ---- */

static struct rig r;
static struct retention *retention;

/* Two days old, more than a page of each; then one that is young. The command 7 is open. */
static void
fill(void)
{
	SQL(&r,
	    "ALTER TABLE device_commands DISABLE TRIGGER USER;"
	    "INSERT INTO device_commands (imei, command_text, status, created_at, updated_at)"
	    " SELECT '350000000000001', 'getver', CASE i WHEN 7 THEN 'pending' ELSE 'acked' END,"
	    " now() - interval '3 days', now() - interval '2 days' FROM generate_series(1, 1002) i;"
	    "INSERT INTO device_commands (imei, command_text, status, created_at, updated_at)"
	    " VALUES ('350000000000001', 'getver', 'acked', now(), now());"
	    "ALTER TABLE device_commands ENABLE TRIGGER USER");
	SQL(&r, "INSERT INTO device_messages (imei, received_at, codec, type, payload, frame_hash)"
		" SELECT '350000000000001', now() - interval '2 days', 13, 6, 'x', i"
		" FROM generate_series(1, 1002) i;"
		"INSERT INTO device_messages (imei, received_at, codec, type, payload, frame_hash)"
		" VALUES ('350000000000001', now(), 13, 6, 'x', 0)");
	SQL(&r,
	    "INSERT INTO device_sessions (device_id, session_id, ended_at)"
	    " SELECT 1, i, now() - interval '2 days' FROM generate_series(1, 1002) i;"
	    "INSERT INTO device_sessions (device_id, session_id, ended_at) VALUES (1, 0, now())");
}

static void
begin(int command_days, int message_days, int session_days)
{
	rig_open(&r);
	fill();
	retention = retention_new(command_days, message_days, session_days);
	ck_assert_ptr_nonnull(retention);
	rig_add(&r, retention_job(retention));
	rig_start(&r);
}

static void
end(void)
{
	rig_stop(&r);
	retention_free(retention);
	rig_close(&r);
}

static bool
due_in(int64_t ms)
{
	const struct job *job = retention_job(retention);

	return job->due(job->turn.ctx, clock_mono_ms() + ms);
}

/* So much later, all that is due then has run. */
static void
pass(int64_t ms)
{
	later_ms += ms;
	ck_assert(due_in(0));
	UNTIL(&r, !due_in(MINUTE_MS / 2));
}

#define COMMANDS "SELECT string_agg(id::text, ' ' ORDER BY id) FROM device_commands WHERE id < 5000"
#define SESSIONS "SELECT string_agg(session_id::text, ' ' ORDER BY session_id) FROM device_sessions"
#define MESSAGES "SELECT string_agg(frame_hash::text, ' ') FROM device_messages"

START_TEST(without_days_all_is_kept)
{
	begin(0, 0, 0);
	ck_assert(!due_in(100 * HOUR_MS));
	end();
}
END_TEST

START_TEST(old_rows_go)
{
	PGconn *other;

	begin(1, 1, 1);
	/* All else comes first after a connect. */
	ck_assert(!due_in(MINUTE_MS / 4));
	other = pg_fixture_connect(r.url);
	pg_fixture_exec(other, "BEGIN; SELECT FROM device_commands WHERE id = 9 FOR UPDATE;"
			       "SELECT FROM device_sessions WHERE session_id = 5 FOR UPDATE");
	pass(MINUTE_MS / 2);
	ck_assert_str_eq(VALUE(&r, COMMANDS), "7 9 1003");
	ck_assert_str_eq(VALUE(&r, MESSAGES), "0");
	ck_assert_str_eq(VALUE(&r, SESSIONS), "0 5");
	/* Next time it begins with the first page again: what was locked goes then. */
	ck_assert(!due_in(HOUR_MS - MINUTE_MS));
	pg_fixture_exec(other, "ROLLBACK");
	pass(HOUR_MS);
	ck_assert_str_eq(VALUE(&r, COMMANDS), "7 1003");
	ck_assert_str_eq(VALUE(&r, SESSIONS), "0");
	PQfinish(other);
	end();
}
END_TEST

START_TEST(one_ledger_alone)
{
	begin(0, 1, 0);
	pass(MINUTE_MS / 2);
	ck_assert_str_eq(VALUE(&r, "SELECT count(*) FROM device_commands"), "1003");
	ck_assert_str_eq(VALUE(&r, "SELECT count(*) FROM device_sessions"), "1003");
	ck_assert_str_eq(VALUE(&r, MESSAGES), "0");
	end();
}
END_TEST

START_TEST(an_error_is_tried_again_after_a_minute)
{
	begin(2, 1, 0);
	SQL(&r, "ALTER TABLE device_messages RENAME TO elsewhere");
	pass(MINUTE_MS / 2);
	ck_assert_str_eq(VALUE(&r, "SELECT count(*) FROM elsewhere"), "1003");
	ck_assert(due_in(MINUTE_MS));
	SQL(&r, "ALTER TABLE elsewhere RENAME TO device_messages");
	pass(MINUTE_MS);
	ck_assert_str_eq(VALUE(&r, MESSAGES), "0");
	end();
}
END_TEST

int
main(void)
{
	TCase *t = tcase_create("retention");

	tcase_add_test(t, without_days_all_is_kept);
	tcase_add_test(t, old_rows_go);
	tcase_add_test(t, one_ledger_alone);
	tcase_add_test(t, an_error_is_tried_again_after_a_minute);
	return rig_main("worker/task: retention", &t, 1);
}

/* Sessions that have ended: many in a statement, once each, whatever happens to the connection meanwhile. */
#include <sys/socket.h>

#include "t/unit/worker/task/rig.h"
#include "worker/task/session_ends.h"

static struct rig r;
static struct session_ends *ends;

static void
begin(void)
{
	rig_open(&r);
	ends = session_ends_new("gw");
	ck_assert_ptr_nonnull(ends);
	rig_add(&r, session_ends_job(ends));
	rig_start(&r);
}

static void
end(void)
{
	rig_stop(&r);
	session_ends_free(ends);
	rig_close(&r);
}

/* Smaller times are those of a clock that nobody has compared with the database's. */
#define T0 INT64_C(1700000000)
#define T0_SQL "1700000000"

/* The session `n` of a device, which began n seconds after T0. */
static void
add(int64_t device, int64_t n, uint32_t records)
{
	session_ends_add(ends, &(struct session_end){.device_id = device,
				   .session_id = (T0 + n) * 1000000 * 2048,
				   .ended_ms = (T0 + n) * 1000 + 500,
				   .records = records,
				   .family = AF_INET,
				   .addr = {192, 0, 2, 1},
				   .reason = "peer"});
}

#define COUNT "SELECT count(*) || ' ' || sum(records) FROM device_sessions"

START_TEST(a_row_each)
{
	begin();
	ck_assert(!session_ends_pending(ends));
	add(1, 7, 42);
	UNTIL(&r, !session_ends_pending(ends));
	ck_assert_str_eq(
	    VALUE(&r, "SELECT concat_ws(' ', device_id, session_id = (" T0_SQL
		      " + 7) * 2048000000::bigint,"
		      " extract(epoch FROM started_at)::int - " T0_SQL ","
		      " extract(epoch FROM ended_at - started_at)::numeric(3, 1), records,"
		      " gateway, host(remote_addr), reason) FROM device_sessions"),
	    "1 t 7 0.5 42 gw 192.0.2.1 peer");
	end();
}
END_TEST

/* More than a statement takes; and while they are written the connection breaks: twice is once. */
START_TEST(thousands_over_a_broken_connection)
{
	begin();
	SQL(&r, "BEGIN; LOCK TABLE device_sessions IN SHARE MODE");
	for (int i = 1; i <= 5000; i++)
		add(i, 7, 1);
	rig_blocked(&r);
	SQL(&r, RIG_CUT);
	SQL(&r, "ROLLBACK");
	UNTIL(&r, !session_ends_pending(ends));
	ck_assert_str_eq(VALUE(&r, COUNT), "5000 5000");
	end();
}
END_TEST

/* What others thought of a session, as its gateway was silent, is no more than that. */
START_TEST(known_better)
{
	begin();
	SQL(&r, "INSERT INTO device_sessions (device_id, session_id, ended_at, reason)"
		" VALUES (1, (" T0_SQL " + 7) * 2048000000::bigint, 'epoch', 'gateway_silent')");
	add(1, 7, 3);
	UNTIL(&r, !session_ends_pending(ends));
	ck_assert_str_eq(VALUE(&r, "SELECT reason || ' ' || records || ' ' || (ended_at > 'epoch')"
				   " FROM device_sessions"),
	    "peer 3 true");
	/* It is known now: the same again changes nothing. */
	add(1, 7, 4);
	UNTIL(&r, !session_ends_pending(ends));
	ck_assert_str_eq(VALUE(&r, COUNT), "1 3");
	end();
}
END_TEST

/* A constraint of the operator's refuses rows: these are lost, and hold up no others. */
START_TEST(refused_ones_go)
{
	begin();
	SQL(&r, "ALTER TABLE device_sessions ADD CHECK (device_id <> 13)");
	add(13, 7, 1);
	UNTIL(&r, !session_ends_pending(ends));
	add(14, 7, 1);
	UNTIL(&r, !session_ends_pending(ends));
	ck_assert_str_eq(
	    VALUE(&r, "SELECT string_agg(device_id::text, ' ') FROM device_sessions"), "14");
	end();
}
END_TEST

TCase *
session_ends_tests(void)
{
	TCase *t = tcase_create("session ends");

	tcase_add_test(t, a_row_each);
	tcase_add_test(t, thousands_over_a_broken_connection);
	tcase_add_test(t, known_better);
	tcase_add_test(t, refused_ones_go);
	return t;
}

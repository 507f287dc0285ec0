/* The ledger of refused IMEIs, against a real PostgreSQL. */
#include <string.h>
#include <sys/socket.h>

#include "t/unit/worker/task/rig.h"
#include "worker/task/rejected.h"

#define T0 INT64_C(1700000000000)

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
	rig_add(&r, rejected_job(ledger));
	rejected_note(ledger, IMEI(1), "unknown", "192.0.2.1", T0);
	rejected_note(ledger, IMEI(1), "unknown", "192.0.2.2", T0 + 1000);
	rejected_note(ledger, IMEI(2), "unknown", "fe80::1%eth0", T0);
	rejected_note(ledger, IMEI(3), "unknown", "no address", T0);
	rejected_note(ledger, UINT64_C(1), "unknown", NULL, T0);
	rig_start(&r);
	rig_settle(&r, 600);
	ck_assert_str_eq(VALUE(&r, sql), "unknown 2 192.0.2.2 0.000000 1.000000");
	ck_assert_str_eq(
	    VALUE(&r, "SELECT string_agg(imei || coalesce(host(last_remote_addr), '-'), ' '"
		      " ORDER BY imei) FROM rejected_devices"),
	    "000000000000001- 350000000000001192.0.2.2 350000000000002fe80::1 350000000000003-");
	/* The next time it is known, but disabled. */
	rejected_note(ledger, IMEI(1), "disabled", "192.0.2.3", T0 + 2000);
	rig_settle(&r, 600);
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
	rig_add(&r, rejected_job(ledger));
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
	rig_add(&r, rejected_job(ledger));
	rig_start(&r);
	SQL(&r, "BEGIN; LOCK TABLE rejected_devices IN SHARE MODE");
	rejected_note(ledger, IMEI(1), "unknown", "192.0.2.1", T0);
	rig_blocked(&r);
	rejected_note(ledger, IMEI(1), "unknown", "192.0.2.1", T0 + 1);
	SQL(&r, RIG_CUT);
	UNTIL(&r, !jobs_is_up(r.jobs));
	SQL(&r, "ROLLBACK");
	UNTIL(&r, SAYS(&r, "2", "SELECT sum(attempts) FROM rejected_devices"));
	rig_stop(&r);
	rejected_free(ledger);
	rig_close(&r);
}
END_TEST

/* By address and what they were; the latest bytes are kept, of those that said any. */
START_TEST(strangers_are_folded)
{
	static const uint8_t v4[] = {192, 0, 2, 1}, v4b[] = {192, 0, 2, 2}, tls[] = {22, 3, 1},
			     v6[16] = {0x20, 1, 0x0d, 0xb8, [15] = 1};
	struct rig r;
	struct rejected *ledger;

	rig_open(&r);
	ledger = rejected_new(r.stats);
	rig_add(&r, rejected_job(ledger));
	rejected_note_stranger(ledger, "tls", AF_INET, v4, tls, 3, T0);
	rejected_note_stranger(ledger, "tls", AF_INET6, v6, tls, 2, T0);
	rejected_note_stranger(ledger, "unknown_imei", AF_INET, v4, NULL, 0, T0);
	rejected_note_stranger(ledger, "tls", AF_INET, v4, tls, 1, T0 + 1000);
	rejected_note_stranger(ledger, "tls", AF_INET, v4b, tls, 3, T0);
	rejected_note_stranger(ledger, "tls", AF_UNSPEC, v4b, tls, 3, T0);
	rejected_note(ledger, IMEI(1), "unknown", "192.0.2.1", T0);
	rig_start(&r);
	UNTIL(&r, SAYS(&r, "1", "SELECT count(*) FROM rejected_devices"));
	UNTIL(&r, SAYS(&r, "4", "SELECT count(*) FROM unidentified_connections"));
	ck_assert_str_eq(
	    VALUE(&r,
		"SELECT string_agg(host(remote_addr) || ' ' || what || ' ' || attempts || ' '"
		" || coalesce(encode(first_bytes, 'hex'), '-'), ', ' ORDER BY remote_addr, what)"
		" FROM unidentified_connections"),
	    "192.0.2.1 tls 2 16, 192.0.2.1 unknown_imei 1 -, 192.0.2.2 tls 1 160301, "
	    "2001:db8::1 tls 1 1603");
	rejected_note_stranger(ledger, "tls", AF_INET, v4, NULL, 0, T0 + 5000);
	rig_settle(&r, 600);
	ck_assert_str_eq(VALUE(&r, "SELECT attempts || encode(first_bytes, 'hex') FROM"
				   " unidentified_connections WHERE host(remote_addr) = '192.0.2.1'"
				   " AND what = 'tls'"),
	    "316");
	rig_stop(&r);
	rejected_free(ledger);
	rig_close(&r);
}
END_TEST

START_TEST(the_strangers_table_is_bounded)
{
	static const uint8_t v4[] = {192, 0, 2, 1};
	struct rig r;
	struct rejected *ledger;

	rig_open(&r);
	SQL(&r, "INSERT INTO unidentified_connections SELECT '10.0.0.0'::inet + i, 'tls',"
		" '2001-01-01', '2001-01-01'::timestamptz + make_interval(secs => i),"
		" CASE WHEN i <= 10 THEN 5 ELSE 1 END FROM generate_series(1, 12000) i");
	ledger = rejected_new(r.stats);
	rig_add(&r, rejected_job(ledger));
	rejected_note_stranger(ledger, "tls", AF_INET, v4, NULL, 0, T0);
	rig_start(&r);
	UNTIL(&r, SAYS(&r, "10000", "SELECT count(*) FROM unidentified_connections"));
	ck_assert_str_eq(
	    VALUE(&r, "SELECT count(*) FROM unidentified_connections WHERE attempts = 5"), "10");
	rig_stop(&r);
	rejected_free(ledger);
	rig_close(&r);
}
END_TEST

TCase *
rejected_tests(void)
{
	TCase *t = tcase_create("refused IMEIs");

	tcase_add_test(t, refusals_are_folded);
	tcase_add_test(t, strangers_are_folded);
	tcase_add_test(t, the_strangers_table_is_bounded);
	tcase_add_test(t, a_scanner_fills_neither_memory_nor_table);
	tcase_add_test(t, refusals_survive_a_lost_connection);
	return t;
}

/* The registry follows devices, against a real PostgreSQL. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "t/unit/worker/task/devices_rig.h"

static uint64_t
reloads(const struct rig *r)
{
	return stats_get(&r->stats->registry_reloads);
}

START_TEST(a_load_is_as_rare_as_it_is_dear)
{
	ck_assert_int_eq(devices_reload_ms(0, 0), 54000);
	ck_assert_int_eq(devices_reload_ms(0, UINT16_MAX), 66000);
	ck_assert_int_eq(devices_reload_ms(1000000, UINT16_MAX / 2 + 1), 60000);
	/* A million devices: 5 s in five minutes. */
	ck_assert_int_eq(devices_reload_ms(5000000, 0), 270000);
	ck_assert_int_eq(devices_reload_ms(INT64_C(3600000000), UINT16_MAX), 3960000);
}
END_TEST

START_TEST(loads_all_devices)
{
	struct rig r;
	struct answers a;
	struct devices *d;

	rig_open(&r);
	/* More than two pages, ids with gaps, and rows that are no trackers. */
	SQL(&r, "INSERT INTO devices (id, imei) SELECT i * 3 - 9000, (350000000000000 + i)::text"
		" FROM generate_series(1, 12001) i");
	SQL(&r,
	    "INSERT INTO devices (id, imei) VALUES (2, '12345'), (4, '35000000000000x'), (5, '')");
	SQL(&r, "UPDATE devices SET enabled = false WHERE imei = '350000000000002'");
	SQL(&r, "INSERT INTO device_models (device_model, codec_8e, codec_15)"
		" VALUES ('old', false, false)");
	SQL(&r, "UPDATE devices SET device_model = 'old' WHERE imei = '350000000000003'");
	SQL(&r, "UPDATE devices SET device_model = 'other' WHERE imei = '350000000000004'");
	d = add_devices(&r, &a, false);
	rig_start(&r);
	UNTIL(&r, registry_loaded(r.registry));
	ck_assert_uint_eq(registry_count(r.registry), 12001);
	ck_assert_uint_eq(reloads(&r), 1);
	ck_assert_int_eq(entry_of(&r, 1).id, 3 - 9000);
	ck_assert_int_eq(entry_of(&r, 12001).id, 12001 * 3 - 9000);
	ck_assert(entry_of(&r, 1).enabled && entry_of(&r, 1).present);
	ck_assert(!entry_of(&r, 2).enabled && entry_of(&r, 2).present);
	ck_assert_uint_eq(entry_of(&r, 3).codecs, CODEC_MAY_ALL & ~CODEC_MAY_8E & ~CODEC_MAY_15);
	ck_assert_uint_eq(entry_of(&r, 4).codecs, CODEC_MAY_ALL);
	rig_settle(&r, 0);
	ck_assert_uint_eq(reloads(&r), 1);
	rig_stop(&r);
	devices_free(d);
	rig_close(&r);
}
END_TEST

START_TEST(follows_changes)
{
	struct rig r;
	struct answers a;
	struct devices *d;
	uint64_t loads;

	rig_open(&r);
	d = add_devices(&r, &a, false);
	SQL(&r, "INSERT INTO devices (id, imei) VALUES (1, '350000000000001'),"
		" (2, '350000000000002'), (3, '350000000000003')");
	rig_start(&r);
	UNTIL(&r, registry_loaded(r.registry));
	rig_settle(&r, 0);
	loads = reloads(&r);
	/* By the notification: the next full load is farther away than UNTIL() waits. */
	SQL(&r, "UPDATE devices SET enabled = false WHERE id = 1");
	UNTIL(&r, !entry_of(&r, 1).enabled);
	SQL(&r, "DELETE FROM devices WHERE id = 2");
	UNTIL(&r, !entry_of(&r, 2).present);
	SQL(&r, "INSERT INTO devices (id, imei) VALUES (4, '350000000000004')");
	UNTIL(&r, entry_of(&r, 4).present);
	SQL(&r, "UPDATE devices SET imei = '350000000000005' WHERE id = 3");
	UNTIL(&r, entry_of(&r, 5).present && !entry_of(&r, 3).present);
	/* Deleted and made anew, with another id, in one transaction. */
	SQL(&r, "BEGIN; DELETE FROM devices WHERE id = 4;"
		"INSERT INTO devices (id, imei) VALUES (40, '350000000000004'); COMMIT");
	UNTIL(&r, entry_of(&r, 4).id == 40 && entry_of(&r, 4).present);
	SQL(&r, "UPDATE devices SET last_ping = now()");
	ck_assert_uint_eq(reloads(&r), loads); /* all of it by notification alone */
	rig_stop(&r);
	devices_free(d);
	rig_close(&r);
}
END_TEST

START_TEST(bulk_changes_load_all)
{
	struct rig r;
	struct answers a;
	struct devices *d;

	rig_open(&r);
	d = add_devices(&r, &a, false);
	rig_start(&r);
	UNTIL(&r, registry_loaded(r.registry));
	SQL(&r, "INSERT INTO devices (imei) SELECT (350000000000000 + i)::text"
		" FROM generate_series(1, 6000) i");
	UNTIL(&r, registry_count(r.registry) == 6000);
	SQL(&r, "UPDATE devices SET device_model = 'old'");
	SQL(&r, "INSERT INTO device_models (device_model, codec_16) VALUES ('old', false)");
	UNTIL(&r, entry_of(&r, 6000).codecs == (CODEC_MAY_ALL & ~CODEC_MAY_16));
	/* A page that we don't read here would hold its lock, and TRUNCATE would wait for us. */
	rig_settle(&r, 0);
	SQL(&r, "TRUNCATE devices");
	UNTIL(&r, !entry_of(&r, 1).present && !entry_of(&r, 6000).present);
	rig_stop(&r);
	devices_free(d);
	rig_close(&r);
}
END_TEST

START_TEST(loads_again_after_a_lost_connection)
{
	struct rig r;
	struct answers a;
	struct devices *d;

	rig_open(&r);
	d = add_devices(&r, &a, false);
	SQL(&r, "INSERT INTO devices (imei) VALUES ('350000000000001')");
	rig_start(&r);
	UNTIL(&r, entry_of(&r, 1).enabled);
	/* Nobody is told of this one. */
	SQL(&r, "ALTER TABLE devices DISABLE TRIGGER ALL");
	SQL(&r, "UPDATE devices SET enabled = false");
	rig_cut(&r);
	UNTIL(&r, !entry_of(&r, 1).enabled);
	rig_stop(&r);
	devices_free(d);
	rig_close(&r);
}
END_TEST

START_TEST(the_next_leader_loads)
{
	struct rig r;
	struct answers a;
	struct devices *d;
	pid_t leader;
	int ready[2];
	char byte;

	rig_open(&r);
	d = add_devices(&r, &a, false);
	SQL(&r, "INSERT INTO devices (imei) VALUES ('350000000000001')");
	ck_assert_int_eq(pipe(ready), 0);
	leader = fork();
	if (leader == 0) {
		bool leads = registry_try_lead(r.registry);

		_exit(!leads || write(ready[1], "x", 1) != 1 || pause());
	}
	ck_assert_int_eq(read(ready[0], &byte, 1), 1);
	rig_start(&r);
	/* Not the leader: it answers lookups, and loads nothing. */
	enum lookup_answer now;
	ck_assert(devices_lookup(d, IMEI(1), 7, clock_mono_ms(), &now));
	jobs_kick(devices_job(d));
	UNTIL(&r, a.n == 1);
	ck_assert_int_eq(a.answer[0], LOOKUP_KNOWN);
	ck_assert(!registry_loaded(r.registry));
	SQL(&r, "UPDATE devices SET enabled = false");
	kill(leader, SIGKILL);
	waitpid(leader, NULL, 0);
	UNTIL(&r, registry_loaded(r.registry));
	ck_assert(!entry_of(&r, 1).enabled);
	rig_stop(&r);
	devices_free(d);
	rig_close(&r);
}
END_TEST

START_TEST(a_full_registry_says_so)
{
	struct rig r;
	struct answers a;
	struct devices *d;
	enum lookup_answer now;

	rig_open_sized(&r, 10);
	d = add_devices(&r, &a, false);
	SQL(&r, "INSERT INTO devices (id, imei) SELECT i, (350000000000000 + i)::text"
		" FROM generate_series(1, 12) i");
	rig_start(&r);
	UNTIL(&r, registry_loaded(r.registry));
	ck_assert_uint_eq(registry_count(r.registry), 10);
	ck_assert_uint_eq(stats_get(&r.stats->registry_full), 2);
	SQL(&r, "INSERT INTO devices (id, imei) VALUES (13, '350000000000013')");
	UNTIL(&r, stats_get(&r.stats->registry_full) == 3);
	/* That it can't be served is not the device's fault. */
	ck_assert(devices_lookup(d, IMEI(12), 1, clock_mono_ms(), &now));
	UNTIL(&r, a.n == 1);
	ck_assert_int_eq(a.answer[0], LOOKUP_FULL);
	/* Deleted unseen, as a trigger that is off does: the load that a full registry asks for finds out. */
	SQL(&r, "SET session_replication_role = replica; DELETE FROM devices WHERE id <= 5");
	UNTIL(&r, devices_lookup(d, IMEI(12), 2, clock_mono_ms(), &now) && a.n >= 2 &&
		      registry_find(r.registry, IMEI(12)) != REGISTRY_NONE);
	ck_assert_uint_eq(registry_count(r.registry), 10);
	rig_stop(&r);
	devices_free(d);
	rig_close(&r);
}
END_TEST

START_TEST(more_changes_than_are_kept_load_all)
{
	struct rig r;
	struct answers a;
	struct devices *d;

	rig_open(&r);
	d = add_devices(&r, &a, false);
	rig_start(&r);
	rig_settle(&r, 0);
	uint64_t loads = reloads(&r);
	SQL(&r, "ALTER TABLE devices DISABLE TRIGGER ALL");
	SQL(&r, "INSERT INTO devices (imei) SELECT (350000000000000 + i)::text"
		" FROM generate_series(1, 5000) i UNION ALL SELECT '000000000000000'");
	/* They come while the first of them can't be asked for. */
	PGconn *other = pg_fixture_connect(r.url);
	SQL(&r, "BEGIN; LOCK TABLE devices");
	pg_fixture_exec(other, "NOTIFY telematics_devices, '350000000000001'");
	rig_blocked(&r);
	pg_fixture_exec(other,
	    "SELECT pg_notify('telematics_devices', string_agg((350000000000000 + i)::text, ','))"
	    " FROM generate_series(1, 5000) i GROUP BY i / 100");
	UNTIL(&r,
	    SAYS(&r, "0", "SELECT count(*) FROM pg_locks WHERE NOT granted")); /* lock_timeout */
	SQL(&r, "COMMIT");
	PQfinish(other);
	UNTIL(&r, registry_count(r.registry) == 5000);
	UNTIL(&r, reloads(&r) == loads + 1);
	/* One that is named twice, one that is not a tracker's, and one that is not there. */
	SQL(&r, "UPDATE devices SET enabled = false");
	SQL(&r, "SELECT pg_notify('telematics_devices', '350000000000001,350000000000001,"
		"000000000000000,350000000009999')");
	UNTIL(&r, !entry_of(&r, 1).enabled);
	rig_settle(&r, 0);
	ck_assert_uint_eq(reloads(&r), loads + 1);
	rig_stop(&r);
	devices_free(d);
	rig_close(&r);
}
END_TEST

/* Another worker asked later, and has told the registry already. */
static void
told_meanwhile(struct rig *r, int n, bool present, bool enabled)
{
	const struct device_row row = {.imei = IMEI(n),
	    .id = n,
	    .present = present,
	    .enabled = enabled,
	    .codecs = CODEC_MAY_ALL};

	ck_assert_int_ne(
	    registry_apply(r->registry, &row, registry_seq(r->registry), NULL), REGISTRY_STALE);
}

START_TEST(an_answer_that_was_overtaken_is_asked_for_again)
{
	struct rig r;
	struct answers a;
	struct devices *d;

	rig_open(&r);
	d = add_devices(&r, &a, false);
	SQL(&r, "INSERT INTO devices (id, imei) VALUES (1, '350000000000001')");
	rig_start(&r);
	rig_settle(&r, 0);
	SQL(&r, "BEGIN; UPDATE devices SET enabled = false; COMMIT; BEGIN; LOCK TABLE devices");
	rig_blocked(&r);
	told_meanwhile(&r, 1, true, true);
	SQL(&r, "COMMIT");
	UNTIL(&r, !entry_of(&r, 1).enabled);
	rig_stop(&r);
	devices_free(d);
	rig_close(&r);
}
END_TEST

START_TEST(a_lost_connection_loses_no_change)
{
	struct rig r;
	struct answers a;
	struct devices *d;

	rig_open(&r);
	d = add_devices(&r, &a, false);
	SQL(&r, "INSERT INTO devices (id, imei) SELECT i, (350000000000000 + i)::text"
		" FROM generate_series(1, 6000) i");
	rig_start(&r);
	rig_settle(&r, 0);
	/* While a change is asked for. */
	SQL(&r, "UPDATE devices SET enabled = false WHERE id = 1");
	SQL(&r, "BEGIN; LOCK TABLE devices");
	rig_blocked(&r);
	SQL(&r, RIG_CUT);
	UNTIL(&r, !jobs_is_up(r.jobs));
	SQL(&r, "COMMIT");
	UNTIL(&r, !entry_of(&r, 1).enabled);
	rig_settle(&r, 0);
	/* While all are loaded. */
	SQL(&r, "ALTER TABLE devices DISABLE TRIGGER ALL");
	SQL(&r, "UPDATE devices SET enabled = false WHERE id = 6000");
	SQL(&r, "BEGIN; LOCK TABLE devices; NOTIFY telematics_devices, '*'; COMMIT;");
	SQL(&r, "BEGIN; LOCK TABLE devices");
	rig_blocked(&r);
	SQL(&r, RIG_CUT);
	UNTIL(&r, !jobs_is_up(r.jobs));
	SQL(&r, "COMMIT");
	UNTIL(&r, !entry_of(&r, 6000).enabled);
	rig_settle(&r, 0);
	/* And one that ends with the worker. */
	SQL(&r, "NOTIFY telematics_devices, '*'");
	SQL(&r, "BEGIN; LOCK TABLE devices");
	rig_blocked(&r);
	rig_stop(&r);
	devices_free(d);
	SQL(&r, "ROLLBACK");
	rig_close(&r);
}
END_TEST

TCase *
devices_tests(void)
{
	TCase *t = tcase_create("devices");

	tcase_add_test(t, a_load_is_as_rare_as_it_is_dear);
	tcase_add_test(t, loads_all_devices);
	tcase_add_test(t, follows_changes);
	tcase_add_test(t, bulk_changes_load_all);
	tcase_add_test(t, loads_again_after_a_lost_connection);
	tcase_add_test(t, the_next_leader_loads);
	tcase_add_test(t, a_full_registry_says_so);
	tcase_add_test(t, more_changes_than_are_kept_load_all);
	tcase_add_test(t, an_answer_that_was_overtaken_is_asked_for_again);
	tcase_add_test(t, a_lost_connection_loses_no_change);
	return t;
}

int
main(void)
{
	TCase *cases[] = {devices_tests(), imei_lookup_tests()};

	return rig_main("worker/task: devices", cases, 2);
}

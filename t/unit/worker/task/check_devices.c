/* The registry follows devices, and lookups are answered, against a real PostgreSQL. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "t/unit/worker/task/check_tasks.h"
#include "worker/task/devices.h"

struct answers {
	int n;
	uint64_t token[5000];
	enum lookup_answer answer[5000];
};

static void
answer_cb(void *ctx, uint64_t token, uint64_t imei, enum lookup_answer answer)
{
	struct answers *a = ctx;

	(void)imei;
	ck_assert_int_lt(a->n, 5000);
	a->token[a->n] = token;
	a->answer[a->n++] = answer;
}

static struct devices *
add_devices(struct rig *r, struct answers *a, bool allow_unknown)
{
	struct devices *d = devices_new(&(struct devices_config){.registry = r->registry,
	    .stats = r->stats,
	    .allow_unknown_imei = allow_unknown,
	    .ctx = a,
	    .answer = answer_cb});

	ck_assert_ptr_nonnull(d);
	a->n = 0;
	rig_add(r, devices_task(d));
	r->listen = DEVICES_LISTEN_SQL;
	return d;
}

/* What the registry holds of IMEI(n). */
static struct device_entry
entry_of(struct rig *r, int n)
{
	uint32_t e = registry_find(r->registry, IMEI(n));
	struct device_entry out = {0};

	if (e != REGISTRY_NONE)
		registry_get(r->registry, e, &out);
	return out;
}

static uint64_t
reloads(const struct rig *r)
{
	return stats_get(&r->stats->registry_reloads);
}

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
	UNTIL(&r, !tasks_is_busy(r.tasks, clock_mono_ms()));
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
	UNTIL(&r, !tasks_is_busy(r.tasks, clock_mono_ms()));
	loads = reloads(&r);
	int64_t begin = clock_mono_ms();
	SQL(&r, "UPDATE devices SET enabled = false WHERE id = 1");
	UNTIL(&r, !entry_of(&r, 1).enabled);
	ck_assert_int_lt(clock_mono_ms() - begin, 1000);
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
	UNTIL(&r, !tasks_is_busy(r.tasks, clock_mono_ms()));
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
	tasks_kick(r.tasks);
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

START_TEST(answers_lookups)
{
	struct rig r;
	struct answers a;
	struct devices *d;
	enum lookup_answer now;
	int64_t t;

	rig_open(&r);
	d = add_devices(&r, &a, false);
	/* What notifications don't tell must come by asking. */
	SQL(&r, "ALTER TABLE devices DISABLE TRIGGER ALL");
	/* Before the first contact it waits for that. */
	ck_assert(devices_lookup(d, IMEI(9), 9, clock_mono_ms(), &now));
	rig_start(&r);
	UNTIL(&r, registry_loaded(r.registry) && a.n == 1);
	ck_assert_int_eq(a.answer[0], LOOKUP_UNKNOWN);
	a.n = 0;
	SQL(&r, "INSERT INTO devices (imei, enabled) VALUES ('350000000000001', true),"
		" ('350000000000002', false)");
	t = clock_mono_ms();
	ck_assert(devices_lookup(d, IMEI(1), 1, t, &now));
	ck_assert(devices_lookup(d, IMEI(2), 2, t, &now));
	ck_assert(devices_lookup(d, IMEI(3), 3, t, &now));
	ck_assert(devices_lookup(d, IMEI(3), 4, t, &now));
	UNTIL(&r, a.n == 4);
	ck_assert_uint_eq(stats_get(&r.stats->lookups), 1 + 3); /* IMEI(3) was asked about once */
	for (int i = 0; i < 4; i++) {
		static const enum lookup_answer expected[] = {
		    LOOKUP_KNOWN, LOOKUP_DISABLED, LOOKUP_UNKNOWN, LOOKUP_UNKNOWN};

		ck_assert_int_eq(a.answer[i], expected[a.token[i] - 1]);
	}
	ck_assert(entry_of(&r, 1).enabled);
	ck_assert_uint_eq(registry_find(r.registry, IMEI(3)), REGISTRY_NONE);
	/* Within a second the answer is known; after it the database is asked again. */
	t = clock_mono_ms();
	ck_assert(!devices_lookup(d, IMEI(3), 5, t, &now));
	ck_assert_int_eq(now, LOOKUP_UNKNOWN);
	ck_assert(!devices_lookup(d, IMEI(2), 5, t, &now));
	ck_assert_int_eq(now, LOOKUP_DISABLED);
	SQL(&r, "INSERT INTO devices (imei) VALUES ('350000000000003')");
	ck_assert(devices_lookup(d, IMEI(3), 6, t + 1001, &now));
	UNTIL(&r, a.n == 5);
	ck_assert_int_eq(a.answer[4], LOOKUP_KNOWN);
	/* A row that was deleted unnoticed. */
	SQL(&r, "DELETE FROM devices WHERE imei = '350000000000003'");
	ck_assert(devices_lookup(d, IMEI(3), 7, t + 3000, &now));
	UNTIL(&r, a.n == 6);
	ck_assert_int_eq(a.answer[5], LOOKUP_UNKNOWN);
	ck_assert(!entry_of(&r, 3).present);
	rig_stop(&r);
	devices_free(d);
	rig_close(&r);
}
END_TEST

START_TEST(without_a_database_nobody_is_refused)
{
	struct rig r;
	struct answers a;
	struct devices *d;
	enum lookup_answer now;

	rig_open(&r);
	d = add_devices(&r, &a, false);
	ck_assert(devices_lookup(d, IMEI(1), 1, clock_mono_ms(), &now));
	r.tasks = tasks_new(r.base, "host=/nonexistent", r.list, r.n, r.listen, NULL);
	UNTIL(&r, a.n == 1);
	ck_assert_int_eq(a.answer[0], LOOKUP_UNAVAILABLE);
	ck_assert(!devices_lookup(d, IMEI(2), 2, clock_mono_ms(), &now));
	ck_assert_int_eq(now, LOOKUP_UNAVAILABLE);
	rig_stop(&r);
	devices_free(d);
	rig_close(&r);
}
END_TEST

START_TEST(many_lookups_are_bounded)
{
	struct rig r;
	struct answers a;
	struct devices *d;
	enum lookup_answer now;
	int refused = 0;

	rig_open(&r);
	d = add_devices(&r, &a, false);
	SQL(&r, "INSERT INTO devices (imei) SELECT (350000000000000 + i)::text"
		" FROM generate_series(1, 2000) i");
	rig_start(&r);
	for (int i = 1; i <= 5000; i++) {
		/* Unknown ones: the load may have brought the others already. */
		if (devices_lookup(d, IMEI(10000 + i), (uint64_t)i, clock_mono_ms(), &now))
			continue;
		ck_assert_int_eq(now, LOOKUP_UNAVAILABLE);
		refused++;
	}
	ck_assert_int_eq(refused, 5000 - 4096);
	UNTIL(&r, a.n == 4096);
	for (int i = 0; i < a.n; i++)
		ck_assert_int_eq(a.answer[i], LOOKUP_UNKNOWN);
	UNTIL(&r, registry_loaded(r.registry)); /* they don't keep the load from its turns */
	rig_stop(&r);
	devices_free(d);
	rig_close(&r);
}
END_TEST

START_TEST(who_waits_is_told_when_the_database_goes)
{
	struct rig r;
	struct answers a;
	struct devices *d;
	enum lookup_answer now;

	rig_open(&r);
	d = add_devices(&r, &a, false);
	rig_start(&r);
	UNTIL(&r, registry_loaded(r.registry));
	UNTIL(&r, !tasks_is_busy(r.tasks, clock_mono_ms()));
	/* Somebody's lock holds the question up: it is given up after a second, and never a "no".
	 */
	SQL(&r, "BEGIN; LOCK TABLE devices");
	ck_assert(devices_lookup(d, IMEI(1), 1, clock_mono_ms(), &now));
	UNTIL(&r, a.n == 1);
	ck_assert_int_eq(a.answer[0], LOOKUP_UNAVAILABLE);
	ck_assert(devices_lookup(d, IMEI(2), 2, clock_mono_ms(), &now));
	tasks_kick(r.tasks);
	while (!SAYS(&r, "1", "SELECT count(*) FROM pg_locks WHERE NOT granted"))
		rig_turn(&r);
	ck_assert(devices_lookup(d, IMEI(3), 3, clock_mono_ms(), &now));
	SQL(&r, RIG_CUT);
	UNTIL(&r, a.n == 3);
	ck_assert_int_eq(a.answer[1], LOOKUP_UNAVAILABLE);
	ck_assert_int_eq(a.answer[2], LOOKUP_UNAVAILABLE);
	ck_assert(!devices_lookup(d, IMEI(4), 4, clock_mono_ms(), &now));
	ck_assert_int_eq(now, LOOKUP_UNAVAILABLE);
	SQL(&r, "ROLLBACK");
	rig_stop(&r);
	devices_free(d);
	rig_close(&r);
}
END_TEST

START_TEST(unknown_devices_get_a_row_if_allowed)
{
	struct rig r;
	struct answers a;
	struct devices *d;
	enum lookup_answer now;

	rig_open(&r);
	SQL(&r, "ALTER TABLE devices ADD CHECK (imei <> '350000000000002')");
	d = add_devices(&r, &a, true);
	rig_start(&r);
	UNTIL(&r, registry_loaded(r.registry));
	for (int i = 1; i <= 3; i++)
		ck_assert(devices_lookup(d, IMEI(i), (uint64_t)i, clock_mono_ms(), &now));
	UNTIL(&r, a.n == 3);
	/* The one that the table refuses spoils nothing for the others. */
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(a.answer[i], a.token[i] == 2 ? LOOKUP_UNKNOWN : LOOKUP_KNOWN);
	ck_assert_str_eq(VALUE(&r, "SELECT count(*) FROM devices"), "2");
	ck_assert(entry_of(&r, 1).enabled && entry_of(&r, 3).enabled);
	rig_stop(&r);
	devices_free(d);
	rig_close(&r);
}
END_TEST

START_TEST(no_row_and_no_refusal_without_the_right_to_insert)
{
	struct rig r;
	struct answers a;
	struct devices *d;
	enum lookup_answer now;

	rig_open(&r);
	SQL(&r, "CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
		" RAISE insufficient_privilege USING MESSAGE = 'no'; END $$;"
		"CREATE TRIGGER no BEFORE INSERT ON devices EXECUTE FUNCTION no()");
	d = add_devices(&r, &a, true);
	rig_start(&r);
	UNTIL(&r, registry_loaded(r.registry));
	ck_assert(devices_lookup(d, IMEI(1), 1, clock_mono_ms(), &now));
	UNTIL(&r, a.n == 1);
	ck_assert_int_eq(a.answer[0], LOOKUP_UNAVAILABLE);
	rig_stop(&r);
	devices_free(d);
	rig_close(&r);
}
END_TEST

TCase *
devices_tests(void)
{
	TCase *t = tcase_create("devices");

	tcase_add_test(t, loads_all_devices);
	tcase_add_test(t, follows_changes);
	tcase_add_test(t, bulk_changes_load_all);
	tcase_add_test(t, loads_again_after_a_lost_connection);
	tcase_add_test(t, the_next_leader_loads);
	tcase_add_test(t, answers_lookups);
	tcase_add_test(t, without_a_database_nobody_is_refused);
	tcase_add_test(t, many_lookups_are_bounded);
	tcase_add_test(t, who_waits_is_told_when_the_database_goes);
	tcase_add_test(t, unknown_devices_get_a_row_if_allowed);
	tcase_add_test(t, no_row_and_no_refusal_without_the_right_to_insert);
	return t;
}

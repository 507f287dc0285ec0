/* Lookups of IMEIs that the registry doesn't hold, against a real PostgreSQL. */
#include <string.h>

#include "t/unit/worker/task/devices_rig.h"

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
	rig_start_nowhere(&r);
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
	rig_settle(&r, 0);
	/* Somebody's lock holds the question up: it is given up after a second, and never a "no".
	 */
	SQL(&r, "BEGIN; LOCK TABLE devices");
	ck_assert(devices_lookup(d, IMEI(1), 1, clock_mono_ms(), &now));
	UNTIL(&r, a.n == 1);
	ck_assert_int_eq(a.answer[0], LOOKUP_UNAVAILABLE);
	ck_assert(devices_lookup(d, IMEI(2), 2, clock_mono_ms(), &now));
	jobs_kick(devices_job(d));
	rig_blocked(&r);
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
	/* For a second it isn't even tried. */
	SQL(&r, "DROP TRIGGER no ON devices");
	ck_assert(devices_lookup(d, IMEI(2), 2, clock_mono_ms(), &now));
	UNTIL(&r, a.n == 2);
	ck_assert_int_eq(a.answer[1], LOOKUP_UNAVAILABLE);
	ck_assert_str_eq(VALUE(&r, "SELECT count(*) FROM devices"), "0");
	rig_stop(&r);
	devices_free(d);
	rig_close(&r);
}
END_TEST

/* Another worker asked later, and has told the registry already. */
static void
told_meanwhile(struct rig *r, int n, bool enabled)
{
	const struct device_row row = {
	    .imei = IMEI(n), .id = n, .present = true, .enabled = enabled, .codecs = CODEC_MAY_ALL};

	ck_assert_int_eq(
	    registry_apply(r->registry, &row, registry_seq(r->registry), NULL), REGISTRY_OK);
}

START_TEST(what_was_told_meanwhile_counts)
{
	struct rig r;
	struct answers a;
	struct devices *d;
	enum lookup_answer now;

	rig_open(&r);
	d = add_devices(&r, &a, false);
	SQL(&r, "ALTER TABLE devices DISABLE TRIGGER ALL");
	rig_start(&r);
	rig_settle(&r, 0);
	SQL(&r, "BEGIN; LOCK TABLE devices;"
		"INSERT INTO devices (id, imei, enabled) VALUES (1, '350000000000001', false),"
		" (2, '350000000000002', true)");
	for (int i = 1; i <= 4; i++)
		ck_assert(devices_lookup(d, IMEI(i), (uint64_t)i, clock_mono_ms(), &now));
	rig_blocked(&r);
	told_meanwhile(&r, 1, true);  /* by its word, as it serves the tracker */
	told_meanwhile(&r, 2, false); /* asked about again */
	told_meanwhile(&r, 3, true);
	told_meanwhile(&r, 4, false);
	SQL(&r, "COMMIT");
	UNTIL(&r, a.n == 4);
	for (int i = 0; i < 4; i++) {
		static const enum lookup_answer expected[] = {
		    LOOKUP_KNOWN, LOOKUP_KNOWN, LOOKUP_KNOWN, LOOKUP_UNKNOWN};

		ck_assert_int_eq(a.answer[i], expected[a.token[i] - 1]);
	}
	rig_stop(&r);
	devices_free(d);
	rig_close(&r);
}
END_TEST

START_TEST(stub_rows_survive_a_deadlock_and_several_refusals)
{
	struct rig r;
	struct answers a;
	struct devices *d;
	enum lookup_answer now;

	rig_open(&r);
	SQL(&r,
	    "CREATE SEQUENCE tries; CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$"
	    " BEGIN IF nextval('tries') = 3 THEN RAISE deadlock_detected; END IF; RETURN NEW;"
	    " END $$; CREATE TRIGGER no BEFORE INSERT ON devices FOR EACH ROW EXECUTE FUNCTION no()");
	SQL(&r, "ALTER TABLE devices ADD CHECK (right(imei, 2) NOT IN ('17', '18', '60'))");
	d = add_devices(&r, &a, true);
	rig_start(&r);
	rig_settle(&r, 0);
	int64_t begin = clock_mono_ms();
	for (int i = 1; i <= 60; i++)
		ck_assert(devices_lookup(d, IMEI(i), (uint64_t)i, begin, &now));
	UNTIL(&r, a.n == 60);
	ck_assert_int_lt(clock_mono_ms() - begin, 3000); /* a refused statement costs no pause */
	for (int i = 0; i < 60; i++)
		ck_assert_int_eq(a.answer[i],
		    a.token[i] == 17 || a.token[i] == 18 || a.token[i] == 60 ? LOOKUP_UNKNOWN
									     : LOOKUP_KNOWN);
	ck_assert_str_eq(VALUE(&r, "SELECT count(*) FROM devices"), "57");
	rig_stop(&r);
	devices_free(d);
	rig_close(&r);
}
END_TEST

TCase *
imei_lookup_tests(void)
{
	TCase *t = tcase_create("lookups of IMEIs");

	tcase_add_test(t, answers_lookups);
	tcase_add_test(t, without_a_database_nobody_is_refused);
	tcase_add_test(t, many_lookups_are_bounded);
	tcase_add_test(t, who_waits_is_told_when_the_database_goes);
	tcase_add_test(t, unknown_devices_get_a_row_if_allowed);
	tcase_add_test(t, no_row_and_no_refusal_without_the_right_to_insert);
	tcase_add_test(t, what_was_told_meanwhile_counts);
	tcase_add_test(t, stub_rows_survive_a_deadlock_and_several_refusals);
	return t;
}

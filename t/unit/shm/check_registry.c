/*
 * The registry of devices and directory of sessions (shm/registry.h): the order of answers that
 * overtake each other, full loads, sessions.
 */
#include <check.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "shm/area.h"
#include "shm/registry_impl.h"
#include "t/unit/shm/registry_rig.h"

START_TEST(finds_what_was_put_in)
{
	struct device_row r = row(IMEI, 77, true);
	uint32_t entry = 5;

	ck_assert_uint_eq(registry_find(reg, IMEI), REGISTRY_NONE);
	ck_assert_uint_eq(registry_find(reg, 0), REGISTRY_NONE);
	r.codecs = CODEC_MAY_8 | CODEC_MAY_15;
	ck_assert_int_eq(registry_apply(reg, &r, 0, &entry), REGISTRY_OK);
	ck_assert_uint_eq(entry, registry_find(reg, IMEI));
	ck_assert_uint_eq(registry_imei(reg, entry), IMEI);
	ck_assert_uint_eq(registry_count(reg), 1);
	ck_assert_int_eq(get(IMEI).id, 77);
	ck_assert(get(IMEI).present && get(IMEI).enabled);
	ck_assert_uint_eq(get(IMEI).codecs, CODEC_MAY_8 | CODEC_MAY_15);
	ck_assert_uint_eq(registry_find(reg, IMEI + 1), REGISTRY_NONE);
	/* 0 is no IMEI, and what isn't there gets no entry. */
	ck_assert_int_eq(apply_now(row(0, 1, true)), REGISTRY_UNCHANGED);
	r = gone(IMEI + 9);
	ck_assert_int_eq(registry_apply(reg, &r, registry_seq(reg), &entry), REGISTRY_UNCHANGED);
	ck_assert_uint_eq(entry, REGISTRY_NONE);
	ck_assert_uint_eq(registry_count(reg), 1);
}
END_TEST

START_TEST(changes_raise_the_version)
{
	struct device_row r;
	uint64_t v = registry_version(reg);

	add(IMEI);
	add(IMEI + 1);
	ck_assert_uint_eq(registry_version(reg), v); /* no session can be concerned */
	ck_assert_int_eq(apply_now(row(IMEI, 1, true)), REGISTRY_UNCHANGED);
	ck_assert_uint_eq(registry_version(reg), v);
	ck_assert_int_eq(apply_now(row(IMEI, 1, false)), REGISTRY_OK);
	ck_assert_uint_gt(registry_version(reg), v);
	ck_assert(get(IMEI).present && !get(IMEI).enabled);
	v = registry_version(reg);
	ck_assert_int_eq(apply_now(row(IMEI, 9, false)), REGISTRY_OK);
	ck_assert_uint_gt(registry_version(reg), v);
	v = registry_version(reg);
	r = row(IMEI, 9, false);
	r.codecs = CODEC_MAY_16;
	ck_assert_int_eq(apply_now(r), REGISTRY_OK);
	ck_assert_uint_gt(registry_version(reg), v);
	v = registry_version(reg);
	ck_assert_int_eq(apply_now(gone(IMEI)), REGISTRY_OK);
	ck_assert_uint_gt(registry_version(reg), v);
	ck_assert(!get(IMEI).present && !get(IMEI).enabled);
	ck_assert_int_eq(apply_now(gone(IMEI)), REGISTRY_UNCHANGED);
	/* Back again, in the same entry. */
	ck_assert_int_eq(apply_now(row(IMEI, 10, true)), REGISTRY_OK);
	ck_assert_int_eq(get(IMEI).id, 10);
	ck_assert_uint_eq(registry_count(reg), 2);
}
END_TEST

/* Answers that were asked for before another one was taken are refused, each way round. */
START_TEST(stale_answers)
{
	struct device_row r = row(IMEI, 1, true);
	uint64_t asked;
	uint32_t entry;

	add(IMEI);
	asked = registry_seq(reg);
	ck_assert_int_eq(apply(row(IMEI, 1, false), asked), REGISTRY_OK);
	ck_assert_int_eq(registry_apply(reg, &r, asked, &entry), REGISTRY_STALE);
	ck_assert_uint_eq(entry, registry_find(reg, IMEI));
	ck_assert(!get(IMEI).enabled);
	ck_assert_int_eq(apply_now(row(IMEI, 1, true)), REGISTRY_OK);

	/* A confirmation is as good as a change: the older answer can't undo it. */
	asked = registry_seq(reg);
	ck_assert_int_eq(apply(row(IMEI, 1, true), asked), REGISTRY_UNCHANGED);
	ck_assert_int_eq(apply(row(IMEI, 1, false), asked), REGISTRY_STALE);
	ck_assert(get(IMEI).enabled);

	/* Another device is not concerned. */
	asked = registry_seq(reg);
	ck_assert_int_eq(apply(row(IMEI, 1, false), asked), REGISTRY_OK);
	ck_assert_int_eq(apply(row(IMEI + 1, 2, true), asked), REGISTRY_OK);

	/* Not there is an answer too, also for a device that never had an entry. */
	asked = registry_seq(reg);
	ck_assert_int_eq(apply(gone(IMEI + 2), asked), REGISTRY_UNCHANGED);
	ck_assert_int_eq(apply(row(IMEI + 2, 3, true), asked), REGISTRY_STALE);
	ck_assert_uint_eq(registry_find(reg, IMEI + 2), REGISTRY_NONE);
	ck_assert_int_eq(apply_now(row(IMEI + 2, 3, true)), REGISTRY_OK);
}
END_TEST

START_TEST(full_table)
{
	for (uint32_t i = 0; i < MAX; i++)
		ck_assert_uint_eq(add(IMEI + i * 1000003u), i);
	ck_assert_int_eq(apply_now(row(IMEI - 5, 5, true)), REGISTRY_FULL);
	ck_assert_uint_eq(registry_find(reg, IMEI - 5), REGISTRY_NONE);
	ck_assert_uint_eq(registry_count(reg), MAX);
	for (uint32_t i = 0; i < MAX; i++)
		ck_assert_uint_eq(registry_find(reg, IMEI + i * 1000003u), i);
	/* Those that are there are still kept right. */
	ck_assert_int_eq(apply_now(row(IMEI, 1, false)), REGISTRY_OK);
}
END_TEST

static void
load_row(const struct registry_load *load, struct device_row r, enum registry_result expected)
{
	ck_assert_int_eq(registry_load_row(reg, load, &r), expected);
}

START_TEST(full_load)
{
	struct registry_load load;
	uint64_t v;

	ck_assert(!registry_loaded(reg));
	add(IMEI);
	add(IMEI + 1);
	add(IMEI + 2);
	registry_load_begin(reg, &load);
	load_row(&load, row(IMEI, 1, true), REGISTRY_UNCHANGED);
	load_row(&load, row(IMEI + 4, 5, true), REGISTRY_OK);
	/* By NOTIFY, while the load is under way: newer than what the load will say. */
	ck_assert_int_eq(apply_now(row(IMEI + 1, 2, false)), REGISTRY_OK);
	load_row(&load, row(IMEI + 1, 2, true), REGISTRY_STALE);
	ck_assert_int_eq(apply_now(row(IMEI + 3, 4, true)), REGISTRY_OK);
	v = registry_version(reg);

	/* One that breaks off tells nothing about what it didn't see. */
	registry_load_end(reg, &load, false);
	ck_assert(!registry_loaded(reg));
	ck_assert(get(IMEI + 2).present);
	ck_assert_uint_eq(registry_version(reg), v);

	registry_load_end(reg, &load, true);
	ck_assert(registry_loaded(reg));
	ck_assert(get(IMEI).enabled);
	ck_assert(get(IMEI + 1).present && !get(IMEI + 1).enabled);
	ck_assert_uint_eq(registry_find(reg, IMEI + 2), REGISTRY_NONE);
	ck_assert(get(IMEI + 3).present);
	ck_assert(get(IMEI + 4).present);
	ck_assert_uint_gt(registry_version(reg), v);
	v = registry_version(reg);

	/* Asked before the load saw that it's gone. */
	ck_assert_int_eq(apply(row(IMEI + 2, 3, true), load.asked_at), REGISTRY_STALE);
	/* A load that changes nothing disturbs nobody. */
	registry_load_begin(reg, &load);
	load_row(&load, row(IMEI, 1, true), REGISTRY_UNCHANGED);
	load_row(&load, row(IMEI + 1, 2, false), REGISTRY_UNCHANGED);
	load_row(&load, row(IMEI + 3, 4, true), REGISTRY_UNCHANGED);
	load_row(&load, row(IMEI + 4, 5, true), REGISTRY_UNCHANGED);
	registry_load_end(reg, &load, true);
	ck_assert_uint_eq(registry_version(reg), v);
}
END_TEST

START_TEST(session_ids)
{
	const int64_t now = INT64_C(1800000000000000);
	int64_t last = 0;

	for (uint32_t owner = 0; owner < 2048; owner += 89) {
		/* The clock stands, jumps back, and goes on. */
		int64_t id = registry_new_session(reg, owner, now - (owner % 3) * 1000000);

		ck_assert_int_gt(id >> SHM_OWNER_BITS, last >> SHM_OWNER_BITS);
		ck_assert_int_eq(id & ((1 << SHM_OWNER_BITS) - 1), owner);
		last = id;
	}
	ck_assert_int_eq(last >> SHM_OWNER_BITS, now + 23);
	last = registry_new_session(reg, 3, now + 5000000);
	ck_assert_int_eq(last >> SHM_OWNER_BITS, now + 5000000);
	ck_assert_int_gt(registry_new_session(reg, 3, INT64_MIN), last);
	/* The clock is set back for good: nobody waits for the time that it had been. */
	last = registry_new_session(reg, 3, now);
	ck_assert_int_eq(registry_session_time(last), now);
	ck_assert_int_gt(registry_new_session(reg, 2047, INT64_MAX), last);
}
END_TEST

/* A session that began ahead of the clock counts as older than any that begins now. */
START_TEST(sessions_ahead_of_the_clock)
{
	const int64_t now = INT64_C(1800000000000000);
	uint32_t e = add(IMEI);
	int64_t ahead = registry_new_session(reg, 1, now + 7200000000);
	int64_t id = registry_new_session(reg, 1, now);

	ck_assert_int_eq(registry_session_open(reg, e, ahead), 0);
	ck_assert_int_eq(registry_session_open(reg, e, id), ahead);
	ck_assert_int_eq(registry_session(reg, e), id);
	/* Four seconds are not ahead. */
	ahead = registry_new_session(reg, 1, now + 4000000);
	ck_assert_int_eq(registry_session_open(reg, e, ahead), id);
	ck_assert_int_eq(registry_session_open(reg, e, id), ahead);
	ck_assert_int_eq(registry_session(reg, e), ahead);
}
END_TEST

/* An entry that is free has no session that could count as older, however far ahead that seems. */
START_TEST(sessions_of_free_entries)
{
	uint32_t e = add(IMEI), name = registry_entry_at(reg, 0);
	int64_t id = registry_new_session(reg, 1, INT64_C(1800000000000000));

	ck_assert_uint_eq(name, e);
	atomic_store(&registry_at(reg, e)->session, REGISTRY_SESSION_GONE);
	ck_assert_int_eq(registry_session_open(reg, e, id), REGISTRY_SESSION_GONE);
	registry_session_lost(reg, e, REGISTRY_SESSION_GONE);
	ck_assert_int_eq(registry_session(reg, e), 0);
	ck_assert_int_eq(atomic_load(&registry_at(reg, e)->session), REGISTRY_SESSION_GONE);
}
END_TEST

/* Another gateway has taken it: by its id as the database knows it, which may have been provisional. */
START_TEST(sessions_lost_to_another_gateway)
{
	struct db_clock clock = {0};
	uint32_t e = add(IMEI);
	int64_t id, settled;
	uint64_t v;

	db_clock_share(&clock);
	id = registry_new_session(reg, 5, db_clock_us());
	ck_assert_int_lt(registry_session_time(id), DB_CLOCK_FIRST_US);
	ck_assert_int_eq(registry_session_open(reg, e, id), 0);
	db_clock_measured(0, INT64_C(1800000000000000), 0);
	settled = registry_settled_session(id);
	ck_assert_int_eq(
	    registry_session_time(settled), registry_session_time(id) + INT64_C(1800000000000000));
	ck_assert_int_eq(settled & ((1 << SHM_OWNER_BITS) - 1), 5);
	ck_assert_int_eq(registry_settled_session(settled), settled);
	v = registry_version(reg);
	registry_session_lost(reg, e, settled + 1);
	ck_assert_int_eq(registry_session(reg, e), id);
	ck_assert_uint_eq(registry_version(reg), v);
	registry_session_lost(reg, e, settled);
	ck_assert_int_eq(registry_session(reg, e), 0);
	ck_assert_uint_gt(registry_version(reg), v);
	registry_session_lost(reg, e, settled);
	/* Those that come after are newer. */
	ck_assert_int_gt(registry_new_session(reg, 5, db_clock_us()), id);
	db_clock_share(NULL);
}
END_TEST

START_TEST(newest_session_wins)
{
	uint32_t e = add(IMEI);
	int64_t a = registry_new_session(reg, 1, 1000), b = registry_new_session(reg, 0, 1000);
	uint64_t v = registry_version(reg);

	ck_assert_int_eq(registry_session(reg, e), 0);
	ck_assert_int_eq(registry_session_open(reg, e, a), 0);
	ck_assert_uint_eq(registry_version(reg), v);
	ck_assert_int_eq(registry_session_open(reg, e, b), a);
	ck_assert_uint_gt(registry_version(reg), v);
	ck_assert_int_eq(registry_session(reg, e), b);
	/* The old one's goodbye comes late. */
	registry_session_close(reg, e, a);
	ck_assert_int_eq(registry_session(reg, e), b);
	/* One that was drawn earlier and comes later has lost already, and everybody looks. */
	v = registry_version(reg);
	ck_assert_int_eq(registry_session_open(reg, e, a), b);
	ck_assert_int_eq(registry_session(reg, e), b);
	ck_assert_uint_gt(registry_version(reg), v);
	registry_session_close(reg, e, b);
	ck_assert_int_eq(registry_session(reg, e), 0);
}
END_TEST

START_TEST(left_by_a_dead_owner)
{
	const uint32_t dead = 6, other = 7;
	uint32_t a = add(IMEI), b = add(IMEI + 1), c = add(IMEI + 2), d = add(IMEI + 3);
	uint32_t cursor = 0;
	int64_t sa = registry_new_session(reg, dead, 1), sc = registry_new_session(reg, dead, 1);
	int64_t sd = registry_new_session(reg, other, 1), session = 1;

	add(IMEI + 4);
	ck_assert_int_eq(registry_session_open(reg, a, sa), 0); /* session alone */
	registry_set_dirty(reg, b, dead);			/* mark alone */
	ck_assert_int_eq(registry_session_open(reg, c, sc), 0); /* both */
	registry_set_dirty(reg, c, dead);
	ck_assert_int_eq(registry_session_open(reg, d, sd), 0); /* another's */
	registry_set_dirty(reg, d, other);

	ck_assert_uint_eq(registry_next_of_dead(reg, dead, &cursor, &session), a);
	ck_assert_int_eq(session, sa);
	ck_assert_uint_eq(registry_next_of_dead(reg, dead, &cursor, &session), b);
	ck_assert_int_eq(session, 0);
	ck_assert_uint_eq(registry_next_of_dead(reg, dead, &cursor, &session), c);
	ck_assert_int_eq(session, sc);
	ck_assert_uint_eq(registry_next_of_dead(reg, dead, &cursor, &session), REGISTRY_NONE);
	ck_assert_int_eq(session, 0);
	/* They were cleared; the other's were not. */
	cursor = 0;
	ck_assert_uint_eq(registry_next_of_dead(reg, dead, &cursor, &session), REGISTRY_NONE);
	ck_assert_int_eq(registry_session(reg, a), 0);
	cursor = 0;
	ck_assert_uint_eq(registry_next_of_dead(reg, other, &cursor, &session), d);
	ck_assert_int_eq(session, sd);
}
END_TEST

START_TEST(bookkeeping)
{
	uint32_t e = add(IMEI), cursor = 0;
	int64_t session;

	registry_set_flushed_ms(reg, e, 11);
	registry_set_duplicate_ms(reg, e, 22999);
	registry_set_pinged_ms(reg, e, 33999);
	ck_assert_int_eq(registry_flushed_ms(reg, e), 11);
	ck_assert_int_eq(registry_duplicate_ms(reg, e), 22000);
	ck_assert_int_eq(registry_pinged_ms(reg, e), 33000);
	/* A mark stays with its first owner, whoever serves the device next. */
	registry_set_dirty(reg, e, 3);
	registry_set_dirty(reg, e, 4);
	ck_assert_uint_eq(registry_next_of_dead(reg, 4, &cursor, &session), REGISTRY_NONE);
	cursor = 0;
	ck_assert_uint_eq(registry_next_of_dead(reg, 3, &cursor, &session), e);
	cursor = 0;
	/* It is taken away by its owner alone; owner 0 is an owner. */
	registry_set_dirty(reg, e, 0);
	registry_clear_dirty(reg, e, 1);
	ck_assert_uint_eq(registry_next_of_dead(reg, 0, &cursor, &session), e);
	registry_set_dirty(reg, e, 0);
	registry_clear_dirty(reg, e, 0);
	cursor = 0;
	ck_assert_uint_eq(registry_next_of_dead(reg, 0, &cursor, &session), REGISTRY_NONE);
}
END_TEST

/*
 * A large fleet loads fast; the test's own time limit is the bound. (In loops as long as
 * these ck_assert would take most of the time, so failures are counted.)
 */
START_TEST(large_fleet)
{
	const uint32_t n = 600000;
	struct registry *big = rig_map(registry_size(1000000));
	struct registry_load load;
	int wrong = 0;

	registry_init(big, 1000000);
	for (int round = 0; round < 2; round++) {
		registry_load_begin(big, &load);
		for (uint32_t i = 0; i < n; i++) {
			struct device_row r = row(IMEI + i * 3u, i, true);

			wrong += registry_load_row(big, &load, &r) !=
				 (round == 0 ? REGISTRY_OK : REGISTRY_UNCHANGED);
		}
		registry_load_end(big, &load, true);
	}
	ck_assert_int_eq(wrong, 0);
	ck_assert_uint_eq(registry_count(big), n);
	for (uint32_t i = 0; i < n; i++) {
		wrong += registry_find(big, IMEI + i * 3u) != i;
		wrong += registry_find(big, IMEI + i * 3u + 1) != REGISTRY_NONE;
	}
	ck_assert_int_eq(wrong, 0);
	munmap(big, registry_size(1000000));
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("registry");
	TCase *t = tcase_create("registry");
	SRunner *r;
	int failed;

	tcase_set_timeout(t, 120);
	tcase_add_checked_fixture(t, rig_setup, rig_teardown);
	tcase_add_test(t, finds_what_was_put_in);
	tcase_add_test(t, changes_raise_the_version);
	tcase_add_test(t, stale_answers);
	tcase_add_test(t, full_table);
	tcase_add_test(t, full_load);
	tcase_add_test(t, session_ids);
	tcase_add_test(t, sessions_ahead_of_the_clock);
	tcase_add_test(t, sessions_of_free_entries);
	tcase_add_test(t, sessions_lost_to_another_gateway);
	tcase_add_test(t, newest_session_wins);
	tcase_add_test(t, left_by_a_dead_owner);
	tcase_add_test(t, bookkeeping);
	tcase_add_test(t, large_fleet);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

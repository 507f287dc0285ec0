/*
 * Entries of deleted devices are used again: when, what those see who still have the old name, and that
 * nothing gets lost or mixed up while readers, sessions and batches go on beside it.
 */
#include <check.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shm/registry_impl.h"
#include "t/unit/shm/registry_rig.h"

#define OWNER 5u

static int64_t
session(uint32_t owner)
{
	static int64_t us = 1000;

	return registry_new_session(reg, owner, ++us);
}

/* All that the database has are the devices from `first` to `last`. */
static void
load(uint64_t first, uint64_t last)
{
	struct registry_load l;

	registry_load_begin(reg, &l);
	for (uint64_t i = first; i <= last; i++) {
		struct device_row r = row(IMEI + i, (int64_t)i, true);

		(void)!registry_load_row(reg, &l, &r);
	}
	registry_load_end(reg, &l, true);
}

static void
fill(void)
{
	for (uint64_t i = 1; i <= MAX; i++)
		(void)add(IMEI + i);
	ck_assert_uint_eq(registry_count(reg), MAX);
}

static bool
is_full(uint64_t imei)
{
	return apply_now(row(imei, (int64_t)(imei - IMEI), true)) == REGISTRY_FULL;
}

/* 1,000 devices, 500 deleted, 10 added. */
START_TEST(room_at_once)
{
	fill();
	ck_assert(is_full(IMEI + 2000));
	ck_assert(registry_take_full_request(reg));
	ck_assert(!registry_take_full_request(reg));
	for (uint64_t i = 1; i <= 500; i++)
		ck_assert_int_eq(apply_now(gone(IMEI + i)), REGISTRY_OK);
	for (uint64_t i = 2001; i <= 2500; i++)
		ck_assert_int_eq(apply_now(row(IMEI + i, (int64_t)i, true)), REGISTRY_OK);
	ck_assert(is_full(IMEI + 2501));
	ck_assert_uint_eq(registry_count(reg), MAX);
	for (uint64_t i = 1; i <= 2500; i++) {
		uint32_t e = registry_find(reg, IMEI + i);

		if (i > 500 && (i <= MAX || i > 2000)) {
			ck_assert_uint_ne(e, REGISTRY_NONE);
			ck_assert_uint_eq(registry_imei(reg, e), IMEI + i);
			ck_assert(get(IMEI + i).present);
		} else {
			ck_assert_uint_eq(e, REGISTRY_NONE);
		}
	}
}
END_TEST

/* Deleted without a word: a load finds out, and says that another one would find room. */
START_TEST(within_a_full_load)
{
	fill();
	load(501, MAX + 10);
	ck_assert(registry_take_full_request(reg));
	load(501, MAX + 10);
	ck_assert(!registry_take_full_request(reg));
	ck_assert(get(IMEI + MAX + 10).present);
	ck_assert_uint_eq(registry_find(reg, IMEI + 1), REGISTRY_NONE);
	/* Full of devices that are there: a load is of no use. */
	load(1, MAX + 20);
	load(1, MAX + 20);
	ck_assert(!registry_take_full_request(reg));
}
END_TEST

START_TEST(old_names)
{
	uint32_t old, new;
	int64_t id, other;

	fill();
	old = registry_find(reg, IMEI + 7);
	id = session(OWNER);
	ck_assert_int_eq(apply_now(gone(IMEI + 7)), REGISTRY_OK);
	ck_assert_int_eq(apply_now(row(IMEI + 3000, 3000, true)), REGISTRY_OK);
	new = registry_find(reg, IMEI + 3000);
	ck_assert_uint_ne(old, new);
	ck_assert_uint_eq(old & PLACE_MASK, new &PLACE_MASK);
	/* The new device is untouched by whoever has the old name. */
	other = session(OWNER);
	ck_assert_int_eq(registry_session_open(reg, new, other), 0);
	ck_assert_int_eq(registry_session_open(reg, old, id), REGISTRY_SESSION_GONE);
	ck_assert_int_eq(registry_session_open(reg, old, session(OWNER)), REGISTRY_SESSION_GONE);
	ck_assert_int_eq(registry_session(reg, old), 0);
	registry_session_close(reg, old, id);
	ck_assert_int_eq(registry_session(reg, new), other);
	registry_set_dirty(reg, old, OWNER);
	registry_set_flushed_ms(reg, old, 77);
	registry_set_duplicate_ms(reg, old, 77000);
	registry_set_pinged_ms(reg, old, 77000);
	ck_assert_uint_eq(registry_note_address(reg, old, 7, 0), 0);
	ck_assert_int_eq(registry_flushed_ms(reg, new), 0);
	ck_assert_int_eq(registry_duplicate_ms(reg, new), 0);
	ck_assert_int_eq(registry_pinged_ms(reg, new), 0);
	ck_assert_int_eq(registry_flushed_ms(reg, old), 0);
	ck_assert_int_eq(registry_duplicate_ms(reg, old), 0);
	ck_assert_int_eq(registry_pinged_ms(reg, old), 0);
	ck_assert_uint_eq(atomic_load(&registry_at(reg, new)->dirty), 0);
	ck_assert_uint_eq(registry_imei(reg, old), 0);
	struct device_entry e;

	registry_get(reg, old, &e);
	ck_assert(!e.present && e.id == 0);
	registry_get(reg, new, &e);
	ck_assert(e.present && e.id == 3000);
}
END_TEST

/* Whatever is under way keeps it. */
START_TEST(not_while_it_is_in_use)
{
	uint32_t entry;
	int64_t id;

	fill();
	entry = registry_find(reg, IMEI + 7);
	/* A session. */
	id = session(OWNER);
	ck_assert_int_eq(registry_session_open(reg, entry, id), 0);
	ck_assert_int_eq(apply_now(gone(IMEI + 7)), REGISTRY_OK);
	ck_assert(is_full(IMEI + 3000));
	/* A frame of it, in a batch that began before the session ended. */
	registry_batches_since(reg, OWNER, registry_seq(reg));
	registry_session_close(reg, entry, id);
	ck_assert(is_full(IMEI + 3000));
	registry_batches_since(reg, OWNER, 0);
	/* A dirty mark. */
	registry_set_dirty(reg, entry, OWNER);
	ck_assert(is_full(IMEI + 3000));
	registry_clear_dirty(reg, entry, OWNER);
	/* A batch that began later is no reason. */
	registry_batches_since(reg, OWNER, registry_seq(reg) + 1);
	ck_assert(!is_full(IMEI + 3000));
	ck_assert_int_eq(registry_session(reg, registry_find(reg, IMEI + 3000)), 0);
	/* Nor is one's own session, which can be opened at once. */
	ck_assert_int_eq(
	    registry_session_open(reg, registry_find(reg, IMEI + 3000), session(OWNER)), 0);
}
END_TEST

/* A question that was asked before a deletion may be answered behind it. */
START_TEST(late_answers)
{
	uint64_t asked_at;
	uint32_t cursor = 0;
	int64_t id;

	fill();
	asked_at = registry_seq(reg);
	ck_assert_int_eq(apply_now(gone(IMEI + 7)), REGISTRY_OK);
	ck_assert_int_eq(apply_now(row(IMEI + 3000, 3000, true)), REGISTRY_OK);
	ck_assert_int_eq(apply_now(gone(IMEI + 8)), REGISTRY_OK);
	ck_assert_int_eq(apply(row(IMEI + 7, 7, true), asked_at), REGISTRY_STALE);
	ck_assert_int_eq(apply_now(row(IMEI + 7, 7, true)), REGISTRY_OK);
	/* A free entry has no session for a dead worker to have left. */
	ck_assert_int_eq(apply_now(gone(IMEI + 9)), REGISTRY_OK);
	load(10, MAX);
	ck_assert_uint_eq(registry_next_of_dead(reg, OWNERS - 1, &cursor, &id), REGISTRY_NONE);
}
END_TEST

/* Many lives of one place: names of the last 255 differ. */
START_TEST(generations)
{
	uint32_t names[300];

	fill();
	for (uint64_t i = 0; i < 300; i++) {
		ck_assert_int_eq(
		    apply_now(gone(i == 0 ? IMEI + 1 : IMEI + 4000 + i - 1)), REGISTRY_OK);
		ck_assert_int_eq(apply_now(row(IMEI + 4000 + i, 1, true)), REGISTRY_OK);
		names[i] = registry_find(reg, IMEI + 4000 + i);
		ck_assert_uint_ne(names[i], REGISTRY_NONE);
		for (uint64_t k = i > 254 ? i - 254 : 0; k < i; k++)
			ck_assert_uint_ne(names[k], names[i]);
	}
}
END_TEST

/* ---- Churn: readers, sessions and batches beside ---- */

#define STABLE 300u  /* devices that are always there, */
#define MOVING 3000u /* and those that come and go */
#define READERS 2
#define ROUNDS 400

static _Atomic bool over;
static _Atomic uint64_t looks, opened;

/* An IMEI tells its id, and stays what it was. */
static void *
reader(void *arg)
{
	unsigned seed = (unsigned)(uintptr_t)arg;

	while (!atomic_load(&over)) {
		uint64_t i = (uint64_t)rand_r(&seed) % (STABLE + MOVING);
		uint32_t e = registry_find(reg, IMEI + i);
		struct device_entry d;

		ck_assert(e != REGISTRY_NONE || i >= STABLE);
		if (e == REGISTRY_NONE)
			continue;
		registry_get(reg, e, &d);
		ck_assert(!d.present || d.id == (int64_t)i);
		ck_assert(d.present || i >= STABLE);
		atomic_fetch_add(&looks, 1);
	}
	return NULL;
}

/* A worker: a session, a frame in a batch, the end of both, and the old name afterwards. */
static void *
worker(void *arg)
{
	uint32_t owner = (uint32_t)(uintptr_t)arg;
	unsigned seed = owner;

	while (!atomic_load(&over)) {
		uint64_t i = STABLE + (uint64_t)rand_r(&seed) % MOVING;
		uint32_t e = registry_find(reg, IMEI + i);
		struct device_entry d;
		int64_t id;
		bool ours;

		if (e == REGISTRY_NONE)
			continue;
		registry_get(reg, e, &d);
		if (!d.present)
			continue;
		id = registry_new_session(reg, owner, 1);
		if (registry_session_open(reg, e, id) > id)
			continue;
		atomic_fetch_add(&opened, 1);
		registry_batches_since(reg, owner, registry_seq(reg));
		/* Another one may have taken it over, and left; else the entry is ours until the end. */
		ours = registry_session(reg, e) == id;
		registry_set_dirty(reg, e, owner);
		registry_session_close(reg, e, id);
		registry_get(reg, e, &d);
		ck_assert(d.id == (int64_t)i || (!ours && d.id == 0));
		registry_clear_dirty(reg, e, owner);
		registry_batches_since(reg, owner, 0);
	}
	return NULL;
}

START_TEST(churn)
{
	pthread_t t[READERS + 2];
	unsigned seed = 1;
	bool there[STABLE + MOVING] = {false};

	for (uint64_t i = 0; i < STABLE; i++) {
		there[i] = true;
		ck_assert_int_eq(apply_now(row(IMEI + i, (int64_t)i, true)), REGISTRY_OK);
	}
	for (uintptr_t i = 0; i < READERS + 2; i++)
		ck_assert_int_eq(
		    pthread_create(&t[i], NULL, i < READERS ? reader : worker, (void *)(i + 1)), 0);
	for (int n = 0; n < ROUNDS || atomic_load(&opened) < 1000; n++) {
		struct registry_load l;

		for (int k = 0; k < 60; k++) {
			uint64_t i = STABLE + (uint64_t)rand_r(&seed) % MOVING;

			if (there[i])
				there[i] = apply_now(gone(IMEI + i)) != REGISTRY_OK;
			else
				there[i] =
				    apply_now(row(IMEI + i, (int64_t)i, true)) == REGISTRY_OK;
		}
		if (n % 10 != 0)
			continue;
		registry_load_begin(reg, &l);
		for (uint64_t i = 0; i < STABLE + MOVING; i++) {
			struct device_row r = row(IMEI + i, (int64_t)i, true);

			if (there[i])
				(void)!registry_load_row(reg, &l, &r);
		}
		registry_load_end(reg, &l, true);
	}
	atomic_store(&over, true);
	for (int i = 0; i < READERS + 2; i++)
		pthread_join(t[i], NULL);
	ck_assert_uint_gt(atomic_load(&looks), 1000);
	for (uint64_t i = 0; i < STABLE + MOVING; i++)
		ck_assert_int_eq(
		    registry_find(reg, IMEI + i) != REGISTRY_NONE && get(IMEI + i).present,
		    there[i]);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("registry_reuse");
	TCase *t = tcase_create("registry_reuse");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, rig_setup, rig_teardown);
	tcase_add_test(t, room_at_once);
	tcase_add_test(t, within_a_full_load);
	tcase_add_test(t, old_names);
	tcase_add_test(t, not_while_it_is_in_use);
	tcase_add_test(t, late_answers);
	tcase_add_test(t, generations);
	tcase_add_test(t, churn);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/*
 * The supervisor of a worker slot, on a fake clock: every rule of respawning, back-off, hanging and
 * being down, without a process.
 */
#include <check.h>

#include "t/unit/master/slot_rig.h"

START_TEST(starts_and_gets_ready)
{
	expect_one(SLOT_SPAWN, 0);
	ck_assert_int_eq((int)s.occupant[0].state, OCCUPANT_STARTING);
	ck_assert(!slot_accepting(&s, 0));
	slot_ready(&s, 0, now);
	ck_assert_int_eq((int)s.occupant[0].state, OCCUPANT_READY);
	ck_assert(slot_accepting(&s, 0));
	ck_assert(slot_settled(&s));
	ck_assert(!slot_empty(&s));
	ck_assert_int_eq(slot_due(&s), SLOT_NEVER);
	/* A second READY, and one of nobody, mean nothing. */
	slot_ready(&s, 0, now + 5);
	ck_assert_int_eq(s.occupant[0].ready_ms, now);
	slot_ready(&s, 1, now);
	ck_assert_int_eq((int)s.occupant[1].state, OCCUPANT_NONE);
}
END_TEST

START_TEST(ready_one_is_replaced_at_once)
{
	slot_ready(&s, 0, now);
	now += 5000;
	exit_now(0);
	expect_one(SLOT_SPAWN, 0);
	ck_assert_int_eq(s.spawned_ms, now);
	/* So is one that left by itself. */
	slot_ready(&s, 0, now);
	now += 1000;
	exit_now(0);
	expect_one(SLOT_SPAWN, 0);
}
END_TEST

START_TEST(at_most_once_a_second)
{
	int64_t spawned = now;

	now += 10;
	slot_ready(&s, 0, now);
	now += 10;
	exit_now(0);
	expect_nothing();
	ck_assert_int_eq(slot_due(&s), spawned + SLOT_RESPAWN_MS);
	ck_assert(slot_empty(&s));
	slot_wake(&s, spawned + SLOT_RESPAWN_MS - 1, &out);
	expect_nothing();
	slot_wake(&s, spawned + SLOT_RESPAWN_MS, &out);
	expect_one(SLOT_SPAWN, 0);
	ck_assert_int_eq(slot_due(&s), SLOT_NEVER);
}
END_TEST

START_TEST(backs_off_before_ready)
{
	static const int64_t expected[] = {1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000};
	size_t i;

	for (i = 0; i < sizeof(expected) / sizeof(*expected); i++) {
		now += 50;
		exit_now(0);
		expect_nothing();
		ck_assert_int_eq(slot_due(&s) - now, expected[i]);
		now = slot_due(&s);
		slot_wake(&s, now, &out);
		expect_one(SLOT_SPAWN, 0);
	}
}
END_TEST

/*
 * Fails twice, gets ready for `healthy` seconds, dies, is replaced and fails again: how long now?
 */
static int64_t
backoff_after_health(int healthy)
{
	int i;

	for (i = 0; i < 2; i++) {
		exit_now(0);
		now = slot_due(&s);
		slot_wake(&s, now, &out);
	}
	slot_ready(&s, 0, now);
	for (i = 0; i < healthy; i++)
		tick(true, false);
	now += 1000;
	exit_now(0);
	expect_one(SLOT_SPAWN, 0);
	exit_now(0);
	return slot_due(&s) - now;
}

START_TEST(healthy_minute_forgets_failures)
{
	ck_assert_int_eq(backoff_after_health(59), 4000);
	slot_setup();
	ck_assert_int_eq(backoff_after_health(60), 1000);
}
END_TEST

START_TEST(late_one_is_killed)
{
	int i;

	for (i = 1; i < SLOT_READY_TICKS; i++) {
		tick(true, false);
		expect_nothing();
	}
	tick(true, false);
	expect_one(SLOT_LATE, 0);
	tick(true, false);
	expect_nothing();
	exit_now(0);
	expect_nothing();
	ck_assert_int_eq(slot_due(&s), now + 1000);
}
END_TEST

START_TEST(hung_one_is_killed_and_replaced)
{
	int i;

	slot_ready(&s, 0, now);
	tick(true, false);
	for (i = 1; i < SLOT_HANG_TICKS; i++) {
		tick(false, false);
		expect_nothing();
		ck_assert_int_eq(slot_is_down(&s), i >= SLOT_DOWN_TICKS);
		ck_assert_int_eq(slot_accepting(&s, 0), i < SLOT_DOWN_TICKS);
	}
	tick(false, false);
	expect_one(SLOT_HUNG, 0);
	ck_assert(!slot_accepting(&s, 0));
	exit_now(0);
	expect_one(SLOT_SPAWN, 0);
	ck_assert(slot_is_down(&s));
	slot_ready(&s, 0, now);
	ck_assert(!slot_is_down(&s));
}
END_TEST

START_TEST(one_late_beat_is_no_hang)
{
	int i, j;

	slot_ready(&s, 0, now);
	for (j = 0; j < 3; j++) {
		for (i = 1; i < SLOT_HANG_TICKS; i++) {
			tick(false, false);
			expect_nothing();
		}
		tick(true, false);
		expect_nothing();
		ck_assert(!slot_is_down(&s));
		ck_assert(slot_accepting(&s, 0));
	}
	/* Wall time without ticks is no hang: the machine slept. */
	now += 3600000;
	tick(false, false);
	expect_nothing();
}
END_TEST

START_TEST(down_when_it_does_not_accept)
{
	slot_ready(&s, 0, now);
	tick(true, false);
	now += 1000;
	seen[0].heartbeat++;
	seen[0].accepting = false;
	slot_tick(&s, seen, now, &out);
	ck_assert(!slot_is_down(&s));
	seen[0].heartbeat++;
	slot_tick(&s, seen, now, &out);
	ck_assert(slot_is_down(&s));
	tick(true, false);
	ck_assert(!slot_is_down(&s));
}
END_TEST

START_TEST(down_while_backing_off)
{
	exit_now(0);
	tick(false, false);
	ck_assert(!slot_is_down(&s));
	tick(false, false);
	ck_assert(slot_is_down(&s));
}
END_TEST

START_TEST(stop_cancels_a_respawn)
{
	exit_now(0);
	slot_stop(&s, now + 1000, &out);
	expect_nothing();
	ck_assert_int_eq(slot_due(&s), SLOT_NEVER);
}
END_TEST

START_TEST(states_have_names)
{
	ck_assert_str_eq(occupant_state_name(OCCUPANT_NONE), "down");
	ck_assert_str_eq(occupant_state_name(OCCUPANT_STARTING), "starting");
	ck_assert_str_eq(occupant_state_name(OCCUPANT_READY), "ready");
	ck_assert_str_eq(occupant_state_name(OCCUPANT_DRAINING), "draining");
	ck_assert_str_eq(occupant_state_name(OCCUPANT_KILLED), "killed");
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {starts_and_gets_ready, ready_one_is_replaced_at_once,
	    at_most_once_a_second, backs_off_before_ready, healthy_minute_forgets_failures,
	    late_one_is_killed, hung_one_is_killed_and_replaced, one_late_beat_is_no_hang,
	    down_when_it_does_not_accept, down_while_backing_off, stop_cancels_a_respawn,
	    states_have_names};

	return slot_run("slot", tests, sizeof(tests) / sizeof(*tests));
}

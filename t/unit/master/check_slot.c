/*
 * The supervisor of a worker slot, on a fake clock: every rule of respawning, back-off,
 * hanging, adoption, reload and stop, without a process.
 */
#include <check.h>
#include <stdlib.h>

#include "master/slot.h"

static struct slot s;
static struct slot_actions out;
static struct slot_sight seen[SLOT_BLOCKS];
static int64_t now;

static void
setup(void)
{
	now = 1000000;
	seen[0] = seen[1] = (struct slot_sight){0};
	slot_init(&s);
	slot_start(&s, now, &out);
}

#define expect_nothing() ck_assert_int_eq(out.n, 0)
#define expect_one(v, b) \
	do { \
		ck_assert_int_eq(out.n, 1); \
		ck_assert_int_eq((int)out.a[0].verb, v); \
		ck_assert_int_eq(out.a[0].block, b); \
	} while (0)

/* A second in which those who live beat and accept. */
static void
tick(bool beat0, bool beat1)
{
	now += 1000;
	seen[0].heartbeat += beat0;
	seen[1].heartbeat += beat1;
	seen[0].accepting = seen[1].accepting = true;
	slot_tick(&s, seen, now, &out);
}

static void
exit_now(int block)
{
	slot_exited(&s, block, now, &out);
}

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

/* Fails twice, gets ready for `healthy` seconds, dies, is replaced and fails again: how long now?
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
	setup();
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

START_TEST(reload_drains_the_old)
{
	slot_ready(&s, 0, now);
	slot_next_begin(&s, &out);
	expect_one(SLOT_SPAWN, 1);
	ck_assert(!slot_settled(&s));
	ck_assert(!slot_next_ready(&s));
	ck_assert(!slot_next_dead(&s));
	slot_ready(&s, 1, now);
	ck_assert(slot_next_ready(&s));
	slot_next_commit(&s, now + 5000, &out);
	expect_one(SLOT_DRAIN, 0);
	ck_assert(slot_accepting(&s, 1));
	ck_assert(!slot_accepting(&s, 0));
	ck_assert(!slot_next_ready(&s));
	ck_assert(!slot_next_dead(&s));
	ck_assert_int_eq(slot_due(&s), now + 5000);
	exit_now(0);
	expect_nothing();
	ck_assert(slot_settled(&s));
	ck_assert_int_eq(slot_due(&s), SLOT_NEVER);
	/* The new one is the one that is replaced now, in its own block. */
	now += 2000;
	exit_now(1);
	expect_one(SLOT_SPAWN, 1);
}
END_TEST

START_TEST(old_one_that_does_not_leave_is_killed)
{
	slot_ready(&s, 0, now);
	slot_next_begin(&s, &out);
	slot_ready(&s, 1, now);
	slot_next_commit(&s, now + 5000, &out);
	slot_wake(&s, now + 4999, &out);
	expect_nothing();
	slot_wake(&s, now + 5000, &out);
	expect_one(SLOT_KILL, 0);
	slot_wake(&s, now + 9000, &out);
	expect_nothing();
	ck_assert_int_eq(slot_due(&s), SLOT_NEVER);
}
END_TEST

START_TEST(draining_one_that_hangs_is_killed)
{
	int i;

	slot_ready(&s, 0, now);
	slot_next_begin(&s, &out);
	slot_ready(&s, 1, now);
	tick(true, true);
	slot_next_commit(&s, now + 600000, &out);
	for (i = 1; i < SLOT_HANG_TICKS; i++) {
		tick(false, true);
		expect_nothing();
		ck_assert(!slot_is_down(&s));
	}
	tick(false, true);
	expect_one(SLOT_HUNG, 0);
}
END_TEST

START_TEST(reload_that_fails_keeps_the_old)
{
	slot_ready(&s, 0, now);
	slot_next_begin(&s, &out);
	exit_now(1);
	expect_nothing();
	ck_assert(slot_next_dead(&s));
	ck_assert(!slot_next_ready(&s));
	slot_next_abort(&s, now + 5000, &out);
	expect_nothing();
	ck_assert_int_eq((int)s.mode, SLOT_RUNNING);
	ck_assert(slot_accepting(&s, 0));
	ck_assert(!slot_next_dead(&s));
	slot_next_abort(&s, now + 5000, &out);
	expect_nothing();
}
END_TEST

START_TEST(aborted_ones_drain_if_ready_and_die_if_not)
{
	slot_ready(&s, 0, now);
	slot_next_begin(&s, &out);
	slot_ready(&s, 1, now);
	slot_next_abort(&s, now + 5000, &out);
	expect_one(SLOT_DRAIN, 1);
	exit_now(1);
	slot_next_begin(&s, &out);
	slot_next_abort(&s, now + 5000, &out);
	expect_one(SLOT_KILL, 1);
	ck_assert(!slot_settled(&s));
	exit_now(1);
	expect_nothing();
	ck_assert(slot_settled(&s));
	ck_assert_int_eq(s.current, 0);
}
END_TEST

START_TEST(late_next_counts_as_dead)
{
	int i;

	slot_ready(&s, 0, now);
	slot_next_begin(&s, &out);
	for (i = 1; i < SLOT_READY_TICKS; i++)
		tick(true, false);
	ck_assert(!slot_next_dead(&s));
	tick(true, false);
	expect_one(SLOT_LATE, 1);
	ck_assert(slot_next_dead(&s));
}
END_TEST

START_TEST(old_one_dies_during_reload)
{
	/* It is replaced as ever; the replacement is not ready when the reload wins: killed. */
	slot_ready(&s, 0, now);
	slot_next_begin(&s, &out);
	now += 2000;
	exit_now(0);
	expect_one(SLOT_SPAWN, 0);
	slot_ready(&s, 1, now);
	slot_next_commit(&s, now + 5000, &out);
	expect_one(SLOT_KILL, 0);
	exit_now(0);
	expect_nothing();
	ck_assert_int_eq(s.current, 1);
	ck_assert_int_eq(slot_due(&s), SLOT_NEVER);
}
END_TEST

START_TEST(waiting_one_is_forgotten_by_a_reload)
{
	exit_now(0);
	ck_assert_int_ne(slot_due(&s), SLOT_NEVER);
	slot_next_begin(&s, &out);
	slot_ready(&s, 1, now);
	slot_next_commit(&s, now + 5000, &out);
	expect_nothing();
	ck_assert_int_eq(slot_due(&s), SLOT_NEVER);
	slot_wake(&s, now + 60000, &out);
	expect_nothing();
}
END_TEST

START_TEST(stop_drains_everybody)
{
	slot_ready(&s, 0, now);
	slot_next_begin(&s, &out);
	slot_stop(&s, now + 3000, &out);
	ck_assert_int_eq(out.n, 2);
	ck_assert_int_eq((int)out.a[0].verb, SLOT_DRAIN);
	ck_assert_int_eq(out.a[0].block, 0);
	ck_assert_int_eq((int)out.a[1].verb, SLOT_KILL);
	ck_assert_int_eq(out.a[1].block, 1);
	exit_now(1);
	expect_nothing();
	/* Nobody is replaced or adopted any more. */
	exit_now(0);
	expect_nothing();
	ck_assert(slot_empty(&s));
	tick(false, false);
	tick(false, false);
	tick(false, false);
	ck_assert(!slot_is_down(&s));
}
END_TEST

START_TEST(stop_shortens_a_drain_but_never_prolongs_it)
{
	slot_ready(&s, 0, now);
	slot_next_begin(&s, &out);
	slot_ready(&s, 1, now);
	slot_next_commit(&s, now + 5000, &out);
	slot_stop(&s, now + 1000, &out);
	expect_one(SLOT_DRAIN, 1);
	ck_assert_int_eq(s.occupant[0].deadline_ms, now + 1000);
	slot_stop(&s, now + 9000, &out);
	expect_nothing();
	ck_assert_int_eq(s.occupant[0].deadline_ms, now + 1000);
	slot_wake(&s, now + 1000, &out);
	ck_assert_int_eq(out.n, 2);
	ck_assert_int_eq((int)out.a[0].verb, SLOT_KILL);
	ck_assert_int_eq((int)out.a[1].verb, SLOT_KILL);
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

START_TEST(kill_is_at_once)
{
	slot_ready(&s, 0, now);
	slot_next_begin(&s, &out);
	slot_kill(&s, &out);
	ck_assert_int_eq(out.n, 2);
	ck_assert_int_eq((int)out.a[0].verb, SLOT_KILL);
	ck_assert_int_eq((int)out.a[1].verb, SLOT_KILL);
	slot_kill(&s, &out);
	expect_nothing();
	exit_now(0);
	exit_now(1);
	expect_nothing();
	/* An end of nobody means nothing. */
	exit_now(1);
	expect_nothing();
	ck_assert(slot_empty(&s));
}
END_TEST

/* The new one crashes at its start while the old one drains: two times to wake up for. */
START_TEST(due_is_the_earlier_of_two)
{
	slot_ready(&s, 0, now);
	slot_next_begin(&s, &out);
	slot_ready(&s, 1, now);
	ck_assert(!slot_next_dead(&s));
	slot_next_commit(&s, now + 5000, &out);
	exit_now(1);
	expect_nothing();
	ck_assert_int_eq(slot_due(&s), now + SLOT_RESPAWN_MS);
	now += SLOT_RESPAWN_MS;
	slot_wake(&s, now, &out);
	expect_one(SLOT_SPAWN, 1);
	ck_assert_int_eq(slot_due(&s), now + 4000);
	exit_now(0);
	ck_assert(!slot_empty(&s));
	slot_kill(&s, &out);
	expect_one(SLOT_KILL, 1);
}
END_TEST

START_TEST(next_that_was_ready_and_dies)
{
	slot_ready(&s, 0, now);
	slot_next_begin(&s, &out);
	slot_ready(&s, 1, now);
	exit_now(1);
	expect_nothing();
	ck_assert(slot_next_dead(&s));
	ck_assert(!slot_next_ready(&s));
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
	    late_one_is_killed, hung_one_is_killed_and_replaced,
	    one_late_beat_is_no_hang, down_when_it_does_not_accept, down_while_backing_off,
	    reload_drains_the_old, old_one_that_does_not_leave_is_killed,
	    draining_one_that_hangs_is_killed, reload_that_fails_keeps_the_old,
	    aborted_ones_drain_if_ready_and_die_if_not, late_next_counts_as_dead,
	    old_one_dies_during_reload, waiting_one_is_forgotten_by_a_reload, stop_drains_everybody,
	    stop_shortens_a_drain_but_never_prolongs_it, stop_cancels_a_respawn, kill_is_at_once,
	    due_is_the_earlier_of_two, next_that_was_ready_and_dies, states_have_names};
	Suite *suite = suite_create("slot");
	TCase *tc = tcase_create("slot");
	SRunner *runner;
	size_t i;
	int failed;

	tcase_add_checked_fixture(tc, setup, NULL);
	for (i = 0; i < sizeof(tests) / sizeof(*tests); i++)
		tcase_add_test(tc, tests[i]);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

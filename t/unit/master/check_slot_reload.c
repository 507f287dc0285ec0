/* The supervisor of a worker slot, on a fake clock: reloads and stops. */
#include <check.h>

#include "t/unit/master/slot_rig.h"

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

int
main(void)
{
	const TTest *const tests[] = {reload_drains_the_old, old_one_that_does_not_leave_is_killed,
	    draining_one_that_hangs_is_killed, reload_that_fails_keeps_the_old,
	    aborted_ones_drain_if_ready_and_die_if_not, late_next_counts_as_dead,
	    old_one_dies_during_reload, waiting_one_is_forgotten_by_a_reload, stop_drains_everybody,
	    stop_shortens_a_drain_but_never_prolongs_it, kill_is_at_once, due_is_the_earlier_of_two,
	    next_that_was_ready_and_dies};

	return slot_run("slot_reload", tests, sizeof(tests) / sizeof(*tests));
}

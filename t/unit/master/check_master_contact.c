/* A generation takes over after its first contact with the database, if there is one to be had. */
#include "config.h"

#include "t/unit/master/check_master.h"

#include <signal.h>

START_TEST(background_waits_for_contact)
{
	configure("late", "");
	ck_assert_int_eq(wait_status(start("--")), 0);
	ck_assert_int_eq(code_of("/readyz"), 200);
	master = in_charge();
	stop();
	/* Not for ever. */
	configure("away", "");
	ck_assert_int_eq(wait_status(start("--")), 0);
	ck_assert_int_eq(code_of("/readyz"), 503);
	master = in_charge();
	stop();
}
END_TEST

/* Both ends of the change are asked again and again: never a moment without a database. */
START_TEST(reload_without_a_dip)
{
	configure("late", "");
	run();
	ck_assert_int_eq(kill(master, SIGHUP), 0);
	do
		ck_assert_int_eq(code_of("/readyz"), 200);
	while (generation() != 2);
	wait_for(settled());
	ck_assert_int_eq(code_of("/readyz"), 200);
	stop();
}
END_TEST

START_TEST(upgrade_without_a_dip)
{
	pid_t first;
	int code;

	configure("late", "");
	run();
	first = in_charge();
	ck_assert_int_eq(kill(master, SIGUSR2), 0);
	do {
		/* Between the two there may be nobody to ask, for a moment. */
		code = code_of("/readyz");
		ck_assert(code == 200 || code == 0);
	} while (in_charge() == first);
	ck_assert_int_eq(wait_status(first), 0);
	master = in_charge();
	wait_for(logged("the predecessor and its workers have left"));
	ck_assert_int_eq(code_of("/readyz"), 200);
	stop();
}
END_TEST

/* The new one waits in vain, and not for long; without a database before, it doesn't wait at all. */
START_TEST(no_contact)
{
	int64_t began;

	run();
	configure("away", "");
	began = clock_mono_ms();
	ck_assert_int_eq(kill(master, SIGHUP), 0);
	wait_for(generation() == 2);
	ck_assert_int_ge(clock_mono_ms() - began, 2000);
	wait_for(settled());
	ck_assert_int_eq(code_of("/readyz"), 503);
	configure("late", "");
	ck_assert_int_eq(kill(master, SIGHUP), 0);
	wait_for(generation() == 3 && settled());
	stop();
}
END_TEST

void
add_contact_tests(TCase *t)
{
	tcase_add_test(t, background_waits_for_contact);
	tcase_add_test(t, reload_without_a_dip);
	tcase_add_test(t, upgrade_without_a_dip);
	tcase_add_test(t, no_contact);
}

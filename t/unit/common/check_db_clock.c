/* The database's clock: what is measured, provisional times, and what a wall clock does to it (nothing). */
#include <check.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/db_clock.h"

#define NOW INT64_C(1800000000000000)

static struct db_clock shared;

static void
setup(void)
{
	shared = (struct db_clock){0};
	db_clock_share(&shared);
}

START_TEST(unknown)
{
	int64_t ahead, before = clock_boot_us(), now = db_clock_us();

	ck_assert(!db_clock_ahead_us(&ahead));
	ck_assert(now >= before && now < DB_CLOCK_FIRST_US);
	ck_assert_int_eq(db_clock_settle_us(now), now);
	/* A database that lives before 2000, or an answer before its question. */
	db_clock_measured(100, DB_CLOCK_FIRST_US - 1, 200);
	db_clock_measured(200, NOW, 100);
	ck_assert(!db_clock_ahead_us(&ahead));
}
END_TEST

START_TEST(measured)
{
	int64_t at = clock_boot_us(), ahead, wall;

	db_clock_measured(at - 1000, NOW, at + 1000);
	ck_assert(db_clock_us() >= NOW && db_clock_us() < NOW + 60 * INT64_C(1000000));
	ck_assert(db_clock_ms() >= NOW / 1000);
	wall = clock_wall_us();
	ck_assert(db_clock_ahead_us(&ahead));
	ck_assert(llabs(ahead - (wall - NOW)) < 60 * INT64_C(1000000));
	/* What was noted before is settled by the first measurement, whatever comes later. */
	ck_assert_int_eq(db_clock_settle_us(at), NOW);
	ck_assert_int_le(llabs(db_clock_settle_ms(at / 1000) - NOW / 1000), 1);
	ck_assert_int_eq(db_clock_settle_us(NOW + 5), NOW + 5);
	ck_assert_int_eq(db_clock_settle_ms(NOW / 1000 + 5), NOW / 1000 + 5);
	db_clock_measured(at, NOW + 3600000000, at);
	ck_assert_int_eq(db_clock_settle_us(at), NOW);
	ck_assert(db_clock_us() >= NOW + 3600000000);
}
END_TEST

/* A slow answer says little, and moves nothing that it doesn't contradict. */
START_TEST(narrowed)
{
	int64_t ahead;

	db_clock_measured(1000, NOW, 9000);
	ck_assert_int_eq(shared.base_us, NOW - 5000);
	db_clock_measured(10000, NOW + 9000, 30000);
	ck_assert_int_eq(shared.base_us, NOW - 5000);
	db_clock_measured(10000, NOW + 7000, 10100);
	ck_assert_int_eq(shared.base_us, NOW - 3100);
	db_clock_measured(10000, NOW + 6000, 10100);
	ck_assert_int_eq(shared.base_us, NOW - 4000);
	ck_assert_int_eq(shared.first_us, NOW - 5000);
	db_clock_share(NULL);
	ck_assert(!db_clock_ahead_us(&ahead));
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("db_clock");
	TCase *tc = tcase_create("db_clock");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, unknown);
	tcase_add_test(tc, measured);
	tcase_add_test(tc, narrowed);
	suite_add_tcase(s, tc);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? 0 : 1;
}

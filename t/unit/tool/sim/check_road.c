/*
 * Simulated vehicles must drive plausibly: consecutive positions fit to speed,
 * heading and time, the odometer fits to the positions, lights and parking
 * happen, no speed or turn is absurd, and the same seed gives the same drive.
 */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tool/sim/road.h"

#define DEGREE (3.14159265358979323846 / 180)

/* Metres between two observations, on a plane. */
static double
distance(const struct sim_fix *a, const struct sim_fix *b)
{
	double north = (b->latitude - a->latitude) * 1e-7 * 111195.0;
	double east =
	    (b->longitude - a->longitude) * 1e-7 * 111195.0 * cos(a->latitude * 1e-7 * DEGREE);

	return sqrt(north * north + east * east);
}

static void
check_drive(uint64_t seed, uint64_t dt_ms, int steps)
{
	double dt = (double)dt_ms / 1000, way, fastest;
	struct sim_fix before, now;
	struct sim_road r;

	sim_road_init(&r, seed, 0);
	sim_road_step(&r, dt_ms, &before);
	for (int i = 0; i < steps; i++, before = now) {
		sim_road_step(&r, dt_ms, &now);
		way = distance(&before, &now);
		fastest = before.speed > now.speed ? before.speed : now.speed;
		/* Between two observations it may have been faster, by what its engine can do. */
		ck_assert_msg(way <= (fastest / 3.6 + 2.5 * dt + 0.3) * dt + 0.1,
		    "seed %d, step %d: %.2f m in %.2f s at %.0f km/h", (int)seed, i, way, dt,
		    fastest);
		ck_assert_msg(abs(now.speed - before.speed) <= 2.6 * 3.6 * dt + 8,
		    "speed from %d to %d km/h", before.speed, now.speed);
		ck_assert_uint_le(now.speed, 140);
		ck_assert_uint_lt(now.angle, 360);
		ck_assert_uint_ge(now.odometer, before.odometer);
		ck_assert_double_le(way, now.odometer - before.odometer + 2.0);
		ck_assert(now.ignition || !now.movement);
		ck_assert_uint_ge(now.satellites, 4);
		ck_assert_uint_eq(now.event != 0,
		    now.ignition != before.ignition || now.movement != before.movement);
	}
}

START_TEST(positions_fit_to_speed)
{
	for (uint64_t seed = 0; seed < 12; seed++) {
		check_drive(seed, 1000, 2000);
		check_drive(seed, 10, 1000);
		check_drive(seed, 5000, 500);
		check_drive(seed, 60000, 200);
	}
}
END_TEST

START_TEST(heading_is_the_direction_of_travel)
{
	struct sim_fix a, b;
	struct sim_road r;
	int seen = 0;

	sim_road_init(&r, 7, 0);
	sim_road_step(&r, 1000, &a);
	for (int i = 0; i < 3000; i++, a = b) {
		double north, east, off;

		sim_road_step(&r, 1000, &b);
		if (a.angle != b.angle || distance(&a, &b) < 5)
			continue;
		north = b.latitude - a.latitude;
		east = (b.longitude - a.longitude) * cos(a.latitude * 1e-7 * DEGREE);
		off = fabs(atan2(east, north) / DEGREE - b.angle);
		off = fmin(off, fabs(360 - off));
		ck_assert_double_le(off, 2);
		seen++;
	}
	ck_assert_int_gt(seen, 500);
}
END_TEST

START_TEST(a_day_has_trips_lights_and_parking)
{
	int wrong_supply = 0, parked = 0, waiting = 0, driving = 0, turns = 0, starts = 0;
	struct sim_fix fix, before = {0};
	struct sim_road r;

	sim_road_init(&r, 3, 0);
	for (int i = 0; i < 86400; i++, before = fix) {
		sim_road_step(&r, 1000, &fix);
		parked += !fix.ignition;
		waiting += fix.ignition && fix.speed == 0;
		driving += fix.speed > 0;
		turns += fix.angle != before.angle;
		starts += fix.event == SIM_EVENT_IGNITION && fix.ignition;
		wrong_supply += fix.ignition ? fix.supply_mv < 13500 : fix.supply_mv > 13000;
	}
	ck_assert_int_eq(wrong_supply, 0);
	ck_assert_int_gt(parked, 3600);
	ck_assert_int_gt(waiting, 1000);
	ck_assert_int_gt(driving, 20000);
	ck_assert_int_gt(turns, 200);
	ck_assert_int_gt(starts, 3);
}
END_TEST

START_TEST(it_stays_in_its_region)
{
	struct sim_road r;
	struct sim_fix fix;

	for (uint64_t seed = 0; seed < 10; seed++) {
		sim_road_init(&r, seed, 0);
		for (int i = 0; i < 2000; i++) {
			sim_road_step(&r, 300000, &fix);
			ck_assert_double_lt(fabs(r.latitude - r.home_latitude), 1.0);
			ck_assert_int_gt(fix.altitude, -100);
			ck_assert_int_lt(fix.altitude, 1200);
		}
	}
}
END_TEST

/* Elsewhere it drives as far and as fast: a degree of longitude is shorter in the north. */
START_TEST(it_can_be_moved)
{
	struct sim_fix before, now;
	struct sim_road r;
	double way, most;

	for (uint64_t seed = 0; seed < 20; seed++) {
		sim_road_init(&r, seed, 0);
		sim_road_move(&r, 69.65, 18.96);
		sim_road_step(&r, 1000, &before);
		ck_assert_double_lt(fabs(before.latitude * 1e-7 - 69.65), 0.3);
		ck_assert_double_lt(fabs(before.longitude * 1e-7 - 18.96), 0.3);
		for (int i = 0; i < 600; i++, before = now) {
			sim_road_step(&r, 1000, &now);
			way = distance(&before, &now);
			most = before.speed > now.speed ? before.speed : now.speed;
			ck_assert_double_le(way, most / 3.6 + 3);
			if (before.angle == now.angle && before.speed == now.speed &&
			    before.speed > 20)
				ck_assert_double_ge(way, now.speed / 3.6 - 3);
		}
	}
}
END_TEST

START_TEST(the_same_seed_is_the_same_drive)
{
	struct sim_road a, b, c;
	struct sim_fix fa, fb, fc;
	int differ = 0;

	memset(&fa, 0, sizeof(fa));
	fb = fc = fa;
	sim_road_init(&a, 42, 10);
	sim_road_init(&b, 42, 10);
	sim_road_init(&c, 43, 10);
	for (int i = 0; i < 1000; i++) {
		sim_road_step(&a, 2000, &fa);
		sim_road_step(&b, 2000, &fb);
		sim_road_step(&c, 2000, &fc);
		ck_assert_mem_eq(&fa, &fb, sizeof(fa));
		differ += fa.latitude != fc.latitude;
	}
	ck_assert_int_eq(differ, 1000);
}
END_TEST

static void
check_no_fix(double percent)
{
	struct sim_fix fix, before = {0};
	struct sim_road r;
	int blind = 0, wrong = 0, total = 20000;

	sim_road_init(&r, 9, percent);
	for (int i = 0; i < total; i++, before = fix) {
		sim_road_step(&r, 1000, &fix);
		blind += fix.satellites == 0;
		wrong += fix.gnss != (fix.satellites == 0 ? 2 : 1);
		if (fix.satellites == 0 && i > 0)
			wrong += fix.speed != 0 || fix.latitude != before.latitude ||
				 fix.longitude != before.longitude;
	}
	ck_assert_int_eq(wrong, 0);
	ck_assert_double_le(fabs(100.0 * blind / total - percent), 2);
}

START_TEST(no_fix_repeats_the_position)
{
	check_no_fix(0);
	check_no_fix(5);
	check_no_fix(30);
	check_no_fix(90);
	check_no_fix(100);
}
END_TEST

/* A year without a record must neither take long nor throw the vehicle around. */
START_TEST(long_silence)
{
	struct sim_road r;
	struct sim_fix fix;

	sim_road_init(&r, 5, 0);
	for (int i = 0; i < 1000; i++)
		sim_road_step(&r, UINT64_C(365) * 86400000, &fix);
	ck_assert_double_le(fabs(r.latitude), 90);
	ck_assert(isfinite(r.longitude));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("sim_road");
	TCase *tc = tcase_create("road");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, positions_fit_to_speed);
	tcase_add_test(tc, heading_is_the_direction_of_travel);
	tcase_add_test(tc, a_day_has_trips_lights_and_parking);
	tcase_add_test(tc, it_stays_in_its_region);
	tcase_add_test(tc, it_can_be_moved);
	tcase_add_test(tc, the_same_seed_is_the_same_drive);
	tcase_add_test(tc, no_fix_repeats_the_position);
	tcase_add_test(tc, long_silence);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

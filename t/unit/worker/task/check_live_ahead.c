/* Live rows of trackers whose clock is ahead. */
#include <string.h>

#include "t/unit/worker/task/live_rig.h"

/* A tracker whose clock is two hours ahead. */
static void
ahead(struct live *l, uint32_t entry, int64_t at_ms, int degrees, bool fix)
{
	struct live_device d = {.entry = entry, .device_id = 1, .seen_ms = at_ms};
	uint8_t row[ROW_ROOM];

	make_row(row, 1, at_ms + 7200000, degrees, fix);
	ck_assert(!live_look(&d, row, at_ms));
	ck_assert(d.ahead == row && d.trusted == NULL);
	live_stored(l, &d);
}

START_TEST(records_ahead_of_the_clock)
{
	static const char sql[] =
	    "SELECT concat_ws(' ', latitude, io, extract(epoch FROM clock_ahead)::int,"
	    " extract(epoch FROM recorded_at)::bigint - 1700000000,"
	    " extract(epoch FROM last_record_at)::bigint - 1700000000)"
	    " FROM device_online";
	struct rig r;
	struct live *l;

	rig_open(&r);
	l = add_live(&r);
	uint32_t e = rig_device(&r, 1);
	rig_start(&r);
	ahead(l, e, T0, 10, true);
	settled(&r, l);
	ck_assert_str_eq(VALUE(&r, sql), "7200");
	/* Nine minutes on; then eleven, without a fix and with one. */
	ahead(l, e, T0 + 540000, 11, true);
	settled(&r, l);
	ck_assert_str_eq(VALUE(&r, sql), "7200");
	ahead(l, e, T0 + 660000, 12, false);
	settled(&r, l);
	ck_assert_str_eq(VALUE(&r, sql), "{\"239\": 12} 7200 660");
	ahead(l, e, T0 + 661000, 13, true);
	ahead(l, e, T0 + 662000, 14, true);
	settled(&r, l);
	ck_assert_str_eq(VALUE(&r, sql), "14 {\"239\": 14} 7200 662 662");
	/* One with a right time beside others: those don't count. */
	position(l, e, 1, T0 + 663000, 20, true);
	ahead(l, e, T0 + 664000, 15, true);
	settled(&r, l);
	ck_assert_str_eq(VALUE(&r, sql), "20 {\"239\": 20} 663 663");
	ahead(l, e, T0 + 665000, 16, true);
	position(l, e, 1, T0 + 666000, 21, true);
	settled(&r, l);
	ck_assert_str_eq(VALUE(&r, sql), "21 {\"239\": 21} 666 666");
	done(&r, l);
}
END_TEST

/* The same while a write fails: what is put back meets what came since. */
START_TEST(records_ahead_that_wait)
{
	static const char sql[] =
	    "SELECT concat_ws(' ', latitude, extract(epoch FROM clock_ahead)::int)"
	    " FROM device_online";
	static const bool right[4][2] = {
	    {false, false}, {false, true}, {true, false}, {true, true}};
	static const char *const want[] = {"1 7200", "12", "21", "32"};
	struct rig r;
	struct live *l;

	rig_open(&r);
	l = add_live(&r);
	uint32_t e = rig_device(&r, 1);
	rig_start(&r);
	position(l, e, 1, T0, 1, true);
	settled(&r, l);
	for (int i = 0; i < 4; i++) {
		SQL(&r, "BEGIN; LOCK TABLE device_online");
		for (int k = 0; k < 2; k++) {
			if (right[i][k])
				position(l, e, 1, T0 + 1000 * (i + 1) + k, 10 * i + k + 1, true);
			else
				ahead(l, e, T0 + 1000 * (i + 1) + k, 10 * i + k + 1, true);
			if (k == 0)
				rig_blocked(&r);
		}
		SQL(&r, RIG_CUT);
		UNTIL(&r, !jobs_is_up(r.jobs));
		SQL(&r, "COMMIT");
		settled(&r, l);
		ck_assert_str_eq(VALUE(&r, sql), want[i]);
	}
	done(&r, l);
}
END_TEST

TCase *
live_ahead_tests(void)
{
	TCase *t = tcase_create("live rows of trackers that are ahead");

	tcase_add_test(t, records_ahead_of_the_clock);
	tcase_add_test(t, records_ahead_that_wait);
	return t;
}

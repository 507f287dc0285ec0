/* The rules on positions and times of AVL records (proto/avl.h). */
#include "t/unit/proto/check_proto.h"

#include "proto/avl.h"

START_TEST(positions)
{
	static const struct {
		uint8_t satellites;
		int32_t longitude, latitude;
		bool valid;
	} cases[] = {
	    {5, 252618832, 546992512, true},
	    {0, 252618832, 546992512, false},
	    {248, 252618832, 546992512, true},
	    {1, 0, 0, false},
	    {1, 0, 1, true},
	    {1, -1, 0, true},
	    {1, 1800000000, 900000000, true},
	    {1, -1800000000, -900000000, true},
	    {1, 1800000001, 1, false},
	    {1, -1800000001, 1, false},
	    {1, 1, 900000001, false},
	    {1, 1, -900000001, false},
	    {1, INT32_MIN, 1, false},
	    {1, INT32_MAX, 1, false},
	    {1, 1, INT32_MIN, false},
	    {1, 1, INT32_MAX, false},
	    /* FFFFFFFF alone is a place like any other; twice it says "fix lost". */
	    {1, -1, -1, false},
	    {12, -1, -1, false},
	    {255, -1, -1, false},
	    {12, -1, 0, true},
	    {12, 0, -1, true},
	    {12, -1, 546992512, true},
	    {12, 252618832, -1, true},
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct avl_record r = {
		    .satellites = cases[i].satellites,
		    .longitude = cases[i].longitude,
		    .latitude = cases[i].latitude,
		};

		ck_assert_msg(avl_position_valid(&r) == cases[i].valid, "case %zu", i);
	}
}
END_TEST

START_TEST(times)
{
	const int64_t now = INT64_C(1700000000000), ahead = AVL_AHEAD_MS;
	const uint64_t first = UINT64_C(1262304000000); /* 2010 */

	ck_assert(avl_time_trusted((uint64_t)now, now));
	ck_assert(avl_time_trusted((uint64_t)(now + ahead), now));
	ck_assert(!avl_time_trusted((uint64_t)(now + ahead + 1), now));
	ck_assert(avl_time_trusted(first, now));
	ck_assert(!avl_time_trusted(first - 1, now));
	ck_assert(!avl_time_trusted(0, now));
	ck_assert(!avl_time_trusted(UINT64_MAX, now));
	ck_assert(!avl_time_trusted((uint64_t)INT64_MAX + 1, INT64_MAX));
	ck_assert(avl_time_trusted((uint64_t)INT64_MAX, INT64_MAX));
	ck_assert(!avl_time_trusted(first, 0));
	ck_assert(!avl_time_trusted(first, INT64_MIN));
	ck_assert(!avl_time_trusted(UINT64_MAX, -ahead - 1));
}
END_TEST

Suite *
suite_avl_rules(void)
{
	Suite *s = suite_create("avl_rules");
	TCase *t = tcase_create("rules");

	tcase_add_test(t, positions);
	tcase_add_test(t, times);
	suite_add_tcase(s, t);
	return s;
}

/* IMEIs in parameters and in the payloads of notifications. */
#include <string.h>

#include "t/unit/worker/task/rig.h"
#include "worker/task/imeis.h"

START_TEST(have_fifteen_digits)
{
	struct pg_array a;
	int length;

	pg_array_init(&a, PG_TEXT);
	imeis_append(&a, 1);
	imeis_append(&a, IMEI(7));
	const char *p = pg_array_param(&a, &length);
	ck_assert_ptr_nonnull(p);
	ck_assert_int_eq(length, 20 + 2 * (4 + 15));
	ck_assert_int_eq(memcmp(p + 24, "000000000000001", 15), 0);
	ck_assert_int_eq(memcmp(p + 43, "350000000000007", 15), 0);
	pg_array_free(&a);
}
END_TEST

/* Takes a payload apart: "1" and "*" for what imeis_next() says, the IMEIs summed up. */
static void
takes(const char *payload, const char *items, uint64_t sum)
{
	uint64_t imei, total = 0;
	enum imeis_item item;
	size_t n = 0;

	while ((item = imeis_next(&payload, &imei)) != IMEIS_END) {
		ck_assert_int_eq(item == IMEIS_ALL ? '*' : '1', items[n]);
		n++;
		total += item == IMEIS_ONE ? imei : 0;
	}
	ck_assert_uint_eq(n, strlen(items));
	ck_assert_uint_eq(total, sum);
	ck_assert_int_eq(imeis_next(&payload, &imei), IMEIS_END);
}

START_TEST(payloads_are_taken_apart)
{
	takes("", "", 0);
	takes("350000000000001", "1", IMEI(1));
	takes("350000000000001,350000000000002", "11", IMEI(1) + IMEI(2));
	takes("*", "*", 0);
	takes("350000000000001,*,350000000000002,", "1*1", IMEI(1) + IMEI(2));
	/* What is neither an IMEI nor a star is left out. */
	takes(",,12345,350000000000001", "1", IMEI(1));
	takes("35000000000000x,3500000000000011,**,all", "", 0);
}
END_TEST

TCase *
imeis_tests(void)
{
	TCase *t = tcase_create("IMEIs");

	tcase_add_test(t, have_fifteen_digits);
	tcase_add_test(t, payloads_are_taken_apart);
	return t;
}

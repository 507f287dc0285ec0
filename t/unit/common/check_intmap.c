/* The map from numbers to numbers (common/intmap.h), beside a plain array that knows the truth. */
#include "common/intmap.h"

#include <check.h>
#include <stdlib.h>

START_TEST(a_key_is_found_until_it_is_removed)
{
	static uint32_t model[2000]; /* value + 1 */
	struct intmap m = {0};
	uint64_t seed = 7;

	ck_assert_uint_eq(intmap_get(&m, 5), INTMAP_NONE);
	intmap_remove(&m, 5, 1);
	for (int i = 0; i < 100000; i++) {
		seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
		uint32_t key = (uint32_t)(seed >> 33) % 2000, value = (uint32_t)(seed >> 50) % 3;

		if (seed >> 63) {
			ck_assert(intmap_put(&m, key, value));
			model[key] = value + 1;
		} else {
			/* Only with the value that it has. */
			intmap_remove(&m, key, value);
			if (model[key] == value + 1)
				model[key] = 0;
		}
		ck_assert_uint_eq(
		    intmap_get(&m, key), model[key] == 0 ? INTMAP_NONE : model[key] - 1);
		if (i % 5000 == 0)
			for (uint32_t e = 0; e < 2000; e++)
				ck_assert_uint_eq(
				    intmap_get(&m, e), model[e] == 0 ? INTMAP_NONE : model[e] - 1);
	}
	intmap_free(&m);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("intmap");
	TCase *t = tcase_create("intmap");
	SRunner *r;
	int failed;

	tcase_add_test(t, a_key_is_found_until_it_is_removed);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

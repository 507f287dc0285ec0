/* A map from numbers to numbers (common/intmap.h), against a model that is an array. */
#include "common/intmap.h"

#include <check.h>
#include <stdlib.h>

#define KEYS 2000

START_TEST(agrees_with_an_array)
{
	static uint32_t model[KEYS]; /* value + 1 */
	struct intmap m = {0};
	uint64_t seed = 7;

	ck_assert_uint_eq(intmap_get(&m, 5), INTMAP_NONE);
	intmap_remove(&m, 5, 1);
	for (int i = 0; i < 100000; i++) {
		seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
		uint32_t key = (uint32_t)(seed >> 33) % KEYS, value = (uint32_t)(seed >> 50) % 3;

		if (seed >> 63) {
			ck_assert(intmap_put(&m, key, value));
			model[key] = value + 1;
		} else {
			/* Only the value that is there is removed. */
			intmap_remove(&m, key, value);
			if (model[key] == value + 1)
				model[key] = 0;
		}
		ck_assert_uint_eq(
		    intmap_get(&m, key), model[key] == 0 ? INTMAP_NONE : model[key] - 1);
		if (i % 5000 == 0)
			for (uint32_t k = 0; k < KEYS; k++)
				ck_assert_uint_eq(
				    intmap_get(&m, k), model[k] == 0 ? INTMAP_NONE : model[k] - 1);
	}
	intmap_free(&m);
	ck_assert_uint_eq(intmap_get(&m, 5), INTMAP_NONE);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("intmap");
	TCase *t = tcase_create("intmap");
	SRunner *r;
	int failed;

	tcase_add_test(t, agrees_with_an_array);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* Connection strings as a configuration holds them (pg/url.h): what libpq reads, and nothing is quoted. */
#include "pg/url.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define SECRET "hunter2-s3cr3t"

START_TEST(good)
{
	ck_assert_ptr_null(pg_url_wrong("postgresql:///omnitrack"));
	ck_assert_ptr_null(pg_url_wrong("postgresql://u:" SECRET "@h:5433/db?sslmode=require"));
	ck_assert_ptr_null(pg_url_wrong("host=/run/postgresql dbname=omnitrack"));
	ck_assert_ptr_null(pg_url_wrong(""));
}
END_TEST

START_TEST(wrong)
{
	static const char *const urls[] = {"postgresql://u:" SECRET "@[::1/db",
	    "host=x password=" SECRET " " SECRET, "'postgresql://u:" SECRET "@h/db'", SECRET,
	    "host=x " SECRET "=1", "postgresql://u:" SECRET "@h/db?" SECRET "=1"};

	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		const char *why = pg_url_wrong(urls[i]);

		ck_assert_msg(why != NULL, "good: %s", urls[i]);
		ck_assert_ptr_null(strstr(why, SECRET));
	}
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("url");
	TCase *t = tcase_create("url");
	SRunner *r;
	int failed;

	tcase_add_test(t, good);
	tcase_add_test(t, wrong);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

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
	ck_assert_ptr_null(pg_url_wrong("postgresql://u:%2F%40@h:1,h2,[2001:db8::1]:65535/db"));
	ck_assert_ptr_null(pg_url_wrong("postgresql://u:a?b#c@h/db"));
	ck_assert_ptr_null(pg_url_wrong("postgresql://%2Frun%2Fpostgresql/db?user=a@b"));
	ck_assert_ptr_null(pg_url_wrong("host=h password=a@b/c port=,77"));
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

/* libpq reads these, as something else. */
START_TEST(misread)
{
	static const char *const urls[] = {"postgresql://u:" SECRET "/x@h/db",
	    "postgresql://u:77/" SECRET "@h/db", "postgres://u:x@" SECRET "@h/db",
	    "postgresql://u:x@y/" SECRET "@h/db", "postgresql://u:" SECRET "@h:7/d@b",
	    "postgresql://u:" SECRET "/db"};

	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		const char *why = pg_url_wrong(urls[i]);

		ck_assert_msg(why != NULL, "good: %s", urls[i]);
		ck_assert_ptr_nonnull(strstr(why, "%2F or %40"));
		ck_assert_ptr_null(strstr(why, SECRET));
	}
	ck_assert_ptr_nonnull(pg_url_wrong("host=h port=0"));
	ck_assert_ptr_nonnull(pg_url_wrong("host=h port=70000"));
	ck_assert_ptr_nonnull(pg_url_wrong("host=h,i port=1,x"));
}
END_TEST

START_TEST(published)
{
	static const char *const fine[] = {
	    "connection to server at \"h\" (192.0.2.1), port 5432 failed: refused",
	    "definition of service \"x\" not found", "out of memory",
	    "could not translate host name \"h\" to address: Name or service not known"};

	for (size_t i = 0; i < sizeof(fine) / sizeof(fine[0]); i++)
		ck_assert_str_eq(pg_url_error(fine[i]), fine[i]);
	ck_assert_ptr_null(strstr(pg_url_error("invalid integer value \"" SECRET "\""), SECRET));
	ck_assert_ptr_null(strstr(pg_url_error("invalid sslmode value: \"" SECRET "\""), SECRET));
	ck_assert_ptr_nonnull(strstr(pg_url_error(NULL), "DATABASE_URL"));
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
	tcase_add_test(t, misread);
	tcase_add_test(t, published);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

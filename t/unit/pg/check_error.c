/* What SQLSTATEs mean, and that every statement has a name that finds it. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "pg/error.h"
#include "pg/sql.h"

START_TEST(kinds)
{
	static const struct {
		const char *sqlstate;
		enum pg_error_kind kind;
	} cases[] = {
	    {"22021", PG_KIND_CONTENT},
	    {"22P05", PG_KIND_CONTENT},
	    {"23505", PG_KIND_CONTENT},
	    {"23514", PG_KIND_CONTENT},
	    {"40001", PG_KIND_TRANSIENT},
	    {"40P01", PG_KIND_TRANSIENT},
	    {"40003", PG_KIND_ENVIRONMENT},
	    {"55P03", PG_KIND_LOCKED},
	    {"55000", PG_KIND_ENVIRONMENT},
	    {"25006", PG_KIND_STALE},
	    {"TG001", PG_KIND_DEVICES},
	    {"TG002", PG_KIND_STALE},
	    {"0A000", PG_KIND_STALE},
	    {"26000", PG_KIND_STALE},
	    {"42P01", PG_KIND_SCHEMA},
	    {"42703", PG_KIND_SCHEMA},
	    {"42501", PG_KIND_RIGHTS},
	    {"42883", PG_KIND_SCHEMA},
	    {"53100", PG_KIND_ENVIRONMENT},
	    {"57014", PG_KIND_CANCELLED},
	    {"2", PG_KIND_ENVIRONMENT},
	    {"", PG_KIND_ENVIRONMENT},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pg_error error;

		pg_error_set(&error, cases[i].sqlstate, "");
		ck_assert_int_eq(pg_error_kind(cases[i].sqlstate), cases[i].kind);
		ck_assert_int_eq(pg_error_is_content(&error), cases[i].kind == PG_KIND_CONTENT);
		ck_assert_int_eq(pg_error_is_transient(&error), cases[i].kind == PG_KIND_TRANSIENT);
		ck_assert_int_eq(pg_error_is_locked(&error), cases[i].kind == PG_KIND_LOCKED);
	}
}
END_TEST

START_TEST(whose_fault)
{
	struct pg_error error;

	pg_error_set(&error, "23514", "no partition of relation found for row");
	ck_assert(!pg_error_is_own(&error));
	pg_error_set_constraint(&error, "telematics_record_speed");
	ck_assert(pg_error_is_own(&error));
	pg_error_set_constraint(&error, "not_telematics_record_speed");
	ck_assert(!pg_error_is_own(&error));
	pg_error_set(&error, "22003", "out of range");
	ck_assert_str_eq(error.constraint, "");
	ck_assert(pg_error_is_own(&error));
	ck_assert(!pg_error_is_duplicate(&error));
	pg_error_set(&error, "23505", "duplicate key");
	pg_error_set_constraint(&error, NULL);
	ck_assert(pg_error_is_duplicate(&error) && !pg_error_is_own(&error));
	pg_error_set(&error, "57014", "cancelled");
	ck_assert(pg_error_is_cancelled(&error) && !pg_error_is_own(&error));
}
END_TEST

START_TEST(done_by_somebody_else)
{
	ck_assert(pg_error_is_done_already("42P07") && pg_error_is_done_already("42704"));
	ck_assert(!pg_error_is_done_already("42P01") && !pg_error_is_done_already(""));
}
END_TEST

START_TEST(texts)
{
	struct pg_error error;
	char large[1000];

	pg_error_set(&error, "22021", "the first line\nDETAIL:  the second");
	ck_assert_str_eq(error.sqlstate, "22021");
	ck_assert_str_eq(error.text, "the first line");
	pg_error_set(&error, NULL, NULL);
	ck_assert_str_eq(error.sqlstate, "");
	ck_assert_str_eq(error.text, "");
	memset(large, 'x', sizeof(large) - 1);
	large[sizeof(large) - 1] = '\0';
	pg_error_set(&error, large, large);
	ck_assert_uint_eq(strlen(error.sqlstate), 5);
	ck_assert_uint_eq(strlen(error.text), sizeof(error.text) - 1);
}
END_TEST

START_TEST(statements)
{
	ck_assert_uint_gt(pg_nstatements, 5);
	for (unsigned i = 0; i < pg_nstatements; i++)
		ck_assert_ptr_eq(pg_sql(pg_statements[i].name), pg_statements[i].text);
	ck_assert_ptr_null(pg_sql("no_such_statement"));
	ck_assert_ptr_null(pg_sql(""));
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("error");
	TCase *t = tcase_create("error");
	SRunner *sr;
	int failed;

	suite_add_tcase(s, t);
	tcase_add_test(t, kinds);
	tcase_add_test(t, whose_fault);
	tcase_add_test(t, done_by_somebody_else);
	tcase_add_test(t, texts);
	tcase_add_test(t, statements);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

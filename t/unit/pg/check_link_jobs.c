/* Jobs of a link: results, errors, COPY, and statements with their parameters. */
#include <string.h>

#include "pg/query.h"
#include "pg/result.h"
#include "t/unit/pg/check_link.h"

START_TEST(results_and_their_end)
{
	rig_link_up();
	ck_assert_int_eq(
	    rig_run("SELECT 'first'; SELECT 'second' UNION ALL SELECT 'third'"), PG_OK);
	ck_assert_int_eq(rig.results, 2);
	ck_assert_int_eq(rig.rows, 3);
	ck_assert_str_eq(rig.value, "second");
	ck_assert_int_eq(rig_run(""), PG_OK);
	ck_assert_int_eq(
	    rig_run("DO $$ BEGIN RAISE WARNING 'told'; RAISE DEBUG 'not'; END $$"), PG_OK);
}
END_TEST

START_TEST(rows_one_by_one)
{
	rig.cb.single_row = true;
	rig_link_up();
	ck_assert_int_eq(rig_run("SELECT generate_series(1, 100)"), PG_OK);
	ck_assert_int_eq(rig.rows, 100);
	ck_assert_int_eq(rig.results, 101);
}
END_TEST

START_TEST(an_error_ends_the_job_and_not_the_connection)
{
	rig_link_up();
	ck_assert_int_eq(rig_run("SELECT 1; SELECT 1/0; SELECT nonsense"), PG_ERROR);
	ck_assert_str_eq(rig.error.sqlstate, "22012");
	ck_assert_str_eq(rig.error.text, "division by zero");
	ck_assert(pg_error_is_content(&rig.error));
	ck_assert(pg_link_is_up(rig.link));
	ck_assert_int_eq(rig_run("SELECT 2"), PG_OK);
	ck_assert_int_eq(rig.downs, 0);
}
END_TEST

#define RAISE(sqlstate) "DO $$ BEGIN RAISE 'on purpose' USING ERRCODE = '" sqlstate "'; END $$"

/* Of a standby, say: another connection may be better, but not one every few milliseconds. */
START_TEST(an_error_of_the_connection_renews_it)
{
	char pid[64];

	rig_link_up();
	rig_run("SELECT pg_backend_pid()");
	snprintf(pid, sizeof(pid), "%s", rig.value);
	ck_assert_int_eq(rig_run(RAISE("25006")), PG_ERROR);
	ck_assert(pg_link_is_up(rig.link));
	ck_assert_int_eq(rig.downs, 0);

	rig.link->up_since_ms -= 2000;
	ck_assert_int_eq(rig_run(RAISE("25006")), PG_ERROR);
	ck_assert_str_eq(rig.error.text, "on purpose");
	ck_assert(!pg_link_is_up(rig.link));
	ck_assert_int_eq(rig.downs, 1);
	ck_assert_str_eq(rig.why, "on purpose");
	UNTIL(rig.ups == 2);
	rig_run("SELECT pg_backend_pid()");
	ck_assert_str_ne(rig.value, pid);
}
END_TEST

START_TEST(a_start_that_fails_is_a_lost_connection)
{
	rig_link_up();
	rig_start(NULL);
	ck_assert_int_eq(rig.ends, 1);
	ck_assert_int_eq(rig.outcome, PG_LOST);
	ck_assert_int_eq(rig.downs, 1);
	ck_assert_str_eq(rig.why, "connection lost");
	UNTIL(rig.ups == 2);
}
END_TEST

START_TEST(copy_more_than_a_socket_takes)
{
	rig_link_up();
	pg_fixture_exec(rig.sql, "CREATE TABLE copied (t text)");
	rig_start_copy(2000);
	UNTIL(rig.ends == 1);
	ck_assert_int_eq(rig.outcome, PG_OK);
	ck_assert_str_eq(pg_fixture_value(rig.sql, "SELECT count(*) FROM copied"), "2000");
	rig_start_copy(0);
	UNTIL(rig.ends == 1);
	ck_assert_int_eq(rig.outcome, PG_OK);
}
END_TEST

START_TEST(a_copy_that_is_refused)
{
	rig_link_up();
	pg_fixture_exec(rig.sql, "CREATE TABLE copied (t integer)");
	rig_start_copy(2000);
	UNTIL(rig.ends == 1);
	ck_assert_int_eq(rig.outcome, PG_ERROR);
	ck_assert(pg_error_is_content(&rig.error));
	ck_assert_int_eq(rig.copy_left, 0);
	ck_assert_int_eq(rig_run("SELECT 1"), PG_OK);
}
END_TEST

START_TEST(a_copy_that_its_owner_breaks_off)
{
	rig_link_up();
	pg_fixture_exec(rig.sql, "CREATE TABLE copied (t text)");
	rig.copy_fails = true;
	rig_start_copy(1);
	UNTIL(rig.ends == 1);
	ck_assert_int_eq(rig.outcome, PG_LOST);
	UNTIL(rig.ups == 2);
	/* As does one that nobody has data for. */
	ck_assert_int_eq(rig_run("COPY copied FROM STDIN"), PG_LOST);
	UNTIL(rig.ups == 3);
	ck_assert_str_eq(pg_fixture_value(rig.sql, "SELECT count(*) FROM copied"), "0");
}
END_TEST

START_TEST(a_copy_that_is_cut)
{
	rig_link_up();
	pg_fixture_exec(rig.sql, "CREATE TABLE copied (t text)");
	rig_start_copy(1000000);
	UNTIL(rig.copy_left < 999000);
	pg_fixture_exec(rig.sql, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
				 "WHERE application_name LIKE '%%test'");
	UNTIL(rig.ends == 1);
	ck_assert_int_eq(rig.outcome, PG_LOST);
	UNTIL(rig.ups == 2);
}
END_TEST

/* ---- statements and results, as owners of jobs see them ---- */

static struct pg_array ids;
static bool too_many;
static enum pg_format format;

static bool
params_start(void *ctx, struct pg_conn *conn)
{
	struct pg_params p = {0};

	(void)ctx;
	pg_array_init(&ids, PG_INT8);
	pg_array_int8(&ids, 5);
	pg_array_int8(&ids, -6);
	pg_param_array(&p, &ids);
	pg_param_int(&p, INT64_MIN);
	pg_param_text(&p, "text");
	pg_param_text(&p, NULL);
	for (int i = 0; too_many && i < PG_PARAMS; i++) {
		pg_param_int(&p, 0);
		pg_param_text(&p, "");
		pg_param_array(&p, &ids);
	}
	return pg_send(conn, "test", &p, format);
}

static void
text_result(void *ctx, const struct pg_result *res)
{
	(void)ctx;
	ck_assert_int_eq(pg_rows(res), 2);
	ck_assert_int_eq(pg_int(res, 0, 0), 5);
	ck_assert_int_eq(pg_int(res, 1, 0), -6);
	ck_assert(pg_int(res, 0, 1) == INT64_MIN);
	ck_assert_str_eq(pg_text(res, 0, 2), "text");
	ck_assert_uint_eq(pg_length(res, 0, 2), 4);
	ck_assert(pg_is_null(res, 0, 3) && !pg_is_null(res, 0, 2));
	ck_assert_str_eq(pg_text(res, 0, 3), "");
	ck_assert(pg_bool(res, 0, 4) && !pg_bool(res, 1, 4) && !pg_bool(res, 0, 3));
	ck_assert_uint_eq(pg_uint(res, 0, 5), 7);

	struct pg_result *copy = pg_result_copy(res);
	ck_assert_ptr_nonnull(copy);
	ck_assert_int_eq(pg_int(copy, 1, 0), -6);
	pg_result_free(copy);
	rig.results++;
}

static void
binary_result(void *ctx, const struct pg_result *res)
{
	(void)ctx;
	ck_assert_int_eq(pg_int8(res, 0, 0), 5);
	ck_assert_int_eq(pg_int8(res, 1, 0), -6);
	ck_assert(pg_int8(res, 0, 1) == INT64_MIN);
	/* Not a bigint. */
	ck_assert_int_eq(pg_int8(res, 0, 3), 0);
	ck_assert_int_eq(pg_int8(res, 0, 4), 0);
	rig.results++;
}

static void
params_end(void *ctx, enum pg_outcome outcome, const struct pg_error *error)
{
	(void)ctx, (void)error;
	rig.ends++;
	rig.outcome = outcome;
	pg_array_free(&ids);
}

static void
run_params(enum pg_format wanted)
{
	const struct pg_job job = {.name = "test",
	    .ctx = &rig,
	    .start = params_start,
	    .result = wanted == PG_TEXT_ROWS ? text_result : binary_result,
	    .end = params_end};

	rig.ends = rig.results = 0;
	format = wanted;
	pg_link_run(rig.link, &job);
	UNTIL(rig.ends == 1);
}

START_TEST(parameters_and_rows)
{
	rig.cb.setup_sql =
	    "PREPARE test AS SELECT id, $2::bigint, $3::text, $4::boolean, id > 0, 7 "
	    "FROM unnest($1::bigint[]) AS id";
	rig_link_up();
	run_params(PG_TEXT_ROWS);
	ck_assert_int_eq(rig.outcome, PG_OK);
	ck_assert_int_eq(rig.results, 1);
	run_params(PG_BINARY_ROWS);
	ck_assert_int_eq(rig.outcome, PG_OK);
	ck_assert_int_eq(rig.results, 1);
	too_many = true;
	run_params(PG_TEXT_ROWS);
	ck_assert_int_eq(rig.outcome, PG_LOST);
}
END_TEST

static bool
text_start(void *ctx, struct pg_conn *conn)
{
	ck_assert(!pg_send_text(conn, "no_such_statement"));
	return pg_send_text(conn, ctx);
}

static bool
none_start(void *ctx, struct pg_conn *conn)
{
	return pg_send(conn, ctx, NULL, PG_TEXT_ROWS);
}

static void
touched_result(void *ctx, const struct pg_result *res)
{
	(void)ctx;
	rig.results++;
	rig.rows = (int)pg_rows_touched(res);
}

START_TEST(statements_without_parameters)
{
	struct pg_job job = {.name = "test",
	    .ctx = (char[]){"positions_prove"},
	    .start = text_start,
	    .result = touched_result,
	    .end = params_end};

	rig.cb.setup_sql = "PREPARE test AS UPDATE schema_migrations SET name = 'again'";
	rig_link_up();
	pg_link_run(rig.link, &job);
	UNTIL(rig.ends == 1);
	ck_assert_int_eq(rig.outcome, PG_OK);
	job.ctx = (char[]){"test"};
	job.start = none_start;
	pg_link_run(rig.link, &job);
	UNTIL(rig.ends == 2);
	ck_assert_int_eq(rig.outcome, PG_OK);
	ck_assert_int_eq(rig.rows, 1);
}
END_TEST

TCase *
jobs_case(void)
{
	TCase *t = tcase_create("jobs");

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, rig_open, rig_close);
	tcase_add_test(t, results_and_their_end);
	tcase_add_test(t, rows_one_by_one);
	tcase_add_test(t, an_error_ends_the_job_and_not_the_connection);
	tcase_add_test(t, an_error_of_the_connection_renews_it);
	tcase_add_test(t, a_start_that_fails_is_a_lost_connection);
	tcase_add_test(t, copy_more_than_a_socket_takes);
	tcase_add_test(t, a_copy_that_is_refused);
	tcase_add_test(t, a_copy_that_its_owner_breaks_off);
	tcase_add_test(t, a_copy_that_is_cut);
	tcase_add_test(t, parameters_and_rows);
	tcase_add_test(t, statements_without_parameters);
	return t;
}

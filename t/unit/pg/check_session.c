/*
 * The blocking session against a real PostgreSQL, started by this program: which connection strings are
 * taken, how it is set up, statements by name with parameters, types of columns, errors with what they may
 * and may not hold, notices, a connection that was lost. And two rules of pg/sql/ that every program relies on.
 */
#include <check.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "pg/error.h"
#include "pg/row.h"
#include "pg/session.h"
#include "pg/sql.h"
#include "t/unit/pg/fixture.h"

static struct pg_session *db;
static struct pg_session_error error;
static char noticed[64];
static bool warned;

static void
on_notice(void *ctx, bool is_warning, const char *text)
{
	ck_assert_ptr_eq(ctx, noticed);
	warned = is_warning;
	snprintf(noticed, sizeof(noticed), "%s", text);
}

static void
setup(void)
{
	memset(&error, 'x', sizeof(error));
	noticed[0] = '\0';
	db = pg_session_open(pg_fixture_database(), on_notice, noticed, &error);
	ck_assert_ptr_nonnull(db);
}

static void
teardown(void)
{
	pg_session_close(db);
}

static void
script(const char *sql)
{
	ck_assert_msg(pg_session_script(db, sql, &error), "%s: %s", sql, error.text);
}

static struct pg_result *
query(const char *statement, const struct pg_params *params)
{
	struct pg_result *res = pg_session_query(db, statement, params, &error);

	ck_assert_msg(res != NULL, "%s: %s", statement, error.text);
	return res;
}

START_TEST(connection_strings)
{
	ck_assert(pg_session_url_is_valid("postgresql://u:p@h:5432/d"));
	ck_assert(pg_session_url_is_valid("postgresql://u:p%40ss@h/d"));
	ck_assert(pg_session_url_is_valid("host=@abstract user=u password=a@b"));
	ck_assert(pg_session_url_is_valid("host=/run/postgresql dbname=x"));
	/* Here a part of the password has become the host. */
	ck_assert(!pg_session_url_is_valid("postgresql://u:p@ss@h/d"));
	ck_assert(!pg_session_url_is_valid("host=h nonsense=1"));
	ck_assert(!pg_session_url_is_valid("postgresql://["));
}
END_TEST

START_TEST(no_connection)
{
	struct pg_session *none =
	    pg_session_open("host=/nonexistent password=secret dbname=x", NULL, NULL, &error);

	ck_assert_ptr_null(none);
	ck_assert(error.lost);
	ck_assert_str_eq(error.sqlstate, "");
	ck_assert_ptr_nonnull(strstr(error.text, "/nonexistent"));
	ck_assert_ptr_null(strstr(error.text, "secret"));
	ck_assert_int_ne(error.text[strlen(error.text) - 1], '\n');
	pg_session_close(none);
}
END_TEST

START_TEST(set_up_alike)
{
	struct pg_params params = {0};
	struct pg_result *res;

	script("INSERT INTO rejected_devices (imei, reason, attempts, first_seen_at, "
	       "last_seen_at) VALUES "
	       "('350000000000001', 'unknown', 1, '2026-03-01 12:00+02', '2026-03-01 12:00+02')");
	pg_param_text(&params, "350000000000001");
	res = query("device_refusals", &params);
	ck_assert_str_eq(pg_field(res, "last_seen_at"), "2026-03-01 10:00:00+00");
	ck_assert_str_eq(pg_field(res, "last_addr"), "?");
	pg_result_free(res);
	ck_assert_int_ge(pg_session_server_version(db), 150000);
}
END_TEST

START_TEST(parameters_and_columns)
{
	struct pg_params params = {0};
	struct pg_array imeis;
	struct pg_result *res;

	pg_array_init(&imeis, PG_TEXT);
	pg_array_text(&imeis, "350000000000002", 15);
	pg_array_text(&imeis, "350000000000001", 15);
	pg_array_text(&imeis, "350000000000001", 15);
	pg_param_array(&params, &imeis);
	pg_param_text(&params, NULL);
	pg_param_text(&params, "FMB'120");
	pg_param_text(&params, "t");
	res = query("device_add", &params);
	ck_assert_int_eq(pg_rows(res), 2);
	ck_assert_uint_eq(pg_rows_touched(res), 2);
	ck_assert_int_eq(pg_columns(res), 5);
	ck_assert_str_eq(pg_column_name(res, 1), "imei");
	ck_assert_int_eq(pg_column(res, "enabled"), 4);
	ck_assert_int_eq(pg_column(res, "nothing"), -1);
	ck_assert_str_eq(pg_field(res, "imei"), "350000000000001");
	ck_assert_str_eq(pg_text(res, 1, 3), "FMB'120");
	ck_assert_uint_eq(pg_length(res, 1, 3), 7);
	ck_assert(pg_is_null(res, 0, 2));
	ck_assert_str_eq(pg_field(res, "name"), "");
	ck_assert(pg_bool(res, 0, 4));
	ck_assert_int_eq(pg_column_type(res, 0), PG_TYPE_INTEGER);
	ck_assert_int_eq(pg_column_type(res, 1), PG_TYPE_OTHER);
	ck_assert_int_eq(pg_column_type(res, 4), PG_TYPE_BOOL);
	ck_assert_int_gt(pg_int(res, 0, 0), 0);
	pg_result_free(res);
	/* The same ones again: none is new, and a field of no row is "". */
	res = query("device_add", &params);
	ck_assert_int_eq(pg_rows(res), 0);
	ck_assert_str_eq(pg_field(res, "imei"), "");
	pg_result_free(res);
	pg_array_free(&imeis);
	params = (struct pg_params){0};
	pg_param_text(&params, "350000000000001");
	res = query("device_show", &params);
	ck_assert_int_eq(pg_column_type(res, pg_column(res, "latitude")), PG_TYPE_FLOAT);
	ck_assert_int_eq(pg_column_type(res, pg_column(res, "io")), PG_TYPE_JSON);
	ck_assert_int_eq(pg_column_type(res, pg_column(res, "created_at")), PG_TYPE_TIME);
	pg_result_free(res);
}
END_TEST

START_TEST(errors_of_the_server)
{
	struct pg_params params = {0};

	ck_assert(!pg_session_script(db, "SELECT 1 FROM nowhere", &error));
	ck_assert_str_eq(error.sqlstate, "42P01");
	ck_assert_str_eq(error.text, "relation \"nowhere\" does not exist");
	ck_assert_str_eq(error.detail, "");
	ck_assert(!error.lost);
	ck_assert_int_eq(pg_error_kind(error.sqlstate), PG_KIND_SCHEMA);
	ck_assert(!pg_session_script(db,
	    "DO $$ BEGIN RAISE EXCEPTION 'text' USING DETAIL = 'detail', HINT = 'hint', "
	    "ERRCODE = '23505'; END $$",
	    &error));
	ck_assert_str_eq(error.text, "text");
	ck_assert_str_eq(error.detail, "detail");
	ck_assert_str_eq(error.hint, "hint");
	ck_assert_int_eq(pg_error_kind(error.sqlstate), PG_KIND_CONTENT);
	pg_param_text(&params, "not a number");
	ck_assert_ptr_null(pg_session_query(db, "raw_set_decoded", &params, &error));
	ck_assert_str_eq(error.sqlstate, "22P02");
	ck_assert_int_eq(pg_error_kind(error.sqlstate), PG_KIND_CONTENT);
}
END_TEST

/* A row that breaks a CHECK or NOT NULL would be shown whole, with what is secret in it. */
START_TEST(no_row_in_an_error)
{
	script("CREATE TABLE t (a text CONSTRAINT short CHECK (length(a) < 3), b text NOT NULL)");
	ck_assert(!pg_session_script(db, "INSERT INTO t VALUES ('secret', 'b')", &error));
	ck_assert_str_eq(error.sqlstate, "23514");
	ck_assert_str_eq(error.detail, "");
	ck_assert_ptr_null(strstr(error.text, "secret"));
	ck_assert(!pg_session_script(db, "INSERT INTO t VALUES ('se', NULL)", &error));
	ck_assert_str_eq(error.sqlstate, "23502");
	ck_assert_str_eq(error.detail, "");
}
END_TEST

START_TEST(own_errors)
{
	struct pg_params many = {0};

	ck_assert_ptr_null(pg_session_query(db, "no_statement", NULL, &error));
	ck_assert_str_eq(error.text, "there is no such statement");
	ck_assert_str_eq(error.sqlstate, "");
	ck_assert(!error.lost);
	for (int i = 0; i <= PG_PARAMS; i++)
		pg_param_int(&many, i);
	ck_assert_ptr_null(pg_session_query(db, "migrate_version", &many, &error));
	ck_assert_str_eq(error.sqlstate, "");
}
END_TEST

START_TEST(notices)
{
	script("DO $$ BEGIN RAISE NOTICE 'low'; END $$");
	ck_assert_str_eq(noticed, "");
	script("DO $$ BEGIN RAISE WARNING 'high'; END $$");
	ck_assert_str_eq(noticed, "high");
	ck_assert(warned);
	script("SET client_min_messages = 'notice'");
	script("DO $$ BEGIN RAISE NOTICE 'low'; END $$");
	ck_assert_str_eq(noticed, "low");
	ck_assert(!warned);
}
END_TEST

START_TEST(a_lost_connection)
{
	struct pg_result *res;

	ck_assert(!pg_session_script(db, "SELECT pg_terminate_backend(pg_backend_pid())", &error));
	ck_assert(error.lost);
	ck_assert_ptr_null(pg_session_query(db, "migrate_version", NULL, &error));
	ck_assert(error.lost);
	ck_assert(!pg_session_is_connected(db));
	ck_assert(pg_session_reopen(db));
	ck_assert(pg_session_is_connected(db));
	/* It is set up again. */
	script("DO $$ BEGIN ASSERT current_setting('timezone') = 'UTC'; END $$");
	res = query("migrate_version", NULL);
	ck_assert_int_gt(pg_int(res, 0, 0), 0);
	pg_result_free(res);
}
END_TEST

START_TEST(rollback)
{
	struct pg_result *res;

	script("BEGIN; DELETE FROM schema_migrations");
	pg_session_rollback(db);
	res = query("migrate_version", NULL);
	ck_assert_int_gt(pg_int(res, 0, 0), 0);
	pg_result_free(res);
}
END_TEST

/* A record as the worker and tgctl insert it, and what is there of it. */
START_TEST(a_tuple_as_parameters)
{
	struct avl_record record = {.codec = 16,
	    .timestamp_ms = 1772366400000,
	    .latitude = 546870000,
	    .longitude = 252800000,
	    .generation = 5};
	struct pg_array columns[ROW_NCOLUMNS] = {0};
	struct pg_params params = {0};
	uint8_t row[512];

	script("INSERT INTO devices (imei) VALUES ('350000000000001')");
	row_columns_start(columns);
	for (int64_t device = 1; device <= 2; device++) {
		ck_assert_uint_le(row_bound(&record), sizeof(row));
		ck_assert_uint_gt(row_write(&record, device, 77, 1772366401000000, row), 0);
		row_append(row, columns);
		record.codec = 8;
	}
	pg_param_arrays(&params, columns, ROW_NCOLUMNS);
	pg_param_int(&params, 0);
	pg_result_free(query("positions_insert", &params));
	script(
	    "DO $$ BEGIN ASSERT (SELECT string_agg(device_id || ' ' || latitude || ' ' || codec || "
	    "' ' || coalesce(generation_type::text, '-'), ', ' ORDER BY device_id) "
	    "FROM device_positions) = '1 54.687 16 5, 2 54.687 8 -'; END $$");
	for (int i = 0; i < ROW_NCOLUMNS; i++)
		pg_array_free(&columns[i]);
}
END_TEST

static char copied[4096];
static size_t ncopied;
static int lines_left; /* that are taken */

static bool
take_line(void *ctx, const char *bytes, size_t len)
{
	ck_assert_ptr_eq(ctx, copied);
	ck_assert_uint_lt(ncopied + len, sizeof(copied));
	ck_assert_int_eq(bytes[len - 1], '\n');
	memcpy(copied + ncopied, bytes, len);
	ncopied += len;
	copied[ncopied] = '\0';
	return --lines_left > 0;
}

static bool
copy_out(int most)
{
	ncopied = 0;
	lines_left = most + 1;
	memset(&error, 'x', sizeof(error));
	return pg_session_copy_out(db, "export_day", take_line, copied, &error);
}

/* Gives a text in pieces of three bytes; NULL: it leaves. */
static ssize_t
give(void *ctx, char *bytes, size_t room)
{
	const char **text = ctx;
	size_t len;

	ck_assert_uint_gt(room, 3);
	if (*text == NULL)
		return -1;
	len = strnlen(*text, 3);
	memcpy(bytes, *text, len);
	*text += len;
	return (ssize_t)len;
}

static bool
copy_in(const char *text)
{
	memset(&error, 'x', sizeof(error));
	return pg_session_copy_in(db, "import_copy", give, &text, &error);
}

START_TEST(copies)
{
	struct pg_result *sum;

	script(
	    "INSERT INTO devices (imei) VALUES ('350000000000001');"
	    "INSERT INTO device_positions SELECT d.id, '2026-10-01Z', n, now(), 1, 2, 3, 4, 5, 6, 7, "
	    "0, 8, NULL, true, '{\"1\": \"a,b\"}' FROM devices d, generate_series(1, 3) AS n;"
	    "SELECT set_config('telematics.export_from', '2026-10-01', false),"
	    "    set_config('telematics.export_to', '2026-10-02', false)");
	ck_assert(!copy_out(1));
	ck_assert_str_eq(error.text, "");
	ck_assert(!error.lost);
	ck_assert(copy_out(100));
	ck_assert_int_eq(lines_left, 100 + 1 - 4);
	script(pg_sql("import_stage"));
	ck_assert(!copy_in(NULL));
	ck_assert_str_eq(error.text, "");
	ck_assert(!copy_in("imei\n"));
	ck_assert_str_eq(error.sqlstate, "22P04");
	ck_assert(copy_in(copied));
	sum = query("import_sum", NULL);
	ck_assert_str_eq(pg_field(sum, "records"), "3");
	pg_result_free(sum);
	ck_assert(!pg_session_copy_in(db, "no_such", give, NULL, &error));
	ck_assert_str_eq(error.text, "there is no such statement");
	script("SELECT set_config('telematics.export_from', 'never', false)");
	ck_assert(!copy_out(100));
	ck_assert_str_eq(error.sqlstate, "22007");
}
END_TEST

/* A name finds its statement only if they are sorted; parts of statements have no name. */
START_TEST(statements_are_sorted)
{
	ck_assert_uint_gt(pg_nstatements, 0);
	for (unsigned i = 0; i < pg_nstatements; i++) {
		const char *name = pg_statements[i].name;

		if (i > 0)
			ck_assert_int_lt(strcmp(pg_statements[i - 1].name, name), 0);
		ck_assert_int_ne(name[0], '_');
		ck_assert_str_eq(pg_sql(name), pg_statements[i].text);
		ck_assert_ptr_null(strstr(pg_statements[i].text, "\\ir"));
	}
	ck_assert_ptr_null(pg_sql("_command_columns"));
}
END_TEST

/* Each prepares on the schema of this version; scripts of several statements can't be prepared. */
START_TEST(statements_fit_the_schema)
{
	PGconn *conn = pg_fixture_connect(pg_fixture_database());

	/* The table that an import makes for itself. */
	pg_fixture_exec(conn, "%s", pg_sql("import_stage"));
	for (unsigned i = 0; i < pg_nstatements; i++) {
		const char *text = pg_statements[i].text, *semicolon = strrchr(text, ';');
		PGresult *res;

		if ((semicolon != NULL && isspace((unsigned char)semicolon[1])) ||
		    strncmp(text, "COPY", 4) == 0)
			continue;
		res = PQprepare(conn, pg_statements[i].name, text, 0, NULL);
		ck_assert_msg(PQresultStatus(res) == PGRES_COMMAND_OK, "%s: %s",
		    pg_statements[i].name, PQerrorMessage(conn));
		PQclear(res);
	}
	PQfinish(conn);
}
END_TEST

static TCase *
cases(void)
{
	TCase *tc = tcase_create("session");

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, connection_strings);
	tcase_add_test(tc, no_connection);
	tcase_add_test(tc, set_up_alike);
	tcase_add_test(tc, parameters_and_columns);
	tcase_add_test(tc, errors_of_the_server);
	tcase_add_test(tc, no_row_in_an_error);
	tcase_add_test(tc, own_errors);
	tcase_add_test(tc, notices);
	tcase_add_test(tc, a_lost_connection);
	tcase_add_test(tc, rollback);
	tcase_add_test(tc, a_tuple_as_parameters);
	tcase_add_test(tc, copies);
	tcase_add_test(tc, statements_are_sorted);
	tcase_add_test(tc, statements_fit_the_schema);
	return tc;
}

int
main(void)
{
	Suite *suite = suite_create("session");
	SRunner *runner;
	int failed;

	pg_fixture_start();
	suite_add_tcase(suite, cases());
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	pg_fixture_stop();
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

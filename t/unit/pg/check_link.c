/* A link against a real PostgreSQL: see check_link_life.c and check_link_jobs.c. */
#include "t/unit/pg/check_link.h"

#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "pg/query.h"
#include "pg/result.h"

struct rig rig;

static void
up(void *ctx)
{
	ck_assert_ptr_eq(ctx, &rig);
	rig.ups++;
}

static void
down(void *ctx, const char *why)
{
	ck_assert_ptr_eq(ctx, &rig);
	rig.downs++;
	snprintf(rig.why, sizeof(rig.why), "%s", why);
}

static void
pulse_cb(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what, (void)arg;
}

void
rig_open(void)
{
	const struct timeval pulse = {.tv_usec = 20000};

	memset(&rig, 0, sizeof(rig));
	ck_assert(log_open("test", "/dev/null", LOG_TEXT, LOG_DEBUG_));
	snprintf(rig.url, sizeof(rig.url), "%s", pg_fixture_database());
	rig.sql = pg_fixture_connect(rig.url);
	rig.base = event_base_new();
	rig.pulse = event_new(rig.base, -1, EV_PERSIST, pulse_cb, NULL);
	ck_assert_int_eq(event_add(rig.pulse, &pulse), 0);
	rig.cb = (struct pg_link_callbacks){
	    .ctx = &rig, .up = up, .down = down, .connects = &rig.connects};
}

void
rig_close(void)
{
	pg_link_free(rig.link);
	event_free(rig.pulse);
	event_base_free(rig.base);
	PQfinish(rig.sql);
}

void
rig_link(const char *url)
{
	rig.link = pg_link_new(rig.base, url != NULL ? url : rig.url, "test", &rig.cb);
	ck_assert_ptr_nonnull(rig.link);
	ck_assert(!pg_link_is_up(rig.link));
	ck_assert_int_eq(pg_link_server_connections(rig.link), 0);
}

void
rig_link_up(void)
{
	rig_link(NULL);
	UNTIL(rig.ups == 1);
	ck_assert(pg_link_is_up(rig.link) && !pg_link_is_busy(rig.link));
}

static bool
job_start(void *ctx, struct pg_conn *conn)
{
	ck_assert_ptr_eq(ctx, &rig);
	return rig.text != NULL && PQsendQuery(conn, rig.text) == 1;
}

static void
job_result(void *ctx, const struct pg_result *res)
{
	(void)ctx;
	rig.results++;
	rig.rows += pg_rows(res);
	if (pg_rows(res) > 0)
		snprintf(rig.value, sizeof(rig.value), "%s", pg_text(res, 0, 0));
}

static enum pg_copy
job_copy_in(void *ctx, struct pg_conn *conn)
{
	static char row[8192];

	(void)ctx;
	memset(row, 'x', sizeof(row));
	row[sizeof(row) - 1] = '\n';
	if (rig.copy_fails)
		return PG_COPY_FAIL;
	if (rig.copy_left > 0) {
		rig.copy_left--;
		return pg_put(conn, row, sizeof(row)) ? PG_COPY_MORE : PG_COPY_FAIL;
	}
	return pg_put_end(conn) ? PG_COPY_END : PG_COPY_FAIL;
}

static void
job_end(void *ctx, enum pg_outcome outcome, const struct pg_error *error)
{
	ck_assert_ptr_eq(ctx, &rig);
	ck_assert(!pg_link_is_busy(rig.link));
	ck_assert_int_eq(error == NULL, outcome == PG_OK);
	rig.ends++;
	rig.outcome = outcome;
	if (error != NULL)
		rig.error = *error;
}

static void
start(const char *text, bool copy)
{
	const struct pg_job job = {.name = "test",
	    .ctx = &rig,
	    .start = job_start,
	    .copy_in = copy ? job_copy_in : NULL,
	    .result = job_result,
	    .end = job_end};

	rig.text = text;
	rig.ends = rig.results = rig.rows = 0;
	rig.value[0] = '\0';
	pg_link_run(rig.link, &job);
}

void
rig_start(const char *text)
{
	start(text, false);
}

void
rig_start_copy(int rows)
{
	rig.copy_left = rows;
	start("COPY copied FROM STDIN", true);
}

enum pg_outcome
rig_run(const char *text)
{
	rig_start(text);
	UNTIL(rig.ends == 1);
	return rig.outcome;
}

int
main(void)
{
	Suite *s = suite_create("link");
	SRunner *sr;
	int failed;

	pg_fixture_start();
	suite_add_tcase(s, life_case());
	suite_add_tcase(s, names_case());
	suite_add_tcase(s, jobs_case());
	suite_add_tcase(s, watch_case());
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	pg_fixture_stop();
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* The life of a link: it comes up, is refused, gets lost and comes back. */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "pg/schema_version.h"
#include "t/unit/pg/check_link.h"

#define CUT \
	"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE '%%test'"

static const char *const statements[] = {"positions_insert", "messages_insert", "raw_insert", NULL};

static void
expect_why(const char *part)
{
	ck_assert_msg(strstr(rig.why, part) != NULL, "%s", rig.why);
}

START_TEST(it_comes_up_prepared)
{
	rig.cb.statements = statements;
	pg_fixture_exec(rig.sql, "ALTER ROLE test SET synchronous_commit = off");
	rig_link_up();
	pg_fixture_exec(rig.sql, "ALTER ROLE test RESET synchronous_commit");
	ck_assert_uint_eq(rig.connects, 1);
	ck_assert_int_eq(rig.downs, 0);
	ck_assert_int_gt(pg_link_server_connections(rig.link), 50);
	ck_assert_int_eq(rig_run("SELECT count(*) FROM pg_prepared_statements"), PG_OK);
	ck_assert_str_eq(rig.value, "3");
	ck_assert_int_eq(rig_run("SHOW synchronous_commit"), PG_OK);
	ck_assert_str_eq(rig.value, "on");
	rig_run("SHOW timezone");
	ck_assert_str_eq(rig.value, "UTC");
	rig_run("SHOW idle_in_transaction_session_timeout");
	ck_assert_str_eq(rig.value, "30s");
	rig_run("SHOW statement_timeout");
	ck_assert_str_eq(rig.value, "30s");
	rig_run("SHOW lock_timeout");
	ck_assert_str_eq(rig.value, "1s");
	rig_run("SHOW idle_session_timeout");
	ck_assert_str_eq(rig.value, "0");
	rig_run("SHOW application_name");
	ck_assert_str_eq(rig.value, "telematics-gateway test");
}
END_TEST

START_TEST(a_missing_schema_is_waited_for)
{
	pg_fixture_exec(rig.sql, "ALTER TABLE schema_migrations RENAME TO elsewhere");
	rig_link(NULL);
	UNTIL(rig.downs == 1);
	expect_why("the schema is missing or incomplete");
	expect_why("tgctl migrate");
	pg_fixture_exec(rig.sql, "ALTER TABLE elsewhere RENAME TO schema_migrations");
	UNTIL(rig.ups == 1);
	/* The same reason is told once. */
	ck_assert_int_eq(rig.downs, 1);
}
END_TEST

START_TEST(an_old_schema_is_refused)
{
	pg_fixture_exec(rig.sql, "UPDATE schema_migrations SET version = 3");
	rig_link(NULL);
	UNTIL(rig.downs == 1);
	expect_why("the schema is version 3, this gateway needs");
	pg_fixture_exec(rig.sql, "DELETE FROM schema_migrations");
	UNTIL(rig.downs == 2);
	expect_why("the schema is version 0");
	/* A newer one is as good. */
	pg_fixture_exec(
	    rig.sql, "INSERT INTO schema_migrations VALUES (%d, 'x')", SCHEMA_VERSION + 1);
	UNTIL(rig.ups == 1);
}
END_TEST

START_TEST(a_statement_that_the_schema_does_not_fit)
{
	rig.cb.statements = statements;
	pg_fixture_exec(rig.sql, "ALTER TABLE device_messages RENAME seq TO was_seq");
	rig_link(NULL);
	UNTIL(rig.downs == 1);
	expect_why("the schema is missing or incomplete");
	pg_fixture_exec(rig.sql, "ALTER TABLE device_messages RENAME was_seq TO seq");
	UNTIL(rig.ups == 1);
}
END_TEST

START_TEST(a_statement_that_is_not_there)
{
	static const char *const unknown[] = {"no_such_statement", NULL};

	rig.cb.statements = unknown;
	rig_link(NULL);
	UNTIL(rig.downs == 1);
	ck_assert_int_eq(rig.ups, 0);
}
END_TEST

START_TEST(the_callers_own_setup)
{
	rig.cb.setup_sql = "SELEKT 1";
	rig_link(NULL);
	UNTIL(rig.downs == 1);
	expect_why("syntax error");
}
END_TEST

/* Nobody would answer it. */
START_TEST(a_copy_in_the_setup)
{
	rig.cb.setup_sql = "COPY devices (imei) FROM STDIN";
	rig_link(NULL);
	UNTIL(rig.downs == 1);
	ck_assert_int_eq(rig.ups, 0);
}
END_TEST

static void
notified(void *ctx, const char *channel, const char *payload)
{
	(void)ctx;
	rig.notifications++;
	snprintf(rig.channel, sizeof(rig.channel), "%s", channel);
	snprintf(rig.payload, sizeof(rig.payload), "%s", payload);
}

START_TEST(notifications)
{
	rig.cb.setup_sql = "LISTEN news";
	rig.cb.notify = notified;
	rig_link_up();
	pg_fixture_exec(rig.sql, "NOTIFY news, 'today'");
	UNTIL(rig.notifications == 1);
	ck_assert_str_eq(rig.channel, "news");
	ck_assert_str_eq(rig.payload, "today");

	/* Also beside a job, and after a reconnect. */
	rig_start("SELECT pg_sleep(0.1)");
	pg_fixture_exec(rig.sql, "NOTIFY news, 'beside'");
	UNTIL(rig.notifications == 2 && rig.ends == 1);
	pg_fixture_exec(rig.sql, CUT);
	UNTIL(rig.ups == 2);
	pg_fixture_exec(rig.sql, "NOTIFY news, 'again'");
	UNTIL(rig.notifications == 3);
	ck_assert_str_eq(rig.payload, "again");
}
END_TEST

START_TEST(notifications_that_nobody_wants)
{
	rig.cb.setup_sql = "LISTEN news";
	rig_link_up();
	pg_fixture_exec(rig.sql, "NOTIFY news, 'today'");
	ck_assert_int_eq(rig_run("SELECT 1"), PG_OK);
}
END_TEST

START_TEST(lost_and_back)
{
	rig_link_up();
	pg_fixture_exec(rig.sql, CUT);
	UNTIL(rig.downs == 1);
	ck_assert_uint_gt(strlen(rig.why), 0);
	UNTIL(rig.ups == 2);
	ck_assert_uint_eq(rig.connects, 2);

	/* A job that runs ends first, and is told that it was lost. */
	rig_start("SELECT pg_sleep(100)");
	ck_assert(pg_link_is_busy(rig.link));
	pg_fixture_exec(rig.sql, CUT);
	UNTIL(rig.ends == 1);
	ck_assert_int_eq(rig.outcome, PG_LOST);
	ck_assert_str_eq(rig.error.sqlstate, "");
	ck_assert_int_gt((int)strlen(rig.error.text), 0);
	UNTIL(rig.ups == 3);
	ck_assert_int_eq(rig_run("SELECT 1"), PG_OK);
}
END_TEST

/* One that comes and goes is slowed down; one that lasted starts anew. */
START_TEST(delays_grow_and_are_forgotten)
{
	rig_link_up();
	for (int i = 0; i < 3; i++) {
		pg_fixture_exec(rig.sql, CUT);
		UNTIL(rig.ups == 2 + i);
		ck_assert_int_eq(rig.link->attempt, 1 + i);
	}
	rig.link->up_since_ms -= 10000;
	pg_fixture_exec(rig.sql, CUT);
	UNTIL(rig.ups == 5);
	ck_assert_int_eq(rig.link->attempt, 1);
}
END_TEST

START_TEST(nobody_listens)
{
	rig_link("host=/nowhere/at/all dbname=x");
	UNTIL(rig.downs == 1);
	expect_why("/nowhere/at/all");
	UNTIL(rig.link->attempt >= 2);
	ck_assert_int_eq(rig.downs, 1);
}
END_TEST

START_TEST(a_url_that_means_nothing)
{
	rig_link("host=/tmp nonsense=1");
	UNTIL(rig.downs == 1);
	expect_why("libpq can't use DATABASE_URL");
	ck_assert_ptr_null(strstr(rig.why, "nonsense"));
}
END_TEST

START_TEST(the_second_host_takes_us)
{
	char url[512];

	snprintf(url, sizeof(url), "host=/nowhere/at/all,%.250s", rig.url + strlen("host="));
	rig_link(url);
	UNTIL(rig.ups == 1);
}
END_TEST

/* A server that accepts and says nothing: the limit of an attempt ends it, without waiting for it here. */
START_TEST(a_server_that_says_nothing)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	char dir[] = "/tmp/telematics-unit-link-XXXXXX", url[128];
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s/.s.PGSQL.5432", dir);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	ck_assert_int_eq(listen(fd, 8), 0);
	snprintf(url, sizeof(url), "host=%s user=x dbname=x port=5432", dir);
	rig_link(url);
	UNTIL(rig.link->state == LINK_CONNECTING);
	event_active(rig.link->timer, EV_TIMEOUT, 1);
	UNTIL(rig.downs == 1);
	expect_why("no answer to the connection attempt");
	close(fd);
	unlink(sun.sun_path);
	rmdir(dir);
}
END_TEST

START_TEST(a_setup_without_end)
{
	rig.cb.setup_sql = "SELECT pg_sleep(100)";
	rig_link(NULL);
	UNTIL(rig.link->state == LINK_SETUP && rig.link->step == SETUP_CALLER);
	event_active(rig.link->timer, EV_TIMEOUT, 1);
	UNTIL(rig.downs == 1);
	expect_why("no answer while preparing the connection");
}
END_TEST

START_TEST(no_link_to_free)
{
	pg_link_free(NULL);
}
END_TEST

TCase *
life_case(void)
{
	TCase *t = tcase_create("life");

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, rig_open, rig_close);
	tcase_add_test(t, it_comes_up_prepared);
	tcase_add_test(t, a_missing_schema_is_waited_for);
	tcase_add_test(t, an_old_schema_is_refused);
	tcase_add_test(t, a_statement_that_the_schema_does_not_fit);
	tcase_add_test(t, a_statement_that_is_not_there);
	tcase_add_test(t, the_callers_own_setup);
	tcase_add_test(t, a_copy_in_the_setup);
	tcase_add_test(t, notifications);
	tcase_add_test(t, notifications_that_nobody_wants);
	tcase_add_test(t, lost_and_back);
	tcase_add_test(t, delays_grow_and_are_forgotten);
	tcase_add_test(t, nobody_listens);
	tcase_add_test(t, a_url_that_means_nothing);
	tcase_add_test(t, the_second_host_takes_us);
	tcase_add_test(t, a_server_that_says_nothing);
	tcase_add_test(t, a_setup_without_end);
	tcase_add_test(t, no_link_to_free);
	return t;
}

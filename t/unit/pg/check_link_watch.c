/* What a link watches: progress, the wait for a standby, backends that were left behind, durability. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "t/unit/pg/check_link.h"

static int stalls, stalled_for;

static void
stalled(void *ctx, const char *job, int seconds)
{
	ck_assert_ptr_eq(ctx, &rig);
	ck_assert_str_eq(job, "test");
	stalls++;
	stalled_for = seconds;
}

/* So many seconds without progress go by. */
static void
silence(int seconds)
{
	for (int i = 0; i < seconds && rig.link->state == LINK_BUSY; i++) {
		event_active(rig.link->pulse, EV_TIMEOUT, 1);
		event_base_loop(rig.base, EVLOOP_NONBLOCK);
	}
}

static int
sleepers(void)
{
	PGresult *res =
	    PQexec(rig.sql, "SELECT FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(100%'");
	int n = PQntuples(res);

	PQclear(res);
	return n;
}

START_TEST(a_job_without_progress)
{
	rig.cb.stalled = stalled;
	rig_link_up();
	rig_start("SELECT pg_sleep(100)");
	UNTIL(sleepers() == 1);
	silence(9);
	ck_assert_int_eq(stalls, 0);
	silence(1);
	ck_assert_int_eq(stalls, 1);
	ck_assert_int_eq(stalled_for, PG_STALLED_S);
	silence(20);
	ck_assert_int_eq(stalls, 21);
	ck_assert_int_eq(rig.ends, 0);
	ck_assert_int_eq(sleepers(), 1);
	silence(1);
	ck_assert_int_eq(rig.ends, 1);
	ck_assert_int_eq(rig.outcome, PG_LOST);
	ck_assert_ptr_nonnull(strstr(rig.why, "no answer to \"test\" for 31 s"));
	ck_assert_int_eq(rig.link->nabandoned, 1);
	/* Its backend is over before anything else runs. */
	UNTIL(rig.ups == 2);
	ck_assert_int_eq(sleepers(), 0);
	ck_assert_int_eq(rig.link->nabandoned, 0);
	ck_assert_int_eq(rig_run("SELECT 1"), PG_OK);
}
END_TEST

/* The next attempt begins with another host, as this one would take us again. */
START_TEST(another_host_comes_first)
{
	char url[512];

	snprintf(url, sizeof(url), "host=%.*s,%.300s", (int)strcspn(rig.url + 5, " "), rig.url + 5,
	    rig.url + 5);
	rig_link(url);
	UNTIL(rig.ups == 1);
	rig_start("SELECT pg_sleep(100)");
	silence(31);
	ck_assert_int_eq(rig.link->first_host, 1);
	UNTIL(rig.ups == 2);
	rig_start("SELECT pg_sleep(100)");
	silence(31);
	ck_assert_int_eq(rig.link->first_host, 0);
}
END_TEST

/* An idle connection may be silent; what comes is progress. */
START_TEST(silence_is_that_of_a_job)
{
	rig.cb.stalled = stalled;
	rig.cb.single_row = true;
	rig_link_up();
	for (int i = 0; i < 50; i++)
		event_active(rig.link->pulse, EV_TIMEOUT, 1);
	event_base_loop(rig.base, EVLOOP_NONBLOCK);
	ck_assert_int_eq(rig.downs, 0);
	rig_start("SELECT pg_sleep(0.3) FROM generate_series(1, 3)");
	silence(9);
	UNTIL(rig.ends == 1);
	rig_start("SELECT pg_sleep(0.3)");
	silence(9);
	UNTIL(rig.ends == 1);
	ck_assert_int_eq(stalls, 0);
}
END_TEST

START_TEST(in_a_hurry)
{
	rig_link_up();
	rig_start("SELECT pg_sleep(100)");
	silence(5);
	ck_assert_int_eq(rig.ends, 0);
	pg_link_hurry(rig.link);
	silence(1);
	ck_assert_int_eq(rig.outcome, PG_LOST);
	UNTIL(rig.ups == 2);
	/* It was for that one. */
	rig_start("SELECT pg_sleep(0.5)");
	silence(5);
	UNTIL(rig.ends == 1);
	ck_assert_int_eq(rig.outcome, PG_OK);
}
END_TEST

/* One that can't be ended is the only one: a second is not left behind. */
START_TEST(a_backend_that_does_not_end)
{
	char pid[64];

	rig_link_up();
	rig_run("SELECT pg_backend_pid()");
	snprintf(pid, sizeof(pid), "%s", rig.value);
	rig_start("SELECT pg_sleep(100)");
	event_base_loop(rig.base, EVLOOP_NONBLOCK);
	ck_assert_int_eq(kill((pid_t)atol(pid), SIGSTOP), 0);
	silence(31);
	ck_assert_int_eq(rig.outcome, PG_LOST);
	UNTIL(rig.ups == 2);
	ck_assert_int_eq(rig.link->nabandoned, 1);
	ck_assert_int_eq(rig.link->nheld, 1);
	rig_start("SELECT pg_sleep(0.5)");
	silence(100);
	UNTIL(rig.ends == 1);
	ck_assert_int_eq(rig.outcome, PG_OK);
	kill((pid_t)atol(pid), SIGCONT);
	rig_start("SELECT pg_terminate_backend(pg_backend_pid())");
	UNTIL(rig.ups == 3);
	ck_assert_int_eq(rig.link->nabandoned, 0);
	ck_assert_int_eq(rig.link->nheld, 0);
}
END_TEST

/* Of servers that are not this one nothing is known. */
START_TEST(backends_of_other_servers_are_kept_in_mind)
{
	rig_link_up();
	for (int i = 1; i <= LINK_ABANDONED + 1; i++) {
		rig.link->backend = (struct pg_backend){.pid = i,
		    .started = "2020-01-01 00:00:00+00",
		    .server = "2019-01-01 00:00:00+00"};
		link_abandon(rig.link);
		link_abandon(rig.link);
	}
	ck_assert_int_eq(rig.link->nabandoned, LINK_ABANDONED);
	ck_assert_int_eq(rig.link->abandoned[0].pid, 2);
	rig_start("SELECT pg_terminate_backend(pg_backend_pid())");
	UNTIL(rig.ups == 2);
	ck_assert_int_eq(rig.link->nabandoned, LINK_ABANDONED);
	ck_assert_int_eq(rig.link->nheld, 0);
}
END_TEST

static void
expect_setting(const char *value)
{
	ck_assert_int_eq(rig_run("SHOW synchronous_commit"), PG_OK);
	ck_assert_str_eq(rig.value, value);
}

/* Neither a reload nor a role reaches it; what is stronger stays. */
START_TEST(synchronous_commit_is_the_sessions_own)
{
	pg_fixture_exec(rig.sql, "ALTER ROLE test SET synchronous_commit = local");
	rig_link_up();
	expect_setting("on");
	pg_fixture_exec(rig.sql, "ALTER SYSTEM SET synchronous_commit = off");
	pg_fixture_exec(rig.sql, "SELECT pg_reload_conf()");
	rig_run("SELECT pg_sleep(0.2)");
	expect_setting("on");
	pg_fixture_exec(rig.sql, "ALTER SYSTEM RESET synchronous_commit");
	pg_fixture_exec(rig.sql, "ALTER ROLE test SET synchronous_commit = remote_apply");
	rig_start("SELECT pg_terminate_backend(pg_backend_pid())");
	UNTIL(rig.ups == 2);
	expect_setting("remote_apply");
	pg_fixture_exec(rig.sql, "ALTER ROLE test RESET synchronous_commit");
	pg_fixture_exec(rig.sql, "SELECT pg_reload_conf()");
}
END_TEST

START_TEST(synchronous_commit_may_be_chosen)
{
	rig.cb.synchronous_commit = "local";
	rig_link_up();
	expect_setting("local");
}
END_TEST

static bool
log_has(const char *path, const char *text)
{
	static char log[65536];
	FILE *f = fopen(path, "r");

	ck_assert_ptr_nonnull(f);
	size_t n = fread(log, 1, sizeof(log) - 1, f);
	log[n] = '\0';
	(void)fclose(f);
	return strstr(log, text) != NULL;
}

START_TEST(what_is_not_durable_is_said)
{
	char path[] = "/tmp/telematics-unit-link-XXXXXX";
	int fd = mkstemp(path);

	ck_assert_int_ge(fd, 0);
	close(fd);
	ck_assert(log_open("test", path, LOG_TEXT, LOG_DEBUG_));
	rig.cb.synchronous_commit = "off";
	rig.cb.says_durability = true;
	pg_fixture_exec(rig.sql, "ALTER TABLE device_positions_default SET UNLOGGED");
	pg_fixture_exec(rig.sql, "ALTER TABLE device_messages SET UNLOGGED");
	pg_fixture_exec(rig.sql, "CREATE UNLOGGED TABLE of_somebody_else ()");
	pg_fixture_exec(rig.sql, "ALTER SYSTEM SET full_page_writes = off");
	pg_fixture_exec(rig.sql, "SELECT pg_reload_conf()");
	rig_link_up();
	ck_assert(log_has(path, "TELEM_SYNCHRONOUS_COMMIT=off"));
	ck_assert(log_has(path, "UNLOGGED: device_messages, device_positions_default)"));
	ck_assert(log_has(path, "full_page_writes = off"));
	pg_fixture_exec(rig.sql, "ALTER SYSTEM RESET full_page_writes");
	pg_fixture_exec(rig.sql, "SELECT pg_reload_conf()");
	unlink(path);
}
END_TEST

/* The warning of a commit that did not wait: an outcome that is not known. */
START_TEST(a_commit_that_did_not_wait)
{
	rig_link_up();
	ck_assert_int_eq(
	    rig_run("DO $$ BEGIN RAISE WARNING 'on purpose' USING ERRCODE = '57014'; END $$"),
	    PG_LOST);
	ck_assert_ptr_nonnull(strstr(rig.why, "standby"));
	UNTIL(rig.ups == 2);
	ck_assert_int_eq(
	    rig_run("DO $$ BEGIN RAISE WARNING 'on purpose' USING ERRCODE = '01000'; END $$"),
	    PG_OK);
}
END_TEST

static void
open_rig(void)
{
	rig_open();
	stalls = stalled_for = 0;
}

TCase *
watch_case(void)
{
	TCase *t = tcase_create("watch");

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, open_rig, rig_close);
	tcase_add_test(t, a_job_without_progress);
	tcase_add_test(t, another_host_comes_first);
	tcase_add_test(t, silence_is_that_of_a_job);
	tcase_add_test(t, in_a_hurry);
	tcase_add_test(t, a_backend_that_does_not_end);
	tcase_add_test(t, backends_of_other_servers_are_kept_in_mind);
	tcase_add_test(t, synchronous_commit_is_the_sessions_own);
	tcase_add_test(t, synchronous_commit_may_be_chosen);
	tcase_add_test(t, what_is_not_durable_is_said);
	tcase_add_test(t, a_commit_that_did_not_wait);
	return t;
}

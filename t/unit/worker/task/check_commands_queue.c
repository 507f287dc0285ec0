/*
 * The look at the whole queue of commands, and what belongs to nobody, against a real PostgreSQL.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "t/unit/worker/task/commands_rig.h"

#define SILENT "ALTER TABLE device_commands DISABLE TRIGGER telematics_queued"

START_TEST(what_nobody_was_told_of_is_found)
{
	struct commands_rig c;

	commands_open(&c);
	SQL(&c.rig, SILENT);
	/*
	 * Two pages and a bit, ours at the end; one that waits; one behind another that is in
	 * flight.
	 */
	SQL(&c.rig,
	    "INSERT INTO device_commands (imei, command_text) SELECT (340000000000000 + i)::text, 'x'"
	    " FROM generate_series(1, 4500) i");
	commands_queue(&c, 10001, 1);
	SQL(&c.rig, "INSERT INTO device_commands (id, imei, command_text, next_retry_at) VALUES"
		    " (10002, '350000000000002', 'x', now() + interval '1 hour')");
	SQL(&c.rig,
	    "INSERT INTO device_commands (id, imei, command_text, status, sent_at, next_retry_at,"
	    " attempt_count) VALUES (10003, '350000000000003', 'x', 'sent', now(),"
	    " now() + interval '1 hour', 1)");
	commands_queue(&c, 10004, 3);
	rig_start(&c.rig);
	UNTIL(&c.rig, c.tracker[1].claims == 1);
	ck_assert_int_eq(c.wants, 4501);
	ck_assert(!c.tracker[2].asked && !c.tracker[3].asked);
	/* And later ones, too. */
	commands_queue(&c, 10005, 4);
	UNTIL(&c.rig, c.tracker[4].claims == 1);
	commands_close(&c);
}
END_TEST

START_TEST(many_at_once_are_looked_for)
{
	struct commands_rig c;
	struct job *job;

	commands_start(&c);
	rig_settle(&c.rig, 0);
	job = commands_job(c.cm);
	/* "*": the look at all is not waited for, whatever the time. */
	ck_assert(!job->due(c.cm, 0));
	job->notify(c.cm, "*");
	ck_assert(job->due(c.cm, 0));
	SQL(&c.rig,
	    "INSERT INTO device_commands (imei, command_text) SELECT (340000000000000 + i)::text, 'x'"
	    " FROM generate_series(1, 3000) i UNION ALL SELECT '350000000000001', 'y'");
	UNTIL(&c.rig, c.tracker[1].claims == 1);
	ck_assert_str_eq(c.tracker[1].text, "y");
	commands_close(&c);
}
END_TEST

START_TEST(a_star_during_a_look_asks_for_another)
{
	struct commands_rig c;

	commands_start(&c);
	rig_settle(&c.rig, 0);
	SQL(&c.rig, SILENT);
	SQL(&c.rig, "BEGIN; LOCK TABLE device_commands");
	SQL(&c.rig, "NOTIFY telematics_commands, '*'"); /* delivered at the COMMIT */
	SQL(&c.rig, "COMMIT; BEGIN; LOCK TABLE device_commands");
	rig_blocked(&c.rig);
	/* The look that waits for the lock has begun; another session says that there is more. */
	PGconn *other = pg_fixture_connect(c.rig.url);
	pg_fixture_exec(other, "NOTIFY telematics_commands, '*,350000000000002,12'");
	UNTIL(&c.rig, c.tracker[2].asked);
	commands_queue(&c, 1, 1);
	SQL(&c.rig, "COMMIT");
	UNTIL(&c.rig, c.tracker[1].claims == 1);
	rig_settle(&c.rig, 0);
	PQfinish(other);
	commands_close(&c);
}
END_TEST

START_TEST(what_belongs_to_nobody_is_swept_up)
{
	struct commands_rig c;

	commands_open(&c);
	for (int i = 1; i <= TRACKERS; i++)
		c.tracker[i].away = true;
	SQL(&c.rig,
	    "INSERT INTO device_commands (id, imei, command_text, status, sent_at, next_retry_at,"
	    " attempt_count, expires_at) VALUES"
	    " (1, '350000000000001', 'x', 'sent', now() - interval '1 min', now() - interval '1 s', 1,"
	    " NULL),"
	    " (2, '350000000000002', 'x', 'sent', now() - interval '1 min', NULL, 3, NULL),"
	    " (3, '350000000000003', 'x', 'sent', now() - interval '1 min', NULL, 2, now()),"
	    " (4, '350000000000004', 'x', 'pending', NULL, NULL, 0, now()),"
	    " (5, '350000000000005', 'x', 'pending', NULL, NULL, 2, now()),"
	    " (6, '350000000000006', 'x', 'sent', now(), now() + interval '1 hour', 1, NULL),"
	    " (7, '350000000000007', 'x', 'pending', NULL, NULL, 0, now() + interval '1 hour')");
	rig_start(&c.rig);
	COMMANDS_UNTIL(&c, 1, "pending 1");
	ck_assert_str_eq(commands_why(&c, 1),
	    "no answer, and the gateway that sent it is gone (attempt 1 of 3)");
	ck_assert_str_eq(commands_status(&c, 2), "failed 3");
	ck_assert_str_eq(commands_status(&c, 3), "expired 2");
	ck_assert_str_eq(commands_why(&c, 4), "expired before it was sent");
	ck_assert_str_eq(commands_why(&c, 5), "expired after 2 attempts");
	ck_assert_str_eq(commands_status(&c, 6), "sent 1");
	ck_assert_str_eq(commands_status(&c, 7), "pending 0");
	UNTIL(&c.rig, stats_get(&c.rig.stats->commands_expired) == 3);
	ck_assert_uint_eq(stats_get(&c.rig.stats->commands_failed), 1);
	/* An error is outlasted: the next time it is done. */
	SQL(&c.rig, "CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
		    " RAISE insufficient_privilege; END $$; CREATE TRIGGER no BEFORE UPDATE ON"
		    " device_commands FOR EACH ROW EXECUTE FUNCTION no();"
		    "INSERT INTO device_commands (id, imei, command_text, expires_at) VALUES"
		    " (8, '350000000000001', 'x', now())");
	struct job *job = commands_job(c.cm);
	UNTIL(&c.rig, !job->due(c.cm, clock_mono_ms() + 1000)); /* it pauses */
	SQL(&c.rig, "DROP TRIGGER no ON device_commands");
	COMMANDS_UNTIL(&c, 8, "expired 0");
	commands_close(&c);
}
END_TEST

START_TEST(the_leader_counts)
{
	struct commands_rig c;
	struct stats *s;

	commands_open(&c);
	s = c.rig.stats;
	c.tracker[1].away = c.tracker[2].away = true;
	commands_queue(&c, 1, 1);
	commands_queue(&c, 2, 2);
	SQL(&c.rig,
	    "UPDATE device_commands SET status = 'sent', sent_at = now(), next_retry_at = 'infinity'"
	    " WHERE id = 1");
	rig_start(&c.rig);
	UNTIL(
	    &c.rig, stats_get(&s->commands_pending) == 1 && stats_get(&s->commands_in_flight) == 1);
	ck_assert_str_eq(
	    VALUE(
		&c.rig, "SELECT value FROM telematics_settings WHERE name = 'command_max_length'"),
	    "99");
	/* A drain gives the gauges up: the next leader shows them. */
	commands_drain(c.cm);
	UNTIL(
	    &c.rig, stats_get(&s->commands_pending) == 0 && stats_get(&s->commands_in_flight) == 0);
	commands_close(&c);
}
END_TEST

START_TEST(only_the_leader_counts)
{
	struct commands_rig c;
	pid_t leader;
	int ready[2];
	char byte;

	commands_open(&c);
	c.tracker[1].away = true;
	commands_queue(&c, 1, 1);
	ck_assert_int_eq(pipe(ready), 0);
	leader = fork();
	if (leader == 0) {
		bool leads = registry_try_lead(c.rig.registry);

		_exit(!leads || write(ready[1], "x", 1) != 1 || pause());
	}
	ck_assert_int_eq(read(ready[0], &byte, 1), 1);
	rig_start(&c.rig);
	rig_settle(&c.rig, 0);
	ck_assert_uint_eq(stats_get(&c.rig.stats->commands_pending), 0);
	kill(leader, SIGKILL);
	waitpid(leader, NULL, 0);
	UNTIL(&c.rig, stats_get(&c.rig.stats->commands_pending) == 1);
	commands_close(&c);
}
END_TEST

START_TEST(a_look_that_is_lost_begins_anew)
{
	struct commands_rig c;

	commands_start(&c);
	rig_settle(&c.rig, 0);
	SQL(&c.rig, SILENT);
	commands_queue(&c, 1, 1);
	SQL(&c.rig, "BEGIN; LOCK TABLE device_commands");
	rig_blocked(&c.rig);
	SQL(&c.rig, RIG_CUT);
	UNTIL(&c.rig, !jobs_is_up(c.rig.jobs));
	SQL(&c.rig, "ROLLBACK");
	UNTIL(&c.rig, c.tracker[1].claims == 1);
	commands_close(&c);
}
END_TEST

TCase *
commands_queue_tests(void)
{
	TCase *t = tcase_create("queue of commands");

	tcase_add_test(t, what_nobody_was_told_of_is_found);
	tcase_add_test(t, many_at_once_are_looked_for);
	tcase_add_test(t, a_star_during_a_look_asks_for_another);
	tcase_add_test(t, what_belongs_to_nobody_is_swept_up);
	tcase_add_test(t, the_leader_counts);
	tcase_add_test(t, only_the_leader_counts);
	tcase_add_test(t, a_look_that_is_lost_begins_anew);
	return t;
}

/* Commands from `pending` to `sent`, and how attempts end, against a real PostgreSQL. */
#include <string.h>

#include "t/unit/worker/task/commands_rig.h"

/* ---- Claims ---- */

START_TEST(a_command_is_sent_at_once)
{
	struct commands_rig c;
	struct tracker *t = &c.tracker[1];
	int64_t begin;

	commands_start(&c);
	begin = clock_mono_ms();
	commands_queue(&c, 1, 1);
	commands_queue(&c, 2, 1);
	UNTIL(&c.rig, t->claims == 1);
	ck_assert_int_eq(t->claim.id, 1);
	ck_assert_int_eq(t->claim.attempt, 1);
	ck_assert_int_eq(t->claim.codec, 12);
	ck_assert_str_eq(t->text, "text 1");
	ck_assert_int_le(t->claim.deadline_ms, clock_mono_ms() + TIMEOUT_MS);
	ck_assert_int_ge(t->claim.deadline_ms, begin + TIMEOUT_MS);
	ck_assert_str_eq(commands_status(&c, 1), "sent 1");
	ck_assert_str_eq(
	    VALUE(&c.rig, "SELECT next_retry_at - sent_at FROM device_commands WHERE id = 1"),
	    "00:00:30");
	ck_assert_uint_eq(stats_get(&c.rig.stats->commands_sent), 1);
	/* One in flight per device: the next one waits, whoever asks. */
	ck_assert(commands_ask(&c, 1));
	rig_settle(&c.rig, 0);
	ck_assert_str_eq(commands_status(&c, 2), "pending 0");
	SQL(&c.rig, "UPDATE device_commands SET status = 'acked' WHERE id = 1");
	ck_assert(commands_ask(&c, 1));
	UNTIL(&c.rig, t->claims == 2);
	ck_assert_int_eq(t->claim.id, 2);
	commands_close(&c);
}
END_TEST

START_TEST(what_may_not_be_sent_fails)
{
	struct commands_rig c;

	commands_start(&c);
	c.tracker[1].asker.codecs = CODEC_MAY_ALL & ~CODEC_MAY_12;
	commands_queue(&c, 1, 1);
	SQL(&c.rig,
	    "INSERT INTO device_commands (id, imei, command_text, max_attempts, attempt_count)"
	    " VALUES (2, '350000000000002', 'x', 2, 2)");
	UNTIL(&c.rig, c.tracker[1].again == 1 && c.tracker[2].again == 1);
	ck_assert_str_eq(commands_status(&c, 1), "failed 0");
	ck_assert_str_eq(
	    commands_why(&c, 1), "the model of the device may not use codec 12 (device_models)");
	ck_assert_str_eq(commands_why(&c, 2), "its attempts are used up");
	ck_assert_int_eq(c.tracker[1].claims + c.tracker[2].claims, 0);
	ck_assert_uint_eq(stats_get(&c.rig.stats->commands_failed), 2);
	commands_close(&c);
}
END_TEST

START_TEST(what_is_not_due_is_waited_for)
{
	struct commands_rig c;

	commands_start(&c);
	SQL(&c.rig, "INSERT INTO device_commands (id, imei, command_text, next_retry_at) VALUES"
		    " (1, '350000000000001', 'x', now() + interval '1 min'),"
		    " (2, '350000000000002', 'x', 'infinity')");
	int64_t begin = clock_mono_ms();
	ck_assert(commands_ask(&c, 1) && commands_ask(&c, 2));
	UNTIL(&c.rig, c.tracker[1].again_at_ms != 0 && c.tracker[2].again_at_ms != 0);
	ck_assert_int_ge(c.tracker[1].again_at_ms, begin);
	ck_assert_int_le(c.tracker[1].again_at_ms, clock_mono_ms() + 60000);
	/* No later than in a day. */
	ck_assert_int_ge(c.tracker[2].again_at_ms, begin + 86400 * 1000 - 1000);
	ck_assert_int_le(c.tracker[2].again_at_ms, clock_mono_ms() + 86400 * 1000);
	ck_assert_int_eq(c.tracker[1].again + c.tracker[2].again, 0);
	commands_close(&c);
}
END_TEST

START_TEST(a_late_answer_blocks_other_commands)
{
	struct commands_rig c;

	commands_start(&c);
	c.tracker[1].asker.late_id = 7;
	c.tracker[2].asker.late_id = 2;
	commands_queue(&c, 1, 1);
	commands_queue(&c, 2, 2);
	UNTIL(&c.rig, c.tracker[1].blocked == 1 && c.tracker[2].claims == 1);
	ck_assert_str_eq(commands_status(&c, 1), "pending 0");
	commands_close(&c);
}
END_TEST

START_TEST(only_the_newest_session_gets_one)
{
	struct commands_rig c;

	commands_start(&c);
	SQL(&c.rig,
	    "INSERT INTO device_online (device_id, online, session_id) VALUES (1, true,"
	    " 3481600000000005000), (2, false, 3481600000000005000), (3, true, 3481600000000001003),"
	    " (4, true, (extract(epoch FROM now() + interval '1 hour') * 1000000)::bigint << 11)");
	/* The last one began an hour from now, by a clock that is wrong: it counts as older. */
	for (int i = 1; i <= 4; i++)
		commands_queue(&c, i, i);
	UNTIL(&c.rig,
	    c.tracker[2].claims == 1 && c.tracker[3].claims == 1 && c.tracker[4].claims == 1);
	rig_settle(&c.rig, 0);
	ck_assert_str_eq(commands_status(&c, 1), "pending 0");
	ck_assert_int_eq(c.tracker[1].claims, 0);
	commands_close(&c);
}
END_TEST

START_TEST(whoever_has_gone_gets_none)
{
	struct commands_rig c;

	commands_start(&c);
	rig_settle(&c.rig, 0);
	commands_queue(&c, 1, 1);
	UNTIL(&c.rig, c.tracker[1].asked || c.tracker[1].claims == 1);
	/* Before its turn came, and while the claim was under way. */
	ck_assert(commands_ask(&c, 2));
	c.tracker[2].away = true;
	c.tracker[3].lost = true;
	commands_queue(&c, 2, 2);
	commands_queue(&c, 3, 3);
	UNTIL(&c.rig, c.tracker[3].claims == 1);
	c.tracker[3].away = true;
	COMMANDS_UNTIL(&c, 3, "pending 0");
	ck_assert_str_eq(commands_status(&c, 2), "pending 0");
	ck_assert_uint_eq(stats_get(&c.rig.stats->commands_disconnected), 0);
	commands_close(&c);
}
END_TEST

START_TEST(a_claim_that_is_lost_sends_nothing)
{
	struct commands_rig c;

	commands_start(&c);
	rig_settle(&c.rig, 0);
	SQL(&c.rig, "ALTER TABLE device_commands DISABLE TRIGGER telematics_queued");
	commands_queue(&c, 1, 1);
	SQL(&c.rig, "BEGIN; LOCK TABLE device_commands");
	ck_assert(commands_ask(&c, 1));
	rig_blocked(&c.rig);
	ck_assert(commands_ask(&c, 2));
	SQL(&c.rig, RIG_CUT);
	UNTIL(&c.rig, !jobs_is_up(c.rig.jobs));
	/* Those that waited are forgotten: the look at all will find them. */
	ck_assert(!c.tracker[2].asked);
	ck_assert(!commands_ask(&c, 3));
	ck_assert_int_eq(c.tracker[1].claims, 0);
	SQL(&c.rig, "ROLLBACK");
	UNTIL(&c.rig, c.tracker[1].claims == 1);
	ck_assert_str_eq(commands_status(&c, 1), "sent 1");
	commands_close(&c);
}
END_TEST

START_TEST(nobody_is_asked_for_while_the_queue_is_empty)
{
	struct commands_rig c;

	commands_start(&c);
	rig_settle(&c.rig, 0);
	ck_assert(!commands_check(c.cm, 1, false));
	/* More than fit into one statement, and into the first room for them. */
	for (int i = 0; i < 1100; i++)
		ck_assert(commands_ask(&c, 1 + i % TRACKERS));
	commands_queue(&c, 1, TRACKERS);
	UNTIL(&c.rig, c.tracker[TRACKERS].claims == 1);
	ck_assert(commands_check(c.cm, 1, false));
	rig_settle(&c.rig, 0);
	commands_close(&c);
}
END_TEST

/* ---- Ends ---- */

START_TEST(ends_are_written)
{
	struct commands_rig c;

	commands_start(&c);
	for (int i = 1; i <= 5; i++)
		commands_send(&c, i, i);
	SQL(&c.rig, "UPDATE device_commands SET max_attempts = 1 WHERE id = 2");
	commands_over(c.cm, 1, 1, COMMAND_UNANSWERED, 60000, 1);
	commands_over(c.cm, 2, 1, COMMAND_UNANSWERED, 60000, 2);
	commands_over(c.cm, 3, 1, COMMAND_UNSENDABLE, 0, 3);
	commands_over(c.cm, 4, 1, COMMAND_UNSTORABLE, 0, 0);
	commands_over(c.cm, 5, 2, COMMAND_UNANSWERED, 0, 5); /* another attempt than is in flight */
	ck_assert(commands_pending(c.cm));
	UNTIL(&c.rig, !commands_pending(c.cm));
	ck_assert_str_eq(commands_status(&c, 1), "pending 1");
	ck_assert_str_eq(commands_why(&c, 1), "no answer in time (attempt 1 of 3)");
	ck_assert_str_eq(VALUE(&c.rig, "SELECT next_retry_at > now() + interval '50 s'"
				       " FROM device_commands WHERE id = 1"),
	    "t");
	ck_assert_str_eq(commands_status(&c, 2), "failed 1");
	ck_assert_str_eq(commands_status(&c, 3), "failed 1");
	ck_assert_str_eq(commands_why(&c, 3), "its text makes no valid frame (attempt 1 of 3)");
	ck_assert_str_eq(
	    commands_why(&c, 4), "its answer could not be stored, see tgctl raw (attempt 1 of 3)");
	ck_assert_str_eq(commands_status(&c, 5), "sent 1");
	for (int i = 1; i <= 5; i++)
		ck_assert_int_eq(c.tracker[i].again, i != 4);
	ck_assert_uint_eq(stats_get(&c.rig.stats->commands_failed), 3);
	ck_assert_uint_eq(stats_get(&c.rig.stats->commands_unanswered), 3);
	commands_close(&c);
}
END_TEST

START_TEST(what_has_expired_is_not_tried_again)
{
	struct commands_rig c;

	commands_start(&c);
	commands_send(&c, 1, 1);
	SQL(&c.rig, "UPDATE device_commands SET expires_at = now() WHERE id = 1");
	commands_over(c.cm, 1, 1, COMMAND_DISCONNECTED, 0, 0);
	COMMANDS_UNTIL(&c, 1, "expired 1");
	UNTIL(&c.rig, stats_get(&c.rig.stats->commands_expired) == 1);
	commands_close(&c);
}
END_TEST

START_TEST(a_locked_row_holds_up_no_other)
{
	struct commands_rig c;

	commands_start(&c);
	commands_send(&c, 1, 1);
	commands_send(&c, 2, 2);
	SQL(&c.rig, "BEGIN; SELECT FROM device_commands WHERE id = 1 FOR UPDATE");
	commands_over(c.cm, 1, 1, COMMAND_UNANSWERED, 60000, 1);
	commands_over(c.cm, 2, 1, COMMAND_UNANSWERED, 60000, 2);
	UNTIL(&c.rig, c.tracker[2].again == 1);
	ck_assert_str_eq(commands_status(&c, 2), "pending 1");
	ck_assert_str_eq(commands_status(&c, 1), "sent 1");
	ck_assert_int_eq(c.tracker[1].again, 0);
	ck_assert(commands_pending(c.cm));
	SQL(&c.rig, "COMMIT");
	UNTIL(&c.rig, c.tracker[1].again == 1);
	ck_assert_str_eq(commands_status(&c, 1), "pending 1");
	commands_close(&c);
}
END_TEST

START_TEST(ends_survive_a_lost_connection)
{
	struct commands_rig c;

	commands_start(&c);
	commands_send(&c, 1, 1);
	SQL(&c.rig, "BEGIN; LOCK TABLE device_commands");
	commands_over(c.cm, 1, 1, COMMAND_UNANSWERED, 60000, 1);
	rig_blocked(&c.rig);
	SQL(&c.rig, RIG_CUT);
	UNTIL(&c.rig, !jobs_is_up(c.rig.jobs));
	SQL(&c.rig, "ROLLBACK");
	ck_assert(commands_pending(c.cm));
	UNTIL(&c.rig, c.tracker[1].again == 1);
	ck_assert_str_eq(commands_status(&c, 1), "pending 1");
	commands_close(&c);
}
END_TEST

START_TEST(refused_ends_are_dropped_and_errors_outlasted)
{
	struct commands_rig c;

	commands_start(&c);
	commands_send(&c, 1, 1);
	commands_send(&c, 2, 2);
	SQL(&c.rig,
	    "ALTER TABLE device_commands ADD CONSTRAINT odd CHECK (status <> 'failed') NOT VALID");
	commands_over(c.cm, 1, 1, COMMAND_UNSENDABLE, 0, 1);
	UNTIL(&c.rig, c.tracker[1].again == 1);
	ck_assert(!commands_pending(c.cm));
	ck_assert_str_eq(commands_status(&c, 1), "sent 1"); /* until it is swept up */
	ck_assert_uint_eq(stats_get(&c.rig.stats->commands_failed), 0);
	SQL(&c.rig, "CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
		    " RAISE insufficient_privilege; END $$; CREATE TRIGGER no BEFORE UPDATE ON"
		    " device_commands FOR EACH ROW EXECUTE FUNCTION no()");
	commands_over(c.cm, 2, 1, COMMAND_DISCONNECTED, 0, 2);
	/* Meanwhile the others have their turn. */
	rig_settle(&c.rig, 0);
	ck_assert(commands_pending(c.cm));
	ck_assert_int_eq(c.tracker[2].again, 0);
	SQL(&c.rig, "DROP TRIGGER no ON device_commands");
	UNTIL(&c.rig, c.tracker[2].again == 1);
	commands_close(&c);
}
END_TEST

START_TEST(many_ends_go_in_several_statements)
{
	struct commands_rig c;

	commands_start(&c);
	SQL(&c.rig,
	    "ALTER TABLE device_commands DISABLE TRIGGER ALL;"
	    "INSERT INTO device_commands (id, imei, command_text, status, attempt_count, sent_at,"
	    " next_retry_at) SELECT i, (360000000000000 + i)::text, 'x', 'sent', 1, now(),"
	    " 'infinity' FROM generate_series(1, 1200) i");
	for (int i = 1; i <= 1200; i++)
		commands_over(c.cm, i, 1, COMMAND_UNANSWERED, 60000, 0);
	/* A drain waits for them, and asks for nothing new. */
	commands_drain(c.cm);
	ck_assert(!commands_ask(&c, 1));
	UNTIL(&c.rig, !commands_pending(c.cm));
	ck_assert_str_eq(
	    VALUE(&c.rig, "SELECT count(*) FROM device_commands WHERE status = 'pending'"), "1200");
	commands_close(&c);
}
END_TEST

TCase *
commands_tests(void)
{
	TCase *t = tcase_create("commands");

	tcase_add_test(t, a_command_is_sent_at_once);
	tcase_add_test(t, what_may_not_be_sent_fails);
	tcase_add_test(t, what_is_not_due_is_waited_for);
	tcase_add_test(t, a_late_answer_blocks_other_commands);
	tcase_add_test(t, only_the_newest_session_gets_one);
	tcase_add_test(t, whoever_has_gone_gets_none);
	tcase_add_test(t, a_claim_that_is_lost_sends_nothing);
	tcase_add_test(t, nobody_is_asked_for_while_the_queue_is_empty);
	tcase_add_test(t, ends_are_written);
	tcase_add_test(t, what_has_expired_is_not_tried_again);
	tcase_add_test(t, a_locked_row_holds_up_no_other);
	tcase_add_test(t, ends_survive_a_lost_connection);
	tcase_add_test(t, refused_ends_are_dropped_and_errors_outlasted);
	tcase_add_test(t, many_ends_go_in_several_statements);
	return t;
}

int
main(void)
{
	TCase *cases[] = {commands_tests(), commands_queue_tests()};

	return rig_main("worker/task: commands", cases, 2);
}

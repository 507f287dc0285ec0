/* What is durable, whose fault a refusal is, and what a server that doesn't answer means. */
#include <string.h>

#include "t/unit/worker/store/check_store.h"
#include "t/unit/worker/store/rig.h"

static struct rig r;

static void
open_rig(void)
{
	rig_open(&r, 1000, false);
}

static void
expect_reason(const char *expected)
{
	char reason[SHM_REASON];

	shm_get_reason(r.worker, reason);
	ck_assert_msg(strncmp(reason, expected, strlen(expected)) == 0, "%s", reason);
	ck_assert_uint_eq(r.stats->db_up, *expected == '\0');
}

/* Sends and answers until this is under way. */
static void
run_to(const char *statement)
{
	for (int i = 0; i < 1000; i++) {
		rig_turn(&r);
		if (scripted_sent() != NULL && strcmp(scripted_sent(), statement) == 0)
			return;
		if (scripted_sent() != NULL)
			rig_serve(&r);
		else if (!pg_link_is_up(r.store->link))
			scripted_up();
	}
	ck_abort_msg("%s was never sent", statement);
}

/* Messages and raw frames of an unknown outcome are there already: that has to be proved. */
START_TEST(repeated_messages_and_frames_are_proved)
{
	rig_message(&r, 1, "hello", 0);
	rig_fault(&r, LOST_AFTER_COMMIT);
	rig_run(&r);
	ck_assert_uint_eq(r.nmessages, 1);
	ck_assert_uint_eq(r.proofs, 1);
	ck_assert_uint_eq(r.stats->messages, 1);

	rig_unreadable(&r, 2, 3);
	rig_fault(&r, LOST_AFTER_COMMIT);
	run_to("raw_insert");
	rig_serve(&r);
	run_to("raw_insert");
	rig_serve(&r);
	ck_assert_str_eq(scripted_sent(), "positions_prove");
	ck_assert(!r.store->storing->frames[0].done);
	rig_run(&r);
	ck_assert_uint_eq(r.proofs, 2);
	ck_assert_uint_eq(r.done, 1);
	/* Once is enough. */
	rig_unreadable(&r, 3, 3);
	rig_run(&r);
	ck_assert_uint_eq(r.proofs, 2);
	rig_close(&r);
}
END_TEST

/* A proof that fails proves nothing. */
START_TEST(a_proof_that_is_lost_is_made_again)
{
	rig_unreadable(&r, 2, 3);
	rig_fault(&r, LOST_AFTER_COMMIT);
	rig_fault(&r, NO_FAULT);
	rig_fault(&r, LOST_AFTER_COMMIT);
	rig_run(&r);
	ck_assert_uint_eq(r.proofs, 2);
	ck_assert_uint_eq(r.raws, 3);
	ck_assert_uint_eq(r.done, 1);
	rig_close(&r);
}
END_TEST

/* Only what our migrations name is a record's own fault; the rest is that of the database. */
START_TEST(whose_constraint_it_was)
{
	static const struct {
		const char *sqlstate, *constraint;
		bool own;
	} cases[] = {
	    {"23514", NULL, false}, /* no partition found */
	    {"23514", "device_positions_20261130_day", false},
	    {"23514", "speed_limit_of_the_operator", false},
	    {"23502", NULL, false},
	    {"23503", "somebodys_fkey", false},
	    {"23514", "telematics_record_speed", true},
	    {"22008", NULL, true},
	};

	r.refusal = cases[_i].sqlstate;
	r.constraint = cases[_i].constraint;
	rig_refuse_ms(&r, 5);
	if (_i % 2 == 0)
		rig_records(&r, 1, 0, 10);
	else
		rig_careful(&r, 1, 0, 10);
	if (cases[_i].own) {
		rig_run(&r);
		ck_assert_uint_eq(rig_raw_rows(&r, 1, "content"), 1);
		ck_assert_uint_eq(r.nrows, 9);
	} else {
		rig_turn(&r);
		rig_serve(&r);
		ck_assert_int_eq(r.store->state, STORE_PAUSED);
		expect_reason("refused");
		ck_assert_uint_eq(r.stored, 0);
		/* It was mended. */
		r.nrefused_ms = 0;
		rig_run(&r);
		ck_assert_uint_eq(r.nrows, 10);
		ck_assert_uint_eq(r.nraw, 0);
		expect_reason("");
	}
	rig_close(&r);
}
END_TEST

/* Sends and answers until that many batches are finished in all. */
static void
finish(unsigned batches)
{
	for (int i = 0; i < 1000 && r.finished < batches; i++) {
		rig_turn(&r);
		if (scripted_sent() != NULL)
			rig_serve(&r);
	}
	ck_assert_uint_eq(r.finished, batches);
}

/* One day's partition fails: its rows wait, the rest goes on. */
START_TEST(a_broken_day_is_put_aside)
{
	const uint64_t old = 5 * RIG_DAY, older = 9 * RIG_DAY;

	r.broken[r.nbroken++] = 5;
	r.broken[r.nbroken++] = 9;
	for (int device = 1; device <= 4; device++) {
		struct frame *f = rig_records(&r, device, 0, 5);

		f->careful = _i == 1 || (_i == 2 && device % 2 == 0);
		rig_records(&r, device, old, 5)->careful = f->careful;
	}
	rig_records(&r, 5, older, 3)->careful = _i == 1;
	rig_records(&r, 6, 0, 70);
	finish(1);
	ck_assert_uint_eq(r.done, 5);
	ck_assert_uint_eq(r.nrows, 90);
	ck_assert(store_is_up(r.store));
	ck_assert_uint_eq(r.down, 0);
	ck_assert_uint_eq(r.store->aside.count[ASIDE_DAY], 2);
	ck_assert_uint_eq(r.store->batch[STORE_KEPT].nframes, 5);
	/* They are not in the way of others. */
	rig_records(&r, 2, 1000, 5);
	finish(2);
	ck_assert_uint_eq(r.done, 6);
	ck_assert_uint_eq(r.store->aside.count[ASIDE_DAY], 2);
	r.nbroken = 0;
	rig_due(&r);
	rig_run(&r);
	ck_assert_uint_eq(r.nrows, 118);
	ck_assert_uint_eq(r.done, 11);
	ck_assert(aside_is_empty(&r.store->aside));
	rig_close(&r);
}
END_TEST

/* Nothing else is in the batch: said to be down until something else is stored. */
START_TEST(a_broken_day_alone)
{
	r.broken[r.nbroken++] = 5;
	rig_careful(&r, 1, 5 * RIG_DAY, 5);
	finish(1);
	ck_assert_uint_eq(r.done, 0);
	ck_assert(!store_is_up(r.store));
	expect_reason("could not open file");
	rig_careful(&r, 2, 0, 5);
	finish(2);
	ck_assert_uint_eq(r.done, 1);
	ck_assert(store_is_up(r.store));
	expect_reason("");
	/* Again: now it is known. */
	for (int i = 0; i < 3; i++) {
		rig_due(&r);
		finish(3 + (unsigned)i);
		ck_assert(store_is_up(r.store));
		ck_assert_uint_eq(r.store->batch[STORE_KEPT].nframes, 1);
	}
	r.nbroken = 0;
	rig_due(&r);
	rig_run(&r);
	ck_assert_uint_eq(r.done, 2);
	rig_close(&r);
}
END_TEST

/* Every day fails, or the one that all is about: that is the environment. */
START_TEST(all_days_are_broken)
{
	r.broken[r.nbroken++] = 0;
	r.broken[r.nbroken++] = 5;
	r.broken[r.nbroken++] = 6;
	rig_records(&r, 1, 0, 5);
	rig_records(&r, 1, 5 * RIG_DAY, 5);
	rig_careful(&r, 2, 6 * RIG_DAY, 5);
	for (int n = 0; n < 3; n++) {
		for (int i = 0; i < 100 && r.store->state != STORE_PAUSED; i++) {
			rig_turn(&r);
			if (scripted_sent() != NULL)
				rig_serve(&r);
		}
		ck_assert_int_eq(r.store->state, STORE_PAUSED);
		ck_assert(aside_is_empty(&r.store->aside));
		ck_assert(!store_is_up(r.store));
		event_active(r.store->retry_ev, EV_TIMEOUT, 1);
		rig_turn(&r);
	}
	ck_assert_uint_eq(r.finished, 0);
	r.nbroken = 0;
	rig_run(&r);
	ck_assert_uint_eq(r.nrows, 15);
	rig_close(&r);
}
END_TEST

/* Three devices in a row may be bad by themselves; four are not. */
START_TEST(what_refuses_everybody_is_the_environments)
{
	for (int device = 1; device <= 6; device++)
		rig_careful(&r, device, 0, 3);
	rig_careful(&r, 1, 1, 1);
	r.refuse_all = true;
	for (int i = 0; i < 1000 && r.store->state != STORE_PAUSED; i++) {
		rig_turn(&r);
		if (scripted_sent() != NULL)
			rig_serve(&r);
	}
	ck_assert_int_eq(r.store->state, STORE_PAUSED);
	expect_reason("refused");
	for (uint32_t i = 0; i < r.store->storing->nframes; i++)
		ck_assert(!r.store->storing->frames[i].poisoned);
	/* Again it is found out soon. */
	unsigned sent = r.inserts;
	event_active(r.store->retry_ev, EV_TIMEOUT, 1);
	do {
		rig_turn(&r);
		rig_serve(&r);
	} while (r.store->state != STORE_PAUSED);
	ck_assert_uint_le(r.inserts - sent, 6);
	r.refuse_all = false;
	rig_run(&r);
	ck_assert_uint_eq(r.nrows, 18);
	ck_assert_uint_eq(r.nraw, 0);
	ck_assert_uint_eq(r.stats->duplicate, 1);
	ck_assert_uint_eq(r.done, 7);
	rig_close(&r);
}
END_TEST

START_TEST(three_devices_in_a_row_are_quarantined)
{
	for (int device = 1; device <= 3; device++)
		rig_careful(&r, device, 0, 3);
	r.refuse_all = true;
	rig_run(&r);
	ck_assert_uint_eq(r.nrows, 0);
	ck_assert_uint_eq(r.nraw, 3);
	ck_assert(store_is_up(r.store));
	rig_close(&r);
}
END_TEST

/* Over batches too, until something is stored; another error begins anew. */
START_TEST(a_row_of_refusals_goes_over_batches)
{
	r.refuse_all = true;
	for (int device = 1; device <= 3; device++) {
		rig_careful(&r, device, 0, 1);
		rig_run(&r);
	}
	r.refusal = "22008";
	rig_careful(&r, 4, 0, 1);
	rig_run(&r);
	ck_assert_uint_eq(r.nraw, 4);
	for (int device = 5; device <= 7; device++) {
		rig_careful(&r, device, 0, 1);
		rig_turn(&r);
		rig_serve(&r);
		if (r.store->state == STORE_PAUSED)
			break;
		rig_run(&r);
	}
	ck_assert_uint_eq(r.nraw, 6);
	ck_assert_int_eq(r.store->state, STORE_PAUSED);
	r.refuse_all = false;
	rig_run(&r);
	r.refuse_all = true;
	rig_careful(&r, 8, 0, 1);
	rig_run(&r);
	ck_assert_uint_eq(r.nraw, 7);
	rig_close(&r);
}
END_TEST

/* What takes longer than the server allows goes in halves, and grows again when it is quick. */
START_TEST(a_batch_that_does_not_fit_is_halved)
{
	r.slow = 100;
	rig_records(&r, 1, 0, 250);
	rig_records(&r, 2, 0, 250);
	rig_careful(&r, 3, 0, 250);
	rig_run(&r);
	ck_assert_uint_eq(r.nrows, 750);
	ck_assert_uint_eq(r.down, 0);
	ck_assert_uint_eq(r.nraw, 0);
	ck_assert_uint_ge(r.stats->batch_failures, 2);
	ck_assert(store_is_up(r.store));
	r.slow = 0;
	for (int i = 0; i < 5; i++) {
		rig_records(&r, 1, 1000 + (uint64_t)i * 250, 250);
		rig_run(&r);
	}
	ck_assert_uint_ge(r.store->fits, 250);
	rig_close(&r);
}
END_TEST

/* One row alone that is cancelled has no halves. */
START_TEST(a_row_that_does_not_fit_waits)
{
	rig_careful(&r, 1, 0, 1);
	rig_turn(&r);
	scripted_refuse("57014", "canceling statement due to user request");
	ck_assert_int_eq(r.store->state, STORE_PAUSED);
	expect_reason("canceling");
	rig_run(&r);
	rig_close(&r);
}
END_TEST

START_TEST(a_server_that_does_not_answer)
{
	rig_careful(&r, 1, 0, 5);
	rig_turn(&r);
	scripted_silence(10);
	ck_assert(!store_is_up(r.store));
	ck_assert_uint_eq(r.down, 1);
	ck_assert_uint_eq(r.stalled, 1);
	expect_reason("no answer to \"insert positions\" for 10 s");
	scripted_silence(11);
	ck_assert_uint_eq(r.down, 1);
	store_waits_for(r.store, "IPC SyncRep");
	expect_reason("no answer to \"insert positions\" for 10 s: it waits for IPC SyncRep");
	store_waits_for(r.store, "something else");
	scripted_silence(15);
	expect_reason("no answer to \"insert positions\" for 10 s: it waits for IPC SyncRep");
	/* It answers after all. */
	rig_serve(&r);
	ck_assert(store_is_up(r.store));
	expect_reason("");
	store_waits_for(r.store, "too late");
	expect_reason("");

	/* Nobody finds out, and another connection doesn't answer either: that is not asked again. */
	rig_careful(&r, 1, 100, 5);
	rig_turn(&r);
	scripted_silence(10);
	scripted_silence(15);
	expect_reason("no answer to \"insert positions\" for 10 s");
	scripted_lose("given up");
	expect_reason("given up");
	scripted_up();
	rig_turn(&r);
	ck_assert(!store_is_up(r.store));
	scripted_silence(10);
	ck_assert_uint_eq(r.stalled, 2);
	rig_run(&r);
	ck_assert_uint_eq(r.nrows, 10);
	expect_reason("");
	rig_close(&r);
}
END_TEST

TCase *
durable_case(void)
{
	TCase *t = tcase_create("durable");

	tcase_add_checked_fixture(t, open_rig, NULL);
	tcase_add_test(t, repeated_messages_and_frames_are_proved);
	tcase_add_test(t, a_proof_that_is_lost_is_made_again);
	tcase_add_loop_test(t, whose_constraint_it_was, 0, 7);
	tcase_add_loop_test(t, a_broken_day_is_put_aside, 0, 3);
	tcase_add_test(t, a_broken_day_alone);
	tcase_add_test(t, all_days_are_broken);
	tcase_add_test(t, what_refuses_everybody_is_the_environments);
	tcase_add_test(t, three_devices_in_a_row_are_quarantined);
	tcase_add_test(t, a_row_of_refusals_goes_over_batches);
	tcase_add_test(t, a_batch_that_does_not_fit_is_halved);
	tcase_add_test(t, a_row_that_does_not_fit_waits);
	tcase_add_test(t, a_server_that_does_not_answer);
	return t;
}

/* When the database doesn't answer, is away, or fails: nothing is lost, answered too early, or stored twice. */
#include <string.h>
#include <sys/time.h>

#include "t/unit/worker/store/check_store.h"
#include "t/unit/worker/store/rig.h"

static struct rig r;

static void
open_rig(void)
{
	rig_open(&r, 1000, false);
}

#define STATEMENTS 18 /* that the batch of lost_connections() takes */

/* Connections lost at each statement, before or after the COMMIT. */
START_TEST(lost_connections)
{
	const enum rig_fault fault = _i % 2 == 0 ? LOST_BEFORE_COMMIT : LOST_AFTER_COMMIT;
	const int at = _i / 2;

	rig_records(&r, 1, 0, 100);
	rig_records(&r, 2, 1000, 100);
	rig_careful(&r, 3, 0, 10);
	rig_refuse_ms(&r, 1050);
	rig_message(&r, 4, "hello", 0);
	rig_unreadable(&r, 5, 4);
	for (int i = 0; i < at; i++)
		rig_fault(&r, NO_FAULT);
	rig_fault(&r, fault);
	rig_run(&r);
	ck_assert_uint_eq(r.nrows, 209);
	ck_assert_uint_eq(r.nraw, 2);
	ck_assert_uint_eq(r.nmessages, 1);
	ck_assert_uint_eq(r.done, 4);
	/* A statement that is refused has no COMMIT to be lost in. */
	ck_assert_uint_eq(r.stats->batch_failures, r.down);
	ck_assert_uint_eq(r.up, 1 + r.down);
	ck_assert_uint_eq(r.fault_at, r.nfaults);
	rig_close(&r);
}
END_TEST

/* After a COPY of unknown outcome all may be there: it isn't tried a second time. */
START_TEST(an_unknown_copy_goes_by_insert)
{
	rig_records(&r, 1, 0, 100);
	rig_fault(&r, LOST_AFTER_COMMIT);
	rig_run(&r);
	ck_assert_uint_eq(r.copies, 1);
	ck_assert_uint_eq(r.inserts, 1);
	ck_assert_uint_eq(r.proofs, 1);
	ck_assert_uint_eq(r.stats->duplicate, 100);
	ck_assert_uint_eq(r.stats->stored, 0);
	ck_assert_uint_eq(r.done, 1);
	rig_close(&r);
}
END_TEST

START_TEST(libpq_refuses_a_statement)
{
	rig_careful(&r, 1, 0, 10);
	scripted_break_send();
	rig_turn(&r);
	ck_assert(!store_is_up(r.store));
	ck_assert_uint_eq(r.stored, 0);
	rig_run(&r);
	ck_assert_uint_eq(r.nrows, 10);
	rig_close(&r);
}
END_TEST

/* At the rows, the trailer and the end. */
START_TEST(libpq_refuses_data_of_a_copy)
{
	static const int after[] = {0, 1, 2};

	for (size_t i = 0; i < sizeof(after) / sizeof(after[0]); i++) {
		for (int n = 0; n < 4; n++)
			rig_records(&r, 1 + (int)i, (uint64_t)n * 250, 250);
		scripted_break_put(after[i]);
		rig_run(&r);
		ck_assert_uint_eq(r.copies, i + 1);
		ck_assert_uint_eq(r.inserts, i + 1);
		ck_assert_uint_eq(r.nrows, 1000 * (i + 1));
	}
	rig_close(&r);
}
END_TEST

START_TEST(deadlocks_are_tried_again_at_once)
{
	rig_careful(&r, 1, 0, 10);
	rig_fault(&r, DEADLOCK);
	rig_fault(&r, DEADLOCK);
	rig_turn(&r);
	rig_serve(&r);
	ck_assert_str_eq(scripted_sent(), "positions_insert");
	rig_serve(&r);
	ck_assert_str_eq(scripted_sent(), "positions_insert");
	ck_assert(store_is_up(r.store));
	ck_assert_uint_eq(r.down, 0);
	rig_run(&r);
	rig_close(&r);
}
END_TEST

/* ms until the store tries again, give or take some for the clocks of libevent. */
static int64_t
pause_ms(void)
{
	struct timeval at, now, left;

	ck_assert_int_eq(r.store->state, STORE_PAUSED);
	ck_assert(evtimer_pending(r.store->retry_ev, &at));
	ck_assert_int_eq(gettimeofday(&now, NULL), 0);
	timersub(&at, &now, &left);
	return (int64_t)left.tv_sec * 1000 + left.tv_usec / 1000;
}

static void
expect_reason(const char *expected)
{
	char reason[SHM_REASON];

	shm_get_reason(r.worker, reason);
	ck_assert_msg(strncmp(reason, expected, strlen(expected)) == 0, "%s", reason);
	ck_assert_uint_eq(r.stats->db_up, *expected == '\0');
}

START_TEST(errors_of_the_environment_are_tried_again_after_a_while)
{
	static const int64_t delays[] = {100, 200, 400, 800, 1600, 2000, 2000};

	expect_reason("");
	rig_records(&r, 1, 0, 10);
	rig_turn(&r);
	for (size_t i = 0; i < sizeof(delays) / sizeof(delays[0]); i++) {
		rig_fault(&r, DISK_FULL);
		rig_serve(&r);
		ck_assert(scripted_sent() == NULL);
		int64_t left = pause_ms();
		ck_assert_int_le(left, delays[i] + 20);
		ck_assert_int_gt(left, delays[i] * 3 / 4 - 20);
		ck_assert(!store_is_up(r.store));
		ck_assert_uint_eq(r.down, i + 1);
		expect_reason("could not extend file");
		/* What arrives meanwhile waits. */
		rig_records(&r, 2, (uint64_t)i * 10, 5);
		rig_turn(&r);
		ck_assert(scripted_sent() == NULL);
		event_active(r.store->retry_ev, EV_TIMEOUT, 1);
		rig_turn(&r);
		ck_assert_str_eq(scripted_sent(), "positions_copy");
	}
	ck_assert_uint_eq(r.up, 1);
	ck_assert_uint_eq(r.stored, 0);
	rig_serve(&r);
	/* A batch that was committed proves that it is over. */
	ck_assert(store_is_up(r.store));
	ck_assert_uint_eq(r.up, 2);
	expect_reason("");
	rig_run(&r);

	/* The next one begins with a short pause again. */
	rig_records(&r, 1, 100, 10);
	rig_fault(&r, DISK_FULL);
	rig_turn(&r);
	rig_serve(&r);
	ck_assert_int_le(pause_ms(), 120);
	rig_run(&r);
	ck_assert_uint_eq(r.nrows, 55);
	rig_close(&r);
}
END_TEST

/* A new connection alone doesn't prove that the disk has room again. */
START_TEST(a_new_connection_ends_the_pause_but_not_the_failure)
{
	rig_careful(&r, 1, 0, 10);
	rig_fault(&r, DISK_FULL);
	rig_turn(&r);
	rig_serve(&r);
	ck_assert_int_eq(r.store->state, STORE_PAUSED);
	scripted_lose("gone");
	expect_reason("gone");
	ck_assert(!evtimer_pending(r.store->retry_ev, NULL));
	scripted_up();
	ck_assert(!store_is_up(r.store));
	ck_assert_uint_eq(r.up, 1);
	rig_turn(&r);
	ck_assert_str_eq(scripted_sent(), "positions_insert");
	rig_serve(&r);
	ck_assert(store_is_up(r.store));
	ck_assert_uint_eq(r.up, 2);
	rig_run(&r);
	rig_close(&r);
}
END_TEST

/* Nothing to store is left to prove it: then the connection is enough. */
START_TEST(a_new_connection_without_a_batch)
{
	scripted_lose("gone");
	ck_assert(!store_is_up(r.store));
	rig_records(&r, 1, 0, 10);
	rig_turn(&r);
	ck_assert(scripted_sent() == NULL);
	ck_assert(!store_is_idle(r.store));
	scripted_up();
	ck_assert_uint_eq(r.up, 2);
	expect_reason("");
	rig_turn(&r);
	ck_assert_str_eq(scripted_sent(), "positions_copy");
	rig_run(&r);
	rig_close(&r);
}
END_TEST

START_TEST(no_memory_for_the_link)
{
	struct store *other;

	rig_close(&r);
	scripted_refuse_new();
	memset(&r, 0, sizeof(r));
	ck_assert(shm_create(&r.shm, 1, RIG_DEVICES));
	r.base = event_base_new();
	other = store_new(&(struct store_config){.base = r.base,
	    .url = "",
	    .shm = &r.shm.slots[0].block[0],
	    .limits = {.records = 10, .bytes = 1000}});
	ck_assert_ptr_null(other);
	store_free(NULL);
	event_base_free(r.base);
	shm_destroy(&r.shm);
}
END_TEST

START_TEST(what_the_link_knows)
{
	scripted_server_connections(97);
	ck_assert_int_eq(store_server_connections(r.store), 97);
	ck_assert_str_eq(scripted_prepared()[0], "positions_insert");
	rig_close(&r);
}
END_TEST

TCase *
failures_case(void)
{
	TCase *t = tcase_create("failures");

	tcase_add_checked_fixture(t, open_rig, NULL);
	tcase_add_loop_test(t, lost_connections, 0, 2 * STATEMENTS);
	tcase_add_test(t, an_unknown_copy_goes_by_insert);
	tcase_add_test(t, libpq_refuses_a_statement);
	tcase_add_test(t, libpq_refuses_data_of_a_copy);
	tcase_add_test(t, deadlocks_are_tried_again_at_once);
	tcase_add_test(t, errors_of_the_environment_are_tried_again_after_a_while);
	tcase_add_test(t, a_new_connection_ends_the_pause_but_not_the_failure);
	tcase_add_test(t, a_new_connection_without_a_batch);
	tcase_add_test(t, no_memory_for_the_link);
	tcase_add_test(t, what_the_link_knows);
	return t;
}

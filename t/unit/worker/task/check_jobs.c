/* The round itself, with jobs that a test can see into, against a real PostgreSQL. */
#include <stdlib.h>
#include <string.h>

#include "pg/query.h"
#include "t/unit/worker/task/rig.h"

/* A job that a test can see into. */
struct probe {
	struct job job;
	const char *sql;
	bool wanted;
	bool insatiable; /* wants the next turn at once */
	bool deals;	 /* with its errors */
	int runs, ups, downs, notes, losses;
	char payload[32];
	enum pg_outcome outcome;
	char sqlstate[6];
	char value[32];
};

static bool
probe_due(void *ctx, int64_t now)
{
	(void)now;
	return ((struct probe *)ctx)->wanted;
}

static bool
probe_start(void *ctx, PGconn *conn)
{
	struct probe *p = ctx;

	p->runs++;
	if (p->sql == NULL)
		return pg_send(conn, "positions_prove", NULL, PG_TEXT_ROWS);
	return PQsendQuery(conn, p->sql) == 1;
}

static void
probe_result(void *ctx, const PGresult *res)
{
	struct probe *p = ctx;

	if (PQntuples(res) > 0)
		snprintf(p->value, sizeof(p->value), "%s", PQgetvalue(res, 0, 0));
}

static void
probe_end(void *ctx, enum pg_outcome outcome, const struct pg_error *error)
{
	struct probe *p = ctx;

	p->outcome = outcome;
	p->losses += outcome == PG_LOST;
	p->job.handled = p->deals;
	snprintf(p->sqlstate, sizeof(p->sqlstate), "%s", error != NULL ? error->sqlstate : "");
	if (outcome == PG_OK)
		p->wanted = p->insatiable;
}

static void
probe_up(void *ctx)
{
	((struct probe *)ctx)->ups++;
}

static void
probe_down(void *ctx)
{
	((struct probe *)ctx)->downs++;
}

static void
probe_notify(void *ctx, const char *payload)
{
	struct probe *p = ctx;

	p->notes++;
	snprintf(p->payload, sizeof(p->payload), "%s", payload);
}

static const char *const probe_statements[] = {"positions_prove", NULL};

static void
probe_init(struct probe *p, const char *sql)
{
	*p = (struct probe){.sql = sql};
	p->job = (struct job){.turn = {.name = "probe",
				  .ctx = p,
				  .start = probe_start,
				  .result = probe_result,
				  .end = probe_end},
	    .due = probe_due,
	    .up = probe_up,
	    .down = probe_down,
	    .channel = sql != NULL ? "probe" : NULL,
	    .notify = probe_notify,
	    .statements = sql == NULL ? probe_statements : NULL};
}

START_TEST(each_job_has_its_turn)
{
	struct rig r;
	struct probe a, b, c;

	rig_open(&r);
	probe_init(&a, "SELECT 'a'");
	probe_init(&b, NULL);
	probe_init(&c, "SELECT current_setting('lock_timeout')");
	rig_add(&r, &a.job);
	rig_add(&r, &b.job);
	rig_add(&r, &c.job);
	a.wanted = b.wanted = c.wanted = true;
	rig_start(&r);
	UNTIL(&r, !a.wanted && !b.wanted && !c.wanted);
	ck_assert_int_eq(a.runs, 1);
	ck_assert_str_eq(a.value, "a");
	ck_assert_str_ne(b.value, "");
	ck_assert_str_eq(c.value, "1s");
	ck_assert_int_eq(a.ups, 1);
	rig_close(&r);
}
END_TEST

START_TEST(an_error_stops_nobody_else_and_does_not_spin)
{
	struct rig r;
	struct probe bad, good;

	rig_open(&r);
	probe_init(&bad, "SELECT * FROM no_such_table");
	probe_init(&good, "SELECT 1");
	rig_add(&r, &bad.job);
	rig_add(&r, &good.job);
	bad.wanted = good.wanted = true;
	good.insatiable = true;
	rig_start(&r);
	UNTIL(&r, bad.runs >= 4);
	/* In its pauses: without them they would take turns. */
	ck_assert_int_gt(good.runs, bad.runs + 2);
	ck_assert_int_eq(bad.outcome, PG_ERROR);
	ck_assert_str_eq(bad.sqlstate, "42P01");
	good.insatiable = false;
	UNTIL(&r, !good.wanted);
	/* What is cured works on. */
	bad.sql = "SELECT 2";
	UNTIL(&r, !bad.wanted);
	ck_assert_int_eq(bad.ups, 1);
	rig_close(&r);
}
END_TEST

START_TEST(a_kick_is_looked_at_before_the_next_tick)
{
	struct rig r;
	struct probe p;
	int turns = 0;

	rig_open(&r);
	probe_init(&p, "SELECT 1");
	rig_add(&r, &p.job);
	rig_start(&r);
	rig_settle(&r, 0);
	p.wanted = true;
	jobs_kick(&p.job);
	ck_assert_int_eq(p.runs, 0); /* not from inside the kick */
	while (p.runs == 0 && turns++ < 2)
		rig_turn(&r);
	ck_assert_int_eq(p.runs, 1);
	rig_close(&r);
}
END_TEST

START_TEST(notifications_and_losses_reach_the_jobs)
{
	struct rig r;
	struct probe a, b;

	rig_open(&r);
	probe_init(&a, "SELECT 1");
	probe_init(&b, "SELECT pg_sleep(60)");
	rig_add(&r, &a.job);
	rig_add(&r, &b.job);
	rig_start(&r);
	SQL(&r, "NOTIFY probe, 'hello'");
	UNTIL(&r, a.notes == 1 && b.notes == 1);
	ck_assert_str_eq(b.payload, "hello");
	b.wanted = true;
	UNTIL(&r, b.runs == 1);
	b.sql = "SELECT 1";
	rig_cut(&r);
	ck_assert_int_eq(b.losses, 1);
	ck_assert_int_eq(a.downs, 1);
	ck_assert_int_eq(a.ups, 2);
	/* It listens again. */
	SQL(&r, "NOTIFY probe, 'again'");
	UNTIL(&r, a.notes == 2);
	rig_close(&r);
}
END_TEST

START_TEST(an_error_that_is_dealt_with_costs_no_pause)
{
	struct rig r;
	struct probe p;

	rig_open(&r);
	probe_init(&p, "SELECT 1 / 0");
	p.deals = true;
	rig_add(&r, &p.job);
	p.wanted = true;
	rig_start(&r);
	UNTIL(&r, p.runs >= 100); /* with pauses 98 s: it would give up */
	ck_assert_str_eq(p.sqlstate, "22012");
	rig_close(&r);
}
END_TEST

START_TEST(what_is_cured_by_itself_is_tried_again_at_once)
{
	struct rig r;
	struct probe p;

	rig_open(&r);
	probe_init(&p, "DO $$ BEGIN RAISE deadlock_detected; END $$");
	rig_add(&r, &p.job);
	p.wanted = true;
	rig_start(&r);
	UNTIL(&r, p.runs >= 100);
	rig_close(&r);
}
END_TEST

START_TEST(a_kick_without_a_round_does_nothing)
{
	struct rig r;
	struct probe p;

	rig_open(&r);
	probe_init(&p, "SELECT 1");
	p.wanted = true;
	jobs_kick(&p.job);
	rig_add(&r, &p.job);
	rig_start(&r);
	UNTIL(&r, !p.wanted);
	rig_stop(&r);
	jobs_kick(&p.job);
	ck_assert_int_eq(p.runs, 1);
	rig_close(&r);
}
END_TEST

TCase *
jobs_tests(void)
{
	TCase *t = tcase_create("jobs");

	tcase_add_test(t, each_job_has_its_turn);
	tcase_add_test(t, an_error_stops_nobody_else_and_does_not_spin);
	tcase_add_test(t, a_kick_is_looked_at_before_the_next_tick);
	tcase_add_test(t, notifications_and_losses_reach_the_jobs);
	tcase_add_test(t, an_error_that_is_dealt_with_costs_no_pause);
	tcase_add_test(t, what_is_cured_by_itself_is_tried_again_at_once);
	tcase_add_test(t, a_kick_without_a_round_does_nothing);
	return t;
}

int
main(void)
{
	TCase *cases[] = {imeis_tests(), jobs_tests(), rejected_tests(), dead_workers_tests(),
	    partitions_tests(), session_ends_tests(), waits_tests()};

	return rig_main("worker/task: jobs", cases, sizeof(cases) / sizeof(cases[0]));
}

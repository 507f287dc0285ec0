/*
 * The worker's tasks against a real PostgreSQL, started by this program: the
 * round itself, the registry and its lookups, live rows, the ledger of refused
 * devices, orphans and upkeep. Waits for what has to come, never for a time.
 */
#include "t/unit/worker/task/check_tasks.h"

#include <stdlib.h>
#include <string.h>

#include "common/log.h"

/* A task that a test can see into. */
struct probe {
	struct task task;
	const char *sql;
	bool wanted;
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
		return PQsendQueryPrepared(conn, "probe_one", 0, NULL, NULL, NULL, 0) == 1;
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
	snprintf(p->sqlstate, sizeof(p->sqlstate), "%s", error != NULL ? error->sqlstate : "");
	if (outcome == PG_OK)
		p->wanted = false;
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
probe_notify(void *ctx, const char *channel, const char *payload)
{
	struct probe *p = ctx;

	ck_assert_str_eq(channel, "probe");
	p->notes++;
	snprintf(p->payload, sizeof(p->payload), "%s", payload);
}

static const char *const probe_statements[] = {"probe_one", "SELECT 'prepared'", NULL};

static void
probe_init(struct probe *p, const char *sql)
{
	*p = (struct probe){.sql = sql};
	p->task = (struct task){.job = {.name = "probe",
				    .ctx = p,
				    .start = probe_start,
				    .result = probe_result,
				    .end = probe_end},
	    .due = probe_due,
	    .up = probe_up,
	    .down = probe_down,
	    .notify = probe_notify,
	    .prepare = sql == NULL ? probe_statements : NULL};
}

START_TEST(each_task_has_its_turn)
{
	struct rig r;
	struct probe a, b, c;

	rig_open(&r);
	probe_init(&a, "SELECT 'a'");
	probe_init(&b, NULL);
	probe_init(&c, "SELECT current_setting('lock_timeout')");
	rig_add(&r, &a.task);
	rig_add(&r, &b.task);
	rig_add(&r, &c.task);
	a.wanted = b.wanted = c.wanted = true;
	rig_start(&r);
	ck_assert(tasks_is_busy(r.tasks, clock_mono_ms()));
	UNTIL(&r, !a.wanted && !b.wanted && !c.wanted);
	ck_assert_int_eq(a.runs, 1);
	ck_assert_str_eq(a.value, "a");
	ck_assert_str_eq(b.value, "prepared");
	ck_assert_str_eq(c.value, "1s");
	ck_assert_int_eq(a.ups, 1);
	ck_assert(!tasks_is_busy(r.tasks, clock_mono_ms()));
	rig_close(&r);
}
END_TEST

START_TEST(an_error_stops_nobody_else_and_does_not_spin)
{
	struct rig r;
	struct probe bad, good;
	int64_t begin;

	rig_open(&r);
	probe_init(&bad, "SELECT * FROM no_such_table");
	probe_init(&good, "SELECT 1");
	rig_add(&r, &bad.task);
	rig_add(&r, &good.task);
	bad.wanted = true;
	begin = clock_mono_ms();
	rig_start(&r);
	UNTIL(&r, bad.runs >= 4);
	/* The pauses grow: 100, 200, 400 ms. */
	ck_assert_int_ge(clock_mono_ms() - begin, 650);
	ck_assert_int_eq(bad.outcome, PG_ERROR);
	ck_assert_str_eq(bad.sqlstate, "42P01");
	good.wanted = true;
	UNTIL(&r, !good.wanted);
	ck_assert_int_le(good.runs, 1);
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
	rig_add(&r, &p.task);
	rig_start(&r);
	UNTIL(&r, !tasks_is_busy(r.tasks, clock_mono_ms()));
	p.wanted = true;
	tasks_kick(r.tasks);
	ck_assert_int_eq(p.runs, 0); /* not from inside the kick */
	while (p.runs == 0 && turns++ < 2)
		rig_turn(&r);
	ck_assert_int_eq(p.runs, 1);
	rig_close(&r);
}
END_TEST

START_TEST(notifications_and_losses_reach_every_task)
{
	struct rig r;
	struct probe a, b;

	rig_open(&r);
	probe_init(&a, "SELECT 1");
	probe_init(&b, "SELECT pg_sleep(60)");
	rig_add(&r, &a.task);
	rig_add(&r, &b.task);
	r.listen = "LISTEN probe;";
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

TCase *
tasks_tests(void)
{
	TCase *t = tcase_create("tasks");

	tcase_add_test(t, each_task_has_its_turn);
	tcase_add_test(t, an_error_stops_nobody_else_and_does_not_spin);
	tcase_add_test(t, a_kick_is_looked_at_before_the_next_tick);
	tcase_add_test(t, notifications_and_losses_reach_every_task);
	return t;
}

int
main(void)
{
	TCase *cases[] = {tasks_tests(), devices_tests(), live_tests(), rest_tests()};
	Suite *s = suite_create("tasks");
	SRunner *r;
	int failed;

	if (!log_open("test", NULL, LOG_TEXT, LOG_WARN_))
		return 1;
	pg_fixture_start();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		tcase_set_timeout(cases[i], 60);
		suite_add_tcase(s, cases[i]);
	}
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	pg_fixture_stop();
	return failed == 0 ? 0 : 1;
}

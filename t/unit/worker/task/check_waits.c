/* What the store's backend waits for: asked on the other connection, in words for the operator. */
#include <stdio.h>
#include <string.h>

#include "pg/link.h"
#include "t/unit/worker/task/rig.h"
#include "worker/task/backend_wait.h"

static struct rig r;
static struct backend_wait *w;
static char said[128];
static int nsaid;

static void
note(void *ctx, const char *what)
{
	ck_assert_ptr_eq(ctx, &r);
	snprintf(said, sizeof(said), "%s", what);
	nsaid++;
}

static void
begin(void)
{
	rig_open(&r);
	nsaid = 0;
	w = backend_wait_new(&r, note);
	ck_assert_ptr_nonnull(w);
	rig_add(&r, backend_wait_job(w));
	rig_start(&r);
}

static void
end(void)
{
	rig_stop(&r);
	backend_wait_free(w);
	rig_close(&r);
}

/* The backend of a connection of the test. */
static struct pg_backend
backend_of(PGconn *conn)
{
	struct pg_backend b = {.pid = PQbackendPID(conn)};

	snprintf(b.started, sizeof(b.started), "%s",
	    VALUE(&r, "SELECT backend_start FROM pg_stat_activity WHERE pid = %d", b.pid));
	return b;
}

static void
ask(const struct pg_backend *b)
{
	int before = nsaid;

	backend_wait_ask(w, b);
	UNTIL(&r, nsaid > before);
	ck_assert_int_eq(nsaid, before + 1);
}

START_TEST(nobody_asks)
{
	begin();
	rig_settle(&r, 3600000);
	ck_assert_int_eq(nsaid, 0);
	end();
}
END_TEST

START_TEST(a_lock_and_who_holds_it)
{
	struct pg_backend b;
	char want[64];
	PGconn *waits;

	begin();
	waits = pg_fixture_connect(r.url);
	b = backend_of(waits);
	SQL(&r, "BEGIN; LOCK TABLE devices");
	ck_assert_int_eq(PQsendQuery(waits, "SELECT count(*) FROM devices"), 1);
	rig_blocked(&r);
	ask(&b);
	snprintf(want, sizeof(want), "Lock relation, held by backend %d", PQbackendPID(r.sql));
	ck_assert_str_eq(said, want);
	/* Once for a question. */
	rig_settle(&r, 3600000);
	ck_assert_int_eq(nsaid, 1);
	SQL(&r, "ROLLBACK");
	PQfinish(waits);
	end();
}
END_TEST

START_TEST(what_is_no_lock)
{
	struct pg_backend b;

	begin();
	b = backend_of(r.sql);
	/* For an instant behind its last statement it waits for nothing. */
	do
		ask(&b);
	while (strcmp(said, "nothing: it is idle") == 0);
	ck_assert_str_eq(said, "Client ClientRead");
	/* A number that is used by another backend by now. */
	snprintf(b.started, sizeof(b.started), "2020-01-01 00:00:00+00");
	ask(&b);
	ck_assert_str_eq(said, "nothing that the server knows of");
	end();
}
END_TEST

/* A question whose connection is lost is asked again on the next one. */
START_TEST(the_question_outlives_its_connection)
{
	struct pg_backend b;

	begin();
	b = backend_of(r.sql);
	SQL(&r, RIG_CUT);
	backend_wait_ask(w, &b);
	UNTIL(&r, nsaid == 1);
	/* It is there, and idle or about to be. */
	ck_assert_str_ne(said, "nothing that the server knows of");
	end();
}
END_TEST

TCase *
waits_tests(void)
{
	TCase *t = tcase_create("backend wait");

	tcase_add_test(t, nobody_asks);
	tcase_add_test(t, a_lock_and_who_holds_it);
	tcase_add_test(t, what_is_no_lock);
	tcase_add_test(t, the_question_outlives_its_connection);
	return t;
}

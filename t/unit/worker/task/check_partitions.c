/* Partitions and retention: when the functions of the schema are called. */
#include <string.h>

#include "t/unit/worker/task/rig.h"
#include "worker/task/partitions.h"

static bool (*real_due)(void *, int64_t);

/* The first turn comes within 5 s of the connection: for these tests that time is over. */
static bool
due_soon(void *ctx, int64_t now)
{
	return real_due(ctx, now + 4999);
}

static struct job *
hasten(struct partitions *p)
{
	struct job *job = partitions_job(p);

	real_due = job->due;
	job->due = due_soon;
	return job;
}

START_TEST(goes_on_until_all_is_done)
{
	struct rig r;
	struct partitions *p;
	struct job *job;

	rig_open(&r);
	p = partitions_new(0, 30);
	job = hasten(p);
	rig_add(&r, job);
	rig_start(&r);
	rig_settle(&r, 0);
	ck_assert_str_eq(VALUE(&r, "SELECT count(*) FROM pg_class WHERE relkind = 'r'"
				   " AND relname ~ '^device_positions_[0-9]{8}$'"),
	    "43");
	ck_assert(!real_due(p, clock_mono_ms() + 50000));
	ck_assert(real_due(p, clock_mono_ms() + 60000));
	rig_stop(&r);
	partitions_free(p);
	rig_close(&r);
}
END_TEST

START_TEST(an_error_costs_a_pause_and_a_lost_connection_none)
{
	struct rig r;
	struct partitions *p;
	struct job *job;

	rig_open(&r);
	SQL(&r, "CREATE OR REPLACE FUNCTION telematics_upkeep(retention_days integer,"
		" raw_retention_days integer) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN"
		" RAISE EXCEPTION 'not now'; END $$; CREATE TABLE hold ()");
	p = partitions_new(0, 31);
	job = hasten(p);
	rig_add(&r, job);
	rig_start(&r);
	UNTIL(&r, !job->due(p, clock_mono_ms() - 1000));
	ck_assert(!real_due(p, clock_mono_ms() + 3000));
	ck_assert(real_due(p, clock_mono_ms() + 5000));
	SQL(&r, "CREATE OR REPLACE FUNCTION telematics_upkeep(retention_days integer,"
		" raw_retention_days integer) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN"
		" LOCK TABLE hold; RETURN raw_retention_days <> 31; END $$");
	SQL(&r, "BEGIN; LOCK TABLE hold");
	rig_blocked(&r);
	SQL(&r, RIG_CUT);
	UNTIL(&r, !jobs_is_up(r.jobs));
	SQL(&r, "ROLLBACK");
	UNTIL(&r, jobs_is_up(r.jobs));
	rig_settle(&r, 0);
	ck_assert(!real_due(p, clock_mono_ms() + 50000));
	rig_stop(&r);
	partitions_free(p);
	rig_close(&r);
}
END_TEST

TCase *
partitions_tests(void)
{
	TCase *t = tcase_create("partitions");

	tcase_add_test(t, goes_on_until_all_is_done);
	tcase_add_test(t, an_error_costs_a_pause_and_a_lost_connection_none);
	return t;
}

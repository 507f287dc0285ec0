/* Partitions and retention: when the functions of the schema are called, and on which connection. */
#include <string.h>

#include "t/unit/worker/task/rig.h"
#include "worker/task/partitions.h"

#define UPKEEP \
	"CREATE OR REPLACE FUNCTION telematics_upkeep(retention_days integer, raw_retention_days integer)" \
	" RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN "
#define CONNECTIONS \
	"SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()" \
	" AND application_name = 'telematics-gateway upkeep'"

static struct partitions *
new_partitions(struct rig *r)
{
	struct partitions *p = partitions_new(&(struct partitions_config){.base = r->base,
	    .url = r->url,
	    .registry = r->registry,
	    .raw_retention_days = 30,
	    .connects = &r->stats->db_connects});

	ck_assert_ptr_nonnull(p);
	return p;
}

START_TEST(goes_on_until_all_is_done_and_leaves)
{
	struct rig r;
	struct partitions *p;

	rig_open(&r);
	ck_assert(registry_try_lead(r.registry));
	p = new_partitions(&r);
	UNTIL(&r, SAYS(&r, "43",
		      "SELECT count(*) FROM pg_class WHERE relkind = 'r'"
		      " AND relname ~ '^device_positions_[0-9]{8}$'"));
	UNTIL(&r, SAYS(&r, "0", CONNECTIONS));
	ck_assert_uint_eq(r.stats->db_connects, 1);
	partitions_free(p);
	rig_close(&r);
}
END_TEST

START_TEST(only_the_leader_works)
{
	struct rig r;
	struct partitions *p;
	int64_t end;

	rig_open(&r);
	p = new_partitions(&r);
	/* The first look comes within 5 s. */
	for (end = clock_mono_ms() + 5500; clock_mono_ms() < end;)
		rig_turn(&r);
	ck_assert_uint_eq(r.stats->db_connects, 0);
	ck_assert(registry_try_lead(r.registry));
	UNTIL(&r, r.stats->db_connects == 1);
	partitions_free(p);
	rig_close(&r);
}
END_TEST

START_TEST(an_error_or_a_lost_connection_costs_a_pause)
{
	struct rig r;
	struct partitions *p;

	rig_open(&r);
	SQL(&r, UPKEEP "RAISE EXCEPTION 'not now'; END $$; CREATE TABLE hold ()");
	ck_assert(registry_try_lead(r.registry));
	p = new_partitions(&r);
	UNTIL(&r, r.stats->db_connects == 2);
	UNTIL(&r, SAYS(&r, "0", CONNECTIONS));
	SQL(&r, UPKEEP "LOCK TABLE hold; RETURN false; END $$");
	SQL(&r, "BEGIN; LOCK TABLE hold");
	rig_blocked(&r);
	SQL(&r, RIG_CUT);
	SQL(&r, "ROLLBACK");
	UNTIL(&r, r.stats->db_connects == 4);
	UNTIL(&r, SAYS(&r, "0", CONNECTIONS));
	partitions_free(p);
	rig_close(&r);
}
END_TEST

TCase *
partitions_tests(void)
{
	TCase *t = tcase_create("partitions");

	tcase_add_test(t, goes_on_until_all_is_done_and_leaves);
	tcase_add_test(t, only_the_leader_works);
	tcase_add_test(t, an_error_or_a_lost_connection_costs_a_pause);
	return t;
}

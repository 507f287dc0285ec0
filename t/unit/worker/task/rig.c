#include "t/unit/worker/task/rig.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"

static void
pulse_cb(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what, (void)arg;
}

void
rig_open_sized(struct rig *r, uint32_t devices)
{
	const struct timeval pulse = {.tv_usec = 20000};

	memset(r, 0, sizeof(*r));
	ck_assert(shm_create(&r->shm, 2, devices));
	/* As if the database, which is on this machine, had been reached before. */
	int64_t now = clock_boot_us();
	db_clock_measured(now, clock_wall_us(), now);
	r->registry = r->shm.registry;
	r->stats = &r->shm.slots[0].block[0].stats;
	r->url = pg_fixture_database();
	r->sql = pg_fixture_connect(r->url);
	r->base = event_base_new();
	r->pulse = event_new(r->base, -1, EV_PERSIST, pulse_cb, NULL);
	ck_assert_int_eq(event_add(r->pulse, &pulse), 0);
}

void
rig_open(struct rig *r)
{
	rig_open_sized(r, RIG_DEVICES);
}

void
rig_add(struct rig *r, struct job *job)
{
	ck_assert_int_lt(r->n, (int)(sizeof(r->list) / sizeof(r->list[0])) - 1);
	r->list[r->n++] = job;
}

int64_t
rig_deadline(void)
{
	const char *multiplier = getenv("CK_TIMEOUT_MULTIPLIER");
	double times = multiplier != NULL ? atof(multiplier) : 1;

	return clock_mono_ms() + (int64_t)(20000 * (times > 1 ? times : 1));
}

/* ---- A job that looks at the others: while it runs, none of them does ---- */

static bool
look_due(void *ctx, int64_t now)
{
	(void)now;
	return ((struct rig *)ctx)->looking;
}

static bool
look_start(void *ctx, PGconn *conn)
{
	(void)ctx;
	return PQsendQuery(conn, "SELECT 1") == 1;
}

static void
look_end(void *ctx, enum pg_outcome outcome, const struct pg_error *error)
{
	struct rig *r = ctx;
	int64_t now = clock_mono_ms() + r->ahead_ms;

	(void)error;
	r->looking = false;
	r->settled = outcome == PG_OK;
	for (int i = 0; i < r->n; i++)
		r->settled &= !r->list[i]->due(r->list[i]->turn.ctx, now);
}

void
rig_settle(struct rig *r, int64_t ahead_ms)
{
	r->ahead_ms = ahead_ms;
	do {
		r->looking = true;
		jobs_kick(&r->look);
		UNTIL(r, !r->looking);
	} while (!r->settled);
}

void
rig_blocked(struct rig *r)
{
	UNTIL(r, SAYS(r, "t", "SELECT count(*) > 0 FROM pg_locks WHERE NOT granted"));
}

static void
start(struct rig *r, const char *url)
{
	struct job *all[sizeof(r->list) / sizeof(r->list[0])];

	r->look =
	    (struct job){.turn = {.name = "look", .ctx = r, .start = look_start, .end = look_end},
		.due = look_due};
	memcpy(all, r->list, sizeof(all));
	all[r->n] = &r->look;
	r->jobs = jobs_new(r->base, url, NULL, NULL, all, r->n + 1, NULL);
	ck_assert_ptr_nonnull(r->jobs);
}

void
rig_start(struct rig *r)
{
	start(r, r->url);
	UNTIL(r, jobs_is_up(r->jobs));
}

void
rig_start_nowhere(struct rig *r)
{
	start(r, "host=/nonexistent");
}

void
rig_stop(struct rig *r)
{
	jobs_free(r->jobs);
	r->jobs = NULL;
}

void
rig_close(struct rig *r)
{
	jobs_free(r->jobs);
	event_free(r->pulse);
	event_base_free(r->base);
	PQfinish(r->sql);
	shm_destroy(&r->shm);
}

void
rig_turn(struct rig *r)
{
	event_base_loop(r->base, EVLOOP_ONCE);
}

void
rig_cut(struct rig *r)
{
	SQL(r, RIG_CUT);
	UNTIL(r, !jobs_is_up(r->jobs));
	UNTIL(r, jobs_is_up(r->jobs));
}

uint32_t
rig_device(struct rig *r, int n)
{
	const struct device_row row = {
	    .imei = IMEI(n), .id = n, .present = true, .enabled = true, .codecs = CODEC_MAY_ALL};
	uint32_t entry;

	SQL(r, "INSERT INTO devices (id, imei) VALUES (%d, '%llu')", n,
	    (unsigned long long)IMEI(n));
	ck_assert_int_eq(
	    registry_apply(r->registry, &row, registry_seq(r->registry), &entry), REGISTRY_OK);
	return entry;
}

int
rig_main(const char *suite, TCase *const *cases, int n)
{
	Suite *s = suite_create(suite);
	SRunner *r;
	int failed;

	if (!log_open("test", NULL, LOG_TEXT, LOG_WARN_))
		return 1;
	pg_fixture_start();
	for (int i = 0; i < n; i++) {
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

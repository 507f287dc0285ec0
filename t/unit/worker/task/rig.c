/* The ground the tests of the tasks stand on: see check_tasks.h. */
#include "t/unit/worker/task/check_tasks.h"

#include <event2/event.h>
#include <string.h>

static void
pulse_cb(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what, (void)arg;
}

void
rig_open(struct rig *r)
{
	const struct timeval pulse = {.tv_usec = 20000};

	memset(r, 0, sizeof(*r));
	ck_assert(shm_create(&r->shm, 2, RIG_DEVICES));
	r->registry = r->shm.registry;
	r->stats = &r->shm.slots[0].block[0].stats;
	r->url = pg_fixture_database();
	r->sql = pg_fixture_connect(r->url);
	r->base = event_base_new();
	r->pulse = event_new(r->base, -1, EV_PERSIST, pulse_cb, NULL);
	ck_assert_int_eq(event_add(r->pulse, &pulse), 0);
}

void
rig_add(struct rig *r, struct task *task)
{
	r->list[r->n++] = task;
}

void
rig_start(struct rig *r)
{
	r->tasks = tasks_new(r->base, r->url, r->list, r->n, r->listen, NULL);
	ck_assert_ptr_nonnull(r->tasks);
	UNTIL(r, tasks_is_up(r->tasks));
}

void
rig_stop(struct rig *r)
{
	tasks_free(r->tasks);
	r->tasks = NULL;
}

void
rig_close(struct rig *r)
{
	tasks_free(r->tasks);
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
	UNTIL(r, !tasks_is_up(r->tasks));
	UNTIL(r, tasks_is_up(r->tasks));
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

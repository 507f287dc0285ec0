#include "t/unit/worker/task/live_rig.h"

#include <stdlib.h>

#include "pg/row.h"
#include "proto/stream.h"

struct live *
add_live(struct rig *r)
{
	struct live *l = live_new(&(struct live_config){.registry = r->registry,
	    .stats = r->stats,
	    .owner = OWNER,
	    .gateway_id = "gw",
	    .worker = 0});

	ck_assert_ptr_nonnull(l);
	rig_add(r, live_job(l));
	return l;
}

void
make_row(uint8_t out[ROW_ROOM], int64_t device_id, int64_t at_ms, int degrees, bool fix)
{
	const uint8_t io[] = {239, (uint8_t)degrees};
	const struct avl_record record = {.timestamp_ms = (uint64_t)at_ms,
	    .latitude = degrees * 10000000,
	    .longitude = 250000000,
	    .speed = (uint16_t)degrees,
	    .satellites = fix ? 9 : 0,
	    .codec = CODEC_8,
	    .io_total = 1,
	    .io_count = 1,
	    .count = {[AVL_1] = 1},
	    .section = {[AVL_1] = io}};

	ck_assert_uint_le(row_bound(&record), ROW_ROOM);
	ck_assert_uint_gt(row_write(&record, device_id, (uint64_t)degrees, at_ms * 1000, out), 0);
}

void
position(struct live *l, uint32_t entry, int64_t device_id, int64_t at_ms, int degrees, bool fix)
{
	uint8_t row[ROW_ROOM];

	make_row(row, device_id, at_ms, degrees, fix);
	struct live_device d = {.entry = entry, .device_id = device_id, .seen_ms = at_ms};
	ck_assert(live_look(&d, row, at_ms) == fix);
	live_stored(l, &d);
}

void
connected(struct live *l, uint32_t entry, int64_t device_id, int64_t session)
{
	live_connected(l, entry, device_id,
	    &(struct live_session){.session_id = atoll(SESSION_0) + session,
		.connected_at = T0,
		.remote_addr = "192.0.2.7"});
}

void
disconnected(struct live *l, uint32_t entry, int64_t device_id, int64_t session, int64_t wall_ms,
    const char *reason)
{
	live_disconnected(l, entry, device_id, atoll(SESSION_0) + session, wall_ms, reason);
}

void
settled(struct rig *r, struct live *l)
{
	jobs_kick(live_job(l));
	UNTIL(r, !live_pending(l));
	for (uint32_t e = 0; e < registry_count(r->registry); e++)
		registry_set_flushed_ms(r->registry, e, 0);
}

void
done(struct rig *r, struct live *l)
{
	rig_stop(r);
	live_free(l);
	rig_close(r);
}

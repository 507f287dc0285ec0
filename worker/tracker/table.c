/* All connections of a worker: time-outs, drain, and what the store says. */
#include <stdlib.h>

#include "common/clock.h"
#include "shm/area.h"
#include "worker/tracker/conn_impl.h"
#include "worker/tracker/drain_pace.h"

struct conns *
conns_new(const struct conns_config *cfg)
{
	struct conns *cs = calloc(1, sizeof(*cs));

	if (cs == NULL)
		return NULL;
	cs->cfg = *cfg;
	for (int q = 0; q < QUEUES; q++)
		TAILQ_INIT(&cs->queue[q]);
	TAILQ_INIT(&cs->paused);
	TAILQ_INIT(&cs->dead);
	cs->buffer = malloc(READ_BUFFER);
	cs->records = malloc(AVL_MAX_RECORDS * sizeof(*cs->records));
	/* Half of the worker's memory; the batches have the other. */
	cs->partial_max = (size_t)cfg->conf->worker_memory_mb * 1024 * 1024 / 2;
	cs->version = registry_version(cfg->registry);
	cs->traces.worker = (int)(cfg->owner / SHM_BLOCKS);
	if (cs->buffer != NULL && cs->records != NULL)
		return cs;
	conns_free(cs);
	return NULL;
}

void
conns_attach(struct conns *cs, const struct conns_parts *parts)
{
	cs->parts = *parts;
}

void
conns_free(struct conns *cs)
{
	if (cs == NULL)
		return;
	for (uint32_t i = 0; i < cs->nslots; i++)
		if (cs->slots[i] != NULL)
			conn_kill(cs, cs->slots[i]);
	conns_bury(cs);
	traces_free(&cs->traces);
	free(cs->slots);
	free(cs->generations);
	entry_map_free(&cs->by_entry);
	free(cs->free_slots);
	free(cs->buffer);
	free(cs->records);
	free(cs);
}

uint32_t
conns_count(const struct conns *cs)
{
	return cs->open;
}

static void
close_overdue(
    struct conns *cs, enum conn_queue queue, int64_t limit_ms, enum session_why why, int64_t now)
{
	struct conn *c;

	while ((c = TAILQ_FIRST(&cs->queue[queue])) != NULL && now - c->since_ms >= limit_ms) {
		if (queue == QUEUE_LINGER || queue == QUEUE_ANSWERS)
			conn_kill(cs, c);
		else
			conn_close(cs, c, why);
	}
}

/* Sessions that a newer one has replaced, devices that were disabled, deleted or changed. */
static void
check_sessions(struct conns *cs)
{
	uint64_t version = registry_version(cs->cfg.registry);

	if (version == cs->version)
		return;
	cs->version = version;
	for (uint32_t i = 0; i < cs->nslots; i++) {
		struct conn *c = cs->slots[i];
		struct device_entry device;

		if (c == NULL || c->session_id == 0)
			continue;
		registry_get(cs->cfg.registry, c->entry, &device);
		if (!device.present || !device.enabled || device.id != c->device_id)
			conn_close(cs, c, WHY_REMOVED);
		else if (registry_session(cs->cfg.registry, c->entry) != c->session_id)
			conn_close(cs, c, WHY_TAKEN_OVER);
		else
			c->codecs = device.codecs;
	}
}

/* Closes those whose turn has come. The others are served as before. */
static void
drain_some(struct conns *cs, int64_t now)
{
	struct drain *d = &cs->drain;
	uint32_t due = pace_due(d->total, now - d->began_ms, d->limit_ms);

	/* Who comes late, or has closed by itself, is no hindrance: at the end all had their turn.
	 */
	if (due == d->total)
		due = UINT32_MAX;
	for (; d->next < cs->nslots && d->closed < due; d->next++) {
		if (cs->slots[d->next] == NULL || cs->slots[d->next]->closing)
			continue;
		conn_close(cs, cs->slots[d->next], WHY_DRAIN);
		d->closed++;
	}
}

void
conns_tick(struct conns *cs, int64_t now)
{
	const struct conf *conf = cs->cfg.conf;

	check_sessions(cs);
	if (cs->drain.active)
		drain_some(cs, now);
	close_overdue(cs, QUEUE_HANDSHAKE, conf->handshake_timeout_s * INT64_C(1000),
	    WHY_TIMEOUT_HANDSHAKE, now);
	close_overdue(
	    cs, QUEUE_FRAME, conf->frame_timeout_s * INT64_C(1000), WHY_TIMEOUT_FRAME, now);
	close_overdue(cs, QUEUE_IDLE, conf->idle_timeout_s * INT64_C(1000), WHY_TIMEOUT_IDLE, now);
	close_overdue(cs, QUEUE_ANSWERS, ANSWERS_MS, WHY_TAKEN_OVER, now);
	close_overdue(cs, QUEUE_LINGER, LINGER_MS, WHY_PEER, now);
	conns_bury(cs);
	traces_tick(&cs->traces, now);
	stats_set(
	    &cs->cfg.stats->buffer_bytes, cs->partial_bytes + store_filling(cs->parts.store)->used);
}

void
conns_drain(struct conns *cs, int64_t now, int64_t limit_ms)
{
	cs->drain = (struct drain){
	    .active = true, .began_ms = now, .limit_ms = limit_ms, .total = cs->open};
	drain_some(cs, now);
}

void
conns_room(void *ctx)
{
	struct conns *cs = ctx;
	uint64_t waiting = stats_get(&cs->cfg.stats->paused);
	struct conn *c;

	/* Those for whom there is no room either go to the tail again: one round, no more. */
	while (waiting-- > 0 && (c = TAILQ_FIRST(&cs->paused)) != NULL)
		conn_resume(cs, c);
}

void
conns_store_down(void *ctx)
{
	struct conns *cs = ctx;

	/* Who has gone meanwhile comes again: its frames would only take the room of others. */
	for (uint32_t i = 0; i < cs->nslots; i++)
		if (cs->slots[i] != NULL && (cs->slots[i]->eof || cs->slots[i]->end_seen))
			conn_kill(cs, cs->slots[i]);
}

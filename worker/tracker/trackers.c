#include "worker/tracker/trackers.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/db_clock.h"
#include "shm/area.h"
#include "worker/tracker/conn_command.h"
#include "worker/tracker/drain.h"
#include "worker/tracker/frames.h"
#include "worker/tracker/handshake.h"
#include "worker/tracker/read.h"
#include "worker/tracker/strangers.h"
#include "worker/tracker/trace.h"

#define LINGER_MS 2000
/* A tracker that has gone, and whose frames the database doesn't take, has given up. */
#define PEER_GONE_MS 30000

/* ---- What connections tell ---- */

/* The session ends for everybody else, even if its last answers are still to come. */
static void
end_session(struct conn *c)
{
	struct trackers *t = trackers_of(c);

	if (c->session_id == 0)
		return;
	conn_command_closed(c);
	registry_session_close(t->cfg.registry, c->entry, c->session_id);
	live_disconnected(t->parts.live, c->entry, c->device_id, c->session_id, db_clock_ms(),
	    close_rows[c->reason].name);
	struct session_end end = {.device_id = c->device_id,
	    .session_id = c->session_id,
	    .ended_ms = db_clock_ms(),
	    .records = c->records,
	    .family = c->family,
	    .reason = close_rows[c->reason].name};

	memcpy(end.addr, c->addr, sizeof(end.addr));
	session_ends_add(t->parts.session_ends, &end);
	c->session_id = 0;
}

static bool
awaits_answers(const struct conn *c)
{
	bool up = store_is_up(trackers_of(c)->parts.store);

	switch (close_rows[c->reason].answers) {
	case ANSWER_BEFORE_FAULT:
		return c->in_flight > 0 && up;
	case ANSWER_SOON:
	case ANSWER_ALL:
		/* A tracker that has gone while nothing can be stored comes again anyway. */
		return up || !(c->eof || c->end_seen);
	case ANSWER_NONE:
		break;
	}
	return false;
}

static bool
closed(struct conn *c)
{
	const struct close_row *why = &close_rows[c->reason];

	close_count(c->set->stats, c->reason);
	if (!strangers_closed(c))
		conn_log(c, why->level, "%s: %s",
		    why->refused ? "handshake refused" : "connection closed", why->text);
	trace_event(c, why->refused ? "refused" : "closed", "\"why\":\"%s\",\"reason\":\"%s\"",
	    why->text, why->name);
	end_session(c);
	return why->refused ? handshake_refuse(c) : awaits_answers(c);
}

static void
gone(struct conn *c)
{
	frames_forget(c);
	if (c->counted)
		admission_left(trackers_of(c)->cfg.admission, c->family, c->addr);
}

static void
end_seen(struct conn *c)
{
	/* Perhaps behind bytes that wait to be read. */
	if (!store_is_up(trackers_of(c)->parts.store))
		conn_close(c, CLOSE_PEER);
	else
		conn_wait(c);
}

static const struct conn_ops ops = {.readable = read_readable,
    .resumed = read_resumed,
    .end_seen = end_seen,
    .closed = closed,
    .gone = gone};

/* ---- All of them ---- */

struct trackers *
trackers_new(const struct trackers_config *cfg)
{
	struct trackers *t = calloc(1, sizeof(*t));
	/* Half of the worker's memory; the batches have the other. */
	size_t partial_max;

	if (t == NULL)
		return NULL;
	t->cfg = *cfg;
	partial_max = (size_t)cfg->conf->worker_memory_mb * 1024 * 1024 / 2;
	t->records = malloc(AVL_MAX_RECORDS * sizeof(*t->records));
	t->version = registry_version(cfg->registry);
	t->announcements = atomic_load(cfg->announcements);
	t->followers.worker = (int)(cfg->owner / SHM_BLOCKS);
	if (conns_init(&t->conns, cfg->base, cfg->stats, &ops, partial_max) && t->records != NULL &&
	    conn_command_start(t))
		return t;
	trackers_free(t);
	return NULL;
}

void
trackers_attach(struct trackers *t, const struct trackers_parts *parts)
{
	t->parts = *parts;
}

/* Frees those that are gone. Only where nobody further up looks at one of them. */
static void
bury(struct trackers *t)
{
	struct conn *c;

	while ((c = conn_first(&t->conns, QUEUE_GONE)) != NULL) {
		conn_command_free(c);
		conn_free(c);
	}
}

void
trackers_free(struct trackers *t)
{
	if (t == NULL)
		return;
	for (uint32_t i = 0; i < t->conns.table.nseats; i++)
		if (conn_at(&t->conns, i) != NULL)
			conn_close(conn_at(&t->conns, i), CLOSE_SHUTDOWN);
	bury(t);
	conn_command_stop(t);
	followers_free(&t->followers);
	conns_free(&t->conns);
	free(t->records);
	free(t);
}

bool
trackers_open(void *ctx, int fd, const struct sockaddr *sa, bool header)
{
	struct trackers *t = ctx;
	struct conn *c = conn_new(&t->conns, fd, header ? CONN_HEADER : CONN_HANDSHAKE);

	if (c == NULL)
		return false;
	conn_set_peer(c, sa);
	/* While its header has not come, it is nobody's. */
	c->counted = !header && admission_came(t->cfg.admission, c->family, c->addr);
	trace_opened(c);
	return conn_start(c);
}

void
trackers_refused(void *ctx, const struct sockaddr *sa, enum admission_verdict verdict)
{
	strangers_not_admitted(ctx, sa, verdict);
}

uint32_t
trackers_count(const struct trackers *t)
{
	return t->conns.table.taken;
}

/* Two devices with one IMEI, or a tracker that came back. */
static enum close_reason
taken_over(const struct trackers *t, const struct conn *c)
{
	return registry_came_elsewhere(
		   t->cfg.registry, c->entry, conn_address_hash(c), clock_mono_ms())
		   ? CLOSE_TAKEOVER_ELSEWHERE
		   : CLOSE_TAKEOVER;
}

/* Sessions that a newer one has replaced, devices that were disabled, deleted or changed. */
static void
check_sessions(struct trackers *t)
{
	uint64_t version = registry_version(t->cfg.registry);

	if (version == t->version)
		return;
	t->version = version;
	for (uint32_t i = 0; i < t->conns.table.nseats; i++) {
		struct conn *c = conn_at(&t->conns, i);
		struct device_entry device;

		if (c == NULL || c->session_id == 0)
			continue;
		registry_get(t->cfg.registry, c->entry, &device);
		if (!device.present || !device.enabled || device.id != c->device_id)
			conn_close(c, CLOSE_REMOVED);
		else if (registry_session(t->cfg.registry, c->entry) != c->session_id)
			conn_close(c, taken_over(t, c));
		else
			c->codecs = device.codecs;
	}
}

/* A tracker that is back has given up what an older connection of its still waits to answer. */
static void
drop_replaced(struct trackers *t)
{
	struct seat *s, *next;

	for (s = TAILQ_FIRST(&t->conns.table.queue[QUEUE_PEER]); s != NULL; s = next) {
		struct conn *c = conn_of(s);

		next = TAILQ_NEXT(s, link);
		/* Its own session is over: what stands there is a newer one. */
		if (c->state == CONN_CLOSING && c->entry != REGISTRY_NONE &&
		    registry_session(t->cfg.registry, c->entry) != 0)
			conn_drop(c);
	}
}

/* The live rows of all sessions are written again. */
static void
announce(struct trackers *t)
{
	uint32_t now = atomic_load_explicit(t->cfg.announcements, memory_order_relaxed);

	if (now == t->announcements)
		return;
	t->announcements = now;
	for (uint32_t i = 0; i < t->conns.table.nseats; i++) {
		const struct conn *c = conn_at(&t->conns, i);

		if (c != NULL && c->session_id != 0)
			handshake_tell_live_row(c);
	}
}

/* One whose time is over, or NULL. */
static struct conn *
overdue(struct trackers *t, enum table_queue queue, int64_t limit_ms, int64_t now_ms)
{
	struct conn *c = conn_first(&t->conns, queue);

	return c != NULL && now_ms - c->seat.since_ms >= limit_ms ? c : NULL;
}

static void
check_times(struct trackers *t, int64_t now_ms)
{
	const struct conf *conf = t->cfg.conf;
	struct conn *c;

	while ((c = overdue(
		    t, QUEUE_HANDSHAKE, conf->handshake_timeout_s * INT64_C(1000), now_ms)) != NULL)
		conn_close(c, CLOSE_HANDSHAKE_TIMEOUT);
	while ((c = overdue(t, QUEUE_FRAME, conf->frame_timeout_s * INT64_C(1000), now_ms)) != NULL)
		conn_close(c, CLOSE_FRAME_TIMEOUT);
	while ((c = overdue(t, QUEUE_IDLE, conf->idle_timeout_s * INT64_C(1000), now_ms)) != NULL)
		conn_close(c, CLOSE_IDLE);
	while ((c = overdue(t, QUEUE_ANSWERS, CLOSE_SOON_MS, now_ms)) != NULL)
		conn_drop(c);
	while ((c = overdue(t, QUEUE_PEER, PEER_GONE_MS, now_ms)) != NULL) {
		conn_close(c, CLOSE_PEER);
		if (c->state == CONN_CLOSING)
			conn_drop(c);
	}
	while ((c = overdue(t, QUEUE_LINGER, LINGER_MS, now_ms)) != NULL)
		conn_drop(c);
}

void
trackers_tick(struct trackers *t, int64_t now_ms)
{
	check_sessions(t);
	drop_replaced(t);
	announce(t);
	drain_tick(t, now_ms);
	check_times(t, now_ms);
	bury(t);
	followers_tick(&t->followers, now_ms);
	stats_set(&t->cfg.stats->buffer_bytes,
	    t->conns.partial_bytes + store_filling(t->parts.store)->used);
}

void
trackers_drain(struct trackers *t, int64_t now_ms, int64_t limit_ms)
{
	drain_begin(t, now_ms, limit_ms);
}

void
trackers_follow(struct trackers *t, const struct trace_request *r, int64_t until_mono_ms, int fd)
{
	trace_follow(t, r, until_mono_ms, fd);
	for (uint32_t i = 0; r->close && i < t->conns.table.nseats; i++) {
		struct conn *c = conn_at(&t->conns, i);

		if (c != NULL && c->imei == r->imei && !state_is_closing(c->state))
			conn_close(c, CLOSE_OPERATOR);
	}
}

/* ---- What the other folders tell ---- */

/* The device may have been disabled between the database's word and this one. */
static bool
is_enabled(const struct trackers *t, uint64_t imei)
{
	uint32_t entry = registry_find(t->cfg.registry, imei);
	struct device_entry device;

	if (entry == REGISTRY_NONE)
		return false;
	registry_get(t->cfg.registry, entry, &device);
	return device.present && device.enabled;
}

void
trackers_answer(void *ctx, uint64_t token, uint64_t imei, enum lookup_answer answer)
{
	struct trackers *t = ctx;
	struct conn *c = conn_find(&t->conns, token);

	if (c == NULL || c->state != CONN_ASKING)
		return;
	if (answer == LOOKUP_KNOWN && !is_enabled(t, imei))
		answer = LOOKUP_UNAVAILABLE;
	handshake_answer(c, answer);
	conn_resume(c);
}

void
trackers_stored(struct trackers *t, struct batch *b)
{
	frames_stored(t, b);
}

void
trackers_finished(struct trackers *t, struct batch *b)
{
	frames_finished(t, b);
}

void
trackers_moved(struct trackers *t, int from_batch, uint32_t from, int to_batch, uint32_t to)
{
	frames_moved(t, from_batch, from, to_batch, to);
}

void
trackers_room(struct trackers *t)
{
	uint64_t waiting = stats_get(&t->cfg.stats->paused);
	struct conn *c;

	/* Those for whom there is no room either go to the tail again: one round, no more. */
	while (waiting-- > 0 && (c = conn_first(&t->conns, QUEUE_PAUSED)) != NULL) {
		conn_move(c, CONN_OPEN);
		conn_resume(c);
	}
}

void
trackers_store_down(struct trackers *t)
{
	/* A tracker that has gone comes again: its frames would only take the room of others. */
	for (uint32_t i = 0; i < t->conns.table.nseats; i++) {
		struct conn *c = conn_at(&t->conns, i);

		if (c == NULL || !(c->eof || c->end_seen))
			continue;
		if (state_is_closing(c->state))
			conn_drop(c);
		else
			conn_close(c, CLOSE_PEER);
	}
}

void
trackers_serve_commands(struct trackers *t, struct commands_config *cfg)
{
	cfg->ctx = t;
	cfg->want = conn_command_want;
	cfg->asker = conn_command_asker;
	cfg->claimed = conn_command_claimed;
	cfg->blocked = conn_command_blocked;
	cfg->again = conn_command_again;
}

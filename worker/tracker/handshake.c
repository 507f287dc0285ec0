#include "worker/tracker/handshake.h"

#include <inttypes.h>

#include "common/clock.h"
#include "common/db_clock.h"
#include "worker/tracker/conn_command.h"
#include "worker/tracker/strangers.h"
#include "worker/tracker/trace.h"

/* Changes of a tracker's address within a minute that deserve a line. */
#define FLAPS 5

static bool
say(struct conn *c, uint8_t answer)
{
	trace_bytes(c, "out", &answer, 1);
	return conn_send(c, &answer, 1);
}

bool
handshake_refuse(struct conn *c)
{
	struct trackers *t = trackers_of(c);
	char host[CONN_HOST];

	if (c->reason == CLOSE_UNKNOWN)
		admission_note_unknown(t->cfg.admission, c->family, c->addr);
	conn_host(c, host);
	rejected_note(t->parts.rejected, c->imei, close_rows[c->reason].name, host, db_clock_ms());
	return say(c, 0x00);
}

/* Two devices with one IMEI throw each other out for ever: the operator should know. */
static void
note_address(const struct conn *c)
{
	uint32_t changes = registry_note_address(
	    trackers_of(c)->cfg.registry, c->entry, conn_address_hash(c), clock_mono_ms());

	if (changes > 1)
		trace_event(c, "flaps", "\"changes\":%" PRIu32, changes);
	if (changes == FLAPS || (changes > 0 && changes % 100 == 0))
		conn_log(c, LOG_WARN_,
		    "IMEI flaps between addresses: %u changes within a minute; two devices with "
		    "one IMEI?",
		    changes);
}

void
handshake_tell_live_row(const struct conn *c)
{
	char host[CONN_HOST];

	conn_host(c, host);
	live_connected(trackers_of(c)->parts.live, c->entry, c->device_id,
	    &(struct live_session){.session_id = c->session_id,
		.connected_at = registry_session_time(c->session_id) / 1000,
		.remote_addr = host});
}

static void
welcome(struct conn *c, const struct device_entry *device)
{
	struct trackers *t = trackers_of(c);
	struct registry *registry = t->cfg.registry;
	int64_t now_us = db_clock_us();

	conn_move(c, CONN_OPEN);
	c->device_id = device->id;
	c->codecs = device->codecs;
	c->session_id = registry_new_session(registry, t->cfg.owner, now_us);
	stats_add(&t->cfg.stats->handshakes, 1);
	trace_event(c, "accepted", "\"device_id\":%" PRId64, c->device_id);
	if (registry_session_open(registry, c->entry, c->session_id) != 0) {
		trace_event(c, "takes_over", NULL);
		stats_add(&t->cfg.stats->takeovers, 1);
		conn_log(c, LOG_INFO_, "takes over from an older connection of the same IMEI");
	}
	note_address(c);
	handshake_tell_live_row(c);
	conn_command_welcome(c);
	conn_log(c, LOG_DEBUG_, "handshake accepted");
	handshake_repeat(c);
}

void
handshake_repeat(struct conn *c)
{
	if (!say(c, 0x01))
		conn_close(c, CLOSE_STUCK);
}

void
handshake_answer(struct conn *c, enum lookup_answer answer)
{
	struct trackers *t = trackers_of(c);
	struct device_entry device = {.present = false};
	struct session_step step;

	c->entry = registry_find(t->cfg.registry, c->imei);
	if (c->entry != REGISTRY_NONE)
		registry_get(t->cfg.registry, c->entry, &device);
	/* Deleted this moment. */
	if (answer == LOOKUP_KNOWN && !device.present)
		answer = LOOKUP_UNAVAILABLE;
	step = session_answer(c->state, answer);
	if (step.action == SESSION_WELCOME)
		welcome(c, &device);
	else if (step.action == SESSION_CLOSE)
		conn_close(c, step.reason);
}

/* May the database be asked about one more IMEI that nobody knows? */
static bool
may_ask(const struct conn *c)
{
	bool tell;

	if (admission_may_ask(trackers_of(c)->cfg.admission, c->family, c->addr, &tell))
		return true;
	if (tell)
		conn_log(c, LOG_WARN_,
		    "more unknown IMEIs than TELEM_UNKNOWN_IMEI_RATE from this address: "
		    "for the rest of the minute they are closed without an answer; known "
		    "ones are served");
	return false;
}

void
handshake_look_up(struct conn *c, uint64_t imei)
{
	struct trackers *t = trackers_of(c);
	uint32_t entry = registry_find(t->cfg.registry, imei);
	struct device_entry device = {0};
	enum lookup_answer now = LOOKUP_KNOWN;

	c->imei = imei;
	conn_move(c, CONN_ASKING);
	trace_connected(c);
	if (entry != REGISTRY_NONE)
		registry_get(t->cfg.registry, entry, &device);
	if (!device.present && !may_ask(c)) {
		strangers_over_rate(c);
		conn_close(c, CLOSE_UNKNOWN_RATE);
		return;
	}
	if ((!device.present || !device.enabled) &&
	    devices_lookup(t->parts.devices, imei, conn_token(c), clock_mono_ms(), &now))
		return;
	handshake_answer(c, now);
}

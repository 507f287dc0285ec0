/* Twins of the tasks, as the trackers know them: they note what they are asked. */
#include <stdio.h>

#include "t/unit/worker/tracker/rig.h"

bool
devices_lookup(
    struct devices *d, uint64_t imei, uint64_t token, int64_t now_mono_ms, enum lookup_answer *now)
{
	(void)d, (void)now_mono_ms;
	r.lookups++;
	r.lookup_token = token;
	r.lookup_imei = imei;
	*now = r.lookup_now;
	return r.lookup_waits;
}

void
live_connected(
    struct live *l, uint32_t entry, int64_t device_id, const struct live_session *session)
{
	(void)l, (void)entry, (void)device_id;
	r.connected++;
	r.session = *session;
	r.session.remote_addr = NULL;
	ck_assert_str_eq(session->remote_addr, "192.0.2.1");
}

void
live_disconnected(struct live *l, uint32_t entry, int64_t device_id, int64_t session_id,
    int64_t wall_ms, const char *reason)
{
	(void)l, (void)entry, (void)device_id, (void)wall_ms;
	r.disconnected++;
	r.ended_session = session_id;
	snprintf(r.ended_for, sizeof(r.ended_for), "%s", reason);
}

/* Behind live_disconnected(), of the same session. */
void
session_ends_add(struct session_ends *e, const struct session_end *end)
{
	(void)e;
	ck_assert_int_eq(end->session_id, r.ended_session);
	ck_assert_str_eq(end->reason, r.ended_for);
	r.ended_records = end->records;
}

void
live_seen(struct live *l, uint32_t entry, int64_t device_id, int64_t seen_wall_ms)
{
	(void)l, (void)device_id, (void)seen_wall_ms;
	r.seen++;
	registry_set_flushed_ms(r.registry, entry, rig_now());
}

void
rejected_note_stranger(struct rejected *ledger, const char *what, int family, const uint8_t *addr,
    const uint8_t *p, size_t n, int64_t wall_ms)
{
	(void)ledger, (void)wall_ms, (void)family, (void)addr;
	r.strangers++;
	snprintf(r.stranger, sizeof(r.stranger), "%s", what);
	ck_assert_uint_le(n, sizeof(r.stranger_bytes));
	if (n > 0)
		memcpy(r.stranger_bytes, p, n);
	r.stranger_len = n;
}

void
rejected_note(struct rejected *ledger, uint64_t imei, const char *reason, const char *remote_addr,
    int64_t wall_ms)
{
	(void)ledger, (void)imei, (void)wall_ms;
	r.rejections++;
	snprintf(r.rejection, sizeof(r.rejection), "%s", reason);
	snprintf(r.rejected_from, sizeof(r.rejected_from), "%s", remote_addr);
}

bool
commands_check(struct commands *cm, uint64_t token, bool surely)
{
	(void)cm;
	r.checks++;
	r.checked = token;
	r.surely = surely;
	return r.commands_busy;
}

void
commands_over(struct commands *cm, int64_t id, int32_t attempt, enum command_end how,
    int64_t delay_ms, uint64_t token)
{
	(void)cm;
	ck_assert_uint_lt(r.novers, NOTES);
	r.overs[r.novers++] = (struct over){
	    .id = id, .attempt = attempt, .how = how, .delay_ms = delay_ms, .token = token};
}

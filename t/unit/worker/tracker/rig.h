/*
 * The ground the tests of the trackers stand on: real connections over socket pairs, an event loop, the
 * shared memory, the store's twin (t/unit/worker/store/memory.h), twins of the tasks that note what
 * they are asked, and a clock that goes on when a test says so. Nothing here waits.
 */
#ifndef T_UNIT_WORKER_TRACKER_RIG_H
#define T_UNIT_WORKER_TRACKER_RIG_H

#include <check.h>
#include <stdint.h>
#include <string.h>

#include "shm/area.h"
#include "shm/registry.h"
#include "t/unit/worker/store/memory.h"
#include "worker/tracker/conn.h"
#include "worker/tracker/trackers.h"

#define IMEI UINT64_C(350000000000001) /* known, as are the next four */
#define DISABLED_IMEI (IMEI + 9)
#define STRANGER (IMEI + 1000)
#define DEVICE_ID(imei) ((int64_t)((imei)-IMEI) + 100)

#define NOTES 64

/* How an attempt ended, as commands_over() was told. */
struct over {
	int64_t id, delay_ms;
	uint64_t token;
	int32_t attempt;
	enum command_end how;
};

struct rig {
	struct event_base *base;
	struct shm shm;
	struct conf conf;
	struct stats *stats;
	struct registry *registry;
	struct admission *admission;
	struct store *store;
	struct trackers *t;

	/* What devices_lookup() says, and was asked for last. */
	bool lookup_waits;
	enum lookup_answer lookup_now;
	unsigned lookups;
	uint64_t lookup_token, lookup_imei;
	/* live.h */
	unsigned connected, disconnected;
	struct live_session session; /* without its address */
	int64_t ended_session;
	char ended_for[32];
	uint32_t ended_records;
	unsigned seen;
	/* rejected.h */
	unsigned rejections;
	char rejection[32], rejected_from[64];
	unsigned strangers;
	char stranger[32];
	uint8_t stranger_bytes[16];
	size_t stranger_len;
	/* commands.h */
	struct commands_config commands;
	bool commands_busy; /* commands_check() says that something is due */
	unsigned checks;
	bool surely;
	uint64_t checked;
	struct over overs[NOTES];
	unsigned novers;
};

extern struct rig r;

/* A fixture: before it, a test case may change the configuration by its own. */
void rig_open(void);
void rig_close(void);

/* ---- time ---- */

/* So much later: timers of commands, then a tick. */
void rig_pass(int64_t ms);
int64_t rig_now(void);

/* ---- the tracker's side ---- */

/* Another connection, from 192.0.2.1; -1 when it was refused. */
int rig_connect(void);
int rig_connect_from(const char *address, bool header);
/* The connection behind the tracker's end; NULL when it is gone. */
struct conn *rig_conn(int fd);
uint64_t rig_token(int fd);
int rig_state(int fd); /* CONN_GONE if it is gone */
/* Bytes from the tracker, handled. */
void rig_send(int fd, const void *p, size_t n);
void rig_say_imei(int fd, uint64_t imei);
/* Connected, and welcome: 01 was read. */
int rig_open_session(uint64_t imei);
void rig_turn(void);

/* What the tracker has got, in hex, up to now: "" nothing; a last "." is the end of the stream. */
const char *rig_heard(int fd);
#define HEARS(fd, hex) ck_assert_str_eq(rig_heard(fd), hex)

/* ---- frames ---- */

struct bytes {
	uint8_t p[4096];
	size_t n;
};

/* Codec 8, so many records from that second on. */
struct bytes rig_frame(uint8_t records, uint32_t second);
struct bytes rig_message(uint8_t codec, uint8_t type, const char *text);
/* Any body, in a frame with a right CRC; and one with a wrong CRC. */
struct bytes rig_wrap(const void *body, size_t n);
struct bytes rig_spoil(struct bytes);
void rig_send_frame(int fd, struct bytes);
#define FRAME(fd, records, second) rig_send_frame(fd, rig_frame(records, second))

/* ---- devices ---- */

void rig_device(uint64_t imei, bool present, bool enabled, uint32_t codecs);

#define STAT(field) ((unsigned)stats_get(&r.stats->field))

/* Everything that was received came to an end or is under way (doc/design.md, Metrics). */
void rig_audit(void);

TCase *handshake_tests(void);
TCase *stranger_tests(void);
TCase *header_tests(void);
TCase *read_tests(void);
TCase *frames_tests(void);
TCase *closing_tests(void);
TCase *drain_tests(void);
TCase *command_tests(void);
TCase *trace_tests(void);
TCase *random_tests(void);

#endif

#include "t/unit/worker/tracker/rig.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "proto/message.h"
#include "t/unit/proto/build.h"
#include "worker/tracker/trackers_impl.h"

struct rig r;

/* The tracker's end of each connection, and the token of the other. */
static struct {
	uint64_t token;
} ends[256];

/* ---- Time: the functions of common/clock.h ---- */

static int64_t later_us;

static int64_t
read_us(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * INT64_C(1000000) + ts.tv_nsec / 1000 + later_us;
}

int64_t
clock_wall_us(void)
{
	return read_us(CLOCK_REALTIME);
}

int64_t
clock_wall_ms(void)
{
	return clock_wall_us() / 1000;
}

int64_t
clock_mono_us(void)
{
	return read_us(CLOCK_MONOTONIC);
}

int64_t
clock_mono_ms(void)
{
	return clock_mono_us() / 1000;
}

int64_t
clock_boot_us(void)
{
	return read_us(CLOCK_BOOTTIME);
}

int64_t
rig_now(void)
{
	return clock_mono_ms();
}

void
rig_turn(void)
{
	for (int i = 0; i < 3; i++)
		event_base_loop(r.base, EVLOOP_NONBLOCK);
}

void
rig_pass(int64_t ms)
{
	later_us += ms * 1000;
	event_active(r.t->wakeup_ev, EV_TIMEOUT, 1);
	rig_turn();
	trackers_tick(r.t, clock_mono_ms());
	rig_turn();
}

/* ---- The store ---- */

static void
stored(void *ctx, struct batch *b)
{
	trackers_stored(((struct rig *)ctx)->t, b);
}

static void
finished(void *ctx, struct batch *b)
{
	trackers_finished(((struct rig *)ctx)->t, b);
}

static void
room(void *ctx)
{
	trackers_room(((struct rig *)ctx)->t);
}

static void
moved(void *ctx, int from_batch, uint32_t from, int to_batch, uint32_t to)
{
	trackers_moved(((struct rig *)ctx)->t, from_batch, from, to_batch, to);
}

static void
down(void *ctx)
{
	trackers_store_down(((struct rig *)ctx)->t);
}

/* ---- Opening and closing ---- */

void
rig_device(uint64_t imei, bool present, bool enabled, uint32_t codecs)
{
	const struct device_row row = {.imei = imei,
	    .id = DEVICE_ID(imei),
	    .present = present,
	    .enabled = enabled,
	    .codecs = codecs};

	ck_assert_int_ne(
	    registry_apply(r.registry, &row, registry_seq(r.registry), NULL), REGISTRY_FULL);
}

void
rig_open(void)
{
	memset(&r, 0, sizeof(r));
	later_us = 0;
	/* Every line is made, as formats may be wrong; RIG_LOG=/dev/stderr shows them. */
	ck_assert(log_open("t", getenv("RIG_LOG") != NULL ? getenv("RIG_LOG") : "/dev/null",
	    LOG_TEXT, LOG_DEBUG_));
	r.conf = (struct conf){.worker_memory_mb = 1,
	    .handshake_timeout_s = 30,
	    .frame_timeout_s = 60,
	    .idle_timeout_s = 600,
	    .command_timeout_ms = 30000,
	    .ingest_raw = INGEST_RAW_ERRORS};
	r.lookup_now = LOOKUP_UNKNOWN;
	ck_assert(shm_create(&r.shm, 2, 1000) && shm_map_addresses(&r.shm));
	r.stats = &r.shm.slots[0].block[0].stats;
	r.registry = r.shm.registry;
	r.base = event_base_new();
	r.admission = admission_new(&r.conf, &r.shm, r.stats, shm_owner(0, 0));
	for (uint64_t i = 0; i < 5; i++)
		rig_device(IMEI + i, true, true, CODEC_MAY_ALL);
	rig_device(DISABLED_IMEI, true, false, CODEC_MAY_ALL);
	r.t = trackers_new(&(struct trackers_config){.base = r.base,
	    .conf = &r.conf,
	    .stats = r.stats,
	    .registry = r.registry,
	    .crc_ledger = r.shm.crc_ledger,
	    .announcements = &r.shm.header->announcements,
	    .admission = r.admission,
	    .owner = shm_owner(0, 0)});
	ck_assert(r.base != NULL && r.admission != NULL && r.t != NULL);
	r.store = memory_new(&(struct memory_config){.limits = {.records = 100, .bytes = 64 * 1024},
	    .stats = r.stats,
	    .ctx = &r,
	    .stored = stored,
	    .finished = finished,
	    .room = room,
	    .moved = moved,
	    .down = down});
	trackers_attach(r.t, &(struct trackers_parts){.store = r.store});
	trackers_serve_commands(r.t, &r.commands);
}

void
rig_close(void)
{
	rig_audit();
	trackers_free(r.t);
	rig_audit();
	ck_assert_uint_eq(
	    STAT(conn_handshake) + STAT(conn_active) + STAT(conn_closing) + STAT(paused), 0);
	memory_free(r.store);
	admission_free(r.admission);
	event_base_free(r.base);
	shm_destroy(&r.shm);
}

void
rig_audit(void)
{
	ck_assert_uint_eq(STAT(records),
	    STAT(stored) + STAT(duplicate) + STAT(quarantined) + STAT(refused) + STAT(in_flight));
}

/* ---- The tracker's side ---- */

int
rig_connect_from(const char *address, bool header)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(4000)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(4000)};
	struct sockaddr *sa = (struct sockaddr *)&v4;
	int fd[2];

	if (inet_pton(AF_INET, address, &v4.sin_addr) != 1) {
		ck_assert_int_eq(inet_pton(AF_INET6, address, &v6.sin6_addr), 1);
		sa = (struct sockaddr *)&v6;
	}
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd), 0);
	ck_assert_int_lt(fd[0], (int)(sizeof(ends) / sizeof(ends[0])));
	if (!trackers_open(r.t, fd[1], sa, header)) {
		close(fd[0]);
		return -1;
	}
	ends[fd[0]].token = 0;
	for (uint32_t i = 0; i < r.t->conns.table.nseats; i++)
		if (conn_at(&r.t->conns, i) != NULL && conn_at(&r.t->conns, i)->ev.ev_fd == fd[1])
			ends[fd[0]].token = conn_token(conn_at(&r.t->conns, i));
	ck_assert_uint_ne(ends[fd[0]].token, 0);
	return fd[0];
}

int
rig_connect(void)
{
	return rig_connect_from("192.0.2.1", false);
}

struct conn *
rig_conn(int fd)
{
	return conn_find(&r.t->conns, ends[fd].token);
}

uint64_t
rig_token(int fd)
{
	return ends[fd].token;
}

int
rig_state(int fd)
{
	return rig_conn(fd) != NULL ? rig_conn(fd)->state : CONN_GONE;
}

void
rig_send(int fd, const void *p, size_t n)
{
	ck_assert_int_eq(send(fd, p, n, MSG_NOSIGNAL), (ssize_t)n);
	rig_turn();
}

void
rig_say_imei(int fd, uint64_t imei)
{
	uint8_t packet[IMEI_PACKET + 1] = {0, IMEI_DIGITS};

	snprintf((char *)packet + 2, IMEI_DIGITS + 1, "%015llu", (unsigned long long)imei);
	rig_send(fd, packet, IMEI_PACKET);
}

int
rig_open_session(uint64_t imei)
{
	int fd = rig_connect();

	rig_say_imei(fd, imei);
	HEARS(fd, "01");
	ck_assert_int_eq(rig_state(fd), CONN_OPEN);
	return fd;
}

const char *
rig_heard(int fd)
{
	static char hex[2 * 4096 + 2];
	uint8_t p[4096];
	ssize_t n = recv(fd, p, sizeof(p), MSG_DONTWAIT);
	size_t at = 0;

	for (ssize_t i = 0; i < n; i++)
		at += (size_t)snprintf(hex + at, sizeof(hex) - at, "%02x", p[i]);
	hex[at] = '\0';
	if (n == 0 || (n == -1 && errno == ECONNRESET) ||
	    (n > 0 && recv(fd, p, 1, MSG_DONTWAIT | MSG_PEEK) == 0))
		snprintf(hex + at, sizeof(hex) - at, ".");
	return hex;
}

/* ---- Frames ---- */

static struct bytes
take(struct build *b)
{
	struct bytes f = {.n = b->n};

	ck_assert_uint_le(b->n, sizeof(f.p));
	memcpy(f.p, b->p, b->n);
	build_free(b);
	return f;
}

struct bytes
rig_frame(uint8_t records, uint32_t second)
{
	struct build b = {0};

	build_u8(&b, CODEC_8);
	build_u8(&b, records);
	for (uint32_t i = 0; i < records; i++) {
		build_gps_of(
		    &b, &(struct avl_record){.timestamp_ms = BUILD_TIME + (second + i) * 1000});
		build_zeros(&b, 6);
	}
	build_u8(&b, records);
	build_wrap(&b);
	return take(&b);
}

struct bytes
rig_message(uint8_t codec, uint8_t type, const char *text)
{
	struct bytes f;

	f.n = message_write(codec, type, IMEI, text, strlen(text), f.p, sizeof(f.p));
	ck_assert_uint_gt(f.n, 0);
	return f;
}

struct bytes
rig_wrap(const void *body, size_t n)
{
	struct build b = {0};

	build_bytes(&b, body, n);
	build_wrap(&b);
	return take(&b);
}

struct bytes
rig_spoil(struct bytes f)
{
	f.p[f.n - 1] ^= 0x55;
	return f;
}

void
rig_send_frame(int fd, struct bytes f)
{
	rig_send(fd, f.p, f.n);
}

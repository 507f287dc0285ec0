#include "t/unit/worker/worker_rig.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/log.h"
#include "proto/stream.h"
#include "t/unit/proto/build.h"

#define PATIENCE_MS 20000 /* for tests that fail */

struct rig r;

void
rig_open(void)
{
	int channel[2];

	memset(&r, 0, sizeof(r));
	strcpy(r.folder, "/tmp/telematics-worker-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(r.folder));
	snprintf(r.log, sizeof(r.log), "%s/log", r.folder);
	ck_assert(log_open("t", r.log, LOG_TEXT, LOG_DEBUG_));
	r.url = pg_fixture_database();
	r.sql = pg_fixture_connect(r.url);
	SQL("INSERT INTO devices (id, imei) VALUES (1, '350000000000001')");
	r.conf = (struct conf){.gateway_id = "gw",
	    .workers = 2,
	    .handshake_timeout_s = 60,
	    .frame_timeout_s = 60,
	    .idle_timeout_s = 600,
	    .command_timeout_ms = 30000,
	    .command_max_attempts = 5,
	    .command_max_length = 160,
	    .drain_timeout_ms = 10000,
	    .batch_records = 1000,
	    .worker_memory_mb = 16,
	    .ingest_raw = INGEST_RAW_ERRORS};
	snprintf(r.conf.database_url, sizeof(r.conf.database_url), "%s", r.url);
	ck_assert(shm_create(&r.shm, 2, 1000));
	r.self = &r.shm.slots[0].block[0];
	ck_assert(ipc_pair(channel));
	r.master = channel[0];
	r.listener = rig_listen(&r.port);
	r.env = (struct worker_env){.conf = &r.conf,
	    .shm = &r.shm,
	    .nslots = 2,
	    .channel_fd = channel[1],
	    .listen_fds = &r.listener,
	    .nlisten = 1};
}

void
rig_close(void)
{
	char command[160];

	if (r.master != -1)
		close(r.master);
	pg_fixture_disconnect(r.sql);
	shm_destroy(&r.shm);
	snprintf(command, sizeof(command), "rm -rf %s", r.folder);
	ck_assert_int_eq(system(command), 0);
}

static void *
run(void *arg)
{
	(void)arg;
	r.status = worker_main(&r.env);
	return NULL;
}

void
rig_start(void)
{
	ck_assert_int_eq(pthread_create(&r.thread, NULL, run, NULL), 0);
}

void
rig_start_well(void)
{
	rig_start();
	(void)rig_hear(IPC_READY);
	(void)rig_hear(IPC_CONTACT);
}

int
rig_join(void)
{
	ck_assert_int_eq(pthread_join(r.thread, NULL), 0);
	return r.status;
}

void
rig_drain(void)
{
	rig_tell(&(struct ipc_msg){.type = IPC_DRAIN}, -1);
	(void)rig_hear(IPC_DRAINED);
	ck_assert_int_eq(rig_join(), 0);
	ck_assert_int_eq(atomic_load(&r.self->accepting), 0);
}

/* ---- the master ---- */

void
rig_tell(const struct ipc_msg *m, int pass_fd)
{
	ck_assert(ipc_send(r.master, m, pass_fd));
}

struct ipc_msg
rig_hear(enum ipc_type type)
{
	struct ipc_msg m;

	do {
		struct pollfd p = {.fd = r.master, .events = POLLIN};
		int passed;

		ck_assert_msg(poll(&p, 1, PATIENCE_MS) == 1, "no message %d", type);
		ck_assert_msg(ipc_recv(r.master, &m, &passed) == 1, "gone before message %d", type);
	} while (m.type != type);
	return m;
}

/* ---- trackers ---- */

int
rig_listen(int *port)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	ck_assert_int_eq(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	ck_assert_int_eq(listen(fd, 100), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&at, &len), 0);
	*port = ntohs(at.sin_port);
	return fd;
}

int
rig_dial(int port)
{
	const struct timeval patience = {.tv_sec = PATIENCE_MS / 1000};
	struct sockaddr_in at = {.sin_family = AF_INET,
	    .sin_port = htons((uint16_t)port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
	if (connect(fd, (struct sockaddr *)&at, sizeof(at)) == 0)
		return fd;
	close(fd);
	return -1;
}

int
rig_session(int port, uint64_t imei)
{
	char packet[IMEI_PACKET + 1] = {0, IMEI_DIGITS};
	int fd = rig_dial(port);

	ck_assert_int_ne(fd, -1);
	snprintf(packet + 2, IMEI_DIGITS + 1, "%015llu", (unsigned long long)imei);
	ck_assert_int_eq(send(fd, packet, IMEI_PACKET, MSG_NOSIGNAL), IMEI_PACKET);
	ck_assert_str_eq(rig_read(fd, 1), "01");
	return fd;
}

void
rig_send_frame(int fd, uint8_t records, uint32_t second)
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
	ck_assert_int_eq(send(fd, b.p, b.n, MSG_NOSIGNAL), (ssize_t)b.n);
	build_free(&b);
}

const char *
rig_read(int fd, size_t n)
{
	static char hex[256];
	size_t at = 0;

	hex[0] = '\0';
	while (n-- > 0) {
		uint8_t byte;
		ssize_t got = recv(fd, &byte, 1, 0);

		if (got != 1) {
			ck_assert_msg(got == 0, "nothing came behind \"%s\"", hex);
			snprintf(hex + at, sizeof(hex) - at, ".");
			break;
		}
		at += (size_t)snprintf(hex + at, sizeof(hex) - at, "%02x", byte);
	}
	return hex;
}

bool
rig_logged(const char *text)
{
	static char all[1 << 20];
	FILE *f = fopen(r.log, "r");

	if (f == NULL)
		return false;
	all[fread(all, 1, sizeof(all) - 1, f)] = '\0';
	fclose(f);
	return strstr(all, text) != NULL;
}

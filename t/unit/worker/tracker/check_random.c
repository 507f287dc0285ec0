/*
 * Whatever happens in whatever order: no state is wrong (conn_move() asserts that), each record that was
 * received came to one end, each ACK that was heard is for a frame that was sent, and nothing is left.
 */
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "t/unit/worker/tracker/rig.h"
#include "worker/tracker/trackers_impl.h"

#define CONNECTIONS 12
#define STEPS 400

static uint64_t seed;

static unsigned
pick(unsigned n)
{
	seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return (unsigned)(seed >> 33) % n;
}

static int fds[CONNECTIONS]; /* -1: none */
static unsigned frames, acks;

static void
hear(int fd)
{
	uint8_t p[4096];
	ssize_t n = recv(fd, p, sizeof(p), MSG_DONTWAIT);

	/* 01 and 00 are single bytes; an ACK is four, of the three records that each frame has. */
	for (ssize_t i = 0; i < n; i++)
		acks += p[i] == 3;
}

/* Bytes that may find no reader any more. */
static void
say(int fd, const void *p, size_t n)
{
	(void)!send(fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void
use(int *fd)
{
	static const char imeis[3][IMEI_PACKET + 1] = {
	    "\0\017350000000000001", "\0\017350000000000002", "\0\017350000000001001"};
	struct bytes f;

	if (*fd == -1) {
		*fd = rig_connect();
		say(*fd, imeis[pick(3)], IMEI_PACKET);
		return;
	}
	switch (pick(8)) {
	case 0:
		shutdown(*fd, SHUT_WR);
		break;
	case 1:
		hear(*fd);
		close(*fd);
		*fd = -1;
		break;
	case 2:
		say(*fd, "\xff\1\2", 1 + pick(3));
		break;
	case 3:
		hear(*fd);
		break;
	default:
		f = rig_frame(3, frames++ * 10);
		if (pick(20) == 0)
			f = rig_spoil(f);
		say(*fd, f.p, pick(10) == 0 ? pick((unsigned)f.n) : f.n);
	}
}

static void
step(void)
{
	int64_t times[] = {1, 100, 1000, 40000};

	switch (pick(12)) {
	case 0:
		if (memory_storing(r.store) == NULL && !store_is_idle(r.store))
			memory_begin(r.store);
		break;
	case 1:
	case 2:
		if (memory_storing(r.store) != NULL) {
			if (pick(4) == 0 && memory_storing(r.store)->nframes > 0)
				memory_refuse(r.store, pick(memory_storing(r.store)->nframes));
			memory_commit_rows(r.store);
			memory_commit_rest(r.store);
		}
		break;
	case 3:
		if (pick(4) == 0)
			memory_down(r.store);
		memory_up(r.store);
		break;
	case 4:
		rig_pass(times[pick(4)]);
		break;
	case 5:
		trackers_answer(r.t, r.lookup_token, STRANGER, (enum lookup_answer)pick(4));
		break;
	default:
		use(&fds[pick(CONNECTIONS)]);
	}
	rig_turn();
}

START_TEST(anything)
{
	seed = (uint64_t)_i * 7919 + 1;
	frames = acks = 0;
	for (int i = 0; i < CONNECTIONS; i++)
		fds[i] = -1;
	r.lookup_waits = true;
	for (int i = 0; i < STEPS; i++) {
		step();
		rig_audit();
	}
	trackers_drain(r.t, rig_now(), 1000);
	for (int i = 0; i < 4; i++) {
		memory_commit(r.store);
		rig_pass(5000);
	}
	ck_assert_uint_eq(trackers_count(r.t), 0);
	for (int i = 0; i < CONNECTIONS; i++)
		if (fds[i] != -1)
			hear(fds[i]);
	ck_assert_uint_le(acks, frames);
	ck_assert_uint_eq(STAT(in_flight), 0);
	ck_assert_uint_eq(r.connected, r.disconnected);
	ck_assert_uint_eq(r.t->conns.partial_bytes, 0);
}
END_TEST

TCase *
random_tests(void)
{
	TCase *t = tcase_create("random");

	tcase_add_loop_test(t, anything, 0, 40);
	return t;
}

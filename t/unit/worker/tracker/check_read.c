/* Items and pieces of items, memory for them, pauses, and the limit of frames in flight. */
#include <sys/socket.h>
#include <unistd.h>

#include "t/unit/worker/tracker/rig.h"
#include "worker/tracker/trackers_impl.h"

/* Cut at each byte: the frame is taken once, when it is whole. */
START_TEST(frame_in_two_pieces)
{
	int fd = rig_open_session(IMEI);
	struct bytes f = rig_frame(1, 0);

	if ((size_t)_i >= f.n)
		return;
	rig_send(fd, f.p, (size_t)_i);
	ck_assert_uint_eq(STAT(frames_avl), 0);
	ck_assert_int_eq(rig_conn(fd)->seat.queue, QUEUE_FRAME);
	rig_send(fd, f.p + _i, f.n - (size_t)_i);
	ck_assert_uint_eq(STAT(frames_avl), 1);
	ck_assert_int_eq(rig_conn(fd)->seat.queue, QUEUE_NONE);
	memory_commit(r.store);
	HEARS(fd, "00000001");
	ck_assert_int_eq(rig_conn(fd)->seat.queue, QUEUE_IDLE);
	ck_assert_uint_eq(STAT(bytes_in), IMEI_PACKET + f.n);
}
END_TEST

/* Many items in one piece: pings, an IMEI again, frames, and the beginning of one. */
START_TEST(items_in_one_piece)
{
	int fd = rig_open_session(IMEI);
	struct bytes f = rig_frame(2, 0), all = {.n = 0};

	all.p[all.n++] = 0xff;
	memcpy(all.p + all.n, f.p, f.n);
	all.n += f.n;
	memcpy(all.p + all.n, "\0\017350000000000001", IMEI_PACKET);
	all.n += IMEI_PACKET;
	memcpy(all.p + all.n, f.p, 20);
	all.n += 20;
	rig_send_frame(fd, all);
	HEARS(fd, "01");
	ck_assert_uint_eq(STAT(frames_avl), 1);
	ck_assert_uint_eq(STAT(pings), 1);
	ck_assert_uint_eq(rig_conn(fd)->partial_len, 20);
	memory_commit(r.store);
	HEARS(fd, "00000002");
	/* What was kept waits for its rest on its own time. */
	ck_assert_int_eq(rig_conn(fd)->seat.queue, QUEUE_FRAME);
}
END_TEST

/* Memory grows with what has arrived, and is bounded over all connections. */
START_TEST(memory_for_pieces)
{
	int fd = rig_open_session(IMEI), other = rig_open_session(IMEI + 1);
	struct bytes f = rig_frame(40, 0);

	rig_send(fd, f.p, 20);
	ck_assert_uint_eq(r.t->conns.partial_bytes, 32);
	rig_send(fd, f.p + 20, 10);
	ck_assert_uint_eq(r.t->conns.partial_bytes, 32);
	rig_send(fd, f.p + 30, 1000);
	ck_assert_uint_eq(r.t->conns.partial_bytes, 2048);
	trackers_tick(r.t, rig_now());
	ck_assert_uint_eq(STAT(buffer_bytes), 2048);
	r.t->conns.partial_max = 2048 + 16;
	rig_send(other, f.p, 20);
	HEARS(other, ".");
	ck_assert_uint_eq(STAT(closed_memory), 1);
	ck_assert_int_eq(rig_state(fd), CONN_OPEN);
	close(fd);
	rig_turn();
	ck_assert_uint_eq(r.t->conns.partial_bytes, 0);
}
END_TEST

/* 100 records fit into the rig's batch. */
static void
fill(int fd)
{
	for (uint32_t i = 0; i < 3; i++)
		FRAME(fd, 30, 100 * i);
	ck_assert_uint_eq(STAT(in_flight), 90);
}

START_TEST(no_room_pauses)
{
	int full = rig_open_session(IMEI), fd = rig_open_session(IMEI + 1);

	fill(full);
	FRAME(fd, 20, 0);
	ck_assert_int_eq(rig_state(fd), CONN_PAUSED);
	ck_assert_uint_eq(STAT(paused), 1);
	ck_assert_uint_eq(STAT(conn_active), 2);
	/* It is not read; and time doesn't count against it. */
	rig_send(fd, "\xff", 1);
	ck_assert_uint_eq(STAT(pings), 0);
	rig_pass(3600 * 1000);
	ck_assert_int_eq(rig_state(fd), CONN_PAUSED);
	/* The next batch fills. */
	memory_begin(r.store);
	rig_turn();
	ck_assert_int_eq(rig_state(fd), CONN_OPEN);
	ck_assert_uint_eq(STAT(paused), 0);
	ck_assert_uint_eq(STAT(in_flight), 110);
	ck_assert_uint_eq(STAT(pings), 1);
	memory_commit(r.store);
	memory_commit(r.store);
	HEARS(fd, "00000014");
}
END_TEST

/* In their order; who still finds none goes to the tail. */
START_TEST(room_for_some)
{
	int full = rig_open_session(IMEI), fd[3];

	fill(full);
	for (int i = 0; i < 3; i++) {
		fd[i] = rig_open_session(IMEI + 1 + (uint64_t)i);
		FRAME(fd[i], 40, 0);
		ck_assert_int_eq(rig_state(fd[i]), CONN_PAUSED);
	}
	memory_begin(r.store);
	ck_assert_int_eq(rig_state(fd[0]), CONN_OPEN);
	ck_assert_int_eq(rig_state(fd[1]), CONN_OPEN);
	ck_assert_int_eq(rig_state(fd[2]), CONN_PAUSED);
	/* An answer meanwhile doesn't wake it. */
	memory_commit(r.store);
	ck_assert_int_eq(rig_state(fd[2]), CONN_PAUSED);
	memory_commit(r.store);
	ck_assert_int_eq(rig_state(fd[2]), CONN_OPEN);
	memory_commit(r.store);
	HEARS(fd[2], "00000028");
}
END_TEST

START_TEST(paused_with_frames_in_flight)
{
	int fd = rig_open_session(IMEI);

	fill(fd);
	FRAME(fd, 30, 1000);
	ck_assert_int_eq(rig_state(fd), CONN_PAUSED);
	memory_begin(r.store);
	memory_commit(r.store);
	memory_commit(r.store);
	HEARS(fd, "0000001e0000001e0000001e0000001e");
}
END_TEST

START_TEST(sixteen_frames_in_flight)
{
	int fd = rig_open_session(IMEI);

	for (uint32_t i = 0; i < CONN_MAX_IN_FLIGHT + 2; i++)
		FRAME(fd, 1, i * 10);
	ck_assert_uint_eq(STAT(frames_avl), CONN_MAX_IN_FLIGHT);
	ck_assert_int_eq(rig_state(fd), CONN_OPEN);
	/* The others are not even read. */
	ck_assert_uint_eq(STAT(bytes_in), IMEI_PACKET + CONN_MAX_IN_FLIGHT * rig_frame(1, 0).n);
	memory_commit(r.store);
	rig_turn();
	ck_assert_uint_eq(STAT(frames_avl), CONN_MAX_IN_FLIGHT + 2);
	ck_assert_uint_eq(STAT(acks), CONN_MAX_IN_FLIGHT);
	memory_commit(r.store);
	ck_assert_uint_eq(STAT(acks), CONN_MAX_IN_FLIGHT + 2);
}
END_TEST

/* The same, all in one piece: the rest is kept, and taken when answers went out. */
START_TEST(twenty_frames_in_one_piece)
{
	int fd = rig_open_session(IMEI);
	struct bytes all = {.n = 0};

	for (uint32_t i = 0; i < 20; i++) {
		struct bytes f = rig_frame(1, i * 10);

		memcpy(all.p + all.n, f.p, f.n);
		all.n += f.n;
	}
	rig_send_frame(fd, all);
	ck_assert_uint_eq(STAT(frames_avl), CONN_MAX_IN_FLIGHT);
	ck_assert_uint_gt(rig_conn(fd)->partial_len, 0);
	memory_commit(r.store);
	ck_assert_uint_eq(STAT(frames_avl), 20);
	ck_assert_uint_eq(rig_conn(fd)->partial_len, 0);
	memory_commit(r.store);
	ck_assert_uint_eq(STAT(acks), 20);
}
END_TEST

TCase *
read_tests(void)
{
	TCase *t = tcase_create("read");

	tcase_add_loop_test(t, frame_in_two_pieces, 1, 64);
	tcase_add_test(t, items_in_one_piece);
	tcase_add_test(t, memory_for_pieces);
	tcase_add_test(t, no_room_pauses);
	tcase_add_test(t, room_for_some);
	tcase_add_test(t, paused_with_frames_in_flight);
	tcase_add_test(t, sixteen_frames_in_flight);
	tcase_add_test(t, twenty_frames_in_one_piece);
	return t;
}

/* The end of a connection: each reason in each state, time-outs, take-over, and the database away. */
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "t/unit/worker/tracker/rig.h"
#include "worker/tracker/conn_command.h"
#include "worker/tracker/trackers_impl.h"

/* A connection in the state, with frames in flight where it can have some. */
static int
make(enum conn_state state)
{
	static const struct frame_filler {
		uint32_t first;
	} others[] = {{0}, {100}, {200}};
	int fd;

	if (state == CONN_HEADER)
		return rig_connect_from("10.9.9.9", true);
	if (state == CONN_HANDSHAKE)
		return rig_connect();
	if (state == CONN_ASKING) {
		r.lookup_waits = true;
		fd = rig_connect();
		rig_say_imei(fd, STRANGER);
		return fd;
	}
	fd = rig_open_session(IMEI);
	FRAME(fd, 30, 0);
	if (state == CONN_PAUSED) {
		for (size_t i = 1; i < sizeof(others) / sizeof(others[0]); i++)
			FRAME(fd, 30, others[i].first);
		FRAME(fd, 30, 1000);
	}
	return fd;
}

/* Whatever the state and the reason: told once, counted once, and nothing of it is left. */
START_TEST(each_reason_in_each_state)
{
	enum close_reason reason = (enum close_reason)_i;
	const struct close_row *row = &close_rows[reason];

	for (enum conn_state state = CONN_HEADER; state <= CONN_PAUSED; state++) {
		int fd = make(state);
		struct conn *c = rig_conn(fd);
		bool open = state_is_open(state), waits;
		unsigned before = r.disconnected;
		struct stats counted = *r.stats;

		ck_assert_int_eq(c->state, state);
		/* Nobody is refused who is open; it would wait as well. */
		waits = open && (row->answers != ANSWER_NONE || row->refused);
		conn_close(c, reason);
		ck_assert_int_eq(c->reason, reason);
		ck_assert_int_eq(c->session_id, 0);
		ck_assert_uint_eq(r.disconnected - before, open);
		ck_assert_uint_eq(STAT(paused), 0);
		if (waits) {
			ck_assert_int_eq(c->state, CONN_CLOSING);
			ck_assert_int_eq(
			    c->seat.queue, row->answers == ANSWER_ALL ? QUEUE_NONE : QUEUE_ANSWERS);
		} else if (row->answers == ANSWER_NONE && !row->refused) {
			ck_assert_int_eq(c->state, CONN_GONE);
		}
		/* A second reason is not told; one that says that nobody listens ends the wait. */
		conn_close(c, CLOSE_DRAIN);
		ck_assert_int_eq(c->state == CONN_CLOSING, waits);
		ck_assert_int_eq(c->reason, reason);
		if (waits) {
			memory_commit(r.store);
			ck_assert_int_eq(c->state, CONN_LINGERING);
		}
		conn_close(c, CLOSE_STUCK);
		ck_assert_int_eq(c->state, CONN_GONE);
		conn_close(c, CLOSE_STUCK);
		if (row->counter != NOT_COUNTED) {
			close_count(&counted, reason);
			ck_assert_mem_eq((char *)r.stats + row->counter,
			    (char *)&counted + row->counter, sizeof(uint64_t));
		}
		close(fd);
		memory_commit(r.store);
		trackers_tick(r.t, rig_now());
		ck_assert_uint_eq(trackers_count(r.t), 0);
		rig_audit();
	}
}
END_TEST

/* What holds it up is no reason to keep a descriptor for somebody who has gone. */
START_TEST(a_tracker_that_has_gone_is_let_go)
{
	int fd = make(CONN_OPEN);

	shutdown(fd, SHUT_WR);
	rig_turn();
	rig_pass(29000);
	ck_assert_int_eq(rig_state(fd), CONN_CLOSING);
	rig_pass(2000);
	ck_assert_int_eq(rig_state(fd), CONN_GONE);
	close(fd);
	memory_commit(r.store);

	/* Its end was seen behind bytes that nobody could read. */
	fd = rig_open_session(IMEI + 1);
	for (uint32_t i = 0; i <= CONN_MAX_IN_FLIGHT; i++)
		FRAME(fd, 1, i * 10);
	ck_assert_uint_eq(rig_conn(fd)->in_flight, CONN_MAX_IN_FLIGHT);
	shutdown(fd, SHUT_WR);
	rig_turn();
	ck_assert(rig_conn(fd)->end_seen);
	rig_pass(29000);
	ck_assert_int_eq(rig_state(fd), CONN_OPEN);
	rig_pass(2000);
	ck_assert_int_eq(rig_state(fd), CONN_GONE);
	close(fd);
	memory_commit(r.store);
	rig_audit();
}
END_TEST

/* It is back, so it has given up what the older connection waits to answer. */
START_TEST(a_tracker_that_is_back)
{
	int fd = make(CONN_OPEN), other = rig_open_session(IMEI + 1), again;

	FRAME(other, 1, 0);
	shutdown(fd, SHUT_WR);
	shutdown(other, SHUT_WR);
	rig_turn();
	rig_pass(1000);
	ck_assert_int_eq(rig_state(fd), CONN_CLOSING);
	again = rig_open_session(IMEI);
	rig_pass(200);
	ck_assert_int_eq(rig_state(fd), CONN_GONE);
	ck_assert_int_eq(rig_state(other), CONN_CLOSING);
	ck_assert_int_eq(rig_state(again), CONN_OPEN);
	memory_commit(r.store);
	HEARS(other, "00000001.");
	close(fd);
	close(other);
	close(again);
	rig_turn();
	rig_audit();
}
END_TEST

/* The tracker closes, in each state. */
START_TEST(tracker_closes)
{
	for (enum conn_state state = CONN_HEADER; state <= CONN_PAUSED; state++) {
		int fd = make(state);

		shutdown(fd, SHUT_WR);
		rig_turn();
		if (state < CONN_ASKING) {
			ck_assert_int_eq(rig_state(fd), CONN_GONE);
		} else if (state == CONN_OPEN) {
			ck_assert_int_eq(rig_state(fd), CONN_CLOSING);
			/* It doesn't hurry; there may be a database again. */
			rig_pass(29000);
			memory_commit(r.store);
			HEARS(fd, "0000001e.");
		} else if (state == CONN_PAUSED) {
			/* Its end may be behind frames that are still to be read. */
			ck_assert_int_eq(rig_state(fd), CONN_PAUSED);
			ck_assert(rig_conn(fd)->end_seen);
			memory_commit(r.store);
			rig_turn();
			memory_commit(r.store);
			HEARS(fd, "0000001e0000001e0000001e0000001e.");
		}
		if (state == CONN_ASKING)
			rig_pass(31000);
		ck_assert_int_eq(rig_state(fd), CONN_GONE);
		close(fd);
	}
}
END_TEST

/* A reset: the tracker goes while it has bytes to read. */
START_TEST(connection_breaks)
{
	for (enum conn_state state = CONN_ASKING; state <= CONN_PAUSED; state++) {
		int fd = make(state);
		unsigned in_flight = STAT(in_flight);

		ck_assert(conn_send(rig_conn(fd), "x", 1));
		close(fd);
		rig_turn();
		ck_assert_int_eq(rig_state(fd), CONN_GONE);
		ck_assert_uint_eq(STAT(in_flight), 0);
		ck_assert_uint_eq(STAT(refused), (state == CONN_OPEN ? 0 : STAT(refused)) +
						     (state == CONN_OPEN ? in_flight : 0));
		memory_commit(r.store);
	}
}
END_TEST

START_TEST(connection_breaks_while_it_closes)
{
	int fd = make(CONN_OPEN);

	conn_close(rig_conn(fd), CLOSE_DRAIN);
	ck_assert_int_eq(rig_state(fd), CONN_CLOSING);
	close(fd);
	rig_turn();
	ck_assert_int_eq(rig_state(fd), CONN_GONE);
	ck_assert_uint_eq(STAT(refused), 30);
}
END_TEST

/* What it sends while it closes neither counts nor ends it. */
START_TEST(bytes_while_it_closes)
{
	int fd = make(CONN_OPEN);

	conn_close(rig_conn(fd), CLOSE_DRAIN);
	FRAME(fd, 1, 500);
	ck_assert_int_eq(rig_state(fd), CONN_CLOSING);
	ck_assert_uint_eq(STAT(frames_avl), 1);
	memory_commit(r.store);
	HEARS(fd, "0000001e.");
	FRAME(fd, 1, 500);
	ck_assert_int_eq(rig_state(fd), CONN_LINGERING);
	close(fd);
	rig_turn();
	ck_assert_int_eq(rig_state(fd), CONN_GONE);
}
END_TEST

START_TEST(answers_that_come_too_late)
{
	int fd = make(CONN_OPEN);

	conn_close(rig_conn(fd), CLOSE_TAKEOVER);
	rig_pass(CLOSE_SOON_MS - 100);
	ck_assert_int_eq(rig_state(fd), CONN_CLOSING);
	rig_pass(100);
	ck_assert_int_eq(rig_state(fd), CONN_GONE);
	HEARS(fd, ".");
}
END_TEST

/* Each wait has its own time. */
START_TEST(time_outs)
{
	int greeting = rig_connect(), header = rig_connect_from("10.9.9.9", true),
	    idle = rig_open_session(IMEI), piece = rig_open_session(IMEI + 1), linger, busy;
	struct bytes f = rig_frame(1, 0);

	rig_send(piece, f.p, 10);
	rig_send(greeting, "\0", 1);
	busy = rig_open_session(IMEI + 2);
	rig_send_frame(busy, f);
	rig_pass(29000);
	linger = rig_connect();
	rig_say_imei(linger, STRANGER);
	ck_assert_uint_eq(trackers_count(r.t), 6);
	rig_pass(1900);
	ck_assert_int_eq(rig_state(greeting), CONN_GONE);
	ck_assert_int_eq(rig_state(header), CONN_GONE);
	ck_assert_uint_eq(STAT(timeout_handshake), 2);
	ck_assert_int_eq(rig_state(linger), CONN_LINGERING);
	rig_pass(200);
	ck_assert_int_eq(rig_state(linger), CONN_GONE);
	/* A frame is timed from its first byte. */
	rig_send(piece, f.p + 10, 10);
	rig_pass(29000);
	ck_assert_int_eq(rig_state(piece), CONN_GONE);
	ck_assert_uint_eq(STAT(timeout_frame), 1);
	rig_pass(600000);
	ck_assert_int_eq(rig_state(idle), CONN_GONE);
	ck_assert_uint_eq(STAT(timeout_idle), 1);
	/* Who waits for the database is not idle. */
	ck_assert_int_eq(rig_state(busy), CONN_OPEN);
}
END_TEST

/* What has begun behind a whole item has its own time. */
START_TEST(next_frame_has_its_own_time)
{
	int fd = rig_open_session(IMEI);
	struct bytes m = rig_message(CODEC_12, 6, "hello");

	rig_send(fd, m.p, 10);
	rig_pass(40000);
	rig_send(fd, m.p + 10, m.n - 10);
	ck_assert_uint_eq(STAT(frames_message), 1);
	/* The same, in one piece with the beginning of another. */
	rig_send(fd, m.p, 10);
	rig_pass(40000);
	memmove(m.p, m.p + 10, m.n - 10);
	memset(m.p + m.n - 10, 0, 6);
	rig_send(fd, m.p, m.n - 4);
	ck_assert_uint_eq(STAT(frames_message), 2);
	rig_pass(40000);
	ck_assert_int_eq(rig_state(fd), CONN_OPEN);
	rig_pass(20000);
	ck_assert_int_eq(rig_state(fd), CONN_GONE);
	ck_assert_uint_eq(STAT(timeout_frame), 1);
}
END_TEST

START_TEST(newest_session_wins)
{
	int older = make(CONN_OPEN), newer = rig_open_session(IMEI);

	ck_assert_uint_eq(STAT(takeovers), 1);
	rig_pass(0);
	ck_assert_int_eq(rig_state(older), CONN_CLOSING);
	ck_assert_int_eq(rig_state(newer), CONN_OPEN);
	ck_assert_int_eq(rig_conn(older)->reason, CLOSE_TAKEOVER);
	/* Its end leaves the newer one's session alone. */
	ck_assert_int_eq(
	    registry_session(r.registry, rig_conn(newer)->entry), rig_conn(newer)->session_id);
	ck_assert_uint_eq(conn_command_want(r.t, IMEI), 0);
	rig_conn(newer)->commandable = true;
	ck_assert_uint_eq(conn_command_want(r.t, IMEI), rig_token(newer));
	memory_commit(r.store);
	HEARS(older, "0000001e.");
}
END_TEST

/* The registry says so: disabled, deleted, another device, other codecs. */
START_TEST(device_changes)
{
	int disabled = rig_open_session(IMEI), deleted = rig_open_session(IMEI + 1),
	    other = rig_open_session(IMEI + 2), codecs = rig_open_session(IMEI + 3);
	const struct device_row changed = {
	    .imei = IMEI + 2, .id = 7, .present = true, .enabled = true, .codecs = CODEC_MAY_ALL};

	rig_connect();
	rig_device(IMEI, true, false, CODEC_MAY_ALL);
	rig_device(IMEI + 1, false, false, 0);
	ck_assert_int_eq(
	    registry_apply(r.registry, &changed, registry_seq(r.registry), NULL), REGISTRY_OK);
	rig_device(IMEI + 3, true, true, CODEC_MAY_8E);
	rig_pass(0);
	HEARS(disabled, ".");
	HEARS(deleted, ".");
	HEARS(other, ".");
	ck_assert_int_eq(rig_state(codecs), CONN_OPEN);
	ck_assert_uint_eq(rig_conn(codecs)->codecs, CODEC_MAY_8E);
	ck_assert_uint_eq(r.disconnected, 3);
}
END_TEST

/* Who has gone while nothing can be stored comes again anyway. */
START_TEST(database_goes_away)
{
	int closing = rig_open_session(IMEI), paused, stays = rig_open_session(IMEI + 2), late;

	FRAME(closing, 90, 0);
	paused = rig_open_session(IMEI + 1);
	FRAME(paused, 30, 0);
	late = rig_open_session(IMEI + 3);
	FRAME(late, 30, 0);
	FRAME(stays, 5, 0);
	shutdown(closing, SHUT_WR);
	close(paused);
	rig_turn();
	ck_assert_int_eq(rig_state(closing), CONN_CLOSING);
	ck_assert_int_eq(rig_state(paused), CONN_PAUSED);
	memory_down(r.store);
	ck_assert_int_eq(rig_state(closing), CONN_GONE);
	ck_assert_int_eq(rig_state(paused), CONN_GONE);
	ck_assert_int_eq(rig_state(stays), CONN_OPEN);
	/* And whoever goes now goes at once. */
	close(late);
	shutdown(stays, SHUT_WR);
	rig_turn();
	ck_assert_int_eq(rig_state(late), CONN_GONE);
	ck_assert_int_eq(rig_state(stays), CONN_GONE);
	ck_assert_uint_eq(trackers_count(r.t), 0);
	ck_assert_uint_eq(STAT(in_flight), 0);
}
END_TEST

/* The tokens of the gone find nobody, and their places are used again. */
START_TEST(places_are_used_again)
{
	int first = rig_connect(), fd[100];
	uint64_t token = rig_token(first);
	uint32_t index = rig_conn(first)->seat.index;

	close(first);
	rig_turn();
	ck_assert_ptr_null(conn_find(&r.t->conns, token));
	ck_assert_ptr_null(conn_find(&r.t->conns, 0));
	ck_assert_ptr_null(conn_find(&r.t->conns, 5000));
	first = rig_connect();
	ck_assert_uint_eq(rig_conn(first)->seat.index, index);
	ck_assert_uint_ne(rig_token(first), token);
	ck_assert_ptr_null(conn_find(&r.t->conns, token));
	for (int i = 0; i < 100; i++)
		fd[i] = rig_connect();
	ck_assert_uint_eq(trackers_count(r.t), 101);
	for (int i = 0; i < 100; i++) {
		ck_assert_int_eq(rig_state(fd[i]), CONN_HANDSHAKE);
		close(fd[i]);
	}
	rig_turn();
}
END_TEST

TCase *
closing_tests(void)
{
	TCase *t = tcase_create("closing");

	tcase_add_loop_test(t, each_reason_in_each_state, 0, CLOSE_COUNT);
	tcase_add_test(t, a_tracker_that_has_gone_is_let_go);
	tcase_add_test(t, a_tracker_that_is_back);
	tcase_add_test(t, tracker_closes);
	tcase_add_test(t, connection_breaks);
	tcase_add_test(t, connection_breaks_while_it_closes);
	tcase_add_test(t, bytes_while_it_closes);
	tcase_add_test(t, answers_that_come_too_late);
	tcase_add_test(t, time_outs);
	tcase_add_test(t, next_frame_has_its_own_time);
	tcase_add_test(t, newest_session_wins);
	tcase_add_test(t, device_changes);
	tcase_add_test(t, database_goes_away);
	tcase_add_test(t, places_are_used_again);
	return t;
}

/* ---- Drain ---- */

static unsigned
open_ones(const int *fd, int n)
{
	unsigned open = 0;

	for (int i = 0; i < n; i++)
		open += !state_is_closing(rig_state(fd[i]));
	return open;
}

START_TEST(one_after_the_other)
{
	int fd[20];

	for (int i = 0; i < 20; i++)
		fd[i] = rig_connect();
	close(fd[3]);
	rig_turn();
	trackers_drain(r.t, rig_now(), 10000);
	ck_assert_uint_eq(open_ones(fd, 20), 18);
	/* 600 a second: six more after ten milliseconds. */
	rig_pass(10);
	ck_assert_uint_le(open_ones(fd, 20), 13);
	ck_assert_uint_ge(open_ones(fd, 20), 2);
	rig_pass(8000);
	ck_assert_uint_eq(open_ones(fd, 20), 0);
}
END_TEST

START_TEST(those_with_frames_are_answered_first)
{
	int fd = rig_open_session(IMEI);

	FRAME(fd, 2, 0);
	trackers_drain(r.t, rig_now(), 10000);
	ck_assert_int_eq(rig_state(fd), CONN_CLOSING);
	rig_pass(5000);
	ck_assert_int_eq(rig_state(fd), CONN_CLOSING);
	memory_commit(r.store);
	HEARS(fd, "00000002.");
	close(fd);
	rig_pass(0);
	ck_assert_uint_eq(trackers_count(r.t), 0);
}
END_TEST

TCase *
drain_tests(void)
{
	TCase *t = tcase_create("drain");

	tcase_add_test(t, one_after_the_other);
	tcase_add_test(t, those_with_frames_are_answered_first);
	return t;
}

/* Frames into the batch by their verdicts, and their answers back: in order, each once. */
#include <sys/socket.h>
#include <unistd.h>

#include "t/unit/worker/tracker/rig.h"
#include "worker/tracker/trackers_impl.h"

static struct batch *
filling(void)
{
	return store_filling(r.store);
}

/* The frame put into the batch last. */
static const struct frame *
last(void)
{
	return &filling()->frames[filling()->nframes - 1];
}

START_TEST(good_frame)
{
	int fd = rig_open_session(IMEI);
	struct bytes f = rig_frame(3, 0);

	rig_send_frame(fd, f);
	ck_assert_uint_eq(filling()->nframes, 1);
	ck_assert_uint_eq(filling()->nrows, 3);
	ck_assert_int_eq(last()->kind, FRAME_RECORDS);
	ck_assert(last()->careful);
	ck_assert_int_eq(last()->from.device_id, DEVICE_ID(IMEI));
	ck_assert_uint_eq(last()->from.conn, rig_token(fd));
	ck_assert_mem_eq(batch_raw(filling(), last()), f.p, f.n);
	ck_assert_uint_eq(memory_kicks(r.store), 1);
	ck_assert_uint_eq(STAT(in_flight), 3);
	HEARS(fd, "");
	memory_commit(r.store);
	HEARS(fd, "00000003");
	ck_assert_uint_eq(STAT(acks), 1);
	ck_assert_uint_eq(STAT(stored), 3);
	/* Now it is known not to repeat itself. */
	FRAME(fd, 1, 100);
	ck_assert(!last()->careful);
}
END_TEST

/* One row a kind of frame: what is kept of it, and whether it is answered. */
START_TEST(verdicts)
{
	static const uint8_t counts[] = {CODEC_8, 2, 1}, structure[] = {CODEC_8, 1, 0, 1},
			     stranger[] = {0x07, 4, 4}, message[] = {CODEC_12, 1, 5, 0, 0, 0, 9, 1},
			     empty[] = {CODEC_8, 0, 0};
	static const struct {
		const uint8_t *body;
		size_t n;
		uint32_t codecs;
		enum frame_kind kind;
		const char *reason, *answer;
		unsigned quarantined;
	} cases[] = {
	    {counts, 3, CODEC_MAY_ALL, FRAME_QUARANTINE, "count", "00000002", 2},
	    {structure, 4, CODEC_MAY_ALL, FRAME_QUARANTINE, "structure", "00000001", 1},
	    {stranger, 3, CODEC_MAY_ALL, FRAME_QUARANTINE, "unknown_codec", "", 0},
	    {message, 8, CODEC_MAY_ALL, FRAME_QUARANTINE, "message", "", 0},
	    {empty, 3, CODEC_MAY_8E, FRAME_QUARANTINE, "codec", "00000000", 0},
	    {empty, 3, CODEC_MAY_ALL, FRAME_RECORDS, NULL, "00000000", 0},
	};
	int fd;

	rig_device(IMEI, true, true, cases[_i].codecs);
	fd = rig_open_session(IMEI);
	rig_send_frame(fd, rig_wrap(cases[_i].body, cases[_i].n));
	ck_assert_uint_eq(filling()->nframes, 1);
	ck_assert_int_eq(last()->kind, cases[_i].kind);
	if (cases[_i].reason != NULL)
		ck_assert_str_eq(last()->reason, cases[_i].reason);
	else
		ck_assert_ptr_null(last()->reason);
	ck_assert_uint_eq(last()->from.conn != 0, *cases[_i].answer != '\0');
	memory_commit(r.store);
	HEARS(fd, cases[_i].answer);
	ck_assert_uint_eq(STAT(quarantined), cases[_i].quarantined);
	ck_assert_uint_eq(STAT(err_count), _i == 0);
	ck_assert_uint_eq(STAT(err_structure), _i == 1 || _i == 3);
	ck_assert_uint_eq(STAT(unknown_codec), _i == 2);
	ck_assert_uint_eq(STAT(frames_message), _i == 3);
	ck_assert_int_eq(rig_state(fd), CONN_OPEN);
}
END_TEST

/* A wrong CRC closes, twice; the third time the tracker means it. */
START_TEST(wrong_crc)
{
	struct bytes f = rig_spoil(rig_frame(2, 0));
	int fd;

	for (int i = 0; i < 2; i++) {
		fd = rig_open_session(IMEI);
		rig_send_frame(fd, f);
		HEARS(fd, ".");
		ck_assert_int_eq(last()->kind, FRAME_DEBUG);
		ck_assert_uint_eq(last()->from.conn, 0);
	}
	fd = rig_open_session(IMEI);
	rig_send_frame(fd, f);
	ck_assert_int_eq(last()->kind, FRAME_QUARANTINE);
	memory_commit(r.store);
	HEARS(fd, "00000002");
	ck_assert_uint_eq(STAT(err_crc), 3);
	ck_assert_uint_eq(STAT(quarantined), 2);
}
END_TEST

START_TEST(wrong_crc_without_a_copy)
{
	int fd = rig_open_session(IMEI);

	r.conf.ingest_raw = INGEST_RAW_OFF;
	rig_send_frame(fd, rig_spoil(rig_frame(2, 0)));
	HEARS(fd, ".");
	ck_assert_uint_eq(filling()->nframes, 0);
}
END_TEST

/* Of what came before a fault is answered what can be. */
START_TEST(fault_behind_good_frames)
{
	struct bytes f = rig_spoil(rig_frame(2, 0));
	int fd = rig_open_session(IMEI);

	FRAME(fd, 1, 50);
	rig_send_frame(fd, f);
	ck_assert_int_eq(rig_state(fd), CONN_CLOSING);
	ck_assert_uint_eq(r.disconnected, 1);
	/* The good frame's alone. */
	ck_assert_uint_eq(r.ended_records, 1);
	memory_commit(r.store);
	HEARS(fd, "00000001.");
	ck_assert_int_eq(rig_state(fd), CONN_LINGERING);
}
END_TEST

/* The same bytes while the first wait: one answer for both (doc/protocol.md, Acknowledgements). */
START_TEST(twins)
{
	int fd = rig_open_session(IMEI);

	FRAME(fd, 2, 0);
	FRAME(fd, 2, 7);
	FRAME(fd, 2, 0);
	FRAME(fd, 2, 7);
	ck_assert_uint_eq(filling()->nframes, 2);
	ck_assert_uint_eq(STAT(duplicate), 4);
	memory_commit(r.store);
	HEARS(fd, "0000000200000002");
	/* Answered: now it is another frame. */
	FRAME(fd, 2, 0);
	ck_assert_uint_eq(filling()->nframes, 1);
	memory_commit(r.store);
	HEARS(fd, "00000002");
}
END_TEST

START_TEST(twins_with_a_wrong_crc)
{
	struct bytes f = rig_spoil(rig_frame(2, 0));
	int fd;

	for (int i = 0; i < 2; i++)
		rig_send_frame(rig_open_session(IMEI), f);
	fd = rig_open_session(IMEI);
	rig_send_frame(fd, f);
	rig_send_frame(fd, f);
	ck_assert_uint_eq(STAT(err_crc), 4);
	ck_assert_uint_eq(STAT(duplicate), 2);
	memory_commit(r.store);
	HEARS(fd, "00000002");
}
END_TEST

/* A frame whose row is refused is answered last; those behind it wait for it. */
START_TEST(answers_in_order)
{
	int fd = rig_open_session(IMEI);

	FRAME(fd, 1, 0);
	FRAME(fd, 2, 10);
	FRAME(fd, 3, 20);
	memory_begin(r.store);
	/* In the other batch, behind them. */
	FRAME(fd, 4, 30);
	memory_refuse(r.store, 1);
	memory_commit_rows(r.store);
	HEARS(fd, "00000001");
	memory_commit_rest(r.store);
	HEARS(fd, "0000000200000003");
	memory_commit(r.store);
	HEARS(fd, "00000004");
	ck_assert_uint_eq(STAT(acks), 4);
	ck_assert_uint_eq(STAT(quarantined), 2);
}
END_TEST

START_TEST(frame_that_nothing_can_take)
{
	int fd = rig_open_session(IMEI);

	FRAME(fd, 1, 0);
	FRAME(fd, 2, 10);
	memory_begin(r.store);
	memory_refuse_wholly(r.store, 0);
	memory_commit_rows(r.store);
	HEARS(fd, ".");
	ck_assert_int_eq(rig_state(fd), CONN_GONE);
	memory_commit_rest(r.store);
	ck_assert_uint_eq(STAT(refused), 1);
}
END_TEST

/* The tracker has gone: what fills is forgotten, what is being stored is stored. */
START_TEST(forgotten_frames)
{
	int fd = rig_open_session(IMEI);
	const uint8_t stranger[] = {0x07, 4, 4};

	FRAME(fd, 1, 0);
	memory_begin(r.store);
	FRAME(fd, 2, 10);
	rig_send_frame(fd, rig_wrap(stranger, 3));
	rig_send_frame(fd, rig_message(CODEC_13 - 1, 6, "hello"));
	/* A fault whose good frames can't be answered: the database is away. */
	memory_down(r.store);
	rig_send(fd, "\1\2\3\4", 4);
	ck_assert_int_eq(rig_state(fd), CONN_GONE);
	ck_assert(filling()->frames[0].forgotten);
	ck_assert(!filling()->frames[1].forgotten);
	ck_assert_uint_eq(STAT(refused), 2);
	ck_assert_uint_eq(STAT(in_flight), 1);
	rig_audit();
	memory_up(r.store);
	memory_commit(r.store);
	memory_commit(r.store);
	ck_assert_uint_eq(STAT(stored), 1);
	ck_assert_uint_eq(STAT(in_flight), 0);
	ck_assert_uint_eq(STAT(acks), 0);
}
END_TEST

START_TEST(answer_that_nobody_takes)
{
	int fd = rig_open_session(IMEI);

	FRAME(fd, 1, 0);
	shutdown(fd, SHUT_RD);
	memory_commit(r.store);
	ck_assert_int_eq(rig_state(fd), CONN_GONE);
	ck_assert_uint_eq(STAT(acks), 0);
	ck_assert_uint_eq(STAT(stored), 1);
}
END_TEST

/* Arrival is a part of a message's key: each has a time of its own, also when the clock stands. */
START_TEST(messages_have_times_of_their_own)
{
	int fd = rig_open_session(IMEI);
	int64_t first;

	rig_send_frame(fd, rig_message(CODEC_12, 6, "one"));
	first = last()->from.received_wall_us;
	r.t->last_message_us = first + 500000;
	rig_send_frame(fd, rig_message(CODEC_12, 6, "one"));
	ck_assert_int_eq(last()->from.received_wall_us, first + 500001);
	/* A clock that was set back is followed. */
	r.t->last_message_us = first + INT64_C(3600000000);
	rig_send_frame(fd, rig_message(CODEC_12, 6, "one"));
	ck_assert_int_lt(last()->from.received_wall_us, first + 100000000);
	ck_assert_int_eq(last()->kind, FRAME_MESSAGE);
	memory_commit(r.store);
	HEARS(fd, "");
	ck_assert_uint_eq(STAT(frames_message), 3);
}
END_TEST

/* A token that names another connection by now answers nobody. */
START_TEST(answers_find_their_connection)
{
	int fd = rig_open_session(IMEI), other;

	FRAME(fd, 1, 0);
	memory_begin(r.store);
	close(fd);
	rig_turn();
	ck_assert_int_eq(rig_state(fd), CONN_CLOSING);
	memory_down(r.store);
	ck_assert_int_eq(rig_state(fd), CONN_GONE);
	memory_up(r.store);
	other = rig_open_session(IMEI);
	memory_commit(r.store);
	HEARS(other, "");
}
END_TEST

/*
 * Somebody holds a lock that two frames need: they are kept in another batch while the rest is answered, and come
 * back one by one. Each connection's answers stay in order.
 */
START_TEST(kept_frames)
{
	int a = rig_open_session(IMEI), b = rig_open_session(IMEI + 1);

	FRAME(a, 1, 0);
	FRAME(b, 2, 10);
	FRAME(a, 3, 20);
	FRAME(b, 4, 30);
	memory_begin(r.store);
	memory_keep(r.store, 0);
	memory_keep(r.store, 3);
	memory_commit_rows(r.store);
	memory_commit_rest(r.store);
	/* What stands behind a frame that is kept waits for it. */
	HEARS(a, "");
	HEARS(b, "00000002");
	ck_assert_uint_eq(STAT(in_flight), 5);
	FRAME(b, 5, 40);
	/* The first comes back: the other one takes its place among those that are kept. */
	memory_take_back(r.store, 0);
	ck_assert_uint_eq(store_batch(r.store, STORE_KEPT)->nframes, 1);
	memory_commit(r.store);
	HEARS(a, "0000000100000003");
	HEARS(b, "");
	memory_take_back(r.store, 0);
	memory_commit(r.store);
	HEARS(b, "0000000400000005");
	ck_assert_uint_eq(STAT(acks), 5);
	ck_assert_uint_eq(STAT(stored), 15);
	rig_audit();
}
END_TEST

/* Its tracker goes, and sends it again on the next connection: it is forgotten wherever it lies. */
START_TEST(kept_frames_of_the_gone)
{
	int gone = rig_open_session(IMEI), stays = rig_open_session(IMEI + 1);

	FRAME(gone, 1, 0);
	FRAME(stays, 2, 10);
	memory_begin(r.store);
	memory_keep(r.store, 0);
	memory_keep(r.store, 1);
	memory_commit_rows(r.store);
	memory_commit_rest(r.store);
	memory_down(r.store);
	close(gone);
	rig_turn();
	memory_up(r.store);
	ck_assert_int_eq(rig_state(gone), CONN_GONE);
	ck_assert_uint_eq(STAT(refused), 1);
	rig_audit();
	memory_take_back(r.store, 1);
	memory_commit(r.store);
	HEARS(stays, "00000002");
	ck_assert_uint_eq(store_batch(r.store, STORE_KEPT)->nframes, 0);
	ck_assert_uint_eq(STAT(in_flight), 0);
}
END_TEST

/* Nobody waits for the end of a message, so its connection may have gone when it moves. */
START_TEST(kept_message_of_the_gone)
{
	int fd = rig_open_session(IMEI);

	rig_send_frame(fd, rig_message(CODEC_12, 6, "hello"));
	FRAME(fd, 1, 0);
	memory_begin(r.store);
	close(fd);
	memory_down(r.store);
	rig_turn();
	ck_assert_int_eq(rig_state(fd), CONN_GONE);
	memory_keep(r.store, 0);
	memory_commit_rows(r.store);
	memory_commit_rest(r.store);
	ck_assert_uint_eq(store_batch(r.store, STORE_KEPT)->frames[0].from.conn, 0);
	memory_take_back(r.store, 0);
	memory_commit(r.store);
	ck_assert_uint_eq(STAT(stored), 1);
	memory_up(r.store);
}
END_TEST

/* The table of devices was filled anew: a frame must not go in under an id that is another's by now. */
START_TEST(device_is_another_now)
{
	const struct device_row changed = {
	    .imei = IMEI, .id = 7, .present = true, .enabled = true, .codecs = CODEC_MAY_ALL};
	int fd = rig_open_session(IMEI), deleted = rig_open_session(IMEI + 1),
	    same = rig_open_session(IMEI + 2);

	ck_assert_int_eq(
	    registry_apply(r.registry, &changed, registry_seq(r.registry), NULL), REGISTRY_OK);
	rig_device(IMEI + 1, false, false, 0);
	/* Before the tick that looks at all sessions. */
	FRAME(fd, 1, 0);
	FRAME(deleted, 1, 0);
	FRAME(same, 1, 0);
	ck_assert_int_eq(
	    rig_conn(fd) != NULL ? rig_conn(fd)->reason : CLOSE_REMOVED, CLOSE_REMOVED);
	HEARS(fd, ".");
	HEARS(deleted, ".");
	ck_assert_uint_eq(filling()->nframes, 1);
	ck_assert_int_eq(rig_state(same), CONN_OPEN);
	memory_commit(r.store);
	HEARS(same, "00000001");
}
END_TEST

/* The same, seen by the store when the frame was in the batch already. */
START_TEST(device_is_another_before_the_commit)
{
	int fd = rig_open_session(IMEI), other = rig_open_session(IMEI + 1);

	FRAME(fd, 2, 0);
	FRAME(other, 1, 0);
	memory_begin(r.store);
	memory_leave_out(r.store, 0);
	memory_commit_rows(r.store);
	HEARS(fd, ".");
	HEARS(other, "00000001");
	memory_commit_rest(r.store);
	ck_assert_uint_eq(STAT(refused), 2);
	ck_assert_uint_eq(STAT(acks), 1);
}
END_TEST

TCase *
frames_tests(void)
{
	TCase *t = tcase_create("frames");

	tcase_add_test(t, good_frame);
	tcase_add_loop_test(t, verdicts, 0, 6);
	tcase_add_test(t, wrong_crc);
	tcase_add_test(t, wrong_crc_without_a_copy);
	tcase_add_test(t, fault_behind_good_frames);
	tcase_add_test(t, twins);
	tcase_add_test(t, twins_with_a_wrong_crc);
	tcase_add_test(t, answers_in_order);
	tcase_add_test(t, frame_that_nothing_can_take);
	tcase_add_test(t, forgotten_frames);
	tcase_add_test(t, answer_that_nobody_takes);
	tcase_add_test(t, messages_have_times_of_their_own);
	tcase_add_test(t, answers_find_their_connection);
	tcase_add_test(t, kept_frames);
	tcase_add_test(t, kept_frames_of_the_gone);
	tcase_add_test(t, kept_message_of_the_gone);
	tcase_add_test(t, device_is_another_now);
	tcase_add_test(t, device_is_another_before_the_commit);
	return t;
}

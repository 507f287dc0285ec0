/* One simulated tracker: the states of its connection, its timer, what it does when. */
#include "tool/sim/sim.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "tool/sim/random.h"

#define BACKOFF_MS 100
#define BACKOFF_MAX_MS 5000

static const int64_t clock_2080_ms = INT64_C(3471292800000);
static const int64_t clock_1970_ms = 86400000;

int64_t
sim_frames_wanted(const struct sim *s)
{
	return s->opt.frames < 0 ? INT64_MAX : s->opt.frames + s->opt.backlog;
}

bool
sim_tracker_init(struct sim *s, struct sim_tracker *t, uint64_t imei)
{
	uint32_t i = (uint32_t)(t - s->tracker);
	int64_t old = s->opt.backlog * s->opt.records, phase = 0;
	int64_t step = s->step_ms > 0 ? s->step_ms : 1000;
	uint64_t seed = s->opt.seed * UINT64_C(0xd6e8feb86659fd93) ^ imei;

	memset(t, 0, sizeof(*t));
	t->fd = -1;
	t->imei = imei;
	t->template = &s->template[i % s->templates];
	sim_road_init(&t->road, sim_random(&seed), s->opt.no_fix);
	if (s->opt.has_near)
		sim_road_move(&t->road, s->opt.near_latitude, s->opt.near_longitude);
	t->rng = sim_random(&seed);
	if (s->opt.interval_ms > 0)
		phase = (int64_t)(sim_random(&t->rng) % (uint64_t)s->opt.interval_ms);
	t->due_ms = s->now_ms + phase;
	/* The first live frame ends now; with --start-time its first record is at that time. */
	if (s->opt.start_ms > 0)
		t->clock_ms = s->first_ms - (old + 1) * step;
	else
		t->clock_ms = s->first_ms + phase - (old + s->opt.records) * step;
	if (sim_random_percent(&t->rng, s->opt.clock_wrong))
		t->skew_ms =
		    (sim_random(&t->rng) & 1 ? clock_2080_ms : clock_1970_ms) - t->clock_ms;
	return t->clock_ms > 0;
}

bool
sim_tracker_can_build(const struct sim *s, const struct sim_tracker *t)
{
	if (s->stopping || t->ended || s->opt.idle || s->opt.handshake_only ||
	    t->used >= s->opt.window || t->built >= sim_frames_wanted(s))
		return false;
	if (t->state != SIM_UP && !(s->opt.glue && t->state == SIM_OPENING))
		return false;
	if (s->opt.reconnect_every > 0 && t->acked_here >= s->opt.reconnect_every && t->used > 0)
		return false;
	return s->opt.interval_ms == 0 || t->built < s->opt.backlog || s->now_ms >= t->due_ms;
}

/* Sets the timer to the next moment when this tracker has something to do by itself. */
static void
arm(struct sim *s, struct sim_tracker *t)
{
	uint32_t i = (uint32_t)(t - s->tracker);
	const struct sim_wheel_node *node = &s->wheel.node[i];
	int64_t at = INT64_MAX;

	if (t->state == SIM_AWAY && t->in_connect)
		return;
	if (t->state == SIM_AWAY)
		at = t->retry_ms;
	else if (t->state == SIM_OPENING || t->used > 0)
		at = t->progress_ms + s->opt.ack_timeout_ms;
	if (t->state == SIM_UP) {
		if (s->opt.ping_ms > 0 && t->sent_ms + s->opt.ping_ms < at)
			at = t->sent_ms + s->opt.ping_ms;
		if (s->opt.interval_ms > 0 && t->due_ms < at && !t->in_ready && !s->stopping &&
		    !s->opt.idle && t->used < s->opt.window && t->built < sim_frames_wanted(s))
			at = t->due_ms;
		if (sim_command_next_ms(s, t) < at)
			at = sim_command_next_ms(s, t);
	}
	if (t->resume_ms > 0 && t->resume_ms < at)
		at = t->resume_ms;
	if (at == INT64_MAX || t->state == SIM_DONE || t->state == SIM_REFUSED)
		return;
	/* Never due in this very millisecond: the loop could not go on. */
	if (at <= s->now_ms)
		at = s->now_ms + 1;
	/* A timer that is early only looks again: cheaper than moving it with every ACK. */
	if (!node->set || node->at_ms > at)
		sim_wheel_set(&s->wheel, i, at);
}

/* Ends the connection, however it stands. */
static void
hang_up(struct sim *s, struct sim_tracker *t)
{
	if (t->state == SIM_UP)
		s->up--;
	else if (t->state == SIM_OPENING)
		s->opening--;
	if (t->fd != -1)
		close(t->fd);
	t->fd = -1;
	sim_command_forget(s, t);
	t->sent = t->out = 0;
	t->imei_out = t->in_len = 0;
	t->resume_ms = 0;
	t->ended = false;
	t->state = SIM_AWAY;
}

static void
finish(struct sim *s, struct sim_tracker *t, enum sim_state state)
{
	hang_up(s, t);
	s->in_flight -= t->used;
	t->used = 0;
	t->state = (uint8_t)state;
	sim_wheel_cancel(&s->wheel, (uint32_t)(t - s->tracker));
	s->finished++;
}

/* The connection is gone: back after a while that grows with every failure in a row. */
static void
lose(struct sim *s, struct sim_tracker *t)
{
	int64_t pause = BACKOFF_MS << (t->fails < 6 ? t->fails : 6);

	/* Zeroes without a command behind them were an ACK of no records. */
	if (t->in_len == sizeof(t->in) && !sim_command_begun(t))
		s->count.wrong_acks++;
	hang_up(s, t);
	if (pause > BACKOFF_MAX_MS)
		pause = BACKOFF_MAX_MS;
	t->retry_ms = s->now_ms + (int64_t)((double)pause * sim_random_between(&t->rng, 0.5, 1.5));
	if (t->fails < UINT8_MAX)
		t->fails++;
	arm(s, t);
}

static void
come_back(struct sim *s, struct sim_tracker *t)
{
	hang_up(s, t);
	t->retry_ms = s->now_ms;
	sim_want_connect(s, t);
}

/*
 * Sends the answers to commands that are due, unless a frame is partly sent. False: nothing
 * more may go out now; the connection may be gone.
 */
static bool
flush_answers(struct sim *s, struct sim_tracker *t)
{
	if (t->state != SIM_UP || t->out > 0 || !sim_command_due(s, t))
		return true;
	switch (sim_command_send(s, t)) {
	case SIM_COMMAND_NONE_DUE:
		return true;
	case SIM_COMMAND_BLOCKED:
		break;
	case SIM_COMMAND_LOST:
		s->count.resets++;
		lose(s, t);
		break;
	case SIM_COMMAND_HANG_UP:
		s->count.hangups++;
		come_back(s, t);
		break;
	}
	return false;
}

/* Sends what there is. The connection may be lost or hung up afterwards. */
static void
flush(struct sim *s, struct sim_tracker *t)
{
	uint8_t packet[IMEI_PACKET];
	struct iovec iov[SIM_IOVS];
	size_t total;
	int n;

	if (t->resume_ms > s->now_ms || t->ended)
		return;
	t->resume_ms = 0;
	for (;;) {
		struct msghdr message = {.msg_iov = iov};
		ssize_t sent;

		if (!flush_answers(s, t))
			return;
		n = sim_send_gather(s, t, packet, iov, &total);
		if (n == 0)
			break;
		if (s->opt.split)
			n = sim_send_cut(t, iov, n, &total);
		message.msg_iovlen = (size_t)n;
		sent = n == 1 ? send(t->fd, iov[0].iov_base, iov[0].iov_len,
				    MSG_NOSIGNAL | MSG_DONTWAIT)
			      : sendmsg(t->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (sent == -1 && (errno == EAGAIN || errno == ENOTCONN))
			return; /* EPOLLOUT comes when there is room */
		if (sent == -1) {
			*(t->state == SIM_UP ? &s->count.resets : &s->count.failed_connects) += 1;
			lose(s, t);
			return;
		}
		sim_send_advance(s, t, (size_t)sent);
		if ((size_t)sent < total)
			continue;
		if (s->opt.split) {
			t->resume_ms = s->now_ms + 1 + sim_random_below(&t->rng, 3);
			break;
		}
	}
	if (s->opt.reconnect_every > 0 && t->acked_here >= s->opt.reconnect_every && t->used > 0 &&
	    t->sent == t->used) {
		s->count.hangups++;
		come_back(s, t);
	}
}

/* Ends it when it has nothing more to say, or sets its timer. */
static void
settle(struct sim *s, struct sim_tracker *t)
{
	if (t->state == SIM_UP && t->used == 0 && t->built >= sim_frames_wanted(s) &&
	    !s->opt.idle && !sim_command_waits(t))
		finish(s, t, SIM_DONE);
	else
		arm(s, t);
}

/* Builds what may be built and sends it. */
static void
work(struct sim *s, struct sim_tracker *t)
{
	if (s->opt.rate > 0) {
		if (sim_tracker_can_build(s, t))
			sim_want_frame(s, t);
	} else {
		while (sim_tracker_can_build(s, t)) {
			if (t->used == 0)
				t->progress_ms = s->now_ms;
			if (!sim_build_frame(s, t))
				break;
		}
	}
	if (t->fd != -1 && (t->sent < t->used || sim_command_due(s, t)))
		flush(s, t);
	settle(s, t);
}

bool
sim_tracker_turn(struct sim *s, struct sim_tracker *t)
{
	if (!sim_tracker_can_build(s, t))
		return false;
	if (t->used == 0)
		t->progress_ms = s->now_ms;
	if (!sim_build_frame(s, t))
		return false;
	flush(s, t);
	arm(s, t);
	return true;
}

/* Each tracker keeps its address, like a device behind one operator. */
static bool
bind_source(const struct sim *s, const struct sim_tracker *t, int fd)
{
	struct sockaddr_in from = {.sin_family = AF_INET};
	int on = 1;

	if (s->opt.source_ips == 0)
		return true;
	from.sin_addr.s_addr = htonl(0x7f000002u + (uint32_t)(t - s->tracker) % s->opt.source_ips);
	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
	return bind(fd, (struct sockaddr *)&from, sizeof(from)) == 0;
}

bool
sim_tracker_connect(struct sim *s, struct sim_tracker *t)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET};
	int on = 1;

	if (t->state != SIM_AWAY)
		return true;
	t->fd = socket(s->opt.address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (t->fd == -1) {
		s->count.no_descriptor++;
		return false;
	}
	if (s->opt.window > 1 || s->opt.split || s->opt.command_split > 0)
		setsockopt(t->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (!bind_source(s, t, t->fd) ||
	    (connect(t->fd, (struct sockaddr *)&s->opt.address, s->opt.address_len) == -1 &&
		errno != EINPROGRESS)) {
		if (errno == EADDRNOTAVAIL || errno == EADDRINUSE) {
			s->count.no_port++;
			close(t->fd);
			t->fd = -1;
			return false;
		}
		s->count.failed_connects++;
		lose(s, t);
		return true;
	}
	event.data.u32 = (uint32_t)(t - s->tracker);
	if (epoll_ctl(s->epoll, EPOLL_CTL_ADD, t->fd, &event) == -1) {
		s->count.no_descriptor++;
		close(t->fd);
		t->fd = -1;
		return false;
	}
	t->state = SIM_OPENING;
	s->opening++;
	t->opened_ns = s->now_ns;
	t->progress_ms = s->now_ms;
	t->acked_here = 0;
	s->count.connections++;
	for (uint32_t i = 0; i < t->used; i++) {
		struct sim_unacked *frame = sim_unacked_at(s, t, i);

		if (frame->spoilt && frame->sent_ns != 0) {
			sim_frame_spoil(frame->frame, sim_frame_len(s, t));
			frame->spoilt = false;
		}
	}
	if (s->opt.glue)
		work(s, t);
	/* Over loopback the connection stands already. */
	if (t->fd != -1 && t->imei_out < IMEI_PACKET)
		flush(s, t);
	arm(s, t);
	return true;
}

static void
take(struct sim *s, struct sim_tracker *t, const uint8_t *p, size_t n)
{
	switch (sim_receive(s, t, p, n)) {
	case SIM_GO_ON:
		work(s, t);
		break;
	case SIM_LOSE:
		lose(s, t);
		break;
	case SIM_COME_BACK:
		come_back(s, t);
		break;
	case SIM_FINISH:
		finish(s, t, SIM_DONE);
		break;
	case SIM_GIVE_UP:
		finish(s, t, SIM_REFUSED);
		break;
	}
}

void
sim_tracker_event(struct sim *s, struct sim_tracker *t, uint32_t events)
{
	uint8_t in[1024];
	ssize_t n;

	sim_now(s);
	/* Answers may stand before the end; a frame sent into it would only make a reset of it. */
	if (t->fd != -1 && events & EPOLLRDHUP)
		t->ended = true;
	/* The event tells of an edge: everything there is must be read, to the end if it is near. */
	while (t->fd != -1 && events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) {
		n = recv(t->fd, in, sizeof(in), MSG_DONTWAIT);
		if (n > 0) {
			take(s, t, in, (size_t)n);
			if ((size_t)n < sizeof(in) && events == (events & (EPOLLIN | EPOLLOUT)))
				break;
		} else if (n == 0) {
			*(t->state == SIM_UP ? &s->count.closes : &s->count.unanswered) += 1;
			lose(s, t);
		} else if (errno == EAGAIN) {
			break;
		} else if (errno != EINTR) {
			*(t->state == SIM_UP ? &s->count.resets : &s->count.failed_connects) += 1;
			lose(s, t);
		}
	}
	if (t->fd != -1 && events & EPOLLOUT &&
	    (t->imei_out < IMEI_PACKET || t->sent < t->used || sim_command_due(s, t))) {
		flush(s, t);
		settle(s, t);
	}
}

void
sim_tracker_tick(struct sim *s, struct sim_tracker *t)
{
	if (t->state == SIM_AWAY) {
		if (!t->in_connect && s->now_ms >= t->retry_ms)
			sim_want_connect(s, t);
		arm(s, t);
		return;
	}
	if ((t->state == SIM_OPENING || t->used > 0) &&
	    s->now_ms >= t->progress_ms + s->opt.ack_timeout_ms) {
		s->count.timeouts++;
		lose(s, t);
		return;
	}
	if (t->fd != -1 && (t->resume_ms > 0 || t->state == SIM_OPENING))
		flush(s, t);
	if (t->fd != -1 && t->state == SIM_UP) {
		work(s, t);
		if (t->fd != -1 && s->opt.ping_ms > 0 && t->sent == t->used && t->out == 0 &&
		    !sim_command_partly_sent(t) && s->now_ms >= t->sent_ms + s->opt.ping_ms &&
		    send(t->fd, "\xff", 1, MSG_NOSIGNAL | MSG_DONTWAIT) == 1) {
			s->count.pings++;
			t->sent_ms = s->now_ms;
		}
	}
	arm(s, t);
}

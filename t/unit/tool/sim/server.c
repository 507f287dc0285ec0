#include "t/unit/tool/sim/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "proto/avl.h"
#include "proto/message.h"
#include "proto/stream.h"
#include "tool/sim/log.h"

#define CONNS 256
#define ACKS 1024
#define OUT 2048

struct pending {
	int64_t at_ms;
	uint32_t count;
};

struct conn {
	int fd;
	bool identified;
	bool dead;
	uint64_t imei;
	size_t have;
	unsigned first, waiting;  /* ring of answers that are not due yet */
	int commands, unanswered; /* sent in all; of them not answered */
	int64_t asked_ms;
	struct pending ack[ACKS];
	uint8_t in[FRAME_MAX];
};

struct server {
	struct sim_server_faults faults;
	struct sim_server_counts *counts;
	struct sim_log seen, acked;
	int listener, nconns;
	size_t cut; /* where the next command is cut */
	struct conn *conn[CONNS];
};

static volatile sig_atomic_t ending;

static void
on_term(int sig)
{
	(void)sig;
	ending = 1;
}

static int64_t
now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void
end_conn(struct conn *c, bool reset)
{
	struct linger linger = {.l_onoff = 1, .l_linger = 0};

	if (c->dead)
		return;
	if (reset)
		setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	close(c->fd);
	c->dead = true;
}

static void
send_bytes(struct server *s, struct conn *c, const uint8_t *p, size_t n)
{
	size_t part = s->faults.stutter ? 1 : n;

	for (size_t i = 0; i < n && !c->dead; i += part)
		if (send(c->fd, p + i, part, MSG_NOSIGNAL) == -1)
			end_conn(c, false);
}

/* Appends the commands that are due to out[0..n); returns the new n. */
static size_t
add_commands(struct server *s, struct conn *c, uint8_t out[OUT], size_t n)
{
	const struct sim_server_commands *command = &s->faults.command;

	if (command->text == NULL || c->unanswered > 0)
		return n;
	for (int i = 0; i < command->burst && c->commands < command->each; i++) {
		n += message_write_command(command->codec, c->imei + command->foreign,
		    command->text, strlen(command->text), out + n, OUT - n);
		if (s->faults.command.spoilt > 0) {
			s->faults.command.spoilt--;
			out[n - 1] ^= 0xff;
		}
		c->commands++;
		c->unanswered++;
		s->counts->commands++;
	}
	c->asked_ms = now_ms();
	return n;
}

/* Sends out[0..n), which may end in commands. */
static void
send_with_commands(struct server *s, struct conn *c, const uint8_t *out, size_t n)
{
	size_t first = n;

	if (s->faults.command.cut && c->unanswered > 0) {
		first = s->cut++ % n;
		send_bytes(s, c, out, first);
		usleep(2000);
		out += first;
		first = n - first;
	}
	send_bytes(s, c, out, first);
}

static void
send_ack(struct server *s, struct conn *c, uint32_t count)
{
	uint8_t out[OUT] = {
	    (uint8_t)(count >> 24), (uint8_t)(count >> 16), (uint8_t)(count >> 8), (uint8_t)count};

	send_with_commands(s, c, out, c->commands == 0 ? add_commands(s, c, out, 4) : 4);
}

static void
take_answer(struct server *s, struct conn *c, const struct stream_item *item)
{
	struct sim_server_answer *a = &s->counts->answer[s->counts->answers % SIM_SERVER_ANSWERS];
	uint8_t out[OUT];
	struct message_walk walk;
	struct message m;
	size_t n;

	if (message_open(&walk, item->body, item->body_len) != MESSAGE_OK ||
	    message_next(&walk, &m) != MESSAGE_OK || m.payload_len >= SIM_SERVER_TEXT) {
		s->counts->broken++;
		return;
	}
	a->imei = m.codec == CODEC_14 ? m.imei : c->imei;
	a->codec = m.codec;
	a->type = m.type;
	a->ms = now_ms() - c->asked_ms;
	a->unasked = c->unanswered == 0;
	memcpy(a->text, m.payload, m.payload_len);
	a->text[m.payload_len] = '\0';
	s->counts->answers++;
	if (c->unanswered > 0)
		c->unanswered--;
	n = c->commands > 0 ? add_commands(s, c, out, 0) : 0;
	if (n > 0)
		send_with_commands(s, c, out, n);
}

static void
queue_ack(struct server *s, struct conn *c, uint32_t count)
{
	struct pending *p = &c->ack[(c->first + c->waiting) % ACKS];

	if (s->faults.late_ms == 0) {
		send_ack(s, c, count);
		return;
	}
	if (c->waiting == ACKS) {
		s->counts->broken++;
		return;
	}
	p->at_ms = now_ms() + s->faults.late_ms;
	p->count = count;
	c->waiting++;
}

static bool
hits(const struct server *s, int every)
{
	return every > 0 && s->counts->frames % every == 0;
}

static void
take_frame(struct server *s, struct conn *c, const struct stream_item *item)
{
	char imei[IMEI_DIGITS + 1];
	int on = 1;

	if (!item->crc_ok) {
		s->counts->bad_crc++;
		end_conn(c, false);
		return;
	}
	if (codec_is_message(item->body[0])) {
		take_answer(s, c, item);
		return;
	}
	snprintf(imei, sizeof(imei), "%015llu", (unsigned long long)c->imei);
	sim_log_frame(&s->seen, imei, item->body - 8, item->len);
	s->counts->frames++;
	if (hits(s, s->faults.close_every) || hits(s, s->faults.reset_every)) {
		end_conn(c, hits(s, s->faults.reset_every));
	} else if (hits(s, s->faults.partial_every)) {
		queue_ack(s, c, item->body[1] - 1u);
	} else if (hits(s, s->faults.zero_every)) {
		queue_ack(s, c, 0);
	} else if (!hits(s, s->faults.mute_every)) {
		/* First written down, then said: like the real one. */
		sim_log_frame(&s->acked, imei, item->body - 8, item->len);
		s->counts->acked++;
		/* Corked: the ACK and the end travel in one segment. */
		if (hits(s, s->faults.ack_close_every))
			setsockopt(c->fd, IPPROTO_TCP, TCP_CORK, &on, sizeof(on));
		queue_ack(s, c, item->body[1]);
		if (hits(s, s->faults.ack_close_every))
			end_conn(c, false);
	}
}

static void
take_imei(struct server *s, struct conn *c, uint64_t imei)
{
	uint8_t out[OUT] = {1};

	if (s->faults.drop_imei_times > 0) {
		s->faults.drop_imei_times--;
		end_conn(c, false);
		return;
	}
	if (imei == s->faults.refuse_imei && s->faults.refuse_times > 0) {
		s->faults.refuse_times--;
		send(c->fd, "\0", 1, MSG_NOSIGNAL);
		end_conn(c, false);
		return;
	}
	c->identified = true;
	c->imei = imei;
	s->counts->handshakes++;
	send_with_commands(s, c, out, s->faults.command.at_once ? add_commands(s, c, out, 1) : 1);
}

static void
take_items(struct server *s, struct conn *c)
{
	struct stream_item item;
	size_t at = 0;

	while (!c->dead && at < c->have) {
		enum stream_result r = stream_next(c->in + at, c->have - at, c->identified, &item);

		if (r == STREAM_MORE) {
			s->counts->split++;
			break;
		}
		if (r == STREAM_PING) {
			s->counts->pings++;
		} else if (r == STREAM_IMEI) {
			s->counts->glued += c->have > at + item.len;
			take_imei(s, c, item.imei);
		} else if (r == STREAM_FRAME) {
			take_frame(s, c, &item);
		} else {
			s->counts->broken++;
			end_conn(c, false);
			return;
		}
		at += item.len;
	}
	memmove(c->in, c->in + at, c->have - at);
	c->have -= at;
}

static void
accept_one(struct server *s)
{
	int fd = accept(s->listener, NULL, NULL);
	struct conn *c;
	int on = 1;

	if (fd == -1)
		return;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	c = s->nconns < CONNS ? calloc(1, sizeof(*c)) : NULL;
	if (c == NULL) {
		s->counts->broken++;
		close(fd);
		return;
	}
	c->fd = fd;
	s->counts->connections++;
	s->conn[s->nconns++] = c;
}

static void
serve(struct server *s, struct conn *c, short events)
{
	if (events != 0 && !c->dead) {
		ssize_t n = recv(c->fd, c->in + c->have, sizeof(c->in) - c->have, MSG_DONTWAIT);

		if (n > 0) {
			c->have += (size_t)n;
			take_items(s, c);
		} else if (n == 0 || errno != EAGAIN) {
			end_conn(c, false);
		}
	}
	while (!c->dead && c->waiting > 0 && c->ack[c->first].at_ms <= now_ms()) {
		send_ack(s, c, c->ack[c->first].count);
		c->first = (c->first + 1) % ACKS;
		c->waiting--;
	}
}

static void
sweep(struct server *s, bool all)
{
	int kept = 0;

	for (int i = 0; i < s->nconns; i++) {
		if (all)
			end_conn(s->conn[i], false);
		if (s->conn[i]->dead)
			free(s->conn[i]);
		else
			s->conn[kept++] = s->conn[i];
	}
	s->nconns = kept;
}

static void
run(struct server *s)
{
	struct pollfd fds[CONNS + 1];

	while (!ending) {
		int n = s->nconns;

		fds[0] = (struct pollfd){.fd = s->listener, .events = POLLIN};
		for (int i = 0; i < n; i++)
			fds[i + 1] = (struct pollfd){.fd = s->conn[i]->fd, .events = POLLIN};
		if (poll(fds, (nfds_t)n + 1, s->faults.late_ms > 0 ? 1 : 50) == -1)
			continue;
		for (int i = 0; i < n; i++)
			serve(s, s->conn[i], fds[i + 1].revents);
		if (fds[0].revents != 0)
			accept_one(s);
		sweep(s, false);
	}
	sweep(s, true);
}

static void
child(struct server *s, const char *seen, const char *acked)
{
	struct sigaction action = {.sa_handler = on_term};
	bool ok = sim_log_open(&s->seen, seen) && sim_log_open(&s->acked, acked);

	sigaction(SIGTERM, &action, NULL);
	s->counts->ready = 1;
	if (ok)
		run(s);
	close(s->listener);
	ok = sim_log_close(&s->seen) && sim_log_close(&s->acked) && ok;
	free(s);
	_exit(ok ? 0 : 1);
}

void
sim_server_start(struct sim_server *server, const struct sim_server_faults *faults,
    const char *seen, const char *acked)
{
	struct sockaddr_in at = {.sin_family = AF_INET};
	socklen_t len = sizeof(at);
	struct server *s = calloc(1, sizeof(*s));

	if (s == NULL)
		abort();
	server->counts = mmap(NULL, sizeof(*server->counts), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (server->counts == MAP_FAILED || s->listener == -1 ||
	    bind(s->listener, (struct sockaddr *)&at, sizeof(at)) == -1 ||
	    listen(s->listener, 1024) == -1 ||
	    getsockname(s->listener, (struct sockaddr *)&at, &len) == -1)
		abort();
	s->faults = *faults;
	s->counts = server->counts;
	server->port = ntohs(at.sin_port);
	server->pid = fork();
	if (server->pid == -1)
		abort();
	if (server->pid == 0)
		child(s, seen, acked);
	while (!server->counts->ready)
		usleep(1000);
	close(s->listener);
	free(s);
}

void
sim_server_stop(struct sim_server *server)
{
	int status;

	kill(server->pid, SIGTERM);
	if (waitpid(server->pid, &status, 0) != server->pid || !WIFEXITED(status) ||
	    WEXITSTATUS(status) != 0)
		abort();
}

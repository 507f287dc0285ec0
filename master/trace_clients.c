#include "config.h"

#include "master/trace_clients.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/event.h>

#include "common/clock.h"
#include "common/trace_request.h"
#include "common/ipc.h"
#include "common/log.h"
#include "master/master.h"

#define REQUEST_SECONDS 5
#define SEND_BUFFER (1 << 20) /* events that wait for a slow reader; the kernel may grant less */

struct client {
	TAILQ_ENTRY(client) entry;
	struct trace_clients *owner;
	struct event *ev; /* reading, until the request or the end of time */
	bool tracing;	  /* `request` holds */
	int64_t until_ms; /* monotonic */
	struct trace_request request;
};

struct trace_clients {
	struct master *master;
	TAILQ_HEAD(, client) list;
	int n;
	struct event *listener, *resume;
};

/* One event; a client that doesn't read it misses it. `fmt` makes members of a JSON object. */
static void __attribute__((format(printf, 3, 4)))
say(int fd, const char *event, const char *fmt, ...)
{
	char line[512];
	int n = snprintf(
	    line, sizeof(line), "{\"at\":%" PRId64 ",\"event\":\"%s\",", clock_wall_ms(), event);
	va_list ap;

	va_start(ap, fmt);
	n += vsnprintf(line + n, sizeof(line) - (size_t)n, fmt, ap);
	va_end(ap);
	n += snprintf(line + n, sizeof(line) - (size_t)n, "}");
	if (send(fd, line, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT) == -1)
		log_debug("a client of the control socket does not read: %s", strerror(errno));
}

/* Its workers hold the descriptor too: it is shut for all of them. */
static void
client_free(struct client *c)
{
	int fd = event_get_fd(c->ev);

	TAILQ_REMOVE(&c->owner->list, c, entry);
	c->owner->n--;
	event_free(c->ev);
	(void)shutdown(fd, SHUT_RDWR);
	close(fd);
	free(c);
}

static bool
tell(const struct client *c, struct worker_proc *p)
{
	struct ipc_msg msg;

	trace_request_to_ipc(&c->request, c->until_ms, &msg);
	return p->channel != -1 && ipc_send(p->channel, &msg, event_get_fd(c->ev));
}

static void
log_begin(const struct trace_request *r)
{
	const struct log_fields fields = {
	    .imei = r->imei, .peer = r->whom == TRACE_PEER ? r->address : NULL};

	if (r->close)
		log_write(LOG_INFO_, &fields, "to be closed, by the control socket");
	else
		log_write(LOG_INFO_, &fields, "%sfollowed through the control socket for %d s%s",
		    r->whom == TRACE_UNIDENTIFIED ? "connections without an IMEI " : "", r->seconds,
		    r->bytes ? ", byte by byte" : "");
}

static void
whom_json(const struct trace_request *r, char *out, size_t room)
{
	if (r->whom == TRACE_PEER)
		snprintf(out, room, "\"peer\":\"%s\"", r->address);
	else if (r->whom == TRACE_UNIDENTIFIED)
		snprintf(out, room, "\"unidentified\":true");
	else
		snprintf(out, room, "\"imei\":\"%015" PRIu64 "\"", r->imei);
}

/* The first word to the client says how many workers watch, and how many could not be told. */
static void
begin(struct client *c)
{
	struct timeval life = {.tv_sec = c->request.seconds};
	struct master *m = c->owner->master;
	int i, b, size = SEND_BUFFER, told = 0, missed = 0;
	char whom[TRACE_ADDRESS + 32];

	c->tracing = true;
	c->until_ms = clock_mono_ms() + c->request.seconds * INT64_C(1000);
	if (setsockopt(event_get_fd(c->ev), SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)) == -1)
		log_debug("SO_SNDBUF: %s", strerror(errno));
	for (i = 0; i < m->nslots; i++)
		for (b = 0; b < SLOT_BLOCKS; b++)
			if (m->slots[i].proc[b].pid != 0)
				*(tell(c, &m->slots[i].proc[b]) ? &told : &missed) += 1;
	log_begin(&c->request);
	whom_json(&c->request, whom, sizeof(whom));
	say(event_get_fd(c->ev), "tracing",
	    "%s,\"seconds\":%d,\"workers\":%d,\"workers_missed\":%d", whom, c->request.seconds,
	    told, missed);
	if (event_add(c->ev, &life) == -1)
		client_free(c);
}

static void
on_client(evutil_socket_t fd, short what, void *arg)
{
	char text[TRACE_REQUEST_TEXT];
	struct client *c = arg;
	const char *why = "only one request per connection";
	ssize_t n;

	if (what & EV_TIMEOUT) {
		if (c->tracing)
			say(fd, "end", "\"why\":\"the time is over\"");
		else
			say(fd, "error", "\"error\":\"no request came\"");
		client_free(c);
		return;
	}
	n = recv(fd, text, sizeof(text), MSG_DONTWAIT);
	if (n == -1 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
		return;
	if (n <= 0) {
		client_free(c);
	} else if (!c->tracing && trace_request_parse(text, (size_t)n, &c->request, &why)) {
		begin(c);
	} else {
		say(fd, "error", "\"error\":\"%s\"", why);
		client_free(c);
	}
}

static void
client_new(struct trace_clients *clients, int fd)
{
	struct timeval patience = {.tv_sec = REQUEST_SECONDS};
	struct client *c = NULL;

	if (clients->n >= TRACE_MAX_CLIENTS)
		say(fd, "error", "\"error\":\"%d clients are connected already\"",
		    TRACE_MAX_CLIENTS);
	else
		c = calloc(1, sizeof(*c));
	if (c == NULL) {
		close(fd);
		return;
	}
	c->owner = clients;
	c->ev = event_new(clients->master->base, fd, EV_READ | EV_PERSIST, on_client, c);
	if (c->ev == NULL) {
		close(fd);
		free(c);
		return;
	}
	TAILQ_INSERT_TAIL(&clients->list, c, entry);
	clients->n++;
	if (event_add(c->ev, &patience) == -1)
		client_free(c);
}

static void
on_resume(evutil_socket_t fd, short what, void *arg)
{
	struct trace_clients *clients = arg;

	(void)fd;
	(void)what;
	(void)event_add(clients->listener, NULL);
}

static void
on_accept(evutil_socket_t listen_fd, short what, void *arg)
{
	struct timeval pause = {.tv_usec = ACCEPT_PAUSE_MS * 1000};
	struct trace_clients *clients = arg;
	int fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	(void)what;
	if (fd != -1) {
		client_new(clients, fd);
	} else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
		log_warn("control socket: accept: %s", strerror(errno));
		(void)event_del(clients->listener);
		(void)evtimer_add(clients->resume, &pause);
	}
}

struct trace_clients *
trace_clients_new(struct master *m, int listen_fd)
{
	struct trace_clients *clients = calloc(1, sizeof(*clients));

	if (clients == NULL)
		return NULL;
	TAILQ_INIT(&clients->list);
	clients->master = m;
	clients->listener = event_new(m->base, listen_fd, EV_READ | EV_PERSIST, on_accept, clients);
	clients->resume = evtimer_new(m->base, on_resume, clients);
	if (clients->listener != NULL && clients->resume != NULL &&
	    event_add(clients->listener, NULL) == 0)
		return clients;
	trace_clients_free(clients);
	return NULL;
}

void
trace_clients_take_over(struct master *m)
{
	char err[CONF_ERR];

	if (!operator_socket_open(&m->operator_socket, m->conf->control_socket, true, err)) {
		log_error("%s; there is no control socket", err);
		return;
	}
	if (m->operator_socket.fd == -1)
		return;
	m->trace_clients = trace_clients_new(m, m->operator_socket.fd);
	if (m->trace_clients == NULL) {
		log_error("no memory for the control socket");
		operator_socket_remove(&m->operator_socket);
	}
}

void
trace_clients_free(struct trace_clients *clients)
{
	struct client *c;

	if (clients == NULL)
		return;
	while ((c = TAILQ_FIRST(&clients->list)) != NULL) {
		say(event_get_fd(c->ev), "end",
		    "\"why\":\"the gateway has stopped; after an upgrade ask the new one\"");
		client_free(c);
	}
	if (clients->listener != NULL)
		event_free(clients->listener);
	if (clients->resume != NULL)
		event_free(clients->resume);
	free(clients);
}

void
trace_clients_greet(struct trace_clients *clients, struct worker_proc *p)
{
	struct client *c;

	if (clients == NULL)
		return;
	TAILQ_FOREACH(c, &clients->list, entry)
	{
		if (c->tracing && !tell(c, p))
			log_debug("worker %d can't be told to follow %015" PRIu64, p->slot,
			    c->request.imei);
	}
}

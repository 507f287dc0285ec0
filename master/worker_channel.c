#include "config.h"

#include "master/worker_channel.h"

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
#define PAUSE_MS 500	      /* after accept has failed */

struct client {
	TAILQ_ENTRY(client) entry;
	struct control *control;
	struct event *ev; /* reading, until the request or the end of time */
	bool tracing;	  /* `request` holds */
	int64_t until_ms; /* monotonic */
	struct control_request request;
};

struct control {
	struct master *master;
	TAILQ_HEAD(, client) clients;
	int nclients;
	int listen_fd;
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

	TAILQ_REMOVE(&c->control->clients, c, entry);
	c->control->nclients--;
	event_free(c->ev);
	(void)shutdown(fd, SHUT_RDWR);
	close(fd);
	free(c);
}

static bool
tell(const struct client *c, struct worker_proc *p)
{
	struct ipc_msg msg;

	control_to_ipc(&c->request, c->until_ms, &msg);
	return p->control != -1 && ipc_send(p->control, &msg, event_get_fd(c->ev));
}

/* The first word to the client says how many workers watch, and how many could not be told. */
static void
begin(struct client *c)
{
	struct timeval life = {.tv_sec = c->request.seconds};
	struct master *m = c->control->master;
	int i, b, size = SEND_BUFFER, told = 0, missed = 0;

	c->tracing = true;
	c->until_ms = clock_mono_ms() + c->request.seconds * INT64_C(1000);
	if (setsockopt(event_get_fd(c->ev), SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)) == -1)
		log_debug("SO_SNDBUF: %s", strerror(errno));
	for (i = 0; i < m->nslots; i++)
		for (b = 0; b < SLOT_BLOCKS; b++)
			if (m->slots[i].proc[b].pid != 0)
				*(tell(c, &m->slots[i].proc[b]) ? &told : &missed) += 1;
	log_write(LOG_INFO_, &(struct log_fields){.imei = c->request.imei},
	    "followed through the control socket for %d s%s", c->request.seconds,
	    c->request.bytes ? ", byte by byte" : "");
	say(event_get_fd(c->ev), "tracing",
	    "\"imei\":\"%015" PRIu64 "\",\"seconds\":%d,\"workers\":%d,\"workers_missed\":%d",
	    c->request.imei, c->request.seconds, told, missed);
	if (event_add(c->ev, &life) == -1)
		client_free(c);
}

static void
on_client(evutil_socket_t fd, short what, void *arg)
{
	char text[CONTROL_REQUEST];
	struct client *c = arg;
	const char *why = "only one request a connection";
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
	} else if (!c->tracing && control_parse(text, (size_t)n, &c->request, &why)) {
		begin(c);
	} else {
		say(fd, "error", "\"error\":\"%s\"", why);
		client_free(c);
	}
}

static void
client_new(struct control *control, int fd)
{
	struct timeval patience = {.tv_sec = REQUEST_SECONDS};
	struct client *c = NULL;

	if (control->nclients >= CONTROL_MAX_TRACES)
		say(fd, "error", "\"error\":\"%d clients are connected already\"",
		    CONTROL_MAX_TRACES);
	else
		c = calloc(1, sizeof(*c));
	if (c == NULL) {
		close(fd);
		return;
	}
	c->control = control;
	c->ev = event_new(control->master->base, fd, EV_READ | EV_PERSIST, on_client, c);
	if (c->ev == NULL) {
		close(fd);
		free(c);
		return;
	}
	TAILQ_INSERT_TAIL(&control->clients, c, entry);
	control->nclients++;
	if (event_add(c->ev, &patience) == -1)
		client_free(c);
}

static void
on_resume(evutil_socket_t fd, short what, void *arg)
{
	struct control *control = arg;

	(void)fd;
	(void)what;
	(void)event_add(control->listener, NULL);
}

static void
on_accept(evutil_socket_t listen_fd, short what, void *arg)
{
	struct timeval pause = {.tv_usec = PAUSE_MS * 1000};
	struct control *control = arg;
	int fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	(void)what;
	if (fd != -1) {
		client_new(control, fd);
	} else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
		log_warn("control socket: accept: %s", strerror(errno));
		(void)event_del(control->listener);
		(void)evtimer_add(control->resume, &pause);
	}
}

struct control *
control_new(struct master *m, int listen_fd)
{
	struct control *control = calloc(1, sizeof(*control));

	if (control == NULL)
		return NULL;
	TAILQ_INIT(&control->clients);
	control->master = m;
	control->listen_fd = listen_fd;
	control->listener = event_new(m->base, listen_fd, EV_READ | EV_PERSIST, on_accept, control);
	control->resume = evtimer_new(m->base, on_resume, control);
	if (control->listener != NULL && control->resume != NULL &&
	    event_add(control->listener, NULL) == 0)
		return control;
	control_free(control);
	return NULL;
}

void
control_take_over(struct master *m)
{
	char err[CONF_ERR];

	if (!control_socket_open(&m->control_socket, m->conf->control_socket, true, err)) {
		log_error("%s; there is no control socket", err);
		return;
	}
	if (m->control_socket.fd == -1)
		return;
	m->control = control_new(m, m->control_socket.fd);
	if (m->control == NULL) {
		log_error("no memory for the control socket");
		control_socket_remove(&m->control_socket);
	}
}

void
control_free(struct control *control)
{
	struct client *c;

	if (control == NULL)
		return;
	while ((c = TAILQ_FIRST(&control->clients)) != NULL) {
		say(event_get_fd(c->ev), "end",
		    "\"why\":\"the gateway has stopped; after an upgrade ask the new one\"");
		client_free(c);
	}
	if (control->listener != NULL)
		event_free(control->listener);
	if (control->resume != NULL)
		event_free(control->resume);
	free(control);
}

void
control_greet(struct control *control, struct worker_proc *p)
{
	struct client *c;

	if (control == NULL)
		return;
	TAILQ_FOREACH(c, &control->clients, entry)
	{
		if (c->tracing && !tell(c, p))
			log_debug("worker %d can't be told whom to follow", p->slot);
	}
}

void
control_close_inherited(struct control *control)
{
	struct client *c;

	if (control == NULL)
		return;
	close(control->listen_fd);
	TAILQ_FOREACH(c, &control->clients, entry)
	close(event_get_fd(c->ev));
}

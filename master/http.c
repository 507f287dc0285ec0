#include "config.h"

#include "master/http.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>

#include "common/clock.h"
#include "common/log.h"
#include "master/endpoint.h"

#define HTTP_MAX_CONNS 64
#define HTTP_MAX_REQUEST 8192 /* request line and headers */
#define HTTP_MAX_PATH 256
#define HTTP_SECONDS 20 /* life of a connection, from accept to its end */
#define HTTP_ACCEPT_BURST 16

struct http_conn {
	TAILQ_ENTRY(http_conn) entry;
	struct http *http;
	struct bufferevent *bev;
	struct event *timer;
	bool answered; /* only waits until the client has read it all */
};

struct http {
	TAILQ_HEAD(, http_conn) conns; /* oldest first */
	int nconns;
	struct event_base *base;
	int fd;
	struct event *listener, *resume;
	http_handler *handler;
	void *arg;
	struct log_gate gate;
};

static void
conn_free(struct http_conn *c)
{
	TAILQ_REMOVE(&c->http->conns, c, entry);
	c->http->nconns--;
	if (c->timer != NULL)
		event_free(c->timer);
	bufferevent_free(c->bev);
	free(c);
}

static const char *
status_text(int status)
{
	switch (status) {
	case 200:
		return "OK";
	case 400:
		return "Bad Request";
	case 404:
		return "Not Found";
	case 405:
		return "Method Not Allowed";
	case 431:
		return "Request Header Fields Too Large";
	case 503:
		return "Service Unavailable";
	default:
		return "Error";
	}
}

static void
reply(struct http_conn *c, int status, const char *type, struct evbuffer *body, bool head)
{
	struct evbuffer *in = bufferevent_get_input(c->bev);
	struct evbuffer *out = bufferevent_get_output(c->bev);

	evbuffer_drain(in, evbuffer_get_length(in));
	evbuffer_add_printf(out,
	    "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
	    "Cache-Control: no-store\r\n%sConnection: close\r\n\r\n",
	    status, status_text(status), type, evbuffer_get_length(body),
	    status == 405 ? "Allow: GET, HEAD\r\n" : "");
	if (!head)
		evbuffer_add_buffer(out, body);
	c->answered = true;
	bufferevent_enable(c->bev, EV_WRITE);
}

/* "METHOD /path?query HTTP/1.x": returns a status other than 200 if it can't be served. */
static int
parse_request(char *line, bool *head, char **path)
{
	char *version;

	*path = strchr(line, ' ');
	if (*path == NULL)
		return 400;
	*(*path)++ = '\0';
	version = strchr(*path, ' ');
	if (version == NULL || strncmp(version, " HTTP/1.", 8) != 0 || **path != '/')
		return 400;
	*version = '\0';
	(*path)[strcspn(*path, "?#")] = '\0';
	*head = strcmp(line, "HEAD") == 0;
	if (!*head && strcmp(line, "GET") != 0)
		return 405;
	return strlen(*path) < HTTP_MAX_PATH ? 200 : 404;
}

static void
serve(struct http_conn *c, char *line)
{
	const char *type = "text/plain; charset=utf-8";
	struct evbuffer *body = evbuffer_new();
	bool head = false;
	char *path;
	int status;

	if (body == NULL) {
		conn_free(c);
		return;
	}
	status = line == NULL ? 431 : parse_request(line, &head, &path);
	if (status == 200)
		status = c->http->handler(c->http->arg, path, body, &type);
	else
		evbuffer_add_printf(body, "%s\n", status_text(status));
	reply(c, status, type, body, head);
	evbuffer_free(body);
}

static void
on_read(struct bufferevent *bev, void *arg)
{
	struct http_conn *c = arg;
	struct evbuffer *in = bufferevent_get_input(bev);
	struct evbuffer_ptr end;
	char *line;

	if (c->answered) {
		evbuffer_drain(in, evbuffer_get_length(in));
		return;
	}
	end = evbuffer_search(in, "\r\n\r\n", 4, NULL);
	if (end.pos == -1) {
		if (evbuffer_get_length(in) >= HTTP_MAX_REQUEST)
			serve(c, NULL);
		return;
	}
	line = evbuffer_readln(in, NULL, EVBUFFER_EOL_CRLF_STRICT);
	if (line == NULL) {
		conn_free(c);
		return;
	}
	serve(c, line);
	free(line);
}

/* All is sent: say so, and wait for the client's end. Closing at once could cost it the answer. */
static void
on_write(struct bufferevent *bev, void *arg)
{
	struct http_conn *c = arg;

	if (c->answered)
		(void)shutdown(bufferevent_getfd(bev), SHUT_WR);
}

static void
on_event(struct bufferevent *bev, short what, void *arg)
{
	(void)bev;
	(void)what;
	conn_free(arg);
}

static void
on_timeout(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	conn_free(arg);
}

static void
conn_new(struct http *h, int fd)
{
	struct timeval life = {.tv_sec = HTTP_SECONDS};
	struct http_conn *c = calloc(1, sizeof(*c));

	if (c == NULL) {
		close(fd);
		return;
	}
	c->bev = bufferevent_socket_new(h->base, fd, BEV_OPT_CLOSE_ON_FREE);
	if (c->bev == NULL) {
		close(fd);
		free(c);
		return;
	}
	c->http = h;
	TAILQ_INSERT_TAIL(&h->conns, c, entry);
	h->nconns++;
	c->timer = evtimer_new(h->base, on_timeout, c);
	if (c->timer == NULL || evtimer_add(c->timer, &life) == -1) {
		conn_free(c);
		return;
	}
	bufferevent_setcb(c->bev, on_read, on_write, on_event, c);
	bufferevent_setwatermark(c->bev, EV_READ, 0, HTTP_MAX_REQUEST);
	bufferevent_enable(c->bev, EV_READ);
}

static void
on_resume(evutil_socket_t fd, short what, void *arg)
{
	struct http *h = arg;

	(void)fd;
	(void)what;
	(void)event_add(h->listener, NULL);
}

static void
on_accept(evutil_socket_t listen_fd, short what, void *arg)
{
	struct timeval pause = {.tv_usec = ACCEPT_PAUSE_MS * 1000};
	struct http *h = arg;
	uint64_t kept;
	int i, fd;

	(void)what;
	for (i = 0; i < HTTP_ACCEPT_BURST; i++) {
		fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd == -1) {
			if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
			    errno == ENOMEM) {
				if (log_gate_open(&h->gate, clock_mono_ms(), 60000, &kept))
					log_warn("metrics: accept: %s", strerror(errno));
				(void)event_del(h->listener);
				(void)evtimer_add(h->resume, &pause);
			}
			return;
		}
		if (h->nconns >= HTTP_MAX_CONNS)
			conn_free(TAILQ_FIRST(&h->conns));
		conn_new(h, fd);
	}
}

struct http *
http_new(struct event_base *base, int listen_fd, http_handler *handler, void *arg)
{
	struct http *h = calloc(1, sizeof(*h));

	if (h == NULL)
		return NULL;
	TAILQ_INIT(&h->conns);
	h->base = base;
	h->fd = listen_fd;
	h->handler = handler;
	h->arg = arg;
	h->listener = event_new(base, listen_fd, EV_READ | EV_PERSIST, on_accept, h);
	h->resume = evtimer_new(base, on_resume, h);
	if (h->listener == NULL || h->resume == NULL || event_add(h->listener, NULL) == -1) {
		if (h->listener != NULL)
			event_free(h->listener);
		if (h->resume != NULL)
			event_free(h->resume);
		free(h);
		return NULL;
	}
	return h;
}

int
http_listener(const struct http *h)
{
	return h->fd;
}

void
http_free(struct http *h)
{
	if (h == NULL)
		return;
	while (!TAILQ_EMPTY(&h->conns))
		conn_free(TAILQ_FIRST(&h->conns));
	event_free(h->listener);
	event_free(h->resume);
	close(h->fd);
	free(h);
}

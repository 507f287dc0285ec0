/* The life of a link's connection: attempts, events, loss. */
#include "pg/link.h"

#include <event2/event.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "pg/hosts.h"
#include "pg/link_impl.h"
#include "pg/url.h"
#include "shm/stats.h"

/* A connection that held so long was a good one: the attempts start from the first delay again. */
#define LASTING_MS 5000
/* Limits of an attempt: to connect, per host, and until it is ready. */
#define CONNECT_MS 5000
#define CONNECT_NEXT_HOST_MS 16000
#define NAMING_MS 5000
#define SETUP_MS 30000
#define RENEW_DELAY_MS 50
#define SAY_AGAIN_MS 60000

static void read_cb(evutil_socket_t, short, void *);
static void write_cb(evutil_socket_t, short, void *);

static void
set_timer(struct pg_link *link, int ms)
{
	struct timeval tv = {.tv_sec = ms / 1000, .tv_usec = (ms % 1000) * 1000};

	evtimer_add(link->timer, &tv);
}

static void
drop_events(struct pg_link *link)
{
	if (link->read_ev != NULL)
		event_free(link->read_ev);
	if (link->write_ev != NULL)
		event_free(link->write_ev);
	link->read_ev = link->write_ev = NULL;
}

/* libpq may change its socket while it connects (another host, TLS retry), so events are made anew. */
static bool
watch(struct pg_link *link, bool want_read, bool want_write)
{
	int fd = PQsocket(link->conn);

	drop_events(link);
	if (fd < 0)
		return false;
	link->read_ev = event_new(link->base, fd, EV_READ | EV_PERSIST, read_cb, link);
	link->write_ev = event_new(link->base, fd, EV_WRITE, write_cb, link);
	if (link->read_ev == NULL || link->write_ev == NULL)
		return false;
	if (want_read && event_add(link->read_ev, NULL) == -1)
		return false;
	return !want_write || link_watch_write(link);
}

bool
link_watch_write(struct pg_link *link)
{
	return event_add(link->write_ev, NULL) == 0;
}

bool
link_flush(struct pg_link *link)
{
	int left = PQflush(link->conn);

	return left == 0 || (left > 0 && link_watch_write(link));
}

/* The events go first: libpq closes the socket under them. */
static void
drop_connection(struct pg_link *link)
{
	drop_events(link);
	PQfinish(link->conn);
	link->conn = NULL;
	link->state = LINK_WAITING;
}

/* The next attempt: soon at first. */
static void
plan_attempt(struct pg_link *link)
{
	static const int delays_ms[] = {100, 250, 500, 1000, 2000};
	const int last = (int)(sizeof(delays_ms) / sizeof(delays_ms[0])) - 1;

	set_timer(link, delays_ms[link->attempt < last ? link->attempt : last]);
	link->attempt++;
}

void
link_lost(struct pg_link *link, const char *why)
{
	bool was_busy = link->state == LINK_BUSY, was_up = link->state >= LINK_IDLE;
	/* One that comes and goes is slowed down, and reported, like one that doesn't come. */
	bool lasted = was_up && clock_mono_ms() - link->up_since_ms >= LASTING_MS;
	struct pg_error reason;
	uint64_t suppressed;

	pg_error_set(&reason, NULL, why);
	reason.text[LINK_WHY - 1] = '\0';
	bool news = lasted || strcmp(reason.text, link->why) != 0;
	memcpy(link->why, reason.text, sizeof(link->why));
	if (was_busy)
		link_abandon(link);
	drop_connection(link);
	if (lasted)
		link->attempt = 0;
	if (news)
		link->log_gate = (struct log_gate){0};
	if (log_gate_open(&link->log_gate, clock_mono_ms(), SAY_AGAIN_MS, &suppressed)) {
		log_error("database (%s connection): %s; trying again at least every 2 s",
		    link->name, link->why);
		link->said_lost = true;
	}
	plan_attempt(link);
	if (was_busy) {
		link->error = reason;
		link_end_job(link, PG_LOST);
	}
	if (was_up || news)
		link->cb.down(link->cb.ctx, link->why);
}

void
link_broken(struct pg_link *link)
{
	const char *message = PQerrorMessage(link->conn);

	if (link->state == LINK_CONNECTING)
		message = pg_url_error(message);
	link_lost(link, message != NULL && *message != '\0' ? message : "connection lost");
}

/* Without a word: the job's owner is told of the error and logs it once. */
void
link_renew(struct pg_link *link)
{
	char why[LINK_WHY];

	snprintf(why, sizeof(why), "%.*s", LINK_WHY - 1, link->error.text);
	drop_connection(link);
	link->first_host = 0;
	set_timer(link, RENEW_DELAY_MS);
	link_end_job(link, PG_ERROR);
	link->cb.down(link->cb.ctx, why);
}

void
link_up(struct pg_link *link)
{
	link->state = LINK_IDLE;
	link->up_since_ms = clock_mono_ms();
	if (link->cb.connects != NULL)
		stats_add(link->cb.connects, 1);
	if (link->said_lost)
		log_info("database (%s connection): connected again", link->name);
	link->said_lost = false;
	link->cb.up(link->cb.ctx);
}

static void
take_notifications(struct pg_link *link)
{
	PGnotify *n;

	while (link->conn != NULL && (n = PQnotifies(link->conn)) != NULL) {
		if (link->cb.notify != NULL)
			link->cb.notify(link->cb.ctx, n->relname, n->extra);
		PQfreemem(n);
	}
}

/* Notices of the server go to our log, not to stderr. */
static void
notice_cb(void *arg, const PGresult *res)
{
	struct pg_link *link = arg;
	const char *severity = PQresultErrorField(res, PG_DIAG_SEVERITY_NONLOCALIZED);
	const char *text = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
	bool warning = severity != NULL && strcmp(severity, "WARNING") == 0;

	if (warning && link->state == LINK_BUSY && link_is_doubt(res))
		link->doubtful = true;
	log_write(warning ? LOG_WARN_ : LOG_DEBUG_, NULL, "database (%s connection): %s",
	    link->name, text != NULL ? text : "");
}

static void
connect_poll(struct pg_link *link)
{
	bool watching = false;

	switch (PQconnectPoll(link->conn)) {
	case PGRES_POLLING_READING:
		watching = watch(link, true, false);
		break;
	case PGRES_POLLING_WRITING:
		watching = watch(link, false, true);
		break;
	case PGRES_POLLING_OK:
		if (PQsetnonblocking(link->conn, 1) == -1 || !watch(link, true, false))
			break;
		(void)PQsetNoticeReceiver(link->conn, notice_cb, link);
		set_timer(link, SETUP_MS);
		link_setup_start(link);
		return;
	default:
		break;
	}
	if (!watching)
		link_broken(link);
}

static void
read_cb(evutil_socket_t fd, short what, void *arg)
{
	struct pg_link *link = arg;

	(void)fd, (void)what;
	if (link->state == LINK_CONNECTING) {
		connect_poll(link);
		return;
	}
	if (PQconsumeInput(link->conn) == 0 || PQstatus(link->conn) != CONNECTION_OK) {
		link_broken(link);
		return;
	}
	link->silent_s = 0;
	link_take_results(link);
	take_notifications(link);
}

static void
write_cb(evutil_socket_t fd, short what, void *arg)
{
	struct pg_link *link = arg;

	(void)fd, (void)what;
	if (link->state == LINK_CONNECTING) {
		connect_poll(link);
		return;
	}
	link->silent_s = 0;
	if (link->copying) {
		if (!link_pump_copy(link)) {
			link_broken(link);
			return;
		}
	} else if (!link_flush(link)) {
		link_broken(link);
		return;
	}
	link_take_results(link);
}

static void
timer_cb(evutil_socket_t fd, short what, void *arg)
{
	struct pg_link *link = arg;

	(void)fd, (void)what;
	if (link->state == LINK_WAITING) {
		set_timer(link, NAMING_MS);
		link_name_hosts(link);
	} else if (link->state == LINK_NAMING)
		link_lost(link, "nobody says what address the database's host has");
	else if (link->state == LINK_CONNECTING)
		link_lost(link, "no answer to the connection attempt");
	else if (link->state == LINK_SETUP)
		link_lost(link, "no answer while preparing the connection");
}

void
link_connect(struct pg_link *link)
{
	char application[64];
	struct pg_hosts_lists lists;

	if (!pg_hosts_lists(link->hosts, link->first_host, &lists)) {
		link_lost(link, link->unnamed);
		return;
	}
	snprintf(application, sizeof(application), "telematics-gateway %s", link->name);
	const char *const keys[] = {"dbname", "fallback_application_name", "connect_timeout",
	    "keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count",
	    "tcp_user_timeout", "host", "hostaddr", "port", NULL};
	/* What is empty leaves what the string says. */
	const char *const values[] = {link->url, application, "5", "1", "10", "5", "3", "15000",
	    lists.host, lists.hostaddr, lists.port, NULL};

	link->state = LINK_CONNECTING;
	link->conn = PQconnectStartParams(keys, values, 1);
	if (link->conn == NULL || PQstatus(link->conn) == CONNECTION_BAD) {
		if (link->conn == NULL)
			link_lost(link, "out of memory");
		else
			link_broken(link);
		return;
	}
	/* Asynchronous connects ignore connect_timeout. */
	set_timer(link, CONNECT_MS + CONNECT_NEXT_HOST_MS * (pg_hosts_count(link->hosts) - 1));
	if (!watch(link, false, true))
		link_broken(link);
}

struct pg_link *
pg_link_new(
    struct event_base *base, const char *url, const char *name, const struct pg_link_callbacks *cb)
{
	struct pg_link *link = calloc(1, sizeof(*link));

	if (link == NULL)
		return NULL;
	link->base = base;
	link->name = name;
	link->cb = *cb;
	link->url = strdup(url);
	link->timer = evtimer_new(base, timer_cb, link);
	if (link->url == NULL || link->timer == NULL || !link_watch_start(link)) {
		pg_link_free(link);
		return NULL;
	}
	link->state = LINK_WAITING;
	set_timer(link, 0);
	return link;
}

void
pg_link_free(struct pg_link *link)
{
	if (link == NULL)
		return;
	if (link->cb.names != NULL)
		link->cb.names->forget(link->cb.names->ctx, link);
	drop_events(link);
	PQfinish(link->conn);
	pg_hosts_free(link->hosts);
	if (link->timer != NULL)
		event_free(link->timer);
	if (link->pulse != NULL)
		event_free(link->pulse);
	free(link->url);
	free(link);
}

bool
pg_link_is_up(const struct pg_link *link)
{
	return link->state >= LINK_IDLE;
}

bool
pg_link_is_busy(const struct pg_link *link)
{
	return link->state == LINK_BUSY;
}

int
pg_link_server_connections(const struct pg_link *link)
{
	return link->server_connections;
}

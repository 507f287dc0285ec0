/*
 * The successor's side of an upgrade: it starts on the sockets of a master that still runs. It is
 * in charge when its workers accept and the predecessor says "go", or is dead.
 */
#include "config.h"

#include "master/master.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "common/log.h"
#include "master/trace_clients.h"

/* Nobody reads these pipes: they end, and that is all they say. */
static bool
has_ended(int fd)
{
	char byte;
	ssize_t n = read(fd, &byte, 1);

	return n == 0 || (n == -1 && errno != EAGAIN && errno != EINTR);
}

static void
end_talk(struct master *m)
{
	struct successor *s = &m->successor;

	if (s->talk_event != NULL)
		event_free(s->talk_event);
	s->talk_event = NULL;
	s->talking = false;
	if (m->from.talk != -1)
		close(m->from.talk);
	m->from.talk = -1;
}

static void
take_pidfile(struct master *m)
{
	struct pidfile *old = &m->from.pidfile;

	if (pidfile_is(old, m->conf->pidfile)) {
		m->pidfile = *old;
		old->fd = -1;
		if (!pidfile_write(&m->pidfile))
			log_error("TELEM_PIDFILE %.300s: %s", m->pidfile.path, strerror(errno));
	}
	pidfile_remove(old);
}

static void
take_charge(struct master *m)
{
	m->successor.ready = false;
	m->successor.in_charge = true;
	take_pidfile(m);
	if (!master_serve_http(m))
		log_error("the metrics can't be served: out of memory");
	if (m->successor.talking && !handover_say(m->from.talk, "taken"))
		log_debug("the predecessor is gone already");
	end_talk(m);
	/* Last: were the handover to fail before, the predecessor's would have to go back. */
	trace_clients_take_over(m);
	master_in_charge(m);
}

static void
on_talk(evutil_socket_t fd, short what, void *arg)
{
	char text[HANDOVER_SAYS];
	struct master *m = arg;
	bool go = false;
	int r;

	(void)what;
	while ((r = handover_hear(fd, text)) == 1)
		go |= strcmp(text, "go") == 0;
	if (r == -1) {
		log_warn("upgrade: the predecessor is gone before it handed over");
		end_talk(m);
	}
	if (m->phase == MASTER_STARTING && m->successor.ready && (go || r == -1))
		take_charge(m);
	master_advance(m);
}

static void
on_life(evutil_socket_t fd, short what, void *arg)
{
	struct master *m = arg;

	(void)what;
	if (!has_ended(fd))
		return;
	event_free(m->successor.life_event);
	m->successor.life_event = NULL;
	close(m->from.life);
	m->from.life = -1;
	memory_other_gone(m);
	m->successor.alive = false;
	log_info("upgrade: the predecessor and its workers have left");
	master_advance(m);
}

bool
successor_begin(struct master *m)
{
	struct successor *s = &m->successor;

	if (!m->from.present)
		return pipe2(m->life, O_CLOEXEC | O_NONBLOCK) == 0;
	m->life[0] = m->from.own_life[0];
	m->life[1] = m->from.own_life[1];
	s->alive = true;
	s->talking = true;
	s->talk_event = event_new(m->base, m->from.talk, EV_READ | EV_PERSIST, on_talk, m);
	s->life_event = event_new(m->base, m->from.life, EV_READ | EV_PERSIST, on_life, m);
	return s->talk_event != NULL && s->life_event != NULL &&
	       event_add(s->talk_event, NULL) == 0 && event_add(s->life_event, NULL) == 0;
}

void
successor_ready(struct master *m)
{
	m->successor.ready = true;
	if (!m->successor.talking) {
		take_charge(m);
		return;
	}
	log_info("upgrade: the workers accept");
	/* If it can't hear, its end of the socket pair says so in a moment. */
	if (!handover_say(m->from.talk, "ready"))
		log_debug("the predecessor does not hear that we are ready");
}

void
successor_forget(struct master *m)
{
	struct successor *s = &m->successor;

	end_talk(m);
	if (s->life_event != NULL)
		event_free(s->life_event);
	s->life_event = NULL;
}

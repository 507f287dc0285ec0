/*
 * SIGHUP: the whole configuration is checked, a new generation of workers starts beside
 * the old one, and when all of it is ready the old one drains. Until then anything that
 * fails leaves the old one as it was.
 */
#include "master/master.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "master/sd_notify.h"

static void
on_warning(const char *text)
{
	log_warn("reload: %s", text);
}

static void
on_restart_key(const char *name)
{
	log_warn("reload: %s keeps its value: it takes effect at the next start", name);
}

static void
forget_conf(struct conf *conf)
{
	if (conf == NULL)
		return;
	explicit_bzero(conf, sizeof(*conf));
	free(conf);
}

/* The configuration, and the sockets that it wants. */
static bool
load(struct master *m, struct conf *conf, char err[CONF_ERR])
{
	const struct conf_source source = {.file = m->conf_file,
	    .need_database = true,
	    .url_wrong = m->url_wrong,
	    .warn = on_warning};

	if (!conf_load(conf, &source, err))
		return false;
	conf_keep_restart_keys(conf, m->conf, on_restart_key);
	return listen_change(
	    &m->reload.listen, &m->listen, conf->bind, conf->port, conf->workers, err);
}

/* What became of it; `why` it failed, or "". */
static void
set_outcome(struct master *m, const char *why)
{
	struct reload *r = &m->reload;

	r->success = *why == '\0';
	r->answered = r->begun;
	snprintf(r->error, sizeof(r->error), "%s", why);
	r->finished_wall_ms = clock_wall_ms();
}

static void
reload_begin(struct master *m)
{
	struct slot_actions out;
	char err[CONF_ERR];
	int i;

	m->reload.wanted = false;
	m->reload.begun = m->reload.asked;
	m->reload.conf = calloc(1, sizeof(*m->reload.conf));
	if (m->reload.conf == NULL) {
		log_error("reload: out of memory; nothing is changed");
		set_outcome(m, "out of memory");
		return;
	}
	sd_notify_reloading();
	if (!load(m, m->reload.conf, err)) {
		log_error("reload: %s; nothing is changed", err);
		set_outcome(m, err);
		reload_forget(m);
		sd_notify_ready("reload failed: nothing is changed");
		return;
	}
	master_add_slots(m, m->reload.listen.nslots);
	log_info("reload: the configuration is good; generation %u starts", m->generation + 1);
	m->reload.state = RELOAD_STARTING;
	for (i = 0; i < m->reload.conf->workers; i++) {
		slot_next_begin(&m->slots[i].sup, &out);
		spawn_actions(m, i, &out);
	}
}

/* Those of the new generation that are ready already may hold connections: they drain. */
static void
reload_abort(struct master *m, int failed)
{
	int64_t deadline =
	    clock_mono_ms() + m->reload.conf->drain_timeout_ms + MASTER_DRAIN_GRACE_MS;
	const char *why = m->slots[failed].failure;
	char err[CONF_ERR];
	struct slot_actions out;
	int i;

	snprintf(err, sizeof(err), "worker %d of generation %u did not get ready%s%s", failed,
	    m->generation + 1, *why != '\0' ? ": " : "", why);
	log_error("reload: %s; generation %u goes on", err, m->generation);
	set_outcome(m, err);
	m->reload.state = RELOAD_DRAINING;
	reload_forget(m);
	sd_notify_ready("reload failed: the old generation goes on");
	for (i = 0; i < m->nslots; i++) {
		slot_next_abort(&m->slots[i].sup, deadline, &out);
		spawn_actions(m, i, &out);
	}
}

static void
take_log(struct master *m, const struct conf *old)
{
	const struct conf *new = m->conf;

	if (new->log_level == old->log_level &&new->log_format == old->log_format &&
	    strcmp(new->log_file, old->log_file) == 0)
		return;
	if (!log_open("master", master_log_file(m, new), new->log_format, new->log_level))
		log_error("opening the log %s: %s", new->log_file, strerror(errno));
}

static bool
has_name(const struct listen_set *set, const char *name)
{
	int a;

	for (a = 0; a < set->naddr; a++)
		if (strcmp(set->name[a], name) == 0)
			return true;
	return false;
}

static void
take_sockets(struct master *m)
{
	struct listen_set *new = &m->reload.listen, *old = &m->listen;
	int a;

	for (a = 0; a < new->naddr; a++)
		if (!has_name(old, new->name[a]))
			log_info("listening on %s", new->name[a]);
	for (a = 0; a < old->naddr; a++)
		if (!has_name(new, old->name[a]))
			log_info("no longer listening on %s", old->name[a]);
	listen_commit(old, new);
}

static void
reload_commit(struct master *m)
{
	struct conf *old = m->conf;
	int64_t deadline = clock_mono_ms() + old->drain_timeout_ms + MASTER_DRAIN_GRACE_MS;
	struct slot_actions out;
	char status[64];
	int i;

	contact_forget(m);
	m->conf = m->reload.conf;
	m->reload.conf = NULL;
	set_outcome(m, "");
	m->reload.wall_ms = m->reload.finished_wall_ms;
	m->reload.state = RELOAD_DRAINING;
	m->generation++;
	take_log(m, old);
	forget_conf(old);
	take_sockets(m);
	log_info("reload: generation %u is ready; generation %u drains", m->generation,
	    m->generation - 1);
	for (i = 0; i < m->nslots; i++) {
		if (i < m->conf->workers)
			slot_next_commit(&m->slots[i].sup, deadline, &out);
		else
			slot_stop(&m->slots[i].sup, deadline, &out);
		spawn_actions(m, i, &out);
	}
	snprintf(status, sizeof(status), "ready: %d workers, generation %u", m->conf->workers,
	    m->generation);
	sd_notify_ready(status);
}

static void
advance_starting(struct master *m)
{
	int i, ready = 0, all = m->reload.conf->workers;

	for (i = 0; i < all; i++) {
		if (slot_next_dead(&m->slots[i].sup)) {
			reload_abort(m, i);
			return;
		}
		ready += slot_next_ready(&m->slots[i].sup);
	}
	/* If the old workers had no database either, there is nothing to wait for. */
	if (ready == all && (!contact_had(m) || contact_made(m, all, true)))
		reload_commit(m);
}

/* True if nobody of another generation is left. */
static bool
settled(const struct master *m)
{
	int i;

	for (i = 0; i < m->nslots; i++)
		if (i < m->conf->workers ? !slot_settled(&m->slots[i].sup)
					 : !slot_empty(&m->slots[i].sup))
			return false;
	return true;
}

/* Another master's workers have the blocks; what it closed is still to be taken care of. */
static bool
may_begin(const struct master *m)
{
	return !master_has_other(m) && m->listen.nretired == 0;
}

void
reload_advance(struct master *m)
{
	if (m->phase != MASTER_RUNNING)
		return;
	if (m->reload.state == RELOAD_STARTING)
		advance_starting(m);
	if (m->reload.state == RELOAD_DRAINING && settled(m))
		m->reload.state = RELOAD_IDLE;
	if (m->reload.state == RELOAD_IDLE && m->reload.wanted && may_begin(m)) {
		reload_begin(m);
		/* A fork that failed is known at once. */
		if (m->reload.state == RELOAD_STARTING)
			advance_starting(m);
	}
}

void
reload_request(struct master *m)
{
	if (m->phase == MASTER_STOPPING)
		return;
	if (m->phase == MASTER_STARTING || m->reload.state != RELOAD_IDLE || master_has_other(m))
		log_info("reload: after the one that is under way");
	m->reload.wanted = true;
	m->reload.asked++;
}

void
reload_forget(struct master *m)
{
	contact_forget(m);
	forget_conf(m->reload.conf);
	m->reload.conf = NULL;
	listen_abort(&m->listen, &m->reload.listen);
}

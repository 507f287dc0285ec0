#include "master/metrics.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <jansson.h>

#include "common/memory.h"

#define MAX_LINE_LABELS 128

/* What is counted here, beside the counters. */
struct totals {
	const struct stats *stats;
	int ready, starting, down;
	bool database_up;
	uint32_t live_interval_ms; /* of the slowest worker */
};

static bool
is_live(const struct metrics_worker *w)
{
	return w->shm != NULL;
}

static void
sum_up(const struct metrics_view *v, struct totals *t)
{
	int i;

	*t = (struct totals){.stats = v->total};
	for (i = 0; i < v->nworkers; i++) {
		const struct metrics_worker *w = &v->workers[i];

		if (w->current && strcmp(w->state, "ready") == 0)
			t->ready++;
		else if (w->current && strcmp(w->state, "starting") == 0)
			t->starting++;
		else if (w->current)
			t->down++;
		if (!is_live(w))
			continue;
		if (w->accepting && stats_get(&w->shm->stats.db_up) != 0)
			t->database_up = true;
		uint32_t ms = atomic_load_explicit(
		    (_Atomic uint32_t *)&w->shm->live_interval_ms, memory_order_relaxed);
		if (ms > t->live_interval_ms)
			t->live_interval_ms = ms;
	}
}

/* One HELP and TYPE a family; members of a family follow each other. */
static void
head(struct evbuffer *out, const char **last, const char *name, const char *type, const char *help)
{
	if (*last != NULL && strcmp(*last, name) == 0)
		return;
	*last = name;
	evbuffer_add_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void
sample(struct evbuffer *out, const char *name, const char *labels, uint64_t value)
{
	if (*labels == '\0')
		evbuffer_add_printf(out, "%s %llu\n", name, (unsigned long long)value);
	else
		evbuffer_add_printf(out, "%s{%s} %llu\n", name, labels, (unsigned long long)value);
}

static void
seconds(struct evbuffer *out, const char *name, const char *type, const char *help, int64_t ms)
{
	evbuffer_add_printf(out, "# HELP %s %s\n# TYPE %s %s\n%s %lld.%03d\n", name, help, name,
	    type, name, (long long)(ms / 1000), (int)(ms % 1000));
}

/* Bounds of time are microseconds and shown as seconds. */
static void
bound_text(char *out, size_t size, const uint64_t *bounds, int i)
{
	if (bounds != stats_size_bounds)
		snprintf(out, size, "%g", (double)bounds[i] / 1e6);
	else
		snprintf(out, size, "%llu", (unsigned long long)bounds[i]);
}

static void
histogram(struct evbuffer *out, const char *name, const char *help, const uint64_t *bounds,
    const struct stats_histogram *h)
{
	uint64_t count = 0, sum = stats_get(&h->sum);
	char le[32];
	int i;

	evbuffer_add_printf(out, "# HELP %s %s\n# TYPE %s histogram\n", name, help, name);
	for (i = 0; i < STATS_TIME_BUCKETS; i++) {
		count += stats_get(&h->bucket[i]);
		bound_text(le, sizeof(le), bounds, i);
		evbuffer_add_printf(
		    out, "%s_bucket{le=\"%s\"} %llu\n", name, le, (unsigned long long)count);
	}
	count += stats_get(&h->bucket[STATS_TIME_BUCKETS]);
	evbuffer_add_printf(out, "%s_bucket{le=\"+Inf\"} %llu\n", name, (unsigned long long)count);
	if (bounds != stats_size_bounds)
		evbuffer_add_printf(out, "%s_sum %llu.%06u\n", name,
		    (unsigned long long)(sum / 1000000), (unsigned)(sum % 1000000));
	else
		evbuffer_add_printf(out, "%s_sum %llu\n", name, (unsigned long long)sum);
	evbuffer_add_printf(out, "%s_count %llu\n", name, (unsigned long long)count);
}

static void
add_stats(const struct totals *t, struct evbuffer *out)
{
	const struct stats *s = t->stats;
	const char *last = NULL;

#define X(f, m, l, h) \
	head(out, &last, m, "counter", h); \
	sample(out, m, l, stats_get(&s->f));
	STATS_COUNTERS(X)
#undef X
	/* Ready or not is not a sum: one worker whose database answers is enough. */
#define X(f, m, l, h) \
	head(out, &last, m, "gauge", h); \
	sample(out, m, l, \
	    strcmp(m, "telematics_database_up") == 0 ? t->database_up : stats_get(&s->f));
	STATS_GAUGES(X)
#undef X
#define X(f, m, b, h) histogram(out, m, h, b, &s->f);
	STATS_HISTOGRAMS(X)
#undef X
}

/* The master itself; the workers' shares are in /proc and in the service manager's accounts. */
static void
add_process(const struct metrics_view *v, struct evbuffer *out)
{
	uint64_t resident, shared;
	struct rusage ru;
	struct rlimit rl;

	seconds(out, "process_start_time_seconds", "gauge", "Start of the master, Unix time",
	    v->start_wall_ms);
	if (getrusage(RUSAGE_SELF, &ru) == 0)
		seconds(out, "process_cpu_seconds_total", "counter",
		    "CPU time of the master, user and system",
		    (int64_t)(ru.ru_utime.tv_sec + ru.ru_stime.tv_sec) * 1000 +
			(ru.ru_utime.tv_usec + ru.ru_stime.tv_usec) / 1000);
	if (memory_read(&resident, &shared))
		evbuffer_add_printf(out,
		    "# HELP process_resident_memory_bytes Resident memory of the master, with what "
		    "it shares with the workers\n"
		    "# TYPE process_resident_memory_bytes gauge\n"
		    "process_resident_memory_bytes %llu\n",
		    (unsigned long long)resident);
	if (getrlimit(RLIMIT_NOFILE, &rl) == 0 && rl.rlim_cur != RLIM_INFINITY)
		evbuffer_add_printf(out,
		    "# HELP process_max_fds Limit of file descriptors of each process\n"
		    "# TYPE process_max_fds gauge\nprocess_max_fds %llu\n",
		    (unsigned long long)rl.rlim_cur);
}

static void
add_supervision(const struct metrics_view *v, const struct totals *t, struct evbuffer *out)
{
	const char *last = NULL;
	const char *name;

	name = "telematics_worker_restarts_total";
	head(out, &last, name, "counter", "Workers started in the place of one that died");
	sample(out, name, "", v->restarts);
	name = "telematics_worker_hangs_total";
	head(out, &last, name, "counter", "Workers killed because their heartbeat stood still");
	sample(out, name, "", v->hangs);
	name = "telematics_slot_adoptions_total";
	head(out, &last, name, "counter",
	    "Times a worker took over the sockets of a slot that was down");
	sample(out, name, "", v->loans);
	name = "telematics_log_lines_dropped_total";
	head(out, &last, name, "counter",
	    "Lines that the reader of the log did not take at once, so they are lost");
	sample(out, name, "", v->log_dropped);
	name = "telematics_system_calls_denied_total";
	head(out, &last, name, "counter",
	    "System calls of workers that the filter (TELEM_SECCOMP) did not allow");
	sample(out, name, "", v->denied_calls);
	name = "telematics_workers";
	head(out, &last, name, "gauge", "Worker slots by state");
	sample(out, name, "state=\"ready\"", (uint64_t)t->ready);
	sample(out, name, "state=\"starting\"", (uint64_t)t->starting);
	sample(out, name, "state=\"down\"", (uint64_t)t->down);
	name = "telematics_generation";
	head(
	    out, &last, name, "gauge", "Number of the configuration in force, from 1 at the start");
	sample(out, name, "", v->generation);
	name = "telematics_reload_success";
	head(out, &last, name, "gauge", "1 if the last configuration asked for is in force");
	sample(out, name, "", v->reload_success);
	seconds(out, "telematics_reload_timestamp_seconds", "gauge",
	    "When the configuration in force was taken, Unix time", v->reload_wall_ms);
	seconds(out, "telematics_start_time_seconds", "gauge", "Start of the gateway, Unix time",
	    v->start_wall_ms);
	seconds(out, "telematics_live_row_interval_seconds", "gauge",
	    "How far apart the live rows of a device are that sends all the time",
	    t->live_interval_ms);
	if (v->clock_known)
		evbuffer_add_printf(out,
		    "# HELP telematics_clock_offset_seconds By how much this host's clock is ahead of "
		    "the database's\n# TYPE telematics_clock_offset_seconds gauge\n"
		    "telematics_clock_offset_seconds %.3f\n",
		    (double)v->clock_ahead_us / 1e6);
	evbuffer_add_printf(out,
	    "# HELP telematics_build_info The version that runs, always 1\n"
	    "# TYPE telematics_build_info gauge\ntelematics_build_info{version=\"%s\"} 1\n",
	    v->version);
}

void
metrics_prometheus(const struct metrics_view *v, struct evbuffer *out)
{
	struct totals t;

	sum_up(v, &t);
	add_stats(&t, out);
	add_supervision(v, &t, out);
	add_process(v, out);
}

bool
metrics_ready(const struct metrics_view *v, char *reason, size_t size)
{
	char database[SHM_REASON] = "";
	bool accepting = false;
	int i;

	if (v->stopping) {
		snprintf(reason, size, "stopping");
		return false;
	}
	for (i = 0; i < v->nworkers; i++) {
		const struct metrics_worker *w = &v->workers[i];

		if (!is_live(w) || !w->accepting)
			continue;
		accepting = true;
		if (stats_get(&w->shm->stats.db_up) != 0) {
			*reason = '\0';
			return true;
		}
		if (*database == '\0')
			shm_get_reason(w->shm, database);
	}
	if (!accepting)
		snprintf(reason, size, "no worker accepts");
	else
		snprintf(reason, size, "database: %s",
		    *database != '\0' ? database : "not connected yet");
	return false;
}

static json_t *
worker_json(const struct metrics_worker *w)
{
	char reason[SHM_REASON] = "";
	uint64_t connections = 0, in_flight = 0;
	bool up = false;
	struct stats s;
	json_t *o;

	if (is_live(w)) {
		(void)stats_read(&w->shm->stats, &s);
		connections = stats_get(&s.conn_handshake) + stats_get(&s.conn_active) +
			      stats_get(&s.conn_closing);
		in_flight = stats_get(&s.in_flight);
		up = stats_get(&s.db_up) != 0;
		shm_get_reason(w->shm, reason);
	}
	/* "s" refuses what isn't UTF-8; a server's message may be in any encoding. */
	o = json_pack("{s:i, s:i, s:s, s:b, s:i, s:b, s:b, s:I, s:I, s:I}", "slot", w->slot, "pid",
	    (int)w->pid, "state", w->state, "current", w->current, "generation", (int)w->generation,
	    "accepting", w->accepting, "database_up", up, "connections", (json_int_t)connections,
	    "records_in_flight", (json_int_t)in_flight, "restarts", (json_int_t)w->restarts);
	if (o == NULL)
		return NULL;
	if (json_object_set_new(o, "reason", json_string(*reason != '\0' ? reason : w->failure)) ==
	    -1)
		json_object_set_new(o, "reason", json_string("not printable"));
	if (w->heartbeat_age_ms >= 0)
		json_object_set_new(
		    o, "heartbeat_age", json_real((double)w->heartbeat_age_ms / 1e3));
	else
		json_object_set_new(o, "heartbeat_age", json_null());
	return o;
}

static json_t *
totals_json(const struct totals *t)
{
	const struct stats *s = t->stats;
	json_t *o = json_object();

#define X(f, m, l, h) json_object_set_new(o, #f, json_integer((json_int_t)stats_get(&s->f)));
	STATS_COUNTERS(X)
	STATS_GAUGES(X)
#undef X
	json_object_set_new(o, "db_up", json_boolean(t->database_up));
	return o;
}

/*
 * The last reload: when it was decided (null: there was none), how, and why not. How often a reload was asked for, and
 * which of these asks are answered by it: each that came before it began.
 */
static json_t *
reload_json(const struct metrics_view *v)
{
	json_t *finished = json_null(), *error = json_null();

	if (v->reload_finished_ms > 0)
		finished = json_real((double)v->reload_finished_ms / 1e3);
	if (*v->reload_error != '\0')
		error = json_string(v->reload_error);
	if (error == NULL)
		error = json_string("message not printable");
	return json_pack("{s:o, s:b, s:o, s:I, s:I}", "finished", finished, "ok", v->reload_success,
	    "error", error, "asked", (json_int_t)v->reload_asked, "answered",
	    (json_int_t)v->reload_answered);
}

static json_t *
retention_json(const struct metrics_retention *r)
{
	return json_pack("{s:i, s:i, s:i, s:i, s:i}", "positions", r->positions, "raw", r->raw,
	    "commands", r->commands, "messages", r->messages, "sessions", r->sessions);
}

static json_t *
status_json(const struct metrics_view *v)
{
	char reason[SHM_REASON + 32];
	bool ready = metrics_ready(v, reason, sizeof(reason));
	json_t *o, *listen = json_array(), *workers = json_array();
	struct totals t;
	int i;

	sum_up(v, &t);
	for (i = 0; i < v->nlisten; i++)
		json_array_append_new(listen, json_string(v->listen[i]));
	for (i = 0; i < v->nworkers; i++)
		json_array_append_new(workers, worker_json(&v->workers[i]));
	o = json_pack(
	    "{s:s, s:i, s:f, s:f, s:i, s:o, s:b, s:b, s:b, s:f, s:o, s:I, s:s, s:o, s:o, s:o}",
	    "version", v->version, "pid", (int)v->pid, "started", (double)v->start_wall_ms / 1e3,
	    "uptime", (double)v->uptime_ms / 1e3, "generation", (int)v->generation, "listen",
	    listen, "ready", ready, "stopping", v->stopping, "reload_success", v->reload_success,
	    "reloaded", (double)v->reload_wall_ms / 1e3, "reload", reload_json(v), "restarts",
	    (json_int_t)v->restarts, "synchronous_commit", v->synchronous_commit, "totals",
	    totals_json(&t), "retention_days", retention_json(&v->retention), "workers", workers);
	if (o == NULL)
		return NULL;
	if (json_object_set_new(o, "reason", json_string(reason)) == -1)
		json_object_set_new(o, "reason", json_string("database: message not printable"));
	if (json_object_set_new(o, "gateway_id", json_string(v->gateway_id)) == -1)
		json_object_set_new(o, "gateway_id", json_string(""));
	if (json_object_set_new(o, "clock_offset",
		v->clock_known ? json_real((double)v->clock_ahead_us / 1e6) : json_null()) == -1)
		json_object_set_new(o, "clock_offset", json_null());
	return o;
}

bool
metrics_status(const struct metrics_view *v, struct evbuffer *out)
{
	json_t *o = status_json(v);
	char *text = o != NULL ? json_dumps(o, JSON_INDENT(2) | JSON_REAL_PRECISION(13)) : NULL;
	bool ok = text != NULL && evbuffer_add_printf(out, "%s\n", text) != -1;

	free(text);
	json_decref(o);
	return ok;
}

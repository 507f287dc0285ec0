/* The loop that all simulated trackers share: events, timers, queues, pacing. */
#include "tool/sim/sim.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#define EVENTS 512
#define WAIT_MS 100 /* longest sleep: signals and the progress line */
#define NO_DESCRIPTOR_PAUSE_MS 100
#define BURST_S 0.02 /* what a bucket may save up */

static volatile sig_atomic_t stop_asked;

void
sim_stop(void)
{
	stop_asked = 1;
}

void
sim_now(struct sim *s)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	s->now_ns = (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
	s->now_ms = (int64_t)(s->now_ns / 1000000);
}

void
sim_want_connect(struct sim *s, struct sim_tracker *t)
{
	uint32_t i = (uint32_t)(t - s->tracker);

	if (t->in_connect)
		return;
	t->in_connect = true;
	t->next_connect = SIM_NOBODY;
	if (s->connect.first == SIM_NOBODY)
		s->connect.first = i;
	else
		s->tracker[s->connect.last].next_connect = i;
	s->connect.last = i;
}

void
sim_want_frame(struct sim *s, struct sim_tracker *t)
{
	uint32_t i = (uint32_t)(t - s->tracker);

	if (t->in_ready)
		return;
	t->in_ready = true;
	t->next_ready = SIM_NOBODY;
	if (s->ready.first == SIM_NOBODY)
		s->ready.first = i;
	else
		s->tracker[s->ready.last].next_ready = i;
	s->ready.last = i;
}

static void
bucket_init(struct sim *s, struct sim_bucket *b, double rate, double least)
{
	b->rate = rate;
	b->most = rate * BURST_S > least ? rate * BURST_S : least;
	b->tokens = least;
	b->at_ns = s->now_ns;
}

static bool
bucket_take(struct sim *s, struct sim_bucket *b, double tokens)
{
	if (b->rate == 0)
		return true;
	b->tokens += (double)(s->now_ns - b->at_ns) * 1e-9 * b->rate;
	b->at_ns = s->now_ns;
	if (b->tokens > b->most)
		b->tokens = b->most;
	if (b->tokens < tokens)
		return false;
	b->tokens -= tokens;
	return true;
}

static void
serve_connects(struct sim *s)
{
	uint32_t parallel = s->opt.connect_parallel > 0 ? s->opt.connect_parallel : UINT32_MAX;

	/* No longer than one turn each: a tracker that fails at once must not hold up the others. */
	for (uint32_t turn = 0; turn < EVENTS && s->connect.first != SIM_NOBODY; turn++) {
		struct sim_tracker *t = &s->tracker[s->connect.first];

		if (s->opening >= parallel || s->now_ms < s->connect_pause_ms ||
		    !bucket_take(s, &s->connect_bucket, 1))
			return;
		s->connect.first = t->next_connect;
		t->in_connect = false;
		sim_now(s);
		if (!sim_tracker_connect(s, t)) {
			s->connect_pause_ms = s->now_ms + NO_DESCRIPTOR_PAUSE_MS;
			sim_want_connect(s, t);
			return;
		}
	}
}

static void
serve_frames(struct sim *s)
{
	while (s->ready.first != SIM_NOBODY) {
		struct sim_tracker *t = &s->tracker[s->ready.first];

		if (sim_tracker_can_build(s, t)) {
			sim_now(s);
			if (!bucket_take(s, &s->record_bucket, s->opt.records))
				return;
		}
		s->ready.first = t->next_ready;
		t->in_ready = false;
		if (sim_tracker_turn(s, t) && sim_tracker_can_build(s, t))
			sim_want_frame(s, t);
	}
}

static int
wait_ms(const struct sim *s)
{
	bool may_connect = s->connect.first != SIM_NOBODY &&
			   (s->opt.connect_parallel == 0 || s->opening < s->opt.connect_parallel);

	if (may_connect && s->connect_bucket.rate == 0 && s->now_ms >= s->connect_pause_ms)
		return 0;
	if (may_connect || s->ready.first != SIM_NOBODY)
		return 1;
	return sim_wheel_wait(&s->wheel, s->now_ms, WAIT_MS);
}

/* True when there is nothing left to wait for. */
static bool
is_over(struct sim *s, int64_t *stopped_ms)
{
	int64_t began_ms = (int64_t)(s->start_ns / 1000000);

	if (stop_asked || s->finished == s->opt.trackers)
		return true;
	if (!s->stopping && s->opt.duration_ms > 0 && s->now_ms >= began_ms + s->opt.duration_ms) {
		s->stopping = true;
		*stopped_ms = s->now_ms;
	}
	return s->stopping && ((s->in_flight == 0 && s->answers_waiting == 0) ||
				  s->now_ms >= *stopped_ms + s->opt.ack_timeout_ms);
}

void
sim_fleet_run(struct sim *s)
{
	struct epoll_event events[EVENTS];
	int64_t stopped_ms = 0, next_second_ms = s->now_ms + 1000;

	while (!is_over(s, &stopped_ms)) {
		int n = epoll_wait(s->epoll, events, EVENTS, wait_ms(s));
		uint32_t due;

		sim_now(s);
		for (int i = 0; i < n; i++)
			sim_tracker_event(s, &s->tracker[events[i].data.u32], events[i].events);
		while ((due = sim_wheel_take(&s->wheel, s->now_ms)) != SIM_WHEEL_NONE)
			sim_tracker_tick(s, &s->tracker[due]);
		serve_connects(s);
		serve_frames(s);
		if (s->now_ms < next_second_ms)
			continue;
		next_second_ms += 1000;
		sim_log_flush(&s->acked_log);
		sim_log_flush(&s->sent_log);
		if (!s->opt.quiet)
			sim_report_progress(s);
	}
	sim_now(s);
}

static bool
read_imeis(struct sim *s, uint64_t **imeis)
{
	FILE *f = fopen(s->opt.imei_file, "re");
	size_t n = 0, room = 0;
	char line[64];
	bool ok = f != NULL;

	*imeis = NULL;
	while (ok && fgets(line, sizeof(line), f) != NULL) {
		size_t len = strcspn(line, "\r\n");

		if (len == 0)
			continue;
		if (n == room) {
			uint64_t *more = realloc(*imeis, (room = room * 2 + 64) * sizeof(**imeis));

			ok = more != NULL;
			*imeis = ok ? more : *imeis;
		}
		if (ok && (len != IMEI_DIGITS || strspn(line, "0123456789") != IMEI_DIGITS)) {
			fprintf(
			    stderr, "tgctl sim: %s:%zu: not an IMEI\n", s->opt.imei_file, n + 1);
			ok = false;
		}
		if (ok)
			(*imeis)[n++] = strtoull(line, NULL, 10);
	}
	if (f == NULL)
		fprintf(stderr, "tgctl sim: %s: %s\n", s->opt.imei_file, strerror(errno));
	else
		fclose(f);
	if (ok && (n == 0 || s->opt.trackers > n)) {
		fprintf(stderr, "tgctl sim: %s holds %zu IMEIs\n", s->opt.imei_file, n);
		ok = false;
	}
	if (ok && s->opt.trackers == 0)
		s->opt.trackers = (uint32_t)n;
	return ok;
}

static bool
make_trackers(struct sim *s, const uint64_t *imeis)
{
	s->tracker = calloc(s->opt.trackers, sizeof(*s->tracker));
	if (s->tracker == NULL || !sim_wheel_init(&s->wheel, s->opt.trackers, s->now_ms)) {
		fprintf(stderr, "tgctl sim: no memory for %u trackers\n", s->opt.trackers);
		return false;
	}
	for (uint32_t i = 0; i < s->opt.trackers; i++) {
		uint64_t imei = imeis != NULL ? imeis[i] : s->opt.imei_base + i;

		if (!sim_tracker_init(s, &s->tracker[i], imei)) {
			fprintf(stderr, "tgctl sim: that backlog begins before 1970\n");
			return false;
		}
		sim_want_connect(s, &s->tracker[i]);
	}
	return true;
}

bool
sim_fleet_init(struct sim *s)
{
	struct sim_options *o = &s->opt;
	uint64_t *imeis = NULL;
	struct timespec ts;
	bool ok = true;

	s->connect.first = s->ready.first = SIM_NOBODY;
	sim_now(s);
	s->start_ns = s->now_ns;
	clock_gettime(CLOCK_REALTIME, &ts);
	s->wall_ms = (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000 - s->now_ms;
	s->first_ms = o->start_ms > 0 ? o->start_ms : s->wall_ms + s->now_ms;
	s->step_ms = o->step_ms;
	if (s->step_ms == 0 && o->interval_ms > 0)
		s->step_ms = o->interval_ms > o->records ? o->interval_ms / o->records : 1;
	if (s->step_ms == 0 && o->start_ms > 0)
		s->step_ms = 1000;
	for (unsigned i = 0; i < o->nprofiles; i++)
		sim_template_of_profile(&s->template[i], o -> profiles[i]);
	for (unsigned i = 0; i < o->ncodecs && o->nprofiles == 0; i++)
		ok = ok && sim_template_init(&s->template[i], o -> codecs[i], o -> io);
	s->templates = o->nprofiles > 0 ? o->nprofiles : o->ncodecs;
	bucket_init(s, &s->record_bucket, o->rate, o->records);
	bucket_init(s, &s->connect_bucket, o->connect_rate, 1);
	s->epoll = epoll_create1(EPOLL_CLOEXEC);
	ok = ok && s->epoll != -1 && (o->imei_file == NULL || read_imeis(s, &imeis));
	if (o->trackers == 0)
		o->trackers = 10;
	ok = ok && make_trackers(s, imeis);
	free(imeis);
	return ok;
}

void
sim_fleet_free(struct sim *s)
{
	for (uint32_t i = 0; s->tracker != NULL && i < s->opt.trackers; i++) {
		if (s->tracker[i].fd != -1)
			close(s->tracker[i].fd);
		free(s->tracker[i].unacked);
		sim_command_free(&s->tracker[i]);
	}
	free(s->tracker);
	sim_wheel_free(&s->wheel);
	if (s->epoll != -1)
		close(s->epoll);
}

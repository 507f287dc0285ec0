/* What the simulator says: a line per second, and the final report as text or JSON. */
#include "tool/sim/sim.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <sys/resource.h>

void
sim_report_progress(struct sim *s)
{
	static uint64_t last_records, last_handshakes, last_ns;
	const struct sim_counts *c = &s->count;
	double seconds = (double)(s->now_ns - (last_ns != 0 ? last_ns : s->start_ns)) * 1e-9;
	uint64_t back = c->connections > s->opt.trackers ? c->connections - s->opt.trackers : 0;

	if (s->opt.handshake_only)
		fprintf(stderr, "%6.1f s  %.0f handshakes/s  %" PRIu64 " failed\n",
		    (double)(s->now_ns - s->start_ns) * 1e-9,
		    (double)(c->handshakes - last_handshakes) / seconds,
		    c->failed_connects + c->unanswered + c->timeouts);
	else
		fprintf(stderr,
		    "%6.1f s  %" PRIu32 " connected  %.0f records/s acked  %" PRIu64
		    " frames in flight  %" PRIu64 " reconnects\n",
		    (double)(s->now_ns - s->start_ns) * 1e-9, s->up,
		    (double)(c->records_acked - last_records) / seconds, s->in_flight, back);
	last_records = c->records_acked;
	last_handshakes = c->handshakes;
	last_ns = s->now_ns;
}

static double
cpu_seconds(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1e-6;
}

static const struct {
	const char *key, *label;
	size_t at;
	bool always; /* in the text also when 0 */
} lines[] = {
#define LINE(field, label, always) \
	{ \
#field, label, offsetof(struct sim_counts, field), always \
	}
    LINE(connections, "connections", true),
    LINE(handshakes, "handshakes", true),
    LINE(frames_sent, "frames sent", true),
    LINE(frames_acked, "frames acknowledged", true),
    LINE(records_sent, "records sent", true),
    LINE(records_acked, "records acknowledged", true),
    LINE(frames_resent, "frames sent again", true),
    LINE(duplicates, "duplicates sent", false),
    LINE(spoilt, "frames with a wrong CRC", false),
    LINE(refused, "refused (00)", true),
    LINE(resets, "resets", true),
    LINE(closes, "closed by the gateway", true),
    LINE(wrong_acks, "wrong ACKs", true),
    LINE(timeouts, "answers that did not come", false),
    LINE(unanswered, "closed without an answer", false),
    LINE(failed_connects, "failed connections", false),
    LINE(hangups, "hung up by intent", false),
    LINE(no_descriptor, "out of descriptors", false),
    LINE(no_port, "out of ports", false),
    LINE(pings, "pings", false),
    LINE(commands_received, "commands received", false),
    LINE(commands_answered, "commands answered", false),
    LINE(commands_late, "commands answered late", false),
    LINE(commands_nacked, "commands refused (nACK)", false),
    LINE(commands_silent, "commands not answered", false),
    LINE(commands_hung_up, "hung up at a command", false),
    LINE(commands_dropped, "answers dropped", false),
    LINE(commands_bad, "bad commands", false),
    LINE(unsolicited, "unsolicited messages", false),
    LINE(bytes_sent, "bytes sent", false),
#undef LINE
};
#define LINES (sizeof(lines) / sizeof(lines[0]))

static uint64_t
value(const struct sim *s, size_t i)
{
	return *(const uint64_t *)(const void *)((const char *)&s->count + lines[i].at);
}

static void
report_json(const struct sim *s, bool ok, double seconds, double cpu)
{
	const struct sim_hist *h = &s->latency;
	json_t *o = json_object();

	json_object_set_new(o, "ok", json_boolean(ok));
	json_object_set_new(o, "trackers", json_integer(s->opt.trackers));
	json_object_set_new(o, "connected", json_integer(s->up));
	json_object_set_new(o, "in_flight", json_integer((json_int_t)s->in_flight));
	json_object_set_new(o, "answers_waiting", json_integer((json_int_t)s->answers_waiting));
	for (size_t i = 0; i < LINES; i++)
		json_object_set_new(o, lines[i].key, json_integer((json_int_t)value(s, i)));
	json_object_set_new(o, "seconds", json_real(seconds));
	json_object_set_new(
	    o, "records_per_s", json_real((double)s->count.records_acked / seconds));
	json_object_set_new(
	    o, "handshakes_per_s", json_real((double)s->count.handshakes / seconds));
	json_object_set_new(o, "cpu_seconds", json_real(cpu));
	json_object_set_new(o, "latency_us",
	    json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "count", (json_int_t)h->count, "mean",
		(json_int_t)(h->count > 0 ? h->sum_us / h->count : 0), "p50",
		(json_int_t)sim_hist_percentile(h, 50), "p90",
		(json_int_t)sim_hist_percentile(h, 90), "p99",
		(json_int_t)sim_hist_percentile(h, 99), "max", (json_int_t)h->max_us));
	json_dumpf(o, stdout, JSON_COMPACT | JSON_REAL_PRECISION(9));
	printf("\n");
	json_decref(o);
}

void
sim_report_final(struct sim *s, bool ok)
{
	double seconds = (double)(s->now_ns - s->start_ns) * 1e-9, cpu = cpu_seconds();
	const struct sim_hist *h = &s->latency;

	if (s->opt.json) {
		report_json(s, ok, seconds, cpu);
		return;
	}
	printf("%-26s %" PRIu32 "\n", "trackers", s->opt.trackers);
	printf("%-26s %" PRIu32 "\n", "connected at the end", s->up);
	for (size_t i = 0; i < LINES; i++)
		if (lines[i].always || value(s, i) > 0)
			printf("%-26s %" PRIu64 "\n", lines[i].label, value(s, i));
	printf("%-26s %.3f\n", "seconds", seconds);
	if (s->opt.handshake_only)
		printf("%-26s %.0f\n", "handshakes/s", (double)s->count.handshakes / seconds);
	else
		printf("%-26s %.0f\n", "records/s", (double)s->count.records_acked / seconds);
	if (s->opt.latency && h->count > 0)
		printf("%-26s p50 %.3f  p90 %.3f  p99 %.3f  max %.3f ms\n",
		    s->opt.handshake_only ? "connect to 01" : "send to ACK",
		    (double)sim_hist_percentile(h, 50) / 1e3,
		    (double)sim_hist_percentile(h, 90) / 1e3,
		    (double)sim_hist_percentile(h, 99) / 1e3, (double)h->max_us / 1e3);
	printf("%-26s %.3f s", "CPU of the simulator", cpu);
	if (s->count.records_acked > 0)
		printf(", %.3f us per record", cpu * 1e6 / (double)s->count.records_acked);
	printf("\n%s\n", ok ? "everything was acknowledged" : "NOT everything was acknowledged");
}

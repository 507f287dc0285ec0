#include "tool/top_sample.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool/out.h"

/* The value of a label in "name{label="value",...} ", or "". */
static void
label_of(const char *line, const char *label, char out[32])
{
	char key[48];
	const char *at;

	snprintf(key, sizeof(key), "%s=\"", label);
	at = strstr(line, key);
	snprintf(out, 32, "%.*s", at != NULL ? (int)strcspn(at + strlen(key), "\"") : 0,
	    at != NULL ? at + strlen(key) : "");
}

static bool
is_named(const char *line, const char *name)
{
	size_t n = strlen(name);

	return strncmp(line, name, n) == 0 && (line[n] == '{' || line[n] == ' ');
}

static void
count(struct top_count *list, int *n, const char *line, const char *label, double value)
{
	if (*n == TOP_LABELS)
		return;
	label_of(line, label, list[*n].label);
	list[(*n)++].value = value;
}

static void
take_outcome(struct top_sample *s, const char *line, double value)
{
	char outcome[32];

	label_of(line, "outcome", outcome);
	if (strcmp(outcome, "stored") == 0)
		s->stored = value;
	else if (strcmp(outcome, "duplicate") == 0)
		s->duplicate = value;
	else if (strcmp(outcome, "quarantined") == 0)
		s->quarantined = value;
}

static void
take_bucket(struct top_sample *s, const char *line, double value)
{
	char le[32];

	if (s->nbuckets == TOP_BUCKETS)
		return;
	label_of(line, "le", le);
	s->bound[s->nbuckets] = strcmp(le, "+Inf") == 0 ? INFINITY : strtod(le, NULL);
	s->bucket[s->nbuckets++] = value;
}

static void
take_line(struct top_sample *s, const char *line, double value)
{
	if (is_named(line, "telematics_connections"))
		s->connections += value;
	else if (is_named(line, "telematics_records_in_flight"))
		s->in_flight = value;
	else if (is_named(line, "telematics_database_up"))
		s->database_up = value;
	else if (is_named(line, "telematics_start_time_seconds"))
		s->started = value;
	else if (is_named(line, "telematics_avl_records_total"))
		s->records = value;
	else if (is_named(line, "telematics_records_total"))
		take_outcome(s, line, value);
	else if (is_named(line, "telematics_acks_total"))
		s->acks = value;
	else if (is_named(line, "telematics_ack_seconds_bucket"))
		take_bucket(s, line, value);
	else if (is_named(line, "telematics_connections_closed_total"))
		count(s->closed, &s->nclosed, line, "reason", value);
	else if (is_named(line, "telematics_unidentified_connections_total"))
		count(s->unidentified, &s->nunidentified, line, "what", value);
}

void
top_read(const char *text, int64_t at_ms, struct top_sample *s)
{
	*s = (struct top_sample){.at_ms = at_ms};
	while (*text != '\0') {
		char line[512];
		size_t n = strcspn(text, "\n");
		const char *value;

		snprintf(line, sizeof(line), "%.*s", (int)n, text);
		text += n + (text[n] == '\n');
		value = strrchr(line, ' ');
		if (line[0] != '#' && value != NULL)
			take_line(s, line, strtod(value + 1, NULL));
	}
}

/* Counters begin anew with the gateway. */
static double
grown(double before, double now)
{
	return now >= before ? now - before : now;
}

/* The time within which this part of the new ACKs went out, in ms: the bound of its bucket. */
static json_t *
quantile(const struct top_sample *before, const struct top_sample *now, double part)
{
	int last = now->nbuckets - 1;
	double all;

	if (last < 0)
		return json_null();
	all = grown(before->bucket[last], now->bucket[last]);
	for (int i = 0; all > 0 && i < last; i++)
		if (grown(before->bucket[i], now->bucket[i]) >= all * part)
			return json_real(now->bound[i] * 1000);
	return json_null();
}

static json_t *
counts(const struct top_count *before, const struct top_count *now, int n, bool same)
{
	json_t *o = json_object();

	for (int i = 0; i < n; i++) {
		double value = grown(same ? before[i].value : 0, now[i].value);

		if (value > 0)
			json_object_set_new(o, now[i].label, json_integer((json_int_t)value));
	}
	return o;
}

json_t *
top_json(const struct top_sample *before, const struct top_sample *now)
{
	double seconds = before->at_ms != 0 ? (double)(now->at_ms - before->at_ms) / 1000
					    : (double)now->at_ms / 1000 - now->started;
	char at[OUT_TIME] = "";
	json_t *o;

	if (!(seconds > 0.001))
		seconds = 0.001;
	(void)!out_time((uint64_t)now->at_ms, at);
	o = json_pack("{s:s, s:b, s:f, s:I, s:I}", "at", at, "ready", now->database_up > 0,
	    "interval_s", round(seconds * 1000) / 1000, "connections", (json_int_t)now->connections,
	    "records_in_flight", (json_int_t)now->in_flight);
#define RATE(name, field) \
	json_object_set_new( \
	    o, name, json_real(round(grown(before->field, now->field) / seconds * 10) / 10))
	RATE("records_per_s", records);
	RATE("stored_per_s", stored);
	RATE("duplicates_per_s", duplicate);
	RATE("quarantined_per_s", quarantined);
	RATE("acks_per_s", acks);
#undef RATE
	json_object_set_new(o, "ack_p50_ms", quantile(before, now, 0.5));
	json_object_set_new(o, "ack_p99_ms", quantile(before, now, 0.99));
	json_object_set_new(o, "closed",
	    counts(before->closed, now->closed, now->nclosed, before->nclosed == now->nclosed));
	json_object_set_new(o, "unidentified",
	    counts(before->unidentified, now->unidentified, now->nunidentified,
		before->nunidentified == now->nunidentified));
	return o;
}

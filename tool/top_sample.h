/* What tgctl top makes of the gateway's metrics: samples, and what happened between two of them. Pure. */
#ifndef TOOL_TOP_SAMPLE_H
#define TOOL_TOP_SAMPLE_H

#include <jansson.h>
#include <stdint.h>

#define TOP_BUCKETS 32
#define TOP_LABELS 48

struct top_count {
	char label[32];
	double value;
};

struct top_sample {
	int64_t at_ms; /* 0: there is none */
	double started, connections, in_flight, database_up;
	double records, stored, duplicate, quarantined, acks;
	double bound[TOP_BUCKETS],
	    bucket[TOP_BUCKETS]; /* of the time to the ACK: seconds, cumulative */
	int nbuckets;
	struct top_count closed[TOP_LABELS], unidentified[TOP_LABELS];
	int nclosed, nunidentified;
};

/* Reads Prometheus' text. What is not in it stays 0. */
void top_read(const char *text, int64_t at_ms, struct top_sample *);

/* The figures of the time between; since the gateway's start if `before` has no time. The caller's. */
json_t *top_json(const struct top_sample *before, const struct top_sample *now)
    __attribute__((warn_unused_result));

#endif

/*
 * A capture: what one device sends, written as it comes (tgctl capture), in the hex form that
 * tgctl decode reads and replays. Each whole item (IMEI packet, ping, frame) is lines of hex; all
 * else is comments: when it came, what was answered, what became of it, bytes that are not an item.
 *
 * Items are cut per connection, so that two connections of one device don't mix. No I/O but the
 * file that it is given.
 */
#ifndef TOOL_CAPTURE_H
#define TOOL_CAPTURE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct capture;

struct capture_totals {
	uint64_t connections;  /* seen: present at the beginning, or new */
	uint64_t items, bytes; /* from the device, and in whole items */
	uint64_t lost;	       /* events that were missed */
};

/* Writes the head of the file. `out` stays the caller's. NULL if out of memory. */
struct capture *capture_new(FILE *out, uint64_t imei, int seconds)
    __attribute__((warn_unused_result));
void capture_free(struct capture *);
/* Calls `frame` with the body of each frame whose CRC is right, once it has been written. */
void capture_on_frame(
    struct capture *, void (*frame)(void *ctx, const uint8_t *body, size_t len), void *ctx);

/* Takes an event (common/trace_request.h). False if memory is short or the file can't be written. */
bool capture_event(struct capture *, const json_t *event) __attribute__((warn_unused_result));

/* The end: what is not whole becomes a comment. False if the file can't be written. */
bool capture_end(struct capture *) __attribute__((warn_unused_result));

const struct capture_totals *capture_totals(const struct capture *);

#endif

/*
 * The rows of device_positions in memory, as the tuples of binary COPY that the
 * gateway stored: what the baselines write again, ready-made.
 */
#ifndef BENCH_ROWS_H
#define BENCH_ROWS_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ROWS_COLUMNS \
	"device_id, recorded_at, record_hash, received_at, latitude, longitude, altitude, " \
	"heading, " \
	"satellites, speed, valid, priority, event_io_id, codec, generation_type, io"
#define ROWS_NCOLUMNS 16

struct tuple {
	const uint8_t *p; /* number of fields, then each with its length */
	size_t len;
	int64_t device_id, recorded_at, hash;
};

struct rows {
	uint8_t *bytes;
	size_t used, room;
	struct tuple *tuple; /* in the order of the table */
	size_t n;
};

/* These end the program with a message if anything goes wrong: a benchmark has no plan B. */
void die(const char *what, PGconn *) __attribute__((noreturn));
PGconn *rows_connect(const char *url);
void rows_exec(PGconn *, const char *sql);
/* Reads up to `limit` rows. */
void rows_fetch(struct rows *, PGconn *, size_t limit);
void rows_free(struct rows *);
/* Empties the table and writes out what is dirty, so that every run starts alike. */
void rows_clear_table(PGconn *);

double monotonic_seconds(void);
/* Of this process, all threads. */
double cpu_seconds(void);

#endif

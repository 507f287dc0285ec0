/*
 * The baseline of the write path: binary COPY of the rows that the gateway
 * stored, ready-made and sorted by their key within a transaction, over several
 * connections.
 *
 *     bench-copy CONNECTIONS URL
 *
 * Reads the rows of device_positions into memory, then takes commands, a line each:
 * a number of rows a transaction. For each it empties the table, says "ready", waits for
 * another line (whoever measures PostgreSQL's CPU reads it now), writes all rows, and
 * says as JSON what it took. The role must be a superuser, for CHECKPOINT.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/rows.h"

#define MAX_CONNECTIONS 64
/* As large as libpq and the socket take well: fewer system calls than rows. */
#define CHUNK (256 * 1024)

static const char copy_sql[] =
    "COPY device_positions (" ROWS_COLUMNS ") FROM STDIN (FORMAT binary)";
static const char header[19] = "PGCOPY\n\377\r\n";

struct writer {
	pthread_t thread;
	pthread_barrier_t *start;
	PGconn *conn;
	struct tuple *tuple; /* its part of the rows */
	size_t n, batch;
	char *chunk;
};

static int
compare_key(const void *x, const void *y)
{
	const struct tuple *a = x, *b = y;

	if (a->device_id != b->device_id)
		return a->device_id < b->device_id ? -1 : 1;
	if (a->recorded_at != b->recorded_at)
		return a->recorded_at < b->recorded_at ? -1 : 1;
	return a->hash < b->hash ? -1 : a->hash > b->hash;
}

static void
put(PGconn *conn, const char *p, size_t n)
{
	if (PQputCopyData(conn, p, (int)n) != 1)
		die("COPY", conn);
}

static void
copy_batch(struct writer *w, const struct tuple *t, size_t n)
{
	size_t used = sizeof(header);
	PGresult *res = PQexec(w->conn, copy_sql);

	if (PQresultStatus(res) != PGRES_COPY_IN)
		die("COPY", w->conn);
	PQclear(res);
	memcpy(w->chunk, header, sizeof(header));
	for (size_t i = 0; i < n; i++) {
		if (used + t[i].len > CHUNK) {
			put(w->conn, w->chunk, used);
			used = 0;
		}
		if (t[i].len > CHUNK)
			die("a row is too long", NULL);
		memcpy(w->chunk + used, t[i].p, t[i].len);
		used += t[i].len;
	}
	put(w->conn, w->chunk, used);
	put(w->conn, "\377\377", 2);
	if (PQputCopyEnd(w->conn, NULL) != 1)
		die("COPY", w->conn);
	while ((res = PQgetResult(w->conn)) != NULL) {
		if (PQresultStatus(res) != PGRES_COMMAND_OK)
			die("COPY", w->conn);
		PQclear(res);
	}
}

static void *
write_all(void *arg)
{
	struct writer *w = arg;

	pthread_barrier_wait(w->start);
	for (size_t at = 0; at < w->n; at += w->batch)
		copy_batch(w, w->tuple + at, w->n - at < w->batch ? w->n - at : w->batch);
	return NULL;
}

/* A device belongs to one connection, as in the gateway it does to one worker. */
static void
share_out(struct writer *writers, unsigned n, const struct rows *rows)
{
	for (unsigned k = 0; k < n; k++) {
		writers[k].tuple = malloc(rows->n * sizeof(struct tuple));
		writers[k].chunk = malloc(CHUNK);
		if (writers[k].tuple == NULL || writers[k].chunk == NULL)
			die("no memory", NULL);
	}
	for (size_t i = 0; i < rows->n; i++) {
		struct writer *w = &writers[(uint64_t)rows->tuple[i].device_id % n];

		w->tuple[w->n++] = rows->tuple[i];
	}
}

/*
 * Batches are cut in the order of the table, which is that of arrival, and sorted each.
 * A later run with another size sorts what is sorted in pieces: the order of arrival
 * has to be restored first, by the place of the tuple in memory.
 */
static int
compare_place(const void *x, const void *y)
{
	const struct tuple *a = x, *b = y;

	return a->p < b->p ? -1 : a->p > b->p;
}

static void
prepare(struct writer *w, size_t batch)
{
	w->batch = batch;
	qsort(w->tuple, w->n, sizeof(*w->tuple), compare_place);
	for (size_t at = 0; at < w->n; at += batch)
		qsort(w->tuple + at, w->n - at < batch ? w->n - at : batch, sizeof(*w->tuple),
		    compare_key);
}

static void
run(struct writer *writers, unsigned n, size_t rows)
{
	pthread_barrier_t start;
	double began, cpu;
	char line[64];

	pthread_barrier_init(&start, NULL, n + 1);
	for (unsigned k = 0; k < n; k++) {
		writers[k].start = &start;
		if (pthread_create(&writers[k].thread, NULL, write_all, &writers[k]) != 0)
			die("no thread", NULL);
	}
	printf("ready\n");
	if (fgets(line, sizeof(line), stdin) == NULL)
		exit(1);
	cpu = cpu_seconds();
	began = monotonic_seconds();
	pthread_barrier_wait(&start);
	for (unsigned k = 0; k < n; k++)
		pthread_join(writers[k].thread, NULL);
	printf("{\"rows\":%zu,\"seconds\":%.6f,\"client_cpu\":%.6f}\n", rows,
	    monotonic_seconds() - began, cpu_seconds() - cpu);
	pthread_barrier_destroy(&start);
}

int
main(int argc, char **argv)
{
	static struct writer writers[MAX_CONNECTIONS];
	unsigned long n = argc == 3 ? strtoul(argv[1], NULL, 10) : 0;
	struct rows rows;
	char line[64];

	if (n < 1 || n > MAX_CONNECTIONS) {
		fprintf(stderr, "Usage: bench-copy CONNECTIONS URL\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	PGconn *control = rows_connect(argv[2]);
	rows_fetch(&rows, control, SIZE_MAX / 2);
	share_out(writers, (unsigned)n, &rows);
	for (unsigned k = 0; k < n; k++)
		writers[k].conn = rows_connect(argv[2]);
	while (fgets(line, sizeof(line), stdin) != NULL) {
		size_t batch = strtoull(line, NULL, 10);

		if (batch == 0)
			break;
		for (unsigned k = 0; k < n; k++)
			prepare(&writers[k], batch);
		rows_clear_table(control);
		run(writers, (unsigned)n, rows.n);
	}
	for (unsigned k = 0; k < n; k++) {
		PQfinish(writers[k].conn);
		free(writers[k].tuple);
		free(writers[k].chunk);
	}
	PQfinish(control);
	rows_free(&rows);
	return 0;
}

#include "bench/rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#define HEADER 11 /* signature; then flags and length of the extension, 4 bytes each */

void
die(const char *what, PGconn *conn)
{
	fprintf(stderr, "%s%s%s\n", what, conn != NULL ? ": " : "",
	    conn != NULL ? PQerrorMessage(conn) : "");
	exit(1);
}

PGconn *
rows_connect(const char *url)
{
	PGconn *conn = PQconnectdb(url);

	if (PQstatus(conn) != CONNECTION_OK)
		die("can't connect", conn);
	return conn;
}

void
rows_exec(PGconn *conn, const char *sql)
{
	PGresult *res = PQexec(conn, sql);

	if (PQresultStatus(res) != PGRES_COMMAND_OK && PQresultStatus(res) != PGRES_TUPLES_OK)
		die(sql, conn);
	PQclear(res);
}

static void
append(struct rows *r, const char *p, size_t n)
{
	if (r->room - r->used < n) {
		while (r->room - r->used < n)
			r->room = r->room != 0 ? r->room * 2 : 1 << 20;
		if ((r->bytes = realloc(r->bytes, r->room)) == NULL)
			die("no memory for the rows", NULL);
	}
	memcpy(r->bytes + r->used, p, n);
	r->used += n;
}

static uint64_t
be(const uint8_t *p, int n)
{
	uint64_t v = 0;

	while (n-- > 0)
		v = v << 8 | *p++;
	return v;
}

/* A tuple at p; the bytes come from PostgreSQL, but their end is checked all the same. */
static size_t
tuple_len(const uint8_t *p, size_t left)
{
	size_t at = 2;

	if (left < 2 || be(p, 2) != ROWS_NCOLUMNS)
		die("not a tuple of device_positions", NULL);
	for (int i = 0; i < ROWS_NCOLUMNS; i++) {
		if (left - at < 4)
			die("a tuple is cut off", NULL);
		int32_t len = (int32_t)be(p + at, 4);
		at += 4;
		if (len > 0 && left - at < (size_t)len)
			die("a tuple is cut off", NULL);
		at += len > 0 ? (size_t)len : 0;
	}
	return at;
}

static void
index_tuples(struct rows *r, size_t limit)
{
	size_t at = HEADER + 8;

	r->tuple = malloc((limit > 0 ? limit : 1) * sizeof(*r->tuple));
	if (r->tuple == NULL)
		die("no memory for the rows", NULL);
	if (r->used < at || be(r->bytes + HEADER + 4, 4) != 0)
		die("not a binary COPY", NULL);
	while (r->used - at >= 2 && be(r->bytes + at, 2) != 0xffff && r->n < limit) {
		const uint8_t *p = r->bytes + at;
		struct tuple *t = &r->tuple[r->n++];

		*t = (struct tuple){.p = p,
		    .len = tuple_len(p, r->used - at),
		    .device_id = (int64_t)be(p + 6, 8),
		    .recorded_at = (int64_t)be(p + 18, 8),
		    .hash = (int64_t)be(p + 30, 8)};
		at += t->len;
	}
}

void
rows_fetch(struct rows *r, PGconn *conn, size_t limit)
{
	char sql[400];
	PGresult *res;
	char *buf;
	int n;

	memset(r, 0, sizeof(*r));
	snprintf(sql, sizeof(sql),
	    "COPY (SELECT " ROWS_COLUMNS
	    " FROM device_positions LIMIT %zu) TO STDOUT (FORMAT binary)",
	    limit);
	res = PQexec(conn, sql);
	if (PQresultStatus(res) != PGRES_COPY_OUT)
		die("COPY TO", conn);
	PQclear(res);
	while ((n = PQgetCopyData(conn, &buf, 0)) > 0) {
		append(r, buf, (size_t)n);
		PQfreemem(buf);
	}
	res = PQgetResult(conn);
	if (n != -1 || PQresultStatus(res) != PGRES_COMMAND_OK)
		die("COPY TO", conn);
	limit = strtoull(PQcmdTuples(res), NULL, 10);
	PQclear(res);
	while ((res = PQgetResult(conn)) != NULL)
		PQclear(res);
	index_tuples(r, limit);
	if (r->n == 0)
		die("device_positions is empty", NULL);
}

void
rows_free(struct rows *r)
{
	free(r->bytes);
	free(r->tuple);
}

void
rows_clear_table(PGconn *conn)
{
	rows_exec(conn, "TRUNCATE device_positions");
	rows_exec(conn, "CHECKPOINT");
}

double
monotonic_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

double
cpu_seconds(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1e-6;
}

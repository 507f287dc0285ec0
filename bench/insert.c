/*
 * The baseline of latency: one prepared INSERT of one row after the other, each
 * in a transaction of its own, on one connection.
 *
 *     bench-insert ROWS PAUSE_US URL
 *
 * Takes up to ROWS rows out of device_positions, empties it, and inserts them again, with a pause
 * between two. Says as JSON how long an INSERT took, in microseconds. The role must be a superuser.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bench/rows.h"

static const char insert_sql[] = "INSERT INTO device_positions (" ROWS_COLUMNS
				 ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10,"
				 " $11, $12, $13, $14, $15, $16) ON CONFLICT DO NOTHING";

static void
insert(PGconn *conn, const struct tuple *t)
{
	const char *values[ROWS_NCOLUMNS];
	int lengths[ROWS_NCOLUMNS], formats[ROWS_NCOLUMNS];
	const uint8_t *p = t->p + 2;

	for (int i = 0; i < ROWS_NCOLUMNS; i++) {
		int32_t len = (int32_t)((uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
					(uint32_t)p[2] << 8 | p[3]);

		p += 4;
		values[i] = len < 0 ? NULL : (const char *)p;
		lengths[i] = len < 0 ? 0 : len;
		formats[i] = 1;
		p += lengths[i];
	}
	PGresult *res =
	    PQexecPrepared(conn, "insert_one", ROWS_NCOLUMNS, values, lengths, formats, 1);
	if (PQresultStatus(res) != PGRES_COMMAND_OK)
		die("INSERT", conn);
	PQclear(res);
}

static int
compare_double(const void *x, const void *y)
{
	double a = *(const double *)x, b = *(const double *)y;

	return a < b ? -1 : a > b;
}

int
main(int argc, char **argv)
{
	size_t n = argc == 4 ? strtoull(argv[1], NULL, 10) : 0;
	useconds_t pause = argc == 4 ? (useconds_t)strtoul(argv[2], NULL, 10) : 0;
	struct rows rows;

	if (n == 0) {
		fprintf(stderr, "Usage: bench-insert ROWS PAUSE_US URL\n");
		return 2;
	}
	PGconn *conn = rows_connect(argv[3]);
	rows_fetch(&rows, conn, n);
	rows_clear_table(conn);
	PGresult *res = PQprepare(conn, "insert_one", insert_sql, 0, NULL);
	if (PQresultStatus(res) != PGRES_COMMAND_OK)
		die("PREPARE", conn);
	PQclear(res);
	double *us = malloc(rows.n * sizeof(*us));
	if (us == NULL)
		die("no memory", NULL);
	for (size_t i = 0; i < rows.n; i++) {
		double began;

		if (pause > 0)
			usleep(pause);
		began = monotonic_seconds();
		insert(conn, &rows.tuple[i]);
		us[i] = (monotonic_seconds() - began) * 1e6;
	}
	qsort(us, rows.n, sizeof(*us), compare_double);
	printf("{\"rows\":%zu,\"p50_us\":%.1f,\"p90_us\":%.1f,\"p99_us\":%.1f}\n", rows.n,
	    us[rows.n / 2], us[rows.n * 9 / 10], us[rows.n * 99 / 100]);
	free(us);
	rows_free(&rows);
	PQfinish(conn);
	return 0;
}

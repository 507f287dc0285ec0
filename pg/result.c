#include "pg/result.h"

#include <libpq-fe.h>
#include <stdlib.h>

int
pg_rows(const struct pg_result *res)
{
	return PQntuples(res);
}

uint64_t
pg_rows_touched(const struct pg_result *res)
{
	/* libpq only reads it, but its prototype is older than const. */
	return strtoull(PQcmdTuples((PGresult *)res), NULL, 10);
}

bool
pg_is_null(const struct pg_result *res, int row, int column)
{
	return PQgetisnull(res, row, column) == 1;
}

const char *
pg_text(const struct pg_result *res, int row, int column)
{
	return PQgetvalue(res, row, column);
}

size_t
pg_length(const struct pg_result *res, int row, int column)
{
	return (size_t)PQgetlength(res, row, column);
}

int64_t
pg_int(const struct pg_result *res, int row, int column)
{
	return strtoll(PQgetvalue(res, row, column), NULL, 10);
}

uint64_t
pg_uint(const struct pg_result *res, int row, int column)
{
	return strtoull(PQgetvalue(res, row, column), NULL, 10);
}

bool
pg_bool(const struct pg_result *res, int row, int column)
{
	return *PQgetvalue(res, row, column) == 't';
}

int64_t
pg_int8(const struct pg_result *res, int row, int column)
{
	const unsigned char *p = (const unsigned char *)PQgetvalue(res, row, column);
	uint64_t v = 0;

	for (int i = 0; i < 8 && PQgetlength(res, row, column) == 8; i++)
		v = v << 8 | p[i];
	return (int64_t)v;
}

struct pg_result *
pg_result_copy(const struct pg_result *res)
{
	return PQcopyResult(res, PG_COPYRES_ATTRS | PG_COPYRES_TUPLES);
}

void
pg_result_free(struct pg_result *res)
{
	PQclear(res);
}

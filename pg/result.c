#include "pg/result.h"

#include <libpq-fe.h>
#include <stdlib.h>

#include "pg/array.h"

#define OID_FLOAT4 700

int
pg_rows(const struct pg_result *res)
{
	return PQntuples(res);
}

int
pg_columns(const struct pg_result *res)
{
	return PQnfields(res);
}

const char *
pg_column_name(const struct pg_result *res, int column)
{
	return PQfname(res, column);
}

int
pg_column(const struct pg_result *res, const char *name)
{
	return PQfnumber(res, name);
}

enum pg_type
pg_column_type(const struct pg_result *res, int column)
{
	switch (PQftype(res, column)) {
	case PG_BOOL:
		return PG_TYPE_BOOL;
	case PG_INT2:
	case PG_INT4:
	case PG_INT8:
		return PG_TYPE_INTEGER;
	case OID_FLOAT4:
	case PG_FLOAT8:
		return PG_TYPE_FLOAT;
	case PG_JSON:
	case PG_JSONB:
		return PG_TYPE_JSON;
	case PG_TIMESTAMPTZ:
		return PG_TYPE_TIME;
	default:
		return PG_TYPE_OTHER;
	}
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

const char *
pg_field(const struct pg_result *res, const char *name)
{
	return PQntuples(res) > 0 ? PQgetvalue(res, 0, PQfnumber(res, name)) : "";
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

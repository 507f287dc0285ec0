#include "pg/query.h"

#include <inttypes.h>
#include <libpq-fe.h>
#include <limits.h>
#include <stdio.h>

#include "pg/sql.h"

/* The place of the next parameter, or -1: more than a statement of ours has. */
static int
next(struct pg_params *p)
{
	if (p->n < PG_PARAMS)
		return p->n++;
	p->failed = true;
	return -1;
}

void
pg_param_array(struct pg_params *p, struct pg_array *a)
{
	int at = next(p);

	if (at < 0)
		return;
	p->format[at] = 1;
	p->value[at] = pg_array_param(a, &p->length[at]);
	p->failed |= p->value[at] == NULL;
}

void
pg_param_arrays(struct pg_params *p, struct pg_array *a, int n)
{
	for (int i = 0; i < n; i++)
		pg_param_array(p, &a[i]);
}

void
pg_param_text(struct pg_params *p, const char *text)
{
	int at = next(p);

	if (at < 0)
		return;
	p->format[at] = p->length[at] = 0;
	p->value[at] = text;
}

void
pg_param_int(struct pg_params *p, int64_t v)
{
	int at = next(p);

	if (at < 0)
		return;
	p->format[at] = p->length[at] = 0;
	snprintf(p->number[at], sizeof(p->number[at]), "%" PRId64, v);
	p->value[at] = p->number[at];
}

bool
pg_send(
    struct pg_conn *conn, const char *statement, const struct pg_params *p, enum pg_format format)
{
	static const struct pg_params none;

	if (p == NULL)
		p = &none;
	return !p->failed && PQsendQueryPrepared(conn, statement, p->n, p->value, p->length,
				 p->format, format == PG_BINARY_ROWS) == 1;
}

bool
pg_send_text(struct pg_conn *conn, const char *statement)
{
	const char *text = pg_sql(statement);

	return text != NULL && PQsendQuery(conn, text) == 1;
}

bool
pg_put(struct pg_conn *conn, const void *p, size_t n)
{
	return n <= INT_MAX && PQputCopyData(conn, p, (int)n) == 1;
}

bool
pg_put_end(struct pg_conn *conn)
{
	return PQputCopyEnd(conn, NULL) == 1;
}

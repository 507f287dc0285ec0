#include "pg/query.h"

#include <inttypes.h>
#include <libpq-fe.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "pg/sql.h"

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
pg_send_text_of(struct pg_conn *conn, const char *statement, int64_t value)
{
	const char *text = pg_sql(statement), *at = text != NULL ? strstr(text, "$1") : NULL;
	char whole[1024];
	int n;

	if (at == NULL)
		return false;
	n = snprintf(
	    whole, sizeof(whole), "%.*s%" PRId64 "%s", (int)(at - text), text, value, at + 2);
	return n > 0 && (size_t)n < sizeof(whole) && PQsendQuery(conn, whole) == 1;
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

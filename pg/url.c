#include "pg/url.h"

#include <libpq-fe.h>
#include <stddef.h>

const char *
pg_url_wrong(const char *url)
{
	char *message = NULL;
	PQconninfoOption *options = PQconninfoParse(url, &message);

	/* libpq's own message quotes pieces of the string. */
	if (message != NULL)
		PQfreemem(message);
	if (options == NULL)
		return "libpq can't read it: it must be a URI (postgresql://...) or a connection string "
		       "(host=... dbname=...), whole and without quotes around it";
	PQconninfoFree(options);
	return NULL;
}

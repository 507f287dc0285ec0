#include "pg/url.h"

#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define ENCODE \
	"a '/' or '@' in a user name, password or database name of a URI is written as %2F or %40"

/*
 * libpq reads a password with a '/' or '@' as host, port and database, and names those in its errors.
 * Behind the '@' of the user there is none any more, and before it no '/'.
 */
static bool
is_misread(const char *url)
{
	const char *at;

	if (strncmp(url, "postgresql://", 13) != 0 && strncmp(url, "postgres://", 11) != 0)
		return false;
	url = strstr(url, "://") + 3;
	at = memchr(url, '@', strcspn(url, "?"));
	return at != NULL && (memchr(url, '/', (size_t)(at - url)) != NULL ||
				 memchr(at + 1, '@', strcspn(at + 1, "?")) != NULL);
}

static bool
are_ports(const char *list)
{
	do {
		size_t len = strcspn(list, ",");
		long n = strtol(list, NULL, 10);

		if (strspn(list, "0123456789") < len || len > 5 ||
		    (len > 0 && (n < 1 || n > 65535)))
			return false;
		list += len;
	} while (*list++ == ',');
	return true;
}

const char *
pg_url_wrong(const char *url)
{
	char *message = NULL;
	PQconninfoOption *options = PQconninfoParse(url, &message);
	const char *wrong = NULL;

	/* libpq's own message quotes pieces of the string. */
	if (message != NULL)
		PQfreemem(message);
	if (is_misread(url))
		wrong = ENCODE;
	else if (options == NULL)
		wrong =
		    "libpq can't read it: it must be a URI (postgresql://...) or a connection string "
		    "(host=... dbname=...), whole and without quotes around it";
	for (const PQconninfoOption *o = options; o != NULL && o->keyword != NULL; o++)
		if (wrong == NULL && o->val != NULL && strcmp(o->keyword, "port") == 0 &&
		    !are_ports(o->val))
			wrong = "its port is not a number; " ENCODE;
	PQconninfoFree(options);
	return wrong;
}

const char *
pg_url_error(const char *message)
{
	/*
	 * About a server, a host (which pg_url_wrong() saw to be one), and what is looked up
	 * elsewhere. Anything else may be about the string.
	 */
	static const char *const others[] = {"connection to server ",
	    "could not translate host name ", "definition of service ", "service file ",
	    "out of memory", "server closed the connection"};

	for (size_t i = 0; message != NULL && i < sizeof(others) / sizeof(others[0]); i++)
		if (strncmp(message, others[i], strlen(others[i])) == 0)
			return message;
	return "libpq can't use DATABASE_URL (psql with the same string says why)";
}

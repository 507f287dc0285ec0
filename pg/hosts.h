/*
 * The hosts of a connection string, and the addresses that others found for their names.
 *
 * libpq would look a name up inside its connect, and block the event loop for as long as a name server
 * is silent. It doesn't if it is given `hostaddr` beside `host`. A name with several addresses
 * stands in all three lists (host, hostaddr, port) once for each, so that libpq tries them in turn.
 */
#ifndef PG_HOSTS_H
#define PG_HOSTS_H

#include <stdbool.h>
#include <stddef.h>

#define PG_HOSTS_ADDRESSES 16 /* at most, of one name */
#define PG_HOSTS_TEXT 4096    /* a list of all, with its NUL */

struct pg_hosts;

/*
 * What libpq would connect to: the string's hosts, or those of the environment or a service file. NULL
 * when memory is short.
 */
struct pg_hosts *pg_hosts_new(const char *url) __attribute__((warn_unused_result));
void pg_hosts_free(struct pg_hosts *);

int pg_hosts_count(
    const struct pg_hosts *); /* of connects to try, as far as is known now; at least 1 */
/* Hosts of the string, at least 1. */
int pg_hosts_given(const struct pg_hosts *);
/* The names that have to be looked up, each once: the i-th, or NULL. */
const char *pg_hosts_name(const struct pg_hosts *, int i);
/*
 * The name's addresses, with blanks between; "" if there are none: then the host is left out. True
 * once all names are known.
 */
bool pg_hosts_found(struct pg_hosts *, const char *name, const char *addresses);
/*
 * The lists for libpq, begun with the host of that number. All are "" if no name had to be looked up and the first
 * is to be tried first: the string says it all. False if no host is left.
 */
struct pg_hosts_lists {
	char host[PG_HOSTS_TEXT], hostaddr[PG_HOSTS_TEXT], port[PG_HOSTS_TEXT];
};
bool pg_hosts_lists(const struct pg_hosts *, int first, struct pg_hosts_lists *)
    __attribute__((warn_unused_result));

#endif

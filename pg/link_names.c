/* The addresses of a link's hosts, before it connects. */
#include <stdio.h>
#include <string.h>

#include "pg/hosts.h"
#include "pg/link_impl.h"

void
link_name_hosts(struct pg_link *link)
{
	const char *name;

	pg_hosts_free(link->hosts);
	link->hosts = pg_hosts_new(link->url);
	link->unnamed[0] = '\0';
	link->state = LINK_NAMING;
	if (link->hosts == NULL) {
		link_lost(link, "out of memory");
		return;
	}
	if (pg_hosts_name(link->hosts, 0) == NULL) {
		link_connect(link);
		return;
	}
	/* libpq would look them up by itself, and block the event loop. */
	if (link->cb.names == NULL) {
		link_lost(link, "nobody looks up host names for this connection");
		return;
	}
	/* An answer that comes at once may have started the connection, or ended the attempt. */
	for (int i = 0;
	     link->state == LINK_NAMING && (name = pg_hosts_name(link->hosts, i)) != NULL; i++)
		link->cb.names->ask(link->cb.names->ctx, link, name);
}

void
pg_link_named(struct pg_link *link, const char *name, const char *addresses, const char *why)
{
	/* Late: of an attempt that was given up. The next one asks again. */
	if (link->state != LINK_NAMING)
		return;
	if (*addresses == '\0')
		snprintf(link->unnamed, sizeof(link->unnamed), "no address of host \"%.80s\": %s",
		    name, why);
	if (pg_hosts_found(link->hosts, name, addresses))
		link_connect(link);
}

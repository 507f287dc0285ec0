#include "pg/hosts.h"

#include <arpa/inet.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct host {
	char *host, *addr, *port; /* as libpq has them; "" for none */
	bool by_name;		  /* to be looked up */
	bool known;		  /* it was */
	char *found;		  /* addresses with blanks between, "" for none */
};

struct pg_hosts {
	struct host *host;
	int n;
};

/* Not the path of a socket, not an address, not nothing at all. */
static bool
is_name(const char *host)
{
	unsigned char bytes[16];
	char plain[INET6_ADDRSTRLEN];

	if (*host == '\0' || *host == '/' || *host == '@' || inet_pton(AF_INET, host, bytes) == 1)
		return false;
	/* fe80::1%eth0 */
	(void)snprintf(plain, sizeof(plain), "%.*s", (int)strcspn(host, "%"), host);
	return inet_pton(AF_INET6, plain, bytes) != 1;
}

/*
 * The i-th part of a list with commas, as libpq reads it; `other` where there is none. A list of one
 * goes for all. From malloc.
 */
static char *
part(const char *list, int i, bool one_for_all, const char *other)
{
	if (list == NULL)
		list = "";
	if (one_for_all && strchr(list, ',') == NULL)
		i = 0;
	for (; i > 0 && list != NULL; i--) {
		list = strchr(list, ',');
		list = list != NULL ? list + 1 : NULL;
	}
	if (list == NULL || *list == ',' || *list == '\0')
		return strdup(other);
	return strndup(list, strcspn(list, ","));
}

static int
parts(const char *list)
{
	int n = list != NULL && *list != '\0';

	for (; n > 0 && *list != '\0'; list++)
		n += *list == ',';
	return n;
}

static bool
split(struct pg_hosts *h, const char *host, const char *addr, const char *port, const char *usual)
{
	int n = parts(addr) > parts(host) ? parts(addr) : parts(host);

	h->host = calloc((size_t)n + 1, sizeof(*h->host));
	if (h->host == NULL)
		return false;
	for (; h->n < n; h->n++) {
		struct host *one = &h->host[h->n];

		one->host = part(host, h->n, false, "");
		one->addr = part(addr, h->n, false, "");
		/* Said, for an empty list would leave the string's, which may be too long by then. */
		one->port = part(port, h->n, true, usual != NULL ? usual : "");
		if (one->host == NULL || one->addr == NULL || one->port == NULL) {
			h->n++;
			return false;
		}
		one->by_name = *one->addr == '\0' && is_name(one->host);
	}
	return true;
}

/*
 * libpq tells what a string comes to, with service file and environment, only of a connection: this
 * one it refuses for a value that no release takes, after it has read all options and before it looks
 * up anything.
 */
static PGconn *
refused_connection(const char *url)
{
	const char *const keys[] = {"dbname", "channel_binding", NULL};
	const char *const values[] = {url, "look only", NULL};

	return PQconnectStartParams(keys, values, 1);
}

struct pg_hosts *
pg_hosts_new(const char *url)
{
	struct pg_hosts *h = calloc(1, sizeof(*h));
	PGconn *conn = refused_connection(url);
	PQconninfoOption *options = conn != NULL ? PQconninfo(conn) : NULL;
	const char *host = NULL, *addr = NULL, *port = NULL, *usual = NULL;
	bool ok;

	for (const PQconninfoOption *o = options; o != NULL && o->keyword != NULL; o++) {
		if (strcmp(o->keyword, "host") == 0)
			host = o->val;
		else if (strcmp(o->keyword, "hostaddr") == 0)
			addr = o->val;
		else if (strcmp(o->keyword, "port") == 0) {
			port = o->val;
			usual = o->compiled;
		}
	}
	ok = h != NULL && options != NULL && split(h, host, addr, port, usual);
	PQconninfoFree(options);
	PQfinish(conn);
	if (ok)
		return h;
	pg_hosts_free(h);
	return NULL;
}

void
pg_hosts_free(struct pg_hosts *h)
{
	if (h == NULL)
		return;
	for (int i = 0; i < h->n; i++) {
		free(h->host[i].host);
		free(h->host[i].addr);
		free(h->host[i].port);
		free(h->host[i].found);
	}
	free(h->host);
	free(h);
}

static int
addresses(const struct host *one)
{
	int n = 0;

	if (!one->by_name || one->found == NULL)
		return 1;
	for (const char *p = one->found; *p != '\0'; p += strspn(p, " "), n++)
		p += strcspn(p, " ");
	return n < PG_HOSTS_ADDRESSES ? n : PG_HOSTS_ADDRESSES;
}

int
pg_hosts_count(const struct pg_hosts *h)
{
	int n = 0;

	for (int i = 0; i < h->n; i++)
		n += addresses(&h->host[i]);
	return n > 0 ? n : 1;
}

const char *
pg_hosts_name(const struct pg_hosts *h, int at)
{
	for (int i = 0; i < h->n; i++) {
		bool first = h->host[i].by_name;

		for (int k = 0; k < i && first; k++)
			first =
			    !h->host[k].by_name || strcmp(h->host[k].host, h->host[i].host) != 0;
		if (first && at-- == 0)
			return h->host[i].host;
	}
	return NULL;
}

bool
pg_hosts_found(struct pg_hosts *h, const char *name, const char *found)
{
	bool all = true;

	for (int i = 0; i < h->n; i++) {
		struct host *one = &h->host[i];

		if (one->by_name && strcmp(one->host, name) == 0) {
			free(one->found);
			one->found = strdup(found);
			one->known = true;
		}
		all &= !one->by_name || one->known;
	}
	return all;
}

/* One more element; false if the list is full. */
static bool
append(char list[PG_HOSTS_TEXT], bool first, const char *text, size_t len)
{
	size_t at = strlen(list);

	if (at + len + 2 > PG_HOSTS_TEXT)
		return false;
	(void)snprintf(list + at, PG_HOSTS_TEXT - at, "%s%.*s", first ? "" : ",", (int)len, text);
	return true;
}

static bool
append_host(struct pg_hosts_lists *l, int *n, const struct host *one)
{
	const char *p = one->by_name ? one->found : one->addr;

	for (int left = addresses(one); left > 0 && p != NULL; left--, (*n)++) {
		size_t len = strcspn(p, " ");

		if (!append(l->host, *n == 0, one->host, strlen(one->host)) ||
		    !append(l->hostaddr, *n == 0, p, len) ||
		    !append(l->port, *n == 0, one->port, strlen(one->port)))
			return false;
		p += len + strspn(p + len, " ");
	}
	return true;
}

int
pg_hosts_given(const struct pg_hosts *h)
{
	return h->n > 0 ? h->n : 1;
}

bool
pg_hosts_lists(const struct pg_hosts *h, int first, struct pg_hosts_lists *l)
{
	bool looked_up = false;
	int n = 0;

	*l = (struct pg_hosts_lists){.host = ""};
	for (int i = 0; i < h->n; i++)
		looked_up |= h->host[i].known;
	if (!looked_up && (first == 0 || h->n < 2))
		return true;
	for (int i = 0; i < h->n; i++)
		if (!append_host(l, &n, &h->host[(first + i) % h->n]))
			break; /* enough to try */
	return n > 0;
}

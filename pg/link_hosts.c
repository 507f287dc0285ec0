/* The hosts of a connection string, and which of them is tried first. */
#include <libpq-fe.h>
#include <stdlib.h>
#include <string.h>

#include "pg/link_impl.h"

/* A list with commas, begun behind its first `by` elements. NULL: memory is short. */
static char *
rotated(const char *list, int by)
{
	const char *at = list;
	char *out = malloc(strlen(list) + 2);

	for (int i = 0; i < by && at != NULL; i++)
		at = strchr(at, ',') != NULL ? strchr(at, ',') + 1 : NULL;
	if (out == NULL)
		return NULL;
	if (at == NULL || at == list) {
		strcpy(out, list);
		return out;
	}
	size_t tail = strlen(at), head = (size_t)(at - list) - 1;
	memcpy(out, at, tail);
	out[tail] = ',';
	memcpy(out + tail + 1, list, head);
	out[tail + 1 + head] = '\0';
	return out;
}

static int
elements(const char *list)
{
	int n = 1;

	for (const char *p = list; *p != '\0'; p++)
		n += *p == ',';
	return n;
}

int
link_count_hosts(const char *url)
{
	PQconninfoOption *options = PQconninfoParse(url, NULL);
	int hosts = 1;

	for (PQconninfoOption *o = options; o != NULL && o->keyword != NULL; o++)
		if (strcmp(o->keyword, "host") == 0 && o->val != NULL)
			hosts = elements(o->val);
	PQconninfoFree(options);
	return hosts;
}

void
link_rotate_hosts(struct link_hosts *h, const char *url, int by)
{
	PQconninfoOption *options = PQconninfoParse(url, NULL);

	*h = (struct link_hosts){0};
	for (PQconninfoOption *o = options; o != NULL && o->keyword != NULL; o++) {
		bool is_list = strcmp(o->keyword, "host") == 0 ||
			       strcmp(o->keyword, "hostaddr") == 0 ||
			       strcmp(o->keyword, "port") == 0;

		/* One port alone is for all. */
		if (!is_list || o->val == NULL || elements(o->val) < 2)
			continue;
		h->key[h->n] = o->keyword;
		h->value[h->n] = rotated(o->val, by);
		if (h->value[h->n] != NULL)
			h->n++;
	}
	/* The names of its keywords are constants of libpq's. */
	for (int i = 0; i < h->n; i++)
		h->key[i] = h->key[i][0] == 'p'	  ? "port"
			    : h->key[i][4] == 'a' ? "hostaddr"
						  : "host";
	PQconninfoFree(options);
}

void
link_free_hosts(struct link_hosts *h)
{
	for (int i = 0; i < h->n; i++)
		free(h->value[i]);
}

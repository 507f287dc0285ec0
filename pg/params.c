#include "pg/params.h"

#include <inttypes.h>
#include <stdio.h>

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

#include "pg/sql.h"

#include <stdlib.h>
#include <string.h>

static int
compare(const void *name, const void *statement)
{
	return strcmp(name, ((const struct pg_statement *)statement)->name);
}

const char *
pg_sql(const char *name)
{
	const struct pg_statement *found =
	    bsearch(name, pg_statements, pg_nstatements, sizeof(pg_statements[0]), compare);

	return found != NULL ? found->text : NULL;
}

/* Classes of errors: see error.h. Pure. */
#include "pg/error.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* A whole SQLSTATE, or its class: the first two characters. */
static const struct {
	const char *sqlstate;
	enum pg_error_kind kind;
} kinds[] = {
    {"22", PG_KIND_CONTENT},	  /* data exception */
    {"23", PG_KIND_CONTENT},	  /* integrity constraint violation */
    {"57014", PG_KIND_CANCELLED}, /* query_canceled */
    {"40001", PG_KIND_TRANSIENT}, /* serialization_failure */
    {"40P01", PG_KIND_TRANSIENT}, /* deadlock_detected */
    {"TG001", PG_KIND_DEVICES},	  /* ours: migrations/0010_gateways.sql */
    {"TG002", PG_KIND_STALE},	  /* the same: another gateway has our id */
    {"55P03", PG_KIND_LOCKED},	  /* lock_not_available */
    {"25006", PG_KIND_STALE},	  /* read_only_sql_transaction: a standby after a failover */
    {"0A000", PG_KIND_STALE},	  /* feature_not_supported: a plan that a migration made stale */
    {"26000", PG_KIND_STALE},	  /* invalid_sql_statement_name: a pooler lost what we prepared */
    {"42501", PG_KIND_RIGHTS},	  /* insufficient_privilege */
    {"42P01", PG_KIND_SCHEMA},	  /* undefined_table */
    {"42703", PG_KIND_SCHEMA},	  /* undefined_column */
    {"42883", PG_KIND_SCHEMA},	  /* undefined_function */
};

enum pg_error_kind
pg_error_kind(const char *sqlstate)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strncmp(sqlstate, kinds[i].sqlstate, strlen(kinds[i].sqlstate)) == 0)
			return kinds[i].kind;
	return PG_KIND_ENVIRONMENT;
}

bool
pg_error_is_own(const struct pg_error *error)
{
	if (strncmp(error->sqlstate, "22", 2) == 0)
		return true;
	return strncmp(error->sqlstate, "23", 2) == 0 &&
	       strncmp(error->constraint, PG_OWN_CONSTRAINT, strlen(PG_OWN_CONSTRAINT)) == 0;
}

bool
pg_error_is_duplicate(const struct pg_error *error)
{
	return strcmp(error->sqlstate, "23505") == 0;
}

bool
pg_error_is_cancelled(const struct pg_error *error)
{
	return pg_error_kind(error->sqlstate) == PG_KIND_CANCELLED;
}

bool
pg_error_is_content(const struct pg_error *error)
{
	return pg_error_kind(error->sqlstate) == PG_KIND_CONTENT;
}

bool
pg_error_is_transient(const struct pg_error *error)
{
	return pg_error_kind(error->sqlstate) == PG_KIND_TRANSIENT;
}

bool
pg_error_is_devices(const struct pg_error *error)
{
	return pg_error_kind(error->sqlstate) == PG_KIND_DEVICES;
}

bool
pg_error_is_locked(const struct pg_error *error)
{
	return pg_error_kind(error->sqlstate) == PG_KIND_LOCKED;
}

bool
pg_error_is_done_already(const char *sqlstate)
{
	/* duplicate_table, which an index is as well; undefined_object */
	return strcmp(sqlstate, "42P07") == 0 || strcmp(sqlstate, "42704") == 0;
}

void
pg_error_set(struct pg_error *error, const char *sqlstate, const char *message)
{
	const char *text = message != NULL ? message : "";

	error->constraint[0] = '\0';
	snprintf(error->sqlstate, sizeof(error->sqlstate), "%s", sqlstate != NULL ? sqlstate : "");
	snprintf(error->text, sizeof(error->text), "%.*s", (int)strcspn(text, "\n"), text);
}

void
pg_error_set_constraint(struct pg_error *error, const char *name)
{
	snprintf(error->constraint, sizeof(error->constraint), "%s", name != NULL ? name : "");
}

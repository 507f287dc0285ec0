/*
 * The statements of worker and tgctl, one file each in pg/sql/, embedded at build time. A statement's
 * name is its file's name without ".sql", also as a prepared statement.
 */
#ifndef PG_SQL_H
#define PG_SQL_H

/* The text of a statement; NULL if there is none of that name. */
const char *pg_sql(const char *name);

/* For the build and for pg_sql() alone: sorted by name. */
struct pg_statement {
	const char *name, *text;
};
extern const struct pg_statement pg_statements[];
extern const unsigned pg_nstatements;

#endif

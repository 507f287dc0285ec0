/*
 * A private PostgreSQL for unit tests: initdb in a scratch folder, Unix socket
 * only, never as root, gone with the test. One cluster serves a whole test
 * program; each test asks for a database of its own, migrated and empty.
 */
#ifndef T_UNIT_PG_FIXTURE_H
#define T_UNIT_PG_FIXTURE_H

#include <libpq-fe.h>
#include <stdbool.h>

/*
 * Starts the cluster. Exits the program with 77 (skipped) where no PostgreSQL is
 * installed, with 1 where it can't be started. Call it from main(), before tests fork.
 */
void pg_fixture_start(void);
void pg_fixture_stop(void);

/* Makes a migrated database; returns its connection string (static buffer). */
const char *pg_fixture_database(void);

/* A connection to it for the test itself; statements that must work. */
PGconn *pg_fixture_connect(const char *url);
void pg_fixture_disconnect(PGconn *);
void pg_fixture_exec(PGconn *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The first field of the first row as text ("" if NULL or no row); static buffer. */
const char *pg_fixture_value(PGconn *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif

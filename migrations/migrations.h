/*
 * The migrations, embedded at build time from migrations/NNNN_what.sql in order
 * of their numbers (migrations/sources.mk makes embedded.c).
 */
#ifndef MIGRATIONS_MIGRATIONS_H
#define MIGRATIONS_MIGRATIONS_H

#include <stddef.h>

struct migration {
	int version;	  /* NNNN */
	const char *name; /* "NNNN_what" */
	const char *sql;  /* the whole file, or files of that number */
};

extern const struct migration migrations[];
extern const size_t nmigrations;

/* Puts the rows of the dictionary in place of those that are there; to be run in a transaction. */
extern const char dictionary_sql[];

#endif

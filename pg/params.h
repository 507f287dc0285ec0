/*
 * The parameters of a statement, collected on the caller's stack in the order of $1, $2 ... A failure
 * (an array that found no memory, more parameters than there is room for) is sticky: the statement is
 * then not sent.
 */
#ifndef PG_PARAMS_H
#define PG_PARAMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pg/array.h"

#define PG_PARAMS 32
#define PG_NUMBER 21 /* room of an int64_t in decimal, with its NUL */

struct pg_params {
	int n;
	bool failed;
	const char *value[PG_PARAMS];
	int length[PG_PARAMS], format[PG_PARAMS];
	char number[PG_PARAMS][PG_NUMBER];
};

/* {0} is empty. What is handed in must live until the statement was sent. */
void pg_param_array(struct pg_params *, struct pg_array *);
void pg_param_arrays(struct pg_params *, struct pg_array *, int n);
void pg_param_text(struct pg_params *, const char *); /* NULL: SQL's NULL */
void pg_param_int(struct pg_params *, int64_t);

#endif

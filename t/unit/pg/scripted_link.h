/*
 * A twin of pg/link and pg/query for tests: it takes the place of both at link time, with neither a
 * database nor a socket. A statement that is sent waits until the test says what became of it, so a test
 * scripts refusals, lost connections and unknown outcomes, and is over in milliseconds.
 *
 * There is one link a process, which tests of libcheck have for themselves.
 */
#ifndef T_UNIT_PG_SCRIPTED_LINK_H
#define T_UNIT_PG_SCRIPTED_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pg/link.h"

/* The connection is ready: up() is called. */
void scripted_up(void);
/* It breaks: what runs has ended as PG_LOST, then down() is called. */
void scripted_lose(const char *why);

/* The name of the statement that waits for its answer; NULL if none does. */
const char *scripted_sent(void);
/* What it was sent with: elements of the array $param (from 1), and one of them; NULL is SQL's. */
uint32_t scripted_count(int param);
const uint8_t *scripted_element(int param, uint32_t i, size_t *len);
int64_t scripted_int8(int param, uint32_t i);

/* Calls copy_in() until it has given all; the data. False: it failed, and the connection is lost. */
bool scripted_copy(const uint8_t **data, size_t *len);
/* How often copy_in() was called in all. */
unsigned scripted_copy_calls(void);

/* The answer: rows (given away; NULL for none) and success; or an error. */
void scripted_ok(struct pg_result *);
void scripted_refuse(const char *sqlstate, const char *text);
/* The constraint that the next error names. */
void scripted_constraint(const char *name);
/* What runs has made no progress for so many seconds. */
void scripted_silence(int seconds);
/* Rows that come before an error, or before the connection breaks. */
void scripted_rows(struct pg_result *);
/* A result in binary: n rows of bigint columns. */
struct pg_result *scripted_bigints(const int64_t *values, int rows, int columns);

/* The next pg_send() or pg_put() finds the connection broken; pg_put(): after so many calls that work. */
void scripted_break_send(void);
void scripted_break_put(int after);

/* pg_link_new() fails. */
void scripted_refuse_new(void);
/* Statements that the user of the link wants prepared. */
const char *const *scripted_prepared(void);
void scripted_server_connections(int);

#endif

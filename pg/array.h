/*
 * Builds binary array parameters for unnest($1, $2, ...) (PostgreSQL's array_send
 * format): one-dimensional, with or without NULLs. A builder is reused: reset keeps its
 * memory. Memory errors are sticky and show in pgarray_ok().
 */
#ifndef PG_ARRAY_H
#define PG_ARRAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Element types by OID (pg_type.dat; stable). */
enum {
	PG_BOOL = 16,
	PG_BYTEA = 17,
	PG_INT8 = 20,
	PG_INT2 = 21,
	PG_INT4 = 23,
	PG_TEXT = 25,
	PG_FLOAT8 = 701,
	PG_INET = 869,
	PG_TIMESTAMPTZ = 1184,
	PG_JSONB = 3802
};

struct pgarray {
	uint8_t *p;
	size_t len, room;
	uint32_t n;
	uint32_t oid;
	bool failed;
};

void pgarray_init(struct pgarray *, uint32_t element_oid);
void pgarray_free(struct pgarray *);
void pgarray_reset(struct pgarray *);
bool pgarray_ok(const struct pgarray *);

void pgarray_null(struct pgarray *);
/* An element already in its type's binary form. */
void pgarray_raw(struct pgarray *, const void *p, size_t n);
void pgarray_bool(struct pgarray *, bool);
void pgarray_int2(struct pgarray *, int16_t);
void pgarray_int4(struct pgarray *, int32_t);
void pgarray_int8(struct pgarray *, int64_t);
void pgarray_float8(struct pgarray *, double);
void pgarray_text(struct pgarray *, const char *p, size_t n);
/* Wall clock, ms since 1970; written as timestamptz. */
void pgarray_time_ms(struct pgarray *, int64_t wall_ms);
/* JSON text; gets the jsonb version byte in front. */
void pgarray_jsonb(struct pgarray *, const char *json, size_t n);
/* A numeric address without port, as inet; NULL if it is none. A zone (%eth0) is cut off. */
void pgarray_inet(struct pgarray *, const char *addr);

/* The same as bytes, to be kept for later (pgarray_raw); returns their number, 0 if it is none. */
#define PGARRAY_INET 20
size_t pgarray_inet_bytes(const char *addr, uint8_t out[PGARRAY_INET]);

/* Writes header fields and gives the parameter's bytes and length for PQsendQueryPrepared. */
const char *pgarray_param(struct pgarray *, int *len);

#endif

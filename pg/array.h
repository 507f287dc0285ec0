/*
 * Builds binary array parameters for unnest($1, $2, ...) (PostgreSQL's array_send
 * format): one-dimensional, with or without NULLs. A builder is reused: reset keeps its
 * memory. Memory errors are sticky and show in pg_array_param().
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
	PG_JSON = 114,
	PG_FLOAT8 = 701,
	PG_INET = 869,
	PG_TIMESTAMPTZ = 1184,
	PG_JSONB = 3802
};

struct pg_array {
	uint8_t *p;
	size_t len, room;
	uint32_t n;
	uint32_t oid;
	bool failed;
};

void pg_array_init(struct pg_array *, uint32_t element_oid);
void pg_array_free(struct pg_array *);
void pg_array_reset(struct pg_array *);
/* The arrays of a statement, empty, of these element types. {0} is good for the first time. */
void pg_array_start(struct pg_array *, const uint32_t *element_oids, int n);

void pg_array_null(struct pg_array *);
/* An element already in its type's binary form. */
void pg_array_raw(struct pg_array *, const void *p, size_t n);
void pg_array_bool(struct pg_array *, bool);
void pg_array_int2(struct pg_array *, int16_t);
void pg_array_int4(struct pg_array *, int32_t);
void pg_array_int8(struct pg_array *, int64_t);
void pg_array_text(struct pg_array *, const char *p, size_t n);
/* JSON text as jsonb. */
void pg_array_jsonb(struct pg_array *, const void *json, size_t n);
/* Wall clock, ms or us since 1970; written as timestamptz. */
void pg_array_time_ms(struct pg_array *, int64_t wall_ms);
void pg_array_time_us(struct pg_array *, int64_t wall_us);
/* Its 15 digits, as text. */
void pg_array_imei(struct pg_array *, uint64_t imei);
/* AF_INET's 4 or AF_INET6's 16 bytes, as inet; NULL if the family is another. */
void pg_array_addr(struct pg_array *, int family, const uint8_t *addr);

/*
 * A numeric address without port as the bytes of inet, to be kept for later (pg_array_raw); returns
 * their number, 0 if it is none. A zone (%eth0) is cut off.
 */
#define PG_ARRAY_INET 20
size_t pg_array_inet_bytes(const char *addr, uint8_t out[PG_ARRAY_INET]);

/* Writes header fields and gives the parameter's bytes and length for PQsendQueryPrepared. NULL: an error came. */
const char *pg_array_param(struct pg_array *, int *len) __attribute__((warn_unused_result));

#endif

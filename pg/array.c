#include "pg/array.h"

#include <arpa/inet.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "proto/stream.h"
#include "proto/wire.h"

/* Dimensions, "has NULLs" flag, element OID, length, lower bound: four bytes each. */
#define HEADER 20
#define HEADER_EMPTY 12
#define FIRST_ROOM 256

/* Microseconds from 1970 to PostgreSQL's epoch, 2000-01-01. */
#define PG_EPOCH_US INT64_C(946684800000000)

/* The first byte of a jsonb in binary; the text follows. */
#define JSONB_VERSION 1

/* Address families as the wire form of inet has them; the same on every server. */
#define PG_AF_INET 2
#define PG_AF_INET6 3

/* Makes room for `n` bytes more; a parameter's length is an int, so no array outgrows that. */
static bool
reserve(struct pg_array *a, size_t n)
{
	size_t room = a->room;

	if (a->failed)
		return false;
	if (n > (size_t)INT_MAX - a->len) {
		a->failed = true;
		return false;
	}
	while (room < a->len + n)
		room = room == 0 ? FIRST_ROOM : room * 2;
	if (room == a->room)
		return true;
	uint8_t *p = realloc(a->p, room);
	if (p == NULL) {
		a->failed = true;
		return false;
	}
	a->p = p;
	a->room = room;
	return true;
}

void
pg_array_init(struct pg_array *a, uint32_t element_oid)
{
	*a = (struct pg_array){.oid = element_oid};
	pg_array_reset(a);
}

void
pg_array_free(struct pg_array *a)
{
	free(a->p);
	*a = (struct pg_array){.oid = a->oid};
}

void
pg_array_reset(struct pg_array *a)
{
	a->failed = false;
	a->n = 0;
	a->len = 0;
	if (!reserve(a, HEADER))
		return;
	memset(a->p, 0, HEADER);
	a->len = HEADER;
}

void
pg_array_start(struct pg_array *a, const uint32_t *element_oids, int n)
{
	for (int i = 0; i < n; i++) {
		a[i].oid = element_oids[i];
		pg_array_reset(&a[i]);
	}
}

/* An array that was freed starts again by itself. */
static uint8_t *
element(struct pg_array *a, size_t n)
{
	if (a->len == 0 && !a->failed)
		pg_array_reset(a);
	if (n > INT_MAX - 4 || !reserve(a, 4 + n)) {
		a->failed = true;
		return NULL;
	}
	uint8_t *p = a->p + a->len;
	wire_put_u32(p, (uint32_t)n);
	a->len += 4 + n;
	a->n++;
	return p + 4;
}

void
pg_array_null(struct pg_array *a)
{
	uint8_t *p = element(a, 0);

	if (p == NULL)
		return;
	wire_put_u32(p - 4, UINT32_MAX);
	wire_put_u32(a->p + 4, 1);
}

void
pg_array_raw(struct pg_array *a, const void *from, size_t n)
{
	uint8_t *p = element(a, n);

	if (p != NULL && n > 0)
		memcpy(p, from, n);
}

void
pg_array_bool(struct pg_array *a, bool v)
{
	uint8_t *p = element(a, 1);

	if (p != NULL)
		*p = v;
}

void
pg_array_int2(struct pg_array *a, int16_t v)
{
	uint8_t *p = element(a, 2);

	if (p != NULL)
		wire_put_u16(p, (uint16_t)v);
}

void
pg_array_int4(struct pg_array *a, int32_t v)
{
	uint8_t *p = element(a, 4);

	if (p != NULL)
		wire_put_u32(p, (uint32_t)v);
}

void
pg_array_int8(struct pg_array *a, int64_t v)
{
	uint8_t *p = element(a, 8);

	if (p != NULL)
		wire_put_u64(p, (uint64_t)v);
}

void
pg_array_text(struct pg_array *a, const char *p, size_t n)
{
	pg_array_raw(a, p, n);
}

void
pg_array_jsonb(struct pg_array *a, const void *json, size_t n)
{
	uint8_t *p = n < INT_MAX ? element(a, 1 + n) : NULL;

	if (p == NULL) {
		a->failed = true;
		return;
	}
	p[0] = JSONB_VERSION;
	memcpy(p + 1, json, n);
}

void
pg_array_time_us(struct pg_array *a, int64_t wall_us)
{
	int64_t us;

	if (__builtin_sub_overflow(wall_us, PG_EPOCH_US, &us))
		a->failed = true;
	else
		pg_array_int8(a, us);
}

void
pg_array_time_ms(struct pg_array *a, int64_t wall_ms)
{
	int64_t us;

	if (__builtin_mul_overflow(wall_ms, INT64_C(1000), &us))
		a->failed = true;
	else
		pg_array_time_us(a, us);
}

void
pg_array_imei(struct pg_array *a, uint64_t imei)
{
	uint8_t *p = element(a, IMEI_DIGITS);

	if (p == NULL)
		return;
	for (int i = IMEI_DIGITS - 1; i >= 0; i--, imei /= 10)
		p[i] = (uint8_t)('0' + imei % 10);
}

/* Family, bits, "is a network", length, address (PostgreSQL, network.c). Returns their number, or 0. */
static size_t
inet_bytes(int family, const uint8_t *addr, uint8_t out[PG_ARRAY_INET])
{
	bool v6 = family == AF_INET6;
	uint8_t n = v6 ? 16 : 4;

	if (!v6 && family != AF_INET)
		return 0;
	out[0] = v6 ? PG_AF_INET6 : PG_AF_INET;
	out[1] = (uint8_t)(n * 8);
	out[2] = 0;
	out[3] = n;
	memcpy(out + 4, addr, n);
	return (size_t)n + 4;
}

size_t
pg_array_inet_bytes(const char *addr, uint8_t out[PG_ARRAY_INET])
{
	char plain[INET6_ADDRSTRLEN];
	size_t n = addr != NULL ? strcspn(addr, "%") : 0;
	uint8_t bytes[16];

	if (n == 0 || n >= sizeof(plain))
		return 0;
	memcpy(plain, addr, n);
	plain[n] = '\0';
	if (inet_pton(AF_INET, plain, bytes) == 1)
		return inet_bytes(AF_INET, bytes, out);
	if (inet_pton(AF_INET6, plain, bytes) == 1)
		return inet_bytes(AF_INET6, bytes, out);
	return 0;
}

void
pg_array_addr(struct pg_array *a, int family, const uint8_t *addr)
{
	uint8_t bytes[PG_ARRAY_INET];
	size_t n = inet_bytes(family, addr, bytes);

	if (n > 0)
		pg_array_raw(a, bytes, n);
	else
		pg_array_null(a);
}

const char *
pg_array_param(struct pg_array *a, int *len)
{
	*len = 0;
	if (a->len == 0 && !a->failed)
		pg_array_reset(a);
	if (a->failed)
		return NULL;
	wire_put_u32(a->p, a->n > 0 ? 1 : 0);
	wire_put_u32(a->p + 8, a->oid);
	wire_put_u32(a->p + 12, a->n);
	wire_put_u32(a->p + 16, 1);
	/* An array without elements has no dimension to describe. */
	*len = a->n > 0 ? (int)a->len : HEADER_EMPTY;
	return (const char *)a->p;
}

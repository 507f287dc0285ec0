#include "pg/array.h"

#include <arpa/inet.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* Dimensions, "has NULLs" flag, element OID, length, lower bound: four bytes each. */
#define HEADER 20
#define HEADER_EMPTY 12
#define FIRST_ROOM 256

/* Milliseconds from 1970 to PostgreSQL's epoch, 2000-01-01. */
#define PG_EPOCH_MS INT64_C(946684800000)

/* Address families as the wire form of inet has them; the same on every server. */
#define PG_AF_INET 2
#define PG_AF_INET6 3

static void
put_u16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void
put_u32(uint8_t *p, uint32_t v)
{
	put_u16(p, (uint16_t)(v >> 16));
	put_u16(p + 2, (uint16_t)v);
}

static void
put_u64(uint8_t *p, uint64_t v)
{
	put_u32(p, (uint32_t)(v >> 32));
	put_u32(p + 4, (uint32_t)v);
}

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

bool
pg_array_ok(const struct pg_array *a)
{
	return !a->failed;
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
	put_u32(p, (uint32_t)n);
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
	put_u32(p - 4, UINT32_MAX);
	put_u32(a->p + 4, 1);
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
		put_u16(p, (uint16_t)v);
}

void
pg_array_int4(struct pg_array *a, int32_t v)
{
	uint8_t *p = element(a, 4);

	if (p != NULL)
		put_u32(p, (uint32_t)v);
}

void
pg_array_int8(struct pg_array *a, int64_t v)
{
	uint8_t *p = element(a, 8);

	if (p != NULL)
		put_u64(p, (uint64_t)v);
}

void
pg_array_float8(struct pg_array *a, double v)
{
	uint64_t bits;

	memcpy(&bits, &v, sizeof(bits));
	pg_array_int8(a, (int64_t)bits);
}

void
pg_array_text(struct pg_array *a, const char *p, size_t n)
{
	pg_array_raw(a, p, n);
}

void
pg_array_time_ms(struct pg_array *a, int64_t wall_ms)
{
	int64_t us;

	if (__builtin_sub_overflow(wall_ms, PG_EPOCH_MS, &us) ||
	    __builtin_mul_overflow(us, INT64_C(1000), &us)) {
		a->failed = true;
		return;
	}
	pg_array_int8(a, us);
}

void
pg_array_jsonb(struct pg_array *a, const char *json, size_t n)
{
	uint8_t *p = n < INT_MAX - 4 ? element(a, 1 + n) : NULL;

	if (p == NULL) {
		a->failed = true;
		return;
	}
	*p = 1;
	if (n > 0)
		memcpy(p + 1, json, n);
}

size_t
pg_array_inet_bytes(const char *addr, uint8_t out[PG_ARRAY_INET])
{
	char plain[INET6_ADDRSTRLEN];
	size_t n = addr != NULL ? strcspn(addr, "%") : 0;

	if (n == 0 || n >= sizeof(plain))
		return 0;
	memcpy(plain, addr, n);
	plain[n] = '\0';
	if (inet_pton(AF_INET, plain, out + 4) == 1) {
		memcpy(out, (const uint8_t[]){PG_AF_INET, 32, 0, 4}, 4);
		return 8;
	}
	if (inet_pton(AF_INET6, plain, out + 4) == 1) {
		memcpy(out, (const uint8_t[]){PG_AF_INET6, 128, 0, 16}, 4);
		return 20;
	}
	return 0;
}

void
pg_array_inet(struct pg_array *a, const char *addr)
{
	uint8_t bytes[PG_ARRAY_INET];
	size_t n = pg_array_inet_bytes(addr, bytes);

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
	put_u32(a->p, a->n > 0 ? 1 : 0);
	put_u32(a->p + 8, a->oid);
	put_u32(a->p + 12, a->n);
	put_u32(a->p + 16, 1);
	/* An array without elements has no dimension to describe. */
	*len = a->n > 0 ? (int)a->len : HEADER_EMPTY;
	return (const char *)a->p;
}

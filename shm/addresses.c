#include "shm/addresses.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#define BUCKETS 8192u /* a power of two */
#define WAYS 8u

/* Free for another address when it has no connection and said nothing in this minute. */
struct entry {
	_Atomic uint64_t key; /* 0: never used */
	_Atomic uint32_t connections;
	_Atomic uint32_t minute; /* in which `unknown` were counted */
	_Atomic uint32_t unknown;
	_Atomic uint32_t told; /* the minute in which the log heard of it */
};

/* Whole pages, so that one table can be cleared without another. */
struct table {
	union {
		_Atomic uint32_t used; /* something was written since it was cleared */
		char page[ADDRESSES_ALIGN];
	};
	struct entry bucket[BUCKETS][WAYS];
};

static_assert(sizeof(struct table) % ADDRESSES_ALIGN == 0, "whole pages");

struct addresses {
	struct table *table;
	uint32_t nblocks;
};

bool
address_read(struct address *a, const struct sockaddr *sa)
{
	static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

	*a = (struct address){0};
	if (sa->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)sa;

		a->family = AF_INET;
		memcpy(a->bytes, &in->sin_addr, 4);
		a->port = ntohs(in->sin_port);
	} else if (sa->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)sa;

		a->family = AF_INET6;
		memcpy(a->bytes, &in6->sin6_addr, 16);
		a->port = ntohs(in6->sin6_port);
		if (memcmp(a->bytes, mapped, sizeof(mapped)) == 0) {
			a->family = AF_INET;
			memmove(a->bytes, a->bytes + 12, 4);
			memset(a->bytes + 4, 0, 12);
		}
	}
	return a->family != 0;
}

void
address_text(const struct address *a, char out[ADDRESS_TEXT])
{
	char host[INET6_ADDRSTRLEN];

	if (inet_ntop(a->family, a->bytes, host, sizeof(host)) == NULL)
		(void)snprintf(out, ADDRESS_TEXT, "?");
	else
		(void)snprintf(
		    out, ADDRESS_TEXT, a->family == AF_INET6 ? "[%s]:%u" : "%s:%u", host, a->port);
}

size_t
addresses_size(uint32_t nblocks)
{
	return nblocks * sizeof(struct table);
}

struct addresses *
addresses_map(int fd, off_t at, uint32_t nblocks)
{
	struct addresses *a = malloc(sizeof(*a));
	int saved;

	if (a == NULL)
		return NULL;
	a->nblocks = nblocks;
	a->table = mmap(NULL, addresses_size(nblocks), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_NORESERVE, fd, at);
	if (a->table != MAP_FAILED)
		return a;
	saved = errno;
	free(a);
	errno = saved;
	return NULL;
}

void
addresses_unmap(struct addresses *a)
{
	if (a == NULL)
		return;
	(void)munmap(a->table, addresses_size(a->nblocks));
	free(a);
}

bool
addresses_clear(int fd, off_t at, uint32_t block)
{
	off_t from = at + (off_t)(block * sizeof(struct table));

	/* What was never written is a hole already. */
	return fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, from,
		   (off_t)sizeof(struct table)) == 0;
}

uint64_t
addresses_key(int family, const uint8_t *addr)
{
	size_t len = family == AF_INET6 ? 8 : 4;
	uint64_t key = 0;

	for (size_t i = 0; i < len; i++)
		key = key << 8 | addr[i];
	/* ::/8 is nobody's, so an IPv4 address can't be taken for a network there. */
	if (family != AF_INET6)
		key |= UINT64_C(1) << 32;
	return key != 0 ? key : 1;
}

static uint32_t
get(const _Atomic uint32_t *p)
{
	return atomic_load_explicit((_Atomic uint32_t *)p, memory_order_relaxed);
}

static void
set(_Atomic uint32_t *p, uint32_t n)
{
	atomic_store_explicit(p, n, memory_order_relaxed);
}

static uint32_t
bucket_of(uint64_t key)
{
	key ^= key >> 32;
	key *= UINT64_C(0xd6e8feb86659fd93);
	return (uint32_t)(key >> 40) & (BUCKETS - 1);
}

static const struct entry *
find(const struct table *t, uint64_t key)
{
	const struct entry *e = t->bucket[bucket_of(key)];

	if (get(&t->used) == 0)
		return NULL;
	for (uint32_t i = 0; i < WAYS; i++)
		if (atomic_load_explicit((_Atomic uint64_t *)&e[i].key, memory_order_relaxed) ==
		    key)
			return &e[i];
	return NULL;
}

/* The entry of the address, made if there is room; else NULL. */
static struct entry *
claim(struct addresses *a, uint32_t block, uint64_t key, uint32_t minute)
{
	struct table *t = &a->table[block];
	struct entry *e = (struct entry *)find(t, key);

	if (e != NULL)
		return e;
	e = t->bucket[bucket_of(key)];
	for (uint32_t i = 0; i < WAYS; i++, e++) {
		if (get(&e->connections) > 0 || get(&e->minute) == minute ||
		    get(&e->told) == minute)
			continue;
		set(&t->used, 1);
		set(&e->minute, 0);
		set(&e->told, 0);
		atomic_store_explicit(&e->key, key, memory_order_relaxed);
		return e;
	}
	return NULL;
}

uint64_t
addresses_connections(const struct addresses *a, uint64_t key)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < a->nblocks; i++) {
		const struct entry *e = find(&a->table[i], key);

		if (e != NULL)
			n += get(&e->connections);
	}
	return n;
}

bool
addresses_connected(struct addresses *a, uint32_t block, uint64_t key, uint32_t minute)
{
	struct entry *e = claim(a, block, key, minute);

	if (e == NULL)
		return false;
	set(&e->connections, get(&e->connections) + 1);
	return true;
}

void
addresses_disconnected(struct addresses *a, uint32_t block, uint64_t key)
{
	struct entry *e = (struct entry *)find(&a->table[block], key);

	if (e != NULL && get(&e->connections) > 0)
		set(&e->connections, get(&e->connections) - 1);
}

uint64_t
addresses_unknown(const struct addresses *a, uint64_t key, uint32_t minute)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < a->nblocks; i++) {
		const struct entry *e = find(&a->table[i], key);

		if (e != NULL && get(&e->minute) == minute)
			n += get(&e->unknown);
	}
	return n;
}

void
addresses_note_unknown(struct addresses *a, uint32_t block, uint64_t key, uint32_t minute)
{
	struct entry *e = claim(a, block, key, minute);

	if (e == NULL)
		return;
	if (get(&e->minute) != minute) {
		set(&e->unknown, 0);
		set(&e->minute, minute);
	}
	set(&e->unknown, get(&e->unknown) + 1);
}

bool
addresses_tell(struct addresses *a, uint32_t block, uint64_t key, uint32_t minute)
{
	struct entry *e = claim(a, block, key, minute);

	if (e == NULL || get(&e->told) == minute)
		return false;
	set(&e->told, minute);
	return true;
}

/*
 * What all workers together know about the addresses of trackers: how many connections each has, and
 * how many unknown IMEIs came from it in this minute. A part of the shared memory (shm/area.h), which a
 * worker maps only if its configuration has a limit that needs it.
 *
 * Each worker (shm_owner(), here a "block") has a table that it alone writes and the master clears
 * after its death; everybody reads all of them, without a lock. So a sum is exact but for what other
 * workers do in the same instant.
 *
 * A table has room for 65536 addresses, 8 where they hash to one place; an address without room in
 * a table is not counted there. Nothing of a table is touched, and costs memory, before its first
 * use.
 *
 * IPv4 addresses count one by one, IPv6 addresses by their /64, as one customer has that many.
 */
#ifndef SHM_ADDRESSES_H
#define SHM_ADDRESSES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct addresses;
struct sockaddr;

/* An address and port; IPv4 also where it came over an IPv6 socket (::ffff:192.0.2.7). */
struct address {
	int family;	   /* AF_INET or AF_INET6 */
	uint8_t bytes[16]; /* network order; the first four for AF_INET */
	uint16_t port;
};

#define ADDRESS_TEXT 64 /* "[address]:port" with its NUL */

/* False, and all zero, for any other family. */
bool address_read(struct address *, const struct sockaddr *);
/* "192.0.2.7:4000", "[2001:db8::1]:4000"; "?" for none. */
void address_text(const struct address *, char out[ADDRESS_TEXT]);

#define ADDRESSES_ALIGN 65536 /* of the tables in their file: as large as any page */

/* Bytes of the file that the tables of so many workers take. */
size_t addresses_size(uint32_t nblocks);
/*
 * A worker: maps the tables of the first `nblocks` workers, which begin at `at` in the file; what was
 * never written there is zero. NULL with errno. Workers from `nblocks` on are not counted.
 */
struct addresses *addresses_map(int fd, off_t at, uint32_t nblocks)
    __attribute__((warn_unused_result));
void addresses_unmap(struct addresses *);
/* The master, after the death of a worker; nothing has to be mapped for it. False with errno. */
bool addresses_clear(int fd, off_t at, uint32_t block) __attribute__((warn_unused_result));

/* What an address counts as. `family`: AF_INET or AF_INET6; `addr`: 4 or 16 bytes, network order. */
uint64_t addresses_key(int family, const uint8_t *addr);

/* `minute`: any number that grows once per minute and is the same for all workers; not 0. */

/* Open connections, over all workers. */
uint64_t addresses_connections(const struct addresses *, uint64_t key);
/* The worker `block`: one more; false if there is no room, and then it is not to be taken back. */
bool addresses_connected(struct addresses *, uint32_t block, uint64_t key, uint32_t minute)
    __attribute__((warn_unused_result));
void addresses_disconnected(struct addresses *, uint32_t block, uint64_t key);

/* Unknown IMEIs of this minute, over all workers. */
uint64_t addresses_unknown(const struct addresses *, uint64_t key, uint32_t minute);
void addresses_note_unknown(struct addresses *, uint32_t block, uint64_t key, uint32_t minute);
/* True the first time in a minute that this worker asks it: the log hears of an address once. */
bool addresses_tell(struct addresses *, uint32_t block, uint64_t key, uint32_t minute)
    __attribute__((warn_unused_result));

#endif

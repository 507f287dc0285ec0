/*
 * The guards of the open port: who may connect, how many, and who may go on asking for IMEIs that
 * nobody knows. They say yes or no, count what they refuse by reason, and tell the log, once a
 * minute each; accept.c and the connections do the rest.
 *
 *   TELEM_GATEWAY_ALLOW_CIDR, TELEM_PROXY_FROM, TELEM_MAX_CONNECTIONS,
 *   TELEM_MAX_CONNECTIONS_PER_ADDRESS, TELEM_UNKNOWN_IMEI_RATE
 */
#ifndef WORKER_NET_ADMISSION_H
#define WORKER_NET_ADMISSION_H

#include <stdbool.h>
#include <stdint.h>

#include "common/conf.h"
#include "shm/area.h"

struct guards;
struct sockaddr;

/* What is referred to must outlive it. `owner`: shm_owner(). */
struct guards *guards_new(const struct conf *, struct shm *, struct stats *, uint32_t owner);
void guards_free(struct guards *);

enum guards_verdict {
	GUARDS_ADMIT,
	GUARDS_HEADER, /* a balancer: its PROXY header comes first, then guards_behind() */
	GUARDS_REFUSE,
};

/*
 * Before a round of accepts: counts the connections of all workers anew. So TELEM_MAX_CONNECTIONS
 * can be exceeded by what the other workers accept in their present round.
 */
void guards_round(struct guards *);
/* A connection was accepted; what is not refused is counted as open for this round. */
enum guards_verdict guards_accepted(struct guards *, const struct sockaddr *);
/* The address that a balancer's header told. False: refused. */
bool guards_behind(struct guards *, const struct sockaddr *);

/*
 * A connection of this address is open; true if guards_left() must be told of its end. `addr`
 * here and below: 4 or 16 bytes, network order.
 */
bool guards_came(struct guards *, int family, const uint8_t *addr)
    __attribute__((warn_unused_result));
void guards_left(struct guards *, int family, const uint8_t *addr);

/* An IMEI of this address was looked up, and nobody knows it. */
void guards_note_unknown(struct guards *, int family, const uint8_t *addr);
/*
 * May the database be asked about another one? False: close without an answer. `tell`: true the
 * first time in this minute.
 */
bool guards_may_ask(struct guards *, int family, const uint8_t *addr, bool *tell);

#endif

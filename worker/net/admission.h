/*
 * The admission: who may connect to the open port, how many, and who may go on asking for IMEIs that
 * nobody knows. It says yes or no, counts what it refuses by reason, and tells the log, once per
 * minute and reason; its callers do the rest.
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

struct admission;
struct sockaddr;

/* What is referred to must outlive it. `owner`: shm_owner(). */
struct admission *admission_new(const struct conf *, struct shm *, struct stats *, uint32_t owner)
    __attribute__((warn_unused_result));
void admission_free(struct admission *);

enum admission_verdict {
	ADMISSION_YES,
	ADMISSION_HEADER,  /* a balancer: its PROXY header comes first, then admission_behind() */
	ADMISSION_OUTSIDE, /* refused: not of the networks that may connect */
	ADMISSION_FULL,	   /* refused: there are too many connections */
	ADMISSION_ADDRESS_FULL, /* refused: there are too many of its address */
};

static inline bool
admission_refuses(enum admission_verdict verdict)
{
	return verdict >= ADMISSION_OUTSIDE;
}

/*
 * Before a round of accepts: counts the connections of all workers anew. So TELEM_MAX_CONNECTIONS
 * can be exceeded by what the other workers accept in their present round.
 */
void admission_round(struct admission *);
/* A connection was accepted; what is not refused is counted as open for this round. */
enum admission_verdict admission_accepted(struct admission *, const struct sockaddr *)
    __attribute__((warn_unused_result));
/* The address that a balancer's header named. */
enum admission_verdict admission_behind(struct admission *, const struct sockaddr *)
    __attribute__((warn_unused_result));

/*
 * A connection of this address is open; true if admission_left() must be told of its end. `addr`
 * here and below: 4 or 16 bytes, network order.
 */
bool admission_came(struct admission *, int family, const uint8_t *addr)
    __attribute__((warn_unused_result));
void admission_left(struct admission *, int family, const uint8_t *addr);

/* An IMEI of this address was looked up, and nobody knows it. */
void admission_note_unknown(struct admission *, int family, const uint8_t *addr);
/*
 * May the database be asked about another one? False: close without an answer. `tell`: true the
 * first time in this minute.
 */
bool admission_may_ask(struct admission *, int family, const uint8_t *addr, bool *tell)
    __attribute__((warn_unused_result));

#endif

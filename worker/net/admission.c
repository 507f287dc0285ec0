#include "worker/net/admission.h"

#include <inttypes.h>
#include <stdlib.h>

#include "shm/addresses.h"
#include "common/clock.h"
#include "common/log.h"

#define LOG_EVERY_MS 60000

struct admission {
	const struct conf *conf;
	struct shm *shm;
	struct stats *stats;
	uint32_t owner;
	uint64_t open; /* connections of all workers, in this round */
	struct log_gate outside_gate, full_gate, address_gate;
};

struct admission *
admission_new(const struct conf *conf, struct shm *shm, struct stats *stats, uint32_t owner)
{
	struct admission *a = calloc(1, sizeof(*a));

	if (a == NULL)
		return NULL;
	a->conf = conf;
	a->shm = shm;
	a->stats = stats;
	a->owner = owner;
	return a;
}

void
admission_free(struct admission *a)
{
	free(a);
}

/* The same for all workers: their clocks are one (clock.h). */
static uint32_t
minute(void)
{
	return (uint32_t)(clock_mono_ms() / 60000) + 1;
}

/* One line per minute says who was refused last, and how many were since. */
static void
tell(struct log_gate *gate, const struct sockaddr *sa, const char *why)
{
	char peer[ADDRESS_TEXT];
	struct address from;
	uint64_t more;

	if (!log_gate_open(gate, clock_mono_ms(), LOG_EVERY_MS, &more))
		return;
	(void)address_read(&from, sa);
	address_text(&from, peer);
	log_write(LOG_WARN_, &(struct log_fields){.peer = peer},
	    "connection refused: %s (%" PRIu64 " more since the last such line)", why, more);
}

void
admission_round(struct admission *a)
{
	if (a->conf->max_connections == 0)
		return;
	a->open = 0;
	for (int slot = 0; slot < shm_used_slots(a->shm); slot++) {
		for (int block = 0; block < SHM_BLOCKS; block++) {
			const struct stats *s = &a->shm->slots[slot].block[block].stats;

			a->open += stats_get(&s->conn_handshake) + stats_get(&s->conn_active) +
				   stats_get(&s->conn_closing);
		}
	}
}

enum admission_verdict
admission_behind(struct admission *a, const struct sockaddr *sa)
{
	int most = a->conf->max_connections_per_address;
	struct address from;

	if (!cidr_list_match(&a->conf->allow_cidr, sa)) {
		stats_add(&a->stats->refused_cidr, 1);
		tell(&a->outside_gate, sa, "outside TELEM_GATEWAY_ALLOW_CIDR");
		return ADMISSION_OUTSIDE;
	}
	if (most > 0 && address_read(&from, sa) &&
	    addresses_connections(a->shm->addresses, addresses_key(from.family, from.bytes)) >=
		(uint64_t)most) {
		stats_add(&a->stats->refused_address, 1);
		tell(
		    &a->address_gate, sa, "its address has TELEM_MAX_CONNECTIONS_PER_ADDRESS open");
		return ADMISSION_ADDRESS_FULL;
	}
	return ADMISSION_YES;
}

enum admission_verdict
admission_accepted(struct admission *a, const struct sockaddr *sa)
{
	bool balancer = a->conf->proxy_from.n > 0 && cidr_list_match(&a->conf->proxy_from, sa);

	enum admission_verdict verdict = balancer ? ADMISSION_HEADER : admission_behind(a, sa);

	if (admission_refuses(verdict))
		return verdict;
	if (a->conf->max_connections > 0 && a->open >= (uint64_t)a->conf->max_connections) {
		stats_add(&a->stats->refused_max, 1);
		tell(&a->full_gate, sa, "TELEM_MAX_CONNECTIONS are open in all");
		return ADMISSION_FULL;
	}
	a->open++;
	return verdict;
}

bool
admission_came(struct admission *a, int family, const uint8_t *addr)
{
	return a->conf->max_connections_per_address > 0 &&
	       addresses_connected(
		   a->shm->addresses, a->owner, addresses_key(family, addr), minute());
}

void
admission_left(struct admission *a, int family, const uint8_t *addr)
{
	addresses_disconnected(a->shm->addresses, a->owner, addresses_key(family, addr));
}

void
admission_note_unknown(struct admission *a, int family, const uint8_t *addr)
{
	if (a->conf->unknown_imei_rate > 0)
		addresses_note_unknown(
		    a->shm->addresses, a->owner, addresses_key(family, addr), minute());
}

bool
admission_may_ask(struct admission *a, int family, const uint8_t *addr, bool *first)
{
	uint64_t rate = (uint64_t)a->conf->unknown_imei_rate, key;
	uint32_t now;

	*first = false;
	if (rate == 0)
		return true;
	key = addresses_key(family, addr);
	now = minute();
	if (addresses_unknown(a->shm->addresses, key, now) < rate)
		return true;
	*first = addresses_tell(a->shm->addresses, a->owner, key, now);
	return false;
}

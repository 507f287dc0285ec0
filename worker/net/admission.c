#include "worker/net/admission.h"

#include <inttypes.h>
#include <stdlib.h>

#include "shm/addresses.h"
#include "common/clock.h"
#include "common/log.h"

#define LOG_EVERY_MS 60000

struct guards {
	const struct conf *conf;
	struct shm *shm;
	struct stats *stats;
	uint32_t owner;
	uint64_t open; /* connections of all workers, in this round */
	struct log_gate outside_gate, full_gate, address_gate;
};

struct guards *
guards_new(const struct conf *conf, struct shm *shm, struct stats *stats, uint32_t owner)
{
	struct guards *g = calloc(1, sizeof(*g));

	if (g == NULL)
		return NULL;
	g->conf = conf;
	g->shm = shm;
	g->stats = stats;
	g->owner = owner;
	return g;
}

void
guards_free(struct guards *g)
{
	free(g);
}

/* The same for all workers: their clocks are one (clock.h). */
static uint32_t
minute(void)
{
	return (uint32_t)(clock_mono_ms() / 60000) + 1;
}

/* One line a minute says who was refused last, and how many were since. */
static void
tell(struct log_gate *gate, const struct sockaddr *sa, const char *why)
{
	char peer[ADDRESS_TEXT];
	struct address a;
	uint64_t more;

	if (!log_gate_open(gate, clock_mono_ms(), LOG_EVERY_MS, &more))
		return;
	(void)address_read(&a, sa);
	address_text(&a, peer);
	log_write(LOG_WARN_, &(struct log_fields){.peer = peer},
	    "connection refused: %s (%" PRIu64 " more since the last such line)", why, more);
}

void
guards_round(struct guards *g)
{
	if (g->conf->max_connections == 0)
		return;
	g->open = 0;
	for (int slot = 0; slot < shm_used_slots(g->shm); slot++) {
		for (int block = 0; block < SHM_BLOCKS; block++) {
			const struct stats *s = &g->shm->slots[slot].block[block].stats;

			g->open += stats_get(&s->conn_handshake) + stats_get(&s->conn_active) +
				   stats_get(&s->conn_closing);
		}
	}
}

bool
guards_behind(struct guards *g, const struct sockaddr *sa)
{
	int most = g->conf->max_connections_per_address;
	struct address a;

	if (!cidr_list_match(&g->conf->allow_cidr, sa)) {
		stats_add(&g->stats->refused_cidr, 1);
		tell(&g->outside_gate, sa, "outside TELEM_GATEWAY_ALLOW_CIDR");
		return false;
	}
	if (most > 0 && address_read(&a, sa) &&
	    addresses_connections(g->shm->addresses, addresses_key(a.family, a.bytes)) >=
		(uint64_t)most) {
		stats_add(&g->stats->refused_address, 1);
		tell(
		    &g->address_gate, sa, "its address has TELEM_MAX_CONNECTIONS_PER_ADDRESS open");
		return false;
	}
	return true;
}

enum guards_verdict
guards_accepted(struct guards *g, const struct sockaddr *sa)
{
	bool balancer = g->conf->proxy_from.n > 0 && cidr_list_match(&g->conf->proxy_from, sa);

	if (!balancer && !guards_behind(g, sa))
		return GUARDS_REFUSE;
	if (g->conf->max_connections > 0 && g->open >= (uint64_t)g->conf->max_connections) {
		stats_add(&g->stats->refused_max, 1);
		tell(&g->full_gate, sa, "TELEM_MAX_CONNECTIONS are open in all");
		return GUARDS_REFUSE;
	}
	g->open++;
	return balancer ? GUARDS_HEADER : GUARDS_ADMIT;
}

bool
guards_came(struct guards *g, int family, const uint8_t *addr)
{
	return g->conf->max_connections_per_address > 0 &&
	       addresses_connected(
		   g->shm->addresses, g->owner, addresses_key(family, addr), minute());
}

void
guards_left(struct guards *g, int family, const uint8_t *addr)
{
	addresses_disconnected(g->shm->addresses, g->owner, addresses_key(family, addr));
}

void
guards_note_unknown(struct guards *g, int family, const uint8_t *addr)
{
	if (g->conf->unknown_imei_rate > 0)
		addresses_note_unknown(
		    g->shm->addresses, g->owner, addresses_key(family, addr), minute());
}

bool
guards_may_ask(struct guards *g, int family, const uint8_t *addr, bool *first)
{
	uint64_t rate = (uint64_t)g->conf->unknown_imei_rate, key;
	uint32_t now;

	*first = false;
	if (rate == 0)
		return true;
	key = addresses_key(family, addr);
	now = minute();
	if (addresses_unknown(g->shm->addresses, key, now) < rate)
		return true;
	*first = addresses_tell(g->shm->addresses, g->owner, key, now);
	return false;
}

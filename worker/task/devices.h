/*
 * Keeps the shared registry like `devices` (doc/design.md, Handshake), and answers for IMEIs that
 * it doesn't hold.
 *
 * Every worker runs this job; the leader (registry_try_lead) loads the whole table at start, after
 * a lost connection, on a bulk notification, and as a fall-back every 60 s, or as rarely as it is large; and
 * applies single changes on NOTIFY.
 * Any worker looks up misses, many IMEIs in one query, each at most once per second.
 */
#ifndef WORKER_TASK_DEVICES_H
#define WORKER_TASK_DEVICES_H

#include <stdbool.h>
#include <stdint.h>

#include "shm/registry.h"
#include "shm/stats.h"
#include "worker/task/jobs.h"

struct devices;

enum lookup_answer {
	LOOKUP_KNOWN,	/* the registry has an enabled entry for it now */
	LOOKUP_UNKNOWN, /* the database knows no such IMEI */
	LOOKUP_DISABLED,
	LOOKUP_UNAVAILABLE, /* the database did not answer: say nothing */
	LOOKUP_FULL, /* it knows the device, and the registry has no room for it: say nothing */
};

struct devices_config {
	struct registry *registry;
	struct stats *stats;
	bool allow_unknown_imei; /* a miss inserts a bare row instead */
	void *ctx;
	/*
	 * The answer to devices_lookup(), once for each call that returned true; never from inside
	 * it.
	 */
	void (*answer)(void *ctx, uint64_t token, uint64_t imei, enum lookup_answer);
};

struct devices *devices_new(const struct devices_config *) __attribute__((warn_unused_result));
void devices_free(struct devices *);
struct job *devices_job(struct devices *);

/*
 * Asks about an IMEI that registry_find() doesn't hold as enabled. Returns true if an answer will
 * follow for `token`; false if *now holds the answer already (asked less than a second ago,
 * database away, or too many questions waiting).
 */
bool devices_lookup(struct devices *, uint64_t imei, uint64_t token, int64_t now_mono_ms,
    enum lookup_answer *now) __attribute__((warn_unused_result));

/* How long after a load that took the database so long the next one is due; `jitter` is any number. */
int64_t devices_reload_ms(int64_t load_us, uint16_t jitter) __attribute__((warn_unused_result));

#endif

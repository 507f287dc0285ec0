/* The object that the files of this folder work on. */
#ifndef WORKER_TRACKER_TRACKERS_IMPL_H
#define WORKER_TRACKER_TRACKERS_IMPL_H

#include "common/intmap.h"
#include "proto/avl.h"
#include "worker/tracker/conn.h"
#include "worker/tracker/followers.h"
#include "worker/tracker/trackers_config.h"
#include "worker/tracker/wakeups.h"

/* Whose turn it is to be closed, in the order of the table. */
struct drain {
	bool active;
	int64_t began_ms, limit_ms;
	uint32_t total, closed, next;
};

struct trackers {
	struct conn_set conns; /* the first member: trackers_of() */
	struct trackers_config cfg;
	struct trackers_parts parts;
	struct intmap
	    by_device; /* registry entry of a device to the index of whom has its session */
	struct followers followers;
	struct wakeups wakeups;
	struct event *wakeup_ev;
	struct drain drain;
	uint64_t version;	    /* of the registry, as last checked */
	uint32_t announcements;	    /* that were heeded */
	int64_t last_message_us;    /* wall clock at which the last message arrived */
	struct avl_record *records; /* AVL_MAX_RECORDS, scratch of the decoder */
};

static inline struct trackers *
trackers_of(const struct conn *c)
{
	return (struct trackers *)(void *)c->set;
}

#endif

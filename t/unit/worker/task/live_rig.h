/* What the tests of live rows share. */
#ifndef T_UNIT_WORKER_TASK_LIVE_RIG_H
#define T_UNIT_WORKER_TASK_LIVE_RIG_H

#include "t/unit/worker/task/rig.h"
#include "worker/task/live.h"

#define OWNER 0
#define T0 INT64_C(1700000000000) /* 2023-11-14 22:13:20 UTC, ms */
#define ROW_ROOM 1024

/* The job under test. */
struct live *add_live(struct rig *);
/* The tuple of a record: its latitude in whole degrees and its speed tell which one it was. */
void make_row(uint8_t out[ROW_ROOM], int64_t device_id, int64_t at_ms, int degrees, bool fix);
/* A record with or without a fix was committed. */
void position(
    struct live *, uint32_t entry, int64_t device_id, int64_t at_ms, int degrees, bool fix);
/* The session of a device began, or ended: ids are counted from those of T0 on. */
#define SESSION_0 "3481600000000000000"
void connected(struct live *, uint32_t entry, int64_t device_id, int64_t session);
void disconnected(struct live *, uint32_t entry, int64_t device_id, int64_t session,
    int64_t wall_ms, const char *reason);
/* All is written; and for this test the second that a device waits is over. */
void settled(struct rig *, struct live *);
/* The end of a test. */
void done(struct rig *, struct live *);

#endif

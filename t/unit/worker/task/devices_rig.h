/* What the tests of devices and of imei_lookup share. */
#ifndef T_UNIT_WORKER_TASK_DEVICES_RIG_H
#define T_UNIT_WORKER_TASK_DEVICES_RIG_H

#include "t/unit/worker/task/rig.h"
#include "worker/task/devices.h"

struct answers {
	int n;
	uint64_t token[5000];
	enum lookup_answer answer[5000];
};

/* The job under test; its answers go to `a`. */
struct devices *add_devices(struct rig *, struct answers *a, bool allow_unknown);
/* What the registry holds of IMEI(n). */
struct device_entry entry_of(struct rig *, int n);

#endif

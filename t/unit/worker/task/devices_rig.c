#include "t/unit/worker/task/devices_rig.h"

static void
answer_cb(void *ctx, uint64_t token, uint64_t imei, enum lookup_answer answer)
{
	struct answers *a = ctx;

	(void)imei;
	ck_assert_int_lt(a->n, 5000);
	a->token[a->n] = token;
	a->answer[a->n++] = answer;
}

struct devices *
add_devices(struct rig *r, struct answers *a, bool allow_unknown)
{
	struct devices *d = devices_new(&(struct devices_config){.registry = r->registry,
	    .stats = r->stats,
	    .allow_unknown_imei = allow_unknown,
	    .ctx = a,
	    .answer = answer_cb});

	ck_assert_ptr_nonnull(d);
	a->n = 0;
	rig_add(r, devices_job(d));
	return d;
}

struct device_entry
entry_of(struct rig *r, int n)
{
	uint32_t e = registry_find(r->registry, IMEI(n));
	struct device_entry out = {0};

	if (e != REGISTRY_NONE)
		registry_get(r->registry, e, &out);
	return out;
}

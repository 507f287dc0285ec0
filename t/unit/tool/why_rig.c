#include "t/unit/tool/why_rig.h"

#include <stdio.h>
#include <string.h>

/* A device that is well: connected, a record with a fix a moment ago. */
struct why_facts
why_well(void)
{
	return (struct why_facts){.imei = "350000000000001",
	    .now = NOW,
	    .gateway_asked = true,
	    .gateway_answers = true,
	    .gateway_ready = true,
	    .database_answers = true,
	    .fleet_last_seen = NOW - S,
	    .known = true,
	    .enabled = true,
	    .model = "FMB920",
	    .seen = true,
	    .online = true,
	    .connected_at = NOW - 3 * H,
	    .last_seen = NOW - 5 * S,
	    .addr = "192.0.2.7",
	    .gateway = "north",
	    .worker = 1,
	    .fix_at = NOW - 6 * S,
	    .latitude = 54.5,
	    .longitude = 25.25,
	    .records = 20,
	    .fixes = 18,
	    .recorded_last = NOW - 6 * S,
	    .received_last = NOW - 5 * S,
	    .satellites_most = 9};
}

struct why_facts
why_nobody(void)
{
	struct why_facts f = why_well();

	f.known = f.enabled = f.seen = f.online = false;
	f.connected_at = f.last_seen = f.fix_at = f.recorded_last = f.received_last = 0;
	f.records = f.fixes = 0;
	f.addr[0] = f.model[0] = '\0';
	return f;
}

struct why_facts
why_never(void)
{
	struct why_facts f = why_nobody();

	f.known = f.enabled = true;
	return f;
}

/* Judges; the reasons' codes must be these, parted by blanks, and the words hold these. */
void
why_expect(const struct why_facts *f, const char *codes, const char *answer, const char *advice)
{
	struct why_reason r[WHY_MAX];
	size_t n = why_judge(f, r);
	char got[512] = "";

	for (size_t i = 0; i < n; i++) {
		strcat(got, i > 0 ? " " : "");
		strcat(got, r[i].code);
		ck_assert_uint_gt(strlen(r[i].answer), 10);
		ck_assert_int_eq(r[i].answer[strlen(r[i].answer) - 1], '.');
	}
	ck_assert_str_eq(got, codes);
	ck_assert_msg(strstr(r[0].answer, answer) != NULL, "%s: %s", codes, r[0].answer);
	ck_assert_msg(strstr(r[0].advice, advice) != NULL, "%s: %s", codes, r[0].advice);
}

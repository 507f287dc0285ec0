#include "tool/why_closed.h"

#include <stddef.h>
#include <string.h>

#define COMES "The gateway accepts it as soon as it comes."
#define REPEATS \
	"tgctl capture IMEI keeps its bytes. Other firmware, or the tracker's Data Protocol " \
	"setting, may help; something between may change what it sends."

static const struct why_ending all[] = {
    {"peer", "the tracker closed the connection", "", false},
    {"broken", "the connection broke off", "", false},
    {"keepalive",
	"the tracker could not be reached any more: its network or a NAT on the way had dropped the "
	"connection without a word",
	"Let the tracker send more often than the operator's NAT forgets (mostly 5 to 30 min): "
	"a ping time-out of 5 min, or shorter sending periods.",
	true},
    {"out_of_step",
	"the tracker sent something else than a frame: junk before it or padding behind it",
	REPEATS, true},
    {"length", "the tracker announced a frame that is too long or too short", REPEATS, true},
    {"crc", "the tracker sent a frame with a wrong CRC", REPEATS, true},
    {"other_imei", "the tracker said another IMEI on a connection in use",
	"Something sends for two devices over one connection: a relay, a serial gateway, or two "
	"trackers behind one modem. Each needs a connection of its own.",
	true},
    {"frame_timeout",
	"the tracker began a frame and did not finish it within TELEM_FRAME_TIMEOUT_S",
	"Its link is too weak for its frames (signal, roaming, MTU on the way): fewer records per "
	"frame help. tgctl trace IMEI --hex shows how far it comes.",
	true},
    {"idle", "the tracker sent nothing for TELEM_IDLE_TIMEOUT_S",
	"It may have nothing to say: parked, or asleep. Pings keep a connection open.", true},
    {"takeover", "a newer connection of the tracker took its place", "", false},
    {"takeover_elsewhere", "a connection of the same IMEI from another address took its place", "",
	false},
    {"removed", "the device was disabled or deleted", COMES, false},
    {"operator", "an operator closed it (tgctl session close)", COMES, false},
    {"memory", "the gateway's buffers were full",
	"More memory for it: TELEM_WORKER_MEMORY_MB; see the log.", true},
    {"stuck", "the tracker did not read its acknowledgements",
	"Its link takes bytes one way only: its operator, a firewall on the way, its firmware.",
	true},
    {"unstorable", "the tracker sent a frame that could not be stored in any form",
	"The gateway's log says why.", true},
    {"late_answer",
	"the tracker had not answered a command, and another one needed a new connection", COMES,
	false},
    {"drain", "the gateway was stopped, reloaded or upgraded", COMES, false},
    {"shutdown", "the gateway was stopped", COMES, false},
    {"worker_died", "the gateway's worker died or was killed", COMES, false},
};

const struct why_ending *
why_ending(const char *reason)
{
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (strcmp(all[i].reason, reason) == 0)
			return &all[i];
	return NULL;
}

#include "worker/tracker/state.h"

#define TO(state) (1u << (state))

bool
state_may_follow(enum conn_state from, enum conn_state to)
{
	static const unsigned may[CONN_STATES] = {
	    [CONN_HEADER] = TO(CONN_HANDSHAKE) | TO(CONN_CLOSING),
	    [CONN_HANDSHAKE] = TO(CONN_ASKING) | TO(CONN_CLOSING),
	    [CONN_ASKING] = TO(CONN_OPEN) | TO(CONN_CLOSING),
	    [CONN_OPEN] = TO(CONN_PAUSED) | TO(CONN_CLOSING),
	    [CONN_PAUSED] = TO(CONN_OPEN) | TO(CONN_CLOSING),
	    [CONN_CLOSING] = TO(CONN_LINGERING) | TO(CONN_GONE),
	    [CONN_LINGERING] = TO(CONN_GONE),
	};

	return (may[from] & TO(to)) != 0;
}

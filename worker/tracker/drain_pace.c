#include "worker/tracker/drain_pace.h"

uint32_t
pace_due(uint32_t total, int64_t elapsed_ms, int64_t limit_ms)
{
	int64_t within_ms = limit_ms * PACE_SHARE_PERCENT / 100;
	int64_t all = total, slow, fast;

	if (elapsed_ms < 0)
		elapsed_ms = 0;
	if (elapsed_ms >= within_ms)
		return total;
	/* Both products fit: elapsed_ms is below an hour of milliseconds (TELEM_DRAIN_TIMEOUT_MS).
	 */
	slow = elapsed_ms * PACE_PER_SECOND / 1000;
	fast = elapsed_ms * all / within_ms;
	if (fast > slow)
		slow = fast;
	return slow + 1 < all ? (uint32_t)(slow + 1) : total;
}

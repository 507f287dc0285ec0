/* The other half of tgctl why: --all. */
#ifndef TOOL_CMD_WHY_H
#define TOOL_CMD_WHY_H

#include <stdbool.h>

#include "common/conf.h"

/* Judges the devices that are silent, at most `limit` (0: all). An exit status. */
int why_all(const struct conf *, long long limit, bool json);

#endif

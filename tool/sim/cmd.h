/* The command "tgctl sim": a fleet of simulated trackers. */
#ifndef TOOL_SIM_CMD_H
#define TOOL_SIM_CMD_H

#include "tool/tool.h"

int cmd_sim(int argc, char **argv);

#endif

/* The commands of tgctl (tool/tool.h says what one is), a file each, but for "sim" (tool/sim/cmd.h). */
#ifndef TOOL_CMD_CMD_H
#define TOOL_CMD_CMD_H

#include "tool/tool.h"

int cmd_migrate(int argc, char **argv);
int cmd_decode(int argc, char **argv);
int cmd_dictionary(int argc, char **argv);
int cmd_events(int argc, char **argv);
int cmd_device(int argc, char **argv);
int cmd_session(int argc, char **argv);
int cmd_status(int argc, char **argv);
int cmd_rejected(int argc, char **argv);
int cmd_raw(int argc, char **argv);
int cmd_command(int argc, char **argv);
int cmd_trace(int argc, char **argv);
int cmd_capture(int argc, char **argv);
int cmd_top(int argc, char **argv);
int cmd_why(int argc, char **argv);
int cmd_export(int argc, char **argv);
int cmd_import(int argc, char **argv);
int cmd_grants(int argc, char **argv);

#endif

/*
 * The commands of tgctl. Each gets its own name in argv[0] and its arguments
 * behind it, parses them with getopt_long(), answers --help on stdout, and
 * returns an exit code. Errors go to stderr and say what happened and what to do.
 */
#ifndef TOOL_CMD_CMD_H
#define TOOL_CMD_CMD_H

enum tool_exit {
	TOOL_OK = 0,
	TOOL_FAILED = 1, /* it was tried and did not work */
	TOOL_USAGE = 2,	 /* wrong arguments or configuration: nothing was tried */
};

int cmd_migrate(int argc, char **argv);
int cmd_decode(int argc, char **argv);
int cmd_device(int argc, char **argv);
int cmd_status(int argc, char **argv);
int cmd_rejected(int argc, char **argv);
int cmd_raw(int argc, char **argv);
int cmd_command(int argc, char **argv);
int cmd_trace(int argc, char **argv);
int cmd_capture(int argc, char **argv);
int cmd_why(int argc, char **argv);
int cmd_grants(int argc, char **argv);
int cmd_sim(int argc, char **argv);

#endif

/*
 * What the program is made of: commands, and what they return. A command gets its own name in argv[0] and
 * its arguments behind it, parses them with getopt_long(), answers --help on stdout, and returns an
 * exit code. Errors go to stderr and say what happened and what to do.
 */
#ifndef TOOL_TOOL_H
#define TOOL_TOOL_H

enum tool_exit {
	TOOL_OK = 0,
	TOOL_FAILED = 1, /* it was tried and did not work */
	TOOL_USAGE = 2,	 /* wrong arguments or configuration: nothing was tried */
};

/* A row of the table in main.c. */
struct tool_command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *summary; /* for tgctl --help */
};

#endif

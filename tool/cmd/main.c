/* tgctl: everything that an operator does with the gateway, as commands. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "tool/cmd/cmd.h"
#include "tool/complete.h"
#include "tool/sim/cmd.h"

static const struct tool_command commands[] = {
    {"migrate", cmd_migrate, "bring the database schema up to date"},
    {"decode", cmd_decode, "show what a tracker's bytes say; replay a capture"},
    {"sim", cmd_sim, "run a fleet of simulated trackers against a gateway"},
    {"dictionary", cmd_dictionary, "say what an AVL id means, and on which devices"},
    {"device", cmd_device, "the inventory: add, list, show, set, remove, import"},
    {"command", cmd_command, "commands to trackers: send, list, cancel, wait"},
    {"session", cmd_session, "who is connected: list, close"},
    {"status", cmd_status, "show how the gateway and the database are"},
    {"top", cmd_top, "the gateway at work, refreshed"},
    {"rejected", cmd_rejected, "who was refused: list, unidentified, clear"},
    {"raw", cmd_raw, "frames in quarantine: list, show, decode, drop"},
    {"why", cmd_why, "say in words why a tracker is silent"},
    {"events", cmd_events, "what happened: alarms and other events of devices"},
    {"trace", cmd_trace, "follow one device live"},
    {"capture", cmd_capture, "write to a file what one device sends"},
    {"export", cmd_export, "write a day or a device of the history into a file"},
    {"import", cmd_import, "bring records of such a file back, each once"},
    {"grants", cmd_grants, "print GRANT statements for roles with least privilege"},
};
#define NCOMMANDS (sizeof(commands) / sizeof(commands[0]))

static void
usage(FILE *to)
{
	fputs("Usage: tgctl [-c FILE] COMMAND [ARGUMENTS]\n\nCommands:\n", to);
	for (size_t i = 0; i < NCOMMANDS; i++)
		fprintf(to, "  %-10s %s\n", commands[i].name, commands[i].summary);
	fputs(
	    "  help       show how to use a command: tgctl help COMMAND\n"
	    "\n"
	    "Options:\n"
	    "  -c, --config FILE  configuration file; the default is\n"
	    "                     " PKGSYSCONFDIR "/gateway.conf\n"
	    "  -V, --version      print the version\n"
	    "  -h, --help         this text\n"
	    "\n"
	    "Variables of the environment have the names of the file's keys (DATABASE_URL ...) and win.\n"
	    "Exit status: 0 done, 1 failed, 2 wrong arguments or configuration.\n",
	    to);
}

static const struct tool_command *
find(const char *name)
{
	for (size_t i = 0; i < NCOMMANDS; i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	fprintf(stderr, "tgctl: there is no command \"%s\"; see \"tgctl --help\"\n", name);
	return NULL;
}

static int
help(int argc, char **argv)
{
	const struct tool_command *cmd;
	char option[] = "--help";
	char *args[3] = {NULL, option, NULL};

	if (argc < 2) {
		usage(stdout);
		return TOOL_OK;
	}
	cmd = find(argv[1]);
	if (cmd == NULL)
		return TOOL_USAGE;
	args[0] = argv[1];
	return cmd->run(2, args);
}

/* Hands the command its arguments, with a -c that stood before it put behind its name. */
static int
run(const struct tool_command *cmd, char *conf_file, int argc, char **argv)
{
	char flag[] = "-c";
	char **args;
	int status, n = 0;

	args = calloc((size_t)argc + 3, sizeof(*args));
	if (args == NULL) {
		fprintf(stderr, "tgctl: out of memory\n");
		return TOOL_FAILED;
	}
	args[n++] = argv[0];
	if (conf_file != NULL) {
		args[n++] = flag;
		args[n++] = conf_file;
	}
	for (int i = 1; i < argc; i++)
		args[n++] = argv[i];
	status = cmd->run(n, args);
	free(args);
	/* A full disk or a closed pipe must not look like success. */
	if (fflush(stdout) != 0 && status == TOOL_OK) {
		perror("tgctl: writing the output");
		status = TOOL_FAILED;
	}
	return status;
}

int
main(int argc, char **argv)
{
	const struct tool_command *cmd;
	char *conf_file = NULL;
	int i = 1;

	for (; i < argc && argv[i][0] == '-'; i++) {
		const char *arg = argv[i];

		if (strcmp(arg, "-h") == 0 || strcmp(arg, "--help") == 0) {
			usage(stdout);
			return TOOL_OK;
		}
		if (strcmp(arg, "-V") == 0 || strcmp(arg, "--version") == 0) {
			puts("tgctl " PACKAGE_VERSION);
			return TOOL_OK;
		}
		if ((strcmp(arg, "-c") == 0 || strcmp(arg, "--config") == 0) && i + 1 < argc) {
			conf_file = argv[++i];
		} else if (strncmp(arg, "--config=", 9) == 0) {
			conf_file = argv[i] + 9;
		} else {
			fprintf(stderr,
			    "tgctl: option %s is unknown or lacks its value; see "
			    "\"tgctl --help\"\n",
			    arg);
			return TOOL_USAGE;
		}
	}
	if (i >= argc) {
		usage(stderr);
		return TOOL_USAGE;
	}
	if (strcmp(argv[i], "help") == 0)
		return help(argc - i, argv + i);
	/* For the shells' completion: "complete -- WORD...". */
	if (strcmp(argv[i], "complete") == 0 && i + 1 < argc && strcmp(argv[i + 1], "--") == 0) {
		complete(commands, NCOMMANDS, argv + i + 2, argc - i - 2);
		return TOOL_OK;
	}
	cmd = find(argv[i]);
	if (cmd == NULL)
		return TOOL_USAGE;
	return run(cmd, conf_file, argc - i, argv + i);
}

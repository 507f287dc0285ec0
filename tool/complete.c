#include "tool/complete.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Values of options, for all commands (NULL) or one. A command's own come first. */
static const struct {
	const char *command, *option, *values;
} values[] = {
    {"sim", "--codec", "8 8e 16 mix"},
    {NULL, "--codec", "12 14"},
    {NULL, "--status", "pending sent acked failed expired cancelled"},
    {NULL, "--reason", "count structure crc content codec unknown_codec message raw"},
    {NULL, "--role", "gateway web readonly"},
    {NULL, "--severity", "info warning alarm"},
    {NULL, "--for", "1m 10m 1h 24h"},
    {NULL, "--since", "10m 1h 1d 7d"},
    {NULL, "--expires-in", "10m 1h 1d"},
    {NULL, "--interval", "1 2 10"},
    {NULL, "--host", "127.0.0.1"},
    {NULL, "--peer", "127.0.0.1"},
};

/* Options that take a file, and commands whose arguments are files. */
static const char *const file_options[] = {"-c", "--config", "-o", "--output", "--imei-file",
    "--acked-log", "--sent-log", "--command-log", NULL};

static bool
is_in(const char *word, const char *const *list)
{
	for (; *list != NULL; list++)
		if (strcmp(word, *list) == 0)
			return true;
	return false;
}

static void
offer(const char *word, size_t n, const char *typed)
{
	if (n >= strlen(typed) && strncmp(word, typed, strlen(typed)) == 0)
		printf("%.*s\n", (int)n, word);
}

/* Words parted by blanks. */
static void
offer_words(const char *words, const char *typed)
{
	while (*words != '\0') {
		size_t n = strcspn(words, " ");

		offer(words, n, typed);
		words += n + strspn(words + n, " ");
	}
}

/* What the command says to --help; NULL if that fails. The caller frees it. */
static char *
help_of(const struct tool_command *command)
{
	char option[] = "--help", name[64], *text = NULL;
	char *args[] = {name, option, NULL};
	size_t room = 0;
	int fd[2];
	pid_t pid;
	FILE *f;

	snprintf(name, sizeof(name), "%s", command->name);
	if (fflush(stdout) != 0 || pipe(fd) == -1)
		return NULL;
	pid = fork();
	if (pid == 0) {
		if (dup2(fd[1], STDOUT_FILENO) == -1)
			_exit(1);
		close(fd[0]);
		close(fd[1]);
		(void)command->run(2, args);
		(void)fflush(stdout);
		_exit(0);
	}
	close(fd[1]);
	f = fdopen(fd[0], "r");
	if (f == NULL || getdelim(&text, &room, '\0', f) == -1) {
		free(text);
		text = NULL;
	}
	if (f != NULL)
		fclose(f);
	if (pid > 0)
		(void)waitpid(pid, NULL, 0);
	return text;
}

/* "list", "[list]" or "add|remove" behind "tgctl COMMAND" in a line of the usage. */
static void
offer_actions(const char *help, const char *command, const char *typed)
{
	const char *end = strstr(help, "\n\n");
	char intro[80];

	snprintf(intro, sizeof(intro), "tgctl %s ", command);
	for (const char *at = help;
	     (at = strstr(at, intro)) != NULL && (end == NULL || at < end);) {
		at += strlen(intro);
		at += *at == '[';
		while (*at >= 'a' && *at <= 'z') {
			size_t n = strspn(at, "abcdefghijklmnopqrstuvwxyz-");

			offer(at, n, typed);
			at += n + (at[n] == '|');
		}
	}
}

static void
offer_options(const char *help, const char *typed)
{
	const char *first;

	for (const char *at = help; (at = strstr(at, "--")) != NULL;) {
		size_t n = 2 + strspn(at + 2, "abcdefghijklmnopqrstuvwxyz0123456789-");
		char option[64];

		snprintf(option, sizeof(option), "%.*s", (int)n, at);
		/* Each once: where it stands first. */
		for (first = strstr(help, option);
		     first != NULL && first < at &&
		     strspn(first + 2, "abcdefghijklmnopqrstuvwxyz0123456789-") + 2 != n;)
			first = strstr(first + 1, option);
		if (n > 2 && first == at)
			offer(option, n, typed);
		at += n;
	}
}

static bool
offer_values(const char *command, const char *option, const char *typed)
{
	if (is_in(option, file_options)) {
		puts(":files");
		return true;
	}
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		if (strcmp(values[i].option, option) == 0 &&
		    (values[i].command == NULL || strcmp(values[i].command, command) == 0)) {
			offer_words(values[i].values, typed);
			return true;
		}
	return false;
}

/* Where the command's name stands among the words before the last; n - 1 if nowhere. */
static int
command_at(char **words, int n)
{
	int i = 0;

	while (i < n - 1 && words[i][0] == '-')
		i += strcmp(words[i], "-c") == 0 || strcmp(words[i], "--config") == 0 ? 2 : 1;
	return i < n - 1 ? i : n - 1;
}

static void
offer_commands(
    const struct tool_command *commands, size_t ncommands, const char *typed, bool options)
{
	for (size_t i = 0; i < ncommands; i++)
		offer(commands[i].name, strlen(commands[i].name), typed);
	offer("help", 4, typed);
	if (options)
		offer_words("-c --config --help --version", typed);
}

void
complete(const struct tool_command *commands, size_t ncommands, char **words, int n)
{
	static const char *const take_files[] = {"decode", NULL};
	const char *typed = n > 0 ? words[n - 1] : "", *name;
	int at = command_at(words, n);
	char *help = NULL;

	if (n > 1 && is_in(words[n - 2], file_options)) {
		puts(":files");
		return;
	}
	if (n == 0 || at == n - 1 || strcmp(words[at], "help") == 0) {
		offer_commands(commands, ncommands, typed, n == 0 || at == n - 1);
		return;
	}
	name = words[at];
	if (n - 2 > at && offer_values(name, words[n - 2], typed))
		return;
	for (size_t i = 0; i < ncommands; i++)
		if (strcmp(commands[i].name, name) == 0)
			help = help_of(&commands[i]);
	if (help == NULL)
		return;
	if (at == n - 2)
		offer_actions(help, name, typed);
	offer_options(help, typed);
	if (*typed != '-' &&
	    (is_in(name, take_files) || (strcmp(name, "device") == 0 && n - 2 > at &&
					    strcmp(words[at + 1], "import") == 0)))
		puts(":files");
	free(help);
}

#include "config.h"

#include "common/conf.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/conf_impl.h"

#define DEFAULT_FILE PKGSYSCONFDIR "/gateway.conf"
#define LINE_BYTES 8192 /* longest line of the file */
#define NAME_BYTES 64	/* longest name that is worth a hint */
#define MAX_WORKERS 1024

static const struct conf_key *
find_key(const char *name)
{
	for (size_t i = 0; i < conf_nkeys; i++)
		if (strcmp(conf_keys[i].name, name) == 0)
			return &conf_keys[i];
	return NULL;
}

/*
 * A name that may be shown. Anything else on the left of a '=' can be a piece of a
 * connection string that went astray, password and all.
 */
static bool
is_plain_name(const char *s)
{
	size_t n = strlen(s);

	return n > 0 && n < NAME_BYTES &&
	       strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_") == n;
}

/* How many letters have to be put in, left out or changed; upper and lower case are one. */
static size_t
distance(const char *a, const char *b)
{
	size_t row[NAME_BYTES + 1], nb = strlen(b);

	for (size_t j = 0; j <= nb; j++)
		row[j] = j;
	for (size_t i = 1; a[i - 1] != '\0'; i++) {
		size_t corner = row[0];

		row[0] = i;
		for (size_t j = 1; j <= nb; j++) {
			int differ =
			    toupper((unsigned char)a[i - 1]) != toupper((unsigned char)b[j - 1]);
			size_t best = corner + (size_t)differ;

			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			corner = row[j];
			row[j] = best;
		}
	}
	return row[nb];
}

static bool
ends_with(const char *s, const char *end)
{
	size_t ns = strlen(s), ne = strlen(end);

	return ns > ne && s[ns - ne - 1] == '_' && strcmp(s + ns - ne, end) == 0;
}

/* The key that a wrong name was probably meant to be, or NULL. The name is plain. */
static const char *
near_miss(const char *name)
{
	const char *tail = strncmp(name, "TELEM_", 6) == 0 ? name + 6 : name;
	const char *best = NULL;
	size_t least = 4;

	for (size_t i = 0; i < conf_nkeys; i++) {
		size_t d = distance(name, conf_keys[i].name);

		if (d < least) {
			least = d;
			best = conf_keys[i].name;
		}
	}
	for (size_t i = 0; best == NULL && i < conf_nkeys; i++)
		if (ends_with(conf_keys[i].name, tail) || strcmp(conf_keys[i].name, tail) == 0)
			best = conf_keys[i].name;
	return best;
}

static void
describe_unknown(const char *name, char *out, size_t len)
{
	const char *hint;

	if (!is_plain_name(name)) {
		(void)snprintf(out, len,
		    "what stands before the '=' is not a name (letters, digits and _, no blanks)");
		return;
	}
	hint = near_miss(name);
	if (hint != NULL)
		(void)snprintf(out, len, "%s is not known (did you mean %s?)", name, hint);
	else
		(void)snprintf(out, len, "%s is not known", name);
}

enum line_result { LINE_READ, LINE_END, LINE_LONG, LINE_NUL };

/* Reads one line without its newline; the last one may lack it. */
static enum line_result
read_line(FILE *f, char line[LINE_BYTES])
{
	size_t n = 0;
	int c;

	while ((c = getc(f)) != EOF && c != '\n') {
		if (c == '\0')
			return LINE_NUL;
		if (n == LINE_BYTES - 1)
			return LINE_LONG;
		line[n++] = (char)c;
	}
	line[n] = '\0';
	return c == EOF && n == 0 ? LINE_END : LINE_READ;
}

/* Takes one line; false with what is wrong. `lines` holds where each key was set before, or 0. */
static bool
take_line(struct conf *c, const struct conf_source *source, char *line, size_t number,
    size_t lines[CONF_MAX_KEYS], char why[CONF_WHY])
{
	char *equals = strchr(line, '=');
	const struct conf_key *key;
	char value_why[CONF_WHY];
	size_t *before;

	if (line[0] == '#' || line[0] == '\0')
		return true;
	/* A line without '=' is not shown: it may be the rest of a secret. */
	if (equals == NULL) {
		(void)snprintf(
		    why, CONF_WHY, "no '=': a line is NAME=value, or a comment with # first");
		return false;
	}
	*equals = '\0';
	key = find_key(line);
	if (key == NULL) {
		describe_unknown(line, why, CONF_WHY);
		return false;
	}
	before = &lines[key - conf_keys];
	if (*before != 0) {
		(void)snprintf(why, CONF_WHY, "%.63s is set already in line %zu", line, *before);
		return false;
	}
	*before = number;
	if (!conf_set(c, key, equals + 1, source->url_wrong, value_why)) {
		(void)snprintf(why, CONF_WHY, "%.63s: %.180s", line, value_why);
		return false;
	}
	return true;
}

/* A default file's fault does not stop a tool: it is told. */
static bool
pass_over(const struct conf_source *source, const char *err)
{
	char text[CONF_ERR + 64];

	if (!source->lenient || source->file != NULL)
		return false;
	(void)snprintf(text, sizeof(text), "%s; passed over", err);
	if (source->warn != NULL)
		source->warn(text);
	return true;
}

static bool
load_lines(
    struct conf *c, const struct conf_source *source, FILE *f, const char *path, char err[CONF_ERR])
{
	size_t lines[CONF_MAX_KEYS] = {0};
	char line[LINE_BYTES], why[CONF_WHY];

	for (size_t number = 1;; number++) {
		bool cut = false; /* what follows belongs to this line */

		switch (read_line(f, line)) {
		case LINE_END:
			if (ferror(f) == 0)
				return true;
			(void)snprintf(
			    err, CONF_ERR, "%.200s: can't be read: %s", path, strerror(errno));
			return pass_over(source, err);
		case LINE_LONG:
			(void)snprintf(why, sizeof(why), "longer than %d bytes", LINE_BYTES - 1);
			cut = true;
			break;
		case LINE_NUL:
			(void)snprintf(
			    why, sizeof(why), "holds a NUL byte: this is not a text file");
			cut = true;
			break;
		case LINE_READ:
			if (take_line(c, source, line, number, lines, why))
				continue;
			break;
		}
		(void)snprintf(err, CONF_ERR, "%.200s:%zu: %s", path, number, why);
		if (!pass_over(source, err))
			return false;
		for (int ch = cut ? 0 : '\n'; ch != '\n' && ch != EOF;)
			ch = getc(f);
	}
}

static bool
load_file(struct conf *c, const struct conf_source *source, char err[CONF_ERR])
{
	const char *path = source->file != NULL ? source->file : DEFAULT_FILE;
	FILE *f = fopen(path, "re");
	bool ok;

	if (f == NULL && source->file == NULL && errno == ENOENT)
		return true;
	if (f == NULL) {
		(void)snprintf(err, CONF_ERR, "%.200s: can't be opened: %s", path, strerror(errno));
		return pass_over(source, err);
	}
	ok = load_lines(c, source, f, path, err);
	(void)fclose(f);
	return ok;
}

static bool
load_environment(struct conf *c, const struct conf_source *source, char err[CONF_ERR])
{
	char why[CONF_WHY];

	for (size_t i = 0; i < conf_nkeys; i++) {
		const struct conf_key *key = &conf_keys[i];
		const char *value = getenv(key->name);

		if (value != NULL && !conf_set(c, key, value, source->url_wrong, why)) {
			(void)snprintf(err, CONF_ERR, "environment: %s: %s", key->name, why);
			return false;
		}
	}
	return true;
}

/* An unknown TELEM_* is mostly a slip; but the environment also belongs to others. */
static void
warn_environment(void (*warn)(const char *))
{
	for (char **e = environ; e != NULL && *e != NULL; e++) {
		char name[NAME_BYTES], why[CONF_WHY], message[CONF_ERR];
		size_t n = strcspn(*e, "=");

		if (strncmp(*e, "TELEM_", 6) != 0)
			continue;
		if (n >= sizeof(name))
			n = sizeof(name) - 1;
		memcpy(name, *e, n);
		name[n] = '\0';
		if (find_key(name) != NULL)
			continue;
		describe_unknown(name, why, sizeof(why));
		(void)snprintf(message, sizeof(message), "environment: %s", why);
		warn(message);
	}
}

static int
cpus(void)
{
	cpu_set_t set;
	long n;

	/* What this process may use: less than the machine has, in a container or under taskset. */
	if (sched_getaffinity(0, sizeof(set), &set) == 0)
		n = CPU_COUNT(&set);
	else
		n = sysconf(_SC_NPROCESSORS_ONLN);
	return n < 1 ? 1 : n > MAX_WORKERS ? MAX_WORKERS : (int)n;
}

static void
name_gateway(struct conf *c)
{
	char host[CONF_STR - 16];

	if (gethostname(host, sizeof(host)) == -1)
		(void)snprintf(host, sizeof(host), "localhost");
	host[sizeof(host) - 1] = '\0';
	for (char *p = host; *p != '\0'; p++)
		if (*p < 0x20 || *p >= 0x7f)
			*p = '?';
	(void)snprintf(c->gateway_id, sizeof(c->gateway_id), "%s:%d", host, c->port);
}

/* Under a deep prefix there is none, unless its place is said. */
static void
place_control_socket(struct conf *c)
{
	static const char path[] = CONF_CONTROL_SOCKET;
	bool fits = sizeof(path) + strlen(".new") <= CONF_SOCKET_PATH;

	(void)snprintf(c->control_socket, sizeof(c->control_socket), "%.*s", CONF_SOCKET_PATH - 1,
	    fits ? path : "none");
}

bool
conf_load(struct conf *c, const struct conf_source *source, char err[CONF_ERR])
{
	conf_set_fallbacks(c);
	err[0] = '\0';
	if (!load_file(c, source, err) || !load_environment(c, source, err))
		return false;
	if (source->warn != NULL)
		warn_environment(source->warn);
	if (source->need_database && c->database_url[0] == '\0') {
		/* The file's fault, if it had one, is the reason. */
		if (err[0] != '\0')
			return false;
		(void)snprintf(err, CONF_ERR,
		    "DATABASE_URL is not set: set it to the database, as in "
		    "DATABASE_URL=postgresql:///omnitrack, in %.200s or in the environment",
		    source->file != NULL ? source->file : DEFAULT_FILE);
		return false;
	}
	if (c->workers == 0)
		c->workers = cpus();
	if (c->gateway_id[0] == '\0')
		name_gateway(c);
	if (c->control_socket[0] == '\0')
		place_control_socket(c);
	return true;
}

/* Private, shared by operators, link-local and loopback addresses: not reached from everywhere. */
#define NOT_PUBLIC \
	"10.0.0.0/8,100.64.0.0/10,127.0.0.0/8,169.254.0.0/16,172.16.0.0/12,192.168.0.0/16," \
	"::1,fc00::/7,fe80::/10"

bool
conf_open_to_world(const struct conf *c)
{
	struct cidr_list inside;
	char binds[CONF_STR], err[CONF_ERR], *rest = binds, *one;

	if (c->allow_cidr.n > 0 || c->proxy_from.n > 0 ||
	    !cidr_list_parse(&inside, NOT_PUBLIC, err, sizeof(err)))
		return false;
	(void)snprintf(binds, sizeof(binds), "%s", c->bind);
	while ((one = strsep(&rest, ",")) != NULL) {
		struct sockaddr_in v4 = {.sin_family = AF_INET};
		struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};

		if ((inet_pton(AF_INET, one, &v4.sin_addr) == 1 &&
			!cidr_list_match(&inside, (struct sockaddr *)&v4)) ||
		    (inet_pton(AF_INET6, one, &v6.sin6_addr) == 1 &&
			!cidr_list_match(&inside, (struct sockaddr *)&v6)))
			return true;
	}
	return false;
}

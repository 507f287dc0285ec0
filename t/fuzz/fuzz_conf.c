/*
 * Fuzz target: a configuration file. It is taken or refused with one clean line that names the file's line; what is taken,
 * printed as -T prints it, is taken again and means the same; and the connection string that stands in its first line is in
 * no message and in nothing that is printed, whatever stands behind it.
 *
 * Input: the rest of the file, which begins within or behind the connection string's line.
 */
#include "t/fuzz/fuzz.h"

#include <string.h>

#include "common/conf.h"
#include "t/fuzz/file.h"

#define URL "DATABASE_URL=postgresql://u:"
#define SECRET "Zq7vXw9kTs3b"

extern char **environ;

static bool
holds_secret(const void *p, size_t n)
{
	return memmem(p, n, SECRET, strlen(SECRET)) != NULL;
}

static void
check_refusal(const char *err, const char *path)
{
	size_t n = strlen(err);

	REQUIRE(n > 0 && n < CONF_ERR && !holds_secret(err, n));
	REQUIRE(strncmp(err, path, strlen(path)) == 0 && err[strlen(path)] == ':');
	for (size_t i = 0; i < n; i++)
		REQUIRE((unsigned char)err[i] >= ' ' && err[i] != 0x7f);
}

static void
check_limits(const struct conf *c)
{
	REQUIRE(
	    c->port >= 0 && c->port <= 65535 && c->metrics_port >= 0 && c->metrics_port <= 65535);
	REQUIRE(c->workers >= 1 && c->workers <= 1024);
	REQUIRE(c->gateway_id[0] != '\0' && c->control_socket[0] != '\0' && c->bind[0] != '\0');
	REQUIRE(c->allow_cidr.n <= CIDR_MAX && c->proxy_from.n <= CIDR_MAX);
	REQUIRE(strlen(c->database_url) < CONF_URL && strlen(c->log_file) < CONF_STR);
}

static char *
dump(const struct conf *c, size_t *len)
{
	char *text = NULL;
	FILE *f = open_memstream(&text, len);

	REQUIRE(f != NULL);
	conf_dump(c, f);
	REQUIRE(fclose(f) == 0);
	return text;
}

static void
check_again(const struct conf *c)
{
	char err[CONF_ERR], *first, *second;
	struct conf_source source = {0};
	struct conf again;
	size_t len, again_len;

	first = dump(c, &len);
	REQUIRE(!holds_secret(first, len));
	source.file = fuzz_file((const uint8_t *)first, len, (const uint8_t *)"", 0);
	REQUIRE(conf_load(&again, &source, err));
	second = dump(&again, &again_len);
	REQUIRE(again_len == len && memcmp(first, second, len) == 0);
	REQUIRE(conf_open_to_world(&again) == conf_open_to_world(c));
	free(first);
	free(second);
}

/* A file whose first line holds the secret: the input's bytes go on with it, or with the next line. */
static void
check_file(const char *first, const uint8_t *data, size_t size)
{
	struct conf_source source = {
	    .file = fuzz_file((const uint8_t *)first, strlen(first), data, size)};
	char err[CONF_ERR];
	struct conf c;

	if (!conf_load(&c, &source, err)) {
		check_refusal(err, source.file);
		return;
	}
	REQUIRE(holds_secret(c.database_url, strlen(c.database_url)));
	check_limits(&c);
	check_again(&c);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char *none[] = {NULL};

	/* It counts as well, and wins. */
	environ = none;
	/* What the input says itself is no secret. */
	if (holds_secret(data, size))
		return 0;
	check_file(URL SECRET "@h/d\n", data, size);
	check_file(URL SECRET, data, size);
	return 0;
}

static size_t
put(uint8_t *out, size_t at, const char *name, const char *value)
{
	int n = snprintf((char *)out + at, FUZZ_SEED_MAX - at, "%s=%s\n", name, value);

	REQUIRE(n > 0 && at + (size_t)n < FUZZ_SEED_MAX);
	return at + (size_t)n;
}

/* Of each key its fallback, in the turn of the vectors some other files. */
size_t
fuzz_seed(const struct vector *v, uint8_t out[FUZZ_SEED_MAX])
{
	static const char *const files[][2] = {
	    {"TELEM_GATEWAY_BIND", "0.0.0.0, [::], 192.0.2.7,2001:db8::7"},
	    {"TELEM_GATEWAY_ALLOW_CIDR", "10.0.0.0/8, 2001:db8::/32,192.0.2.1"},
	    {"TELEM_PROXY_FROM", "::ffff:192.0.2.0/120"},
	    {"TELEM_CONTROL_SOCKET", "/run/x/control.sock"},
	    {"TELEM_SYNCHRONOUS_COMMIT", "remote_apply"},
	    {"# a comment", "\r"},
	    {"TELEM_WORKER", "two"},
	    {"DATABASE_URL", "twice"},
	    {"@h/d\nTELEM_LOG_FILE", "/var/log/\xc3\xa4.log"},
	};
	static size_t turn;
	struct conf_key_info key;
	size_t n = 0;

	(void)v;
	if (turn++ < sizeof(files) / sizeof(files[0]))
		return put(out, 0, files[turn - 1][0], files[turn - 1][1]);
	if (turn > sizeof(files) / sizeof(files[0]) + 1)
		return 0;
	for (size_t i = 0; conf_key_at(i, &key); i++)
		if (!key.computed)
			n = put(out, n, key.name, key.fallback);
	return n;
}

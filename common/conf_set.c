/* A value as text, into its member. */
#include "common/conf_impl.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#define SHOWN 40 /* of a value in a message */

/* "must be RANGE, not VALUE", with the value cut and made harmless. Not for secrets. */
static bool
out_of_range(const struct conf_key *k, const char *value, char why[CONF_WHY])
{
	char shown[SHOWN + 1];
	size_t n = 0;

	for (; n < SHOWN && value[n] != '\0'; n++)
		shown[n] = value[n] >= 0x20 && value[n] < 0x7f ? value[n] : '?';
	shown[n] = '\0';
	(void)snprintf(why, CONF_WHY, "must be %s, not \"%s\"%s", k->range, shown,
	    value[n] != '\0' ? "..." : "");
	return false;
}

static bool
set_number(const struct conf_key *k, struct conf *c, const char *value, char why[CONF_WHY])
{
	size_t digits = strspn(value, "0123456789");
	long long n;
	int i;

	if (digits == 0 || value[digits] != '\0' || digits > 10)
		return out_of_range(k, value, why);
	n = strtoll(value, NULL, 10);
	if (n < k->min || n > k->max)
		return out_of_range(k, value, why);
	i = (int)n;
	memcpy(conf_field(c, k), &i, sizeof(i));
	return true;
}

static bool
set_choice(const struct conf_key *k, struct conf *c, const char *value, char why[CONF_WHY])
{
	for (int i = 0; k->choices[i] != NULL; i++) {
		if (strcmp(k->choices[i], value) == 0) {
			memcpy(conf_field(c, k), &i, sizeof(i));
			return true;
		}
	}
	return out_of_range(k, value, why);
}

static bool
set_bool(const struct conf_key *k, struct conf *c, const char *value, char why[CONF_WHY])
{
	bool b = strcmp(value, "true") == 0;

	if (!b && strcmp(value, "false") != 0)
		return out_of_range(k, value, why);
	memcpy(conf_field(c, k), &b, sizeof(b));
	return true;
}

static bool
set_text(const struct conf_key *k, struct conf *c, const char *value, char why[CONF_WHY])
{
	size_t len = strlen(value);

	if (len >= k->size) {
		(void)snprintf(why, CONF_WHY, "longer than %zu bytes", k->size - 1);
		return false;
	}
	for (size_t i = 0; k->type == KEY_ASCII && i < len; i++)
		if (value[i] < 0x20 || value[i] >= 0x7f)
			return out_of_range(k, value, why);
	memcpy(conf_field(c, k), value, len + 1);
	return true;
}

static bool
set_socket(const struct conf_key *k, struct conf *c, const char *value, char why[CONF_WHY])
{
	if (strcmp(value, "none") != 0 &&
	    (value[0] != '/' || strlen(value) + sizeof(".new") > CONF_SOCKET_PATH))
		return out_of_range(k, value, why);
	return set_text(k, c, value, why);
}

/* Whoever knows connection strings judges it. The reason quotes nothing: it may be the password. */
static bool
set_url(const struct conf_key *k, struct conf *c, const char *value,
    const char *(*url_wrong)(const char *), char why[CONF_WHY])
{
	const char *wrong = url_wrong != NULL && *value != '\0' ? url_wrong(value) : NULL;

	if (wrong == NULL)
		return set_text(k, c, value, why);
	(void)snprintf(why, CONF_WHY, "%s", wrong);
	return false;
}

/* Reads one address, brackets taken off, into its canonical 16 bytes to tell doubles by. */
static bool
read_address(const char *s, size_t len, char text[INET6_ADDRSTRLEN], unsigned char addr[17])
{
	bool bracket = len >= 2 && s[0] == '[' && s[len - 1] == ']';

	if (bracket) {
		s++;
		len -= 2;
	}
	if (len == 0 || len >= INET6_ADDRSTRLEN)
		return false;
	memcpy(text, s, len);
	text[len] = '\0';
	memset(addr, 0, 17);
	if (!bracket && inet_pton(AF_INET, text, addr + 1) == 1)
		return true;
	addr[0] = 6;
	return inet_pton(AF_INET6, text, addr + 1) == 1;
}

static bool
set_binds(const struct conf_key *k, struct conf *c, const char *value, char why[CONF_WHY])
{
	unsigned char addr[CONF_MAX_BIND][17];
	char text[INET6_ADDRSTRLEN], *out = conf_field(c, k);
	size_t max = k->type == KEY_BIND ? 1 : CONF_MAX_BIND, used = 0;
	const char *p = value;

	for (size_t n = 0;; n++) {
		size_t len;

		p += strspn(p, " ");
		len = strcspn(p, ",");
		while (len > 0 && p[len - 1] == ' ')
			len--;
		if (n == max || !read_address(p, len, text, addr[n]))
			return out_of_range(k, value, why);
		for (size_t i = 0; i < n; i++) {
			if (memcmp(addr[i], addr[n], sizeof(addr[n])) == 0) {
				(void)snprintf(why, CONF_WHY, "holds %s twice", text);
				return false;
			}
		}
		if (used + strlen(text) + 2 > k->size) {
			(void)snprintf(why, CONF_WHY, "longer than %zu bytes", k->size - 1);
			return false;
		}
		used +=
		    (size_t)snprintf(out + used, k->size - used, "%s%s", n > 0 ? "," : "", text);
		p += strcspn(p, ",");
		if (*p++ == '\0')
			return true;
	}
}

static bool
set_cidrs(const struct conf_key *k, struct conf *c, const char *value, char why[CONF_WHY])
{
	struct cidr_list list;

	if (!cidr_list_parse(&list, value, why, CONF_WHY))
		return false;
	memcpy(conf_field(c, k), &list, sizeof(list));
	return true;
}

bool
conf_set(struct conf *c, const struct conf_key *k, const char *value,
    const char *(*url_wrong)(const char *), char why[CONF_WHY])
{
	size_t len = strlen(value);

	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)value[i] >= 0x20 && value[i] != 0x7f)
			continue;
		if (value[i] == '\r' && i == len - 1)
			(void)snprintf(
			    why, CONF_WHY, "ends with a carriage return (Windows line ends?)");
		else
			(void)snprintf(why, CONF_WHY, "holds a control character");
		return false;
	}
	memset(conf_field(c, k), 0, k->size);
	switch (k->type) {
	case KEY_INT:
		return set_number(k, c, value, why);
	case KEY_BOOL:
		return set_bool(k, c, value, why);
	case KEY_CHOICE:
		return set_choice(k, c, value, why);
	case KEY_URL:
		return set_url(k, c, value, url_wrong, why);
	case KEY_BIND:
	case KEY_BINDS:
		return set_binds(k, c, value, why);
	case KEY_CIDRS:
		return set_cidrs(k, c, value, why);
	case KEY_SOCKET:
		return set_socket(k, c, value, why);
	case KEY_PATH:
	case KEY_ASCII:
		break;
	}
	return set_text(k, c, value, why);
}

void
conf_set_fallbacks(struct conf *c)
{
	char why[CONF_WHY];

	memset(c, 0, sizeof(*c));
	for (size_t i = 0; i < conf_nkeys; i++)
		if (conf_keys[i].fallback != NULL &&
		    !conf_set(c, &conf_keys[i], conf_keys[i].fallback, NULL, why))
			abort(); /* the table contradicts itself */
}

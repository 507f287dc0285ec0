/*
 * What the parts of the configuration share: conf_keys.c (the table), conf_set.c (a value as text),
 * conf_load.c (file and environment), conf_print.c (what is in force).
 */
#ifndef COMMON_CONF_IMPL_H
#define COMMON_CONF_IMPL_H

#include "common/conf.h"

#define CONF_WHY 256	 /* what is wrong with a value */
#define CONF_MAX_KEYS 64 /* room for their lines */

enum conf_type {
	KEY_INT,
	KEY_BOOL,
	KEY_CHOICE,
	KEY_PATH,   /* any text without control bytes */
	KEY_SOCKET, /* an absolute path that fits into an address, with room for ".new" behind it */
	KEY_ASCII,  /* goes into tables and lines: printable ASCII */
	KEY_URL,
	KEY_BIND,
	KEY_BINDS,
	KEY_CIDRS,
};

struct conf_key {
	const char *name;
	enum conf_type type;
	size_t offset, size;  /* of its member in struct conf */
	const char *fallback; /* as in a file; NULL: see `computed` */
	const char *computed; /* a fallback that is not a value, in words */
	int min, max;
	const char *range;
	const char *const *choices; /* by the number of the enum, then NULL */
	enum conf_apply apply;
	bool secret;
	const char *help;
};

extern const struct conf_key conf_keys[];
extern const size_t conf_nkeys;

static inline void *
conf_field(struct conf *c, const struct conf_key *k)
{
	return (char *)c + k->offset;
}

static inline const void *
conf_const_field(const struct conf *c, const struct conf_key *k)
{
	return (const char *)c + k->offset;
}

/* Every key's fallback; what depends on the machine stays zero. */
void conf_set_fallbacks(struct conf *);

/*
 * Sets a key from text. `url_wrong` as in struct conf_source. False with what is wrong, without the
 * key's name, and without the value if it is secret.
 */
bool conf_set(struct conf *, const struct conf_key *, const char *value,
    const char *(*url_wrong)(const char *), char why[CONF_WHY]) __attribute__((warn_unused_result));

#endif

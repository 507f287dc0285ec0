/*
 * What conf_load.c needs of the key table in conf.c; for nobody else.
 */
#ifndef COMMON_CONF_SET_H
#define COMMON_CONF_SET_H

#include "common/conf.h"

#define CONF_WHY 256 /* what is wrong with a value */

/* Every key's fallback; what depends on the machine stays zero. */
void conf_set_fallbacks(struct conf *);

/*
 * Sets the key that conf_key_at() shows at this place. False with what is wrong, without the
 * key's name, and without the value if it is secret.
 */
bool conf_set(struct conf *, size_t key, const char *value, char why[CONF_WHY])
    __attribute__((warn_unused_result));

#endif

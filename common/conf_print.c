/* What is in force, as text; and what a reload must leave as it is. */
#include "common/conf_impl.h"

#include <string.h>

static void
dump_value(const struct conf *c, const struct conf_key *k, FILE *f)
{
	const void *p = conf_const_field(c, k);
	int i;

	switch (k->type) {
	case KEY_INT:
		memcpy(&i, p, sizeof(i));
		(void)fprintf(f, "%d", i);
		break;
	case KEY_CHOICE:
		memcpy(&i, p, sizeof(i));
		(void)fputs(k->choices[i], f);
		break;
	case KEY_BOOL:
		(void)fputs(*(const bool *)p ? "true" : "false", f);
		break;
	case KEY_CIDRS:
		(void)fputs(((const struct cidr_list *)p)->text, f);
		break;
	case KEY_PATH:
	case KEY_SOCKET:
	case KEY_ASCII:
	case KEY_URL:
	case KEY_BIND:
	case KEY_BINDS:
		/* The stars don't tell the length. */
		(void)fputs(k->secret && *(const char *)p != '\0' ? "********" : p, f);
		break;
	}
}

void
conf_dump(const struct conf *c, FILE *f)
{
	for (size_t i = 0; i < conf_nkeys; i++) {
		(void)fprintf(f, "%s=", conf_keys[i].name);
		dump_value(c, &conf_keys[i], f);
		(void)fputc('\n', f);
	}
}

void
conf_keep_restart_keys(
    struct conf *to, const struct conf *running, void (*changed)(const char *name))
{
	for (size_t i = 0; i < conf_nkeys; i++) {
		const struct conf_key *k = &conf_keys[i];

		/* Fields are zeroed before they are set, so that bytes compare as values do. */
		if (k->apply != CONF_RESTART ||
		    memcmp(conf_field(to, k), conf_const_field(running, k), k->size) == 0)
			continue;
		changed(k->name);
		memcpy(conf_field(to, k), conf_const_field(running, k), k->size);
	}
}

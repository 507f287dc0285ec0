/*
 * For t/lint/conf-keys. Without an argument: one line a configuration key, with tabs between name,
 * fallback, "value" or "words" (a fallback that is not a value), range, and "reload" or "restart".
 * With a file: loads it as the configuration, and says what is wrong with it.
 */
#include <stdio.h>

#include "common/conf.h"
#include "pg/url.h"

int
main(int argc, char **argv)
{
	static struct conf conf;
	struct conf_key_info key;
	char err[CONF_ERR];

	if (argc > 1) {
		if (conf_load(&conf,
			&(struct conf_source){.file = argv[1], .url_wrong = pg_url_wrong}, err))
			return 0;
		(void)fprintf(stderr, "%s\n", err);
		return 1;
	}
	for (size_t i = 0; conf_key_at(i, &key); i++)
		(void)printf("%s\t%s\t%s\t%s\t%s\n", key.name, key.fallback,
		    key.computed ? "words" : "value", key.range,
		    key.apply == CONF_RESTART ? "restart" : "reload");
	return 0;
}

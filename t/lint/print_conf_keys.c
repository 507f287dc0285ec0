/*
 * For t/lint/conf-keys. Without an argument: one line a configuration key, "NAME=fallback", or
 * "NAME=" where the fallback is no value. With a file: loads it as the configuration, and says
 * what is wrong with it.
 */
#include <stdio.h>

#include "common/conf.h"

int
main(int argc, char **argv)
{
	static struct conf conf;
	struct conf_key_info key;
	char err[CONF_ERR];

	if (argc > 1) {
		if (conf_load(&conf, argv[1], false, NULL, err))
			return 0;
		(void)fprintf(stderr, "%s\n", err);
		return 1;
	}
	for (size_t i = 0; conf_key_at(i, &key); i++)
		(void)printf("%s=%s\n", key.name, key.computed ? "" : key.fallback);
	return 0;
}

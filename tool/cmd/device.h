/* The parts of tgctl device. */
#ifndef TOOL_CMD_DEVICE_H
#define TOOL_CMD_DEVICE_H

#include "pg/array.h"
#include "tool/options.h"

struct pg_session;

struct device_args {
	struct options opts;
	const char *name, *model;
	char *new_imei;
	bool disabled, enabled, exist_ok, online, dry_run;
	long long limit;
	char **imeis; /* the arguments behind the sub-command */
	int nimeis;
};

/* Each returns an exit status. device_edit.c: */
int device_set(struct pg_session *, const struct device_args *);
int device_remove(struct pg_session *, const struct device_args *, struct pg_array *imeis);

/* device_import.c: reads the file first, and connects only if all of it is right. */
int device_import(const struct device_args *);

#endif

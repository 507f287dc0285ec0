/* tgctl device set and remove. */
#include "tool/cmd/device.h"

#include <stdio.h>
#include <string.h>

#include "tool/database.h"
#include "tool/out.h"
#include "tool/tool.h"

int
device_set(struct pg_session *db, const struct device_args *a)
{
	struct pg_params params = {0};
	struct pg_result *res;
	int status = TOOL_OK;

	pg_param_text(&params, a->imeis[0]);
	pg_param_text(&params, a->new_imei);
	pg_param_text(&params, a->name);
	pg_param_text(&params, a->model);
	pg_param_text(&params, a->enabled ? "t" : a->disabled ? "f" : NULL);
	res = database_query(db, "changing the device", "device_set", &params);
	if (res == NULL)
		return TOOL_FAILED;
	if (pg_rows(res) == 0) {
		fprintf(
		    stderr, "tgctl: %s is not registered; see \"tgctl device add\"\n", a->imeis[0]);
		status = TOOL_FAILED;
	} else {
		out_rows(res, a->opts.json);
	}
	pg_result_free(res);
	return status;
}

int
device_remove(struct pg_session *db, const struct device_args *a, struct pg_array *imeis)
{
	struct pg_params params = {0};
	struct pg_result *missing, *res = NULL;
	int status = TOOL_FAILED;

	pg_param_array(&params, imeis);
	missing = database_query(db, "looking for the devices", "device_missing", &params);
	for (int i = 0; missing != NULL && i < pg_rows(missing); i++)
		fprintf(stderr, "tgctl: %s is not registered\n", pg_text(missing, i, 0));
	if (missing != NULL && pg_rows(missing) > 0)
		fprintf(stderr, "tgctl: nothing was removed\n");
	else if (missing != NULL)
		res = database_query(db, "removing devices", "device_remove", &params);
	if (res != NULL) {
		out_rows(res, a->opts.json);
		status = TOOL_OK;
	}
	pg_result_free(missing);
	pg_result_free(res);
	return status;
}

/* tgctl device: the inventory (table devices). */
#include "tool/cmd/cmd.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "tool/cmd/device.h"
#include "tool/database.h"
#include "tool/options.h"
#include "tool/out.h"

static const char help[] =
    "Usage: tgctl device add IMEI... [--name TEXT] [--model TEXT] [--disabled]\n"
    "                    [--exist-ok]\n"
    "       tgctl device list [--online] [--disabled] [--limit N]\n"
    "       tgctl device show IMEI\n"
    "       tgctl device set IMEI [--imei IMEI] [--name TEXT] [--model TEXT]\n"
    "                    [--enabled | --disabled]\n"
    "       tgctl device enable IMEI...\n"
    "       tgctl device disable IMEI...\n"
    "       tgctl device remove IMEI...\n"
    "       tgctl device import FILE [--dry-run]\n"
    "\n"
    "The inventory of trackers. Changes reach a running gateway within a second,\n"
    "without a restart; disabling a device closes its connection. Blanks around an\n"
    "IMEI are cut off.\n"
    "\n"
    "  add      registers devices; an IMEI of - reads IMEIs from standard input, one\n"
    "           per line. Nothing is added if one of them is already registered,\n"
    "           unless --exist-ok is given: then those are left as they are.\n"
    "  list     lists devices by IMEI, with what their trackers last said\n"
    "  show     says all about one device: whether the gateway accepts it, whether it\n"
    "           is connected and since when, its last record and fix, its frames in\n"
    "           quarantine, its refusals\n"
    "  set      changes one; --imei when its tracker was exchanged, or the number was\n"
    "           mistyped: its history stays with it\n"
    "  enable   has the gateway accept devices\n"
    "  disable  has the gateway refuse them from now on\n"
    "  remove   takes devices out of the inventory; their history stays in the tables\n"
    "  import   adds and changes the devices of a file (- is standard input), all of\n"
    "           them or, if a line is wrong, none: comma-separated values, or with\n"
    "           semicolons or tabs; the first line names the columns (imei, name,\n"
    "           model, enabled; others are left out), else they stand in this order.\n"
    "           An empty field changes nothing.\n"
    "\n"
    "Options:\n"
    "  -c, --config FILE  configuration file\n"
    "      --name TEXT    name of the device (one IMEI only; set: \"\" for none)\n"
    "      --model TEXT   device_model, as in the table device_models\n"
    "      --imei IMEI    set: its new IMEI\n"
    "      --enabled, --disabled\n"
    "                     set: accept it, or not; add: don't accept it yet; list: only\n"
    "                     disabled ones\n"
    "      --exist-ok     add: leave alone what is already registered\n"
    "      --online       list: only those that are connected now\n"
    "      --limit N      list: at most N (default 100; 0 for all)\n"
    "      --dry-run      import: say what would be done; change nothing\n"
    "      --json         print JSON: an array of objects; show: one object; import:\n"
    "                     added, updated, unchanged (numbers), dry_run\n"
    "  -h, --help         this text\n"
    "\n"
    "Exit status: 0 done, 1 failed (no such device, already registered, no database, a\n"
    "wrong line in the file), 2 wrong arguments or configuration.\n";

/* Adds the IMEIs of standard input, one per line. */
static bool
read_imeis(struct pg_array *imeis)
{
	char line[256];

	while (fgets(line, sizeof(line), stdin) != NULL) {
		size_t blanks = strspn(line, OPTIONS_BLANKS);

		if (line[blanks] == '\0' || line[blanks] == '#')
			continue;
		if (!options_imei("device", line))
			return false;
		pg_array_text(imeis, line, strlen(line));
	}
	return true;
}

/* All IMEIs of the command line; false after complaining. The caller frees the array. */
static bool
take_imeis(struct pg_array *imeis, const struct device_args *a)
{
	for (int i = 0; i < a->nimeis; i++) {
		char *imei = a->imeis[i];

		if (strcmp(imei, "-") == 0) {
			if (!read_imeis(imeis))
				return false;
		} else if (options_imei("device", imei)) {
			pg_array_text(imeis, imei, strlen(imei));
		} else {
			return false;
		}
	}
	if (imeis->n == 0)
		options_usage("device", "an IMEI is needed");
	return imeis->n > 0;
}

/* Says which of the IMEIs are registered; returns how many. */
static int
print_existing(struct pg_session *db, struct pg_array *imeis)
{
	struct pg_params params = {0};
	struct pg_result *res;
	int n = 0;

	pg_param_array(&params, imeis);
	res = database_query(db, "looking for the devices", "device_existing", &params);
	if (res != NULL)
		n = pg_rows(res);
	for (int i = 0; i < n; i++)
		fprintf(stderr, "tgctl: %s is already registered (id %s, %s)\n", pg_text(res, i, 0),
		    pg_text(res, i, 1), pg_bool(res, i, 2) ? "enabled" : "disabled");
	pg_result_free(res);
	return n;
}

static int
device_add(struct pg_session *db, const struct device_args *a, struct pg_array *imeis)
{
	struct pg_params params = {0};
	struct pg_result *res;

	if (a->name != NULL && imeis->n > 1)
		return options_usage("device", "--name is for one device");
	if (!a->exist_ok && print_existing(db, imeis) > 0) {
		fprintf(stderr, "tgctl: nothing was added\n");
		return TOOL_FAILED;
	}
	pg_param_array(&params, imeis);
	pg_param_text(&params, a->name);
	pg_param_text(&params, a->model);
	pg_param_text(&params, a->disabled ? "f" : "t");
	res = database_query(db, "adding devices", "device_add", &params);
	if (res == NULL)
		return TOOL_FAILED;
	out_rows(res, a->opts.json);
	pg_result_free(res);
	return TOOL_OK;
}

static int
device_enable(
    struct pg_session *db, const struct device_args *a, struct pg_array *imeis, bool enable)
{
	struct pg_params change = {0}, which = {0};
	struct pg_result *res, *missing = NULL;
	int status = TOOL_FAILED;

	pg_param_array(&change, imeis);
	pg_param_text(&change, enable ? "t" : "f");
	pg_param_array(&which, imeis);
	res = database_query(db, "changing devices", "device_enable", &change);
	if (res != NULL)
		missing = database_query(db, "looking for the devices", "device_missing", &which);
	if (missing != NULL) {
		out_rows(res, a->opts.json);
		for (int i = 0; i < pg_rows(missing); i++)
			fprintf(stderr, "tgctl: %s is not registered; see \"tgctl device add\"\n",
			    pg_text(missing, i, 0));
		status = pg_rows(missing) == 0 ? TOOL_OK : TOOL_FAILED;
	}
	pg_result_free(missing);
	pg_result_free(res);
	return status;
}

static int
device_list(struct pg_session *db, const struct device_args *a)
{
	struct pg_params params = {0};
	struct pg_result *res;

	pg_param_int(&params, a->limit);
	pg_param_text(&params, a->disabled ? "t" : "f");
	pg_param_text(&params, a->online ? "t" : "f");
	res = database_query(db, "listing devices", "device_list", &params);
	if (res == NULL)
		return TOOL_FAILED;
	out_rows(res, a->opts.json);
	out_list_notes(
	    res, a->opts.json, a->limit, "no devices; see \"tgctl device add\"", "first");
	pg_result_free(res);
	return TOOL_OK;
}

/* A device that is not registered: perhaps it has tried. */
static void
explain_unknown(struct pg_session *db, const char *imei)
{
	struct pg_params params = {0};
	struct pg_result *res;

	pg_param_text(&params, imei);
	res = database_query(db, "looking for refusals", "device_refusals", &params);
	fprintf(stderr, "tgctl: %s is not registered", imei);
	if (res != NULL && pg_rows(res) > 0)
		fprintf(stderr, "; the gateway refused it %s times, last at %s from %s",
		    pg_field(res, "attempts"), pg_field(res, "last_seen_at"),
		    pg_field(res, "last_addr"));
	fprintf(stderr, "; to accept it: tgctl device add %s\n", imei);
	pg_result_free(res);
}

/* The device's row, and what its newest record says in words. */
static void
print_device(const struct pg_result *res, const struct pg_result *io, bool json)
{
	json_t *o;

	if (json) {
		o = out_row_json(res, 0);
		json_object_set_new(o, "elements", out_rows_json(io, NULL));
		out_json(o);
		return;
	}
	out_row(res, 0, false);
	if (pg_rows(io) > 0) {
		putchar('\n');
		out_rows(io, false);
	}
}

static int
device_show(struct pg_session *db, const struct device_args *a)
{
	struct pg_params params = {0};
	struct pg_result *res, *io = NULL;
	int status = TOOL_FAILED;

	pg_param_text(&params, a->imeis[0]);
	res = database_query(db, "looking for the device", "device_show", &params);
	if (res != NULL && pg_rows(res) > 0) {
		io = database_query(db, "reading its elements", "device_io", &params);
		if (io != NULL) {
			print_device(res, io, a->opts.json);
			status = TOOL_OK;
		}
	} else if (res != NULL) {
		explain_unknown(db, a->imeis[0]);
	}
	pg_result_free(io);
	pg_result_free(res);
	return status;
}

/* Checks the arguments before it connects, so that a wrong one is told without a database. */
static int
run(const char *sub, const struct device_args *a)
{
	bool list = strcmp(sub, "list") == 0, show = strcmp(sub, "show") == 0,
	     set = strcmp(sub, "set") == 0;
	struct pg_session *db = NULL;
	struct pg_array imeis;
	int status = TOOL_USAGE;

	if (list && a->nimeis > 0)
		return options_usage("device", "unexpected argument \"%s\"", a->imeis[0]);
	if (strcmp(sub, "import") == 0)
		return a->nimeis == 1 ? device_import(a)
				      : options_usage("device", "import takes one file");
	if ((show || set) && a->nimeis != 1)
		return options_usage("device", "%s takes one IMEI", sub);
	if ((show || set) && !options_imei("device", a->imeis[0]))
		return TOOL_USAGE;
	if (set && a->name == NULL && a->model == NULL && a->new_imei == NULL && !a->enabled &&
	    !a->disabled)
		return options_usage("device", "set what?");
	if (a->new_imei != NULL && !options_imei("device", a->new_imei))
		return TOOL_USAGE;
	pg_array_init(&imeis, PG_TEXT);
	if (list || show || set || take_imeis(&imeis, a))
		db = database_open_configured(&a->opts, &status);
	if (db == NULL)
		; /* it has said why */
	else if (list)
		status = device_list(db, a);
	else if (show)
		status = device_show(db, a);
	else if (set)
		status = device_set(db, a);
	else if (strcmp(sub, "add") == 0)
		status = device_add(db, a, &imeis);
	else if (strcmp(sub, "remove") == 0)
		status = device_remove(db, a, &imeis);
	else
		status = device_enable(db, a, &imeis, strcmp(sub, "enable") == 0);
	pg_session_close(db);
	pg_array_free(&imeis);
	return status;
}

int
cmd_device(int argc, char **argv)
{
	enum {
		OPT_NAME = OPT_FIRST,
		OPT_MODEL,
		OPT_IMEI,
		OPT_ENABLED,
		OPT_DISABLED,
		OPT_EXIST_OK,
		OPT_ONLINE,
		OPT_LIMIT,
		OPT_DRY_RUN
	};
	static const struct option longs[] = {OPTIONS_LONG,
	    {"name", required_argument, NULL, OPT_NAME},
	    {"model", required_argument, NULL, OPT_MODEL},
	    {"imei", required_argument, NULL, OPT_IMEI},
	    {"enabled", no_argument, NULL, OPT_ENABLED},
	    {"disabled", no_argument, NULL, OPT_DISABLED},
	    {"dry-run", no_argument, NULL, OPT_DRY_RUN},
	    {"exist-ok", no_argument, NULL, OPT_EXIST_OK},
	    {"online", no_argument, NULL, OPT_ONLINE},
	    {"limit", required_argument, NULL, OPT_LIMIT}, OPTIONS_END};
	static const char *const subs[] = {
	    "add", "list", "show", "set", "enable", "disable", "remove", "import"};
	struct device_args a = {.limit = 100};
	int c, status;

	options_start(&a.opts);
	while ((c = options_next(argc, argv, OPTIONS_SHORT, longs, help, &a.opts, &status)) != -1) {
		if (c == -2)
			return status;
		if (c == OPT_NAME)
			a.name = optarg;
		else if (c == OPT_MODEL)
			a.model = optarg;
		else if (c == OPT_IMEI)
			a.new_imei = optarg;
		else if (c == OPT_ENABLED)
			a.enabled = true;
		else if (c == OPT_DRY_RUN)
			a.dry_run = true;
		else if (c == OPT_DISABLED)
			a.disabled = true;
		else if (c == OPT_EXIST_OK)
			a.exist_ok = true;
		else if (c == OPT_ONLINE)
			a.online = true;
		else if (!options_number(optarg, 0, 1000000000, &a.limit))
			return options_usage(
			    "device", "--limit takes a number, not \"%s\"", optarg);
	}
	if (optind >= argc)
		return options_usage(
		    "device", "add, list, show, set, enable, disable, remove or import?");
	a.imeis = argv + optind + 1;
	a.nimeis = argc - optind - 1;
	for (size_t i = 0; i < sizeof(subs) / sizeof(subs[0]); i++)
		if (strcmp(argv[optind], subs[i]) == 0)
			return run(subs[i], &a);
	return options_usage("device", "there is no \"device %s\"", argv[optind]);
}

#include "tool/sim/answer.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define UNKNOWN "Unknown command or invalid format"
#define DIGOUTS 4

struct text {
	char *at;
	size_t len;
};

static void __attribute__((format(printf, 2, 3))) put(struct text *t, const char *format, ...)
{
	size_t room = SIM_ANSWER_MAX - t->len;
	char piece[SIM_ANSWER_MAX + 1];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(piece, sizeof(piece), format, args);
	va_end(args);
	if (n < 0)
		return;
	if ((size_t)n < room)
		room = (size_t)n;
	memcpy(t->at + t->len, piece, room);
	t->len += room;
}

/* The date and time as trackers print them: without zeroes in front. */
static void
put_time(struct text *t, int64_t ms, const char *between)
{
	time_t seconds = (time_t)(ms / 1000);
	struct tm tm = {0};

	gmtime_r(&seconds, &tm);
	put(t, "%d/%d/%d%s%d:%d", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, between, tm.tm_hour,
	    tm.tm_min);
}

static void
getinfo(struct text *t, const struct sim_answer_facts *f, const char *argument)
{
	(void)argument;
	put(t, "INI:");
	put_time(t, f->now_ms - f->uptime_ms, " ");
	put(t, " RTC:");
	put_time(t, f->now_ms, " ");
	put(t,
	    " RST:2 ERR:1 SR:0 BR:0 CF:0 FG:0 FL:0 TU:0/0 UT:0 SMS:0 NOGPS:0:30 GPS:%d SAT:%d RS:3 "
	    "RF:65 SF:1 MD:0",
	    !f->road->blind, f->road->blind ? 0 : f->road->satellites);
}

static void
getver(struct text *t, const struct sim_answer_facts *f, const char *argument)
{
	(void)argument;
	put(t, "Ver:03.18.14_04 GPS:AXN_5.10_3333 Hw:FMB120 Mod:15 IMEI:%015" PRIu64 " Init:",
	    f->imei);
	put_time(t, f->now_ms - f->uptime_ms, " ");
	put(t, " Uptime:%" PRId64 " MAC:60BDD0%06" PRIX64 " SPC:1(0) AXL:0 OBD:0 BL:1.6 BT:4",
	    f->uptime_ms / 1000, f->imei & 0xffffff);
}

static void
getstatus(struct text *t, const struct sim_answer_facts *f, const char *argument)
{
	(void)argument;
	put(t,
	    "Data Link: 1 GPRS: 1 Phone: 0 SIM: 0 OP: 24602 Signal: %d NewSMS: 0 Roaming: 0 "
	    "SMSFull: 0 LAC: 1 Cell ID: %d NetType: 1 FwUpd:-4",
	    f->road->gsm, (int)(f->imei % 1000));
}

static void
getgps(struct text *t, const struct sim_answer_facts *f, const char *argument)
{
	const struct sim_road *r = f->road;

	(void)argument;
	put(t, "GPS:%d Sat:%d Lat:%.6f Long:%.6f Alt:%d Speed:%d Dir:%d Date: ", !r->blind,
	    r->blind ? 0 : r->satellites, r->seen_latitude / 1e7, r->seen_longitude / 1e7,
	    (int)r->altitude, (int)(r->speed * 3.6 + 0.5), (int)r->heading);
	put_time(t, f->now_ms, " Time: ");
	put(t, ":%d", (int)(f->now_ms / 1000 % 60));
}

static void
getio(struct text *t, const struct sim_answer_facts *f, const char *argument)
{
	(void)argument;
	put(t, "DI1:%d DI2:0 DI3:0 AIN1:0 AIN2:16924 DO1:0 DO2:1", f->road->phase != SIM_PARKED);
}

/* A number alone, of up to 5 digits. */
static bool
is_parameter(const char *p, size_t n)
{
	return n > 0 && n <= 5 && strspn(p, "0123456789") >= n;
}

static void
getparam(struct text *t, const struct sim_answer_facts *f, const char *argument)
{
	(void)f;
	if (!is_parameter(argument, strlen(argument)))
		put(t, UNKNOWN);
	else
		put(t, "Param ID:%s Val:%s", argument,
		    strcmp(argument, "2001") == 0   ? "internet"
		    : strcmp(argument, "2005") == 0 ? "5027"
						    : "0");
}

static void
setparam(struct text *t, const struct sim_answer_facts *f, const char *argument)
{
	size_t id = strcspn(argument, ":");

	(void)f;
	if (!is_parameter(argument, id) || argument[id] == '\0')
		put(t, UNKNOWN);
	else
		put(t, "Param ID:%.*s New Val:%s", (int)id, argument, argument + id + 1);
}

/* A digit an output: 0, 1, or ? for one that stays; times behind them are not looked at. */
static void
setdigout(struct text *t, const struct sim_answer_facts *f, const char *argument)
{
	size_t n = strspn(argument, "01?");

	(void)f;
	if (n == 0 || n > DIGOUTS || (argument[n] != '\0' && argument[n] != ' ')) {
		put(t, UNKNOWN);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		const char *before = i > 0 ? " " : "";

		if (argument[i] == '?')
			put(t, "%sDOUT%zu:Ignored", before, i + 1);
		else
			put(t, "%sDOUT%zu:%c Timeout:INFINITY", before, i + 1, argument[i]);
	}
}

static void
cpureset(struct text *t, const struct sim_answer_facts *f, const char *argument)
{
	(void)f;
	(void)argument;
	put(t, "CPU reset");
}

static const struct {
	const char *name;
	void (*answer)(struct text *, const struct sim_answer_facts *, const char *argument);
	bool takes_argument;
} known[] = {
    {"getinfo", getinfo, false},
    {"getver", getver, false},
    {"getstatus", getstatus, false},
    {"getgps", getgps, false},
    {"getio", getio, false},
    {"getparam", getparam, true},
    {"setparam", setparam, true},
    {"setdigout", setdigout, true},
    {"cpureset", cpureset, false},
};

size_t
sim_answer_text(
    const struct sim_answer_facts *f, const uint8_t *command, size_t len, char out[SIM_ANSWER_MAX])
{
	struct text text = {.at = out};
	char line[SIM_ANSWER_MAX];

	if (len >= sizeof(line))
		len = sizeof(line) - 1;
	memcpy(line, command, len);
	line[len] = '\0';
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		size_t n = strlen(known[i].name);

		if (strncmp(line, known[i].name, n) != 0 ||
		    line[n] != (known[i].takes_argument ? ' ' : '\0') ||
		    n + (known[i].takes_argument ? 1 : 0) > len || strlen(line) != len)
			continue;
		known[i].answer(&text, f, line + n + known[i].takes_argument);
		return text.len;
	}
	put(&text, UNKNOWN);
	return text.len;
}

/* Inside the judgement of tgctl why: the list of reasons, and who adds to it. Included by why_*.c alone. */
#ifndef TOOL_WHY_IMPL_H
#define TOOL_WHY_IMPL_H

#include "tool/why_causes.h"
#include "tool/why_words.h"

#define WHY_MINUTE INT64_C(60000)
#define WHY_HOUR (60 * WHY_MINUTE)
#define WHY_DAY (24 * WHY_HOUR)

struct why_reasons {
	struct why_reason *out;
	size_t n;
};

/*
 * The next reason; its words follow by why_say() and why_advise(). `code` is copied. Beyond WHY_MAX the
 * last is replaced.
 */
struct why_reason *why_add(struct why_reasons *, const char *code);
void why_say(struct why_reason *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void why_advise(struct why_reason *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The newest arrival of a record, whatever its clock; and of anything but a ping. */
int64_t why_received(const struct why_facts *);
int64_t why_arrived(const struct why_facts *);

/* Does it come at all: why_contact.c. */
void why_not_allowed(const struct why_facts *, struct why_reasons *);
void why_other_imei(const struct why_facts *, struct why_reasons *);
void why_stranger(const struct why_facts *, struct why_reasons *);
void why_closed(const struct why_facts *, struct why_reasons *);
void why_reconnects(const struct why_facts *, struct why_reasons *);
void why_offline_long(const struct why_facts *, struct why_reasons *);
void why_offline_briefly(const struct why_facts *, struct why_reasons *);
void why_connected(const struct why_facts *, struct why_reasons *);
void why_often_closed(const struct why_facts *, struct why_reasons *);

/* What it says: why_content.c. */
void why_poison(const struct why_facts *, struct why_reasons *);
void why_clock(const struct why_facts *, struct why_reasons *);
void why_no_fix(const struct why_facts *, struct why_reasons *);
void why_commands_failed(const struct why_facts *, struct why_reasons *);
void why_commands_wait(const struct why_facts *, struct why_reasons *);

#endif

/* Collects what is known of one device, for the judgement (tool/why_causes.h). */
#ifndef TOOL_WHY_ASK_H
#define TOOL_WHY_ASK_H

#include <stdbool.h>

#include "common/conf.h"
#include "tool/why_facts.h"

struct pg_session;

/* What the running gateway says. */
void why_ask_gateway(const struct conf *, struct why_facts *);

/* What the database says of f->imei. False after saying why not. */
bool why_ask_database(struct pg_session *, const struct conf *, struct why_facts *)
    __attribute__((warn_unused_result));

#endif

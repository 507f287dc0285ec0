/*
 * Lists of networks ("10.0.0.0/8, 2001:db8::/32, 192.0.2.7"): who may connect.
 * Pure: text and addresses in, yes or no out.
 */
#ifndef COMMON_CIDR_H
#define COMMON_CIDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CIDR_MAX 64    /* networks in a list */
#define CIDR_TEXT 3200 /* a list as text, with its NUL: CIDR_MAX of the longest and commas */

struct sockaddr;

struct cidr {
	uint8_t addr[16]; /* network order; an IPv4 network uses the first four */
	uint8_t prefix;	  /* bits */
	bool v6;
};

struct cidr_list {
	struct cidr net[CIDR_MAX];
	size_t n;
	char text[CIDR_TEXT]; /* as written */
};

/*
 * Reads networks and single addresses, with commas and optional blanks between; "" is the
 * empty list. A network whose address has bits beyond its prefix is an error: mostly it is a
 * slip of the pen. False with a message in err, and the list is empty.
 */
bool cidr_list_parse(struct cidr_list *, const char *text, char *err, size_t errlen)
    __attribute__((warn_unused_result));

/*
 * True if the address is in one of the networks, or if the list is empty. An IPv4 address that
 * came over an IPv6 socket (::ffff:192.0.2.7) counts as IPv4. Other families match only the empty
 * list.
 */
bool cidr_list_match(const struct cidr_list *, const struct sockaddr *)
    __attribute__((warn_unused_result));

#endif

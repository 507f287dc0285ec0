/*
 * The header that a balancer puts before a tracker's first byte: the PROXY protocol, versions 1
 * (a line of text) and 2 (binary), after HAProxy's doc/proxy-protocol.txt. Pure: no I/O, no clock,
 * no allocation, no globals.
 *
 * Used as stream_next() is: the caller keeps the bytes, in pieces of any size, and asks again with
 * the same front until the header is whole. Nothing is remembered between calls.
 */
#ifndef WORKER_NET_PROXY_H
#define WORKER_NET_PROXY_H

#include <stddef.h>
#include <stdint.h>

/*
 * No header is longer: 107 bytes is the longest of version 1, of version 2 we take 520 behind the
 * fixed part, which is an address of the largest kind and 304 bytes of TLVs.
 */
#define PROXY_V1_MAX 107
#define PROXY_MAX 536

enum proxy_result {
	PROXY_MORE,    /* incomplete; never with PROXY_MAX bytes */
	PROXY_ADDRESS, /* the peer of the balancer: family, addr, port */
	PROXY_LOCAL,   /* whole, but without an address that is of use: the balancer's own holds */
	PROXY_BAD,     /* no header, one of another version, too long, or not one of TCP */
};

struct proxy_header {
	size_t len;	  /* bytes of the whole header, at the front of the buffer */
	uint8_t family;	  /* PROXY_ADDRESS: AF_INET or AF_INET6 */
	uint8_t addr[16]; /* network order; the first four for AF_INET */
	uint16_t port;
};

/* Looks at the header at the front of p[0..n); what follows it is not looked at. */
enum proxy_result proxy_next(const uint8_t *p, size_t n, struct proxy_header *)
    __attribute__((warn_unused_result));

#endif

/*
 * http_target.h - where a URL leads, cut into what the transport and the signature need.
 *
 * Stricter than libcurl's own reader, so that the two cannot understand one URL differently: no
 * user name, no fragment, no byte outside printable ASCII, a port of 1 to 65535, a host of letters,
 * digits, '-', '.', '_' or an IPv6 literal in brackets.
 */
#ifndef LPG_NET_HTTP_TARGET_H
#define LPG_NET_HTTP_TARGET_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/error.h"

struct http_target {
    bool https;
    bool loopback;     /* localhost, 127.0.0.0/8, [::1] */
    bool metadata;     /* the link-local addresses at which AWS hands out credentials */
    const char *host;  /* as the Host header says it: with the port where that is not the default */
    const char *path;  /* as sent; at least "/" */
    const char *query; /* as sent, without '?'; "" for none */
    struct buf text;   /* what the pointers point into */
};

void http_target_init(struct http_target *t);
void http_target_release(struct http_target *t);
/*
 * Reads a URL; ERROR_USAGE with the reason when it is not one that may be used. Reuses the memory
 * of the last.
 */
int http_target_read(struct http_target *t, const char *url, struct error *e);

#endif

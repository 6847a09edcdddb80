/*
 * reply.h - what an answer of GitHub's REST API says besides its body: why not, when again, where
 * the next page is. Pure functions; rest.c is who acts on them.
 *
 * https://docs.github.com/rest/using-the-rest-api
 */
#ifndef LPG_GITHUB_REPLY_H
#define LPG_GITHUB_REPLY_H

#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "net/http_client.h"

/* The version that requests ask for; github.com and Enterprise Servers speak it. */
#define REPLY_API_VERSION "2022-11-28"

/* Appends GitHub's own reason, safe to print: "Validation Failed; body: is too long". */
void reply_message(const struct http_response *r, struct buf *out);

/*
 * Puts behind the error's text what can be done about an answer with this status and message.
 * `permission` is what a token needs for the call, "pull-requests: write"; may be NULL.
 */
void reply_explain(int status, const char *message, const char *permission, struct error *e);

/*
 * Seconds to wait before another try, by what a refusing answer says: Retry-After, the time at
 * which the limit is renewed, a minute for a secondary limit that names no time (longer with each
 * attempt, from 1). 0: the answer is not about a rate limit.
 */
uint64_t reply_limit_seconds(const struct http_response *r, const char *message, unsigned attempt,
                             uint64_t wall_seconds);

/*
 * The path behind `api_url` of the link whose relation is "next" in a Link header (RFC 8288).
 * Returns 1 and appends it, 0 when there is none, and -1 when it leads somewhere else.
 */
int reply_next_page(const char *link, const char *api_url, struct buf *path);

#endif
